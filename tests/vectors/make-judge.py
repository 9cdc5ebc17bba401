#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes judge.json: files about deliveries, a claim, and what a judge must find, without any of Hallmark's code (docs/formats.md 20, 22, 23).

usage: tests/vectors/make-judge.py [FILE]

Each case has the files (by content), the claim, the finding, the verdict, words that the finding or a step has, and how many gaps and forks.
The release log and its evidence are those of make-evidence.py; the site's and the clients' keys come of short words.
"""
import base64
import hashlib
import importlib.util
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "lib"))


def load(name):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


d = load("make-delivery")
f = load("make-delivery-file")
e = load("make-evidence")

SITE, ORIGIN = "example", "firmware.example/deliveries"
KEY, LOG = d.Key("firmware.example/deliveries-statements"), d.Key(ORIGIN)
HOST, THIEF = d.Key("acme/host-00000001"), d.Key("acme/host-00000002")
WITNESSES = [e.note_key(f"dw{i}.example") for i in range(2)]
PATH, IMAGE, LENGTH = "acme/nic/2.4/fw.bin", hashlib.sha256(b"four").hexdigest(), 4
ACCOUNT = "globex"
SIZE = e.SIZE
ROOT = e.A.merkle.root(SIZE).hex()
SEEN = 1790000600  # when the deliveries log's witnesses saw
SEEN_TEXT, BEFORE_TEXT, LATER_TEXT = "2026-09-21T14:23:20Z", "2026-09-21T14:00:00Z", "2026-09-22T00:00:00Z"


class Delivery:
    """One delivery's statements; each can be replaced before it is framed."""

    def __init__(self, host=HOST, counter=1, previous=d.ZERO, image=IMAGE, path=PATH, label=None, account=ACCOUNT, epoch=1, salt="salt", length=LENGTH):
        self.host, self.image, self.path, self.account, self.length, self.salt = host, image, path, account, length, salt
        self.key = d.lines("key", ("site", SITE), ("account", account), ("client", host.name), ("key", host.vkey), ("time", "2026-09-21T13:00:00Z"))
        self.request = d.lines("request", ("site", SITE), ("account", account), ("client", host.name), ("entry", f"6 {d.ENTRY}"), ("path", path),
                               ("image", f"{image} {length}"), ("checkpoint", f"{SIZE} {ROOT}"), ("event", f"{epoch} {counter} {previous}"),
                               ("nonce", d.digest("nonce")), ("time", "2026-09-21T14:20:00Z"))
        self.offer = d.lines("offer", ("site", SITE), ("request", d.digest(self.request)), ("entry", f"6 {d.ENTRY}"), ("path", path), ("label", label or path.split("/")[2]),
                             ("image", f"{image} {length}"), ("edge", "edge-1.example"), ("nonce", d.digest("offer" + salt)),
                             ("time", "2026-09-21T14:20:01Z"), ("expires", "2026-09-22T14:20:01Z"))
        self.counter, self.epoch = counter, epoch
        self.ack()

    def answer(self, kind, image=None, length=None, reason=None):
        words = [("site", SITE), ("client", self.host.name), ("offer", d.digest(self.offer))] + ([("reason", reason)] if reason else [])
        self.reply = d.lines(kind, *words, ("image", f"{image or self.image} {self.length if length is None else length}"),
                             ("event", f"{self.epoch} {self.counter + 1} {d.digest(self.request)}"), ("program", "hallmark 0.1.0"),
                             ("time", "2026-09-21T14:20:09Z"))
        self.receipt = d.lines("receipt", ("site", SITE), ("request", d.digest(self.request)), ("offer", d.digest(self.offer)),
                               ("answer", d.digest(self.reply)), ("path", self.path), ("image", f"{self.image} {self.length}"),
                               ("written", str(self.length)), ("salt", d.digest(self.salt)), ("time", "2026-09-21T14:20:10Z"))
        return self

    def ack(self):
        return self.answer("ack")

    def reject(self, reason, image=None, length=None):
        return self.answer("reject", image, length, reason)

    def proofs(self, seen=SEEN, size=4, other="x\n"):
        """Proofs of offer and receipt under a checkpoint that the witnesses saw then (None: that nobody saw)."""
        leaves = [other, f.entry(d.digest("offer" + self.salt), self.offer), f.entry(d.digest(self.salt), self.receipt), "y\n"]
        root, paths = f.tree(leaves)
        text = f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"
        note = LOG.sign(text) + "".join(w.line(text, seen + i) for i, w in enumerate(WITNESSES) if seen is not None)

        def one(i):
            return f"c2sp.org/tlog-proof@v1\nindex {i}\n" + "".join(base64.b64encode(h).decode() + "\n" for h in paths[i]) + "\n" + note
        return {"offer-proof": one(1), "receipt-proof": one(2)}

    def file(self, *names, site=KEY, seen=SEEN, signer=None, key=None):
        notes = {"key": key or f.key_note(self.key, self.host, site), "request": (signer or self.host).sign(self.request), "offer": site.sign(self.offer),
                 "answer": (signer or self.host).sign(self.reply), "receipt": site.sign(self.receipt), **self.proofs(seen)}
        return f.frame([(name, notes[name]) for name in f.NAMES if not names or name in names])

    def last(self):
        return d.digest(self.reply)


