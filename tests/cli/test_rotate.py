# SPDX-License-Identifier: Apache-2.0
"""Every key of a site and of a maker is changed, and customers old and new go on: those from before, those who come between, those after."""
import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402
import tree  # noqa: E402

FILE = "acme/nic/1.0/fw.bin"


class Rotate(story.Case):
    log = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = story.Cast(cls.root / "first")
        cls.first.init_site(log=cls.log)
        cls.first.init_maker("acme", "Acme Chips")
        cls.first.enroll("acme")
        firmware = cls.root / "fw.bin"
        firmware.write_bytes(b"firmware 1.0")
        cls.first.release("acme", "nic", "1.0", [firmware])
        cls.first.trust()

    def setUp(self):
        """A world of its own for each test, copied from the first: the customer in it knows only the keys from before."""
        super().setUp()
        world = self.scratch / "world"
        shutil.copytree(self.first.root, world, symlinks=True)
        self.cast = story.Cast.__new__(story.Cast)
        self.cast.__dict__.update(self.first.__dict__, root=world, keys=world / "keys", site=world / "site", public=world / "site" / "public",
                                  home=world / "customer")
        story.must("trust", "policy", "globex", "--url", f"file://{self.cast.public}", home=self.cast.home)
        self.customers = 0

    def version(self, role):
        return tree.Tree(self.cast.public).version(role)

    def site(self, *words):
        return story.must("site", words[0], "--dir", self.cast.site, *words[1:])

    def get(self, home):
        return story.hallmark("get", FILE, "-o", self.scratch / f"{home.name}-{self.customers}.bin", home=home)

    def customers_go_on(self, expected=story.GOOD):
        """One from before the change, and one who comes now with the first trust file."""
        self.customers += 1
        new = self.scratch / f"new-{self.customers}"
        self.assertStatus(self.get(self.cast.home), expected)
        if expected == story.GOOD:
            self.cast.trust(home=new)
            self.assertStatus(self.get(new), story.GOOD)
            for home in (self.cast.home, new):  # both have walked the whole chain
                root = json.loads((home / "sites" / "globex" / "metadata" / "root.json").read_bytes())
                self.assertEqual(root["signed"]["version"], self.version("root"))

    def rotate(self, role, *options):
        request = self.cast.request()
        self.site("rotate", role, *options, "-o", request)
        return request

    def waits(self):
        """Nothing is published yet, and customers see nothing of the change."""
        before = (self.cast.public / "metadata" / "timestamp.json").read_bytes()
        roots = self.version("root")
        self.site("publish")
        self.assertEqual((self.cast.public / "metadata" / "timestamp.json").read_bytes(), before)
        self.assertEqual(self.version("root"), roots)
        self.customers_go_on()

    def replace(self, old, new):
        self.cast.key(new)
        return ("--remove", self.cast.pub(old), "--add", self.cast.pub(new))

    def test_root(self):
        request = self.rotate("root", *self.replace("root3", "root4"))
        self.cast.attach(request, "root4")
        self.waits()
        self.cast.attach(request, "root1")
        self.waits()
        self.cast.attach(request, "root2")
        self.site("publish")
        self.assertEqual(self.version("root"), 2)
        self.customers_go_on()
        # The key that left counts no more, the new one does.
        request = self.rotate("root", "--threshold", 3)
        signature = self.cast.root / "old.sig"
        refused = self.hallmark("sign", request, "--key", self.cast.key("root3"), "-o", signature, "--yes", "--home", self.scratch / "root3")
        self.assertRefused(refused, story.NO, "not listed")
        self.assertFalse(signature.exists())
        self.cast.attach(request, "root1", "root2")
        self.waits()
        self.cast.attach(request, "root4")
        self.site("publish")
        self.assertEqual(self.version("root"), 3)
        self.customers_go_on()

    def test_targets(self):
        request = self.rotate("targets", *self.replace("targets3", "targets4"))
        self.cast.attach(request, "root1", "root2")
        self.waits()
        self.cast.attach(request, "targets1", "targets2")
        self.site("publish")
        self.assertEqual(self.version("root"), 2)
        self.customers_go_on()
        # The new pair alone enrols the next maker.
        self.cast.init_maker("bolt", "Bolt")
        identity = self.scratch / "bolt.submission"
        story.must("maker", "submission", "--dir", self.cast.root / "maker-bolt", "--for", "globex", "--identity-only", "-o", identity)
        request = self.cast.request()
        self.site("enroll", identity, "-o", request)
        self.cast.attach(request, "targets1", "targets4", "release1", "release2")
        self.site("publish")
        self.customers_go_on()

    def test_online(self):
        request = self.rotate("online")
        self.cast.attach(request, "root1", "root2")
        self.site("publish")
        self.assertEqual(self.version("root"), 2)
        (self.cast.site / "private" / "keys" / "online.pem").unlink()
        self.site("renew", "--force")
        self.customers_go_on()

    def test_online_lost(self):
        (self.cast.site / "private" / "keys" / "online.pem").unlink()
        self.assertRefused(self.hallmark("site", "renew", "--dir", self.cast.site, "--force"), story.CANNOT_TELL)
        request = self.rotate("online", "--lost")
        self.cast.attach(request, "root1", "root2")
        self.site("publish")
        self.assertEqual(self.version("root"), 2)
        self.customers_go_on()
        self.site("renew", "--force")
        self.customers_go_on()

    def test_release(self):
        request = self.rotate("release~acme", *self.replace("release3", "release4"), "--threshold", 3)
        self.cast.attach(request, "targets1", "targets2", "release1", "release2")
        self.waits()
        self.cast.attach(request, "release4")
        self.site("publish")
        self.assertEqual(self.version("release~acme"), 3)
        self.customers_go_on()
        # One of the new threshold is missing: a release waits.
        firmware = self.scratch / "fw.bin"
        firmware.write_bytes(b"firmware 1.1")
        self.site("intake", self.cast.submit("acme", "nic", "1.1", [firmware]))
        request = self.cast.request()
        self.site("approve", "--all", "-o", request)
        self.cast.attach(request, "release1", "release2")
        self.waits()
        self.cast.attach(request, "release4")
        self.site("publish")
        story.must("get", "acme/nic/1.1/fw.bin", "-o", self.scratch / "fw11.bin", home=self.cast.home)

    def test_recalls(self):
        request = self.rotate("recalls~vendor", *self.replace("recall1", "recall2"))
        self.cast.attach(request, "targets1", "targets2")
        self.waits()
        self.cast.attach(request, "recall2")
        self.site("publish")
        self.assertEqual(self.version("recalls~vendor"), 2)
        self.customers_go_on()

    def test_maker(self):
        folder = self.cast.root / "maker-acme"
        self.cast.key("acme3")
        story.must("maker", "rotate", "--dir", folder, *story.flag("--public", [self.cast.pub("acme1"), self.cast.pub("acme3")]),
                   *story.flag("--key", [self.cast.key(f"acme{i}") for i in (1, 2, 3)]))
        # The identity alone waits: what is published stands under the old one.
        identity = self.scratch / "identity.submission"
        story.must("maker", "submission", "--dir", folder, "--for", "globex", "--identity-only", "-o", identity)
        request = self.cast.request()
        self.site("intake", identity, "-o", request)
        self.cast.attach(request, "targets1", "targets2")
        self.waits()
        anew = self.scratch / "anew.submission"
        story.must("maker", "submission", "--dir", folder, "--for", "globex", *story.flag("--key", [self.cast.key("acme1"), self.cast.key("acme3")]), "-o", anew)
        self.site("intake", anew)
        self.site("publish")
        self.assertEqual(self.version("maker~acme"), 2)
        self.customers_go_on()
        # The key that left signs nothing any more.
        firmware = self.scratch / "fw.bin"
        firmware.write_bytes(b"firmware 1.1")
        refused = self.hallmark("maker", "release", "--dir", folder, "--for", "globex", "nic", "1.1", firmware, "--key", self.cast.key("acme2"))
        self.assertRefused(refused, story.NO, "acme")

    def test_what_cannot_be(self):
        for words, status, said in (
                (["root"], story.USAGE, "give --add"),
                (["root", "--threshold", 4], story.NO, "would need 4"),
                (["root", "--remove", self.cast.pub("targets1")], story.USAGE, "no key of"),
                (["root", "--add", self.cast.pub("root1")], story.USAGE, "already"),
                (["release~acme", "--add", self.cast.pub("acme1")], story.NO, "acme"),
                (["release~nobody", "--threshold", 1], story.NO, "no role whose keys are changed here"),
                (["maker~acme", "--threshold", 1], story.NO, "no role whose keys are changed here"),
                (["online", "--threshold", 2], story.USAGE, "one key"),
                (["online", "--lost"], story.USAGE, "--lost"),
                (["root", "--lost", "--threshold", 1], story.USAGE, "--lost"),
                (["root", "--online", self.cast.key("root1"), "--threshold", 1], story.USAGE, "--online")):
            with self.subTest(words=words):
                result = self.hallmark("site", "rotate", "--dir", self.cast.site, *words, "-o", self.scratch / "x.request")
                self.assertRefused(result, status, said)
                self.assertFalse((self.scratch / "x.request").exists())
        self.waits()

    def test_deliveries(self):
        """A site without a log begins none."""
        refused = self.hallmark("site", "rotate", "--dir", self.cast.site, "deliveries")
        self.assertRefused(refused, story.USAGE, "deliveries stand on the release log", "hallmark site witness")


