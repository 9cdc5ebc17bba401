# SPDX-License-Identifier: Apache-2.0
"""Hallmark's TUF client beside python-tuf, go-tuf and tough: process start, one large role, a million targets.

usage: bench/tuf_peers.py BUILD PEERS     (tools/bench prepares both: PEERS holds venv, peer-go-tuf and tough/)

The limits that peers put on sizes are raised where a repository needs it; else they run as they come.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "lib"))
BUILD, PEERS = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
HALLMARK = str(BUILD / "cmd" / "hallmark")
os.environ["HALLMARK"] = HALLMARK
import attacks  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
from measure import ROUNDS, Run, figure, median, paired, ratio  # noqa: E402

PYTHON = PEERS / "venv" / "bin" / "python3"
SMALL = "network-adapter-firmware-image-0.bin"
PYTHON_TUF = """
import os, sys
from tuf.ngclient import Updater, UpdaterConfig
if sys.argv[1] == "get":
    root, url, target, folder = sys.argv[2:]
    os.makedirs(folder + "/targets", exist_ok=True)
    updater = Updater(folder, url + "metadata/", target_dir=folder + "/targets", target_base_url=url + "targets/", bootstrap=open(root, "rb").read(),
                      config=UpdaterConfig(snapshot_max_length=1 << 30, targets_max_length=1 << 30))
    updater.download_target(updater.get_targetinfo(target))
else:
    from tuf.api.metadata import Metadata, Root, Targets
    root = Metadata[Root].from_file(sys.argv[2])
    targets = Metadata[Targets].from_file(sys.argv[3])
    root.signed.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    print(len(targets.signed.targets))
