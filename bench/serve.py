# SPDX-License-Identifier: Apache-2.0
"""A site's server beside the same nginx that serves the same files to everybody, over TLS; what deliveries cost; and what open connections cost.

usage: bench/serve.py BUILD

Both stand on this machine, and so does the generator (wrk): what counts is the CPU that the server's processes used for a request, beside
the rate, which the generator bounds. Requests come in turn, one round each, so that other work on the machine meets both.
"""
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILD = Path(sys.argv[1]).resolve()
os.environ["HALLMARK"] = str(BUILD / "cmd" / "hallmark")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lib"))
import receiver  # noqa: E402
import serving  # noqa: E402
import story  # noqa: E402
from measure import QUICK, figure  # noqa: E402

import statistics  # noqa: E402

ROUNDS = 3 if QUICK else 7
SECONDS = 1 if QUICK else 3
SMALL, LARGE = 1024, 16 << 20
IDLE = 2000 if QUICK else 10000
HOSTS = 64
DELIVERY_SECONDS, DELIVERY_ROUNDS = (2, 1) if QUICK else (5, 5)

PLAIN = """daemon off;
user "root" "root";
pid "{run}/plain.pid";
error_log stderr crit;
worker_processes {count};
worker_rlimit_nofile 4096;
events {{ worker_connections 1024; }}
http {{
server_tokens off;
default_type application/octet-stream;
types {{ application/json json; }}
sendfile on;
tcp_nopush on;
keepalive_requests 100000;
open_file_cache max=20000 inactive=60s;
open_file_cache_valid 1s;
access_log "{run}/plain.log" combined buffer=32k flush=1s;
client_body_temp_path "{run}/t1"; proxy_temp_path "{run}/t2"; fastcgi_temp_path "{run}/t3"; uwsgi_temp_path "{run}/t4"; scgi_temp_path "{run}/t5";
server {{
  listen 127.0.0.1:{port} ssl backlog=4096;
  ssl_certificate "{certificate}";
  ssl_certificate_key "{key}";
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:16m;
  ssl_session_tickets off;
  root "{public}";
}}
}}
"""


def descendants(pid):
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += descendants(int(child))
    return found


def cpu_s(pids):
    """User and system time of these processes so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mib(pids):
    """What these processes hold, shared pages by their share."""
    kib = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib / 1024


class Load:
    """One run of the generator: requests a second, and microseconds of the server's CPU for each."""

    def __init__(self, url, pids, connections, token=None, scheme="basic", headers=()):
        before = cpu_s(pids)
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{SECONDS}s", url]
        if token:
            command[1:1] = ["-H", "Authorization: " + serving.authorization(token, scheme)]
        for header in headers:
            command[1:1] = ["-H", header]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in out:
            raise SystemExit(f"bench: {url}: {out}")
        words = out.split()
        requests = int(words[words.index("requests") - 1])
        self.rate = float(words[words.index("Requests/sec:") + 1])
        self.cpu_us = (cpu_s(pids) - before) / max(requests, 1) * 1e6


def compare(name, goal, ours, plain):
    """Both in turn, one warm-up."""
    a, b = [], []
    for number in range(ROUNDS + 1):
        one, other = ours(), plain()
        if number:
            a.append(one)
            b.append(other)
    by_cpu = statistics.median(o.cpu_us / max(x.cpu_us, 0.001) for o, x in zip(b, a))
    by_rate = statistics.median(x.rate / max(o.rate, 0.001) for o, x in zip(b, a))
    peer = "nginx" + subprocess.run([serving.NGINX, "-v"], capture_output=True, text=True).stderr.strip().split("nginx")[-1] + ", to everybody"
    figure(f"{name}, requests a second", by_rate, "ratio", f">= {goal}" if goal else "-", by_rate >= goal if goal else None, peer)
    figure(f"{name}, requests for the same CPU", by_cpu, "ratio", f">= {goal}" if goal else "-", by_cpu >= goal if goal else None, peer)
    figure(f"{name}, CPU of a request", statistics.median(x.cpu_us for x in a), "us", "-", None,
           f"{statistics.median(x.cpu_us for x in b):.1f} us")


def site(root):
    """A site with one image of a release, a customer and his token."""
    root.chmod(0o755)
    cast = story.Cast(root / "cast")
    cast.init_site(log=True)
    cast.init_maker("acme", "Acme")
    cast.enroll("acme")
    image = root / "image.bin"
    image.write_bytes(os.urandom(LARGE))
    cast.release("acme", "nic", "1.0", [image])
    (cast.site / "public/metadata/7.small.json").write_bytes(os.urandom(SMALL))
    story.must("site", "customer", "add", "dc1", "--dir", cast.site)
    story.must("site", "grant", "dc1", "acme", "--dir", cast.site)
    return cast.site, story.must("site", "token", "add", "dc1", "--json", "--dir", cast.site).json()["token"]


