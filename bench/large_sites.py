# SPDX-License-Identifier: Apache-2.0
"""Large Hallmark sites: what one target costs a customer, and one release the site, at 10,000 to 1,000,000 targets.

usage: bench/large_sites.py BUILD

Sites are made by bench/make_site.c: 10 makers whose products and files grow alike. Bytes are counted by a proxy between
client and server: requests and answers, heads and all. Decoded bytes are of metadata alone.
"""
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "lib"))
BUILD = Path(sys.argv[1]).resolve()
HALLMARK = str(BUILD / "cmd" / "hallmark")
os.environ["HALLMARK"] = HALLMARK
import server as httpd  # noqa: E402
from measure import QUICK, ROUNDS, Run, figure, median  # noqa: E402

MAKERS = 10
SHAPES = [(10000, 10, 100), (100000, 32, 313), (1000000, 100, 1000)]  # targets, then products a maker, files a product


class Counter:
    """A TCP proxy on loopback that counts what goes either way."""

    def __init__(self, port):
        self.port, self.bytes, self.lock = port, 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            served = socket.create_connection(("127.0.0.1", self.port))
            for one in (client, served):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pair in ((client, served), (served, client)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                with self.lock:
                    self.bytes += len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # either end has gone

    def take(self):
        with self.lock:
            count, self.bytes = self.bytes, 0
        return count

    def close(self):
        self.listener.close()


class Site:
    def __init__(self, work, makers, products, files):
        self.work = work
        made = subprocess.run([BUILD / "bench" / "make_site", work / "large", str(makers), str(products), str(files)], capture_output=True, text=True, check=True)
        self.facts = json.loads(made.stdout)
        self.public = Path(self.facts["site"]) / "public"
        self.name = "large"
        self.home = work / "home"

    def fresh(self):
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.work / "got", ignore_errors=True)
        (self.work / "got").mkdir()

    def trust(self, url):
        return Run([HALLMARK, "trust", "add", self.name, url, "--trust", self.facts["trust"], "--quiet", "--home", self.home])

    def get(self):
        return Run([HALLMARK, "get", self.facts["target"], "-d", self.work / "got", "--quiet", "--home", self.home])

    def decoded(self, requests):
        """Bytes of the metadata asked for, before compression."""
        files = [self.public.joinpath(*httpd.unquote(path).lstrip("/").split("/")) for path in requests if not path.startswith("/targets/")]
        return sum(file.stat().st_size for file in files if file.is_file())

    def release(self, number):
        """One more release of a product that exists, not the customer's, the whole way (bench/publish.py looks at each step)."""
        image, submission = self.work / f"new{number}.bin", self.work / f"new{number}.submission"
        image.write_bytes(b"new %d\n" % number)
        site = ["--dir", self.facts["site"]]
        commands = [["maker", "release", "--dir", self.facts["maker"], "--for", self.name, "p0001", f"2.{number}", image, "--key", self.facts["key"],
                     "-o", submission],
                    ["site", "intake", *site, submission], ["site", "approve", *site, "--all"], ["site", "publish", *site]]
        return [Run([HALLMARK, *words]) for words in commands]


def bench_client(site, server, label, is_million):
    """Cold: trust, refresh and get, in two processes, as a customer's first two commands are."""
    runs = []
    for _ in range(ROUNDS + 1):
        site.fresh()
        runs.append((site.trust(server.url), site.get()))
    cpu = statistics.median((a.cpu + b.cpu) * 1000 for a, b in runs[1:])
    rss = max(median([a for a, _ in runs], "rss"), median([b for _, b in runs], "rss"))
    figure(f"{label}: trust and get one, cold, CPU", cpu, "ms", "< 60" if is_million else "-", cpu < 60 if is_million else None, "two processes")
    figure(f"{label}: trust and get one, peak memory", rss, "MiB", "< 24" if is_million else "-", rss < 24 if is_million else None, "-")
    root = site.public / "metadata" / "1.root.json"
    plain = []
    for _ in range(ROUNDS + 1):
        site.fresh()
        folder = site.work / "plain"
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([HALLMARK, "tuf", "--metadata-dir", folder, "init", root], check=True)
        plain.append(Run([HALLMARK, "tuf", "--metadata-dir", folder, "--metadata-url", f"{server.url}metadata/", "--target-dir", site.work / "got",
                          "--target-base-url", f"{server.url}targets/", "--target-name", site.facts["target"], "download"]))
    cpu, rss = median(plain[1:], "cpu") * 1000, median(plain[1:], "rss")
    figure(f"{label}: plain TUF client, cold, CPU", cpu, "ms", "< 60" if is_million else "-", cpu < 60 if is_million else None, "-")
    figure(f"{label}: plain TUF client, peak memory", rss, "MiB", "< 24" if is_million else "-", rss < 24 if is_million else None, "-")