def head(delivery_key, epoch, counter, digest, site=KEY):
    return site.sign(d.lines("head", ("site", SITE), ("client", delivery_key.name), ("event", f"{epoch} {counter} {digest}"), ("time", "2026-09-21T15:00:00Z")))


def cases():
    def case(name, files, finding, verdict, words=(), claim="received", release="acme/nic/2.4", at=None, image=None, customer=ACCOUNT, gaps=0, forks=0, bad=0,
             revoked=None):
        return {"name": name, "files": files, "claim": claim, "customer": customer, "release": None if image else release, "image": image, "at": at,
                "finding": finding, "verdict": verdict, "words": list(words), "gaps": gaps, "forks": forks, "bad": bad, "revoked": revoked}

    proved, refuted, untold = "proved", "refuted", "cannot tell"
    state = e.HISTORY
    good = Delivery()
    whole = good.file()
    # Row 1: all signed, logged, witnessed.
    say = f"delivered: bytes {IMAGE}, to key {HOST.name}, "
    yield case("delivered", [state, whole], "delivered", proved, [say + "between witness times 2026-09-21T14:13:20Z and " + SEEN_TEXT, "they are published"])
    yield case("delivered, and never received is claimed", [state, whole], "delivered", refuted, claim="never-received")
    yield case("delivered, and rejected is claimed", [state, whole], "delivered", refuted, claim="rejected")
    yield case("delivered, and withheld is claimed", [state, whole], "delivered", refuted, claim="withheld")
    yield case("delivered: by image", [whole], "delivered", proved, [say + "not later than witness time " + SEEN_TEXT], image=IMAGE)
    yield case("delivered: by label", [Delivery(label="2.4 (final)").file()], "delivered", proved, release="acme/nic/2.4 (final)")
    yield case("delivered: without proofs", [good.file("key", "request", "offer", "answer", "receipt")], "delivered", proved,
               [say.rstrip(", ") + "; no witness says when"])
    yield case("delivered: twice the same file", [whole, whole], "delivered", proved)
    yield case("delivered to somebody else", [whole], "nothing", untold, customer="initech")
    yield case("delivered, another version", [whole], "nothing", untold, release="acme/nic/2.1")
    yield case("delivered, a version that begins so", [whole], "nothing", untold, release="acme/nic/2")
    yield case("delivered, another image", [whole], "nothing", untold, image=d.digest("else"))
    # Row 2.
    offered = good.file("key", "request", "offer", "offer-proof")
    say = f"the site states under its key that it offered {IMAGE} to credential {ACCOUNT}"
    yield case("offered, not acknowledged", [offered], "unacknowledged", untold, [say, "receipt not proved", f"not acknowledged by {ACCOUNT}'s key"])
    yield case("offered, and withheld is claimed", [offered], "unacknowledged", refuted, claim="withheld")
    yield case("offered, and never received is claimed", [offered], "unacknowledged", untold, claim="never-received")
    # Row 3.
    say = "customer states it; site's participation not proved"
    yield case("an answer without an offer", [good.file("key", "request", "answer")], "customer-alone", untold, [say])
    yield case("an answer alone", [good.file("key", "answer")], "customer-alone", untold, [say], image=IMAGE)
    yield case("a request alone", [good.file("key", "request")], "customer-alone", untold, [say])
    yield case("a request alone, and withheld is claimed", [good.file("key", "request")], "customer-alone", untold, [say], claim="withheld")
    # Row 4: the site's own statements name bytes that the log does not have.
    bad = Delivery(image=d.digest("trojan")).reject("verdict")
    say = "proved: the site served bytes that are no published release"
    yield case("bytes that are no release", [state, bad.file()], "unpublished", refuted, [say, "reason verdict"])
    yield case("bytes that are no release, rejected is claimed", [state, bad.file()], "unpublished", proved, [say], claim="rejected")
    yield case("bytes that are no release, acknowledged", [state, bad.ack().file()], "unpublished", refuted, [say])
    yield case("bytes of nobody knows which release", [Delivery(image=d.digest("trojan")).reject("verdict").file()], "refused", proved, claim="rejected")
    # Row 5.
    other = Delivery().reject("digest", image=d.digest("what came"))
    say = "contradiction: the site states that it meant the good digest"
    yield case("other bytes than were meant", [state, other.file()], "contradiction", untold, [say, "signatures cannot settle it", "sent by 'edge-1.example'"])
    yield case("other bytes than were meant, rejected is claimed", [state, other.file()], "contradiction", proved, [say], claim="rejected")
    yield case("other bytes than were meant, never received is claimed", [state, other.file()], "contradiction", untold, [say], claim="never-received")
    others = Delivery(host=d.Key("initech/host-00000003"), account="initech")
    yield case("others got the same image", [state, other.file(), others.file()], "contradiction", untold, ["1 were acknowledged and 0 rejected"])
    yield case("the right bytes, refused", [state, Delivery().reject("recalled").file()], "refused", proved, ["(recalled)"], claim="rejected")
    # Row 6.
    asked = good.file("key", "request")
    say = "request made at 2026-09-21T14:20:00Z, unanswered: withheld"
    yield case("a request that the site knows of", [asked, head(HOST, 1, 1, d.digest(good.request))], "unanswered", proved, [say], claim="withheld")
    yield case("a request that the site knows of, received is claimed", [asked, head(HOST, 1, 1, d.digest(good.request))], "unanswered", untold, [say])
    yield case("a head of another statement", [asked, head(HOST, 1, 1, d.digest("else"))], "customer-alone", untold, ["another statement"], claim="withheld")
    yield case("a head by nobody", [asked, head(HOST, 1, 1, d.digest(good.request), site=HOST)], "customer-alone", untold, claim="withheld", bad=1)
    after = Delivery(counter=2, previous=d.digest(good.request), path="acme/nic/1.0/fw.bin")
    yield case("a request that the site passed by", [asked, after.file()], "unanswered", proved, [say], claim="withheld")
    # Row 7.
    say = f"no such release up to size {SIZE} at 2026-09-21T14:13:20Z"
    yield case("no such label", [e.ABSENT], "no-such-release", refuted, [say, "newest"], release="acme/nic/2.3")
    yield case("no such label, never received is claimed", [e.ABSENT], "no-such-release", proved, [say], release="acme/nic/2.3", claim="never-received")
    yield case("no such product", [e.ABSENT_PRODUCT], "no-such-release", refuted, [say], release="acme/raid/2.3")
    yield case("absence of another label", [e.ABSENT], "nothing", untold, release="acme/nic/2.2")
    yield case("absence as of then", [e.ABSENT], "no-such-release", refuted, [say], release="acme/nic/2.3", at="2026-09-21T14:00:00Z")
    yield case("absence, and a later time", [e.ABSENT], "no-such-release", untold, ["what came later"], release="acme/nic/2.3", at=LATER_TEXT)
    yield case("absence that is forged", [e.ABSENT.replace("2.3", "2.4")], "nothing", untold, bad=1)
    lie = Delivery(path="acme/nic/2.3/fw.bin", image=d.digest("trojan"))
    yield case("no such label, and yet it was offered", [e.ABSENT, lie.file()], "unpublished", refuted, ["no published release"], release="acme/nic/2.3")
    # Row 8.
    second = Delivery(salt="2", path="acme/nic/1.0/fw.bin")
    say = f"key {HOST.name} signed two statements for place 1 of epoch 1"
    yield case("two statements of one place", [whole, second.file()], "equivocation", untold, [say, "portable proof"], forks=2)
    yield case("two keys, one place each", [whole, Delivery(host=THIEF).file()], "delivered", proved)
    yield case("two epochs, one place each", [whole, Delivery(epoch=2, previous=good.last()).file()], "delivered", proved)
    yield case("two statements of somebody else's key", [whole, others.file(), Delivery(host=others.host, account="initech", path="acme/nic/1.0/fw.bin").file()],
               "delivered", proved, forks=2)
    # Row 9.
    say = f"evidence made after the fact (first witnessed at {SEEN_TEXT}): not usable for the earlier time {BEFORE_TEXT}"
    yield case("late", [whole], "late", untold, [say], at=BEFORE_TEXT)
    yield case("not late", [whole], "delivered", proved, at=SEEN_TEXT)
    yield case("by a second late", [whole], "late", untold, ["first witnessed"], at="2026-09-21T14:23:19Z")
    yield case("seen by nobody", [good.file("key", "request", "offer", "answer", "receipt")], "late", untold, ["no witness saw"], at=LATER_TEXT)
    # Row 10.
    yield case("nothing", [], "nothing", untold, ["no evidence either way"])
    yield case("nothing but the release", [e.PUBLISHED], "nothing", untold, ["'acme/nic/2.1' is published; there is no delivery evidence for 'globex'"],
               release="acme/nic/2.1")
    # Order.
    third = Delivery(counter=3, previous=good.last(), path="acme/nic/1.0/fw.bin")
    fifth = Delivery(counter=5, previous=third.last(), path="acme/nic/2.1/fw.bin")
    yield case("a chain", [whole, third.file(), fifth.file()], "delivered", proved, ["6 statements of clients stand in their order"])
    yield case("a chain with a gap", [whole, fifth.file()], "delivered", proved, ["places 3 to 4 of epoch 1"], gaps=2)
    yield case("a chain without its end", [whole, head(HOST, 1, 4, third.last())], "delivered", proved, ["places 3 to 4"], gaps=2)
    yield case("a chain up to its head", [whole, third.file(), head(HOST, 1, 4, third.last())], "delivered", proved)
    broken = Delivery(counter=3, previous=d.digest("another"), path="acme/nic/1.0/fw.bin")
    yield case("a chain that names another", [whole, broken.file()], "delivered", proved, ["another statement stands before it"], gaps=1)
    # Fabricated.
    fake = d.Key("firmware.example/fake")
    yield case("signed by another site's key", [good.file(site=fake)], "nothing", untold, ["counts for nothing"], bad=1)
    yield case("a key that was never enrolled", [good.file(key=f.key_note(good.key, HOST))], "nothing", untold, ["counts for nothing"], bad=1)
    yield case("signed by another key", [good.file(signer=THIEF)], "nothing", untold, ["counts for nothing"], bad=1)
    yield case("altered", [whole.replace("2.4/fw.bin", "2.1/fw.bin")], "nothing", untold, ["counts for nothing"], bad=1)
    yield case("altered, beside the true one", [whole.replace("edge-1", "edge-2"), whole], "delivered", proved, bad=1)
    yield case("no file of any kind", ["hello\n", ""], "nothing", untold, ["counts for nothing"], bad=2)
    yield case("another delivery's proofs", [whole.replace("index 1", "index 0")], "delivered", proved, ["its offer-proof counts for nothing"])
    # Revoked.
    yield case("a key revoked before", [whole], "revoked", untold, [f"key {HOST.name} was revoked at {BEFORE_TEXT}"], revoked=[HOST.name, BEFORE_TEXT])
    yield case("a key revoked later", [whole], "delivered", proved, revoked=[HOST.name, LATER_TEXT])
    yield case("a key revoked later, and no witness", [good.file("key", "request", "offer", "answer", "receipt")], "revoked", untold, ["no witness saw"],
               revoked=[HOST.name, LATER_TEXT])
    yield case("another key revoked", [whole], "delivered", proved, revoked=[THIEF.name, BEFORE_TEXT])
    # The same version, other bytes.
    twin = Delivery(host=others.host, account="initech", image=d.digest("twin"))
    yield case("one version, two files", [whole, twin.file()], "delivered", proved, ["the site offered two files as 'acme/nic/2.4/fw.bin'"])
    # Two trees of one size.
    forked = Delivery(host=others.host, account="initech", salt="o")
    yield case("the deliveries log forks", [whole, forked.file()], "delivered", proved, ["signed two trees of 4 entries"])


def policy():
    lines = [f"log {LOG.vkey}"] + [f"witness w{i} {w.vkey}" for i, w in enumerate(WITNESSES)]
    return "\n".join(lines + ["group all any w0 w1", "quorum none"]) + "\n"


def trusted_root():
    """The release log's root, which names deliveries too."""
    signed = json.loads(e.R1)["signed"]
    signed["x-hallmark"]["deliveries"] = {"key": KEY.vkey, "policy": policy()}
    return json.dumps({"signatures": [e.ROOT1.sign(signed)], "signed": signed}, sort_keys=True, separators=(",", ":"))


def main():
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "judge.json"
    out = {"root": e.R1, "key": KEY.vkey, "policy": policy(), "trusted": trusted_root(), "cases": list(cases())}
    where.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
