# SPDX-License-Identifier: Apache-2.0
"""The proof that is kept beside an image: placed, checked offline, and against whoever can write beside images."""
import base64
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]
import attacks  # noqa: E402
import log  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402
from test_log import LogCase  # noqa: E402

NEW = "acme/e1000/1.22.0/new.rom"


class Evidence:
    """A second reading of docs/formats.md 14, of the kind "published" alone."""

    def __init__(self, text):
        lines = text.split("\n")
        assert lines.pop() == "" and lines.pop(0) == "hallmark/evidence v1"
        self.words, self.parts, self.entries = {}, [], []
        while lines[0] != "checkpoint":
            word, _, value = lines.pop(0).partition(" ")
            self.words[word] = value
        lines.pop(0)
        self.note = self.text(lines)
        while lines:
            word, index = lines.pop(0).split(" ")
            assert word == "entry"
            entry, raw = self.text(lines).encode(), b""
            while lines and lines[0].startswith("="):
                raw += base64.b64decode(lines.pop(0)[1:])
            self.entries.append((int(index), entry, [raw[i:i + 32] for i in range(0, len(raw), 32)]))

    @staticmethod
    def text(lines):
        found = []
        while lines and lines[0].startswith("|"):
            found.append(lines.pop(0)[2:])
        return "".join(line + "\n" for line in found)

    def write(self):
        lines = ["hallmark/evidence v1", *(f"{word} {value}" for word, value in self.words.items()), "checkpoint", *self.quote(self.note)]
        for index, entry, hashes in self.entries:
            lines += [f"entry {index}", *self.quote(entry.decode())]
            raw = log.b64(b"".join(hashes))
            lines += ["=" + raw[i:i + 76] for i in range(0, len(raw), 76)]
        return "\n".join(lines) + "\n"

    @staticmethod
    def quote(text):
        return [f"| {line}" if line else "|" for line in text.split("\n")[:-1]]


