# SPDX-License-Identifier: Apache-2.0
"""A change of customers, tokens or grants happened wholly or not at all, whatever happens to process, disk or power.

Each scenario is one command. It runs once untouched to count its changes to the file system; then again with a fault at each of them
(tests/fault/shim.c). Afterwards the database is whole, holds the state before or after, with one line of the trail for each change, the
state after if the command said so; and the next change works.
"""
import os
import shutil
import sqlite3
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

SHIM = os.environ["HALLMARK_FAULT_SHIM"]
LONG = "HALLMARK_LONG" in os.environ  # all faults; a sample by default
MODES = ("kill", "eio", "full", "lost", "torn", "half")


class AccountsCrash(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base = cls.root / "base"
        story.must("site", "init", "--dir", cls.base, "--name", "globex", "--url", "https://firmware.example/", "--trial")

    def run_command(self, site, command, mode="kill", at=0):
        shadow = site.parent / "shadow"
        shutil.rmtree(shadow, True)
        shadow.mkdir()
        self.count = site.parent / "count"
        return story.hallmark(*command, "--dir", site, env={
            "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(self.count),
            "HM_FAULT_SHADOW": str(shadow), "HM_FAULT_ROOT": str(site / "private"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})

    def state(self, site):
        """What is in the database, read by another program; None where there is none yet."""
        path = site / "private/accounts.db"
        if not path.exists() or (path.stat().st_size == 0 and not Path(f"{path}-journal").exists()):
            return None
        story.hallmark("site", "customer", "list", "--dir", site)  # whoever comes next undoes what was left half done
        connection = sqlite3.connect(path)
        try:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            if connection.execute("PRAGMA user_version").fetchone() == (0,):
                return None
            rows = {name: connection.execute(f"SELECT {columns} FROM {name}").fetchall()
                    for name, columns in (("account", "name, is_disabled, last_token"), ("token", "account, number, revoked IS NULL"),
                                          ("permit", "account, pattern"), ("trail", "what, account, detail"))}
            if not any(rows.values()):
                return None  # tables alone: they are made by a transaction of their own
            self.assertEqual(connection.execute("SELECT generation FROM state").fetchone(), (len(rows["trail"]),))
            return rows
        finally:
            connection.close()

    def sweep(self, command, *prepare):
        prepared = self.scratch / "prepared" / "site"
        shutil.copytree(self.base, prepared)
        for one in prepare:
            story.must(*one, "--dir", prepared)
        before = self.state(prepared)
        whole = self.copy(prepared, "whole")
        self.assertStatus(self.run_command(whole, command), story.GOOD)
        after = self.state(whole)
        self.assertNotEqual(before, after)
        total = int(self.count.read_text())
        self.assertGreater(total, 4, "the shim sees no changes")
        ended = {"before": 0, "after": 0}
        for mode in MODES:
            for at in range(1, total + 1):
                if not LONG and at % (2 if mode == "lost" else 5):
                    continue
                with self.subTest(mode=mode, at=at, of=total):
                    site = self.copy(prepared, f"{mode}{at}")
                    result = self.run_command(site, command, mode, at)
                    state = self.state(site)
                    self.assertIn(state or before, (before, after), "neither before nor after")
                    if result.status == story.GOOD:
                        self.assertEqual(state, after, "said to be done, and is not")
                    ended["after" if state == after else "before"] += 1
                    story.must("site", "customer", "add", "later", "--dir", site)
                    shutil.rmtree(site.parent)
        self.assertGreater(min(ended.values()), 0, ended)
        print(f"{total} changes, {sum(ended.values())} faults: {ended}", flush=True)

    def copy(self, folder, name):
        to = self.scratch / name / "site"
        to.parent.mkdir()
        shutil.copytree(folder, to)
        return to

    def test_the_first_customer(self):
        self.sweep(("site", "customer", "add", "acme"))

    def test_a_token_is_revoked(self):
        self.sweep(("site", "token", "revoke", "acme", "1"),
                   ("site", "customer", "add", "acme"), ("site", "token", "add", "acme"))

    def test_a_grant(self):
        self.sweep(("site", "grant", "acme", "initech/nic"), ("site", "customer", "add", "acme"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