class RotateLogged(Rotate):
    """The same where the site keeps a release log: a new root comes with the publish whose entry names it, last of all."""

    log = True

    def word(self):
        version = self.version("root")
        root = json.loads((self.cast.public / "metadata" / f"{version}.root.json").read_bytes())
        return root["signed"]["x-hallmark"].get("deliveries")

    def test_deliveries(self):
        before = self.word()
        self.assertTrue(before["policy"].startswith("log "))
        request = self.rotate("deliveries")
        self.cast.attach(request, "root1")
        self.waits()
        self.assertEqual(self.word(), before)
        self.cast.attach(request, "root2")
        self.site("publish")
        after = self.word()
        # The log goes on under its key.
        self.assertEqual(after["policy"], before["policy"])
        self.assertNotEqual(after["key"], before["key"])
        self.assertEqual(after["key"].split("+")[0], before["key"].split("+")[0])
        self.customers_go_on()
        keys = self.cast.site / "private" / "keys"
        self.assertEqual(len(list(keys.glob("delivery*.pem"))), 2)
        self.assertEqual({key.stat().st_mode & 0o777 for key in keys.glob("deliver*.pem")}, {0o600})
        refused = self.hallmark("site", "rotate", "--dir", self.cast.site, "deliveries", "--threshold", 1)
        self.assertRefused(refused, story.USAGE, "takes no options")


if __name__ == "__main__":
    unittest.main()
