# SPDX-License-Identifier: Apache-2.0
"""A Hallmark witness as others meet it: the command serves, everything else goes over HTTP."""
import http.client
import json
import os
import selectors
import signal
import subprocess
import time

import log
import story

START_S, STOP_S = 20, 20


class Process:
    """`hallmark witness serve` on a free port of 127.0.0.1, or at another address."""

    def __init__(self, folder, listen="127.0.0.1:0", env=None, options=()):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK_HOME", "XDG_"))}
        environment.update(env or {})
        self.process = subprocess.Popen([story.HALLMARK, "witness", "serve", "--dir", folder, "--listen", listen, *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        self.lines, self.rest = [], b""
        first = self.line()
        if first is None or first.get("event") != "listening":
            self.kill()
            raise AssertionError(f"the witness does not start: {first} {self.rest!r}")
        self.address = first["address"]

    def line(self, wait=START_S):
        """The next line of its log, or None at its end."""
        selector = selectors.DefaultSelector()
        selector.register(self.process.stderr, selectors.EVENT_READ)
        end = time.monotonic() + wait
        while b"\n" not in self.rest and time.monotonic() < end:
            if not selector.select(0.2):
                continue
            data = os.read(self.process.stderr.fileno(), 65536)
            if not data:
                return None
            self.rest += data
        raw, _, rest = self.rest.partition(b"\n")
        try:
            line = json.loads(raw)
        except ValueError:
            return None
        self.rest = rest
        self.lines.append(line)
        return line

    def connection(self):
        host, port = self.address.rsplit(":", 1)
        return http.client.HTTPConnection(host, int(port), timeout=20)

    def ask(self, method, path, body=None):
        """(status, content type, body); None if the witness died over it."""
        connection = self.connection()
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type"), answer.read()
        except (http.client.HTTPException, OSError):
            return None
        finally:
            connection.close()

    def add(self, old, proof, note):
        text = f"old {old}\n" + "".join(log.b64(h) + "\n" for h in proof) + "\n" + note
        return self.ask("POST", "/add-checkpoint", text.encode())

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
        self.process.stderr.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_S)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        if self.process.poll() is None:
            self.kill()
        if not self.process.stderr.closed:
            self.process.stderr.close()


class Grower:
    """A log whose tree grows by one entry a number; may be forked from an index on."""

    def __init__(self, key, fork=None):
        self.key, self.merkle, self.fork = key, log.Merkle(), fork

    def grow(self, size):
        while len(self.merkle.leaves) < size:
            index = len(self.merkle.leaves)
            self.merkle.add(f"{'fork' if self.fork is not None and index >= self.fork else 'entry'} {index}".encode())

    def note(self, size, origin=None):
        self.grow(size)
        text = log.checkpoint_text(origin or self.key.name, size, self.merkle.root(size))
        return text + "\n" + self.key.line(text)

    def request(self, old, size):
        """What to give to Process.add."""
        self.grow(size)
        return old, self.merkle.consistency(old, size) if 0 < old < size else [], self.note(size)


def make(folder, name="witness.example/one"):
    """A witness's folder; its vkey."""
    return json.loads(story.must("witness", "init", "--dir", folder, "--name", name, "--json").out)["vkeys"][0]
