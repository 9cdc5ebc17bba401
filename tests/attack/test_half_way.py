# SPDX-License-Identifier: Apache-2.0
"""A site that serves half of a refresh cannot take offline answers away: they are as of the last complete refresh, and say so.

Each test breaks a refresh at one place and then asks offline; the control is the same question before the break
and after the site has healed.
"""
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

COMPLETE = "as of the last complete refresh of globex"


class HalfWay(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.cast.init_maker("bolt", "Bolt Disks")
        cls.cast.enroll("bolt")
        cls.disk = cls.root / "disk.bin"
        cls.disk.write_bytes(b"disk firmware " * 100)
        cls.cast.release("bolt", "disk", "1.0", [cls.disk])
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(url=cls.server.url)
        story.must("list", home=cls.cast.home)
        cls.image = cls.images["efi-e1000.rom"]

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)
        self.tree = tree.Tree.copy(self.cast.public, self.scratch / "public")
        self.server.folder, self.server.rules = self.tree.public, {}
        self.online = tree.Key(self.cast.site / "private" / "keys" / "online.pem")

    def run_home(self, *args):
        return story.hallmark(*args, home=self.home)

    def assertAnswers(self, earlier, *files):
        for file in files or (self.image, self.disk):
            result = self.run_home("verify", file)
            self.assertStatus(result, 0)
            (self.assertIn if earlier else self.assertNotIn)(COMPLETE, result.out)

    def publish(self, role="release~acme", keys=("release1", "release2")):
        """A new version of a role, signed as it should be, and a snapshot that names it."""
        signed = tree.next_version(self.tree.load(role)["signed"])
        self.tree.put(role, signed, [tree.Key(self.cast.key(k)) for k in keys], self.online)
        return self.tree.path(role)

    def heal(self):
        self.server.rules = {}
        self.assertStatus(self.run_home("list"), 0)
        self.assertAnswers(False)
        self.assertFalse((self.home / "sites" / "globex" / "complete").exists())

    def test_control__a_whole_refresh_is_the_newest(self):
        self.assertAnswers(False)
        self.publish()
        self.assertStatus(self.run_home("list"), 0)
        self.assertAnswers(False)
        self.assertFalse((self.home / "sites" / "globex" / "complete").exists())

    def test_timestamp_without_its_snapshot(self):
        self.publish()
        self.server.rules = {".snapshot.json": httpd.status(404)}
        self.assertStatus(self.run_home("list"), 3)
        self.assertAnswers(True)
        listed = self.run_home("list", "--offline", attacks.FILE)
        self.assertStatus(listed, 0)
        self.assertIn(attacks.FILE, listed.out)
        self.assertIn(COMPLETE, listed.err)
        self.heal()

    def test_snapshot_that_is_not_the_one_named(self):
        self.publish()
        self.server.rules = {".snapshot.json": httpd.body(b"{}")}
        self.assertStatus(self.run_home("list"), 1)
        self.assertAnswers(True)
        self.heal()

    def test_snapshot_without_its_targets(self):
        signed = tree.next_version(self.tree.load("targets")["signed"])
        self.tree.put("targets", signed, [tree.Key(self.cast.key(k)) for k in ("targets1", "targets2")], self.online)
        self.server.rules = {".targets.json": httpd.status(503)}
        self.assertStatus(self.run_home("list"), 3)
        self.assertAnswers(True)
        self.heal()

    def test_again_and_again(self):
        """What is kept is the last complete state, not the last attempt."""
        for _ in range(3):
            self.publish()
            self.server.rules = {".snapshot.json": httpd.status(404)}
            self.assertStatus(self.run_home("list"), 3)
            self.server.rules = {".release~acme.json": httpd.status(404), ".release%7Eacme.json": httpd.status(404)}
            self.assertStatus(self.run_home("list"), 3)
            self.assertAnswers(True, self.image)
            self.assertAnswers(False, self.disk)
        self.heal()

    def test_role_withheld(self):
        path = self.publish()
        self.server.rules = {path.name: httpd.status(404)}
        self.assertStatus(self.run_home("list"), 3)
        self.assertAnswers(True, self.image)
        self.assertAnswers(False, self.disk)
        listed = self.run_home("list", "--offline")
        self.assertStatus(listed, 0)
        self.assertIn(attacks.FILE, listed.out)
        self.assertIn(COMPLETE, listed.err)
        self.heal()

    def test_role_withheld_while_another_maker_is_asked(self):
        """The part that was asked for is whole; the other maker is still answered for."""
        path = self.publish()
        self.server.rules = {path.name: httpd.status(404)}
        self.assertStatus(self.run_home("get", "bolt/disk/1.0", "-d", self.scratch / "out"), 0)
        self.assertAnswers(True, self.image)
        self.assertAnswers(False, self.disk)
        self.heal()

    def test_role_of_wrong_signatures(self):
        role = "release~acme"
        signed = tree.next_version(self.tree.load(role)["signed"])
        self.tree.put(role, signed, [tree.Key()], self.online)
        self.assertStatus(self.run_home("list"), 1)
        self.assertAnswers(False, self.disk)
        result = self.run_home("verify", self.image)
        self.assertNotEqual(result.status, 1, "what the site serves now says nothing of the file")
        self.assertAnswers(True, self.image)

    def test_age_is_that_of_the_state(self):
        self.publish()
        self.server.rules = {".snapshot.json": httpd.status(404)}
        self.assertStatus(self.run_home("list"), 3)
        later = story.hallmark("verify", self.image, "--max-age", "5d", home=self.home, faketime="+10d")
        self.assertStatus(later, 3)
        later = story.hallmark("verify", self.image, "--max-age", "20d", home=self.home, faketime="+10d")
        self.assertStatus(later, 0)
        self.assertIn("10 days ago", later.out)

    def test_rollback_is_refused_as_ever(self):
        """What is kept for offline answers is nothing that a site could go back to."""
        old = self.scratch / "old"
        shutil.copytree(self.tree.public, old)
        self.publish()
        self.server.rules = {".snapshot.json": httpd.status(404)}
        self.assertStatus(self.run_home("list"), 3)
        self.server.folder, self.server.rules = old, {}
        result = self.run_home("list")
        self.assertRefused(result, 1, "timestamp")
        self.assertAnswers(True)


if __name__ == "__main__":
    unittest.main()
