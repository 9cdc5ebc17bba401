# SPDX-License-Identifier: Apache-2.0
"""tests/lib/log.py itself: it agrees with the vectors, and its witnesses refuse what they should. (The attacks lean on it.)"""
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

VECTORS = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "tlog.json").read_text())


class Vectors(unittest.TestCase):
    def good(self, member):
        return [case for case in VECTORS[member] if case["rc"] == "HM_OK"]

    def test_trees(self):
        checked = 0
        for case in VECTORS["trees"]:
            merkle = log.Merkle()
            for entry in case["entries"]:
                merkle.add(bytes.fromhex(entry))
            self.assertEqual(merkle.root().hex(), case["root"], case["name"])
            for index, path in enumerate(case["paths"]):
                self.assertEqual([h.hex() for h in merkle.inclusion(index)], path)
                checked += 1
        self.assertGreater(checked, 20)

    def test_tile_paths(self):
        for case in self.good("tile_paths"):
            level = "entries" if case["entries"] else case["level"]
            self.assertEqual(log.tile_path(level, int(case["index"]), case["width"]), case["path"])

    def test_notes(self):
        for case in self.good("notes"):
            for vkey in case["signed"]:
                self.assertIsNotNone(log.is_signed(case["note"], vkey), case["name"])

    def test_proofs(self):
        for case in self.good("proofs"):
            index, path, note, extra = log.read_proof(case["proof"])
            self.assertEqual(log.proof_text(index, path, note, extra), case["proof"], case["name"])


class Trees(unittest.TestCase):
    def test_consistency_of_all_sizes(self):
        merkle = log.Merkle()
        for number in range(40):
            merkle.add(bytes([number]))
        for size in range(1, 41):
            for old in range(size + 1):
                proof = merkle.consistency(old, size)
                self.assertTrue(log.is_consistent(old, merkle.root(old), size, merkle.root(size), proof))
                if old:
                    self.assertFalse(log.is_consistent(old, bytes(32), size, merkle.root(size), proof))
                self.assertFalse(log.is_consistent(old, merkle.root(old), size, merkle.root(size), [*proof, bytes(32)]))

    def test_tiles_hold_every_entry(self):
        merkle, entries = log.Merkle(), [b"entry %d" % n for n in range(700)]
        for entry in entries:
            merkle.add(entry)
        paths = dict(log.tiles_of(merkle, entries, 0, 700))
        self.assertEqual(sorted(paths), ["tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/000",
                                         "tile/entries/001", "tile/entries/002.p/188"])
        self.assertEqual(len(paths["tile/1/000.p/2"]), 64)
        later = dict(log.tiles_of(merkle, entries, 600, 700))
        self.assertEqual(sorted(later), ["tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/002.p/188"])


class Witnesses(unittest.TestCase):
    def setUp(self):
        self.key = log.NoteKey("example.com/log")
        self.witness = log.Witness("witness.example/w1")
        self.merkle = log.Merkle()
        for number in range(10):
            self.merkle.add(bytes([number]))

    def note(self, size, root=None, key=None):
        text = log.checkpoint_text(self.key.name, size, root or self.merkle.root(size))
        return text + "\n" + (key or self.key).line(text)

    def refused(self, status, old, proof, note):
        with self.assertRaises(log.Refusal) as caught:
            self.witness.cosign(old, proof, note, self.key.vkey)
        self.assertEqual(caught.exception.status, status)

    def test_honest(self):
        line = self.witness.cosign(0, [], self.note(4), self.key.vkey)
        self.assertGreater(log.is_signed(self.note(4) + line, self.witness.vkey), 1700000000)
        self.refused(409, 0, [], self.note(10))
        self.refused(422, 4, [bytes(32)], self.note(10))
        self.refused(422, 4, self.merkle.consistency(4, 10), self.note(10, bytes(32)))
        self.refused(400, 4, [], self.note(3))
        self.refused(403, 4, self.merkle.consistency(4, 10), self.note(10, key=log.NoteKey("example.com/log")))
        self.witness.cosign(4, self.merkle.consistency(4, 10), self.note(10), self.key.vkey)
        self.assertEqual(self.witness.known_size("example.com/log"), 10)

    def test_liar(self):
        self.witness.lies = True
        self.witness.cosign(0, [], self.note(10), self.key.vkey)
        self.witness.cosign(0, [], self.note(4, bytes(32)), self.key.vkey)


class SiteLog(story.Case):
    def test_a_tree_is_given_a_log(self):
        cast = story.Cast(self.scratch)
        cast.init_site()
        public = tree.Tree(cast.public)
        log.drop(public)
        witnesses = [log.Witness(f"witness.example/w{n}") for n in (1, 2, 3)]
        site_log = log.begin(public, "globex", [tree.Key(cast.key(k)) for k in ("root1", "root2")], witnesses=witnesses)
        index, path, note, extra = log.read_proof((public.public / "proofs" / "latest.tlog-proof").read_text())
        self.assertEqual(index, site_log.size - 1)
        self.assertEqual(len([w for w in witnesses if log.is_signed(note, w.vkey)]), 3)
        self.assertEqual(site_log.merkle.inclusion(index), path)
        self.assertTrue(extra.startswith(b"hallmark/snapshot v1\nsite globex\n"))
        again = log.Log(public, site_log.key, witnesses)
        self.assertEqual((again.entries, again.merkle.root()), (site_log.entries, site_log.merkle.root()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
