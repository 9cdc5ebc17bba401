#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes evidence.json: byte-exact vectors of evidence files (docs/formats.md 14), of the map of releases and of its files, good
ones and bad ones; and seeds for fuzz/corpus/{evidence,check}.

Nothing here uses Hallmark's code: it is a second reading of docs/formats.md, C2SP and RFC 6962. All keys are SHA-256 of short words
and Ed25519 is deterministic, so that a new run changes nothing. README.md says what the members mean.
"""
import base64
import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import evidence as ev  # noqa: E402
import log  # noqa: E402
import release_map as rm  # noqa: E402
import tree  # noqa: E402

SITE, ORIGIN = "example", "firmware.example/log"
T = 1790000000  # when the witnesses cosign first
OK, FORMAT, SIGNATURE, MISMATCH = "HM_OK", "HM_EFORMAT", "HM_ESIGNATURE", "HM_EMISMATCH"
REFUSED, AGAIN, INPUT, ROLLBACK = "HM_EREFUSED", "HM_EAGAIN", "HM_EINPUT", "HM_EROLLBACK"


def private(word):
    return ed25519.Ed25519PrivateKey.from_private_bytes(log.sha256(word.encode()))


def note_key(name, kind=log.COSIGNER, word=None):
    return log.NoteKey(name, kind, private(word or name))


class RootKey(tree.Key):
    def __init__(self, word):  # a fixed key, in place of a fresh one
        self.private = private(word)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        self.tuf = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": self.public}}
        self.keyid = log.sha256(tree.canonical(self.tuf).encode()).hex()


LOG = note_key(ORIGIN, log.LOG_KEY, "log")
NEXT = note_key("firmware.example/log2", log.LOG_KEY, "log 2")
W = [note_key(f"w{i}.example") for i in range(5)]  # w0 is the customer's own; w4 comes with root 2
ROOT1, ROOT2, EVIL = RootKey("root 1"), RootKey("root 2"), RootKey("evil")
OTHER_LOG = note_key(ORIGIN, log.LOG_KEY, "not the log")


def make_root(version, key, signers, policy, site=SITE, closed=None, trial=False):
    roles = {role: {"keyids": [key.keyid], "threshold": 1} for role in ("root", "snapshot", "targets", "timestamp")}
    extra = {"site": site, **({"trial": True} if trial else {})}
    if policy is not None:
        extra["log"] = {"policy": policy, **({"closed": closed} if closed else {})}
    signed = {"_type": "root", "spec_version": "1.0.34", "version": version, "expires": "2099-01-01T00:00:00Z",
              "consistent_snapshot": True, "keys": {key.keyid: key.tuf}, "roles": roles, "x-hallmark": extra}
    return json.dumps({"signatures": [k.sign(signed) for k in signers], "signed": signed}, sort_keys=True, separators=(",", ":"))


POLICY1 = log.policy_text(LOG.vkey, W[1:4], 2)
POLICY2 = log.policy_text(LOG.vkey, W[2:5], 2)
R1 = make_root(1, ROOT1, [ROOT1], POLICY1)
R2 = make_root(2, ROOT2, [ROOT1, ROOT2], POLICY2)  # other key, other witnesses
R2_FORGED = make_root(2, EVIL, [EVIL], POLICY2)
R2_OTHER_SITE = make_root(2, ROOT2, [ROOT1, ROOT2], POLICY2, site="other")
R2_NO_LOG = make_root(2, ROOT2, [ROOT1, ROOT2], None)


def image(name, content):
    return {name: (log.sha256(content.encode()).hex(), len(content))}


class World:
    """A log in memory that keeps the map."""

    def __init__(self):
        self.entries, self.merkle, self.versions, self.maps = [], log.Merkle(), 0, {}

    def append(self, text):
        self.entries.append(text)
        self.merkle.add(text)
        return len(self.entries) - 1

    def release(self, path, content, label=None):
        return self.append(log.release_entry(SITE, path, image("fw.bin", content), {f"release~{path.split('/')[0]}": 1}, label))

    def recall(self, name, content):
        text = (f"hallmark/recall v1\nsite {SITE}\npath recalls/{name}\ndocument {log.sha256(name.encode()).hex()} 900\n"
                f"digest {log.sha256(content.encode()).hex()}\nrole recalls~{name.split('/')[0]} 1\n")
        return self.append(text.encode())

    def close(self, first, voids=(), head=None):
        """The snapshot's entry of the batch from first on; head: another map than the true one."""
        batch = (first, len(self.entries) - first)
        found = rm.ReleaseMap(self.entries, voids)
        for index in range(first, len(self.entries)):
            found.apply(index, self.entries[index])
        self.versions += 1
        self.append(log.snapshot_entry(SITE, (self.versions, b"snapshot %d" % self.versions), (1, R1.encode()), batch, voids,
                                       head or found.head()))
        self.maps[len(self.entries)] = found
        return len(self.entries)

    def note(self, size=None, cosigners=(1, 2, 3), when=T, key=LOG, root=None):
        size = len(self.entries) if size is None else size
        text = log.checkpoint_text(key.name, size, root or self.merkle.root(size))
        return text + "\n" + key.line(text) + "".join(W[i].line(text, when) for i in cosigners)

    def published(self, path, size=None, **options):
        return ev.published(self.merkle, self.entries, self.note(size, **options), path)

    def absent(self, product, size=None, **options):
        size = len(self.entries) if size is None else size
        return ev.absent(self.merkle, self.entries[:size], self.note(size, **options), self.maps[size], product)


