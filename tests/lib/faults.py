# SPDX-License-Identifier: Apache-2.0
"""One command under a fault at each of its changes to the file system (tests/fault/shim.c).

It runs once untouched to count its changes; then again with a fault at each: the process killed, an error returned, a full disk, or a loss of
power. By default a sample of the points is tried, chosen by a printed seed; HALLMARK_LONG tries them all.
"""
import os
import random
import shutil
import tempfile
from pathlib import Path

import story

SHIM = os.environ["HALLMARK_FAULT_SHIM"]
LONG = "HALLMARK_LONG" in os.environ
SEED = int(os.environ.get("HALLMARK_SEED", random.SystemRandom().randrange(1 << 32)))
MODES = ("kill", "eio", "full", "lost", "torn")
SAMPLE = 8  # points for each mode of each scenario, unless all


class Sweep(story.Case):
    """cast: whose root is copied for each try."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        print(f"seed {SEED}", flush=True)
        cls.random = random.Random(SEED)

    def copy(self, number):
        """The whole world, writable, for one try."""
        world = Path(tempfile.mkdtemp(prefix=f"{number}.", dir=self.scratch))
        shutil.copytree(self.cast.root, world / "world", symlinks=True)
        return world / "world"

    def run_with(self, world, mode, at, *command, home=None):
        """Returns (exit status, changes counted). 137: the process ended at the fault."""
        shadow = world.parent / "shadow"
        shadow.mkdir(exist_ok=True)
        count = world.parent / "count"
        result = story.hallmark(*command, home=home, env={
            "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(count), "HM_FAULT_SHADOW": str(shadow),
            "HM_FAULT_ROOT": str(world), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})
        return result, int(count.read_text())

    def begin(self, world):
        """Before each try."""

    def sweep(self, prepare, command, check, modes=MODES, sample=SAMPLE, status=0):
        """status: of the command without a fault. prepare(world) once; then for each fault: begin(world), command(world) with the fault, check(world, result)."""
        base = self.copy("base")
        prepare(base)
        self.cast_root, saved = base, self.cast.root
        type(self).cast.root = base
        try:
            whole = self.copy("whole")
            self.begin(whole)
            result, total = self.run_with(whole, "kill", 0, *command(whole), home=whole / "customer")
            self.assertStatus(result, status)
            self.assertGreater(total, 5, "the shim sees no changes")
            tried = 0
            for mode in modes:
                points = range(1, total + 1) if LONG else sorted(self.random.sample(range(1, total + 1), min(sample, total)))
                for at in points:
                    world = self.copy(f"{mode}.{at}")
                    self.begin(world)
                    with self.subTest(mode=mode, at=at, of=total):
                        result, _count = self.run_with(world, mode, at, *command(world), home=world / "customer")
                        if mode not in ("eio", "full"):
                            self.assertEqual(result.status, 137, result.err)
                        else:
                            self.assertIn(result.status, (status, 4), result.err)
                        check(world, result)
                    shutil.rmtree(world.parent)
                    tried += 1
            print(f"{tried} faults at {total} points", flush=True)
        finally:
            type(self).cast.root = saved

    @staticmethod
    def move(home, world):
        """The customer's subscription follows the copy of the site."""
        path = home / "sites" / "globex" / "site.json"
        text = path.read_text()
        start = text.index("file://")
        path.write_text(text[:start] + f"file://{world}/site/public" + text[text.index('"', start):])
