# SPDX-License-Identifier: Apache-2.0
"""hallmark log on a site that publishes with witnesses, and on its tree in an intruder's hands: what is written holds for whoever has
the trust file, and nothing is written that does not."""
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import evidence  # noqa: E402
import log  # noqa: E402
import logged  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

IMAGES = {"1.0": b"firmware 1.0 " * 1000, "2.1": b"firmware 2.1 " * 1000, "2.4-rc1": b"firmware 2.4 " * 1000}


class Case(story.Case):
    """A site with three releases of acme/nic, and somebody who has only its trust file."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = logged.World(cls.root / "world")
        cls.addClassCleanup(cls.world.close)
        cls.world.init()
        cls.world.cast.init_maker("acme", "Acme Chips")
        cls.world.cast.enroll("acme")
        for version, data in IMAGES.items():
            cls.world.approved(version, data)
            cls.world.publish()
        cls.world.cast.trust()
        cls.trust = cls.world.public / "hallmark.trust"

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.world.cast.home, self.home)
        self.out = self.scratch / "out.evidence"

    def ask(self, what, path, *options, home=True):
        return story.hallmark("log", what, path, "-o", self.out, *options, home=self.home if home else self.scratch / "nobody")

    def check(self, path=None):
        return story.hallmark("check", path or self.out, "--trust", self.trust, "--json", home=self.scratch / "nobody")

    def holds(self, kind, *words):
        result = self.check()
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.json()["kind"], kind)
        self.assertTrue(result.json()["log"]["witnessed"])
        for word in words:
            self.assertIn(word, result.out)

    def nothing_written(self):
        self.assertFalse(self.out.exists())


class Asking(Case):
    def test_absent(self):
        result = self.ask("absent", "acme/nic/2.3")
        self.assertStatus(result, story.GOOD)
        for word in ("never published a release of 'acme/nic' with version or label '2.3'", "between '2.1' and '2.4-rc1'",
                     "there is version '2.1': spelled nearly so", "the newest in order is '2.4-rc1'", str(self.out)):
            self.assertIn(word, result.out)
        self.holds("absent", "between '2.1' and '2.4-rc1'", "from version 1 on")
        self.assertLess(self.out.stat().st_size, 6000)

    def test_absent__what_was_published(self):
        result = self.ask("absent", "acme/nic/2.1", "--json")
        self.assertRefused(result, story.NO, "'2.1' was published", "nothing was written")
        self.assertEqual((result.json()["verdict"], result.json()["code"]), ("not so", "HM_EREFUSED"))
        self.nothing_written()

    def test_absent__a_product(self):
        self.assertStatus(self.ask("absent", "acme/raid/1.0"), story.GOOD)
        self.holds("absent", "the map does not have 'acme/raid'", "hallmark list")

    def test_absent__a_spelling(self):
        result = self.ask("absent", "acme/nic/V 2.4 RC1")
        self.assertStatus(result, story.GOOD)
        self.assertIn("there is version '2.4-rc1': the same but for case", result.out)

    def test_prove(self):
        self.assertStatus(self.ask("prove", "acme/nic/2.1"), story.GOOD)
        self.holds("published", log.sha256(IMAGES["2.1"]).hex())
        self.assertRefused(self.ask("prove", "acme/nic/2.3"), story.NO, "hallmark log absent acme/nic/2.3")

    def test_history(self):
        result = self.ask("history", "acme/nic", "--json")
        self.assertStatus(result, story.GOOD)
        answer = result.json()
        self.assertEqual((answer["schema"], answer["kind"], answer["path"]), ("hallmark/log/1", "history", "acme/nic"))
        self.assertEqual(answer["verdict"], "proved")
        self.assertEqual([n.split("'")[1] for n in answer["notes"] if n.startswith("version '")], list(IMAGES))
        self.holds("history")
        self.assertStatus(self.ask("history", "acme/raid"), story.GOOD)
        self.holds("history", "never published a release of 'acme/raid'")

    def test_a_folder_and_a_url(self):
        folder = self.ask("absent", "acme/nic/2.3", "--url", self.world.public, home=False)
        self.assertStatus(folder, story.GOOD)
        self.assertIn("the trust file that the site itself serves", folder.err)
        with httpd.Server(self.world.public) as server:
            result = self.ask("prove", "acme/nic/1.0", "--url", server.url, "--trust", self.trust, home=False)
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.err, "")
        self.holds("published")

    def test_where_it_is_written(self):
        result = story.hallmark("log", "prove", "acme/nic/1.0", "-o", "-", home=self.home)
        self.assertStatus(result, story.GOOD)
        self.assertTrue(result.out.startswith("hallmark/evidence v1\nkind published\n"))
        self.out.write_text(result.out)
        self.holds("published")

    def test_wrong_use(self):
        for args in (("absent",), ("absent", "acme/nic"), ("absent", "acme/nic/"), ("prove", "acme/nic"), ("prove", "acme/nic/V2"),
                     ("history", "acme/nic/2.1"), ("history", "acme"), ("history", "acme/nic", "acme/raid"), ("nonsense",),
                     ("absent", "acme/nic/2", "--url", "x", "--site", "globex"), ("prove", "acme/nic/1.0", "-o", "-", "--json"),
                     ("contradict", "one"), ("contradict", "one", "two", "--url", "x")):
            self.assertStatus(story.hallmark("log", *args, home=self.home), story.USAGE)
        self.assertRefused(story.hallmark("log", "prove", "acme/nic/1.0", home=self.scratch / "nobody"), story.CANNOT_TELL, "trust add")

    def test_a_proof_beside_an_image(self):
        out = self.scratch / "fw.bin"
        story.must("get", "acme/nic/2.1/fw.bin", "-o", out, "--no-progress", home=self.home)
        self.assertStatus(self.check(f"{out}.proof"), story.GOOD)
        self.assertStatus(self.check(self.world.public / "proofs" / "latest.tlog-proof"), story.GOOD)


class Lies(Case):
    """The site in the hands of who holds all online keys: no answer that is false is written."""

    def setUp(self):
        super().setUp()
        self.tree = tree.Tree.copy(self.world.public, self.scratch / "public")
        key = log.NoteKey.load(logged.ORIGIN, self.world.site / "private" / "keys" / "log.pem")
        witnesses = [log.Witness(w.name, log.NoteKey.load(f"{w.name}.example/witness", w.folder / "key.pem", log.COSIGNER), lies=True)
                     for w in self.world.witnesses]
        self.log = log.Log(self.tree, key, witnesses)

    def ask(self, what, path, *options):
        return super().ask(what, path, "--url", self.tree.public, "--trust", self.trust, *options, home=False)

    def refused(self, result, status, *words):
        self.assertRefused(result, status, *words)
        self.nothing_written()

    def test_control(self):
        self.assertEqual(self.log.release_map().head()[0].hex(), log.lines_of(self.log.entries[-1], "map")[0][0])
        self.log.heartbeat()
        for what, path in (("absent", "acme/nic/2.3"), ("prove", "acme/nic/2.1"), ("history", "acme/nic")):
            self.assertStatus(self.ask(what, path), story.GOOD)

    def test_a_row_left_out(self):
        path = self.tree.public / "log" / "versions" / "acme" / "nic"
        rows = path.read_text().split("\n\n")
        path.write_text("\n\n".join(row for row in rows if "version 2.1" not in row))
        self.refused(self.ask("absent", "acme/nic/2.1"), story.NO)

    def test_a_product_hidden(self):
        (self.tree.public / "log" / "versions" / "acme" / "nic").unlink()
        self.refused(self.ask("absent", "acme/nic/2.1"), story.NO)
        shutil.rmtree(self.tree.public / "log" / "map")
        self.refused(self.ask("absent", "acme/nic/2.1"), story.NO)

    def test_a_map_of_before(self):
        other = log.Log(self.tree, self.log.key)
        other.entries = other.entries[:-2]
        for name, data in other.release_map().files().items():
            log.write(self.tree.public / "log" / name, data)
        self.refused(self.ask("absent", "acme/nic/2.4-rc1"), story.NO)

    def test_other_tiles(self):
        for tile in (self.tree.public / "log" / "tile" / "0").rglob("*"):
            if tile.is_file():
                tile.write_bytes(bytes(len(tile.read_bytes())))
        self.refused(self.ask("prove", "acme/nic/2.1"), story.NO, "not proved to be in the log")

    def test_another_place(self):
        place = self.tree.public / "proofs" / "acme" / "nic" / "2.1"
        shutil.copy(self.tree.public / "proofs" / "acme" / "nic" / "1.0", place)
        self.refused(self.ask("prove", "acme/nic/2.1"), story.NO, "not 'acme/nic/2.1'")
        place.write_text("nothing\n")
        self.refused(self.ask("prove", "acme/nic/2.1"), story.NO, "proofs/acme/nic/2.1")

    def test_too_few_witnesses(self):
        self.log.witnesses = self.log.witnesses[:1]
        self.log.heartbeat()
        self.refused(self.ask("absent", "acme/nic/2.3"), story.CANNOT_TELL, "too few witnesses")

    def test_another_key(self):
        self.log.key = log.NoteKey(logged.ORIGIN)
        self.log.heartbeat()
        self.refused(self.ask("absent", "acme/nic/2.3"), story.NO, "signed")

    def test_no_log(self):
        log.drop(self.tree)
        self.refused(self.ask("history", "acme/nic"), story.NO, "serves no release log")

    def contradiction(self):
        """The release's proof, got before, and what a site says later whose map denies it."""
        self.assertStatus(self.ask("prove", "acme/nic/2.1"), story.GOOD)
        published = self.scratch / "published.evidence"
        self.out.rename(published)
        found = self.log.release_map()
        del found.rows["acme/nic"]["2.1"]
        snapshot, root = self.log.documents()
        self.log.append(log.snapshot_entry("globex", (snapshot[0] + 1, snapshot[1]), root, (self.log.size, 0), (), found.head()))
        self.log.release_map = lambda *_args: found
        self.log.write()
        self.assertStatus(self.ask("absent", "acme/nic/2.1"), story.GOOD)
        self.holds("absent")
        absent = self.scratch / "absent.evidence"
        self.out.rename(absent)
        return published, absent

    def contradict(self, *files):
        return story.hallmark("log", "contradict", *files, "--trust", self.trust, "-o", self.out, home=self.scratch / "nobody")

    def test_a_site_that_denies_what_it_published(self):
        published, absent = self.contradiction()
        self.assertStatus(self.contradict(published, absent), story.GOOD)
        self.holds("contradiction", "its map does not have it")
        text = self.out.read_text()
        self.assertIn("denies it", text)
        # Altered, it does not hold: neither with the release's bytes nor with the site's denial changed.
        for old, new in (("image fw.bin ", "image fw.bim "), ("| version 1.0", "| version 1.1"), ("kind contradiction", "kind fork")):
            self.assertIn(old, text)
            self.out.write_text(text.replace(old, new, 1))
            self.assertStatus(self.check(), story.NO)

    def test_a_site_that_does_not_contradict_itself(self):
        self.assertStatus(self.ask("prove", "acme/nic/2.1"), story.GOOD)
        published = self.scratch / "published.evidence"
        self.out.rename(published)
        self.assertStatus(self.ask("history", "acme/nic"), story.GOOD)
        history = self.scratch / "history.evidence"
        self.out.rename(history)
        self.refused(self.contradict(published, history), story.NO, "there is none")
        self.refused(self.contradict(history, published), story.USAGE, "not a release and")
        self.refused(self.contradict(published, self.trust), story.NO, "hallmark.trust")

    def test_a_forged_denial(self):
        """Without the log's key nobody can make the site deny a release."""
        self.assertStatus(self.ask("prove", "acme/nic/2.1"), story.GOOD)
        published = self.scratch / "published.evidence"
        self.out.rename(published)
        self.log.key = log.NoteKey(logged.ORIGIN)
        found = self.log.release_map()
        del found.rows["acme/nic"]["2.1"]
        snapshot, root = self.log.documents()
        self.log.append(log.snapshot_entry("globex", (snapshot[0] + 1, snapshot[1]), root, (self.log.size, 0), (), found.head()))
        note = self.log.sign()
        part = evidence.absent(self.log.merkle, self.log.entries, note, found, "acme/nic")
        forged = self.scratch / "forged.evidence"
        forged.write_text(evidence.write("absent", "globex", [part], "acme/nic/2.1"))
        self.refused(self.contradict(published, forged), story.NO, "signed")


if __name__ == "__main__":
    unittest.main()
