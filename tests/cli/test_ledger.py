# SPDX-License-Identifier: Apache-2.0
"""hallmark site ledger, site customer key: who got which image, and the keys that sign for it."""
import csv
import fcntl
import hashlib
import io
import os
import re
import shutil
import struct
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

IMAGE = "acme/nic/1.0/fw.bin"


class Ledger(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast = story.Cast(cls.root)
        cls.cast.init_site(log=True)
        cls.cast.init_maker("acme", "Acme")
        cls.cast.enroll("acme")
        cls.image = cls.root / "fw.bin"
        cls.image.write_bytes(b"firmware" * 1000)
        cls.cast.release("acme", "nic", "1.0", [cls.image])
        cls.site = cls.cast.site
        cls.empty = story.hallmark("site", "ledger", "--dir", cls.site)
        subprocess.run([os.environ["HALLMARK_LEDGER_DRIVER"], "run", cls.site, "globex", IMAGE], check=True, capture_output=True, timeout=60)

    def ledger(self, *args):
        return story.hallmark("site", "ledger", *args, "--dir", self.site)

    def rows(self, *args):
        result = self.ledger(*args, "--json").json()
        self.assertEqual(result["schema"], "hallmark/site-ledger/1")
        return result["deliveries"]

    def test_a_site_without_a_ledger_says_so(self):
        self.assertRefused(self.empty, story.CANNOT_TELL, "no ledger", "hallmark serve")

    def test_deliveries_are_listed_and_filtered(self):
        digest = hashlib.sha256(self.image.read_bytes()).hexdigest()
        rows = self.rows()
        self.assertEqual([(r["state"], r["customer"], r["path"], r["sha256"], r["length"]) for r in rows],
                         [("acknowledged", "dc1", IMAGE, digest, 8000)] * 9)
        self.assertRegex(rows[0]["client"], r"^dc1/host-[0-9a-f]{8}$")
        for some, count in ((("--customer", "dc1"), 9), (("--customer", "dc2"), 0), (("--image", digest), 9), (("--image", IMAGE), 9),
                            (("--image", self.image), 9), (("--image", "0" * 64), 0), (("--state", "acknowledged"), 9),
                            (("--state", "served-unacked"), 0), (("--state", "served-unsigned"), 0), (("--limit", "4"), 4),
                            (("--since", "2020-01-01"), 9), (("--until", "2020-01-01T00:00:00Z"), 0), (("--recalled", ), 0)):
            self.assertEqual(len(self.rows(*some)), count, some)
        text = self.ledger("--limit", "2")
        self.assertStatus(text, story.GOOD)
        self.assertIn("0 offered, 0 served-unacked, 9 acknowledged, 0 rejected in all", text.out)
        table = list(csv.DictReader(io.StringIO(self.ledger("--csv").out)))
        self.assertEqual({(row["state"], row["sha256"]) for row in table}, {("acknowledged", digest)})

    def test_each_is_written_as_a_file(self):
        out = self.scratch / "files"
        self.assertStatus(self.ledger("--export", out, "--limit", "3"), story.GOOD)
        files = sorted(out.iterdir())
        self.assertEqual(len(files), 3)
        for path in files:
            self.assertRegex(path.name, r"^[0-9a-f]{64}\.delivery$")
            self.assertEqual(re.findall(r"^==> (\S+) <==$", path.read_text(), re.M),
                             ["key", "request", "offer", "answer", "receipt", "offer-proof", "receipt-proof"])

    def test_what_was_recalled_is_listed_with_its_recall(self):
        site = self.scratch / "site"
        subprocess.run(["cp", "-a", self.site, site], check=True)
        request = self.scratch / "recall.request"
        story.must("site", "recall", "--dir", site, "cve-1", "--reason", "it is broken", "--remedy", "wait", IMAGE, "-o", request)
        story.must("site", "attach", "--dir", site, *self.cast.sign(request, "recall1"))
        story.must("site", "publish", "--dir", site)
        rows = story.must("site", "ledger", "--recalled", "--json", "--dir", site).json()["deliveries"]
        self.assertEqual(len(rows), 9)
        self.assertEqual({row["recall"] for row in rows}, {"recalls/vendor/cve-1.json"})

    def test_keys_are_listed_and_revoked(self):
        site = self.scratch / "site"
        subprocess.run(["cp", "-a", self.site, site], check=True)
        key = story.must("site", "customer", "key", "list", "--json", "--dir", site).json()["keys"][0]
        self.assertEqual((key["customer"], key["epoch"], key["counter"]), ("dc1", 1, 18))
        self.assertEqual(story.must("site", "customer", "key", "list", "dc2", "--json", "--dir", site).json()["keys"], [])
        story.must("site", "customer", "key", "revoke", key["name"], "--dir", site)
        self.assertIn("revoked", story.must("site", "customer", "key", "list", "dc1", "--dir", site).out)
        again = story.hallmark("site", "customer", "key", "revoke", key["name"], "--dir", site)
        self.assertRefused(again, story.NO, "revoked already")
        self.assertRefused(story.hallmark("site", "customer", "key", "revoke", "dc1/none-00000000", "--dir", site), story.CANNOT_TELL,
                           "no client has a key")

    def test_a_backup_has_a_ledger_that_goes_on(self):
        backup, site = self.scratch / "backup", self.scratch / "site"
        story.must("site", "backup", "--dir", self.site, "--with-keys", backup)
        story.must("site", "restore", backup, site, "--served", self.site / "public")
        self.assertEqual(len(story.must("site", "ledger", "--json", "--dir", site).json()["deliveries"]), 9)
        run = subprocess.run([os.environ["HALLMARK_LEDGER_DRIVER"], "run", site, "globex", IMAGE], capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)

    def go_on(self, site):
        return subprocess.run([os.environ["HALLMARK_LEDGER_DRIVER"], "run", site, "globex", IMAGE], capture_output=True, text=True, timeout=60)

    def goes_on(self, backup, site):
        story.must("site", "restore", backup, site, "--served", backup / "site/public")
        run = self.go_on(site)
        self.assertEqual(run.returncode, 0, run.stderr)
        return len(story.must("site", "ledger", "--json", "--dir", site).json()["deliveries"])

    def test_a_backup_is_of_one_moment_whatever_comes_between(self):
        """Deliveries, their log and its checkpoint go on after the ledger was copied, and before the rest is."""
        site, backup = self.scratch / "site", self.scratch / "backup"
        subprocess.run(["cp", "-a", self.site, site], check=True)
        with open(site / "private/lock", "r+b") as lock:
            fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))  # F_OFD_SETLK
            backing = subprocess.Popen([os.environ["HALLMARK"], "site", "backup", "--dir", site, "--with-keys", "--wait", "60", backup], stdout=subprocess.DEVNULL)
            for _ in range(600):
                if list(backup.parent.glob("backup.partial/site/public/metadata/timestamp.json")):
                    break
                time.sleep(0.05)
            run = self.go_on(site)
        self.assertEqual((backing.wait(60), run.returncode), (0, 0), run.stderr)
        self.assertEqual(self.goes_on(backup, self.scratch / "restored"), 18)

    def test_a_backup_is_not_gone_on_from_where_more_was_logged(self):
        """A second deliveries log under the name of the first would be signed by the same key."""
        site, backup, other = (self.scratch / name for name in ("site", "backup", "restored"))
        subprocess.run(["cp", "-a", self.site, site], check=True)
        story.must("site", "backup", "--dir", site, "--with-keys", backup)
        self.assertEqual(self.go_on(site).returncode, 0)
        self.assertRefused(story.hallmark("site", "restore", backup, other, "--served", site / "public"), story.NO, "deliveries log", "48", "24")
        self.assertTrue((other / "private/restored").exists())
        for folder in ("private/deliveries", "public/deliveries"):
            shutil.rmtree(other / folder)
            shutil.copytree(site / folder, other / folder)
        story.must("site", "restore", "--check", "--served", site / "public", "--dir", other)
        self.assertEqual(self.go_on(other).returncode, 0)

    def test_backups_under_deliveries_go_on(self):
        site = self.scratch / "site"
        subprocess.run(["cp", "-a", self.site, site], check=True)
        ends, runs = threading.Event(), []

        def deliver():
            while not ends.is_set():
                runs.append(self.go_on(site))

        thread = threading.Thread(target=deliver)
        thread.start()
        try:
            for i in range(5):
                story.must("site", "backup", "--dir", site, "--with-keys", "--wait", "60", self.scratch / f"b{i}")
        finally:
            ends.set()
            thread.join()
        self.assertEqual({run.returncode for run in runs}, {0}, [run.stderr for run in runs if run.returncode])
        counts = [self.goes_on(self.scratch / f"b{i}", self.scratch / f"r{i}") for i in range(5)]
        self.assertEqual(counts, sorted(counts))
        self.assertLessEqual(counts[-1], 9 * len(runs) + 18)

    def test_wrong_use_is_told(self):
        for args in (("--state", "lost"), ("--since", "yesterday"), ("--limit", "-1"), ("--json", "--csv"), ("dc1", )):
            self.assertStatus(self.ledger(*args), story.USAGE)
        self.assertRefused(self.ledger("--image", "no/such"), story.CANNOT_TELL, "no SHA-256")
        self.assertStatus(story.hallmark("site", "customer", "key", "drop", "x", "--dir", self.site), story.USAGE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