def is_included(index, size, leaf, path, root):
    """RFC 9162 2.1.3.2."""
    fn, sn, found = index, size - 1, leaf
    for hash_ in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = log.node_hash(hash_, found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = log.node_hash(found, hash_)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == root


class ProofCase(LogCase):
    @property
    def out(self):
        return self.scratch / "out"

    @property
    def file(self):
        return self.out / Path(attacks.FILE).name

    @property
    def proof(self):
        return Path(f"{self.file}.proof")

    def placed(self, *what):
        self.assertStatus(self.get(*what), story.GOOD)

    def verify(self, *options):
        return self.run_home("verify", self.file, *options)

    def state(self, *options):
        found = self.verify("--json", *options).json()["files"][0]
        return found["verdict"], found.get("proof", {}).get("state"), found.get("proof", {}).get("reason", "")


class Kept(ProofCase):
    def test_get__keeps_a_proof_that_others_can_check(self):
        self.placed()
        proof = Evidence(self.proof.read_text())
        self.assertEqual(proof.words["kind"], "published")
        self.assertEqual((proof.words["site"], proof.words["path"]), ("globex", attacks.FILE.rpartition("/")[0]))
        origin, size, root = log.read_checkpoint(proof.note)
        self.assertEqual((origin, size), (self.tree.log.key.name, self.tree.log.size))
        self.assertIsNotNone(log.is_signed(proof.note, self.tree.log.key.vkey))
        for witness in self.tree.log.witnesses:
            self.assertIsNotNone(log.is_signed(proof.note, witness.vkey))
        for index, entry, path in proof.entries:
            self.assertTrue(is_included(index, size, log.leaf_hash(entry), path, root))
        digest = tree.hashlib.sha256(self.file.read_bytes()).hexdigest()
        self.assertIn((self.file.name, digest, str(self.file.stat().st_size)), log.lines_of(proof.entries[0][1], "image"))
        first, count = map(int, log.lines_of(proof.entries[1][1], "entries")[0])
        self.assertIn(proof.entries[0][0], range(first, first + count))
        self.assertEqual(Evidence(self.proof.read_text()).write(), self.proof.read_text())

    def test_verify__tells_entry_and_witnesses(self):
        self.placed()
        result = self.verify()
        self.assertStatus(result, story.GOOD)
        self.assertIn(f"{self.file}.proof: good: entry", result.out)
        self.assertIn("release log of globex, witnessed by 3 of 3", result.out)
        self.assertIn("as of the last refresh", result.out)
        self.assertEqual(self.state("--require-proof"), ("good", "good", ""))

    def test_verify__of_the_proof_is_of_its_file(self):
        self.placed()
        result = self.run_home("verify", *sorted(self.out.iterdir()))
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.out.count(".proof: good"), 2)
        self.file.unlink()
        self.assertRefused(self.run_home("verify", self.proof), story.NO, "unknown")

    def test_verify__holds_while_the_log_grows(self):
        self.placed()
        self.release()
        self.assertStatus(self.run_home("list"), story.GOOD)
        self.assertEqual(self.state(), ("good", "good", ""))

    def test_get__into_a_named_file(self):
        self.out.mkdir()
        self.assertStatus(self.run_home("get", attacks.FILE, "-o", self.out / "boot.img", "--no-progress"), story.GOOD)
        self.assertEqual(sorted(p.name for p in self.out.iterdir()), ["boot.img", "boot.img.proof"])
        self.assertStatus(self.run_home("verify", self.out / "boot.img", "--require-proof"), story.GOOD)

    def test_get__again_touches_nothing(self):
        self.placed()
        before = self.proof.stat()
        self.release()
        self.placed()
        self.assertEqual((before.st_mtime_ns, before.st_ino), (self.proof.stat().st_mtime_ns, self.proof.stat().st_ino))

    def test_get__mends_what_is_missing_or_damaged(self):
        self.placed()
        whole = self.proof.read_bytes()
        for damaged in (None, b"", whole[:40], whole[:-90], whole.replace(b"kind published", b"kind absent"), whole + b"|\n"):
            with self.subTest(damaged):
                self.proof.unlink() if damaged is None else self.proof.write_bytes(damaged)
                self.assertNotEqual(self.state()[1], "good")
                self.assertEqual(self.verify("--require-proof").status, story.CANNOT_TELL if damaged is None else story.NO)
                self.placed()
                self.assertEqual(self.state(), ("good", "good", ""))

    def test_get__dry_run_writes_none(self):
        self.assertStatus(self.get(attacks.FILE, "--dry-run"), story.GOOD)
        self.nothing_placed()
        self.placed()
        self.proof.unlink()
        self.assertStatus(self.get(attacks.FILE, "--dry-run"), story.GOOD)
        self.assertFalse(self.proof.exists())

    def test_get__leaves_a_file_of_the_users_alone(self):
        self.out.mkdir()
        self.proof.write_text("my notes\n")
        result = self.get()
        self.assertStatus(result, story.GOOD)
        self.assertIn("is no proof", result.err)
        self.assertEqual(self.proof.read_text(), "my notes\n")
        self.assertStatus(self.verify(), story.GOOD)
        self.assertEqual(self.state()[1], "bad")

    def test_get__a_release_with_a_file_of_that_name(self):
        maker = tree.next_version(self.tree.load("maker~acme")["signed"])
        release = tree.next_version(self.tree.load("release~acme")["signed"])
        for name, data in ((NEW, b"firmware"), (NEW + ".proof", b"a maker's own kind of proof")):
            release["targets"][name] = self.tree.add_target(maker, name, data)
        site_log, self.tree.log = self.tree.log, None
        self.tree.reference({
            "maker~acme": self.tree.store("maker~acme", maker, [tree.Key(self.cast.key(k)) for k in ("acme1", "acme2")]),
            "release~acme": self.tree.store("release~acme", release, [tree.Key(self.cast.key(k)) for k in ("release1", "release2")]),
        }, self.online)
        self.tree.log = site_log
        site_log.publish()
        for _ in range(2):
            for command in (["get", "acme/e1000/1.22.0", "-d", self.out], ["sync", "acme/e1000/1.22.0", "-d", self.scratch / "mirror"]):
                result = self.run_home(*command, "--no-progress")
                self.assertStatus(result, story.GOOD)
        self.assertEqual((self.out / "new.rom.proof").read_bytes(), b"a maker's own kind of proof")
        self.assertEqual((self.scratch / "mirror" / f"{NEW}.proof").read_bytes(), b"a maker's own kind of proof")
        self.assertTrue((self.out / "new.rom.proof.proof").exists())

    def test_sites_without_a_log_have_none(self):
        log.drop(self.tree)
        home = self.scratch / "other"
        unlogged = self.scratch / "unlogged"
        cast, _old, _images = attacks.build(unlogged)
        cast.trust(home)
        story.must("get", attacks.FILE, "-d", self.out, "--no-progress", home=home)
        self.assertFalse(self.proof.exists())
        result = story.must("verify", self.file, "--require-proof", "--json", home=home)
        self.assertNotIn("proof", result.json()["files"][0])


