# SPDX-License-Identifier: Apache-2.0
"""Go's x/mod/sumdb and transparency-dev's packages (formats, merkle, tessera) beside src/tlog, both ways: notes, checkpoints,
cosignatures, trees, tiles, proofs, tlog-proofs, policies."""
import base64
import hashlib
import json
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519

SKEY = "PRIVATE+KEY+example.com/hallmark-test+13aba541+AYNv8YTntBseE8tf2J+h3pjburmenSkYkT/0O4alx8IT"
SKEY2 = "PRIVATE+KEY+example.com/hallmark-test-2+a1da5d05+AdkS0RmbQEL03+M54QcNtt6RG0+ojeCbIvb9X4A0SeeC"
SIZE = 1000  # tiles of two levels, the last ones partial


def run(program, *args, stdin=b""):
    return subprocess.run([os.environ[program], *map(str, args)], input=stdin, capture_output=True, timeout=120)


def ours(*args, stdin=b"", rc=0):
    return checked(run("HALLMARK_TLOG_TOOL", *args, stdin=stdin), rc, args)


def theirs(*args, stdin=b"", rc=0):
    return checked(run("HALLMARK_GO_TLOG", *args, stdin=stdin), rc, args)


def checked(result, rc, args):
    if result.returncode != rc:
        raise AssertionError(f"{args}: {result.returncode}, not {rc}: {result.stderr.decode()}")
    return result.stdout


def skey(name, seed):
    """An skey of type 0x01; both sides make a witness's key of it."""
    raw = hashlib.sha256(seed.encode()).digest()
    public = ed25519.Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
    ident = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4].hex()
    return f"PRIVATE+KEY+{name}+{ident}+{base64.b64encode(bytes([1]) + raw).decode()}"


def vkey(key, *cosigner):
    return ours("vkey", key, *cosigner).decode().strip()


def entry(index):
    return b"entry %d" % index


def leaf(index):
    return hashlib.sha256(b"\0" + entry(index)).hexdigest()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.scratch = Path(folder.name)

    def write(self, name, data):
        path = self.scratch / name
        path.write_bytes(data)
        return path


class Notes(Case):
    TEXT = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"

    def test_keys__are_the_same_text(self):
        witness = vkey(SKEY, "cosigner")
        self.assertEqual(theirs("cosignature-vkey", vkey(SKEY)).decode().strip(), witness)

    def test_note__ours_and_theirs_are_the_same_bytes(self):
        self.assertEqual(ours("note-sign", SKEY, stdin=self.TEXT), theirs("note-sign", SKEY, stdin=self.TEXT))

    def test_go__opens_our_note_and_keeps_unknown_lines(self):
        note = ours("note-sign", SKEY, stdin=self.TEXT)
        note += ours("note-sign", SKEY2, stdin=self.TEXT).partition(b"\n\n")[2]
        opened = theirs("note-open", vkey(SKEY), stdin=note)
        self.assertEqual(opened, b"signed example.com/hallmark-test\nunknown example.com/hallmark-test-2\n" + self.TEXT)

    def test_hallmark__opens_gos_note(self):
        note = theirs("note-sign", SKEY, stdin=self.TEXT)
        self.assertEqual(ours("note-open", vkey(SKEY), vkey(SKEY2), stdin=note), b"signed 0\nabsent\n" + self.TEXT)

    def test_both__refuse_what_was_changed(self):
        note = ours("note-sign", SKEY, stdin=self.TEXT).replace(b"answer", b"question")
        theirs("note-open", vkey(SKEY), stdin=note, rc=1)
        ours("note-open", vkey(SKEY), stdin=note, rc=1)

    def test_both__refuse_a_note_of_strangers(self):
        note = ours("note-sign", SKEY, stdin=self.TEXT)
        theirs("note-open", vkey(SKEY2), stdin=note, rc=1)
        ours("note-open", vkey(SKEY2), stdin=note, rc=1)

    def test_both__refuse_control_characters(self):
        for text in (b"a\tb\n", b"a\0b\n", b"a\rb\n"):
            note = theirs("note-sign", SKEY, stdin=text)  # Go signs them, and does not open them
            theirs("note-open", vkey(SKEY), stdin=note, rc=1)
            ours("note-open", vkey(SKEY), stdin=note, rc=1)
            ours("note-sign", SKEY, stdin=text, rc=2)


