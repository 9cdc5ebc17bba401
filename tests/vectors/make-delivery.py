#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes delivery.json: signed statements of whole deliveries, good and bad, without any of Hallmark's code (docs/formats.md 20).

usage: tests/vectors/make-delivery.py [FILE]

Each delivery is a list of notes in order, with the key that each is to be verified with, its hash, and the verdict of taking it; then the
state, as reports name it.
"""
import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ZERO = "0" * 64
IMAGE, LENGTH = hashlib.sha256(b"firmware").hexdigest(), 8
ENTRY = hashlib.sha256(b"\0entry").hexdigest()


class Key:
    def __init__(self, name):
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.public = b"\1" + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(name.encode() + b"\n" + self.public).digest()[:4]
        self.vkey = f"{name}+{self.id.hex()}+{base64.b64encode(self.public).decode()}"

    def sign(self, text):
        return f"{text}\n— {self.name} {base64.b64encode(self.id + self.private.sign(text.encode())).decode()}\n"


SITE, HOST, OTHER = Key("globex/statements"), Key("initrode/host-1"), Key("initrode/host-2")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def lines(kind, *pairs):
    return f"hallmark/delivery-{kind} v1\n" + "".join(f"{word} {value}\n" for word, value in pairs)


def request(counter=1, previous=ZERO, client=HOST.name, image=IMAGE):
    return lines("request", ("site", "globex"), ("account", "initrode"), ("client", client), ("entry", f"17 {ENTRY}"), ("path", "acme/nic/1.0/nic.bin"),
                 ("image", f"{image} {LENGTH}"), ("checkpoint", f"20 {digest('root')}"), ("event", f"1 {counter} {previous}"), ("nonce", digest("nonce")),
                 ("time", "2026-11-24T13:00:00Z"))


def offer(asked, image=IMAGE, expires="2026-11-24T14:00:00Z"):
    return lines("offer", ("site", "globex"), ("request", digest(asked)), ("entry", f"17 {ENTRY}"), ("path", "acme/nic/1.0/nic.bin"),
                 ("label", "1.0 (build 7)"), ("image", f"{image} {LENGTH}"), ("edge", "edge 1"), ("nonce", digest("site nonce")),
                 ("time", "2026-11-24T13:00:01Z"), ("expires", expires))


def ack(asked, offered, image=IMAGE, counter=2, time="2026-11-24T13:00:09Z", client=HOST.name):
    return lines("ack", ("site", "globex"), ("client", client), ("offer", digest(offered)), ("image", f"{image} {LENGTH}"),
                 ("event", f"1 {counter} {digest(asked)}"), ("program", "hallmark 0.1.0"), ("time", time))


def reject(asked, offered, reason, image):
    return lines("reject", ("site", "globex"), ("client", HOST.name), ("offer", digest(offered)), ("reason", reason), ("image", f"{image} {LENGTH}"),
                 ("event", f"1 2 {digest(asked)}"), ("program", "hallmark 0.1.0"), ("time", "2026-11-24T13:00:09Z"))


def receipt(asked, offered, answered, image=IMAGE, written=LENGTH):
    return lines("receipt", ("site", "globex"), ("request", digest(asked)), ("offer", digest(offered)), ("answer", digest(answered)),
                 ("path", "acme/nic/1.0/nic.bin"), ("image", f"{image} {LENGTH}"), ("written", str(written)), ("salt", digest("salt")),
                 ("time", "2026-11-24T13:00:10Z"))


def step(text, signer, rc="HM_OK", key=None):
    return {"note": signer.sign(text), "vkey": (key or signer).vkey, "hash": digest(text), "rc": rc}


def deliveries():
    other = digest("other bytes")
    r = request()
    o = offer(r)
    a, late = ack(r, o), ack(r, o, time="2026-11-24T14:00:00Z")
    bad, odd = reject(r, o, "digest", other), reject(r, o, "digest", IMAGE)
    begin, given = step(r, HOST), step(o, SITE)
    return [
        ("acknowledged", [begin, given, step(a, HOST), step(receipt(r, o, a), SITE)], "acknowledged", True),
        ("each twice", [begin, begin, given, given, step(a, HOST), step(a, HOST), step(receipt(r, o, a), SITE), step(receipt(r, o, a), SITE)],
         "acknowledged", True),
        ("rejected", [begin, given, step(bad, HOST), step(receipt(r, o, bad), SITE)], "rejected", True),
        ("verdict", [begin, given, step(reject(r, o, "verdict", IMAGE), HOST)], "rejected", False),
        ("no answer", [begin, given], "offered", False),
        ("an ack of other bytes", [begin, given, step(ack(r, o, image=other), HOST, "HM_EMISMATCH")], "offered", False),
        ("a rejection of the same bytes", [begin, given, step(odd, HOST, "HM_EREFUSED")], "offered", False),
        ("too late", [begin, given, step(late, HOST, "HM_EEXPIRED")], "offered", False),
        ("an offer of other bytes", [begin, step(offer(r, image=other), SITE, "HM_EMISMATCH")], "requested", False),
        ("an offer of another request", [begin, step(offer(request(image=other)), SITE, "HM_EMISMATCH")], "requested", False),
        ("an offer that has ended", [begin, step(offer(r, expires="2026-11-24T13:00:01Z"), SITE, "HM_EREFUSED")], "requested", False),
        ("an offer alone", [step(o, SITE, "HM_EREFUSED")], "nothing", False),
        ("no place behind the request", [begin, given, step(ack(r, o, counter=1), HOST, "HM_EREFUSED")], "offered", False),
        ("signed by another host", [step(r, OTHER, "HM_EMISMATCH")], "nothing", False),
        ("another host's answer", [begin, given, step(ack(r, o, client=OTHER.name), OTHER, "HM_EMISMATCH")], "offered", False),
        ("verified with another key", [step(r, HOST, "HM_ESIGNATURE", key=OTHER)], "nothing", False),
        ("a receipt without an answer", [begin, given, step(receipt(r, o, a), SITE, "HM_EREFUSED")], "offered", False),
        ("a receipt of another answer", [begin, given, step(a, HOST), step(receipt(r, o, bad), SITE, "HM_EMISMATCH")], "acknowledged", False),
        ("a receipt of other bytes", [begin, given, step(bad, HOST), step(receipt(r, o, bad, image=other), SITE, "HM_EMISMATCH")], "rejected", False),
        ("two answers", [begin, given, step(a, HOST), step(bad, HOST, "HM_EREFUSED")], "acknowledged", False),
    ]


def main():
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("delivery.json")
    cases = [{"name": name, "steps": steps, "state": state, "receipted": receipted} for name, steps, state, receipted in deliveries()]
    where.write_text(json.dumps({"deliveries": cases}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
