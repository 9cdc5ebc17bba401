# SPDX-License-Identifier: Apache-2.0
"""hallmark site customer, token, grant, revoke, trail: who may download, and who said so."""
import hashlib
import json
import re
import sqlite3
import stat
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

TOKEN = re.compile(r"^([a-z0-9-]+)\.(\d+)\.(hm1_[A-Za-z0-9_-]{43})$")


class Accounts(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = cls.root / "site"
        story.must("site", "init", "--dir", cls.site, "--name", "globex", "--url", "https://firmware.example/", "--trial")

    def setUp(self):
        super().setUp()
        for path in (self.site / "private").glob("accounts.db*"):
            path.unlink()

    def run_site(self, *args, **kwargs):
        return story.hallmark("site", *args, "--dir", self.site, **kwargs)

    def must(self, *args, **kwargs):
        return story.must("site", *args, "--dir", self.site, **kwargs)

    def token(self, customer, *options):
        return self.must("token", "add", customer, "--json", *options).json()

    def test_customers_are_added_listed_and_disabled(self):
        self.assertRefused(self.run_site("customer", "list"), story.CANNOT_TELL, "no customers yet", "customer add")
        self.must("customer", "add", "acme", "--title", "Acme Datacenters", "--by", "ann")
        self.must("customer", "add", "beta")
        self.assertEqual(stat.S_IMODE((self.site / "private/accounts.db").stat().st_mode), 0o600)
        self.must("customer", "disable", "acme", "--reason", "contract ended", "--by", "bob")
        listed = self.must("customer", "list", "--json").json()
        self.assertEqual(listed["schema"], "hallmark/site-customers/1")
        self.assertEqual([(c["name"], c["disabled"], c["title"]) for c in listed["customers"]],
                         [("acme", True, "Acme Datacenters"), ("beta", False, "")])
        self.assertIn("disabled", self.must("customer", "list").out)
        trail = self.must("trail", "acme", "--json").json()["trail"]
        self.assertEqual([(e["who"], e["what"], e["detail"]) for e in trail],
                         [("ann", "customer add", "Acme Datacenters"), ("bob", "customer disable", "contract ended")])
        self.must("customer", "enable", "acme")
        self.assertIn("enabled", self.must("customer", "show", "acme").out)

    def test_a_token_is_shown_once_and_kept_as_digests(self):
        self.must("customer", "add", "acme")
        made = self.token("acme", "--label", "mirror one", "--expires", "30d")
        customer, number, secret = TOKEN.match(made["token"]).groups()
        self.assertEqual((customer, number, made["number"]), ("acme", "1", 1))
        raw = (self.site / "private/accounts.db").read_bytes()
        self.assertNotIn(secret.encode(), raw)
        self.assertIn(hashlib.sha256(secret.encode()).digest(), raw)
        shown = self.must("customer", "show", "acme").out + self.must("token", "list", "acme").out + self.must("trail").out
        self.assertNotIn("hm1_", shown)
        self.assertIn("mirror one", shown)
        listed = self.must("token", "list", "acme", "--json").json()["tokens"]
        self.assertEqual([(t["number"], t["counts"]) for t in listed], [(1, True)])

    def test_a_token_goes_into_a_private_file(self):
        self.must("customer", "add", "acme")
        out = self.scratch / "token"
        result = self.must("token", "add", "acme", "-o", out, "--quiet")
        self.assertEqual(result.out, "")
        self.assertEqual(stat.S_IMODE(out.stat().st_mode), 0o600)
        self.assertRegex(out.read_text(), r"^acme\.1\.hm1_[\w-]{43}\n$")
        self.assertNotIn("hm1_", self.must("token", "add", "acme", "-o", out).out)
        # Nobody would ever see it.
        self.assertRefused(self.run_site("token", "add", "acme", "--quiet"), story.USAGE, "-o FILE")

    def test_tokens_expire_are_rotated_and_revoked(self):
        self.must("customer", "add", "acme")
        self.token("acme", "--expires", "1d")
        self.token("acme", "--expires", "never")
        self.must("token", "rotate", "acme", "2", "--overlap", "2d")
        self.must("token", "revoke", "acme", "1", "--reason", "lost")
        now = {t["number"]: t["counts"] for t in self.must("token", "list", "acme", "--json").json()["tokens"]}
        self.assertEqual(now, {1: False, 2: True, 3: True})
        later = self.must("token", "list", "acme", "--json", faketime="+3d").json()["tokens"]
        self.assertEqual({t["number"]: t["counts"] for t in later}, {1: False, 2: False, 3: True})
        self.assertRefused(self.run_site("token", "revoke", "acme", "1"), story.NO, "revoked already")
        self.assertRefused(self.run_site("token", "rotate", "acme", "1"), story.NO, "counts no more")
        self.must("customer", "disable", "acme")
        self.assertRefused(self.run_site("token", "add", "acme"), story.NO, "disabled")

    def test_grants(self):
        self.must("customer", "add", "acme")
        self.must("grant", "acme", "initech", "globex/nic*/1.2", "--reason", "contract 7")
        self.must("grant", "--everyone", "globex/bmc/2.1", "--reason", "CVE-2026-1")
        shown = self.must("customer", "show", "acme", "--json").json()
        self.assertEqual(shown["grants"], ["globex/nic*/1.2", "initech/*"])
        self.assertEqual(shown["everyone"], ["globex/bmc/2.1"])
        # What was granted before one failed is told.
        result = self.run_site("grant", "acme", "new/one", "initech/*")
        self.assertRefused(result, story.NO, "granted already")
        self.assertIn("granted new/one", result.out)
        self.must("revoke", "acme", "new/one", "globex/nic*/1.2")
        self.assertRefused(self.run_site("revoke", "acme", "globex/nic*/1.2"), story.CANNOT_TELL, "not granted")
        self.must("revoke", "--everyone", "globex/bmc/2.1")
        self.assertEqual(self.must("customer", "show", "acme", "--json").json()["grants"], ["initech/*"])
        self.assertEqual([e["customer"] for e in self.must("trail", "everyone", "--json").json()["trail"]], ["everyone"] * 2)

    def test_wrong_use_is_told(self):
        self.must("customer", "add", "acme")
        for command, status in (
            (("customer",), story.USAGE),
            (("customer", "drop", "acme"), story.USAGE),
            (("customer", "add"), story.USAGE),
            (("customer", "add", "Acme"), story.USAGE),
            (("customer", "add", "a", "b"), story.USAGE),
            (("customer", "add", "acme"), story.NO),
            (("customer", "add", "x", "--title", "a\nb"), story.USAGE),
            (("customer", "add", "x", "--by", ""), story.USAGE),
            (("customer", "list", "acme"), story.USAGE),
            (("customer", "show", "nobody"), story.CANNOT_TELL),
            (("customer", "enable", "acme"), story.NO),
            (("token", "add"), story.USAGE),
            (("token", "add", "nobody"), story.CANNOT_TELL),
            (("token", "add", "acme", "--expires", "soon"), story.USAGE),
            (("token", "add", "acme", "--expires", "0d"), story.USAGE),
            (("token", "revoke", "acme"), story.USAGE),
            (("token", "revoke", "acme", "first"), story.USAGE),
            (("token", "revoke", "acme", "7"), story.CANNOT_TELL),
            (("grant", "acme"), story.USAGE),
            (("grant", "--everyone"), story.USAGE),
            (("grant", "acme", "a/b/c/d"), story.USAGE),
            (("grant", "acme", "A/b"), story.USAGE),
            (("grant", "acme", "../x"), story.USAGE),
            (("grant", "nobody", "a/b"), story.CANNOT_TELL),
            (("revoke", "acme", "a/b"), story.CANNOT_TELL),
            (("trail", "a", "b"), story.USAGE),
            (("trail", "--no-such"), story.USAGE),
        ):
            with self.subTest(command=command):
                result = self.run_site(*command)
                self.assertStatus(result, status)
                self.assertNotEqual(result.err, "")
        self.assertStatus(story.hallmark("site", "customer", "list", "--dir", self.scratch), story.CANNOT_TELL)

    def test_a_foreign_damaged_or_newer_file_is_refused(self):
        database = self.site / "private/accounts.db"
        self.must("customer", "add", "acme")
        good = database.read_bytes()
        database.write_bytes(b"SQLite format 4\0" + good[16:])
        self.assertRefused(self.run_site("customer", "list"), story.NO, "accounts.db")
        database.write_bytes(good)
        connection = sqlite3.connect(database)
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
        connection.close()
        self.assertRefused(self.run_site("customer", "list"), story.NO, "newer version")
        self.assertRefused(self.run_site("customer", "add", "b"), story.NO, "newer version")
        database.unlink()
        connection = sqlite3.connect(database)
        connection.execute("CREATE TABLE other (a)")
        connection.commit()
        connection.close()
        self.assertRefused(self.run_site("customer", "add", "b"), story.NO, "is no database of customers")

    def test_the_database_stays_locked_no_longer_than_told(self):
        self.must("customer", "add", "acme")
        connection = sqlite3.connect(self.site / "private/accounts.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        self.assertRefused(self.run_site("customer", "add", "b", "--wait", "0"), story.CANNOT_TELL, "another process")
        self.assertIn("acme", self.run_site("customer", "list", "--wait", "0").out)
        connection.execute("ROLLBACK")
        connection.close()
        self.must("customer", "add", "b", "--wait", "0")

    def test_the_words_of_the_trail_are_escaped(self):
        self.must("customer", "add", "acme", "--title", "x\u202ey")
        self.assertNotIn("\u202e", self.must("trail").out)
        self.assertEqual(json.loads(self.must("trail", "--json").out)["trail"][0]["detail"], "x\u202ey")


if __name__ == "__main__":
    unittest.main(verbosity=2)
