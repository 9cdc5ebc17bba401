#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes delivery-file.json: delivery files, good and bad, without any of Hallmark's code (docs/formats.md 22).

usage: tests/vectors/make-delivery-file.py [FILE]

Each has the site's keys, the log's policy, the verdict of parsing it, and where that is HM_OK of verifying it; then of each proof, and the state.
With --seeds FOLDER the good ones and a few bad ones go there as a fuzzer's corpus.
"""
import base64
import hashlib
import importlib.util
import json
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("make_delivery", Path(__file__).with_name("make-delivery.py"))
d = importlib.util.module_from_spec(spec)
spec.loader.exec_module(d)

LOG = d.Key("globex.example/deliveries")
HOST = d.HOST
NAMES = ["key", "request", "offer", "answer", "receipt", "offer-proof", "receipt-proof"]


def sha(data):
    return hashlib.sha256(data).digest()


def signature(key, text):
    return key.sign(text)[len(text) + 1:]


def key_text(account="initrode", client=HOST, vkey=None, site="globex"):
    return d.lines("key", ("site", site), ("account", account), ("client", client.name), ("key", vkey or client.vkey), ("time", "2026-11-24T12:00:00Z"))


def key_note(text, *signers):
    return text + "\n" + "".join(signature(signer, text) for signer in signers)


def entry(salt, statement):
    return f"hallmark/delivery-leaf v1\n{sha(bytes.fromhex(salt) + bytes.fromhex(d.digest(statement))).hex()}\n"


def tree(leaves):
    """Root and paths of four leaves."""
    hashes = [sha(b"\0" + leaf.encode()) for leaf in leaves]
    pairs = [sha(b"\1" + hashes[0] + hashes[1]), sha(b"\1" + hashes[2] + hashes[3])]
    return sha(b"\1" + pairs[0] + pairs[1]), [[hashes[i ^ 1], pairs[1 - i // 2]] for i in range(4)]


def proof(index, path, root, size=4, log=LOG):
    checkpoint = log.sign(f"{log.name}\n{size}\n{base64.b64encode(root).decode()}\n")
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n" + "".join(base64.b64encode(h).decode() + "\n" for h in path) + "\n" + checkpoint


def quote(text):
    return "".join("|\n" if line == "" else f"| {line}\n" for line in text.split("\n")[:-1])


def frame(parts, first="hallmark/delivery-file v1"):
    return first + "\n" + "".join(f"==> {name} <==\n{quote(text)}" for name, text in parts)


def whole():
    r = d.request()
    o = d.offer(r)
    a = d.ack(r, o)
    c = d.receipt(r, o, a)
    k = key_text()
    root, paths = tree([entry(d.digest("pad"), "x\n"), entry(d.digest("site nonce"), o), entry(d.digest("salt"), c),
                        entry(sha((k + "salt").encode()).hex(), k)])
    notes = [key_note(k, HOST, d.SITE), HOST.sign(r), d.SITE.sign(o), HOST.sign(a), d.SITE.sign(c), proof(1, paths[1], root), proof(2, paths[2], root)]
    return dict(zip(NAMES, notes)), (r, o, a, c)


def cases():
    notes, (r, o, a, c) = whole()
    bad = d.reject(r, o, "digest", d.digest("other bytes"))
    all_of = list(notes.items())

    def some(*names, **other):
        parts = {**notes, **{name.replace("_", "-"): text for name, text in other.items()}}
        return frame([(name, parts[name]) for name in NAMES if name in names or name in parts and not names])

    whole_file = frame(all_of)
    ok, none = "HM_OK", "HM_ENOTFOUND"
    yield "whole", whole_file, ok, ok, ok, ok, "acknowledged"
    yield "without proofs", frame(all_of[:5]), ok, ok, none, none, "acknowledged"
    yield "without a receipt", frame(all_of[:4]), ok, ok, none, none, "acknowledged"
    yield "an offer, proved", some("key", "request", "offer", "offer-proof"), ok, ok, ok, none, "offered"
    yield "a request", frame(all_of[:2]), ok, ok, none, none, "requested"
    yield "a key alone", frame(all_of[:1]), ok, ok, none, none, "nothing"
    yield "a rejection", some("key", "request", "offer", "answer", answer=HOST.sign(bad)), ok, ok, none, none, "rejected"
    # Form.
    yield "nothing", "", "HM_EINPUT"
    yield "no part", frame([]), "HM_EFORMAT"
    yield "version 2", frame(all_of, "hallmark/delivery-file v2"), "HM_EINPUT"
    yield "evidence", frame(all_of, "hallmark/evidence v1"), "HM_EINPUT"
    yield "a line's end is missing", whole_file[:-1], "HM_EFORMAT"
    yield "a part twice", frame(all_of[:2] + all_of[1:]), "HM_EFORMAT"
    yield "out of order", frame([all_of[1], all_of[0]]), "HM_EFORMAT"
    yield "a part that is not known", whole_file.replace("==> answer <==", "==> reply <=="), "HM_EFORMAT"
    yield "a heading with more spaces", whole_file.replace("==> answer <==", "==>  answer <=="), "HM_EFORMAT"
    yield "a heading in the last part's place", whole_file + "==> receipt-proof <==\n", "HM_EFORMAT"
    yield "an empty part", whole_file.split("==> receipt <==")[0] + "==> receipt <==\n", "HM_EFORMAT"
    yield "an empty line without its bar", whole_file.replace("\n|\n", "\n\n", 1), "HM_EFORMAT"
    yield "an empty line with a space", whole_file.replace("\n|\n", "\n| \n", 1), "HM_EFORMAT"
    yield "no space behind the bar", whole_file.replace("\n| site", "\n|site", 1), "HM_EFORMAT"
    yield "carriage returns", whole_file.replace("\n", "\r\n"), "HM_EFORMAT"
    yield "an empty line at the end", whole_file + "\n", "HM_EFORMAT"
    yield "a note without signatures", some("request", request=r + "\n"), "HM_EFORMAT"
    yield "a proof in a note's place", some("request", request=notes["offer-proof"]), ok, "HM_EINPUT"
    yield "a note in a proof's place", some("offer-proof", offer_proof=notes["offer"]), "HM_EFORMAT"
    yield "a part too long", some("request", request=notes["request"] + "".join(signature(d.Key(f"someone/{i}"), r) for i in range(200))), "HM_EFORMAT"
    # Whose word it is.
    yield "a key that the site did not sign", some("key", "request", key=key_note(key_text(), HOST)), ok, "HM_ESIGNATURE"
    yield "a key that it did not sign itself", some("key", "request", key=key_note(key_text(), d.SITE)), ok, "HM_ESIGNATURE"
    yield "a key signed by another site", some("key", "request", key=key_note(key_text(), HOST, d.Key("globex/else"))), ok, "HM_ESIGNATURE"
    yield "another host's key", some("key", "request", key=key_note(key_text(client=d.OTHER), d.OTHER, d.SITE)), ok, "HM_ESIGNATURE"
    yield "a key under another name", some("key", key=key_note(key_text(vkey=d.OTHER.vkey), d.OTHER, d.SITE)), ok, "HM_EMISMATCH"
    yield "a key of another account", some("key", "request", key=key_note(key_text(account="hooli"), HOST, d.SITE)), ok, "HM_EMISMATCH"
    yield "a key of another site", some("key", "request", key=key_note(key_text(site="acme"), HOST, d.SITE)), ok, "HM_EMISMATCH"
    yield "a request in the key's place", some("key", key=notes["request"]), ok, "HM_EMISMATCH"
    yield "no key", some("request", "offer"), ok, "HM_EINPUT"
    yield "an offer by another site", some("key", "request", "offer", offer=d.Key("globex/else").sign(o)), ok, "HM_ESIGNATURE"
    yield "an offer by the client", some("key", "request", "offer", offer=HOST.sign(o)), ok, "HM_ESIGNATURE"
    yield "a receipt in the offer's place", some("key", "request", "offer", offer=notes["receipt"]), ok, "HM_EMISMATCH"
    yield "an offer in the receipt's place", some("key", "request", "receipt", receipt=notes["offer"]), ok, "HM_EMISMATCH"
    yield "a request in the answer's place", some("key", "request", "offer", "answer", answer=notes["request"]), ok, "HM_EMISMATCH"
    # What may follow what.
    yield "a receipt without an answer", some("key", "request", "offer", "receipt"), ok, "HM_EREFUSED"
    yield "an answer without an offer", some("key", "request", "answer"), ok, "HM_EREFUSED"
    yield "a receipt of another answer", some("key", "request", "offer", "answer", "receipt", answer=HOST.sign(bad)), ok, "HM_EMISMATCH"
    yield "an offer of other bytes", some("key", "request", "offer", offer=d.SITE.sign(d.offer(r, image=d.digest("other")))), ok, "HM_EMISMATCH"
    # Proofs.
    swapped = some(offer_proof=notes["receipt-proof"], receipt_proof=notes["offer-proof"])
    yield "each other's proofs", swapped, ok, ok, "HM_EMISMATCH", "HM_EMISMATCH", "acknowledged"
    yield "a proof without a receipt", some("key", "request", "offer", "answer", "receipt-proof"), ok, ok, none, "HM_EREFUSED", "acknowledged"
    root, paths = tree(["a\n", entry(d.digest("site nonce"), o), "c\n", "d\n"])
    other = proof(1, paths[1], root, log=d.Key("globex.example/log"))
    yield "another log's proof", some("key", "request", "offer", "offer-proof", offer_proof=other), ok, ok, "HM_ESIGNATURE", none, "offered"
    other = proof(1, paths[1][::-1], root)
    yield "another path", some("key", "request", "offer", "offer-proof", offer_proof=other), ok, ok, "HM_EMISMATCH", none, "offered"


def main():
    if sys.argv[1:2] == ["--seeds"]:
        for name, file, *_ in cases():
            if len(file) < 20000:
                Path(sys.argv[2], name.replace(" ", "-").replace(",", "").replace("'", "")).write_bytes(file.encode())
        return
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("delivery-file.json")
    out = []
    for case in cases():
        name, file, parse, verify, offer, receipt, state = case + (None,) * (7 - len(case))
        out.append({"name": name, "file": file, "parse": parse, "verify": verify, "offer-proof": offer, "receipt-proof": receipt, "state": state})
    policy = f"log {LOG.vkey}\nquorum none\n"
    where.write_text(json.dumps({"site": [d.Key("globex/old").vkey, d.SITE.vkey], "policy": policy, "files": out}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
