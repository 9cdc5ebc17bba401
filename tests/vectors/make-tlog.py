#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tlog.json: byte-exact vectors for signed notes, checkpoints, cosignatures, tlog-policy,
tlog-proof, Merkle trees, tiles and the Merkle Patricia map, good ones and bad ones.

Nothing here uses Hallmark's code: it is a second reading of C2SP (commit 5ba5ee8), RFC 6962 and
docs/formats.md. Anybody may use the file to test another implementation; README.md says how.
Needs python-cryptography >= 48 (ML-DSA). Ed25519 is deterministic; ML-DSA signatures are taken
from the present file where they are still right, so that a new run changes nothing.
"""
import base64
import hashlib
import json
import pathlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

HERE = pathlib.Path(__file__).parent
OUT = HERE / "tlog.json"
DASH = "\u2014"
try:
    OLD = json.loads(OUT.read_text()).get("ml_dsa_signatures", {})
except FileNotFoundError:
    OLD = {}
ml_dsa_signatures = {}


def b64(data):
    return base64.b64encode(data).decode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Key:
    """A note key: name, type of signature, and the private half."""

    def __init__(self, name, kind, seed):
        self.name, self.kind, self.seed = name, kind, sha256(seed.encode())
        if kind == 6:
            self.private = mldsa.MLDSA44PrivateKey.from_seed_bytes(self.seed)
        else:
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.private.public_key().public_bytes_raw()
        self.id = sha256(name.encode(), b"\n", bytes([kind]), self.public)[:4]

    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def skey(self):
        return f"PRIVATE+KEY+{self.name}+{self.id.hex()}+{b64(bytes([1]) + self.seed)}"

    def raw_signature(self, text, time=0):
        if self.kind == 1:
            return self.private.sign(text)
        stamp = time.to_bytes(8, "big")
        if self.kind == 4:
            return stamp + self.private.sign(f"cosignature/v1\ntime {time}\n".encode() + text)
        lines = text.split(b"\n")
        message = b"subtree/v1\n\0" + bytes([len(self.name.encode())]) + self.name.encode() + stamp
        message += bytes([len(lines[0])]) + lines[0] + bytes(8) + int(lines[1]).to_bytes(8, "big")
        message += base64.b64decode(lines[2])
        slot = sha256(self.public, message).hex()
        try:
            signature = base64.b64decode(ml_dsa_signatures.get(slot) or OLD[slot])
            self.private.public_key().verify(signature, message)
        except (KeyError, InvalidSignature):
            signature = self.private.sign(message)
        ml_dsa_signatures[slot] = b64(signature)
        return stamp + signature

    def line(self, text, time=0):
        return f"{DASH} {self.name} {b64(self.id + self.raw_signature(text.encode(), time))}\n"


def note(text, *signed):
    return text + "\n" + "".join(k.line(text, t) for k, t in signed)


LOG = Key("example.com/hallmark-test", 1, "log")
LOG2 = Key("example.com/hallmark-test-2", 1, "log 2")
LOG_PQ = Key("example.com/hallmark-test", 6, "log pq")
W1 = Key("witness.example/w1", 4, "w1")
W2 = Key("witness.example/w2", 4, "w2")
W3 = Key("witness.example/w3", 4, "w3")
W_PQ = Key("witness.example/pq", 6, "w pq")
T = 1790000000  # when the vectors' witnesses signed


def texts(value):
    """A text member, or NAME_hex where it is not UTF-8."""
    if isinstance(value, bytes):
        try:
            return "", value.decode()
        except UnicodeDecodeError:
            return "_hex", value.hex()
    return "", value


def case(name, rc, member, value, **more):
    suffix, value = texts(value)
    return {"name": name, "rc": rc, member + suffix: value, **more}


# --- keys

def key_cases():
    good = [{"name": k.name, "rc": "HM_OK", "vkey": k.vkey(), "id": k.id.hex(), "kind": k.kind,
             "public": k.public.hex(), **({"skey": k.skey()} if k.kind == 1 else {})}
            for k in (LOG, LOG2, W1, W2, W3, LOG_PQ, W_PQ)]
    # C2SP signed-note v1.0.0, "Example"; golang.org/x/mod/sumdb/note/note_test.go.
    good.append({"name": "C2SP example", "rc": "HM_OK", "kind": 1, "id": "530d903a",
                 "vkey": "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"})
    good.append({"name": "Go's PeterNeumann", "rc": "HM_OK", "kind": 1, "id": "c74f20a3",
                 "vkey": "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"})
    name, ident, key = LOG.vkey().split("+", 2)
    raw = base64.b64decode(key)

    def vkey(n=name, i=ident, k=key):
        return f"{n}+{i}+{k}"

    def typed(kind, public, n=name):
        return vkey(n, sha256(n.encode(), b"\n", bytes([kind]), public)[:4].hex(),
                    b64(bytes([kind]) + public))

    bad = [
        ("empty", "", "HM_EFORMAT"),
        ("name alone", name, "HM_EFORMAT"),
        ("no key", f"{name}+{ident}", "HM_EFORMAT"),
        ("empty key", f"{name}+{ident}+", "HM_EFORMAT"),
        ("no name", vkey(n=""), "HM_EFORMAT"),
        ("space in name", typed(1, LOG.public, "a b"), "HM_EFORMAT"),
        ("tab in name", typed(1, LOG.public, "a\tb"), "HM_EFORMAT"),
        ("no-break space in name", typed(1, LOG.public, "a\u00a0b"), "HM_EFORMAT"),
        ("ideographic space in name", typed(1, LOG.public, "a\u3000b"), "HM_EFORMAT"),
        ("line separator in name", typed(1, LOG.public, "a\u2028b"), "HM_EFORMAT"),
        ("next line (U+0085) in name", typed(1, LOG.public, "a\u0085b"), "HM_EFORMAT"),
        ("control character in name", typed(1, LOG.public, "a\x01b"), "HM_EFORMAT"),
        ("delete in name", typed(1, LOG.public, "a\x7fb"), "HM_EFORMAT"),
        ("name of 256 bytes", typed(1, LOG.public, "n" * 256), "HM_EFORMAT"),
        ("not UTF-8 in name", b"a\xffb+" + ident.encode() + b"+" + key.encode(), "HM_EFORMAT"),
        ("surrogate in name", b"a\xed\xa0\x80b+" + ident.encode() + b"+" + key.encode(), "HM_EFORMAT"),
        ("id of another key", vkey(i="00000000"), "HM_EMISMATCH"),
        ("another name", vkey(n=name + "x"), "HM_EMISMATCH"),
        ("id in capitals", vkey(i=ident.upper()), "HM_EFORMAT"),
        ("id of 7 digits", vkey(i=ident[1:]), "HM_EFORMAT"),
        ("id of 9 digits", vkey(i="0" + ident), "HM_EFORMAT"),
        ("id not hexadecimal", vkey(i="g" + ident[1:]), "HM_EFORMAT"),
        ("trailing newline", vkey() + "\n", "HM_EFORMAT"),
        ("trailing space", vkey() + " ", "HM_EFORMAT"),
        ("leading space", " " + vkey(), "HM_EFORMAT"),
        ("base64 of the URL alphabet", vkey(k="-" + key[1:]), "HM_EFORMAT"),
        ("base64 without padding", typed(1, LOG.public)[:-1], "HM_EFORMAT"),
        ("31 bytes of key", typed(1, LOG.public[1:]), "HM_EFORMAT"),
        ("33 bytes of key", typed(1, LOG.public + b"\0"), "HM_EFORMAT"),
        ("type alone", typed(1, b""), "HM_EFORMAT"),
        ("small order", typed(1, bytes([1]) + bytes(31)), "HM_EFORMAT"),
        ("not canonical", typed(1, b"\xee" + b"\xff" * 30 + b"\x7f"), "HM_EFORMAT"),
        ("cosigner of small order", typed(4, bytes(32)), "HM_EFORMAT"),
        ("ML-DSA key of 32 bytes", typed(6, LOG.public), "HM_EFORMAT"),
        ("type 0x00", typed(0, LOG.public), "HM_EUNKNOWN"),
        ("type 0x02", typed(2, LOG.public), "HM_EUNKNOWN"),
        ("type 0x03", typed(3, LOG.public), "HM_EUNKNOWN"),
        ("type 0x05", typed(5, LOG.public), "HM_EUNKNOWN"),
        ("type 0xff", typed(0xFF, LOG.public), "HM_EUNKNOWN"),
        ("a private key", LOG.skey(), "HM_EFORMAT"),
        ("far too long", "n" * 100000, "HM_EFORMAT"),
    ]
    assert raw[0] == 1
    return good + [case(n, rc, "vkey", v) for n, v, rc in bad]


def skey_cases():
    good = LOG.skey()
    name = LOG.name
    prefix = "PRIVATE+KEY+"
    bad = [
        ("empty", "", "HM_EFORMAT"),
        ("public", LOG.vkey(), "HM_EFORMAT"),
        ("cut", good[:-4], "HM_EFORMAT"),
        ("longer", good + "AAAA", "HM_EFORMAT"),
        ("other id", good.replace(LOG.id.hex(), "01020304"), "HM_EMISMATCH"),
        ("other name", good.replace(name, name + "y"), "HM_EMISMATCH"),
        ("other type", f"{prefix}{name}+{LOG.id.hex()}+{b64(bytes([4]) + LOG.seed)}", "HM_EUNKNOWN"),
        ("prefix in lower case", good.replace("PRIVATE", "private"), "HM_EFORMAT"),
        ("trailing newline", good + "\n", "HM_EFORMAT"),
    ]
    go = ("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
    return ([{"name": "log", "rc": "HM_OK", "skey": good, "vkey": LOG.vkey()},
             {"name": "Go's PeterNeumann", "rc": "HM_OK", "skey": go,
              "vkey": "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"}] +
            [case(n, rc, "skey", v) for n, v, rc in bad])


# --- notes

TEXT = "example.com/hallmark-test\n3\nSFh+ZoCoNsFnUkiAgB1lJ6LBkF+zK0eDd8sXBQw+2Ak=\n"
PLAIN = "Ein Text.\n\nMit einer leeren Zeile, und Umlauten: äöü.\n"


def note_cases():
    everyone = [LOG.vkey(), W1.vkey(), W2.vkey()]
    cases = []

    def add(name, rc, raw, keys=everyone, **more):
        cases.append(case(name, rc, "note", raw, keys=keys, **more))

    full = note(TEXT, (LOG, 0), (W1, T), (W2, T + 1))
    raw = full.encode()
    add("one key", "HM_OK", note(PLAIN, (LOG, 0)), signed=[LOG.vkey()], text=PLAIN)
    add("log and two witnesses", "HM_OK", full, signed=everyone, times=[0, T, T + 1], text=TEXT)
    add("one of three keys", "HM_OK", note(TEXT, (W2, T)), signed=[W2.vkey()], times=[T], text=TEXT)
    add("unknown keys beside", "HM_OK", note(TEXT, (LOG2, 0), (W3, T), (LOG, 0)), signed=[LOG.vkey()],
        text=TEXT)
    add("unknown type beside", "HM_OK",
        full + f"{DASH} x.example {b64(b'abcd' + b'z' * 5000)}\n", signed=everyone, times=[0, T, T + 1], text=TEXT)
    add("known name, unknown id, beside", "HM_OK",
        full + f"{DASH} {LOG.name} {b64(b'abcd' + bytes(64))}\n", signed=everyone, times=[0, T, T + 1], text=TEXT)
    add("known id, unknown name, beside", "HM_OK",
        full + f"{DASH} other {b64(LOG.id + bytes(64))}\n", signed=everyone, times=[0, T, T + 1], text=TEXT)
    add("two unknown lines alike", "HM_OK", full + 2 * f"{DASH} o {b64(bytes(68))}\n", signed=everyone,
        times=[0, T, T + 1], text=TEXT)
    add("cosignature at time 0", "HM_OK", note(TEXT, (W1, 0)), signed=[W1.vkey()], times=[0], text=TEXT)
    add("cosignature at the last time", "HM_OK", note(TEXT, (W1, 2**63 - 1)), signed=[W1.vkey()],
        times=[2**63 - 1], text=TEXT)
    add("C2SP example", "HM_OK",
        "This is an example message.\n\n" + DASH + " example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6Tf"
        "Xppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
        keys=["example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"],
        signed=["example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"],
        text="This is an example message.\n")
    add("128 signatures", "HM_OK", full + 125 * f"{DASH} o {b64(bytes(68))}\n", signed=everyone,
        times=[0, T, T + 1], text=TEXT)
    # Where OpenSSL has no ML-DSA, its lines are as unknown as any other.
    add("ML-DSA log and witness beside Ed25519", "HM_OK", note(TEXT, (LOG, 0), (LOG_PQ, T), (W_PQ, T)),
        keys=[LOG.vkey(), LOG_PQ.vkey(), W_PQ.vkey()], signed=[LOG.vkey()], ml_dsa=[LOG_PQ.vkey(), W_PQ.vkey()],
        text=TEXT)
    add("ML-DSA alone", "ml-dsa", note(TEXT, (W_PQ, 0)), keys=[W_PQ.vkey()], ml_dsa=[W_PQ.vkey()],
        signed=[], text=TEXT)
    broken = note(TEXT, (LOG, 0), (W_PQ, T))
    broken = broken[:-8] + ("B" if broken[-8] == "A" else "A") + broken[-7:]
    add("ML-DSA signature wrong", "ml-dsa-wrong", broken, keys=[LOG.vkey(), W_PQ.vkey()], signed=[LOG.vkey()],
        text=TEXT)

    def flip(text, at):
        return text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1:]

    add("no known key", "HM_ESIGNATURE", note(TEXT, (LOG2, 0), (W3, T)))
    add("no keys at all", "HM_ESIGNATURE", full, keys=[])
    add("text altered", "HM_ESIGNATURE", full.replace("\n3\n", "\n4\n"))
    add("text longer by an empty line", "HM_ESIGNATURE", full.replace("=\n\n", "=\n\n\n", 1), keys=[LOG.vkey()])
    add("log's signature altered", "HM_ESIGNATURE", flip(full, full.index("\n\n") + 60))
    add("one witness's signature altered", "HM_ESIGNATURE", flip(full, len(full) - 20))
    add("wrong signature before a right one", "HM_ESIGNATURE",
        TEXT + "\n" + f"{DASH} {W1.name} {b64(W1.id + bytes(72))}\n" + LOG.line(TEXT))
    add("signature of 63 bytes", "HM_ESIGNATURE", TEXT + f"\n{DASH} {LOG.name} {b64(LOG.id + bytes(63))}\n")
    add("signature of 65 bytes", "HM_ESIGNATURE", TEXT + f"\n{DASH} {LOG.name} {b64(LOG.id + LOG.raw_signature(TEXT.encode()) + bytes(1))}\n")
    add("cosignature without time", "HM_ESIGNATURE",
        TEXT + f"\n{DASH} {W1.name} {b64(W1.id + W1.raw_signature(TEXT.encode(), T)[8:])}\n")
    add("cosignature of 7 bytes", "HM_ESIGNATURE", TEXT + f"\n{DASH} {W1.name} {b64(W1.id + bytes(7))}\n")
    other = W1.raw_signature(TEXT.encode(), T)
    add("cosignature with another time", "HM_ESIGNATURE",
        TEXT + f"\n{DASH} {W1.name} {b64(W1.id + (T + 1).to_bytes(8, 'big') + other[8:])}\n")
    add("cosignature made as a plain signature", "HM_ESIGNATURE",
        TEXT + f"\n{DASH} {W1.name} {b64(W1.id + bytes(8) + W1.private.sign(TEXT.encode()))}\n")
    as_log = Key(LOG.name, 1, "w1")
    add("log key signs with a cosignature", "HM_ESIGNATURE",
        TEXT + f"\n{DASH} {as_log.name} {b64(as_log.id + W1.raw_signature(TEXT.encode(), T)[8:])}\n", keys=[as_log.vkey()])
    late = 2**63
    add("time past 2^63 - 1", "HM_EFORMAT",
        TEXT + f"\n{DASH} {W1.name} {b64(W1.id + W1.raw_signature(TEXT.encode(), late))}\n")
    add("cosignature of what is no checkpoint", "HM_EFORMAT", note(PLAIN, (LOG, 0), (W1, T)))
    add("text of one empty line", "HM_ESIGNATURE", "\n\n" + LOG.line(TEXT))
    add("twice by one key", "HM_EFORMAT", full + LOG.line(TEXT))
    add("twice by one witness, other time", "HM_EFORMAT", full + W1.line(TEXT, T + 9))
    add("twice by one key, the second wrong", "HM_EFORMAT", full + f"{DASH} {LOG.name} {b64(LOG.id + bytes(64))}\n")
    # Malformed: whatever the keys.
    line = LOG.line(TEXT)
    bad = {
        "empty": b"",
        "newline alone": b"\n",
        "text alone": TEXT,
        "text and empty line": TEXT + "\n",
        "no text": "\n" + line,
        "signature alone": line,
        "no empty line": TEXT + line,
        "no last newline": full[:-1],
        "carriage returns": full.replace("\n", "\r\n"),
        "tab": note("a\tb\n", (LOG, 0)),
        "NUL": note("a\0b\n", (LOG, 0)),
        "escape": note("a\x1bb\n", (LOG, 0)),
        "not UTF-8": raw.replace(b"hallmark", b"hallm\xffrk"),
        "overlong UTF-8": raw.replace(b"hallmark", b"hallm\xc0\xafrk"),
        "surrogate": raw.replace(b"hallmark", b"hallm\xed\xa0\x80rk"),
        "hyphen for the dash": full.replace(DASH, "-"),
        "en dash for the dash": full.replace(DASH, "\u2013"),
        "no space after the dash": full.replace(DASH + " ", DASH),
        "two spaces after the dash": full.replace(DASH + " ", DASH + "  "),
        "line that is no signature": full + "x\n",
        "empty line at the end": full + "\n",
        "no name": TEXT + f"\n{DASH} {b64(bytes(68))}\n",
        "empty name": TEXT + f"\n{DASH}  {b64(bytes(68))}\n",
        "plus in the name": TEXT + f"\n{DASH} a+b {b64(bytes(68))}\n" + line,
        "space of Unicode in the name": TEXT + f"\n{DASH} a\u2003b {b64(bytes(68))}\n" + line,
        "no signature in the line": TEXT + f"\n{DASH} {LOG.name} \n",
        "no space after the name": TEXT + f"\n{DASH} {LOG.name}\n",
        "signature not base64": TEXT + f"\n{DASH} {LOG.name} ****\n",
        "signature in the URL alphabet": TEXT + f"\n{DASH} {LOG.name} {base64.urlsafe_b64encode(b'abcd' + b'?' * 63).decode()}\n",
        "signature without padding": full.rstrip("=\n") + "\n" if full.endswith("=\n") else full[:-2] + "\n",
        "space after the signature": full[:-1] + " \n",
        "only an id": TEXT + f"\n{DASH} {LOG.name} {b64(LOG.id)}\n",
        "three bytes": TEXT + f"\n{DASH} {LOG.name} {b64(LOG.id[:3])}\n",
        "129 signatures": full + 126 * f"{DASH} o {b64(bytes(68))}\n",
    }
    for name, value in bad.items():
        add(name, "HM_EFORMAT", value)
    return cases


# --- checkpoints

def checkpoint_cases():
    root = "SFh+ZoCoNsFnUkiAgB1lJ6LBkF+zK0eDd8sXBQw+2Ak="
    empty = b64(sha256(b""))
    cases = []

    def add(name, rc, text, **more):
        cases.append(case(name, rc, "checkpoint", text, **more))

    def good(name, origin, size, root, extension=""):
        add(name, "HM_OK", f"{origin}\n{size}\n{root}\n{extension}", origin=origin, size=str(size),
            root=base64.b64decode(root).hex(), extension=extension)

    good("three lines", "example.com/a", 3, root)
    good("empty tree", "example.com/a", 0, empty)
    good("the largest", "example.com/a", 2**63 - 1, root)
    good("extension lines", "example.com/a", 3, root, "one\ntwo\n")
    good("origin with spaces", "an origin of words + signs", 3, root)
    good("origin of 255 bytes", "o" * 255, 3, root)
    bad = {
        "empty": "",
        "one line": "a\n",
        "two lines": "a\n3\n",
        "root without newline": f"a\n3\n{root}",
        "empty origin": f"\n3\n{root}\n",
        "origin of 256 bytes": "o" * 256 + f"\n3\n{root}\n",
        "empty size": f"a\n\n{root}\n",
        "size with leading zero": f"a\n03\n{root}\n",
        "size 00": f"a\n00\n{empty}\n",
        "size with sign": f"a\n+3\n{root}\n",
        "negative size": f"a\n-3\n{root}\n",
        "size in hexadecimal": f"a\n0x3\n{root}\n",
        "size with a space": f"a\n3 \n{root}\n",
        "size with a point": f"a\n3.0\n{root}\n",
        "size 2^63": f"a\n{2**63}\n{root}\n",
        "size 2^64": f"a\n{2**64}\n{root}\n",
        "size of 100 digits": f"a\n{'9' * 100}\n{root}\n",
        "root of 31 bytes": f"a\n3\n{b64(bytes(31))}\n",
        "root of 33 bytes": f"a\n3\n{b64(bytes(33))}\n",
        "root of no bytes": "a\n3\n\n",
        "root in hexadecimal": f"a\n3\n{'00' * 32}\n",
        "root without padding": f"a\n3\n{root[:-1]}\n",
        "root with stray bits": f"a\n3\n{root[:-2]}l=\n",
        "root in the URL alphabet": f"a\n3\n{root.replace('+', '-')}\n",
        "root with space": f"a\n3\n {root}\n",
        "size 0, another root": f"a\n0\n{root}\n",
        "empty extension line": f"a\n3\n{root}\n\n",
        "empty line between extension lines": f"a\n3\n{root}\nx\n\ny\n",
        "extension line without newline": f"a\n3\n{root}\nx",
        "control character": f"a\x07\n3\n{root}\n",
        "carriage return": f"a\r\n3\r\n{root}\r\n",
        "not UTF-8": b"a\xff\n3\n" + root.encode() + b"\n",
        "too long": f"a\n3\n{root}\n" + "x" * 16384 + "\n",
    }
    for name, text in bad.items():
        add(name, "HM_EFORMAT", text)
    return cases


# --- tiles

def tile_path_cases():
    cases = []

    def good(path, level, index, width=256, entries=False):
        cases.append({"name": path, "rc": "HM_OK", "path": path, "level": level, "index": str(index), "width": width,
                      "entries": entries})

    good("tile/0/000", 0, 0)
    good("tile/0/005", 0, 5)
    good("tile/3/999", 3, 999)
    good("tile/0/x001/000", 0, 1000)
    good("tile/0/x001/234", 0, 1234)
    good("tile/1/x001/x234/067", 1, 1234067)
    good("tile/0/000.p/1", 0, 0, 1)
    good("tile/2/x123/x456/789.p/255", 2, 123456789, 255)
    good("tile/7/000.p/127", 7, 0, 127)
    good("tile/entries/000", 0, 0, 256, True)
    good("tile/entries/273.p/112", 0, 273, 112, True)
    good("tile/entries/x001/000.p/7", 0, 1000, 7, True)
    good("tile/0/x018/x446/x744/x073/x709/x551/615", 0, 2**64 - 1)
    bad = ["", "tile", "tile/", "tile/0", "tile/0/", "tile//000", "/tile/0/000", "tile/0/000/", "tile/0/0", "tile/0/00",
           "tile/0/0000", "tile/0/x000", "tile/0/x000/001", "tile/0/000/001", "tile/0/001/234", "tile/0/x001/x234",
           "tile/0/x001", "tile/0/X001/234", "tile/0/x001//234", "tile/0/x01/234", "tile/0/x0001/234", "tile/0/-01",
           "tile/0/ 01", "tile/0/0x1", "tile/0/01a", "tile/00/000", "tile/+1/000", "tile/8/000", "tile/63/000",
           "tile/64/000", "tile/-1/000", "tile/a/000", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0",
           "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/", "tile/0/000.p/-1", "tile/0/000.p/1.p/1",
           "tile/0/.p/1", "tile/0/000p/1", "tile/0/000.P/1", "tiles/0/000", "Tile/0/000", "tile/data/000",
           "tile/entries", "tile/entries/", "tile/entries/0", "tile/entries/0/000", "tile/entries/000.p/256",
           "tile/entries/../000", "tile/0/000\n", "tile/0/000\0", "tile/0/x018/x446/x744/x073/x709/x551/616",
           "tile/0/x001/x000/x000/x000/x000/x000/x000/000", "tile/0/" + "x001/" * 20 + "000", "checkpoint"]
    return cases + [case(p[:40] or "empty", "HM_EFORMAT", "path", p) for p in bad]


# --- Merkle trees, and proofs in witnessed logs

def leaf_hash(entry):
    return sha256(b"\0", entry)


def split_of(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def root_of(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"")
    k = split_of(len(hashes))
    return sha256(b"\1", root_of(hashes[:k]), root_of(hashes[k:]))


def path_of(m, hashes):
    if len(hashes) < 2:
        return []
    k = split_of(len(hashes))
    if m < k:
        return path_of(m, hashes[:k]) + [root_of(hashes[k:])]
    return path_of(m - k, hashes[k:]) + [root_of(hashes[:k])]


ENTRIES = [b"", b"\x00", b"entry two", b"hallmark/test v1\nfourth\n", bytes(range(256)), b"x" * 1000, b"6", b"7", b"8",
           b"9", b"10"]
LEAVES = [leaf_hash(e) for e in ENTRIES]


def tree_cases():
    return [{"name": f"the first {n} entries", "entries": [e.hex() for e in ENTRIES[:n]], "root": root_of(LEAVES[:n]).hex(),
             "paths": [[h.hex() for h in path_of(i, LEAVES[:n])] for i in range(n)]} for n in range(len(ENTRIES) + 1)]


def policy_text(*lines):
    return "".join(line + "\n" for line in lines)


P_LOG = f"log {LOG.vkey()} https://log.example/"
P_W = [f"witness w{i + 1} {w.vkey()}" for i, w in enumerate((W1, W2, W3))]
TWO_OF_THREE = policy_text(P_LOG, *P_W, "group core 2 w1 w2 w3", "quorum core")
NESTED = policy_text(P_LOG, *P_W, "group a any w1 w2", "group b all a w3", "quorum b")
NONE_POLICY = policy_text(P_LOG, "quorum none")


def policy_cases():
    cases = []

    def add(name, rc, text):
        cases.append(case(name, rc, "policy", text))

    many = [Key(f"w.example/{i}", 4, f"many {i}").vkey() for i in range(65)]
    logs = [Key(f"l.example/{i}", 1, f"log {i}").vkey() for i in range(33)]
    add("two of three", "HM_OK", TWO_OF_THREE)
    add("nested", "HM_OK", NESTED)
    add("none", "HM_OK", NONE_POLICY)
    add("quorum alone", "HM_OK", "quorum none\n")
    add("one witness as the quorum", "HM_OK", policy_text(P_W[0], "quorum w1"))
    add("comments, blanks, tabs", "HM_OK", f"# a policy\n\n \t \n\t{P_LOG} \n  #\tx\ny".replace("\ny", "\n") +
        policy_text("# " + "word " * 500, P_W[0].replace(" ", "\t  "), "group\tg\tall w1", "quorum  g\t"))
    add("lines after the quorum", "HM_OK", policy_text(P_W[0], "quorum w1", P_LOG, P_W[1]))
    add("names of bytes", "HM_OK", policy_text(P_W[0].replace("w1", "w\u00e9#+", 1), "group \u212a any w\u00e9#+", "quorum \u212a"))
    add("names that are not UTF-8", "HM_OK", P_W[0].replace("witness w1", "witness w?").encode().replace(b"w?", b"w\xff\x80") +
        b"\nquorum w\xff\x80\n")
    add("a name of 255 bytes", "HM_OK", policy_text(P_W[0].replace(" w1 ", " " + "n" * 255 + " "), "quorum " + "n" * 255))
    add("words of the grammar as names", "HM_OK", policy_text(P_W[0].replace(" w1 ", " quorum "), "group all all quorum", "quorum all"))
    add("64 witnesses", "HM_OK", policy_text(*[f"witness w{i} {v}" for i, v in enumerate(many[:64])],
                                             "group g 64 " + " ".join(f"w{i}" for i in range(64)), "quorum g"))
    add("32 logs", "HM_OK", policy_text(*[f"log {v}" for v in logs[:32]], "quorum none"))
    add("ML-DSA log and witness", "HM_OK", policy_text(f"log {LOG_PQ.vkey()}", f"witness q {W_PQ.vkey()}", "quorum q"))
    add("log twice, Ed25519 and ML-DSA", "HM_OK", policy_text(P_LOG, f"log {LOG_PQ.vkey()}", "quorum none"))
    bad = {
        "empty": "",
        "no quorum": policy_text(P_LOG, *P_W),
        "two quorums": policy_text(P_W[0], "quorum w1", "quorum w1"),
        "two quorums, both none": policy_text("quorum none", "quorum none"),
        "quorum without name": policy_text("quorum"),
        "quorum of two names": policy_text(*P_W, "quorum w1 w2"),
        "quorum of a later name": policy_text("quorum w1", P_W[0]),
        "quorum of no name": policy_text(P_W[0], "quorum w9"),
        "quorum in capitals": policy_text("Quorum none"),
        "quorum NONE": policy_text("quorum NONE"),
        "quorum of a log": policy_text(P_LOG, f"quorum {LOG.name}"),
        "unknown word": policy_text(P_W[0], "mirror w1", "quorum w1"),
        "log without key": policy_text("log", "quorum none"),
        "log with two URLs": policy_text(P_LOG + " https://b.example/", "quorum none"),
        "log with a bad key": policy_text("log abc", "quorum none"),
        "log with a witness's key": policy_text(f"log {W1.vkey()}", "quorum none"),
        "log with a long URL": policy_text(f"log {LOG.vkey()} {'u' * 2049}", "quorum none"),
        "log twice": policy_text(P_LOG, P_LOG, "quorum none"),
        "one key of two logs": policy_text(P_LOG, f"log {Key('other.example', 1, 'log').vkey()}", "quorum none"),
        "33 logs": policy_text(*[f"log {v}" for v in logs], "quorum none"),
        "witness without key": policy_text("witness w1", "quorum none"),
        "witness without name": policy_text(f"witness {W1.vkey()}", "quorum none"),
        "witness with two URLs": policy_text(P_W[0] + " a b", "quorum w1"),
        "witness with a log's key": policy_text(f"witness w1 {LOG.vkey()}", "quorum w1"),
        "witness named none": policy_text(P_W[0].replace("w1", "none", 1), "quorum none"),
        "witness of a taken name": policy_text(P_W[0], P_W[1].replace("w2", "w1", 1), "quorum w1"),
        "witness twice": policy_text(P_W[0], P_W[0].replace("w1", "w9", 1), "quorum w1"),
        "one key under two names": policy_text(P_W[0], f"witness w9 {Key('x.example', 4, 'w1').vkey()}", "quorum w1"),
        "a name of 256 bytes": policy_text(P_W[0].replace(" w1 ", " " + "n" * 256 + " "), "quorum none"),
        "65 witnesses": policy_text(*[f"witness w{i} {v}" for i, v in enumerate(many)], "quorum none"),
        "group without members": policy_text("group g any", "quorum g"),
        "group without threshold": policy_text(*P_W, "group g w1 w2", "quorum g"),
        "group of 0": policy_text(*P_W, "group g 0 w1 w2", "quorum g"),
        "group of more than it has": policy_text(*P_W, "group g 3 w1 w2", "quorum g"),
        "group of -1": policy_text(*P_W, "group g -1 w1 w2", "quorum g"),
        "group of 01": policy_text(*P_W, "group g 01 w1 w2", "quorum g"),
        "group of +1": policy_text(*P_W, "group g +1 w1 w2", "quorum g"),
        "group of 2^64 + 1": policy_text(*P_W, f"group g {2**64 + 1} w1 w2", "quorum g"),
        "group of ANY": policy_text(*P_W, "group g ANY w1 w2", "quorum g"),
        "group of a later name": policy_text(P_W[0], "group g any w1 w2", P_W[1], "quorum g"),
        "group of itself": policy_text(P_W[0], "group g any w1 g", "quorum g"),
        "group of none": policy_text(P_W[0], "group g any w1 none", "quorum g"),
        "group with a member twice": policy_text(P_W[0], "group g 2 w1 w1", "quorum g"),
        "member of two groups": policy_text(*P_W, "group g any w1 w2", "group h any w1 w3", "group i all g h", "quorum i"),
        "group in two groups": policy_text(P_W[0], "group g any w1", "group h any g", "group i any g", "quorum i"),
        "group named none": policy_text(P_W[0], "group none any w1", "quorum none"),
        "group of a witness's name": policy_text(*P_W, "group w1 any w2", "quorum w1"),
        "group twice": policy_text(*P_W, "group g any w1", "group g any w2", "quorum g"),
        "no last newline": NONE_POLICY[:-1],
        "carriage returns": NONE_POLICY.replace("\n", "\r\n"),
        "NUL": "quorum none\0\n",
        "vertical tab": "quorum\x0bnone\n",
        "delete": "quorum none # \x7f\n",
        "no-break space": "quorum\u00a0none\n",
        "comment after words": policy_text("quorum none # really"),
        "byte-order mark": "\ufeffquorum none\n",
        "too long": policy_text("quorum none", "# " + "x" * 524288),
    }
    for name, text in bad.items():
        add(name, "HM_EFORMAT", text)
    add("key with a wrong id", "HM_EMISMATCH", policy_text(P_W[0].replace(W1.id.hex(), "01020304"), "quorum w1"))
    add("key of an unknown type", "HM_EUNKNOWN", policy_text(
        "log " + f"x.example+{sha256(b'x.example', bytes([10, 5]), LOG.public)[:4].hex()}+{b64(bytes([5]) + LOG.public)}", "quorum none"))
    return cases


def verdict_cases():
    """Which cosignatures are enough: times per witness, none where it has not signed."""
    day = 86400
    cases = []

    def add(rc, policy, times, now=T, max_age=-1):
        cases.append({"name": f"{rc}: {times} at {now - T}, {max_age}", "rc": rc, "policy": policy, "times": times, "now": now,
                      "max_age": max_age})

    for times, rc in (([T, T, T], "HM_OK"), ([T, T, None], "HM_OK"), ([T, None, T], "HM_OK"), ([None, T, T], "HM_OK"),
                      ([T, None, None], "HM_ESIGNATURE"), ([None, None, T], "HM_ESIGNATURE"), ([None] * 3, "HM_ESIGNATURE")):
        add(rc, TWO_OF_THREE, times)
    for times, rc in (([T, T, T], "HM_OK"), ([T, None, T], "HM_OK"), ([None, T, T], "HM_OK"), ([T, T, None], "HM_ESIGNATURE"),
                      ([None, None, T], "HM_ESIGNATURE"), ([T, None, None], "HM_ESIGNATURE")):
        add(rc, NESTED, times)
    add("HM_OK", policy_text(*P_W, "quorum none"), [None, None, None])
    add("HM_OK", policy_text(*P_W, "quorum w2"), [None, T, None])
    add("HM_ESIGNATURE", policy_text(*P_W, "quorum w2"), [T, None, T])
    add("HM_OK", policy_text(*P_W, "group g 3 w1 w2 w3", "quorum g"), [T, T, T])
    add("HM_ESIGNATURE", policy_text(*P_W, "group g 3 w1 w2 w3", "quorum g"), [T, T, None])
    # A group that is no part of the quorum does not help.
    add("HM_ESIGNATURE", policy_text(*P_W, "group g any w1 w2", "quorum w3"), [T, T, None])
    add("HM_OK", TWO_OF_THREE, [T, T - day, None], max_age=day)
    add("HM_EEXPIRED", TWO_OF_THREE, [T, T - day - 1, None], max_age=day)
    add("HM_OK", TWO_OF_THREE, [T, T - day - 1, T - 5], max_age=day)
    add("HM_EEXPIRED", TWO_OF_THREE, [0, 0, 0], max_age=day)
    add("HM_OK", TWO_OF_THREE, [0, 0, 0])
    add("HM_OK", TWO_OF_THREE, [T, T, None], max_age=0)
    add("HM_EEXPIRED", TWO_OF_THREE, [T - 1, T - 1, None], max_age=0)
    add("HM_EEXPIRED", TWO_OF_THREE, [T, T, None], now=2**62, max_age=day)
    add("HM_OK", TWO_OF_THREE, [T + 300, T, None], max_age=day)
    add("HM_ECLOCK", TWO_OF_THREE, [T + 301, T, None], max_age=day)
    add("HM_ECLOCK", TWO_OF_THREE, [T + 301, T, None])
    add("HM_OK", TWO_OF_THREE, [T + 301, T, T], max_age=day)
    add("HM_ECLOCK", TWO_OF_THREE, [2**63 - 1, 2**63 - 1, None], max_age=day)
    add("HM_ECLOCK", TWO_OF_THREE, [T, T, T], now=0, max_age=day)
    add("HM_EEXPIRED", TWO_OF_THREE, [T + 301, T - day - 1, None], max_age=day)
    return cases


def proof_text(index, size, signed, entries=None, extra=None, origin=LOG.name, path=None, root=None):
    leaves = [leaf_hash(e) for e in (entries or ENTRIES)][:size]
    text = "c2sp.org/tlog-proof@v1\n" + (f"extra {b64(extra)}\n" if extra is not None else "") + f"index {index}\n"
    text += "".join(b64(h) + "\n" for h in (path if path is not None else path_of(index, leaves)))
    body = f"{origin}\n{size}\n{b64(root or root_of(leaves))}\n"
    return text + "\n" + note(body, *signed)


def proof_cases():
    cases = []
    every = ((LOG, 0), (W1, T), (W2, T + 1), (W3, T + 2))

    def add(name, rc, text, index=3, policy=TWO_OF_THREE, parse="HM_OK", now=T + 60, max_age=7 * 86400, entry=None):
        cases.append(case(name, rc, "proof", text, parse=parse, entry=(ENTRIES[index] if entry is None else entry).hex(), policy=policy,
                          now=now, max_age=max_age))

    def malformed(name, text):
        add(name, "HM_EFORMAT", text, parse="HM_EFORMAT")

    for index in range(11):
        add(f"entry {index} of 11", "HM_OK", proof_text(index, 11, every), index)
    add("the only entry", "HM_OK", proof_text(0, 1, every), 0)
    add("with extra data", "HM_OK", proof_text(3, 11, every, extra=b"whatever"))
    add("two witnesses of three", "HM_OK", proof_text(3, 11, (every[0], every[1], every[3])))
    add("unwitnessed, where that is enough", "HM_OK", proof_text(3, 11, every[:1]), policy=NONE_POLICY)
    add("with a stranger's signature", "HM_OK", proof_text(3, 11, every + ((W_PQ, T),)))
    add("a week old", "HM_OK", proof_text(3, 11, every), now=T + 7 * 86400)
    add("one witness of three", "HM_ESIGNATURE", proof_text(3, 11, every[:2]))
    add("no witness", "HM_ESIGNATURE", proof_text(3, 11, every[:1]))
    add("no log", "HM_ESIGNATURE", proof_text(3, 11, every[1:]))
    add("log's signature wrong", "HM_ESIGNATURE", proof_text(3, 11, every).replace(b64(LOG.id)[:4], b64(LOG.id)[:4], 1).replace(
        LOG.line(f"{LOG.name}\n11\n{b64(root_of(LEAVES))}\n"), LOG.line("x\n")))
    add("signed by another log's key", "HM_MISMATCH".replace("HM_", "HM_E"), proof_text(3, 11, every, origin=LOG2.name), policy=TWO_OF_THREE)
    add("another log altogether", "HM_ESIGNATURE", proof_text(3, 11, ((LOG2, 0),), origin=LOG2.name), policy=NONE_POLICY)
    add("origin of one log, signature of another", "HM_ESIGNATURE", proof_text(3, 11, ((LOG2, 0), every[1], every[2])),
        policy=policy_text(P_LOG, f"log {LOG2.vkey()}", *P_W, "group core 2 w1 w2 w3", "quorum core"))
    add("more than a week old", "HM_EEXPIRED", proof_text(3, 11, every), now=T + 7 * 86400 + 2)
    add("from the future", "HM_ECLOCK", proof_text(3, 11, every), now=T - 400)
    add("another entry", "HM_EMISMATCH", proof_text(3, 11, every), entry=b"another")
    add("the entry with a byte more", "HM_EMISMATCH", proof_text(3, 11, every), entry=ENTRIES[3] + b"\n")
    add("another index", "HM_EMISMATCH", proof_text(3, 11, every).replace("index 3", "index 2"))
    add("index past the size", "HM_EFORMAT", proof_text(3, 11, every).replace("index 3", "index 11"))
    add("the largest index", "HM_EFORMAT", proof_text(3, 11, every).replace("index 3", f"index {2**63 - 2}"))
    path = path_of(3, LEAVES)
    add("a hash left out", "HM_EFORMAT", proof_text(3, 11, every, path=path[:-1]))
    add("a hash too many", "HM_EFORMAT", proof_text(3, 11, every, path=path + [bytes(32)]))
    add("no hashes", "HM_EFORMAT", proof_text(3, 11, every, path=[]))
    add("hashes in another order", "HM_EMISMATCH", proof_text(3, 11, every, path=path[::-1]))
    add("a hash altered", "HM_EMISMATCH", proof_text(3, 11, every, path=[bytes(32)] + path[1:]))
    add("an inner node passed off as an entry", "HM_EFORMAT", proof_text(0, 11, every, path=path_of(0, LEAVES)[1:]),
        entry=b"\1" + LEAVES[0] + LEAVES[1])
    add("size altered", "HM_ESIGNATURE", proof_text(3, 11, every).replace("\n11\n", "\n12\n"))
    add("root of another tree, signed", "HM_EMISMATCH", proof_text(3, 11, every, root=root_of(LEAVES[:10])))
    good = proof_text(3, 11, every)
    head, _, tail = good.partition("\n\n")
    malformed("empty", "")
    malformed("a checkpoint alone", tail)
    malformed("head alone", head + "\n\n")
    malformed("no empty line", head + "\n" + tail)
    malformed("no last newline", good[:-1])
    malformed("another version", good.replace("@v1", "@v2"))
    malformed("version in capitals", good.replace("c2sp", "C2SP"))
    malformed("empty line first", "\n" + good)
    malformed("carriage returns", good.replace("\n", "\r\n"))
    malformed("no index", good.replace("index 3\n", ""))
    malformed("index without number", good.replace("index 3", "index "))
    malformed("index with a sign", good.replace("index 3", "index +3"))
    malformed("index with a leading zero", good.replace("index 3", "index 03"))
    malformed("index with two spaces", good.replace("index 3", "index  3"))
    malformed("index with a space at the end", good.replace("index 3", "index 3 "))
    malformed("index 2^63 - 1", good.replace("index 3", f"index {2**63 - 1}"))
    malformed("index 2^64", good.replace("index 3", f"index {2**64}"))
    malformed("index twice", good.replace("index 3\n", "index 3\nindex 3\n"))
    malformed("extra after index", good.replace("index 3\n", "index 3\nextra AA==\n"))
    malformed("extra twice", good.replace("index 3\n", "extra AA==\nextra AA==\nindex 3\n"))
    malformed("extra not base64", good.replace("index 3\n", "extra A\nindex 3\n"))
    malformed("extra without data", good.replace("index 3\n", "extra \nindex 3\n"))
    malformed("extra in the URL alphabet", good.replace("index 3\n", "extra -_-_\nindex 3\n"))
    malformed("too much extra", proof_text(3, 11, every, extra=bytes(65537)))
    malformed("hash of 31 bytes", proof_text(3, 11, every, path=[bytes(31)] + path[1:]))
    malformed("hash of 33 bytes", proof_text(3, 11, every, path=[bytes(33)] + path[1:]))
    malformed("hash in hexadecimal", good.replace(b64(path[0]), path[0].hex()))
    malformed("hash with a space", good.replace(b64(path[0]), " " + b64(path[0])))
    malformed("64 hashes", proof_text(3, 11, every, path=[bytes(32)] * 64))
    malformed("two empty lines", head + "\n\n\n" + tail)
    malformed("no signatures", head + "\n\n" + tail.partition("\n\n")[0] + "\n\n")
    malformed("a note that is no checkpoint", head + "\n\n" + note(PLAIN, (LOG, 0)))
    return cases


# --- the map of releases

def bit_of(key, bit):
    return key[bit // 8] >> (7 - bit % 8) & 1


def map_node(items, key=None):
    """(root, steps for key from the leaf up, the leaf where a search for key ends); items: sorted pairs."""
    if len(items) == 1:
        return sha256(*items[0]), [], items[0]
    bit = next(b for b in range(256) if len({bit_of(k, b) for k, _ in items}) == 2)
    sides = [[i for i in items if bit_of(i[0], bit) == side] for side in (0, 1)]
    side = bit_of(key, bit) if key is not None else 0
    hashed, steps, leaf = map_node(sides[side], key)
    other = map_node(sides[1 - side])[0]
    pair = (hashed, other) if side == 0 else (other, hashed)
    return sha256(*pair, bytes([bit])), steps + [(bit, other)], leaf


def map_proof(items, key):
    if not items:
        return b"mptproof\0"
    _, steps, leaf = map_node(items, key)
    head = b"mptproof\1" + leaf[1] if leaf[0] == key else b"mptproof\0" + leaf[0] + leaf[1]
    return head + b"".join(bytes([b]) + h for b, h in steps)


def map_cases():
    cases = []
    patterns = {
        "random": [sha256(b"key", bytes([i])) for i in range(20)],
        "first bit": [bytes(32), b"\x80" + bytes(31)],
        "last bit": [bytes(32), bytes(31) + b"\1"],
        "every bit": [bytes(32)] + [(1 << (255 - b)).to_bytes(32, "big") for b in range(0, 256, 5)] + [(1).to_bytes(32, "big")],
        "ends": [bytes(32), b"\xff" * 32],
        "one": [sha256(b"alone")],
        "none": [],
    }
    for name, keys in patterns.items():
        items = sorted((k, sha256(b"value", k)) for k in set(keys))
        root = map_node(items)[0] if items else sha256(b"")
        ask = sorted(set(keys)) + [sha256(b"absent", bytes([i])) for i in range(4)] + [b"\x7f" * 32, b"\xff" * 31 + b"\xfe"]
        values = dict(items)
        cases.append({"name": name, "root": root.hex(), "items": [[k.hex(), v.hex()] for k, v in items],
                      "queries": [{"key": k.hex(), "value": values[k].hex() if k in values else None,
                                   "proof": map_proof(items, k).hex()} for k in ask]})
    return cases


# --- entries of the release log

H1, H2, H3 = (sha256(w).hex() for w in (b"one", b"two", b"three"))
A, B = sorted((H1, H2))


def entry_cases():
    release = (f"hallmark/release v1\nsite acme\npath chipco/nic9/2.1.0\nlabel 2.1.0 (Build 7)\nimage nic9.rom {H1} 65536\n"
               f"image notes.txt {H2} 0\nrole maker~chipco 12\nrole release~chipco~nic9 3\n")
    recall = (f"hallmark/recall v1\nsite acme\npath recalls/chipco/2026-001.json\ndocument {H3} 4000\ndigest {A}\ndigest {B}\n"
              "role recalls~chipco 2\n")
    maker = f"hallmark/maker v1\nsite acme\nmaker chipco\ngrade maker\nidentity 2 {H1} 1500\nrole targets 5\n"
    attested = "hallmark/maker v1\nsite acme\nmaker oldchip\ngrade attested\nrole targets 6\n"
    root = f"hallmark/root v1\nsite acme\nroot 2 {H1} 4321\n"
    snapshot = (f"hallmark/snapshot v1\nsite acme\nsnapshot 17 {H1} 2048\nroot 2 {H2}\nmap {H3} 44\nentries 100 3\nvoid 7 1\n"
                "void 90 10\nvoid 101 1\n")
    cases = []

    def good(name, text):
        cases.append({"name": name, "rc": "HM_OK", "entry": text})

    def bad(name, text, rc="HM_EFORMAT"):
        cases.append(case(name, rc, "entry", text))

    for name, text in (("release", release), ("recall", recall), ("maker", maker), ("attested maker", attested), ("root", root),
                       ("snapshot", snapshot)):
        good(name, text)
    good("release without label", release.replace("label 2.1.0 (Build 7)\n", ""))
    good("label of other scripts", release.replace("(Build 7)", "\u7b2c\u4e03\u7248"))
    good("label of 256 bytes", release.replace("2.1.0 (Build 7)", "x" * 256))
    good("lifted recall", release.replace("chipco/nic9/2.1.0", "chipco/lifted/2026-001"))
    good("the vendor's recall", recall.replace("recalls/chipco", "recalls/vendor"))
    good("snapshot of nothing new", snapshot.replace("entries 100 3\nvoid 7 1\nvoid 90 10\nvoid 101 1", "entries 0 0"))
    good("snapshot without voids", snapshot.replace("void 7 1\nvoid 90 10\nvoid 101 1\n", ""))
    good("largest numbers", root.replace("root 2", f"root {2**63 - 1}").replace("4321", str(2**63 - 1)))
    many = "".join(f"image f{i:04d} {H1} 1\n" for i in range(800))
    good("800 images", release.replace(f"image nic9.rom {H1} 65536\nimage notes.txt {H2} 0\n", many))
    bad("empty", "")
    bad("kind alone", "hallmark/root v1\n")
    bad("no last newline", root[:-1])
    bad("newline alone", "\n", "HM_EUNKNOWN")
    bad("another version", root.replace("v1", "v2", 1), "HM_EUNKNOWN")
    bad("another kind", root.replace("root v1", "delivery v1", 1), "HM_EUNKNOWN")
    bad("kind in capitals", root.replace("hallmark", "Hallmark", 1), "HM_EUNKNOWN")
    bad("space after the kind", root.replace("v1", "v1 ", 1), "HM_EUNKNOWN")
    bad("leading newline", "\n" + root, "HM_EUNKNOWN")
    bad("empty line at the end", root + "\n")
    bad("line at the end", root + "more 1\n")
    bad("a line twice", root.replace("site acme\n", "site acme\nsite acme\n"))
    bad("a line left out", root.replace("site acme\n", ""))
    bad("lines in another order", maker.replace("maker chipco\ngrade maker\n", "grade maker\nmaker chipco\n"))
    bad("carriage returns", root.replace("\n", "\r\n"))
    bad("tab", root.replace("site ", "site\t"))
    bad("NUL", root.replace("acme", "ac\0me"))
    bad("delete", release.replace("Build", "Bu\x7fild"))
    bad("not UTF-8", release.encode().replace(b"Build", b"Bu\xffild"))
    bad("two spaces", root.replace("site ", "site  "))
    bad("space at the end", root.replace("acme\n", "acme \n"))
    bad("site of one byte", root.replace("acme", "a"))
    bad("site of 33 bytes", root.replace("acme", "a" * 33))
    bad("site with a dot", root.replace("acme", "acme.com"))
    bad("site in capitals", root.replace("acme", "Acme"))
    bad("no site", root.replace("site acme", "site "))
    for name, path in (("two parts", "chipco/nic9"), ("four parts", "chipco/nic9/2.1.0/f"), ("an empty part", "chipco//2.1.0"),
                       ("a slash in front", "/nic9/2.1.0"), ("a slash behind", "chipco/nic9/"), ("dots", "chipco/../2.1.0"),
                       ("capitals", "chipco/NIC9/2.1.0"), ("a long part", "chipco/" + "x" * 65 + "/1"), ("a short ID", "c/nic9/1"),
                       ("a reserved ID", "recalls/nic9/1"), ("the vendor", "vendor/nic9/1"), ("a tilde", "chip~co/nic9/1")):
        bad(f"release path with {name}", release.replace("chipco/nic9/2.1.0", path))
    for name, path in (("no recalls", "chipco/x/2026-001.json"), ("two parts", "recalls/2026-001.json"), ("a reserved ID", "recalls/lifted/a"),
                       ("four parts", "recalls/chipco/a/b"), ("a hidden name", "recalls/chipco/.a")):
        bad(f"recall path with {name}", recall.replace("recalls/chipco/2026-001.json", path))
    bad("empty label", release.replace("label 2.1.0 (Build 7)", "label "))
    bad("label of 257 bytes", release.replace("2.1.0 (Build 7)", "x" * 257))
    bad("label with a space in front", release.replace("label ", "label  "))
    bad("label with a space behind", release.replace("7)\n", "7) \n"))
    bad("label twice", release.replace("image nic9", "label x\nimage nic9"))
    bad("label after the images", release.replace("label 2.1.0 (Build 7)\n", "").replace("role maker", "label x\nrole maker"))
    bad("no images", release.replace(f"image nic9.rom {H1} 65536\nimage notes.txt {H2} 0\n", ""))
    bad("images out of order", release.replace("nic9.rom", "z.rom"))
    bad("an image twice", release.replace("notes.txt", "nic9.rom"))
    bad("images that differ in case", release.replace("nic9.rom", "Notes.txt"))
    bad("image without length", release.replace(" 65536", ""))
    bad("image with more", release.replace(" 65536", " 65536 x"))
    bad("image length with a leading zero", release.replace(" 65536", " 065536"))
    bad("image length 2^63", release.replace(" 65536", f" {2**63}"))
    bad("negative image length", release.replace(" 65536", " -1"))
    bad("digest in capitals", release.replace(H1, H1.upper()))
    bad("digest of 63 digits", release.replace(H1, H1[1:]))
    bad("digest of 65 digits", release.replace(H1, H1 + "0"))
    bad("digest in base64", release.replace(H1, b64(sha256(b"one"))))
    bad("image name with a slash", release.replace("nic9.rom", "a/nic9.rom"))
    bad("image name with a dot in front", release.replace("nic9.rom", ".rom"))
    bad("no roles", release[:release.index("role")])
    bad("roles out of order", release.replace("maker~chipco", "z~chipco"))
    bad("a role twice", release.replace("release~chipco~nic9 3", "maker~chipco 13"))
    bad("role version 0", release.replace("nic9 3", "nic9 0"))
    bad("role with a slash", release.replace("maker~chipco", "maker/chipco"))
    bad("role without version", release.replace("chipco 12", "chipco"))
    bad("role of 193 bytes", release.replace("maker~chipco", "m" * 193))
    bad("recall without document", recall.replace(f"document {H3} 4000\n", ""))
    bad("recall of nothing", recall.replace(f"digest {A}\ndigest {B}\n", ""))
    bad("digests out of order", recall.replace(f"digest {A}\ndigest {B}\n", f"digest {B}\ndigest {A}\n"))
    bad("a digest twice", recall.replace(f"digest {B}", f"digest {A}"))
    bad("document with a version", recall.replace(f"document {H3}", f"document 1 {H3}"))
    bad("grade unknown", maker.replace("grade maker", "grade gold"))
    bad("attested with an identity", maker.replace("grade maker", "grade attested"))
    bad("maker without identity", attested.replace("grade attested", "grade maker"))
    bad("identity version 0", maker.replace("identity 2", "identity 0"))
    bad("maker of a reserved name", maker.replace("maker chipco", "maker makers"))
    bad("maker of a path", maker.replace("maker chipco", "maker chipco/nic9"))
    bad("root version 0", root.replace("root 2", "root 0"))
    bad("root version 2^63", root.replace("root 2", f"root {2**63}"))
    bad("root without length", root.replace(" 4321", ""))
    bad("root with roles", root + "role targets 5\n")
    bad("snapshot's root with a length", snapshot.replace(f"root 2 {H2}", f"root 2 {H2} 5"))
    bad("snapshot without map", snapshot.replace(f"map {H3} 44\n", ""))
    bad("map without count", snapshot.replace(" 44", ""))
    bad("negative count of keys", snapshot.replace(" 44", " -44"))
    bad("snapshot without entries", snapshot.replace("entries 100 3\n", ""))
    bad("entries past the end of numbers", snapshot.replace("entries 100 3", f"entries {2**63 - 2} 2"))
    bad("void of none", snapshot.replace("void 7 1", "void 7 0"))
    bad("voids out of order", snapshot.replace("void 7 1", "void 92 1"))
    bad("voids that overlap", snapshot.replace("void 7 1", "void 80 11"))
    bad("voids that touch", snapshot.replace("void 7 1", "void 89 1"))
    bad("void past this entry", snapshot.replace("void 101 1", "void 101 3"))
    bad("void with an overflow", snapshot.replace("void 101 1", f"void 101 {2**64 - 1}"))
    bad("void twice", snapshot.replace("void 90 10", "void 7 1"))
    bad("too long", release.replace(f"image nic9.rom {H1} 65536\nimage notes.txt {H2} 0\n",
                                    "".join(f"image f{i:04d} {H1} 1\n" for i in range(850))))
    return cases


def main():
    sections = {
        "comment": "Made by make-tlog.py; see README.md. 'ml-dsa' as a verdict: HM_OK where ML-DSA is "
                   "available, else HM_ESIGNATURE; 'ml-dsa-wrong': HM_ESIGNATURE where it is, else HM_OK.",
        "vkeys": key_cases(),
        "skeys": skey_cases(),
        "notes": note_cases(),
        "checkpoints": checkpoint_cases(),
        "tile_paths": tile_path_cases(),
        "trees": tree_cases(),
        "policies": policy_cases(),
        "policy_verdicts": verdict_cases(),
        "proofs": proof_cases(),
        "maps": map_cases(),
        "entries": entry_cases(),
    }
    sections["ml_dsa_signatures"] = ml_dsa_signatures
    OUT.write_text(json.dumps(sections, indent=0, ensure_ascii=True) + "\n")
    print(f"{OUT.name}: " + ", ".join(f"{len(v)} {k}" for k, v in sections.items() if isinstance(v, list)))


main()
