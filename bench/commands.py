# SPDX-License-Identifier: Apache-2.0
"""Whole commands beside their peers, in turn, in one run: medians and ratios.

usage: bench/commands.py BUILD PEERS     (tools/bench prepares both; PEERS holds a venv with python-tuf)

One line a figure: name, value, unit, goal, peer and version, "met" or "not met". CPU is user + system of the whole process
as the kernel accounts it; memory is its peak resident set.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lib"))
BUILD, PEERS = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
os.environ["HALLMARK"] = str(BUILD / "cmd" / "hallmark")
import server as httpd  # noqa: E402
import story  # noqa: E402
from measure import QUICK, ROUNDS, Run, figure, median, paired, ratio, version  # noqa: E402

HALLMARK = os.environ["HALLMARK"]
MIB = 1 << 20
IMAGE_SIZE = 64 * MIB if QUICK else 1024 * MIB


def make_site(root, count, image):
    """A site with count targets in one maker's roles, and one big image. Every key is a file: this measures customers."""
    cast = story.Cast(root)
    cast.init_site()
    cast.init_maker("acme", "Acme", keys=1, threshold=1)
    cast.enroll("acme")
    files = root / "files"
    files.mkdir()
    left, number = count, 0
    while left > 0:
        number += 1
        batch = []
        for index in range(min(left, 500)):
            path = files / f"p{number}-{index}.bin"
            path.write_bytes(f"image {number} {index}\n".encode() * 20)
            batch.append(path)
        release(cast, f"product{number}", batch)
        left -= len(batch)
    if image:
        release(cast, "big", [image])
    return cast


def release(cast, product, files):
    submission = cast.submit("acme", product, "1.0", files, signers=(1,))
    story.must("site", "intake", "--dir", cast.site, submission, timeout=300)
    request = cast.request()
    story.must("site", "approve", "--dir", cast.site, "--all", "-o", request)
    cast.attach(request, "release1", "release2")
    story.must("site", "publish", "--dir", cast.site, timeout=300)


def bench_verify(work, cast, image, home):
    openssl = version("openssl", "version")
    ours, peer = paired(lambda: Run([HALLMARK, "verify", image, "--home", home]), lambda: Run(["openssl", "dgst", "-sha256", image]))
    size = f"{image.stat().st_size // MIB} MiB"
    r = ratio(ours, peer, "cpu")
    figure(f"verify {size}, CPU against openssl dgst", r, "x", "<= 1.05", r <= 1.05, openssl)
    m = median(ours, "rss")
    figure(f"verify {size}, peak memory", m, "MiB", "<= 32", m <= 32, f"openssl dgst {median(peer, 'rss'):.1f} MiB")
    small = next((cast.root / "files").iterdir())
    runs = [Run([HALLMARK, "verify", small, "--home", home]) for _ in range(ROUNDS * 3)]
    c = median(runs, "cpu") * 1000
    figure("verify a small file, CPU with process start", c, "ms", "< 10", c < 10, "-")


def bench_get(work, image, url, home):
    def clean():
        shutil.rmtree(work / "got", ignore_errors=True)
        (work / "got").mkdir()

    served = next(iter(sorted((SITE.public / "targets" / "acme" / "big" / "1.0").iterdir())))
    path = served.relative_to(SITE.public)
    out = work / "got" / "peer"
    ours, peer = paired(
        lambda: Run([HALLMARK, "get", f"acme/big/1.0/{image.name}", "-d", work / "got", "--home", home, "--no-progress"]),
        lambda: Run(["sh", "-c", f"curl -s -o {out} {url}{path} && sync {out} && sha256sum {out}"]), before=clean)
    r = ratio(peer, ours, "wall")
    figure(f"get {image.stat().st_size // MIB} MiB, speed against curl+sync+sha256sum", r, "x", ">= 1.5", r >= 1.5, version("curl", "--version")[:30])
    m = median(ours, "rss")
    figure("get, peak memory", m, "MiB", "< 32", m < 32, "-")


PYTHON_TUF = """
import sys
from tuf.ngclient import Updater
root, url, folder = sys.argv[1:]
Updater(folder, url + "metadata/", bootstrap=open(root, "rb").read()).refresh()
"""


def bench_refresh(work, url, count, label):
    """Cold: trust anchor only. Both clients fetch root N+1, timestamp, snapshot, targets; ours through the plumbing, which is the same workflow."""
    root = SITE.public / "metadata" / "1.root.json"
    script = work / "refresh.py"
    script.write_text(PYTHON_TUF)
    python = PEERS / "venv" / "bin" / "python3"
    tuf = subprocess.run([python, "-c", "import tuf; print(tuf.__version__)"], capture_output=True, text=True).stdout.strip()
    folder = work / "metadata"

    def fresh():
        shutil.rmtree(folder, ignore_errors=True)
        story.must("tuf", "--metadata-dir", folder, "init", root)

    names = ["2.root.json", "timestamp.json"]
    timestamp = json.loads((SITE.public / "metadata" / "timestamp.json").read_bytes())["signed"]
    snapshot = timestamp["meta"]["snapshot.json"]["version"]
    targets = json.loads((SITE.public / "metadata" / f"{snapshot}.snapshot.json").read_bytes())["signed"]["meta"]["targets.json"]["version"]
    names += [f"{snapshot}.snapshot.json", f"{targets}.targets.json"]
    ours, peer = paired(lambda: Run([HALLMARK, "tuf", "--metadata-dir", folder, "--metadata-url", f"{url}metadata/", "refresh"]),
                        lambda: Run([python, script, root, url, folder]), before=fresh)
    r = ratio(peer, ours, "cpu")
    figure(f"refresh, {label}: speed (CPU) against python-tuf", r, "x", ">= 20", r >= 20, f"python-tuf {tuf}")
    r = ratio(peer, ours, "wall")
    figure(f"refresh, {label}: speed (wall) against python-tuf", r, "x", ">= 20", r >= 20, f"python-tuf {tuf}")
    m = median(ours, "rss")
    figure(f"refresh, {label}: peak memory", m, "MiB", "<= 16", m <= 16, f"python-tuf {median(peer, 'rss'):.0f} MiB")
    curl = BUILD / "bench" / "peer_curl"
    ours, peer = paired(lambda: Run([HALLMARK, "tuf", "--metadata-dir", folder, "--metadata-url", f"{url}metadata/", "refresh"]),
                        lambda: Run([curl, *[f"{url}metadata/{n}" for n in names]]), rounds=ROUNDS * 3, before=fresh)
    r = ratio(ours, peer, "cpu")
    figure(f"refresh, {label}: CPU against bare libcurl", r, "x", "<= 1.3", r <= 1.3, f"same {len(names)} requests")
    figure(f"refresh, {label}: bare libcurl's peak memory", median(peer, "rss"), "MiB", "-", None, "for scale")


def main():
    global SITE
    work = Path(tempfile.mkdtemp(prefix="hallmark-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        image = work / "image.bin"
        with open(image, "wb") as file:
            for _ in range(IMAGE_SIZE // MIB):
                file.write(os.urandom(MIB))
        for count, with_image in ((1000, True), (10000, False)):
            SITE = make_site(work / f"site{count}", count, image if with_image else None)
            with httpd.Server(SITE.public) as server:
                if with_image:
                    SITE.trust(None, server.url)
                    story.must("list", home=SITE.home)
                    bench_verify(work, SITE, image, SITE.home)
                    bench_get(work, image, server.url, SITE.home)
                bench_refresh(work, server.url, count, f"{count} targets")
    finally:
        shutil.rmtree(work, ignore_errors=True)


SITE = None
main()
