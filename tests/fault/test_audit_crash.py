# SPDX-License-Identifier: Apache-2.0
"""An auditor cosigns nothing that it did not audit, and forgets nothing that it found good, whatever happens to its process, disk or power.

Each scenario is one request to an auditor that serves, beside a small site (tests/fault/audit_site.c). It runs once untouched to count the
auditor's changes to the file system; then again with a fault at each of them (tests/fault/shim.c). The auditor then starts again: what it
says that it audited it has all data of, the honest log goes on, and a snapshot that lowers a role is refused. A sample of the points is tried by
default, chosen by a printed seed; HALLMARK_LONG tries them all.
"""
import hashlib
import os
import random
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import story  # noqa: E402
import witness  # noqa: E402

SHIM = os.environ["HALLMARK_FAULT_SHIM"]
SITE = os.environ["HALLMARK_AUDIT_SITE"]
SEED = int(os.environ.get("HALLMARK_SEED", random.SystemRandom().randrange(1 << 32)))
LONG = "HALLMARK_LONG" in os.environ
SAMPLE = 4  # points for each mode, unless all
MODES = ("kill", "eio", "full", "lost", "torn", "half")


class AuditCrash(story.Case):
    def setUp(self):
        super().setUp()
        self.site = self.scratch / "site"
        subprocess.run([SITE, self.site], check=True, timeout=60)
        self.first, self.second, self.third = map(int, (self.site / "sizes").read_text().split())
        self.vkey = (self.site / "vkey").read_text().strip()
        self.hash = hashlib.sha256(self.vkey.split("+")[0].encode()).hexdigest()
        self.served = self.scratch / "served"
        self.serve_site("public")
        self.base = self.scratch / "base"
        witness.make(self.base)
        story.must("witness", "log", "add", self.vkey, "--trust", self.site / "trust", "--site", f"file://{self.served}", "--dir", self.base)

    def serve_site(self, which):
        self.served.unlink(missing_ok=True)
        self.served.symlink_to(self.site / which)

    def serve(self, folder, mode="kill", at=0):
        shadow = folder.parent / "shadow"
        shutil.rmtree(shadow, True)
        shadow.mkdir()
        self.count = folder.parent / "count"
        return witness.Process(folder, options=["--audit"], env={
            "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(self.count),
            "HM_FAULT_SHADOW": str(shadow), "HM_FAULT_ROOT": str(folder / "logs"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})

    def ask(self, server, name):
        """The status of the request in a file; None if the auditor died over it."""
        answer = server.ask("POST", "/add-checkpoint", (self.site / name).read_bytes())
        return None if answer is None else answer[0]

    def recorded(self, server):
        status, _kind, body = server.ask("GET", f"/{self.hash}/checkpoint")
        if status == 404:
            return 0
        self.assertEqual(status, 200, body)
        return log.read_checkpoint(body.decode())[1]

    def audited(self, folder):
        path = folder / "logs" / self.hash / "audited"
        return int(path.read_text().split()[3]) if path.exists() else 0

    def assert_has_data(self, folder):
        """Of what it says that it audited it has every file, as the site had it."""
        size = self.audited(folder)
        copy = folder / "logs" / self.hash / "copy"
        self.assertIn(size, (0, self.first, self.second))
        snapshots = {0: 0, self.first: 1, self.second: 2}[size]
        for path in (self.site / "public").rglob("*"):
            name = path.relative_to(self.site / "public")
            if path.is_dir():
                continue
            if name.parts[0] == "metadata":
                wanted = int(name.name.split(".")[0]) <= snapshots  # each publish of this site is one version of what it changes
            elif name.parts[0] == "makers":
                wanted = size > 0
            else:
                wanted = "entries" in name.parts and name.name == str(size)  # hashes follow from them
            if wanted:
                self.assertEqual((copy / name).read_bytes(), path.read_bytes(), f"{name} of {size}")

    def go_on(self, folder, old):
        self.assert_has_data(folder)
        with self.serve(folder) as server:
            known = self.recorded(server)
            self.assertIn(known, (old, self.second))
            if known != self.second:
                self.assertEqual(self.ask(server, "second" if known else "both"), 200)
            self.assertEqual(self.recorded(server), self.second)
            self.assertEqual(self.audited(folder), self.second)
            self.assert_has_data(folder)
            self.serve_site("lie")
            self.assertEqual(self.ask(server, "lie.request"), 422)
            self.serve_site("public")
            self.assertEqual(self.recorded(server), self.second)
            self.assertEqual(server.stop(), 0)

    def copy(self, folder, name):
        to = self.scratch / name / "w"
        to.parent.mkdir()
        shutil.copytree(folder, to)
        return to

    def sweep(self, prepared, request, old):
        with self.serve(self.copy(prepared, "whole")) as server:
            self.assertEqual(self.ask(server, request), 200)
            self.assertEqual(server.stop(), 0)
        total = int(self.count.read_text())
        self.assertGreater(total, 10, "the shim sees no changes")
        choice = random.Random(SEED)
        for mode in MODES:
            points = range(1, total + 1)
            for at in points if LONG or total <= SAMPLE else sorted(choice.sample(points, SAMPLE)):
                with self.subTest(mode=mode, at=at, of=total):
                    folder = self.copy(prepared, f"{mode}{at}")
                    self.one_fault(folder, mode, at, request, old)
                    shutil.rmtree(folder.parent)
        print(f"{total} changes, {len(MODES) * (total if LONG else min(total, SAMPLE))} faults, seed {SEED}", flush=True)

    def one_fault(self, folder, mode, at, request, old):
        with self.serve(folder, mode, at) as server:
            status = self.ask(server, request)
            if mode in ("kill", "lost", "torn", "half"):
                self.assertIsNone(status)
                self.assertEqual(server.wait(), 137)
            else:
                self.assertIn(status, (200, 500, 503))
                if status != 200:
                    self.assertTrue(server.line().get("why"), "the operator is not told why")
                self.assertEqual(server.stop(), 0)
        self.go_on(folder, old)

    def test_the_first_audit(self):
        self.sweep(self.base, "both", 0)

    def test_growth(self):
        with self.serve(self.base) as server:
            self.assertEqual(self.ask(server, "first"), 200)
            self.assertEqual(server.stop(), 0)
        self.sweep(self.base, "second", self.first)


if __name__ == "__main__":
    unittest.main(verbosity=2)
