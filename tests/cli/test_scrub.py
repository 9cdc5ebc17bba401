# SPDX-License-Identifier: Apache-2.0
"""`hallmark site audit`: whatever is done to a stored file is found, of its kind and at its path; a good site has no findings; nothing is written."""
import os
import shutil
import sqlite3
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


class Scrub(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cast = story.Cast(cls.root / "cast")
        cast.init_site(log=True)
        cast.init_maker("acme", "Acme")
        cast.enroll("acme")
        rom = cls.root / "nic.rom"
        for version in ("1.0", "1.1"):
            rom.write_bytes(os.urandom(30000))
            cast.release("acme", "nic", version, [rom])
        rom.write_bytes(os.urandom(20000))
        waits = cast.submit("acme", "nic", "1.2", [rom])
        story.must("site", "intake", "--dir", cast.site, waits)
        story.must("site", "customer", "add", "initrode", "--dir", cast.site)
        story.must("site", "renew", "--force", "--dir", cast.site)
        cls.good = cast.site
        time.sleep(1.1)  # what is older than an audit cannot have come meanwhile

    def setUp(self):
        super().setUp()
        self.site = self.scratch / "site"
        shutil.copytree(self.good, self.site)
        time.sleep(1.1)

    def audit(self, *options):
        return self.hallmark("site", "audit", "--dir", self.site, *options)

    def find(self, kind, path, *options):
        result = self.audit("--json", *options)
        self.assertStatus(result, story.NO)
        found = result.json()["findings"]
        self.assertEqual([(f["kind"], f["path"]) for f in found], [(kind, str(path))], found)

    def one(self, pattern):
        return sorted(p for p in self.site.glob(pattern) if p.is_file())[0]

    def test_a_site_has_the_folder_of_its_deliveries_log(self):
        """A server is confined to writing in it, so that it stands there from the start, for all to read."""
        site = self.scratch / "new"
        old = os.umask(0o077)
        try:
            story.must("site", "init", "--dir", site, "--name", "globex", "--url", "https://firmware.example/", "--trial")
        finally:
            os.umask(old)
        self.assertEqual((site / "public/deliveries").stat().st_mode & 0o7777, 0o755)
        self.assertTrue((self.site / "public/deliveries").is_dir())
        story.must("site", "init", "--dir", f"{site}2", "--name", "globex", "--url", "https://firmware.example/", "--trial", "--no-deliveries")
        self.assertFalse(Path(f"{site}2/public/deliveries").exists())
        story.must("site", "publish", "--dir", f"{site}2")
        self.hallmark("site", "rotate", "--dir", f"{site}2", "deliveries")
        self.assertEqual(Path(f"{site}2/public/deliveries").stat().st_mode & 0o7777, 0o755)

    def test_a_good_site(self):
        before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in self.site.rglob("*")}
        result = self.audit()
        self.assertStatus(result, story.GOOD)
        self.assertIn("0 findings", result.out)
        self.assertEqual({p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in self.site.rglob("*")}, before)

    def test_other_bytes(self):
        for pattern in ("public/targets/acme/nic/1.0/*", "public/metadata/1.release~acme.json", "public/metadata/1.maker~acme.json", 
                        "public/metadata/1.snapshot.json", "public/metadata/3.snapshot.json.gz", "public/makers/acme/1.identity", "public/log/checkpoint",
                        "private/submissions/*/images/acme/nic/1.2/*", "private/log/records"):
            with self.subTest(pattern=pattern):
                shutil.rmtree(self.site)
                shutil.copytree(self.good, self.site)
                victim = self.one(pattern)
                flip(victim)
                result = self.audit("--json")
                self.assertStatus(result, story.NO)
                found = {(f["kind"], f["path"]) for f in result.json()["findings"]}
                path = str(victim.relative_to(self.site))
                self.assertTrue(any(kind == "altered" and (p == path or path.startswith("private/submissions")) for kind, p in found), found)

    def test_tiles(self):
        for pattern in ("public/log/tile/entries/000.p/*", "public/log/tile/0/000.p/*"):
            with self.subTest(pattern=pattern):
                shutil.rmtree(self.site)
                shutil.copytree(self.good, self.site)
                for victim in self.site.glob(pattern):
                    flip(victim)
                result = self.audit("--json")
                self.assertStatus(result, story.NO)
                self.assertTrue(any(f["path"].startswith("public/log/tile/") for f in result.json()["findings"]), result.out)

    def test_a_byte_more(self):
        victim = self.one("public/targets/acme/nic/1.1/*")
        with victim.open("ab") as file:
            file.write(b"x")
        self.find("altered", victim.relative_to(self.site))

    def test_missing(self):
        for pattern in ("public/targets/acme/nic/1.0/*", "public/metadata/2.snapshot.json", "public/metadata/1.release~acme.json"):
            with self.subTest(pattern=pattern):
                shutil.rmtree(self.site)
                shutil.copytree(self.good, self.site)
                victim = self.one(pattern)
                victim.unlink()
                result = self.audit("--json")
                self.assertStatus(result, story.NO)
                self.assertIn(("missing", str(victim.relative_to(self.site))), {(f["kind"], f["path"]) for f in result.json()["findings"]})

    def test_strays(self):
        image = self.one("public/targets/acme/nic/1.0/*")
        for path in (image.parent / "x", image.parent / ("0" * 64 + ".nic.rom"), self.site / "public/metadata/99.snapshot.json", self.site / "public/metadata/1.x~y.json",
                     self.site / "public/other"):
            with self.subTest(path=path):
                path.write_bytes(b"x")
                os.chmod(path, 0o644)
                time.sleep(1.1)
                self.find("stray", path.relative_to(self.site))
                path.unlink()
        link = self.site / "public/targets/link"
        link.symlink_to("/etc/passwd")
        found = self.audit("--json").json()["findings"]
        self.assertIn(("stray", "public/targets/link"), {(f["kind"], f["path"]) for f in found})

    def test_what_comes_meanwhile_is_no_stray(self):
        (self.site / "public/metadata/99.snapshot.json").write_bytes(b"x")
        os.chmod(self.site / "public/metadata/99.snapshot.json", 0o644)
        self.assertStatus(self.hallmark("site", "audit", "--dir", self.site, faketime="-1h"), story.GOOD)

    def test_names_of_anybody_are_escaped(self):
        (self.site / "public/targets/\x1b[31mred").write_bytes(b"x")
        time.sleep(1.1)
        self.assertNotIn("\x1b", self.audit().out)

    def test_modes(self):
        key = self.one("private/keys/online*.pem")
        os.chmod(key, 0o644)
        self.find("mode", key.relative_to(self.site))
        os.chmod(key, 0o600)
        image = self.one("public/targets/acme/nic/1.0/*")
        for mode in (0o600, 0o666):
            os.chmod(image, mode)
            self.find("mode", image.relative_to(self.site))
        os.chmod(image, 0o644)
        os.chmod(self.site / "private", 0o755)
        self.find("mode", "private/")

    def test_leftovers(self):
        for path in ("public/metadata/.x.json.tmp.12.abcdef", "private/drafts/.y.partial", "private/log/records.new"):
            with self.subTest(path=path):
                (self.site / path).write_bytes(b"x")
                os.chmod(self.site / path, 0o600)
                time.sleep(1.1)
                self.assertIn(("leftover", path), {(f["kind"], f["path"]) for f in self.audit("--json").json()["findings"]})
                (self.site / path).unlink()

    def test_the_trail(self):
        for statement in ("DROP TRIGGER trail_whole", "DELETE FROM trail WHERE number = 1"):
            with sqlite3.connect(self.site / "private/accounts.db") as database:
                database.execute(statement)
            database.close()
        self.find("database", "private/accounts.db")

    def test_a_damaged_database(self):
        path = self.site / "private/accounts.db"
        data = path.read_bytes()
        path.write_bytes(data[:4096] + b"\xff" * 100 + data[4196:])
        self.find("database", "private/accounts.db")

    def test_what_cannot_be_read(self):
        """The newest root and timestamp are what all else is compared with."""
        flip(self.site / "public/metadata/1.root.json")
        self.assertRefused(self.audit(), story.NO, "1.root.json")
        shutil.copy(self.good / "public/metadata/1.root.json", self.site / "public/metadata/1.root.json")
        flip(self.site / "public/metadata/2.targets.json")
        self.assertRefused(self.audit(), story.NO, "targets")
        shutil.rmtree(self.site / "public")
        self.assertStatus(self.audit(), story.CANNOT_TELL)

    def test_parts_find_what_the_whole_finds(self):
        victim = self.one("public/targets/acme/nic/1.0/*")
        flip(victim)
        found = [self.audit("--part", f"{part}/3").status for part in (1, 2, 3)]
        self.assertEqual(sorted(found), [0, 0, 1])
        for bad in ("0/3", "4/3", "1", "1/0", "x/y", "1/1001"):
            self.assertStatus(self.audit("--part", bad), story.USAGE)

    def test_going_on_behind_a_path(self):
        victim = self.one("public/targets/acme/nic/1.0/*")
        flip(victim)
        self.assertStatus(self.audit("--from", victim.relative_to(self.site)), story.GOOD)
        self.find("altered", victim.relative_to(self.site), "--from", "public/targets/acme/nic/1.0/")

    def test_the_rate(self):
        begin = time.monotonic()
        self.assertStatus(self.audit("--rate", "40000"), story.GOOD)  # 80,000 bytes of images
        self.assertGreater(time.monotonic() - begin, 1.2)
        self.assertStatus(self.audit("--rate", "0"), story.USAGE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
