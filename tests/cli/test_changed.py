# SPDX-License-Identifier: Apache-2.0
"""hallmark list --changed: each change at a site is told, once it was told it is told no more, and none is lost."""
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import products  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

PXE = f"{attacks.WHAT}/pxe-e1000.rom"


class Changed(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(url=cls.server.url)
        cls.release = [tree.Key(cls.cast.key(f"release{i}")) for i in (1, 2, 3)]
        cls.maker = [tree.Key(cls.cast.key(f"acme{i}")) for i in (1, 2)]
        cls.online = tree.Key(cls.cast.site / "private" / "keys" / "online.pem")
        first = story.must("list", "--changed", home=cls.cast.home)
        if "nothing to compare with yet; from now on" not in first.out:
            raise AssertionError(first.out)

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)
        self.tree = tree.Tree.copy(self.cast.public, self.scratch / "public")
        self.server.folder, self.server.rules = self.tree.public, {}
        self.server.requests.clear()

    def changed(self, *args):
        return story.hallmark("list", "--changed", *args, home=self.home)

    def edit(self, change, *sides):
        """Signs release~acme and maker~acme (or one of them) anew after change(targets)."""
        documents = {}
        for side, keys in (("release", self.release[:2]), ("maker", self.maker)):
            if side in (sides or ("release", "maker")):
                signed = tree.next_version(self.tree.load(f"{side}~acme")["signed"])
                change(signed["targets"])
                documents[f"{side}~acme"] = self.tree.store(f"{side}~acme", signed, keys)
        self.tree.reference(documents, self.online)

    def assertChanges(self, result, *lines, status=0):
        """One line a change, in this order: (what happened, to what)."""
        self.assertStatus(result, status)
        found = [line.split() for line in result.out.splitlines()[1:]]
        self.assertEqual([(words[0], words[1].rstrip(":")) for words in found], list(lines))

    def test_nothing(self):
        result = self.changed()
        self.assertChanges(result)
        self.assertIn("no change since", result.out)
        self.assertFalse([path for path in self.server.requests if "~" in path])

    def test_added(self):
        data = b"new"

        def change(targets):
            targets["acme/e1000/2.0/new.rom"] = {"length": len(data), "hashes": {"sha256": "ab" * 32}}
        self.edit(change)
        self.assertChanges(self.changed(), ("added", "acme/e1000/2.0/new.rom"))
        self.assertChanges(self.changed())

    def test_removed(self):
        self.edit(lambda targets: targets.pop(PXE))
        self.assertChanges(self.changed(), ("removed", PXE))
        self.assertChanges(self.changed())

    def test_replaced(self):
        self.edit(lambda targets: targets[PXE]["hashes"].update(sha256="cd" * 32))
        report = self.changed("--json").json()
        self.assertEqual([(f["change"], f["path"], f["sha256"]) for f in report["sites"][0]["files"]], [("replaced", PXE, "cd" * 32)])
        self.assertNotEqual(report["sites"][0]["files"][0]["was_sha256"], "cd" * 32)
        self.assertChanges(self.changed())

    def test_described(self):
        self.edit(lambda targets: targets[PXE]["custom"].update(title="Another title"))
        self.assertChanges(self.changed(), ("described", PXE))

    def test_refused(self):
        self.edit(lambda targets: targets[PXE]["hashes"].update(sha256="cd" * 32), "release")
        self.assertChanges(self.changed(), ("refused", PXE), status=1)
        self.edit(lambda targets: targets[PXE]["hashes"].update(sha256="cd" * 32), "maker")
        self.assertChanges(self.changed(), ("added", PXE))

    def test_maker(self):
        """The real site: a maker is enrolled and releases, another changes its keys."""
        site = self.scratch / "site"
        saved = self.cast.site, self.cast.public
        shutil.copytree(self.cast.site, site)
        self.cast.site, self.cast.public = site, site / "public"
        try:
            self.server.folder = self.cast.public
            self.cast.init_maker("bolt", "Bolt Disks")
            self.cast.enroll("bolt")
            disk = self.scratch / "disk.bin"
            disk.write_bytes(b"disk")
            self.cast.release("bolt", "disk", "1.0", [disk])
        finally:
            self.cast.site, self.cast.public = saved
        result = self.changed()
        self.assertChanges(result, ("maker", "bolt"), ("added", "bolt/disk/1.0/disk.bin"))
        self.assertIn("new: Bolt Disks", result.out)

    def test_pattern__filters_and_moves_nothing(self):
        self.edit(lambda targets: targets.pop(PXE))
        for _ in range(2):
            self.assertChanges(self.changed("acme/e1000"), ("removed", PXE))
        self.assertChanges(self.changed("acme/other"))
        self.assertChanges(self.changed(), ("removed", PXE))
        self.assertChanges(self.changed("acme/e1000"))

    def test_other_commands_between(self):
        """What was refreshed meanwhile, in several steps, is still told against the last report."""
        self.edit(lambda targets: targets.pop(PXE))
        self.assertStatus(story.hallmark("list", home=self.home), 0)
        self.edit(lambda targets: targets.pop(attacks.FILE))
        self.assertStatus(story.hallmark("list", home=self.home), 0)
        self.assertChanges(self.changed("--offline"), ("removed", attacks.FILE), ("removed", PXE))
        self.assertChanges(self.changed())

    def test_withheld__is_told_later(self):
        self.edit(lambda targets: targets.pop(PXE))
        name = self.tree.path("release~acme").name
        self.server.rules = {name: httpd.status(404)}
        self.assertStatus(self.changed(), 3)
        self.server.rules = {}
        self.assertChanges(self.changed(), ("removed", PXE))

    def test_lost_output__is_told_again(self):
        self.edit(lambda targets: targets.pop(PXE))
        with open("/dev/full", "w") as full:
            process = subprocess.run([story.HALLMARK, "list", "--changed", "--home", str(self.home)], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(process.returncode, 4)
        self.assertChanges(self.changed(), ("removed", PXE))

    def test_divided__by_product(self):
        """Dividing a maker's roles changes no file; a release in one product reads that product alone."""
        products.divide(self.tree, "acme", self.release, self.maker, self.online, thresholds={"release": 2})
        self.assertChanges(self.changed())
        documents = {}
        for side, keys in (("release", self.release[:2]), ("maker", self.maker)):
            role = f"{side}~acme~e1000"
            signed = tree.next_version(self.tree.load(role)["signed"])
            signed["targets"].pop(PXE)
            documents[role] = self.tree.store(role, signed, keys)
        self.tree.reference(documents, self.online)
        self.assertChanges(self.changed(), ("removed", PXE))
        self.assertChanges(self.changed())

    def test_usage(self):
        self.assertStatus(self.changed("--csv"), 2)
        other = story.hallmark("list", "--changed", "acme", home=self.new_home())
        self.assertStatus(other, 0)
        self.assertIn("without a pattern", other.out)

    def new_home(self):
        home = self.scratch / "new"
        self.cast.trust(home, self.server.url)
        return home


if __name__ == "__main__":
    unittest.main(verbosity=2)
