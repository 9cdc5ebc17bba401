# SPDX-License-Identifier: Apache-2.0
"""A publish with a release log and witnesses, under a fault at each change: what was committed appears with the same bytes, the log has
one history, and no client is ever told that the site lies.

Right after the fault, before anything is mended, a client gets what it asks for or is told to try again (the publish is half-way). Then
the next publish finishes the work: every checkpoint that was ever signed is of the final tree, each release stands in it once, and
clients old and new accept it.
"""
import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import faults  # noqa: E402
import log  # noqa: E402
import logged  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

MODES = (*faults.MODES, "half", "holes")
OLD, NEW = "acme/nic/1.0", "acme/nic/1.1"


class LogPublishCrash(faults.Sweep):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = logged.World(cls.root / "world", live=False)
        cls.addClassCleanup(cls.world.close)
        cls.world.init()
        cls.cast = cls.world.cast
        cls.cast.init_maker("acme", "Acme Chips")
        cls.cast.enroll("acme")
        cls.world.approved("1.0", b"firmware 1.0 " * 100)
        cls.world.publish()
        cls.cast.trust()
        story.must("list", home=cls.cast.home)
        cls.seen = [dict(one.inner.seen) for one in cls.world.witnesses]

    def begin(self, world):
        """Witnesses as they were before."""
        for one, seen in zip(self.world.witnesses, self.seen):
            one.inner.seen = dict(seen)
            one.server.requests.clear()

    def site(self, world, *words):
        return story.hallmark("site", words[0], "--dir", world / "site", *words[1:])

    def customers(self, world, what, *statuses):
        """A customer who knows the site, and one who comes for the first time."""
        for name, home in (("known", world.parent / "known"), ("new", world.parent / "new")):
            shutil.rmtree(home, ignore_errors=True)
            if name == "known":
                shutil.copytree(world / "customer", home)
                self.move(home, world)
            else:
                added = story.hallmark("trust", "add", "globex", f"file://{world}/site/public", "--trust",
                                       world / "site" / "public" / "hallmark.trust", home=home)
                self.assertIn(added.status, statuses, added.err)
                if added.status != story.GOOD:
                    continue
            out = world.parent / "out"
            shutil.rmtree(out, ignore_errors=True)
            result = story.hallmark("get", what, "-d", out, "--no-progress", home=home)
            self.assertIn(result.status, statuses, f"{name}: {result.err}")

    def committed(self, world):
        """What must appear with these bytes: {path below public: bytes}."""
        journal = world / "site" / "private" / "publish" / "next"
        return {str(p.relative_to(journal / folder)): p.read_bytes()
                for folder in ("files", "late") for p in (journal / folder).rglob("*") if p.is_file() and not p.name.startswith(".")}

    def one_history(self, world):
        """The final log, of which every checkpoint is that was ever signed."""
        public = world / "site" / "public"
        note = (public / "log" / "checkpoint").read_text()
        _origin, size, root = log.read_checkpoint(note)
        merkle = log.Merkle()
        entries = log.read_entries(public / "log", size)
        for entry in entries:
            merkle.add(entry)
        self.assertEqual(merkle.root(), root)
        for one in self.world.witnesses:
            for signed in one.notes():
                _origin, size, root = log.read_checkpoint(signed)
                self.assertEqual(merkle.root(size), root, "two checkpoints contradict each other")
            self.assertIsNotNone(log.is_signed(note, one.vkey))
        return entries

    def check(self, world, result):
        committed = self.committed(world)
        self.customers(world, OLD, story.GOOD, story.CANNOT_TELL)
        if result.status == story.GOOD:
            self.customers(world, NEW, story.GOOD)  # acknowledged
        again = self.site(world, "publish")
        self.assertStatus(again, story.GOOD)
        self.assertStatus(self.site(world, "status"), story.GOOD)
        entries = self.one_history(world)
        paths = [log.lines_of(e, "path")[0][0] for e in entries if e.startswith(b"hallmark/release v1\n")]
        self.assertEqual(paths, [OLD, NEW])
        for name, data in committed.items():
            self.assertEqual((world / "site" / "public" / name).read_bytes(), data, name)
        self.customers(world, NEW, story.GOOD)
        self.customers(world, OLD, story.GOOD)
        self.assertStatus(self.site(world, "renew"), story.GOOD)

    def approve(self, world):
        """What publish is to publish."""
        site = world / "site"
        folder = world / "nic-1.1"
        folder.mkdir()
        (folder / "fw.bin").write_bytes(b"firmware 1.1 " * 100)
        submission = world / "new.submission"
        story.must("maker", "release", "--dir", world / "maker-acme", "--for", "globex", "nic", "1.1", folder / "fw.bin",
                   "--key", world / "keys" / "acme1.pem", "--key", world / "keys" / "acme2.pem", "-o", submission)
        story.must("site", "intake", "--dir", site, submission)
        story.must("site", "approve", "--dir", site, "--all", "-o", world / "crash.request")
        self.sign(world, world / "crash.request", "release1", "release2")

    def sign(self, world, request, *names):
        for name in names:
            out = world / f"{name}.sig"
            story.must("sign", request, "--key", world / "keys" / f"{name}.pem", "-o", out, "--yes", "--home", world / "signers" / name)
            story.must("site", "attach", "--dir", world / "site", out)

    def test_publish__has_one_history_after_a_fault_at_any_change(self):
        self.sweep(self.approve, lambda world: ("site", "publish", "--dir", world / "site"), self.check, MODES, sample=5)

    def test_new_root__is_never_a_false_alarm(self):
        """Other witnesses by a new root, together with a release."""
        def prepare(world):
            self.approve(world)
            request = world / "root.request"
            story.must("site", "witness", "remove", "w3", "--dir", world / "site", "-o", request)
            self.sign(world, request, "root1", "root2")

        def check(world, result):
            self.check(world, result)
            self.assertEqual(tree.Tree(world / "site" / "public").version("root"), 2)

        self.sweep(prepare, lambda world: ("site", "publish", "--dir", world / "site"), check, ("kill", "lost"), sample=8)

    def test_succession__is_never_a_false_alarm(self):
        """Another log takes the place of this one, together with a release."""
        def prepare(world):
            self.approve(world)
            request = world / "log.request"
            story.must("site", "rotate", "log", "--dir", world / "site", "-o", request)
            draft = json.loads((world / "site" / "private" / "drafts" / "root.json").read_bytes())
            for one in self.world.witnesses:
                one.introduce(draft["signed"]["x-hallmark"]["log"]["policy"].splitlines()[0].split()[1])
            self.sign(world, request, "root1", "root2")

        def check(world, result):
            self.check(world, result)
            note = (world / "site" / "public" / "log" / "checkpoint").read_text()
            self.assertEqual(log.read_checkpoint(note)[0], f"{logged.ORIGIN}-2")
            self.assertTrue((world / "site" / "public" / "log" / "roots" / "2.root.json").exists(), "auditors of the new log need it")

        self.sweep(prepare, lambda world: ("site", "publish", "--dir", world / "site"), check, ("kill", "lost"), sample=8)


if __name__ == "__main__":
    unittest.main(verbosity=2)