"""


def manifest(path, pattern):
    return re.search(pattern, (SOURCE / path).read_text()).group(1)


class Peers:
    def __init__(self, work):
        script = work / "peer.py"
        script.write_text(PYTHON_TUF)
        tuf = subprocess.run([PYTHON, "-c", "import tuf; print(tuf.__version__)"], capture_output=True, text=True).stdout.strip()
        self.all = {f"python-tuf {tuf}": [PYTHON, script]}
        go, tough = PEERS / "peer-go-tuf", PEERS / "tough" / "release" / "peer-tough"
        if go.exists():
            self.all["go-tuf " + manifest("bench/peers/go/go.mod", r"go-tuf/v2 v(\S+)")] = [go]
        if tough.exists():
            self.all["tough " + manifest("bench/peers/tough/Cargo.toml", r'tough = .*"=(\S+)"')] = [tough]
        for name in ("python-tuf", "go-tuf", "tough"):
            if not any(known.startswith(name + " ") for known in self.all):
                print(f"skipped: figures beside {name}: it could not be built (see tools/bench)", flush=True)


def repository(work, name, *arguments):
    folder = work / name
    subprocess.run([PYTHON, SOURCE / "bench" / "make_repository.py", folder, *map(str, arguments)], check=True)
    return folder


class Client:
    """A folder of metadata that starts from the trust anchor alone each time."""

    def __init__(self, work, root, url, target):
        self.metadata, self.images, self.peer = work / "metadata", work / "images", work / "peer"
        self.root, self.url, self.target = root, url, target

    def fresh(self):
        for folder in (self.metadata, self.images, self.peer):
            shutil.rmtree(folder, ignore_errors=True)
        self.images.mkdir()
        story.must("tuf", "--metadata-dir", self.metadata, "init", self.root)

    def ours(self):
        return Run([HALLMARK, "tuf", "--metadata-dir", self.metadata, "--metadata-url", f"{self.url}metadata/", "--target-dir", self.images,
                    "--target-base-url", f"{self.url}targets/", "--target-name", self.target, "download"])

    def other(self, command):
        return Run([*command, "get", self.root, self.url, self.target, self.peer])


def bench_get(client, server, peers, label):
    """Cold refresh and one small target, process start included."""
    for name, command in peers.items():
        goal = 20 if name.startswith("python") else 1.5
        ours, other = paired(client.ours, lambda: client.other(command), before=client.fresh)
        for what, word in (("cpu", "CPU"), ("wall", "wall")):
            r = ratio(other, ours, what)
            figure(f"{label}: speed ({word}) beside {name.split()[0]}", r, "x", f">= {goal}", r >= goal, name)
        figure(f"{label}: memory beside {name.split()[0]}", median(ours, "rss"), "MiB", "-", None, f"{name} {median(other, 'rss'):.1f} MiB")
    client.fresh()
    server.requests.clear()
    client.ours()
    urls = [server.url + path.lstrip("/") for path in server.requests]
    curl = BUILD / "bench" / "peer_curl"
    ours, other = paired(client.ours, lambda: Run([curl, *urls]), rounds=ROUNDS * 3, before=client.fresh)
    r = ratio(ours, other, "cpu")
    figure(f"{label}: CPU beside bare libcurl", r, "x", "<= 1.3", r <= 1.3, f"same {len(urls)} requests")
    figure(f"{label}: CPU", median(ours, "cpu") * 1000, "ms", "-", None, f"bare libcurl {median(other, 'cpu') * 1000:.1f} ms")


def bench_load(folder, count, peers):
    """One flat role, from a file: parse, canonical form, signature, schema."""
    files = [folder / "metadata" / name for name in ("1.root.json", "1.targets.json")]
    best_speed, best_memory = None, None
    for name, command in peers.items():
        ours, other = paired(lambda: Run([BUILD / "bench" / "load_targets", *files]), lambda: Run([*command, "load", *files]), rounds=max(3, ROUNDS // 2))
        speed, memory = ratio(other, ours, "cpu"), ratio(ours, other, "rss")
        best_speed = min(filter(None, (best_speed, (speed, name))))
        best_memory = max(filter(None, (best_memory, (memory, name))))
        figure(f"load {count} targets: speed (CPU) beside {name.split()[0]}", speed, "x", ">= 3", speed >= 3, name)
        figure(f"load {count} targets: memory beside {name.split()[0]}", memory, "x", "<= 0.5", memory <= 0.5, name)
    mine = median(ours, "cpu") * 1000
    figure(f"load {count} targets: CPU", mine, "ms", "-", None, f"{files[1].stat().st_size / 1e6:.1f} MB")
    figure(f"load {count} targets: peak memory", median(ours, "rss"), "MiB", "-", None, f"{files[1].stat().st_size / 1e6:.1f} MB")
    figure(f"load {count} targets: speed beside the fastest", best_speed[0], "x", ">= 3", best_speed[0] >= 3, best_speed[1])
    figure(f"load {count} targets: memory beside the leanest", best_memory[0], "x", "<= 0.5", best_memory[0] <= 0.5, best_memory[1])


def bench_bins(client, count, goal):
    """Cold refresh and one target from succinct hash bins."""
    runs = []
    for _ in range(ROUNDS + 1):
        client.fresh()
        runs.append(client.ours())
    cpu, rss = median(runs[1:], "cpu") * 1000, median(runs[1:], "rss")
    figure(f"hash bins, {count} targets: one target, CPU", cpu, "ms", "< 60" if goal else "-", cpu < 60 if goal else None, "16,384 bins" if goal else "for growth")
    figure(f"hash bins, {count} targets: one target, peak memory", rss, "MiB", "< 24" if goal else "-", rss < 24 if goal else None, "16,384 bins" if goal else "for growth")


def main():
    work = Path(tempfile.mkdtemp(prefix="hallmark-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        peers = Peers(work).all
        tree = repository(work, "small", 10)
        with httpd.Server(tree) as server:
            bench_get(Client(work, tree / "metadata" / "1.root.json", server.url, SMALL), server, peers, "plain repository")
        cast, _old, _images = attacks.build(work / "world")
        # tough looks for a target in a folder elsewhere than all others (tests/interop/test_tough.py): it cannot download here.
        able = {name: command for name, command in peers.items() if not name.startswith("tough")}
        with httpd.Server(cast.public) as server:
            client = Client(work, cast.public / "metadata" / "1.root.json", server.url, attacks.FILE)
            bench_get(client, server, able, "Hallmark site")
        for count in (10000, 100000):
            bench_load(repository(work, f"flat{count}", count), count, peers)
        for count, bits in ((10000, 7), (100000, 10), (1000000, 14)):
            tree = repository(work, f"bins{count}", count, bits)
            with httpd.Server(tree) as server:
                bench_bins(Client(work, tree / "metadata" / "1.root.json", server.url, SMALL), count, count == 1000000)
            shutil.rmtree(tree)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