class Synced(ProofCase):
    @property
    def out(self):
        return self.scratch / "mirror"

    @property
    def file(self):
        return self.out / attacks.FILE

    def sync(self, *options, pattern="acme"):
        return self.run_home("sync", pattern, "-d", self.out, "--no-progress", *options)

    def roms(self):
        return sorted(p for p in self.out.rglob("*.rom"))

    def test_sync__keeps_one_beside_each(self):
        self.assertStatus(self.sync(), story.GOOD)
        self.assertTrue(self.roms())
        for image in self.roms():
            self.assertStatus(self.run_home("verify", image, "--require-proof"), story.GOOD)
        self.assertNotIn(".proof", (self.out / "SHA256SUMS").read_text())

    def test_sync__again_asks_for_nothing_more(self):
        self.assertStatus(self.sync(), story.GOOD)
        self.server.requests.clear()
        self.assertStatus(self.sync(), story.GOOD)
        self.assertEqual([r for r in self.server.requests if "metadata/" not in r], ["/proofs/latest.tlog-proof"])

    def test_sync__mends(self):
        self.assertStatus(self.sync(), story.GOOD)
        self.proof.unlink()
        self.assertStatus(self.sync(), story.GOOD)
        self.assertEqual(self.state(), ("good", "good", ""))
        self.proof.write_text("hallmark/evidence v1\n")
        self.assertStatus(self.sync(), story.GOOD)
        self.assertEqual(self.state(), ("good", "good", ""))

    def test_delete__takes_the_proof_along(self):
        path = self.release()
        self.assertStatus(self.sync(), story.GOOD)
        self.assertTrue((self.out / f"{path}.proof").exists())
        self.assertStatus(self.sync("--delete", pattern="acme/e1000/1.21.*"), story.GOOD)
        self.assertFalse((self.out / path).parent.exists())
        self.assertTrue(self.proof.exists())

    def test_delete__of_an_image_that_the_user_removed(self):
        path = self.release()
        self.assertStatus(self.sync(), story.GOOD)
        (self.out / path).unlink()
        self.assertStatus(self.sync("--delete", pattern="acme/e1000/1.21.*"), story.GOOD)
        self.assertFalse((self.out / f"{path}.proof").exists())

    def test_delete__leaves_what_was_changed(self):
        path = self.release()
        self.assertStatus(self.sync(), story.GOOD)
        (self.out / f"{path}.proof").write_text("mine now\n")
        self.assertStatus(self.sync("--delete", "--dry-run", pattern="acme/e1000/1.21.*"), story.GOOD)
        self.assertTrue((self.out / path).exists())
        self.assertStatus(self.sync("--delete", pattern="acme/e1000/1.21.*"), story.GOOD)
        self.assertFalse((self.out / path).exists())
        self.assertEqual((self.out / f"{path}.proof").read_text(), "mine now\n")

    def test_demands_that_changed_have_it_made_again(self):
        self.assertStatus(self.sync(), story.GOOD)
        own = log.Witness("customer.example/own")
        self.tree.log.witnesses.append(own)
        self.tree.log.heartbeat()
        self.assertStatus(self.run_home("trust", "policy", "globex", "--witness", own.vkey), story.GOOD)
        self.assertStatus(self.run_home("list"), story.GOOD)
        verdict, state, reason = self.state()
        self.assertEqual((verdict, state), ("good", "stale"))
        self.assertIn("your own policy", reason)
        self.assertRefused(self.verify("--require-proof"), story.CANNOT_TELL, "your own policy", "hallmark sync")
        self.assertStatus(self.sync(), story.GOOD)
        self.assertEqual(self.state(), ("good", "good", ""))

    def test_bundles_bring_what_it_takes(self):
        bundle, far = self.scratch / "site.bundle", self.scratch / "far"
        self.assertStatus(self.run_home("bundle", "export", "acme", "-o", bundle, "--no-progress"), story.GOOD)
        story.must("trust", "add", "globex", f"bundle:{bundle}", "--trust", self.cast.public / "hallmark.trust", home=far)
        story.must("bundle", "import", bundle, "-d", self.out, "--no-progress", home=far)
        self.assertTrue(self.roms())
        for image in self.roms():
            story.must("verify", image, "--require-proof", home=far)


