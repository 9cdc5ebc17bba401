# SPDX-License-Identifier: Apache-2.0
"""The site is not made to sign what an intruder put into its web tree.

He can write below public/ and has no key at all. Whatever lies there, the site's timer must not sign it with the online key."""
import hashlib
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class SiteTree(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, cls.old, _ = attacks.build(cls.root / "world")
        cls.good = cls.root / "good"
        shutil.copytree(cls.cast.site, cls.good)

    def setUp(self):
        super().setUp()
        self.site = self.scratch / "site"
        shutil.copytree(self.good, self.site)
        self.tree = tree.Tree(self.site / "public")

    def site_run(self, *args):
        return self.hallmark("site", args[0], "--dir", self.site, *args[1:])

    def replace_public(self, folder):
        shutil.rmtree(self.site / "public")
        shutil.copytree(folder, self.site / "public")

    def assertNothingSigned(self, words=("published last",)):
        before = {p: p.read_bytes() for p in (self.site / "public").rglob("*") if p.is_file()}
        for command in (("renew", "--force"), ("publish",), ("rotate", "online", "-o", str(self.scratch / "r.request"))):
            self.assertRefused(self.site_run(*command), story.NO, *words)
        after = {p: p.read_bytes() for p in (self.site / "public").rglob("*") if p.is_file()}
        self.assertEqual(before, after)

    def test_control__the_own_tree_is_renewed(self):
        version = self.tree.load("timestamp")["signed"]["version"]
        self.assertStatus(self.site_run("renew", "--force"), story.GOOD)
        self.assertStatus(self.site_run("renew", "--force"), story.GOOD)
        self.assertEqual(self.tree.load("timestamp")["signed"]["version"], version + 2)

    def test_older_tree__is_not_signed_anew(self):
        self.replace_public(self.old)
        self.assertNothingSigned()
        self.assertEqual(self.site_run("status").status, story.NO)

    def test_older_timestamp__is_not_signed_anew(self):
        shutil.copy(self.old / "metadata" / "timestamp.json", self.tree.path("timestamp"))
        self.assertNothingSigned()

    def test_root_of_the_intruder__does_not_make_the_online_key_sign_his_snapshot(self):
        """His root names his key beside the online one, so that what he signs verifies at the site, and what the site
        signs on top of it, with the version he chose, verifies at every customer."""
        mine = tree.Key()
        root = self.tree.load("root", 1)["signed"]
        root["keys"][mine.keyid] = mine.tuf
        for name, role in root["roles"].items():
            role["threshold"] = 1
            if name == "root":
                role["keyids"] = [mine.keyid]
            elif name != "targets":
                role["keyids"].append(mine.keyid)
        self.tree.store("root", root, [mine])
        snapshot = self.tree.load("snapshot")["signed"]
        snapshot["version"] = 1000000
        raw = self.tree.store("snapshot", snapshot, [mine])
        timestamp = self.tree.load("timestamp")["signed"]
        timestamp["version"] = 1000000
        timestamp["meta"] = {"snapshot.json": tree.facts(raw)}
        self.tree.store("timestamp", timestamp, [mine])
        self.assertNothingSigned()

    def test_control__a_restored_tree_is_renewed(self):
        kept = self.scratch / "kept"
        shutil.copytree(self.site / "public", kept)
        self.replace_public(self.old)
        self.assertStatus(self.site_run("renew", "--force"), story.NO)
        self.replace_public(kept)
        self.assertStatus(self.site_run("renew", "--force"), story.GOOD)

    def submit(self):
        """A new release by acme, as far as the maker's side goes; its signers keep their memory in this test's folder."""
        maker = self.scratch / "maker"
        shutil.copytree(self.cast.root / "maker-acme", maker)
        self.image = self.scratch / "new.rom"
        self.image.write_bytes(b"\x55\xaa" + b"new and good" * 5000)
        submission = self.scratch / "acme.submission"
        self.assertStatus(
            self.hallmark("maker", "release", "--dir", maker, "--for", "globex", "nic", "9.9", self.image, "--key",
                          self.cast.key("acme1"), "--key", self.cast.key("acme2"), "-o", submission), story.GOOD)
        return submission

    def plant(self, content):
        """Where the image of that release will be served, whose name anybody can tell who knows the image."""
        digest = hashlib.sha256(self.image.read_bytes()).hexdigest()
        path = self.site / "public" / "targets" / "acme" / "nic" / "9.9" / f"{digest}.new.rom"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return path

    def approve(self):
        request = self.scratch / "approve.request"
        self.assertStatus(self.site_run("approve", "--all", "-o", request), story.GOOD)
        for name in ("release1", "release3"):
            out = self.scratch / f"{name}.sig"
            self.assertStatus(self.hallmark("sign", request, "--key", self.cast.key(name), "-o", out, "--yes", "--home",
                                            self.scratch / name), story.GOOD)
            self.assertStatus(self.site_run("attach", out), story.GOOD)

    def published(self):
        return self.tree.load("timestamp")["signed"]["version"]

    def check_planted(self, path):
        """Nothing is published, and with the stranger's file out of the way everything is."""
        before = self.published()
        self.assertRefused(self.site_run("publish"), story.NO, path.name, "other bytes", "move it away")
        self.assertEqual(self.published(), before)
        path.unlink()
        self.assertStatus(self.site_run("publish"), story.GOOD)
        self.assertGreater(self.published(), before)
        self.assertEqual(path.read_bytes(), self.image.read_bytes())

    def test_planted_image__before_publish(self):
        submission = self.submit()
        self.assertStatus(self.site_run("intake", submission), story.GOOD)
        self.approve()
        self.check_planted(self.plant(b"\x55\xaa" + b"new and evil" * 5000))

    def test_planted_image__before_intake(self):
        submission = self.submit()
        path = self.plant(b"\x55\xaa" + b"new and evil" * 5000)
        self.assertStatus(self.site_run("intake", submission), story.GOOD)
        self.approve()
        self.check_planted(path)

    def test_control__planted_with_the_right_bytes(self):
        submission = self.submit()
        path = self.plant(self.image.read_bytes())
        self.assertStatus(self.site_run("intake", submission), story.GOOD)
        self.approve()
        before = self.published()
        self.assertStatus(self.site_run("publish"), story.GOOD)
        self.assertGreater(self.published(), before)
        self.assertEqual(path.read_bytes(), self.image.read_bytes())

    def test_signatures_for_no_site__are_refused(self):
        path = self.scratch / "maker.sig"
        path.write_text('{"schema": "hallmark/signatures/1", "maker": "acme", "signatures": []}')
        self.assertRefused(self.site_run("attach", path), story.NO, "acme", "no site")


if __name__ == "__main__":
    unittest.main(verbosity=2)
