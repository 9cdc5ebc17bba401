# SPDX-License-Identifier: Apache-2.0
"""Appends of 1 KiB entries by POST /add, under Tessera's own load generator: Hallmark's log writer beside Tessera's server for POSIX file systems.

usage: bench/append.py BUILD PEERS     (tools/bench prepares PEERS: hammer, tessera-posix)

Both acknowledge an entry once it is durable, sign a checkpoint a second, and use the same disk; the system calls that flush are counted where strace
is installed. Tessera's server is run with the batches that its authors chose (256 entries or a second). Peak: as many requests as the generator
makes with so many writers. Then half of Hallmark's peak, and one more client that measures how long each of its own appends takes.
"""
import base64
import hashlib
import http.client
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from measure import QUICK, figure

BUILD, PEERS = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
WRITERS = int(os.environ.get("HALLMARK_WRITERS", "512"))
SECONDS = 5 if QUICK else 15
ROUNDS = 1 if QUICK else 3
WARM_UP_S = 3
ORIGIN = "log.example/bench"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Server:
    """A log at a port of 127.0.0.1, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return body if answer.status == 200 else None

    def size(self):
        note = self.get("/checkpoint")
        return int(note.decode().split("\n")[1]) if note else 0

    def wait(self):
        for _ in range(200):
            try:
                if self.get("/checkpoint"):
                    return self
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit("bench: the log does not start")

    def flushes(self, seconds):
        """fsync and fdatasync a second, or None without strace."""
        if shutil.which("strace") is None:
            return None
        with tempfile.NamedTemporaryFile("r") as out:
            trace = subprocess.Popen(["strace", "-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", out.name, "-p", str(self.process.pid)],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            trace.send_signal(signal.SIGINT)
            trace.wait(20)
            counts = {line.split()[-1]: int(line.split()[3]) for line in out.read().splitlines() if line.strip().endswith(("fsync", "fdatasync"))}
        return sum(counts.values()) / seconds

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Hallmark(Server):
    name = "hallmark"

    def start(self):
        self.process = subprocess.Popen([BUILD / "bench" / "log_server", self.folder, "127.0.0.1:0", ORIGIN], stdout=subprocess.PIPE, text=True)
        self.vkey = self.process.stdout.readline().strip()
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        return self.wait()


class Tessera(Server):
    name = "tessera"

    def start(self):
        # Go's signed-note keys: the name, a hash of name and key, and the key with its type in front.
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
        private = ed25519.Ed25519PrivateKey.generate()
        raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        public = b"\1" + private.public_key().public_bytes(*raw)
        seed = b"\1" + private.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
        key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + public).digest()[:4].hex()
        self.vkey = f"{ORIGIN}+{key_id}+{base64.b64encode(public).decode()}"
        self.port = free_port()
        self.process = subprocess.Popen([PEERS / "tessera-posix", "--storage_dir", self.folder, "--listen", f"127.0.0.1:{self.port}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "LOG_PRIVATE_KEY": f"PRIVATE+KEY+{ORIGIN}+{key_id}+{base64.b64encode(seed).decode()}"})
        return self.wait()


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Load:
    """The load generator, writing alone."""

    def __init__(self, server, rate, seconds):
        self.process = subprocess.Popen(
            [PEERS / "hammer", "--log_public_key", server.vkey, "--log_url", f"http://127.0.0.1:{server.port}", "--max_read_ops", "0",
             "--num_readers_random", "0", "--num_readers_full", "0", "--num_writers", str(WRITERS), "--max_write_ops", str(rate),
             "--leaf_min_size", "1024", "--dup_chance", "0", "--max_runtime", f"{seconds}s", "--show_ui=false"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def end(self):
        _out, err = self.process.communicate(timeout=120)
        if " E" in err and "rror" in err:
            print(err[-2000:], file=sys.stderr)


class Sampler(threading.Thread):
    """Appends of its own, one after the other; the time that each takes."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.times, self.stopped = server, [], False

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        while not self.stopped:
            body = os.urandom(512).hex()
            started = time.monotonic()
            connection.request("POST", "/add", body)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                self.times.append(time.monotonic() - started)
            time.sleep(0.01)


def measure(kind, rate, sample=False, count_flushes=False):
    """Entries a second in a checkpoint, CPU of server and generator for each second, and what the sampler saw."""
    with tempfile.TemporaryDirectory(prefix="hallmark-append.", dir=os.environ.get("HALLMARK_BENCH_DIR")) as folder:
        server = kind(folder).start()
        load = Load(server, rate, WARM_UP_S + SECONDS + (4 if count_flushes else 0) + 2)
        time.sleep(WARM_UP_S)
        sampler = Sampler(server)
        if sample:
            sampler.start()
        first, before, cpu = server.size(), time.monotonic(), (cpu_s(server.process.pid), cpu_s(load.process.pid))
        time.sleep(SECONDS)
        last, after = server.size(), time.monotonic()
        used = [(b - a) / (after - before) for a, b in zip(cpu, (cpu_s(server.process.pid), cpu_s(load.process.pid)))]
        sampler.stopped = True
        flushes = server.flushes(3) if count_flushes else None
        load.end()
        rss = next(int(line.split()[1]) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")) / 1024
        server.stop()
        return {"rate": (last - first) / (after - before), "server": used[0], "load": used[1], "flushes": flushes, "times": sorted(sampler.times), "rss": rss}


def percentile(times, part):
    return times[min(len(times) - 1, int(part * len(times)))] * 1000 if times else float("nan")


def main():
    peer = "tessera 1.0.4, posix"
    runs = {Hallmark: [], Tessera: []}
    for number in range(ROUNDS):
        for kind in runs:
            runs[kind].append(measure(kind, 1000000, count_flushes=number == 0))
    rates = {kind: statistics.median(run["rate"] for run in runs[kind]) for kind in runs}
    for kind in runs:
        figure(f"log, {kind.name}: appends of 1 KiB, {WRITERS} writers", rates[kind], "/s", "-", None, peer)
        for what in ("server", "load"):
            figure(f"  CPU of {what}", statistics.median(run[what] for run in runs[kind]), "cores", "-", None, "hammer of tessera 1.0.4")
        figure("  peak memory", max(run["rss"] for run in runs[kind]), "MiB", "-", None, "-")
        if runs[kind][0]["flushes"] is not None:
            figure("  flushes", runs[kind][0]["flushes"], "/s", "-", None, "strace")
    over = rates[Hallmark] / max(rates[Tessera], 1)
    figure("log: appends, against tessera", over, "x", ">= 5", over >= 5, peer)
    half = measure(Hallmark, int(rates[Hallmark] / 2), sample=True)
    p99 = percentile(half["times"], 0.99)
    figure(f"log: append at {half['rate']:,.0f}/s, p50 to a durable index", percentile(half["times"], 0.5), "ms", "-", None, f"{len(half['times'])} samples")
    figure("log: append at half of the peak, p99 to a durable index", p99, "ms", "< 100", p99 < 100, f"{len(half['times'])} samples")


main()
