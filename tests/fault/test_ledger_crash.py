# SPDX-License-Identifier: Apache-2.0
"""No crash of the process that keeps deliveries loses what it answered, or puts anything twice into its log.

A program (ledger_driver.c) makes deliveries at a site with its own client, and batches of the log. It runs with a fault at each of its changes to the
file system (shim.c). Afterwards the ledger opens; each offer and receipt that was told is kept and proved by the log; nothing is there that was not
asked for; each answer has one receipt, and each leaf one place; and deliveries go on. A sample of the points is tried by default, chosen by a printed
seed; HALLMARK_LONG tries them all.
"""
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

SHIM = os.environ["HALLMARK_FAULT_SHIM"]
DRIVER = os.environ["HALLMARK_LEDGER_DRIVER"]
SEED = int(os.environ.get("HALLMARK_SEED", random.SystemRandom().randrange(1 << 32)))
LONG = "HALLMARK_LONG" in os.environ
SAMPLE = 12  # points for each mode, unless all
DYING = ("kill", "lost", "torn", "half")
GOING_ON = ("eio", "full")
IMAGE = "acme/nic/1.0/fw.bin"
GROUPS = 3


class Ledger(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast = story.Cast(cls.root)
        cls.cast.init_site(log=True)
        cls.cast.init_maker("acme", "Acme")
        cls.cast.enroll("acme")
        (cls.root / "fw.bin").write_bytes(b"firmware" * 1000)
        cls.cast.release("acme", "nic", "1.0", [cls.root / "fw.bin"])
        cls.base = cls.cast.site

    def run_driver(self, site, mode, at):
        shadow, count = site.parent / "shadow", site.parent / "count"
        shutil.rmtree(shadow, True)
        shadow.mkdir()
        process = subprocess.run([DRIVER, "run", site, "globex", IMAGE], capture_output=True, text=True, timeout=60, env={
            **os.environ, "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(count),
            "HM_FAULT_SHADOW": str(shadow), "HM_FAULT_ROOT": str(site),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})
        return process, int(count.read_text())

    def check(self, site, told):
        """All that was told is kept and proved; nothing else is there but what was under way."""
        process = subprocess.run([DRIVER, "check", site], input=told, capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stderr)
        offers, receipts = told.count("offer "), told.count("receipt ")
        db = sqlite3.connect(site / "private/deliveries/deliveries.db")
        try:
            one = lambda sql: db.execute(sql).fetchone()[0]  # noqa: E731
            self.assertEqual(one("PRAGMA integrity_check"), "ok")
            made, acknowledged = one("SELECT count(*) FROM delivery"), one("SELECT count(*) FROM delivery WHERE state = 4")
            self.assertLessEqual(offers, made)
            self.assertLessEqual(made, offers + 3)
            self.assertLessEqual(receipts, acknowledged)
            self.assertLessEqual(acknowledged, receipts + 3)
            self.assertEqual(one("SELECT count(*) FROM note WHERE id % 4 = 3"), acknowledged)
            self.assertEqual(one("SELECT count(*) FROM event"), made + acknowledged)
            self.assertEqual(one("SELECT coalesce(sum(count), 0) FROM tally WHERE kind = 0"), made)
            self.assertEqual(one("SELECT count(*) FROM leaf"), made + acknowledged + one("SELECT count(*) FROM key"))
            self.assertEqual(one("SELECT count(*) - count(DISTINCT number) FROM leaf"), 0)  # all have one
            self.assertEqual(one("SELECT (SELECT count(*) FROM pending) + (SELECT count(*) FROM plan)"), 0)
        finally:
            db.close()
        return made

    def copy(self, name):
        to = self.scratch / name / "site"
        to.parent.mkdir()
        shutil.copytree(self.base, to)
        return to

    def test_what_was_answered_survives_a_fault_at_any_change(self):
        print(f"seed {SEED}", flush=True)
        whole = self.copy("whole")
        process, total = self.run_driver(whole, "kill", 0)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual((process.stdout.count("offer "), process.stdout.count("receipt ")), (3 * GROUPS, 3 * GROUPS))
        self.assertEqual(self.check(whole, process.stdout), 3 * GROUPS)
        self.assertGreater(total, 60, "the shim sees no changes")
        ended = []
        for mode in DYING + GOING_ON:
            points = range(1, total + 1)
            for at in points if LONG else sorted(random.Random(f"{SEED} {mode}").sample(points, SAMPLE)):
                with self.subTest(mode=mode, at=at, of=total):
                    site = self.copy(f"{mode}{at}")
                    process, _count = self.run_driver(site, mode, at)
                    self.assertIn(process.returncode, (137, ) if mode in DYING else (0, 4), process.stderr)
                    ended.append(self.check(site, process.stdout))
                    again, _count = self.run_driver(site, "kill", 0)
                    self.assertEqual(again.returncode, 0, again.stderr)
                    shutil.rmtree(site.parent)
        self.assertGreater(len(set(ended)), 2, ended)
        print(f"{total} changes, {len(ended)} faults", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
