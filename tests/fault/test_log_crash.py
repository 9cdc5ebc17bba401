# SPDX-License-Identifier: Apache-2.0
"""No crash of a log's writer loses an entry that was acknowledged, or makes it sign what contradicts what it signed.

A program (log_driver.c) appends to a log, settles, signs, publishes, and opens it again. It is run with a fault at each of its changes to the file
system (shim.c). After each, readers find the tree of the checkpoint that is published, the log opens, and all that the program was told is true:
entries have their places, and each checkpoint it signed is of a beginning of the log. A sample of the points is tried by default, chosen by a
printed seed; HALLMARK_LONG tries them all.
"""
import os
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SHIM = os.environ["HALLMARK_FAULT_SHIM"]
DRIVER = os.environ["HALLMARK_LOG_DRIVER"]
SEED = int(os.environ.get("HALLMARK_SEED", random.SystemRandom().randrange(1 << 32)))
LONG = "HALLMARK_LONG" in os.environ
SAMPLE = 20  # points for each mode, unless all
DYING = ("kill", "lost", "torn", "half", "holes")
GOING_ON = ("eio", "full", "drop")


class Log(unittest.TestCase):
    def setUp(self):
        # Loss of power is the shim's doing: a real disk would only make each of a thousand runs wait for it.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.scratch = Path(tempfile.mkdtemp(prefix="hallmark-log.", dir=memory))
        self.addCleanup(shutil.rmtree, self.scratch)

    def run_with(self, folder, mode, at):
        """Returns the exit status, what the program told, and the changes counted."""
        shadow, count = self.scratch / "shadow", self.scratch / "count"
        shutil.rmtree(shadow, ignore_errors=True)
        shadow.mkdir()
        process = subprocess.run([DRIVER, "run", str(folder)], capture_output=True, text=True, timeout=60, env={
            **os.environ, "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(count),
            "HM_FAULT_SHADOW": str(shadow), "HM_FAULT_ROOT": str(folder),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})
        return process, int(count.read_text())

    def check(self, folder, told):
        process = subprocess.run([DRIVER, "check", str(folder)], input=told, capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stderr)

    def once(self, mode, at):
        folder = self.scratch / "log"
        folder.mkdir()
        process, _count = self.run_with(folder, mode, at)
        if mode in DYING:
            self.assertEqual(process.returncode, 137, process.stderr)
        else:
            self.assertIn(process.returncode, (0, 4), process.stderr)
        self.check(folder, process.stdout)
        if mode == "kill":  # what a dead writer left behind is gone, but for temporary files of tiles
            self.assertEqual(sorted(path.name for path in (folder / "private").iterdir()), ["lock", "records"])
        shutil.rmtree(folder)
        return process

    def test_writer__survives_a_fault_at_any_change(self):
        print(f"seed {SEED}", flush=True)
        whole = self.scratch / "whole"
        whole.mkdir()
        process, total = self.run_with(whole, "kill", 0)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(process.stdout.count("ack "), 3 + 1 + 252 + 300 + 5 + 2)
        self.assertEqual(process.stdout.count("signed "), 4)
        self.check(whole, process.stdout)
        self.assertGreater(total, 100, "the shim sees no changes")
        refused = 0
        points = range(1, total + 1)
        for mode in DYING + GOING_ON:
            for at in points if LONG else sorted(random.Random(f"{SEED} {mode}").sample(points, SAMPLE)):
                with self.subTest(mode=mode, at=at, of=total):
                    refused += "refused" in self.once(mode, at).stderr
        self.assertGreater(refused, 5, "no append met a fault")
        print(f"{total} points, {refused} refusals", flush=True)

    def test_check__sees_what_is_not_true(self):
        """The check itself: a log that lost its last entries, and one with another history."""
        folder, other = self.scratch / "log", self.scratch / "other"
        folder.mkdir()
        other.mkdir()
        told = self.run_with(folder, "kill", 0)[0].stdout
        for wrong in ("ack 5000 batch 1 entry 0", "ack 0 batch 2 entry 0", f"signed 3 {'0' * 64}"):
            process = subprocess.run([DRIVER, "check", str(folder)], input=wrong + "\n", capture_output=True, text=True, timeout=60)
            self.assertEqual(process.returncode, 1, wrong)
        process = subprocess.run([DRIVER, "check", str(other)], input=told, capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
