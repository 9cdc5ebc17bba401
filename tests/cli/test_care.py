# SPDX-License-Identifier: Apache-2.0
"""A site's backup and what becomes of it: it is whole and private, made while the site is changed, and never signed on top of."""
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import logged  # noqa: E402
import story  # noqa: E402


def files(folder):
    """Path and bytes of everything below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


class Case(story.Case):
    """A trial site signs everything by itself, so that it is quick to change."""

    def setUp(self):
        super().setUp()
        self.site, self.backup, self.other = (self.scratch / name for name in ("site", "backup", "other"))
        story.must("site", "init", "--dir", self.site, "--name", "globex", "--url", "https://firmware.example/", "--trial")
        story.must("site", "publish", "--dir", self.site)
        story.must("site", "customer", "add", "acme", "--dir", self.site)

    def renew(self, site=None):
        return self.hallmark("site", "renew", "--force", "--dir", site or self.site)

    def make(self, *options):
        return story.must("site", "backup", "--dir", self.site, *options, self.backup)

    def restore(self, *options, served=None):
        return self.hallmark("site", "restore", self.backup, self.other, "--served", served or self.site / "public", *options)


class Backup(Case):
    def test_what_is_in_it(self):
        result = self.make()
        self.assertIn("private keys", result.out)
        here, there = files(self.site), files(self.backup / "site")
        missing = {p for p in here if p not in there}
        self.assertTrue(missing and all(p.startswith("private/keys/") or p.endswith("lock") for p in missing), missing)
        self.assertFalse(set(there) - set(here))
        for path, data in there.items():
            if not path.endswith(".db"):
                self.assertEqual(data, here[path], path)
        self.assertEqual((self.backup.stat().st_mode & 0o777), 0o700)

    def test_keys_are_asked_for_and_private(self):
        result = self.make("--with-keys")
        self.assertIn("private keys", result.err)
        keys = list((self.backup / "site/private/keys").iterdir())
        self.assertTrue(keys)
        for key in keys:
            if key.suffix == ".pem":
                self.assertEqual(key.stat().st_mode & 0o077, 0, key)

    def test_the_next_shares_what_did_not_change(self):
        self.make()
        root = self.backup / "site/public/metadata/1.root.json"
        before = root.stat().st_ino
        self.assertStatus(self.renew(), story.GOOD)
        self.make()
        self.assertEqual(root.stat().st_ino, before)
        self.assertTrue((self.backup / "site/public/metadata/2.snapshot.json").is_file())
        self.assertNotEqual(root.stat().st_ino, (self.site / "public/metadata/1.root.json").stat().st_ino, "linked to the site itself")
        self.assertFalse(Path(f"{self.backup}.partial").exists())

    def test_damage_of_what_is_shared_is_found_when_asked(self):
        self.make()
        root = self.backup / "site/public/metadata/1.root.json"
        info = root.stat()
        root.write_bytes(b"x" * info.st_size)
        os.utime(root, ns=(info.st_atime_ns, info.st_mtime_ns))
        self.assertRefused(self.hallmark("site", "backup", "--dir", self.site, "--verify", self.backup), story.NO, "1.root.json")

    def test_places_that_are_refused(self):
        (self.scratch / "full").mkdir()
        (self.scratch / "full/x").write_text("x")
        for place, status in ((self.site / "public/backup", story.NO), (self.site / "backup", story.NO),
                              (self.scratch / "full", story.CANNOT_TELL), (f"{self.backup}/", story.USAGE),
                              (self.scratch / "none/backup", story.CANNOT_TELL)):
            with self.subTest(place=place):
                self.assertStatus(self.hallmark("site", "backup", "--dir", self.site, place), status)
        self.assertEqual((self.scratch / "full/x").read_text(), "x")

    def test_another_sites_backup_is_not_replaced(self):
        self.make()
        story.must("site", "init", "--dir", self.other, "--name", "initech", "--url", "https://x.example/", "--trial")
        self.assertRefused(self.hallmark("site", "backup", "--dir", self.other, self.backup), story.NO, "globex")

    def test_a_link_in_the_site_is_refused(self):
        (self.site / "public/targets/x").symlink_to("/etc/passwd")
        self.assertRefused(self.hallmark("site", "backup", "--dir", self.site, self.backup), story.CANNOT_TELL, "targets/x")

    def test_while_the_site_is_changed(self):
        """Each backup made meanwhile is one whole state: it restores, and what is private agrees with what is public."""
        ends = threading.Event()
        done = []

        def change():
            number = 0
            while not ends.is_set():
                done.append(self.renew().status)
                number += 1
                done.append(self.hallmark("site", "customer", "add", f"c{number}", "--dir", self.site).status)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for i in range(6):
                backup, other = self.scratch / f"b{i}", self.scratch / f"o{i}"
                story.must("site", "backup", "--dir", self.site, backup)
                result = self.hallmark("site", "restore", backup, other, "--served", backup / "site/public")
                self.assertStatus(result, story.GOOD)
                with sqlite3.connect(other / "private/accounts.db") as database:
                    self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        finally:
            ends.set()
            thread.join()
        self.assertEqual(set(done), {0})
        self.assertGreater(len(done), 6)


class Restore(Case):
    def test_nothing_newer(self):
        """The control: what is served is what the backup has."""
        self.make("--with-keys")
        result = self.restore()
        self.assertStatus(result, story.GOOD)
        self.assertIn("may sign", result.out)
        self.assertFalse((self.other / "private/restored").exists())
        self.assertIn("by the check", (self.other / "private/released").read_text())
        self.assertStatus(self.renew(self.other), story.GOOD)
        self.assertEqual(files(self.other / "public/targets"), files(self.site / "public/targets"))

    def test_an_older_one_signs_nothing(self):
        self.make("--with-keys")
        self.assertStatus(self.renew(), story.GOOD)
        self.assertRefused(self.restore(), story.NO, "newer")
        before = files(self.other)
        status = self.hallmark("site", "status", "--dir", self.other)
        self.assertStatus(status, story.GOOD)
        self.assertIn("restore --check", status.out + status.err)
        self.assertIs(self.hallmark("site", "status", "--json", "--dir", self.other).json()["restored"], True)
        self.assertIs(self.hallmark("site", "status", "--json", "--dir", self.site).json()["restored"], False)
        self.assertNotIn("restore", self.hallmark("site", "status", "--dir", self.site).out)
        for command in (("publish",), ("renew", "--force"), ("renew", "--offline", "9999d"), ("rotate", "online")):
            with self.subTest(command=command):
                self.assertRefused(self.hallmark("site", *command, "--dir", self.other), story.NO, "restored from a backup")
        self.assertRefused(self.hallmark("serve", self.other, "--trial"), story.NO, "restored from a backup")
        after = files(self.other)
        after.pop("private/lock", None)
        before.pop("private/lock", None)
        self.assertEqual(after, before)

    def test_checked_again(self):
        self.make("--with-keys")
        self.assertStatus(self.restore(served=self.scratch / "nowhere"), story.CANNOT_TELL)
        self.assertTrue((self.other / "private/restored").exists())
        self.assertStatus(self.hallmark("site", "restore", "--check", "--served", self.scratch / "nowhere", "--dir", self.other), story.CANNOT_TELL)
        self.assertStatus(self.renew(self.other), story.NO)
        self.assertStatus(self.hallmark("site", "restore", "--check", "--served", self.site / "public", "--dir", self.other), story.GOOD)
        self.assertStatus(self.renew(self.other), story.GOOD)

    def test_a_mirror_that_lags_says_nothing(self):
        old = self.scratch / "old"
        shutil.copytree(self.site / "public", old)
        self.assertStatus(self.renew(), story.GOOD)
        self.make("--with-keys")
        self.assertRefused(self.restore(served=old), story.CANNOT_TELL, "lags behind")

    def test_garbage_that_is_served(self):
        self.make("--with-keys")
        bad = self.scratch / "bad"
        shutil.copytree(self.site / "public", bad)
        (bad / "metadata/timestamp.json").write_text("{}")
        self.assertRefused(self.restore(served=bad), story.CANNOT_TELL, "not one that this site signed")
        self.assertTrue((self.other / "private/restored").exists())

    def test_a_newer_root_is_served(self):
        self.make("--with-keys")
        bad = self.scratch / "bad"
        shutil.copytree(self.site / "public", bad)
        (bad / "metadata/2.root.json").write_text("anything")
        self.assertRefused(self.restore(served=bad), story.NO, "2.root.json")

    def test_confirmed_by_a_person(self):
        self.make("--with-keys")
        self.restore(served=self.scratch / "nowhere")
        self.assertStatus(self.hallmark("site", "restore", "--confirm", "--dir", self.other), story.USAGE)
        story.must("site", "restore", "--confirm", "--reason", "the old disk is gone", "--by", "ann", "--dir", self.other)
        self.assertIn("by ann\nreason the old disk is gone\n", (self.other / "private/released").read_text())
        self.assertStatus(self.renew(self.other), story.GOOD)
        self.assertRefused(self.hallmark("site", "restore", "--confirm", "--reason", "x", "--dir", self.other), story.NO, "not held")

    def test_a_hold_of_any_kind_holds(self):
        for make in (Path.mkdir, Path.touch, lambda p: p.symlink_to("nowhere")):
            path = self.site / "private/restored"
            make(path)
            self.assertStatus(self.renew(), story.NO)
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        self.assertStatus(self.renew(), story.GOOD)

    def test_damage_is_refused(self):
        self.make()
        manifest = (self.backup / "manifest").read_text()
        victim = self.backup / "site/public/metadata/1.root.json"
        good = victim.read_bytes()

        def spoil(text):
            (self.backup / "manifest").write_text(text)

        for name, damage in {"a bit": lambda: victim.write_bytes(bytes([good[0] ^ 1]) + good[1:]), "shorter": lambda: victim.write_bytes(good[:-1]),
                             "gone": victim.unlink, "manifest cut": lambda: spoil(manifest[:-10]),
                             "manifest changed": lambda: spoil(manifest.replace("keys without", "keys with")),
                             "up": lambda: spoil(manifest.replace("public/metadata/1.root.json", "public/../../1.root.json")),
                             "empty": lambda: spoil("")}.items():
            with self.subTest(damage=name):
                damage()
                self.assertStatus(self.restore(), story.NO)
                self.assertFalse(self.other.exists())
                victim.write_bytes(good)
                spoil(manifest)
        self.assertStatus(self.restore(), story.GOOD)

    def test_only_to_a_new_folder(self):
        self.make()
        self.other.mkdir()
        self.assertStatus(self.restore(), story.GOOD)
        self.assertRefused(self.restore(), story.NO, "not empty")

    def test_newer_customers_are_kept(self):
        self.make("--with-keys")
        story.must("site", "customer", "disable", "acme", "--dir", self.site)
        self.assertStatus(self.restore("--accounts", self.site / "private/accounts.db"), story.GOOD)
        listed = story.must("site", "customer", "list", "--json", "--dir", self.other).json()["customers"]
        self.assertEqual([c["disabled"] for c in listed], [True])

    def test_older_customers_are_refused(self):
        old = self.scratch / "accounts.db"
        shutil.copy(self.site / "private/accounts.db", old)
        story.must("site", "customer", "disable", "acme", "--dir", self.site)
        self.make()
        self.assertRefused(self.restore("--accounts", old), story.NO, "older")
        self.assertFalse(self.other.exists())

    def test_modes(self):
        self.make("--with-keys")
        for path in (self.backup / "site").rglob("*"):
            os.chmod(path, path.stat().st_mode | 0o700)
        self.assertStatus(self.restore(), story.GOOD)
        for path in (self.other / "private").rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        for path in (self.other / "public").rglob("*"):
            self.assertEqual(path.stat().st_mode & 0o044, 0o044, path)


class Witnessed(story.Case):
    """Witnesses speak where what is served cannot."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.witnesses = [logged.Witness(cls.root / f"w{i}", f"w{i}") for i in range(3)]
        for witness in cls.witnesses:
            cls.addClassCleanup(witness.stop)
        cls.site = cls.root / "site"
        story.must("site", "init", "--dir", cls.site, "--name", "globex", "--url", "https://firmware.example/", "--trial")
        vkey = story.must("site", "witness", "list", "--dir", cls.site).out.split("release log ")[1].split("\n")[0]
        for i, witness in enumerate(cls.witnesses):
            witness.start()
            witness.introduce(vkey)
            story.must("site", "witness", "add", f"w{i}", witness.vkey, witness.url, "--dir", cls.site)
        story.must("site", "publish", "--dir", cls.site)
        cls.old = cls.root / "old"
        story.must("site", "backup", "--with-keys", "--dir", cls.site, cls.old)
        cls.stale = cls.root / "stale"
        shutil.copytree(cls.site / "public", cls.stale)
        story.must("site", "renew", "--force", "--dir", cls.site)
        cls.new = cls.root / "new"
        story.must("site", "backup", "--with-keys", "--dir", cls.site, cls.new)

    def test_the_newest_may_sign(self):
        other = self.scratch / "other"
        self.assertStatus(self.hallmark("site", "restore", self.new, other, "--served", self.site / "public"), story.GOOD)

    def test_a_witness_has_seen_more(self):
        """What is served is as old as the backup: the witnesses alone know."""
        other = self.scratch / "other"
        self.assertRefused(self.hallmark("site", "restore", self.old, other, "--served", self.stale), story.NO, "witness")
        self.assertRefused(self.hallmark("site", "publish", "--dir", other), story.NO, "restored")

    def test_witnesses_that_are_silent(self):
        other = self.scratch / "other"
        self.witnesses[0].stop()
        try:
            self.assertStatus(self.hallmark("site", "restore", self.new, other, "--served", self.site / "public"), story.GOOD)
            shutil.rmtree(other)
            self.witnesses[1].stop()
            result = self.hallmark("site", "restore", self.new, other, "--served", self.site / "public")
            self.assertRefused(result, story.CANNOT_TELL, "too few witnesses")
        finally:
            self.witnesses[0].start()
            self.witnesses[1].start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
