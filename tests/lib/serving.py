# SPDX-License-Identifier: Apache-2.0
"""hallmark serve as its customers meet it: the command serves, everything else goes over HTTPS or HTTP."""
import base64
import http.client
import json
import os
import selectors
import signal
import ssl
import subprocess
import time
from pathlib import Path

import story

START_S, STOP_S = 30, 40
NGINX = "/usr/sbin/nginx"


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Process:
    """`hallmark serve` on a free port of 127.0.0.1."""

    def __init__(self, site, *options, run=None, trial=False, user="root"):
        self.site, self.run, self.trial = Path(site), Path(run) if run else None, trial
        command = [story.HALLMARK, "serve", site, "--listen", "127.0.0.1:0", *map(str, options)]
        if trial:
            command.append("--trial")
        else:
            command += ["--run", str(run), "--user", user]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK_HOME", "HALLMARK_DIR", "XDG_"))}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        self.lines, self.rest, self.other = [], b"", []
        first = self.event("listening", START_S)
        if first is None:
            self.kill()
            raise AssertionError(f"the server does not start: {self.lines} {self.other}")
        self.address, self.started = first["address"], first
        self.port = int(self.address.rsplit(":", 1)[1])
        self.url = f"{'http' if trial else 'https'}://{self.address}/"
        self.ca = None if trial else first["certificate"]

    def line(self, wait):
        """The next event, or None at the end or when none comes."""
        selector = selectors.DefaultSelector()
        selector.register(self.process.stderr, selectors.EVENT_READ)
        end = time.monotonic() + wait
        while True:
            while b"\n" in self.rest:
                raw, _, self.rest = self.rest.partition(b"\n")
                try:
                    event = json.loads(raw)
                except ValueError:
                    self.other.append(raw.decode(errors="replace"))
                    continue
                self.lines.append(event)
                return event
            if time.monotonic() >= end:
                return None
            if selector.select(0.1):
                data = os.read(self.process.stderr.fileno(), 65536)
                if not data:
                    return None
                self.rest += data

    def event(self, name, wait=START_S):
        """The next event of this name."""
        end = time.monotonic() + wait
        while time.monotonic() < end:
            event = self.line(max(0.1, end - time.monotonic()))
            if event is None:
                return None
            if event["event"] == name:
                return event
        return None

    def children(self):
        """{pid: command line} of the processes that it started."""
        return {pid: Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in children_of(self.process.pid)}

    def child(self, word):
        return next(pid for pid, command in self.children().items() if word in command)

    def connection(self):
        if self.trial:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        context = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)

    def ask(self, path, token=None, method="GET", headers=None, scheme="basic"):
        """(status, headers in lower case, body)"""
        connection = self.connection()
        try:
            return ask_on(connection, path, token, method, headers, scheme)
        finally:
            connection.close()

    def status(self, path, token=None, **kwargs):
        return self.ask(path, token, **kwargs)[0]

    def admin(self, path):
        """(status, text) of what monitoring sees."""
        run = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", "--unix-socket", str(self.run / "admin.sock"), f"http://x{path}"],
                             capture_output=True, text=True, timeout=20, check=True)
        text, _, status = run.stdout.rpartition("\n")
        return int(status), text

    def metrics(self):
        return {line.rsplit(" ", 1)[0]: json.loads(line.rsplit(" ", 1)[1]) for line in self.admin("/metrics")[1].splitlines()
                if line and not line.startswith("#")}

    def access(self):
        """The access log; it is written once a second."""
        time.sleep(1.3)
        return [json.loads(line) for line in (self.site / "private/serve/access.log").read_text().splitlines()]

    def stop(self):
        """Its exit status after a polite end."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        while self.line(0.1) is not None:
            pass
        return status

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_S)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.stderr.close()


def authorization(token, scheme="basic"):
    if scheme == "bearer":
        return f"Bearer {token}"
    user, _, secret = token.rpartition(".")
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def ask_on(connection, path, token=None, method="GET", headers=None, scheme="basic"):
    every = dict(headers or {})
    if token:
        every["Authorization"] = authorization(token, scheme)
    connection.request(method, path, headers=every)
    answer = connection.getresponse()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


class Case(story.Case):
    """A site with two makers' images, and customers with grants."""
    log = False  # the site keeps one, and with it deliveries

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root.chmod(0o755)  # the processes that face the network are another user
        cls.cast = cls.make_cast()
        cls.site = cls.cast.site
        images = cls.root / "images"
        images.mkdir()
        for maker in ("acme", "initech"):
            cls.cast.init_maker(maker, maker.title())
            cls.cast.enroll(maker)
            (images / f"{maker}.bin").write_bytes(os.urandom(300_000))
            cls.cast.release(maker, "nic", "1.0", [images / f"{maker}.bin"])
        cls.images = images

    @classmethod
    def make_cast(cls):
        """The cast, with their site published."""
        cast = story.Cast(cls.root / "cast")
        cast.init_site(log=cls.log)
        return cast

    def setUp(self):
        super().setUp()
        self.scratch.chmod(0o755)
        for path in (self.site / "private").glob("accounts.db*"):
            path.unlink()
        (self.site / "private/serve/access.log").unlink(missing_ok=True)
        self.run_folder = self.scratch / "run"

    def must(self, *args):
        return story.must("site", *args, "--dir", self.site)

    def customer(self, name, *patterns):
        """A customer's token."""
        self.must("customer", "add", name)
        if patterns:
            self.must("grant", name, *patterns)
        return self.must("token", "add", name, "--json").json()["token"]

    def serve(self, *options, **kwargs):
        return Process(self.site, *options, run=self.run_folder, **kwargs)

    def path_of(self, maker):
        """The URL path of a maker's image."""
        folder = self.site / f"public/targets/{maker}/nic/1.0"
        return f"/targets/{maker}/nic/1.0/{next(folder.iterdir()).name}"

    def token_file(self, token):
        path = self.scratch / "token"
        path.write_text(token + "\n")
        path.chmod(0o600)
        return path
