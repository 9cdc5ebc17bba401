#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes seeds for fuzz/corpus/dossier, as another tar program makes them (docs/formats.md 23).

usage: tests/vectors/make-dossier-corpus.py FOLDER
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))
from delivered import made, tar  # noqa: E402

CLAIM = b"hallmark/claim v1\ncustomer globex\nrelease acme/nic/2.4\nsays received\n"
IMAGE = b"hallmark/claim v1\ncustomer globex\nimage " + made.IMAGE.encode() + b"\nsays withheld\nat 2026-09-21T14:00:00Z\n"


def seeds():
    whole = made.Delivery().file("key", "request", "offer").encode()
    head = [("README.txt", b"words\n"), ("claim.txt", CLAIM)]
    yield "a-claim", tar(*head)
    yield "a-claim-on-an-image", tar(head[0], ("claim.txt", IMAGE))
    yield "a-delivery", tar(*head, ("deliveries/1.delivery", whole))
    yield "two-roots", tar(*head, ("roots/2.root.json", b"{}"), ("roots/4.root.json", b"{}"))
    yield "all-kinds", tar(*head, ("roots/2.root.json", b"{}"), ("evidence/1.evidence", b"x"), ("deliveries/1.delivery", b"y"), ("notes/1.note", b"z"))
    yield "out-of-order", tar(*head, ("notes/1.note", b"z"), ("deliveries/1.delivery", b"y"))
    yield "a-number-left-out", tar(*head, ("notes/2.note", b"z"))
    yield "a-name-of-no-kind", tar(*head, ("bin/1.note", b"z"))
    yield "no-claim", tar(head[0])


for name, raw in seeds():
    Path(sys.argv[1], name).write_bytes(raw)