class Attacked(ProofCase):
    """Whoever can write beside the image: nothing that he writes is good, nothing takes the image's own verdict away."""

    def setUp(self):
        super().setUp()
        self.placed()
        self.evidence = Evidence(self.proof.read_text())

    def put(self, evidence=None):
        self.proof.write_text((evidence or self.evidence).write())

    def told(self, state, *words, status=story.NO):
        result = self.verify()
        self.assertStatus(result, story.GOOD)
        self.assertNotIn(".proof: good", result.out)
        for word in words:
            self.assertIn(word, result.err)
        self.assertEqual(self.state()[:2], ("good", state))
        self.assertRefused(self.verify("--require-proof"), status, *words)

    def test_control__the_writer_here_writes_what_hallmark_does(self):
        self.put()
        self.assertEqual(self.state(), ("good", "good", ""))

    def test_missing(self):
        self.proof.unlink()
        self.told("missing", "hallmark get", status=story.CANNOT_TELL)

    def test_of_another_release(self):
        path = self.release()
        self.placed(path)
        shutil.copy(self.out / "new.rom.proof", self.proof)
        self.told("other", "acme/e1000/1.22.0", status=story.CANNOT_TELL)

    def test_of_another_release_that_claims_to_be_this(self):
        path = self.release()
        self.placed(path)
        other = Evidence((self.out / "new.rom.proof").read_text())
        other.words["path"] = self.evidence.words["path"]
        other.words["claim"] = other.words["claim"].replace("acme/e1000/1.22.0", self.evidence.words["path"])
        self.put(other)
        self.told("bad", "acme/e1000/1.22.0")

    def test_of_another_site(self):
        self.evidence.words["site"] = "other"
        self.evidence.words["claim"] = self.evidence.words["claim"].replace("'globex'", "'other'")
        self.put()
        self.told("other", "'other'", status=story.CANNOT_TELL)

    def test_a_claim_of_its_own(self):
        self.evidence.words["claim"] = "all is well"
        self.put()
        self.told("bad", "claim")

    def test_an_altered_entry(self):
        index, entry, path = self.evidence.entries[0]
        self.evidence.entries[0] = (index, entry.replace(b"role ", b"role a~", 1), path)
        self.put()
        self.told("bad")

    def test_an_altered_path(self):
        for at in (0, 1):
            index, entry, path = self.evidence.entries[at]
            for altered in ([b"\0" * 32, *path[1:]], path[:-1], [*path, path[0]]):
                self.evidence.entries[at] = (index, entry, altered)
                self.put()
                self.told("bad")
            self.evidence.entries[at] = (index, entry, path)

    def test_another_index(self):
        index, entry, path = self.evidence.entries[0]
        claim = self.evidence.words["claim"]
        for other in (index + 1, 2**62):
            self.evidence.entries[0] = (other, entry, path)
            self.evidence.words["claim"] = claim.replace(f"entry {index} ", f"entry {other} ")
            self.put()
            self.told("bad")

    def forge(self, witnesses, key=None, entries=None):
        """The whole proof, out of a log that somebody made up."""
        other = log.Log(self.tree, key or self.log.key, witnesses)
        other.entries, other.merkle = [], log.Merkle()
        for entry in entries or [self.evidence.entries[0][1]]:
            other.append(entry)
        other.close((0, other.size))
        self.evidence.note = other.sign()
        self.evidence.entries = [(i, other.entries[i], other.merkle.inclusion(i)) for i in (0, other.size - 1)]
        self.evidence.words["claim"] = self.evidence.words["claim"].rpartition("entry ")[0] + f"entry 0 of the release log '{other.key.name}'"
        self.put()
        return other

    def test_a_log_made_up(self):
        self.forge([log.Witness(w.key.name, lies=True) for w in self.witnesses], log.NoteKey(self.log.key.name))
        self.told("stale", "root's policy", status=story.CANNOT_TELL)

    def test_another_sites_log(self):
        self.forge([log.Witness(w.key.name, w.key, lies=True) for w in self.witnesses], log.NoteKey("firmware.example/other/log"))
        self.told("stale", "root's policy", status=story.CANNOT_TELL)

    def test_the_logs_key_is_not_enough(self):
        self.forge([log.Witness(w.key.name, lies=True) for w in self.witnesses])
        self.told("stale", "quorum", status=story.CANNOT_TELL)

    def test_too_few_cosignatures(self):
        text, lines = log.split_note(self.evidence.note)
        self.evidence.note = text + "\n" + "".join(lines[:2])
        self.put()
        self.told("stale", "quorum", status=story.CANNOT_TELL)

    def test_a_fork_of_the_size_that_was_seen(self):
        """Log key and witnesses are the intruder's: the checkpoint that was seen speaks against him."""
        entries = [self.evidence.entries[0][1]] + [log.root_entry("globex", n, b"x") for n in range(1, self.tree.log.size - 1)]
        other = self.forge([log.Witness(w.key.name, w.key, lies=True) for w in self.witnesses], entries=entries)
        self.assertEqual(other.size, self.tree.log.size)
        self.told("bad", "forked", "evidence")
        # It leaves proof for others: both checkpoints, judged by the root that is held.
        kept, = (self.home / "sites" / "globex" / "evidence").glob("fork-*.evidence")
        self.assertIn(str(kept), self.state()[2])
        result = self.run_home("check", kept)
        self.assertStatus(result, story.GOOD)
        self.assertIn("contradict", result.out)

    def test_an_entry_that_no_snapshot_lists(self):
        first, snapshot = self.evidence.entries
        self.evidence.entries = [first, first]
        self.put()
        self.told("bad")
        self.evidence.entries = [snapshot, snapshot]
        self.evidence.words["claim"] = self.evidence.words["claim"].replace(f"entry {first[0]} ", f"entry {snapshot[0]} ")
        self.put()
        self.told("bad")

    def test_an_entry_voided_since(self):
        index = self.evidence.entries[0][0]
        self.tree.log.close((self.tree.log.size, 0), voids=[(index, 1)])
        self.tree.log.write()
        self.assertStatus(self.run_home("list"), story.GOOD)
        self.told("bad", "void")

    def test_evidence_of_another_kind(self):
        self.proof.write_text(self.proof.read_text().replace("kind published", "kind fork"))
        self.told("bad")

    def test_what_is_no_file(self):
        for make in (lambda p: p.mkdir(), os.mkfifo, lambda p: p.symlink_to("/dev/zero"), lambda p: p.symlink_to(self.file)):
            self.proof.rmdir() if self.proof.is_dir() else self.proof.unlink()
            make(self.proof)
            result = self.verify()
            self.assertStatus(result, story.GOOD)
            self.assertEqual(self.state()[1], "bad")
            self.assertStatus(self.get(), story.GOOD)

    def test_too_large(self):
        with open(self.proof, "ab") as out:
            out.truncate(1 << 32)
        self.told("bad", "larger")

    def test_junk(self):
        whole = self.proof.read_bytes()
        for at in range(0, len(whole), 97):
            self.proof.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            verdict, state, _reason = self.state()
            self.assertEqual(verdict, "good")
            if state == "good":  # a cosignature more than are needed, of somebody unknown now
                line = whole[whole.rindex(b"\n", 0, at) + 1:whole.index(b"\n", at)].decode()
                self.assertTrue(line.startswith(f"| {log.DASH} witness.example/"), line)
            else:
                self.assertIn(state, ("bad", "stale", "other"), at)


if __name__ == "__main__":
    unittest.main(verbosity=2)
