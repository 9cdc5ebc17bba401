# SPDX-License-Identifier: Apache-2.0
"""A site's side of deliveries (docs/formats.md 20 and 22), small and able to lie, on top of a served folder; and reading delivery files."""
import hashlib
import secrets
import threading
import time
import urllib.parse

import log
import server

ZERO = "0" * 64


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def when(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def statement(kind, **lines):
    return f"hallmark/delivery-{kind} v1\n" + "".join(f"{word} {value}\n" for word, value in lines.items())


def read(text):
    """{"kind", word: value} of a statement's text."""
    first, *rest = text.splitlines()
    return {"kind": first.removeprefix("hallmark/delivery-").removesuffix(" v1"), **dict(line.split(" ", 1) for line in rest)}


def parts(raw):
    """{kind: note} of a delivery file."""
    first, *rest = raw.split("==> ")
    assert first == "hallmark/delivery-file v1\n", first
    found = {}
    for part in rest:
        kind, _, text = part.partition(" <==\n")
        found[kind] = "".join(line[2:] + "\n" for line in text.splitlines())
    return found


def text_of(note):
    return note.split("\n\n")[0] + "\n"


class Site(server.Server):
    """lies: {"offer", "receipt", "head", "key", "proof": function(lines) or function(note)} changes what is signed; refusals: {path: (status, body)}.

    What it took stays in self.taken, in order; order: {client: (epoch, counter, hash)}."""

    def __init__(self, folder, key, log_key, name="globex"):
        self.key, self.log_key, self.name = key, log_key, name
        self.lies, self.refusals, self.silent = {}, {}, 0
        self.lock = threading.RLock()
        self.reset()
        super().__init__(folder)
        self.rules = {}
        self.headers = []  # of images
        outer, handler = self, self.http.RequestHandlerClass
        plain_get = handler.do_GET

        def do_post(request):
            body = request.rfile.read(int(request.headers["Content-Length"])).decode()
            outer.reply(request, body)

        def do_get(request):
            if request.path.startswith("/delivery/"):
                outer.reply(request, None)
            else:
                if request.path.startswith("/targets/"):
                    outer.headers.append(request.headers.get("Hallmark-Delivery"))
                plain_get(request)

        handler.do_POST, handler.do_GET = do_post, do_get

    def reset(self):
        self.keys, self.order, self.taken, self.answers, self.offers = {}, {}, [], {}, {}
        self.entries, self.merkle, self.places, self.published = [], log.Merkle(), {}, 0
        self.seen = {}  # {(client, event's place): texts}, whatever became of them

    # --- one request ---

    def reply(self, request, body):
        path, _, query = request.path.partition("?")
        if self.silent:
            self.silent -= 1
            request.close_connection = True
            return
        with self.lock:
            status, text = self.refusals.get(path) or self.answer(path, query, body)
        server.answer(request, status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})

    def answer(self, path, query, body):
        if path == "/delivery/head":
            client = urllib.parse.parse_qs(query)["client"][0]
            return (200, self.head(client)) if client in self.keys else (404, "no such key\n")
        if path.startswith("/delivery/proof/"):
            return self.proof(path.rpartition("/")[2])
        text = text_of(body)
        lines = read(text)
        if path == "/delivery/key":
            return 200, self.enrol(body, text, lines)
        if lines["client"] not in self.keys:
            return 401, "unknown key\n"
        if log.is_signed(body, self.keys[lines["client"]]) is None:
            return 400, "not signed by this key\n"
        self.seen.setdefault((lines["client"], *lines["event"].split()[:2]), set()).add(text)
        if digest(text) in self.answers:
            return self.answers[digest(text)]
        if not self.take_place(lines, text):
            return 409, self.head(lines["client"])
        self.taken.append(lines)
        self.answers[digest(text)] = self.offer(lines, text) if path == "/delivery/request" else self.receipt(lines, text)
        if self.lies.pop("lost", None):  # taken, and the answer goes astray
            return 503, "the way back is broken\n"
        return self.answers[digest(text)]

    def take_place(self, lines, text):
        epoch, counter, previous = lines["event"].split()
        last = self.order.get(lines["client"], (0, 0, ZERO))
        is_next = (int(epoch), int(counter)) == (max(last[0], 1), last[1] + 1)
        is_new = last[0] > 0 and (int(epoch), int(counter)) == (last[0] + 1, 1)
        if not (is_next or is_new) or previous != last[2]:
            return False
        self.order[lines["client"]] = (int(epoch), int(counter), digest(text))
        return True

    # --- what it signs ---

    def sign(self, kind, lines):
        lie = self.lies.get(kind)
        if lie is not None:
            lines = lie(dict(lines)) or lines
        text = statement(kind, **lines)
        key = self.lies.get(f"{kind} key", self.key)
        return f"{text}\n{key.line(text)}"

    def enrol(self, body, text, lines):
        self.keys[lines["client"]] = lines["key"]
        note = body + self.key.line(text)
        return self.lies["key"](note) if "key" in self.lies else note

    def head(self, client):
        epoch, counter, last = self.order.get(client, (0, 0, ZERO))
        return self.sign("head", {"site": self.name, "client": client, "event": f"{epoch} {counter} {last}", "time": when()})

    def add_leaf(self, salt, note):
        hashed = digest(text_of(note))
        leaf = hashlib.sha256(bytes.fromhex(salt) + bytes.fromhex(hashed)).hexdigest()
        self.places[hashed] = len(self.entries)
        self.entries.append(f"hallmark/delivery-leaf v1\n{leaf}\n".encode())
        self.merkle.add(self.entries[-1])

    def offer(self, asked, text):
        nonce = secrets.token_hex(32)
        version = asked["path"].split("/")[2]
        note = self.sign("offer", {"site": self.name, "request": digest(text), "entry": asked["entry"], "path": asked["path"], "label": version,
                                   "image": asked["image"], "edge": "edge 1", "nonce": nonce, "time": when(), "expires": when(86400)})
        self.offers[digest(text_of(note))] = (asked, text)
        self.add_leaf(nonce, note)
        return 200, note

    def receipt(self, given, text):
        asked, asked_text = self.offers.get(given["offer"], (None, None))
        if asked is None:
            return 404, "no such offer\n"
        salt = secrets.token_hex(32)
        note = self.sign("receipt", {"site": self.name, "request": digest(asked_text), "offer": given["offer"], "answer": digest(text),
                                     "path": asked["path"], "image": asked["image"], "written": asked["image"].split()[1], "salt": salt, "time": when()})
        self.add_leaf(salt, note)
        return 200, note

    # --- the deliveries log ---

    def checkpoint(self, size=None):
        size = len(self.entries) if size is None else size
        text = log.checkpoint_text(self.log_key.name, size, self.merkle.root(size))
        return f"{text}\n{self.log_key.line(text)}"

    def publish(self):
        """A batch: tiles, as a site serves them."""
        for path, data in log.tiles_of(self.merkle, self.entries, 0, len(self.entries)):
            log.write(self.folder / "deliveries" / path, data)
        log.write(self.folder / "deliveries" / "checkpoint", self.checkpoint().encode())
        self.published = len(self.entries)

    def proof(self, hashed):
        place = self.places.get(hashed)
        if place is None or place >= self.published:
            return 404, "not yet\n"
        text = log.proof_text(place, self.merkle.inclusion(place, self.published), self.checkpoint(self.published))
        return 200, self.lies["proof"](text) if "proof" in self.lies else text