class Cosignatures(Case):
    def setUp(self):
        super().setUp()
        self.text = b"example.com/hallmark-test\n5\n" + base64.b64encode(hashlib.sha256(b"a root").digest()) + b"\n"
        self.note = ours("note-sign", SKEY, stdin=self.text)
        self.witness = skey("witness.example/w1", "w1")

    def test_go__counts_our_cosignature(self):
        note = ours("cosign", self.witness, int(time.time()), stdin=self.note)
        read = theirs("checkpoint", vkey(SKEY), vkey(self.witness, "cosigner"), stdin=note).decode().split()
        self.assertEqual(read, ["example.com/hallmark-test", "5", hashlib.sha256(b"a root").hexdigest(), "2"])

    def test_hallmark__counts_gos_cosignature(self):
        note = theirs("cosign", self.witness, stdin=self.note)
        line = ours("note-open", vkey(SKEY), vkey(self.witness, "cosigner"), stdin=note).split(b"\n")[1]
        self.assertLess(abs(int(line.split()[1]) - time.time()), 300)

    def test_go__refuses_a_cosignature_of_another_time(self):
        note = ours("cosign", self.witness, 1790000000, stdin=self.note)
        head, _, last = note.rstrip(b"\n").rpartition(b" ")
        raw = bytearray(base64.b64decode(last))
        raw[11] ^= 1
        theirs("checkpoint", vkey(SKEY), vkey(self.witness, "cosigner"), stdin=head + b" " + base64.b64encode(raw) + b"\n", rc=1)
        ours("note-open", vkey(SKEY), vkey(self.witness, "cosigner"), stdin=head + b" " + base64.b64encode(raw) + b"\n", rc=1)

    def test_hallmark__reads_gos_ml_dsa_cosignature_or_leaves_it_unknown(self):
        secret, public = theirs("ml-dsa-key", "witness.example/pq").decode().split()
        note = theirs("cosign", secret, stdin=self.note)
        first, second = ours("note-open", vkey(SKEY), public, stdin=note).split(b"\n")[:2]
        self.assertEqual(first, b"signed 0")
        # Without ML-DSA in OpenSSL its line is a stranger's: it neither counts nor spoils the note.
        if second != b"absent":
            self.assertLess(abs(int(second.split()[1]) - time.time()), 300)

    def test_go__counts_the_ml_dsa_cosignatures_of_the_vectors(self):
        vectors = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "tlog.json").read_text())
        keys = [c["vkey"] for c in vectors["vkeys"] if c.get("kind") == 6 and c["rc"] == "HM_OK"]
        seen = 0
        for case in vectors["notes"]:
            if case["rc"] not in ("ml-dsa", "ml-dsa-wrong"):
                continue
            public = next((k for k in keys if k.split("+")[0] + " " in case["note"].partition("\n\n")[2]), None)
            if public is None or "keys" not in case:
                continue
            result = run("HALLMARK_GO_TLOG", "note-open", public, stdin=case["note"].encode())
            self.assertEqual(result.returncode == 0, case["rc"] == "ml-dsa", (case["name"], result.stderr))
            seen += 1
        self.assertGreater(seen, 0)


def tree_root(folder, size):
    return theirs("root", folder, size).decode().strip()


