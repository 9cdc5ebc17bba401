# SPDX-License-Identifier: Apache-2.0
"""Cosignatures a second: Hallmark's witness beside transparency-dev's with SQLite, both flushing each before it is given out.

usage: bench/witness_peers.py BUILD PEERS     (tools/bench prepares PEERS: peer-go-witness)

Several logs ask at once, each for one size after the other over a connection of its own, as sites do. All requests are made before, so that the
client does little but send.
"""
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "lib"))
BUILD, PEERS = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
os.environ["HALLMARK"] = str(BUILD / "cmd" / "hallmark")
import log  # noqa: E402
import story  # noqa: E402
import witness  # noqa: E402
from measure import QUICK, figure  # noqa: E402

LOGS = 32
SIZES = 25 if QUICK else 100
ROUNDS = 1 if QUICK else 3
PEER = "transparency-dev/witness, sqlite"
SKEY = "PRIVATE+KEY+witness.example/peer+{}+{}"


def requests(number):
    """A log's key, and the bodies of its requests, one size after the other."""
    grower = witness.Grower(log.NoteKey(f"log.example/{number}"))
    bodies = []
    for size in range(1, SIZES + 1):
        old, proof, note = grower.request(size - 1, size)
        bodies.append((f"old {old}\n" + "".join(log.b64(h) + "\n" for h in proof) + "\n" + note).encode())
    return grower.key.vkey, bodies


class Hallmark:
    name = "hallmark"

    def __init__(self, folder, vkeys):
        self.folder = folder / "w"
        witness.make(self.folder)
        for vkey in vkeys:
            story.must("witness", "log", "add", vkey, "--dir", self.folder, "--quiet")
        self.process = subprocess.Popen([story.HALLMARK, "witness", "serve", "--dir", self.folder, "--listen", "127.0.0.1:0"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.address = json.loads(self.process.stderr.readline())["address"]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()


class Peer:
    name = "transparency-dev"

    def __init__(self, folder, vkeys):
        # A key of type 1 is what its note package takes; it makes cosignatures with it.
        key = log.NoteKey("witness.example/peer")
        seed = key.private.private_bytes(log.serialization.Encoding.Raw, log.serialization.PrivateFormat.Raw, log.serialization.NoEncryption())
        (folder / "vkeys").write_text("\n".join(vkeys) + "\n")
        self.process = subprocess.Popen([PEERS / "peer-go-witness", SKEY.format(key.id.hex(), log.b64(b"\1" + seed)), folder / "state.db", folder / "vkeys"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.address = self.process.stdout.readline().decode().strip()


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")) / 1024


def measure(kind, logs):
    with tempfile.TemporaryDirectory(prefix="hallmark-bench.", dir=os.environ.get("HALLMARK_BENCH_DIR")) as folder:
        server = kind(Path(folder), [vkey for vkey, _bodies in logs])
        host, port = server.address.rsplit(":", 1)
        times, failures = [], []

        def run(bodies):
            connection = http.client.HTTPConnection(host, int(port), timeout=60)
            for body in bodies:
                started = time.monotonic()
                while True:
                    connection.request("POST", "/add-checkpoint", body)
                    answer = connection.getresponse()
                    text = answer.read()
                    if answer.status != 429:  # the peer's way of saying that its database is busy
                        break
                    time.sleep(0.002)
                times.append(time.monotonic() - started)
                if answer.status != 200:
                    failures.append((answer.status, text))
                    return

        threads = [threading.Thread(target=run, args=(bodies,)) for _vkey, bodies in logs]
        cpu, started = cpu_s(server.process.pid), time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed, used, rss = time.monotonic() - started, cpu_s(server.process.pid) - cpu, peak_mib(server.process.pid)
        server.process.kill()
        server.process.wait()
        if failures:
            raise SystemExit(f"bench: {kind.name}: {failures[0]}")
        times.sort()
        return {"rate": len(times) / elapsed, "cpu": used / len(times) * 1e6, "p99": times[int(0.99 * len(times))] * 1000, "rss": rss}


def main():
    logs = [requests(number) for number in range(LOGS)]
    runs = {Hallmark: [], Peer: []}
    for _ in range(ROUNDS):
        for kind in runs:
            runs[kind].append(measure(kind, logs))

    def median(kind, what):
        return statistics.median(run[what] for run in runs[kind])

    for what, unit in (("rate", "/s"), ("cpu", "us"), ("p99", "ms"), ("rss", "MiB")):
        for kind in runs:
            names = {"rate": f"{LOGS} logs ask at once", "cpu": "CPU of a request", "p99": "p99 of a request", "rss": "peak memory"}
            figure(f"witness, {kind.name}: {names[what]}", median(kind, what), unit, "-", None, PEER)
    over = median(Hallmark, "rate") / median(Peer, "rate")
    figure("witness: cosignatures a second, against peer", over, "x", ">= 1", over >= 1, PEER)


main()