def bench_bytes(site, server, counter, label, limited):
    site.fresh()
    server.requests.clear()
    counter.take()
    site.trust(counter.url)
    site.get()
    wire, decoded = counter.take() / 1000, site.decoded(server.requests) / 1000
    figure(f"{label}: bytes on the wire, cold", wire, "KB", "<= 100" if limited else "-", wire <= 100 if limited else None, f"{len(server.requests)} requests")
    figure(f"{label}: metadata decoded, cold", decoded, "KB", "<= 300" if limited else "-", decoded <= 300 if limited else None, "-")
    return wire, decoded


def changed_only(before, after, requests):
    """The roles fetched that neither the release changed nor every refresh asks for."""
    allowed = {"timestamp.json"} | {f"{entry['version']}.{name}" for name, entry in after.items() if before.get(name) != entry}
    names = [httpd.unquote(path).rsplit("/", 1)[1] for path in requests if path.startswith("/metadata/")]
    return [name for name in names if name not in allowed and not name.endswith((".snapshot.json", ".root.json"))]


def snapshot_of(site):
    metadata = site.public / "metadata"
    version = json.loads((metadata / "timestamp.json").read_bytes())["signed"]["meta"]["snapshot.json"]["version"]
    return json.loads((metadata / f"{version}.snapshot.json").read_bytes())["signed"]["meta"]


def bench_release(site, server, counter, label, limited):
    """Releases, one after another; after each what a customer who was up to date fetches."""
    rounds = 3
    totals, wires, surplus = [], [], []
    for number in range(rounds):
        before = snapshot_of(site)
        runs = site.release(number)
        totals.append(sum(run.wall for run in runs))
        server.requests.clear()
        counter.take()
        shutil.rmtree(site.work / "got")
        (site.work / "got").mkdir()
        site.get()
        wires.append(counter.take() / 1000)
        surplus += changed_only(before, snapshot_of(site), server.requests)
    total = statistics.median(totals)
    figure(f"{label}: one release, maker to public, wall", total, "s", "< 2" if limited else "-", total < 2 if limited else None, "four commands")
    figure(f"{label}: bytes after another release, warm", statistics.median(wires), "KB", "-", None, "-")
    figure(f"{label}: unchanged roles fetched, warm", len(surplus), "roles", "0", not surplus, ", ".join(surplus[:3]) or "-")


def bench(work, targets, makers, products, files):
    label = f"{targets} targets" if makers == MAKERS else f"{targets} targets, {makers * products} products"
    site = Site(work, makers, products, files)
    try:
        with httpd.Server(site.public) as server:
            counter = Counter(server.http.server_port)
            bench_client(site, server, label, targets == 1000000)
            sizes = bench_bytes(site, server, counter, label, targets == 100000 and makers == MAKERS)
            bench_release(site, server, counter, label, targets == 100000 and makers == MAKERS)
            counter.close()
    finally:
        shutil.rmtree(work / "large")
    return sizes


def main():
    if not (BUILD / "bench" / "make_site").exists():
        print("skipped: large sites: bench/make_site was not built", flush=True)
        return
    work = Path(tempfile.mkdtemp(prefix="hallmark-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")))
    try:
        sizes = [bench(work, targets, MAKERS, products, files) for targets, products, files in (SHAPES[:2] if QUICK else SHAPES)]
        for (small, large), (a, _, _), (b, _, _) in zip(zip(sizes, sizes[1:]), SHAPES, SHAPES[1:]):
            for index, word in ((0, "bytes on the wire"), (1, "metadata decoded")):
                growth = large[index] / small[index] / (b / a) ** 0.5
                figure(f"{word}, {a} to {b} targets, over the square root", growth, "x", "<= 1.5", growth <= 1.5, "-")
        if not QUICK:
            bench(work, 100000, 100, 100, 10)  # many small releases: cost grows with products more than with files
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()