def true_world():
    world = World()
    world.append(log.root_entry(SITE, 1, R1.encode()))
    world.append(f"hallmark/maker v1\nsite {SITE}\nmaker acme\ngrade attested\nrole targets 1\n".encode())
    world.release("acme/nic/1.0", "one")
    world.close(0)
    first = world.release("acme/nic/2.1", "two", "2.1 (A)")
    world.release("acme/nic/2.3.0-rc1", "rc")
    world.release("acme/nic/2.4", "four")
    world.release("bolt/bios/9", "nine")
    world.close(first)
    world.close(world.recall("acme/bad-flash", "two"))
    for n in range(3):
        world.close(world.release(f"bolt/bios/{10 + n}", f"bios {n}"))
    return world


A = true_world()
SIZE = len(A.entries)
CASES = []


def case(name, rc, text, says=(), root=R1, policy=None, form=None):
    """form: the verdict on the file's form alone, where it is not what rc says."""
    if isinstance(text, bytes):
        member = {"file_hex": text.hex()}
    else:
        member = {"file": text}
    CASES.append({"name": name, "rc": rc, "form": form or (FORMAT if rc == FORMAT else OK), "root": root,
                  **({"policy": policy} if policy else {}), "says": list(says), **member})


# --- each kind, true ---

PUBLISHED = ev.write("published", SITE, [A.published("acme/nic/2.1")], "acme/nic/2.1")
ABSENT = ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/2.3")
ABSENT_PRODUCT = ev.write("absent", SITE, [A.absent("acme/raid")], "acme/raid/2.3")
HISTORY = ev.write("history", SITE, [A.absent("acme/nic")], "acme/nic")
HISTORY_NONE = ev.write("history", SITE, [A.absent("acme/raid")], "acme/raid")


