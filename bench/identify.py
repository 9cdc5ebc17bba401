# SPDX-License-Identifier: Apache-2.0
"""hallmark identify on dumps of real firmware, altered in nine ways, beside ssdeep and TLSH.

usage: bench/identify.py BUILD [FOLDER...]     FOLDER: more images; without any, what Debian's ovmf, ipxe-qemu and seabios installed

Each image is known to all; each dump is made from one of them with a printed seed. Right is the image (or one with the same bytes) that is
ranked first. A dump whose own release is known to nobody, and files that are no firmware, must not be named.
"""
import json
import lzma
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

BUILD = Path(sys.argv[1]).resolve()
HALLMARK = BUILD / "cmd" / "hallmark"
from measure import QUICK, Run, figure, median, version  # noqa: E402

SEED = 20261124
PLACES = ["/usr/share/OVMF", "/usr/share/ovmf", "/usr/share/AAVMF", "/usr/share/qemu-efi-aarch64", "/usr/lib/ipxe/qemu", "/usr/share/seabios",
          "/usr/lib/u-boot"]
KINDS = {".fd", ".bin", ".rom"}
LARGE = 300 * 1024
LZMA = uuid.UUID("EE4E5898-3914-4259-9D6E-DC7BD79403CF").bytes_le
UNRELATED = 100 if QUICK else 1000
BATCH = 50


def is_telling(data):
    """Has it 2 KiB that are no fill? A blank variable store, or half of it, is like any other."""
    return sum(64 for at in range(0, len(data) - 63, 64) if len(set(data[at:at + 64])) > 1) >= 2048


def collect(folder, roots):
    """One file for each content; none that is all but fill."""
    seen, images = {}, []
    for root in roots:
        for path in sorted(p for p in Path(root).rglob("*") if p.suffix in KINDS and p.is_file() and not p.is_symlink()):
            data = path.read_bytes()
            if len(data) > 16 << 20 or data in seen or not is_telling(data):
                continue
            seen[data] = folder / f"{len(images):03d}-{path.name}"
            seen[data].write_bytes(data)
            images.append(seen[data])
    return images


def other_variables(data, source):
    """The variable store dirty; images without one: 64 KiB of settings before and behind."""
    at = data.find(b"_FVH")
    if at == 0x28 and data[16:32] == uuid.UUID("FFF12B8D-7696-4C8B-A985-2747075B4F50").bytes_le and len(data) > 0x100000:
        return data[:0x100] + source.randbytes(0x3000) + data[0x3100:]
    return source.randbytes(0x10000) + data + source.randbytes(0x10000)


def flips(data, source, count):
    out = bytearray(data)
    for _ in range(count):
        out[source.randrange(len(out))] ^= 1 << source.randrange(8)
    return bytes(out)


def reorder(data, source):
    cuts = sorted(source.randrange(len(data) // 8) * 8 for _ in range(7))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
    source.shuffle(pieces)
    return b"".join(piece + b"\xff" * source.randrange(8, 512) for piece in pieces)


def packed_section(data):
    """The first LZMA section whose file holds nothing else: offsets of file, section and stream, and the contents."""
    at = data.find(LZMA)
    if at < 0:
        return None
    section, file = at - 4, at - 4 - 24
    stream = section + struct.unpack_from("<H", data, at + 16)[0]
    size = int.from_bytes(data[section:section + 3], "little")
    if int.from_bytes(data[file + 20:file + 23], "little") != size + 24:
        return None
    return file, section, stream, size, lzma.decompress(data[stream:section + size], lzma.FORMAT_ALONE)


def repack(data, change=lambda inner: inner):
    """Its volume compressed by another encoder, with other settings; None where the result has no room."""
    found = packed_section(data)
    if found is None:
        return None
    file, section, stream, size, inner = found
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 24, "lc": 4, "lp": 0, "pb": 1, "mode": lzma.MODE_NORMAL, "nice_len": 273}]
    packed = lzma.compress(change(inner), lzma.FORMAT_ALONE, filters=filters)
    packed = packed[:5] + struct.pack("<Q", len(inner)) + packed[13:]
    grown = stream - section + len(packed)
    if grown > size:
        return None
    head = bytearray(data[file:stream])
    head[20:23] = (grown + 24).to_bytes(3, "little")
    head[24:27] = grown.to_bytes(3, "little")
    head[16] = 0
    head[16] = -(sum(head[:24]) - head[17] - head[23]) & 0xff
    return data[:file] + bytes(head) + packed + b"\xff" * (size - grown) + data[section + size:]


def patch_module(inner, source):
    """16 bytes of one executable changed, far behind its headers."""
    places = [m.start() for m in re.finditer(rb"MZ", inner) if inner[m.start():m.start() + 2] == b"MZ" and inner[m.start() + 0x3c:m.start() + 0x40] != b""]
    good = [p for p in places if (at := p + struct.unpack_from("<I", inner, p + 0x3c)[0]) + 4 < len(inner) and inner[at:at + 4] == b"PE\0\0"]
    at = source.choice(good) + 0x400
    return inner[:at] + bytes(b ^ 0x5a for b in inner[at:at + 16]) + inner[at + 16:]


