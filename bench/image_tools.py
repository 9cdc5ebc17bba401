# SPDX-License-Identifier: Apache-2.0
"""Looking into a firmware image beside those who do it too, and beside what it is made of: digest and LZMA decoding.

usage: bench/image_tools.py BUILD PEERS

The image is 16 MiB: six of Debian's OVMF files, one behind the other, and FF. Everything in it is decompressed and hashed.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import measure
from measure import Run, figure, median, paired, ratio, version

BUILD, PEERS = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
HALLMARK = BUILD / "cmd/hallmark"
OVMF = Path("/usr/share/OVMF")
PARTS = ["OVMF_CODE_4M.fd", "OVMF_CODE.fd", "OVMF_CODE_4M.secboot.fd", "OVMF_VARS.fd", "OVMF_VARS_4M.fd", "OVMF_VARS_4M.ms.fd"]
SIZE = 16 << 20
BOMBS = Path(__file__).resolve().parents[1] / "tests/data/image"


def streams(image):
    """Offsets and sizes of the LZMA streams in the file, for the bare decoder."""
    shown = json.loads(subprocess.run([HALLMARK, "image", "show", "--json", image], capture_output=True, check=True).stdout)
    found = []
    for node in shown["files"][0]["nodes"]:
        facts = {name: value for fact in node["facts"] for name, value in fact.items()}
        if node["kind"] == "section" and node["space"] == 0 and facts.get("compression") == "LZMA":
            found += [node["offset"] + 24, node["size"] - 24]  # behind the section's header
    return found


def against(name, image, peer, peer_name, goal, good):
    ours, theirs = paired(lambda: Run([HALLMARK, "image", "show", image]), peer)
    value = ratio(ours, theirs, "cpu")
    figure(f"image show, 16 MiB of OVMF, CPU / {name}", value, "x", goal, good(value) if good else None, peer_name)
    return ours


def bench_show(work):
    image = work / "image"
    image.write_bytes(b"".join((OVMF / part).read_bytes() for part in PARTS).ljust(SIZE, b"\xff"))
    ours = against("sha256sum", image, lambda: Run(["sha256sum", image]), version("sha256sum", "--version"), "<= 8", lambda v: v <= 8)
    figure("image show, 16 MiB of OVMF, CPU", median(ours, "cpu") * 1e3, "ms", "-", None, "-")
    figure("image show, 16 MiB of OVMF, memory", median(ours, "rss"), "MiB", "-", None, "-")
    found = streams(image)
    against("liblzma alone", image, lambda: Run([BUILD / "bench/peer_lzma", image, *found]), "liblzma", "<= 1.3", lambda v: v <= 1.3)
    parser = PEERS / "venv/bin/uefi-firmware-parser"
    if parser.exists():
        against("uefi-firmware-parser", image, lambda: Run([PEERS / "venv/bin/python3", parser, "-b", image]), "uefi-firmware 1.16", "-", None)
    extract = os.environ.get("HALLMARK_UEFIEXTRACT") or shutil.which("UEFIExtract")
    if extract:
        def peer():
            (work / "image.report.txt").unlink(missing_ok=True)
            return Run([extract, image, "report"])

        against("UEFIExtract", image, peer, "UEFIExtract A62, report", "-", None)
    else:
        print("skipped: UEFIExtract is not installed (uefitool-cli)")


class Partial(Run):
    """An image that is not read to its end: exit status 3."""

    def __init__(self, image):
        super().__init__(["sh", "-c", '"$0" image show "$1"; [ $? = 3 ]', HALLMARK, image])


def bench_bombs():
    for bomb in sorted(BOMBS.iterdir()):
        runs = [Partial(bomb) for _ in range(measure.ROUNDS)]
        cpu, rss = median(runs, "cpu"), max(run.rss for run in runs)
        figure(f"{bomb.name}, CPU", cpu, "s", "<= 1", cpu <= 1, "-")
        figure(f"{bomb.name}, memory", rss, "MiB", "<= 256", rss <= 256, "-")


def main():
    if not all((OVMF / part).exists() for part in PARTS):
        print("skipped: image show: ovmf is not installed")
    else:
        with tempfile.TemporaryDirectory() as work:
            bench_show(Path(work))
    bench_bombs()


if __name__ == "__main__":
    main()
