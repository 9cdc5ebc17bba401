# SPDX-License-Identifier: Apache-2.0
"""A customer's side of deliveries (docs/formats.md 20 and 22), without any of Hallmark's code: keys, statements, and what is asked over HTTP."""
import base64
import hashlib
import http.client
import secrets
import socket
import ssl
import time
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import serving

ZERO = "0" * 64


def digest(text):
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def when(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def statement(kind, **lines):
    return f"hallmark/delivery-{kind} v1\n" + "".join(f"{word} {value}\n" for word, value in lines.items())


def read(note):
    """(kind, {word: value}) of a note's text."""
    first, *rest = text_of(note).splitlines()
    return first.removeprefix("hallmark/delivery-").removesuffix(" v1"), dict(line.split(" ", 1) for line in rest)


def text_of(note):
    return note.split("\n\n")[0] + "\n"


def hash_of(note):
    return digest(text_of(note))


def is_signed(note, vkey):
    """Has this vkey signed the note?"""
    name, key_id, public = vkey.split("+", 2)
    raw = base64.b64decode(public)
    for line in note.split("\n\n", 1)[1].splitlines():
        _, signer, signature = line.split(" ")
        data = base64.b64decode(signature)
        if signer != name or data[:4].hex() != key_id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(raw[1:]).verify(data[4:], text_of(note).encode())
            return True
        except InvalidSignature:
            return False
    return False


class Key:
    """A client's key, and its place in its own order."""

    def __init__(self, account, host="host", site="globex", name=None):
        self.private = Ed25519PrivateKey.generate()
        self.account, self.site = account, site
        raw = b"\1" + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.name = name or f"{account}/{host}-{hashlib.sha256(raw[1:]).hexdigest()[:8]}"
        self.id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        self.vkey = f"{self.name}+{self.id.hex()}+{base64.b64encode(raw).decode()}"
        self.epoch, self.counter, self.last = 1, 0, ZERO

    def sign(self, text):
        return f"{text}\n— {self.name} {base64.b64encode(self.id + self.private.sign(text.encode())).decode()}\n"

    def place(self):
        return f"{self.epoch} {self.counter + 1} {self.last}"

    def take(self, note):
        """The note takes its place."""
        self.counter, self.last = self.counter + 1, hash_of(note)
        return note

    def key_note(self, **changes):
        lines = {"site": self.site, "account": self.account, "client": self.name, "key": self.vkey, "time": when()}
        return self.sign(statement("key", **{**lines, **changes}))

    def request(self, release, **changes):
        lines = {"site": self.site, "account": self.account, "client": self.name, "entry": release.entry, "path": release.path,
                 "image": f"{release.image} {release.length}", "checkpoint": f"{release.index + 2} {digest('root')}", "event": self.place(),
                 "nonce": secrets.token_hex(32), "time": when()}
        return self.sign(statement("request", **{**lines, **changes}))

    def ack(self, note, **changes):
        """Of an offer's note."""
        _, offered = read(note)
        lines = {"site": self.site, "client": self.name, "offer": hash_of(note), "image": offered["image"], "event": self.place(),
                 "program": "test 1", "time": when()}
        return self.sign(statement("ack", **{**lines, **changes}))

    def reject(self, offer, reason, image, **changes):
        lines = {"site": self.site, "client": self.name, "offer": hash_of(offer), "reason": reason, "image": image, "event": self.place(),
                 "program": "test 1", "time": when()}
        return self.sign(statement("reject", **{**lines, **changes}))


class Release:
    """One image of a published release."""

    def __init__(self, site, maker, product="nic", version="1.0"):
        where = (site / f"public/proofs/{maker}/{product}/{version}").read_text()
        head, entry = where.split("\n\n")[:2]
        self.index = int(head.splitlines()[1].split()[1])
        self.entry = f"{self.index} {digest(bytes(1) + (entry + chr(10)).encode())}"
        self.file = next((site / f"public/targets/{maker}/{product}/{version}").iterdir())
        self.image, name = self.file.name.split(".", 1)
        self.path = f"{maker}/{product}/{version}/{name}"
        self.url = f"/targets/{maker}/{product}/{version}/{self.file.name}"
        self.length = self.file.stat().st_size


class Client:
    """Asks a server, over one connection that is kept."""

    def __init__(self, server, token):
        self.server, self.token, self.connection = server, token, None

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, text); asks again on a connection that was closed."""
        every = dict(headers or {})
        if self.token:
            every["Authorization"] = serving.authorization(self.token)
        if body is not None:
            every["Content-Type"] = "text/plain; charset=utf-8"
        for last in (False, True):
            if self.connection is None:
                self.connection = self.server.connection()
            try:
                self.connection.request(method, path, None if body is None else body.encode() if isinstance(body, str) else body, every)
                answer = self.connection.getresponse()
                return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode(errors="replace")
            except (http.client.HTTPException, OSError):
                self.close()
                if last:
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def post(self, what, note):
        status, _, text = self.ask("POST", f"/delivery/{what}", note)
        return status, text

    def head(self, name):
        status, _, text = self.ask("GET", "/delivery/head?client=" + urllib.parse.quote(name, safe=""))
        return status, text

    def proof(self, hashed):
        return self.ask("GET", f"/delivery/proof/{hashed}")

    def enrol(self, key):
        status, note = self.post("key", key.key_note())
        assert status == 200, (status, note)
        return note

    def offer(self, key, release, **changes):
        """The offer to a fresh request, which takes its place."""
        request = key.take(key.request(release, **changes))
        status, offer = self.post("request", request)
        assert status == 200, (status, offer)
        return request, offer

    def fetch(self, release, offer=None, headers=None):
        """The image's bytes, under an offer."""
        every = {**(headers or {}), **({"Hallmark-Delivery": hash_of(offer)} if offer else {})}
        if self.token:
            every["Authorization"] = serving.authorization(self.token)
        connection = self.server.connection()
        try:
            connection.request("GET", release.url, headers=every)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def deliver(self, key, release):
        """A whole delivery: (request, offer, ack, receipt)."""
        request, offer = self.offer(key, release)
        status, image = self.fetch(release, offer)
        assert status == 200 and digest(image) == release.image
        ack = key.take(key.ack(offer))
        status, receipt = self.post("answer", ack)
        assert status == 200, (status, receipt)
        return request, offer, ack, receipt


def raw(server, data, wait=10):
    """What a server answers to these bytes on a plain connection of its own kind."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=wait)
    if not server.trial:
        plain = ssl.create_default_context(cafile=server.ca).wrap_socket(plain, server_hostname="127.0.0.1")
    with plain:
        plain.sendall(data)
        got = b""
        try:
            while chunk := plain.recv(65536):
                got += chunk
        except OSError:
            pass
        return got
