# SPDX-License-Identifier: Apache-2.0
"""`hallmark monitor` as a command: what a run costs at logs of growing size, and how many snapshots it compares a second.

usage: bench/monitor.py BUILD

Replay: the log is bench/release_log.h's, under a checkpoint of a real site; all of it was compared before, so that a run replays entries
and map out of tiles, as each start of a timer does. Compare: a log of real snapshots, each with one release that maker and vendor sign;
the first look compares all of them, with every signature. The site is on this machine: no network is measured.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lib"))
BUILD = Path(sys.argv[1]).resolve()
os.environ["HALLMARK"] = str(BUILD / "cmd" / "hallmark")
import attacks  # noqa: E402
import log  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402
from measure import QUICK, Run, figure  # noqa: E402

SIZES = (10_000, 100_000) if QUICK else (10_000, 100_000, 1_000_000)
SNAPSHOTS = 60 if QUICK else 240
PRODUCTS = 12  # roles stay below what is divided by product


def monitor(home, *options):
    return Run([story.HALLMARK, "monitor", "--quiet", "--stale", "0", *options, "--home", home])


def world(root):
    cast, _old, _images = attacks.build(root)
    public = tree.Tree(cast.public)
    log.begin(public, "globex", [tree.Key(cast.key(k)) for k in ("root1", "root2")], is_whole=True)
    return cast, public


def replay(root, size):
    cast, public = world(root / "world")
    key, snapshot, first = public.log.key, *public.log.documents()
    shutil.rmtree(public.public / "log")
    shutil.rmtree(public.public / "proofs")
    out = subprocess.run([BUILD / "bench" / "make_log", public.public / "log", root / "records", str(size - size % 16), "globex",
                          f"{first[0]} {log.sha256(first[1]).hex()}", f"{snapshot[0]} {log.sha256(snapshot[1]).hex()} {len(snapshot[1])}"],
                         capture_output=True, text=True, check=True).stdout.split()
    text = log.checkpoint_text(key.name, int(out[0]), bytes.fromhex(out[1]))
    note = text + "\n" + key.line(text)
    (public.public / "log" / "checkpoint").write_text(note)
    home = root / "home"
    home.mkdir()
    # No 'trust add', which demands the proof of the newest entry: the run misses it, too, and bears that for the grace.
    folder = home / "sites" / "globex"
    folder.mkdir(parents=True)
    (home / "format").write_text("hallmark-home 1\n")
    shutil.copy(cast.public / "hallmark.trust", folder / "trust")
    (folder / "site.json").write_text(json.dumps({"schema": "hallmark/subscription/1", "url": str(cast.public), "floor": "attested", "pins": {},
                                                  "mirrors": [], "options": {}}))
    (folder / "monitor").mkdir()
    (folder / "monitor" / "position.json").write_text(json.dumps({
        "schema": "hallmark/position/1", "checkpoint": note, "checked": int(out[0]) - 1,
        "grown": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}, ensure_ascii=False))
    runs = [monitor(home) for _ in range(3)]
    line = json.loads(story.must("monitor", "--json", "--stale", "0", home=home).out.splitlines()[-1])
    if (line["entries"], line["compared"], line["alarms"], line["complete"]) != (int(out[0]), 0, 0, True):
        raise SystemExit(f"bench: the monitor did something else: {line}")
    name = f"monitor-replay-{size // 1000}k-releases"
    goal = size == 1_000_000
    cpu, rss = min(r.cpu for r in runs), max(r.rss for r in runs)
    figure(name, cpu, "s", "<= 10" if goal else "-", cpu <= 10 if goal else None, "-")
    figure(name + "-memory", rss, "MiB", "<= 256" if goal else "-", rss <= 256 if goal else None, "-")


def compare(root, count):
    cast, public = world(root / "world")
    maker_keys = [tree.Key(cast.key(k)) for k in ("acme1", "acme2")]
    release_keys = [tree.Key(cast.key(k)) for k in ("release1", "release2")]
    online = tree.Key(cast.site / "private" / "keys" / "online.pem")
    home = root / "home"
    cast.trust(home=home)
    empty = monitor(home, "--grace", "1d")
    site_log, public.log = public.log, None
    for number in range(count):
        path = f"acme/p{number % PRODUCTS}/{number}.0/fw.bin"
        maker = tree.next_version(public.load("maker~acme")["signed"])
        release = tree.next_version(public.load("release~acme")["signed"])
        release["targets"][path] = public.add_target(maker, path, b"%d" % number)
        documents = {"maker~acme": public.store("maker~acme", maker, maker_keys),
                     "release~acme": public.store("release~acme", release, release_keys)}
        public.reference(documents, online)
        digest = log.hashlib.sha256(b"%d" % number).hexdigest()
        entry = log.release_entry("globex", path.rpartition("/")[0], {"fw.bin": (digest, len(b"%d" % number))},
                                  {r: public.version(r) for r in ("maker~acme", "release~acme")})
        first = site_log.append(entry)
        site_log.close((first, 1))
    site_log.write()
    public.log = site_log
    whole = monitor(home, "--grace", "1d")
    line = json.loads(story.must("monitor", "--json", "--stale", "0", "--grace", "1d", home=home).out.splitlines()[-1])
    if (line["entries"], line["alarms"], line["complete"]) != (site_log.size, 0, True):
        raise SystemExit(f"bench: the monitor found something: {line}")
    rate = count / (whole.cpu - empty.cpu)
    figure("monitor-snapshots-compared", rate, "/s", ">= 1000", rate >= 1000, f"one core, roles of up to {count} files")


def main():
    for size in SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            replay(Path(scratch), size)
    for count in (SNAPSHOTS // 6, SNAPSHOTS):
        with tempfile.TemporaryDirectory() as scratch:
            compare(Path(scratch), count)


main()