def deliver(server, token, release, rate):
    """What the generator saw, and microseconds of the server's CPU for a delivery."""
    pids = descendants(server.process.pid)
    before = cpu_s(pids)
    index, leaf = release.entry.split()
    out = subprocess.run([BUILD / "bench/load_deliveries", server.url, server.ca, "Authorization: " + serving.authorization(token), "dc1", "globex", index,
                          leaf, release.path, release.image, str(release.length), str(HOSTS), str(DELIVERY_SECONDS), str(rate)],
                         capture_output=True, text=True, check=True).stdout
    found = json.loads(out)
    return found["receipts"] / found["seconds"], found["p99_ms"], (cpu_s(pids) - before) / found["receipts"] * 1e6


def deliveries(server, token, release):
    """As many as go; then half of the goal's, for how long each takes."""
    runs = [deliver(server, token, release, 0) for _ in range(DELIVERY_ROUNDS)]
    rate, cpu_us = statistics.median(run[0] for run in runs), statistics.median(run[2] for run in runs)
    figure(f"signed deliveries, request to receipt, {HOSTS} hosts", rate, "1/s", ">= 1000", rate >= 1000, "-")
    figure("CPU of the site for a delivery", cpu_us, "us", "<= 600", cpu_us <= 600, "-")
    paced = [deliver(server, token, release, 500) for _ in range(DELIVERY_ROUNDS)]
    p99 = statistics.median(run[1] for run in paced)
    figure(f"request to receipt at {statistics.median(run[0] for run in paced):.0f} a second, 99th percentile", p99, "ms", "< 150", p99 < 150, "-")
    flushes = server.metrics()
    figure("requests of a flush", flushes["hallmark_deliveries_batched_total"] / max(flushes["hallmark_deliveries_batches_total"], 1), "", "-", None, "-")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def idle(server):
    """Connections that have asked once and keep open: memory of all processes of the server, by their share."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    context = ssl.create_default_context(cafile=server.ca)
    held, request = [], b"GET /hallmark.trust HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(IDLE):
        sock = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=30), server_hostname="127.0.0.1")
        sock.sendall(request)
        if not sock.recv(4096).startswith(b"HTTP/1.1 401"):
            raise SystemExit("bench: an idle connection is not answered")
        held.append(sock)
    metrics = server.metrics()
    mib = memory_mib(descendants(server.process.pid))
    open_now = metrics["hallmark_front_connections"]
    goal = 256 * IDLE / 10000
    figure(f"{open_now} open TLS connections, memory of the server", mib, "MiB", f"<= {goal:.0f}", mib <= goal and open_now >= IDLE, "-")
    for sock in held:
        sock.close()


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-bench.") as work:
        root = Path(work)
        folder, token = site(root)
        with serving.Process(folder, "--rate", "1000000", run=root / "run") as server:
            port = free_port()
            config = root / "plain.conf"
            config.write_text(PLAIN.format(run=root, port=port, certificate=server.ca, key=server.ca.replace(".pem", ".key"),
                                           public=folder / "public", count=os.cpu_count()))
            plain = subprocess.Popen([serving.NGINX, "-c", config])
            time.sleep(1)
            try:
                ours, theirs = descendants(server.process.pid), descendants(plain.pid)
                release = receiver.Release(folder, "acme")
                small, image = "metadata/7.small.json", release.url[1:]
                client, key = receiver.Client(server, token), receiver.Key("dc1", "bench")
                client.enrol(key)
                _, offer = client.offer(key, release)
                client.close()
                for_delivery = ["Hallmark-Delivery: " + receiver.hash_of(offer)]
                compare("1 KiB of metadata over TLS, Basic token", 0.8, lambda: Load(server.url + small, ours, 64, token),
                        lambda: Load(f"https://127.0.0.1:{port}/{small}", theirs, 64))
                compare("1 KiB of metadata over TLS, Bearer token", 0, lambda: Load(server.url + small, ours, 64, token, "bearer"),
                        lambda: Load(f"https://127.0.0.1:{port}/{small}", theirs, 64))
                compare("16 MiB image over TLS, deliveries recorded", 0.95, lambda: Load(server.url + image, ours, 8, token, headers=for_delivery),
                        lambda: Load(f"https://127.0.0.1:{port}/{image}", theirs, 8))
            finally:
                plain.terminate()
                plain.wait(20)
            deliveries(server, token, release)
            idle(server)


main()