def alterations(data, source):
    yield "nvram", other_variables(data, source)
    yield "patch20", flips(data, source, 20)
    yield "bitrot", flips(data, source, max(1, len(data) * 8 // 1000000))
    yield "shift512", b"\0" * 512 * source.randrange(1, 64) + data
    yield "shift1", source.randbytes(2 * source.randrange(1, 4096) + 1) + data
    yield "reorder", reorder(data, source)
    yield "trunc", data[len(data) // 2:]
    yield "recomp", repack(data)
    if packed_section(data):
        yield "recomp+patch", repack(data, lambda inner: patch_module(inner, source))


def identify(home, known, paths, *options):
    answers = []
    for start in range(0, len(paths), BATCH):
        run = subprocess.run([HALLMARK, "identify", "--home", home, "--in", known, "--json", "--no-progress", *options, *paths[start:start + BATCH]],
                             capture_output=True, text=True)
        if run.returncode not in (0, 1):
            raise SystemExit(f"bench: identify exited {run.returncode}: {run.stderr[-500:]}")
        answers += json.loads(run.stdout)["files"]
    return answers


def named(answer):
    """The images that it names first: several where nothing tells them apart."""
    if answer["exact"]:
        return {e["local"] for e in answer["exact"]}
    return {r["local"] for r in answer["releases"] if r["as_near"]} if answer["releases"] else set()


def coverage(answer):
    return answer["releases"][0].get("nearness", 0) / 10000 if answer["releases"] else 0


class Peers:
    """The best match by each peer; None where it is not installed."""

    def __init__(self, work, images):
        self.work, self.all = work, {}
        if shutil.which("ssdeep"):
            (work / "ssdeep").write_bytes(subprocess.run(["ssdeep", "-s", *images], capture_output=True).stdout)
            self.all["ssdeep"] = self.ssdeep
        if shutil.which("tlsh_unittest"):
            lines = [subprocess.run(["tlsh_unittest", "-f", image], capture_output=True, text=True).stdout for image in images]
            (work / "tlsh").write_text("".join(line for line in lines if "\t" in line))
            self.all["TLSH"] = self.tlsh

    def ssdeep(self, path):
        out = subprocess.run(["ssdeep", "-s", "-m", self.work / "ssdeep", path], capture_output=True, text=True).stdout
        found = [(int(m.group(2)), m.group(1)) for m in re.finditer(r"ssdeep:(\S+) \((\d+)\)", out)]
        return max(found)[1] if found else None

    def tlsh(self, path):
        out = subprocess.run(["tlsh_unittest", "-c", path, "-l", self.work / "tlsh"], capture_output=True, text=True).stdout
        found = [(int(line.split()[-1]), line.split()[-2]) for line in out.splitlines() if line.split() and line.split()[-1].isdigit()]
        return min(found)[1] if found else None


def recall(work, home, known, images, peers):
    rows, dumps = {}, []
    for number, image in enumerate(images):
        source = random.Random(SEED + number)
        for kind, data in alterations(image.read_bytes(), source):
            if data is not None and is_telling(data):
                path = work / f"dump-{len(dumps)}"
                path.write_bytes(data)
                dumps.append((kind, image, path))
    answers = identify(home, known, [path for _, _, path in dumps])
    claims = [0, 0]
    flagged = [0, 0]
    for (kind, image, path), answer in zip(dumps, answers):
        row = rows.setdefault(kind, {})
        right = str(image) in named(answer)
        large = image.stat().st_size >= LARGE
        for name, good in [("hallmark", right), *((peer, ask(path) == str(image)) for peer, ask in peers.all.items())]:
            counts = row.setdefault(name, [0, 0, 0, 0])
            counts[0] += good
            counts[1] += 1
            counts[2] += good and large
            counts[3] += large
        if coverage(answer) >= 0.9:
            claims[0] += right
            claims[1] += 1
        if kind == "recomp+patch":
            differences = answer["releases"][0]["modules"]["differences"] if answer["releases"] else []
            flagged[0] += right and len(differences) == 1 and differences[0]["change"] == "changed"
            flagged[1] += 1
        if not right:
            print(f"  missed: {kind} of {image.name}: {answer['verdict']}, {sorted(Path(n).name for n in named(answer))[:3]}")
    return rows, claims, flagged


def print_rows(rows, peers):
    print(f"{'':14} {'dumps':>5} {'hallmark':>9} {'>= 300 KiB':>11}" + "".join(f" {peer:>9}" for peer in peers.all))
    total = {}
    for kind, row in rows.items():
        own = row["hallmark"]
        print(f"{kind:14} {own[1]:5} {own[0] / own[1]:9.3f} {own[2] / max(own[3], 1):11.3f}"
              + "".join(f" {row[peer][0] / row[peer][1]:9.3f}" for peer in peers.all))
        for name, counts in row.items():
            total[name] = [a + b for a, b in zip(total.get(name, [0] * 4), counts)]
    return total


def held_out(work, images, source):
    """The release itself is known to nobody: its twins may be near, and none may be it."""
    wrong = 0
    for image in source.sample(images, min(len(images), 4 if QUICK else 12)):
        known = work / f"without-{image.name}"
        known.mkdir()
        for other in images:
            if other != image:
                os.link(other, known / other.name)
        answer = identify(work / "home-held-out", known, [image])[0]
        whole = answer["verdict"] in ("exact", "exact except variable regions") or answer["known"]
        wrong += whole
        if whole:
            print(f"  named: {image.name}: {answer['verdict']}")
    return wrong


def unrelated(home, known, source):
    files = [p for root in ("/usr/bin", "/usr/lib", "/usr/share", "/etc") for p in Path(root).rglob("*")
             if not any(str(p).startswith(place) for place in PLACES) and "firmware" not in str(p) and "/ipxe" not in str(p)]
    files = [p for p in sorted(files) if p.is_file() and not p.is_symlink() and 2048 < p.stat().st_size < 8 << 20 and os.access(p, os.R_OK)]
    chosen = source.sample(files, min(len(files), UNRELATED))
    answers = identify(home, known, chosen)
    told = [(p, a["verdict"]) for p, a in zip(chosen, answers) if a["verdict"] != "unknown"]
    for path, verdict in told:
        print(f"  named: {path}: {verdict}")
    return len(told), len(chosen)


def costs(work, home, known, images):
    """One dump of 16 MiB made of the largest images, with nothing unpacked and with everything, beside sha256sum."""
    big = b"".join(sorted((image.read_bytes() for image in images), key=len)[-6:])[:16 << 20]
    dump = work / "big"
    dump.write_bytes(big.ljust(16 << 20, b"\xff"))
    command = [HALLMARK, "identify", "--home", home, "--in", known, "--quiet", dump]
    runs = {"raw": [], "full": [], "sha256sum": []}
    for number in range(4 if QUICK else 8):
        for name, what in (("raw", [*command, "--raw"]), ("full", command), ("sha256sum", ["sha256sum", dump])):
            run = Run(["sh", "-c", '"$@" || [ $? -eq 1 ]', "sh", *what])
            if number:
                runs[name].append(run)
    peer = median(runs["sha256sum"], "cpu")
    name = version("sha256sum", "--version")
    figure("identify 16 MiB, whole command, nothing unpacked", median(runs["raw"], "cpu") / peer, "x CPU", "<= 0.5", median(runs["raw"], "cpu") <= 0.5 * peer, name)
    figure("identify 16 MiB, whole command, looked into", median(runs["full"], "cpu") / peer, "x CPU", "<= 8", median(runs["full"], "cpu") <= 8 * peer, name)


def main():
    work = Path(tempfile.mkdtemp(prefix="hallmark-bench."))
    try:
        known, home = work / "known", work / "home"
        known.mkdir()
        images = collect(known, sys.argv[2:] or PLACES)
        if not images:
            raise SystemExit("bench: no images: install ovmf, ipxe-qemu, seabios")
        distinct = sum(image.stat().st_size for image in images)
        print(f"identify: seed {SEED}, {len(images)} images, {distinct} bytes")
        peers = Peers(work, images)
        identify(home, known, images[:1])
        index = sum(p.stat().st_size for p in (home / "index").rglob("*.index"))
        figure("index of real images, of their distinct bytes", 100 * index / distinct, "%", "<= 1.5", index <= 0.015 * distinct, "-")
        rows, claims, flagged = recall(work, home, known, images, peers)
        total = print_rows(rows, peers)
        others = ", ".join(f"{peer} {total[peer][0] / total[peer][1]:.3f}" for peer in peers.all)
        own = total["hallmark"]
        whole = {k: r["hallmark"] for k, r in rows.items() if k in ("nvram", "patch20", "bitrot", "shift512", "shift1", "reorder")}
        large = sum(r[2] for r in whole.values()) / max(1, sum(r[3] for r in whole.values()))
        figure("right release first, >= 300 KiB, six alterations", large, "", "1.000", large == 1, "-")
        figure("right release first, all dumps", own[0] / own[1], "", ">= 0.97", own[0] >= 0.97 * own[1], others)
        figure("precision at >= 0.90 coverage", claims[0] / max(1, claims[1]), "", "1.000", claims[0] == claims[1], f"{claims[1]} claims")
        figure("exactly the patched module flagged", flagged[0] / max(1, flagged[1]), "", "1.000", flagged[0] == flagged[1], f"{flagged[1]} dumps")
        wrong = held_out(work, images, random.Random(SEED))
        figure("held-out releases that are named", wrong, "", "0", wrong == 0, "-")
        told, asked = unrelated(home, known, random.Random(SEED))
        figure(f"unrelated files named, of {asked}", told, "", "0", told == 0, "-")
        costs(work, home, known, images)
    finally:
        shutil.rmtree(work, True)


main()