class TreeCases:
    """A log of SIZE entries "entry N" in self.folder, whoever wrote it."""

    def test_checkpoint__is_read_by_both(self):
        raw = (self.folder / "checkpoint").read_bytes()
        expected = ["example.com/hallmark-test", str(SIZE), tree_root(self.folder, SIZE)]
        self.assertEqual(ours("checkpoint", vkey(SKEY), stdin=raw).decode().split(), expected)
        self.assertEqual(theirs("checkpoint", vkey(SKEY), stdin=raw).decode().split(), expected + ["1"])

    def test_entries__are_read_by_both(self):
        expected = [hashlib.sha256(entry(i)).hexdigest() for i in range(SIZE)]
        self.assertEqual(ours("entries", self.folder, vkey(SKEY)).decode().split(), expected)
        self.assertEqual(theirs("entries", self.folder, vkey(SKEY)).decode().split(), expected)

    def test_fsck__of_tessera_finds_nothing(self):
        theirs("fsck", self.folder, vkey(SKEY))

    def test_inclusion__proofs_are_the_same_and_hold(self):
        root = tree_root(self.folder, SIZE)
        for index in (0, 1, 255, 256, 511, 767, 768, 998, 999):
            proof = ours("prove", self.folder, SIZE, "inclusion", index)
            self.assertEqual(proof, theirs("record", self.folder, SIZE, index))
            theirs("check-record", root, SIZE, index, leaf(index), stdin=proof)
            ours("check-inclusion", root, SIZE, index, leaf(index), stdin=proof)
            for bad in ((root, SIZE, index, leaf(index + 1)), (leaf(0), SIZE, index, leaf(index)), (root, SIZE, index ^ 1, leaf(index)),
                        (root, 2 * SIZE, index, leaf(index))):
                theirs("check-record", *bad, stdin=proof, rc=1)
                ours("check-inclusion", *bad, stdin=proof, rc=1)
            theirs("check-record", root, SIZE, index, leaf(index), stdin=proof[45:], rc=1)
            ours("check-inclusion", root, SIZE, index, leaf(index), stdin=proof[45:], rc=1)

    def test_consistency__proofs_are_the_same_and_hold(self):
        root = tree_root(self.folder, SIZE)
        for old in (1, 2, 255, 256, 257, 512, 768, 769, 999, SIZE):
            old_root = plain_root(old)
            proof = ours("prove", self.folder, SIZE, "consistency", old)
            self.assertEqual(proof, theirs("tree", self.folder, SIZE, old))
            theirs("check-tree", old_root, old, root, SIZE, stdin=proof)
            ours("check-consistency", old_root, old, root, SIZE, stdin=proof)
            for bad in ((root if old < SIZE else leaf(0), old, root, SIZE), (old_root, old, leaf(0), SIZE)):
                theirs("check-tree", *bad, stdin=proof, rc=1)
                ours("check-consistency", *bad, stdin=proof, rc=1)

    def test_tlog_proof__is_made_alike_and_verified_by_both(self):
        witnesses = [skey(f"witness.example/w{i}", f"w{i}") for i in (1, 2, 3)]
        checkpoint = (self.folder / "checkpoint").read_bytes()
        for witness in witnesses:
            checkpoint = ours("cosign", witness, int(time.time()), stdin=checkpoint)
        (self.folder / "checkpoint").write_bytes(checkpoint)
        theirs_policy = "".join(f"witness w{i} {vkey(w, 'cosigner')} https://witness.example/{i}\n" for i, w in enumerate(witnesses))
        theirs_policy += "group g 2 w0 w1 w2\nquorum g\n"
        policy = self.write("policy", theirs_policy.encode())
        full = self.write("full", f"log {vkey(SKEY)}\n{theirs_policy}".encode())
        now = int(time.time())
        for index in (0, 300, 999):
            proof = ours("proof-make", self.folder, index)
            self.assertEqual(proof, theirs("proof-make", self.folder, index))
            file = self.write("entry", entry(index))
            expected = f"{index} of {SIZE}".encode()
            self.assertEqual(theirs("proof-check", vkey(SKEY), policy, file, stdin=proof).strip(), expected)
            self.assertEqual(ours("proof-check", full, file, now, stdin=proof).strip(), expected)
            other = self.write("other", entry(index + 1))
            theirs("proof-check", vkey(SKEY), policy, other, stdin=proof, rc=1)
            ours("proof-check", full, other, now, stdin=proof, rc=1)
            # One witness is not two.
            few = b"\n".join(proof.split(b"\n")[:-3]) + b"\n"
            theirs("proof-check", vkey(SKEY), policy, file, stdin=few, rc=1)
            ours("proof-check", full, file, now, stdin=few, rc=1)


def plain_root(size, start=0):
    """RFC 6962, read once more."""
    if size == 1:
        return leaf(start)
    half = 1 << (size - 1).bit_length() - 1
    parts = bytes.fromhex(plain_root(half, start)) + bytes.fromhex(plain_root(size - half, start + half))
    return hashlib.sha256(b"\1" + parts).hexdigest()


class TesseraLog(TreeCases, Case):
    """Written by Tessera's POSIX driver."""

    def setUp(self):
        super().setUp()
        self.folder = self.scratch / "log"
        theirs("write", self.folder, SKEY, SIZE)

    def test_tiles__changed_are_refused(self):
        tile = next((self.folder / "tile" / "0").glob("000"))
        data = bytearray(tile.read_bytes())
        data[100] ^= 1
        tile.chmod(0o644)
        tile.write_bytes(data)
        ours("entries", self.folder, vkey(SKEY), rc=1)
        # Not fsck, which never ends where a tile differs.
        theirs("record", self.folder, SIZE, 3, rc=1)


class HallmarkLog(TreeCases, Case):
    """Written by Hallmark's log writer, in batches."""

    def setUp(self):
        super().setUp()
        self.folder = self.scratch / "public"
        for first, end in ((0, 1), (1, 300), (300, 300), (300, 769), (769, SIZE)):
            lines = b"".join(entry(i) + b"\n" for i in range(first, end))
            ours("append", self.scratch / "private", self.folder, SKEY, stdin=lines)

    def test_log__is_byte_for_byte_that_of_tessera(self):
        other = self.scratch / "tessera"
        theirs("write", other, SKEY, SIZE)
        for path in sorted(p for p in other.rglob("*") if p.is_file() and ".state" not in p.parts):
            self.assertEqual((self.folder / path.relative_to(other)).read_bytes(), path.read_bytes(), path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