def true_cases():
    case("published", OK, PUBLISHED, ["entry 4 of the log is the release 'acme/nic/2.1', printed as '2.1 (A)'", "it counts",
                                      "3 of 3 known witnesses saw this state, which is as many as are demanded",
                                      "SHA-256 " + log.sha256(b"two").hex(), "was recalled or taken back later"])
    case("absent: a version", OK, ABSENT, ["no version in it is '2.3', and none is printed so", "between '2.1' and '2.3.0-rc1'",
                                           "the newest in order is '2.4'", "there is version '2.4'",
                                           "from version 1 on: the log covers all"])
    case("absent: a label", OK, ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/2.1 (B)"), ["'2.1', printed as '2.1 (A)'"])
    case("absent: a variant", OK, ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/V2.1"), ["the same but for case"])
    case("absent: newer than all", OK, ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/9.9"), ["newer than '2.4'"])
    case("absent: older than all", OK, ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/0.1"), ["older than '1.0'"])
    case("absent: a product", OK, ABSENT_PRODUCT, ["the map does not have 'acme/raid'"])
    case("absent: a label with a slash", OK, ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/2.3/b"), ["none is printed so"])
    case("history", OK, HISTORY, ["version '2.1', printed as '2.1 (A)': entry 4, 1 file, RECALLED", "recalled by 'bad-flash', entry 9"])
    case("history of nothing", OK, HISTORY_NONE, ["does not have 'acme/raid'"])
    size = 4
    case("absent: before it was released", OK, ev.write("absent", SITE, [A.absent("acme/nic", size)], "acme/nic/2.1"),
         ["of 4 entries", "newer than '1.0'"])
    case("history: as of an earlier state", OK, ev.write("history", SITE, [A.absent("bolt/bios", 9)], "bolt/bios"), ["with 1 version,"])


# --- forms ---


def form_cases():
    def bad(name, text, form=None):
        case("form: " + name, FORMAT, text, form=form)

    bad("empty", "")
    bad("another file", "-----BEGIN CERTIFICATE-----\n")
    case("form: of a later version", INPUT, PUBLISHED.replace("evidence v1", "evidence v2"), ["a newer hallmark may read it"], form=INPUT)
    bad("no last newline", PUBLISHED[:-1])
    bad("a line more", PUBLISHED + "\n")
    bad("carriage returns", PUBLISHED.replace("\n", "\r\n"))
    bad("not UTF-8", PUBLISHED.encode().replace(b"claim site", b"claim \xff\xfe"))
    bad("a byte of nothing", PUBLISHED.replace("claim site", "claim \0site"))
    bad("kind not known", PUBLISHED.replace("kind published", "kind rumour"))
    bad("no kind", PUBLISHED.replace("kind published\n", ""))
    bad("kind twice", PUBLISHED.replace("kind published\n", "kind published\nkind published\n"))
    bad("no site", PUBLISHED.replace(f"site {SITE}\n", "", 1))
    bad("site in capitals", PUBLISHED.replace(f"site {SITE}\n", "site Example\n", 1))
    bad("no path", PUBLISHED.replace("path acme/nic/2.1\n", "", 1))
    bad("no claim", "".join(line for line in PUBLISHED.splitlines(True) if not line.startswith("claim ")))
    bad("path of a product alone", ev.write("published", SITE, [A.published("acme/nic/2.1")], "acme/nic", words="x"))
    bad("version in capitals", ev.write("published", SITE, [A.published("acme/nic/2.1")], "acme/nic/2.1A"))
    bad("path that climbs", ev.write("absent", SITE, [A.absent("acme/nic")], "../nic/2.1"))
    bad("absent without a text", ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/", words="x"))
    bad("text that ends in a space", ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/2.3 "))
    bad("text of 257 bytes", ev.write("absent", SITE, [A.absent("acme/nic")], "acme/nic/" + "9" * 257))
    bad("history of a version", ev.write("history", SITE, [A.absent("acme/nic")], "acme/nic/2.1"))
    bad("a claim of its own", PUBLISHED.replace("claim site 'example' published", "claim site 'example' never published"))
    bad("a claim about another index", PUBLISHED.replace("it is entry 4", "it is entry 5"))
    bad("a claim that says more", ABSENT.replace("label '2.3',", "label '2.3' or '2.1',"))
    bad("no checkpoint", PUBLISHED[:PUBLISHED.index("checkpoint\n")])
    bad("checkpoint that is no note", PUBLISHED.replace("| " + ORIGIN, "| "))
    bad("size with a zero in front", PUBLISHED.replace(f"| {ORIGIN}\n| {SIZE}", f"| {ORIGIN}\n| 0{SIZE}"))
    bad("two checkpoints", PUBLISHED + PUBLISHED[PUBLISHED.index("checkpoint\n"):])
    bad("one entry", PUBLISHED[:PUBLISHED.rindex("entry ")])
    bad("three entries", PUBLISHED + PUBLISHED[PUBLISHED.rindex("entry "):])
    bad("a map where none belongs", PUBLISHED + "map\n" + ev.binary(b"mptproof\0"))
    bad("no map", ABSENT[:ABSENT.index("map\n")])
    bad("a list without a map", ABSENT[:ABSENT.index("map\n")] + ABSENT[ABSENT.index("list\n"):])
    bad("list before map", ABSENT[:ABSENT.index("map\n")] + ABSENT[ABSENT.index("list\n"):] + ABSENT[ABSENT.index("map\n"):ABSENT.index("list\n")])
    bad("a list of nothing", ABSENT[:ABSENT.index("list\n")] + "list\n")
    bad("map longer than any", ABSENT_PRODUCT[:ABSENT_PRODUCT.index("map\n")] + "map\n" + ev.binary(bytes(9 + 64 + 257 * 33)))
    bad("earlier where none belongs", PUBLISHED + f"earlier {log.b64(bytes(32))}\n")
    bad("text mark without a space", PUBLISHED.replace("| hallmark/release", "|hallmark/release"))
    bad("empty text line with a space", PUBLISHED.replace("\n|\n", "\n| \n", 1))
    first = PUBLISHED.index("\n=") + 1
    end = PUBLISHED.index("\n", first)
    line = PUBLISHED[first:end]
    bad("base64 of 75 characters", PUBLISHED[:first] + line[:-1] + "\n=" + line[-1] + PUBLISHED[end:])
    bad("base64 of 80 characters", PUBLISHED.replace(line + "\n=", line + PUBLISHED[end + 2:end + 6] + "\n=", 1))
    bad("base64 that is none", PUBLISHED[:first] + "=*" + line[2:] + PUBLISHED[end:])
    bad("base64 of no bytes", PUBLISHED[:first] + "=\n" + PUBLISHED[first:])
    bad("hashes of 31 bytes", ABSENT[:ABSENT.index("\n=") + 1] + ev.binary(bytes(31)) + ABSENT[ABSENT.index("map\n"):])
    bad("64 hashes", ABSENT[:ABSENT.index("\n=") + 1] + ev.binary(bytes(64 * 32)) + ABSENT[ABSENT.index("map\n"):])
    for name, roots in (("root 1", [(1, R1)]), ("roots with a gap", [(2, R2), (4, R2)]), ("roots descending", [(3, R2), (2, R2)]),
                        ("a root of nothing", [(2, "")]), ("65 roots", [(n, R2) for n in range(2, 67)])):
        bad(name, ev.write("published", SITE, [A.published("acme/nic/2.1")], "acme/nic/2.1", [(n, r.encode()) for n, r in roots]))
    bad("root 02", PUBLISHED.replace("checkpoint\n", "root 02\n" + ev.binary(R2.encode()) + "checkpoint\n"))
    bad("root behind the checkpoint", PUBLISHED + "root 2\n" + ev.binary(R2.encode()))


# --- published and absent, false ---


def published_cases():
    path = "acme/nic/2.1"

    def write(part, name=path, **options):
        return ev.write("published", SITE, [part], name, **options)

    def altered(change):
        part = A.published(path)
        change(part)
        return write(part)

    def bad(name, rc, change, *says):
        case("published: " + name, rc, altered(change), says)

    def entry(part, at, index=None, text=None, hashes=None):
        old = part.entries[at]
        part.entries[at] = (old[0] if index is None else index, text or old[1], old[2] if hashes is None else hashes)

    bad("other bytes", MISMATCH, lambda p: entry(p, 0, text=p.entries[0][1].replace(b" 3\n", b" 4\n")), "not proved to be in the log")
    bad("another version's entry", MISMATCH, lambda p: entry(p, 0, text=p.entries[0][1].replace(b"2.1", b"2.2")), "not proved")
    bad("a path with a bit turned", MISMATCH, lambda p: entry(p, 0, hashes=[log.sha256(b"x"), *p.entries[0][2][1:]]), "not proved")
    bad("a path that is too short", FORMAT, lambda p: entry(p, 0, hashes=p.entries[0][2][1:]), "not proved")
    CASES[-1]["form"] = OK
    bad("another index", MISMATCH, lambda p: entry(p, 0, index=5), "not proved")
    bad("an index beyond the tree", FORMAT, lambda p: entry(p, 0, index=SIZE), "not proved")
    CASES[-1]["form"] = OK
    bad("the entry of another release", MISMATCH, lambda p: p.entries.__setitem__(0, ev.entry(A.merkle, A.entries, 6, SIZE)), "not 'acme/nic/2.1'")
    bad("a root's entry", REFUSED, lambda p: p.entries.__setitem__(0, ev.entry(A.merkle, A.entries, 0, SIZE)), "not a release and a snapshot")
    bad("a later snapshot", REFUSED, lambda p: p.entries.__setitem__(1, ev.entry(A.merkle, A.entries, 10, SIZE)), "batch")
    bad("an earlier snapshot", REFUSED, lambda p: p.entries.__setitem__(1, ev.entry(A.merkle, A.entries, 3, SIZE)), "batch")
    bad("no snapshot", REFUSED, lambda p: p.entries.__setitem__(1, ev.entry(A.merkle, A.entries, 5, SIZE)), "snapshot")
    bad("not signed by the log", SIGNATURE, lambda p: p.__init__(A.note(key=OTHER_LOG), p.entries), "checkpoint")
    bad("another root signed for", SIGNATURE, lambda p: p.__init__(p.note.replace(p.note.splitlines()[2], log.b64(log.sha256(b"x"))), p.entries))
    bad("one witness of two", AGAIN, lambda p: p.__init__(A.note(cosigners=(1,)), p.entries), "too few witnesses", "root's policy")
    bad("no witness", AGAIN, lambda p: p.__init__(A.note(cosigners=()), p.entries), "too few witnesses")
    bad("witnesses that root does not name", AGAIN, lambda p: p.__init__(A.note(cosigners=(0, 4)), p.entries), "too few witnesses")
    forged = A.note(cosigners=(1, 2))
    bad("a forged cosignature", SIGNATURE, lambda p: p.__init__(forged + W[3].line("x\n", T), p.entries))
    bad("another log's checkpoint", AGAIN, lambda p: p.__init__(A.note(key=NEXT), p.entries), "names the log 'firmware.example/log2'")
    case("published: of another site", INPUT, PUBLISHED, ["it is of site 'example'"], root=make_root(1, ROOT1, [ROOT1], POLICY1, site="other"))
    case("published: where root keeps no log", AGAIN, PUBLISHED, ["no root of site 'example'"], root=make_root(1, ROOT1, [ROOT1], None))
    case("published: on trial, unwitnessed", OK, write(A.published(path, cosigners=())), ["on trial", "nobody but the site itself"],
         root=make_root(1, ROOT1, [ROOT1], log.policy_text(LOG.vkey), trial=True))
    own = log.policy_text(None, [W[0]], 1)
    case("published: the customer's own witness is missing", AGAIN, PUBLISHED, ["the trust file's policy"], policy=own)
    case("published: the customer's own witness", OK, write(A.published(path, cosigners=(0, 1, 2))), ["3 of 4 known witnesses"], policy=own)
    void = World()
    void.release(path, "two")
    void.close(0, voids=[(0, 1)])
    case("published: void", REFUSED, write(void.published(path)), ["void"])
    # Roots that came later.
    by4 = A.published(path, cosigners=(3, 4))
    case("published: by a later root's witnesses", OK, write(by4, roots=[(2, R2.encode())]), ["each root from version 2 to 2"])
    case("published: without the later root", AGAIN, write(by4), ["too few witnesses"])
    case("published: by an earlier root's witnesses", OK, write(A.published(path, cosigners=(1, 2)), roots=[(2, R2.encode())]),
         ["by the word of root version 1, which later roots replaced"])
    case("published: a forged root", SIGNATURE, write(by4, roots=[(2, R2_FORGED.encode())]), ["the site's roots"])
    case("published: a root of another site", MISMATCH, write(by4, roots=[(2, R2_OTHER_SITE.encode())]), ["site 'other'"])
    case("published: a root that gives the log up", REFUSED, write(by4, roots=[(2, R2_NO_LOG.encode())]), ["the site's roots"])
    case("published: a root of another version", ROLLBACK, write(by4, roots=[(2, make_root(3, ROOT2, [ROOT1, ROOT2], POLICY2).encode())]))
    case("published: a root that is none", FORMAT, write(by4, roots=[(2, b"{}")]), ["the site's roots"], form=OK)
    case("published: roots that leave a gap", AGAIN, write(by4, roots=[(3, R2.encode())]), ["with the roots between"])
    case("published: roots known already", OK, write(by4, roots=[(2, R2_FORGED.encode())]), root=R2)
    # A log that a later root closed.
    def closing(size, root):
        return make_root(2, ROOT2, [ROOT1, ROOT2], log.policy_text(NEXT.vkey, W[1:4], 2),
                         closed=[{"vkey": LOG.vkey, "size": size, "root": root.hex()}])
    closed = closing(SIZE, A.merkle.root())
    case("published: in a log closed since", OK, write(A.published(path), roots=[(2, closed.encode())]), ["by the word of root version 1"])
    short = closing(9, A.merkle.root(9))
    case("published: beyond where root closed the log", REFUSED, write(A.published(path), roots=[(2, short.encode())]), ["ended with 9 entries"])
    case("published: a closed log whose root is not known", AGAIN, PUBLISHED, ["closed this log"], root=closed)


def absent_cases():
    def write(part, path="acme/nic/2.3", kind="absent", **options):
        return ev.write(kind, SITE, [part], path, **options)

    def bad(name, rc, change, *says, path="acme/nic/2.3", product="acme/nic"):
        part = A.absent(product)
        change(part)
        case("absent: " + name, rc, write(part, path), says)

    def set_(**members):
        return lambda part: part.__dict__.update(members)

    found = A.maps[SIZE]
    bad("a version that is there", REFUSED, set_(), "was published: version '2.1'", path="acme/nic/2.1")
    bad("a label that is there", REFUSED, set_(), "was published: version '2.1'", path="acme/nic/2.1 (A)")
    rows = found.list_of("acme/nic")
    bad("a list with a row left out", MISMATCH, set_(versions="".join(r + "\n" for r in rows if "2.1" not in r)), "not the one that the map has",
        path="acme/nic/2.1")
    bad("a list with a row changed", MISMATCH, set_(versions=found.list_text("acme/nic").replace("fw.bin", "fw.rom", 1)), "not the one")
    bad("a list without the recall", MISMATCH, set_(versions=found.list_text("acme/nic").replace("recall 9 bad-flash\n", "")), "not the one")
    bad("rows in another order", FORMAT, set_(versions="".join(r + "\n" for r in reversed(rows))))
    CASES[-1]["form"] = OK
    bad("the list of another product", MISMATCH, set_(versions=found.list_text("bolt/bios")), "not the one")
    bad("another product's proof and list", MISMATCH, set_(proof=found.prove("bolt/bios"), versions=found.list_text("bolt/bios")), "map")
    bad("the product hidden", MISMATCH, set_(proof=found.prove("acme/raid"), versions=None), "map", path="acme/nic/2.1")
    bad("a list for what is not there", MISMATCH, set_(versions=found.list_text("acme/nic")), "map", path="acme/raid/1", product="acme/raid")
    bad("a proof of another map", MISMATCH, set_(proof=A.maps[4].prove("acme/nic"), versions=A.maps[4].list_text("acme/nic")), "map",
        path="acme/nic/2.1")
    proof = found.prove("acme/raid")
    bad("a proof with a byte more", FORMAT, set_(proof=proof + b"\0"), path="acme/raid/1", product="acme/raid")
    CASES[-1]["form"] = OK
    bad("a proof cut", FORMAT, set_(proof=proof[:-1]), path="acme/raid/1", product="acme/raid")
    CASES[-1]["form"] = OK
    bad("a proof that is none", FORMAT, set_(proof=b""), path="acme/raid/1", product="acme/raid")
    CASES[-1]["form"] = OK
    old = A.absent("acme/nic", 4)
    newest = A.note()
    bad("an old snapshot in the newest tree", REFUSED, set_(proof=old.proof, versions=old.versions, entries=[ev.entry(A.merkle, A.entries, 3, SIZE)]),
        "not the newest", path="acme/nic/2.1")
    half = ev.Part(A.note(5), [ev.entry(A.merkle, A.entries, 4, 5)], found.prove("acme/nic"), found.list_text("acme/nic"))
    case("absent: a tree that ends in a release", REFUSED, write(half), ["it names no map"])
    bad("too few witnesses", AGAIN, set_(note=A.note(cosigners=(2,))), "too few witnesses")
    bad("not signed by the log", SIGNATURE, set_(note=A.note(key=OTHER_LOG)))
    foreign = World()
    foreign.append(log.snapshot_entry("other", (1, b"s"), (1, b"r"), (0, 0)))
    part = ev.Part(foreign.note(), [ev.entry(foreign.merkle, foreign.entries, 0, 1)], b"mptproof\0")
    case("absent: a snapshot of another site", REFUSED, write(part), ["of site 'other'"])
    empty = World()
    empty.close(0)
    case("absent: in the empty map", OK, write(empty.absent("acme/nic")), ["the map does not have"])
    case("history: a row left out", MISMATCH, write(ev.Part(newest, A.absent("acme/nic").entries, found.prove("acme/nic"),
                                                            "".join(r + "\n" for r in rows[1:])), "acme/nic", "history"))
    case("history: the product hidden", MISMATCH, write(ev.Part(newest, A.absent("acme/nic").entries, found.prove("acme/raid")), "acme/nic", "history"))
    # What the log does not cover.
    later = make_root(2, ROOT2, [ROOT1, ROOT2], POLICY1)
    case("absent: the log began with root 2", OK, write(A.absent("acme/nic"), roots=[(2, later.encode())]),
         ["version 2 is the first that names a log"], root=make_root(1, ROOT1, [ROOT1], None))
    case("absent: nothing is known before root 2", OK, write(A.absent("acme/nic", cosigners=(3, 4))), ["the first that is known here"], root=R2)


# --- misbehaviour ---


def fork_of(first):
    """The true world up to entry first, and then another history."""
    world = World()
    for text in A.entries[:first]:
        world.append(text)
    world.versions = 10
    return world


def contradiction_cases():
    path = "acme/nic/2.1"

    def write(a, b, name=path):
        return ev.write("contradiction", SITE, [a, b], name)

    hidden = fork_of(4)  # as if 2.1 had never been
    for n in range(5):
        hidden.close(hidden.release(f"bolt/bios/{n}", f"other {n}"))
    liar = fork_of(SIZE)  # one history, and a map that leaves the release out
    false = rm.ReleaseMap(A.entries)
    del false.rows["acme/nic"]["2.1"]
    liar.close(SIZE, head=false.head())
    liar.maps[SIZE + 1] = false
    other = fork_of(4)
    first = other.release(path, "other bytes")
    other.close(first)
    other.close(other.release("bolt/bios/1", "b"))
    other.close(other.release("bolt/bios/2", "b2"))
    gone = fork_of(4)
    for n in range(5):
        gone.close(gone.release(f"bolt/bios/{n}", "b"))
    del gone.maps[len(gone.entries)].rows["acme/nic"]
    voided = fork_of(9)
    voided.close(9, voids=[(4, 5)])
    case("contradiction: two histories", OK, write(A.published(path), hidden.absent("acme/nic")), ["its map does not have it"])
    case("contradiction: a false map", OK, write(A.published(path), liar.absent("acme/nic")), ["its map does not have it", "false map"])
    case("contradiction: other bytes", OK, write(A.published(path, 9), other.absent("acme/nic")), ["another release of this version"])
    case("contradiction: no witness needed", OK, write(A.published(path, cosigners=()), hidden.absent("acme/nic", cosigners=())),
         ["has not all the cosignatures that are demanded"])
    case("contradiction: there is none", REFUSED, write(A.published(path), A.absent("acme/nic")), ["as the release entry has it: there is none"])
    case("contradiction: absent before it was released", REFUSED, write(A.published(path), A.absent("acme/nic", 4)), ["earlier than the release"])
    case("contradiction: named void since", REFUSED, write(A.published(path), voided.absent("acme/nic")), ["void"])
    case("contradiction: a forged release", MISMATCH,
         write(ev.Part(A.note(), [(4, other.entries[4], A.merkle.inclusion(4)), ev.entry(A.merkle, A.entries, 8, SIZE)]), hidden.absent("acme/nic")))
    case("contradiction: a forged absence", SIGNATURE, write(A.published(path), hidden.absent("acme/nic", key=OTHER_LOG)))
    case("contradiction: a list with the row left out", MISMATCH,
         write(A.published(path), ev.Part(A.note(), A.absent("acme/nic").entries, A.maps[SIZE].prove("acme/nic"), false.list_text("acme/nic"))))
    case("contradiction: of two logs", AGAIN, write(A.published(path), hidden.absent("acme/nic", key=NEXT)), ["names the log"])
    case("contradiction: of another release", MISMATCH, write(A.published("acme/nic/2.4"), hidden.absent("acme/nic")), ["not 'acme/nic/2.1'"])
    good = write(A.published(path), hidden.absent("acme/nic"))
    case("contradiction: parts the other way round", FORMAT,
         ev.write("contradiction", SITE, [hidden.absent("acme/nic"), A.published(path)], path))
    case("contradiction: one part", FORMAT, good[:good.rindex("checkpoint\n")])


def fork_cases():
    other = fork_of(4)
    for n in range(6):
        other.close(other.release(f"bolt/bios/{n}", f"other {n}"))
    size = len(other.entries)

    def write(small, large, earlier=None, hashes=()):
        return ev.write("fork", SITE, [ev.Part(small), ev.Part(large)], earlier=earlier, hashes=hashes)

    def proof(old, world=other):
        return {"earlier": world.merkle.root(old), "hashes": world.merkle.consistency(old)}

    true = write(A.note(9), other.note(), **proof(9))
    case("fork", OK, true, ["signed two histories", "the witness 'w1.example' cosigned both", "'w3.example' cosigned both"])
    case("fork: of one size", OK, write(A.note(9), other.note(9)), ["signed two histories"])
    case("fork: honest witnesses", OK, write(A.note(9, (1, 2)), other.note(None, (3,)), **proof(9)), ["does not need"])
    case("fork: nobody cosigned", OK, write(A.note(9, ()), other.note(None, ()), **proof(9)), ["does not need"])
    case("fork: the log grew", REFUSED, write(A.note(9), A.note(), **proof(9, A)), ["they do not contradict each other"])
    case("fork: one checkpoint twice", REFUSED, write(A.note(), A.note()), ["they do not contradict each other"])
    case("fork: one checkpoint, cosigned twice", REFUSED, write(A.note(), A.note(when=T + 9)), ["they do not contradict each other"])
    case("fork: before they part", REFUSED, write(A.note(4), other.note(), **proof(4)), ["they do not contradict each other"])
    case("fork: another root than the hashes show", MISMATCH, write(A.note(9), other.note(), log.sha256(b"x"), other.merkle.consistency(9)))
    case("fork: the first one's root in its place", MISMATCH, write(A.note(9), other.note(), A.merkle.root(9), other.merkle.consistency(9)))
    case("fork: a hash with a bit turned", MISMATCH, write(A.note(9), other.note(), other.merkle.root(9), [log.sha256(b"x"), *other.merkle.consistency(9)[1:]]))
    case("fork: a hash too few", FORMAT, write(A.note(9), other.note(), other.merkle.root(9), other.merkle.consistency(9)[:-1]), form=OK)
    case("fork: no hashes", FORMAT, write(A.note(9), other.note(), other.merkle.root(9)), form=OK)
    case("fork: hashes of another size", FORMAT, write(A.note(9), other.note(), other.merkle.root(8), other.merkle.consistency(8)), form=OK)
    case("fork: the second one is forged", SIGNATURE, write(A.note(9), other.note(key=OTHER_LOG), **proof(9)))
    case("fork: the first one is forged", SIGNATURE, write(A.note(9, key=OTHER_LOG), other.note(), **proof(9)))
    case("fork: a size altered", SIGNATURE, write(A.note(9).replace("\n9\n", "\n8\n"), other.note(), **proof(8)))
    case("fork: a root altered", SIGNATURE, write(A.note(9, root=log.sha256(b"x")).replace(log.b64(log.sha256(b"x")), log.b64(log.sha256(b"y"))), other.note(9)))
    case("fork: of two logs", AGAIN, write(A.note(9), other.note(key=NEXT), **proof(9)), ["names the log"])
    case("fork: a cosignature is forged", SIGNATURE, write(A.note(9), other.note(None, (1,)) + W[2].line("x\n", T), **proof(9)))
    case("fork: the larger one first", FORMAT, write(other.note(), A.note(9), **proof(9)), form=OK)
    case("fork: earlier is missing", FORMAT, write(A.note(9), other.note()))
    case("fork: earlier of one size", FORMAT, write(A.note(9), other.note(9), **proof(9)))
    case("fork: one checkpoint", FORMAT, true[:true.rindex("checkpoint\n")])
    case("fork: with a path", FORMAT, true.replace(f"site {SITE}\n", f"site {SITE}\npath acme/nic\n", 1))
    closed = make_root(2, ROOT2, [ROOT1, ROOT2], log.policy_text(NEXT.vkey, W[1:4], 2), closed=[{"vkey": LOG.vkey, "size": 9, "root": A.merkle.root(9).hex()}])
    case("fork: of a log closed since", OK, true, ["signed two histories"], root=closed)
    assert size > SIZE or size > 9


def rollback_cases():
    def write(small, large):
        return ev.write("rollback", SITE, [ev.Part(small), ev.Part(large)])

    case("rollback", OK, write(A.note(9, (1, 2), T + 60), A.note()), ["the witness 'w1.example' cosigned", "a witness never goes back"])
    case("rollback: the smaller one earlier", REFUSED, write(A.note(9, when=T - 60), A.note()), ["no witness that is known here"])
    case("rollback: at the same second", REFUSED, write(A.note(9), A.note()), ["no witness that is known here"])
    case("rollback: by two witnesses", REFUSED, write(A.note(9, (1,), T + 60), A.note(None, (2,))), ["no witness that is known here"])
    case("rollback: by nobody known", REFUSED, write(A.note(9, (0,), T + 60), A.note(None, (0,))), ["no witness that is known here"])
    case("rollback: one size twice", REFUSED, write(A.note(when=T + 60), A.note()), ["no witness that is known here"])
    case("rollback: the larger one first", REFUSED, write(A.note(), A.note(9, when=T + 60)), ["no witness that is known here"])
    case("rollback: a forged cosignature", SIGNATURE, write(A.note(9, ()) + W[1].line("x\n", T + 60), A.note()))
    case("rollback: a checkpoint that the log did not sign", SIGNATURE, write(A.note(9, key=OTHER_LOG, when=T + 60), A.note()))
    case("rollback: with earlier", FORMAT, write(A.note(9, when=T + 60), A.note()) + f"earlier {log.b64(bytes(32))}\n")


# --- tlog-proofs: evidence that others' tools read ---


def proof_cases():
    def proof(index, note=None, text=None, extra=True):
        return log.proof_text(index, A.merkle.inclusion(index), note or A.note(), (text or A.entries[index]) if extra else None)

    def bad(name, rc, text, *says):
        case("tlog-proof: " + name, rc, text, says, form=FORMAT)

    bad("of a release", OK, proof(4), "is the release 'acme/nic/2.1'", "whether it counts")
    bad("of the newest entry", OK, proof(SIZE - 1), "it is the newest entry of this state")
    bad("of a recall", OK, proof(9), "is the recall 'recalls/acme/bad-flash'", "it takes back SHA-256")
    bad("of a maker", OK, proof(1), "is of the maker 'acme'")
    bad("of a root", OK, proof(0), "is root version 1")
    bad("of another entry", MISMATCH, proof(4, text=A.entries[5]), "not proved")
    bad("without the entry", INPUT, proof(4, extra=False), "its 'extra' line")
    bad("too few witnesses", AGAIN, proof(4, A.note(cosigners=(1,))), "too few witnesses")
    bad("not signed", SIGNATURE, proof(4, A.note(key=OTHER_LOG)))
    bad("of an entry of another kind", INPUT, log.proof_text(0, [], world_of(b"nothing v9\n").note(), b"nothing v9\n"), "not known here")
    bad("of no entry", FORMAT, log.proof_text(0, [], world_of(b"\0").note(), b"\0"))
    bad("that is none", FORMAT, "c2sp.org/tlog-proof@v1\n")


def world_of(text):
    world = World()
    world.append(text)
    return world


# --- the map and its files ---


def map_member():
    found = A.maps[SIZE]
    products = ("acme/nic", "bolt/bios", "acme/raid", "zeta/zero")
    return {"entries": [e.decode() for e in A.entries], "root": found.head()[0].hex(), "count": found.head()[1],
            "files": {path: (data.hex() if path.startswith("map/") else data.decode()) for path, data in sorted(found.files().items())},
            "products": [{"product": p, "key": rm.product_key(p).hex(), "proof": found.prove(p).hex(),
                          "value": rm.list_value(found.list_of(p)).hex() if p in found.rows else None} for p in products]}


def seeds(cases):
    """Evidence as it is, and for the check behind the root that is trusted, a line."""
    for folder, per_kind in (("evidence", 2), ("check", 1)):
        to = HERE.parents[1] / "fuzz" / "corpus" / folder
        to.mkdir(parents=True, exist_ok=True)
        kept = {}
        for made in cases:
            kind = made["name"].split(":")[0]
            key = (kind, made["rc"])
            if kept.get(key, 0) == per_kind or "file" not in made or len(made["file"]) > 9000 or (folder == "evidence" and kind == "tlog-proof"):
                continue
            kept[key] = kept.get(key, 0) + 1
            name = "".join(c if c.isalnum() else "-" for c in made["name"].lower()).strip("-").replace("--", "-")
            (to / name[:48]).write_text(made["file"] if folder == "evidence" else made["root"] + "\n" + made["file"])


def main():
    for part in (true_cases, form_cases, published_cases, absent_cases, contradiction_cases, fork_cases, rollback_cases, proof_cases):
        part()
    names = [made["name"] for made in CASES]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    out = {"comment": "written by make-evidence.py; see README.md", "map": map_member(), "evidence": CASES}
    (HERE / "evidence.json").write_text(json.dumps(out, indent=1, ensure_ascii=True) + "\n")
    seeds(CASES)


if __name__ == "__main__":
    main()
