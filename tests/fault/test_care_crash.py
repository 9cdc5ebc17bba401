# SPDX-License-Identifier: Apache-2.0
"""A backup or a restored site is whole under its name or not there, whatever happens to process or disk; the next run ends well.

Each scenario is one command, once untouched to count its changes to the file system, then with a fault at each of them (tests/fault/shim.c).
"""
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

SHIM = os.environ["HALLMARK_FAULT_SHIM"]
LONG = "HALLMARK_LONG" in os.environ  # all faults; a sample by default
MODES = ("kill", "eio", "full", "lost", "torn", "half")
DIES = ("kill", "lost", "torn", "half")


class CareCrash(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = cls.root / "base"
        cls.base.mkdir()
        site = cls.base / "site"
        story.must("site", "init", "--dir", site, "--name", "globex", "--url", "https://firmware.example/", "--trial")
        story.must("site", "publish", "--dir", site)
        story.must("site", "customer", "add", "acme", "--dir", site)
        story.must("site", "backup", "--with-keys", "--dir", site, cls.base / "before")
        story.must("site", "renew", "--force", "--dir", site)
        story.must("site", "backup", "--with-keys", "--dir", site, cls.base / "now")

    def run_command(self, world, command, mode="kill", at=0):
        (world.parent / "shadow").mkdir(exist_ok=True)
        count = world.parent / "count"
        result = story.hallmark(*command, env={
            "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(count), "HM_FAULT_SHADOW": str(world.parent / "shadow"),
            "HM_FAULT_ROOT": str(world), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})
        return result, int(count.read_text())

    def copy(self, name):
        world = self.scratch / name / "world"
        world.parent.mkdir()
        shutil.copytree(self.base, world)
        return world

    def sweep(self, command, check, again):
        whole = self.copy("whole")
        result, total = self.run_command(whole, command(whole))
        self.assertIn(result.status, (story.GOOD, story.CANNOT_TELL), result.err)
        ended = result.status
        self.assertGreater(total, 20, "the shim sees no changes")
        check(whole, True)
        tried = 0
        for mode in MODES:
            for at in range(1, total + 1):
                if not LONG and at % 47 and at < total - 4:
                    continue
                with self.subTest(mode=mode, at=at, of=total):
                    world = self.copy(f"{mode}{at}")
                    result, _count = self.run_command(world, command(world), mode, at)
                    self.assertIn(result.status, (137,) if mode in DIES else (ended, story.INTERNAL), result.err)
                    check(world, result.status == ended)
                    again(world)
                    shutil.rmtree(world.parent)
                    tried += 1
        print(f"{total} changes, {tried} faults", flush=True)

    def restores(self, backup, world):
        other = world / "check"
        shutil.rmtree(other, True)
        result = story.hallmark("site", "restore", backup, other, "--served", backup / "site/public")
        self.assertStatus(result, story.GOOD)
        self.assertFalse((other / "private/restored").exists())

    def test_backup_to_a_new_place(self):
        def check(world, done):
            self.assertTrue(not done or (world / "new").exists())
            if (world / "new").exists():
                self.restores(world / "new", world)

        def again(world):
            story.must("site", "backup", "--with-keys", "--dir", world / "site", world / "new")
            self.restores(world / "new", world)
            self.assertFalse((world / "new.partial").exists())

        self.sweep(lambda world: ("site", "backup", "--with-keys", "--dir", world / "site", world / "new"), check, again)

    def test_backup_in_the_place_of_another(self):
        def check(world, done):
            self.restores(world / "before", world)  # the old one or the new one, whole
            self.assertTrue(not done or (world / "before/site/public/metadata/2.snapshot.json").exists())

        def again(world):
            story.must("site", "backup", "--with-keys", "--dir", world / "site", world / "before")
            self.restores(world / "before", world)

        self.sweep(lambda world: ("site", "backup", "--with-keys", "--dir", world / "site", world / "before"), check, again)

    def test_restore(self):
        """Nothing can be signed at any moment: what has the site's name is held."""
        def command(world):
            return ("site", "restore", world / "now", world / "other", "--served", world / "nowhere")

        def check(world, done):
            self.assertTrue(not done or (world / "other").exists())
            for place in (world / "other", world / "other.partial"):
                if (place / "private").exists() and any((place / "private").iterdir()):
                    self.assertNotEqual(story.hallmark("site", "renew", "--force", "--dir", place).status, story.GOOD)
            if (world / "other").exists():
                self.assertTrue((world / "other/private/restored").exists())

        def again(world):
            shutil.rmtree(world / "other", True)
            self.assertStatus(story.hallmark(*command(world)), story.CANNOT_TELL)
            self.assertTrue((world / "other/private/restored").exists())

        self.sweep(command, check, again)

    def test_release(self):
        """A hold that is taken away: held, or released with who and why."""
        def check(world, done):
            held = (world / "other/private/restored").exists()
            self.assertTrue(held or (world / "other/private/released").exists())
            self.assertFalse(done and held)

        shutil.copytree(self.base / "site", self.base / "other")
        (self.base / "other/private/restored").write_text("hallmark/restored v1\n")
        try:
            whole = self.copy("whole")
            command = lambda world: ("site", "restore", "--confirm", "--reason", "x", "--by", "ann", "--dir", world / "other")  # noqa: E731
            result, total = self.run_command(whole, command(whole))
            self.assertStatus(result, story.GOOD)
            for mode in ("kill", "eio", "full", "lost", "torn"):
                for at in range(1, total + 1):
                    with self.subTest(mode=mode, at=at, of=total):
                        world = self.copy(f"{mode}{at}")
                        result, _count = self.run_command(world, command(world), mode, at)
                        check(world, result.status == story.GOOD)
                        shutil.rmtree(world.parent)
        finally:
            shutil.rmtree(self.base / "other")


if __name__ == "__main__":
    unittest.main(verbosity=2)
