# SPDX-License-Identifier: Apache-2.0
"""A witness never signs what contradicts what it signed before, whatever happens to its process, disk or power.

Each scenario is one request to a witness that serves. It runs once untouched to count the witness's changes to the file system; then again
with a fault at each of them (tests/fault/shim.c). Whatever was answered, the witness then starts again and is asked to sign a fork:
all cosignatures it ever gave must be of one tree, none may be forgotten, and the honest log must be able to go on.
"""
import hashlib
import json
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import story  # noqa: E402
import witness  # noqa: E402

SHIM = os.environ["HALLMARK_FAULT_SHIM"]
MODES = ("kill", "eio", "full", "lost", "torn")


class WitnessCrash(story.Case):
    def setUp(self):
        super().setUp()
        self.key = log.NoteKey("log.example/a")
        self.base = self.scratch / "base"
        self.vkey = witness.make(self.base)
        story.must("witness", "log", "add", self.key.vkey, "--dir", self.base)
        self.log, self.fork = witness.Grower(self.key), witness.Grower(self.key, fork=1)

    def serve(self, folder, mode="kill", at=0):
        """A witness with a fault at its change number at (0: none), counted from its start."""
        shadow = folder.parent / "shadow"
        shutil.rmtree(shadow, True)
        shadow.mkdir()
        self.count = folder.parent / "count"
        return witness.Process(folder, env={
            "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(self.count),
            "HM_FAULT_SHADOW": str(shadow), "HM_FAULT_ROOT": str(folder / "logs"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})

    def take(self, answer, grower, size, given):
        """Notes a cosignature of the tree of grower; returns the status (None: the witness died)."""
        if answer is None:
            return None
        status, _kind, body = answer
        if status == 200:
            note = grower.note(size) + body.decode()
            self.assertIsNotNone(log.is_signed(note, self.vkey), "a cosignature of something else")
            given.append((size, grower.merkle.root(size)))
        return status

    def assert_one_tree(self, given):
        """All cosignatures are of one history: the honest log's or, where it alone was ever signed, the fork's."""
        for grower in (self.log, self.fork):
            if all(grower.merkle.root(size) == root for size, root in given):
                return
        self.fail(f"contradicting cosignatures: {[(size, root.hex()[:8]) for size, root in given]}")

    def recorded(self, server):
        """What the witness says that it cosigned last."""
        status, _kind, body = server.ask("GET", f"/{hashlib.sha256(self.key.name.encode()).hexdigest()}/checkpoint")
        if status == 404:
            return 0
        self.assertEqual(status, 200, body)
        self.assertIsNotNone(log.is_signed(body.decode(), self.vkey))
        return log.read_checkpoint(body.decode())[1]

    def go_on(self, folder, given, old, size):
        """After the fault: it starts, forgot nothing, signs no fork of what it gave, and goes on with the honest log."""
        with self.serve(folder) as server:
            known = self.recorded(server)
            acknowledged = max((s for s, _root in given), default=0)
            self.assertGreaterEqual(known, acknowledged, "a cosignature was forgotten")
            self.assertIn(known, (old, size))
            if known > 1:
                self.assertEqual(self.take(server.add(*self.fork.request(known, size + 5)), self.fork, size + 5, given), 422)
                self.assertEqual(self.take(server.add(*self.fork.request(known, known)), self.fork, known, given), 422)
                self.assertEqual(self.take(server.add(*self.fork.request(0, size)), self.fork, size, given), 409)
            self.assertEqual(self.take(server.add(*self.log.request(known, size + 1)), self.log, size + 1, given), 200)
            self.assert_one_tree(given)
            self.assertEqual(server.stop(), 0)
        left = [path.name for path in (folder / "logs").rglob("*") if path.is_file()]
        self.assertLessEqual({name for name in left if not name.startswith(".")}, {"log.json", "checkpoint"}, left)

    def sweep(self, prepare, old, size):
        prepared = self.scratch / "prepared"
        shutil.copytree(self.base, prepared)
        given = []
        prepare(prepared, given)
        with self.serve(self.copy(prepared, "whole")) as server:
            self.assertEqual(server.add(*self.log.request(old, size))[0], 200)
            self.assertEqual(server.stop(), 0)
        total = int(self.count.read_text())
        self.assertGreater(total, 3, "the shim sees no changes")
        for mode in MODES:
            for at in range(1, total + 1):
                with self.subTest(mode=mode, at=at, of=total):
                    self.one_fault(self.copy(prepared, f"{mode}{at}"), mode, at, list(given), old, size)
        print(f"{total} changes, {len(MODES) * total} faults", flush=True)

    def copy(self, folder, name):
        to = self.scratch / name / "w"
        to.parent.mkdir()
        shutil.copytree(folder, to)
        return to

    def one_fault(self, folder, mode, at, given, old, size):
        with self.serve(folder, mode, at) as server:
            status = self.take(server.add(*self.log.request(old, size)), self.log, size, given)
            if mode in ("kill", "lost", "torn"):
                self.assertIsNone(status)
                self.assertEqual(server.wait(), 137)
            else:
                # An answer is a promise; where there is none, nothing was promised, and it goes on.
                self.assertIn(status, (200, 500))
                if status == 500:
                    self.assertTrue(server.line().get("why"), "the operator is not told why")
                    known = self.recorded(server)
                    self.assertIn(known, (old, size))
                    again = self.take(server.add(*self.log.request(known, size)), self.log, size, given)
                    self.assertEqual(again, 200 if mode == "eio" else 500)
                self.assertEqual(server.stop(), 0)
        self.assert_one_tree(given)
        self.go_on(folder, given, old, size)

    def test_the_first_cosignature(self):
        self.sweep(lambda _folder, _given: None, 0, 3)

    def test_growth(self):
        def prepare(folder, given):
            with self.serve(folder) as server:
                self.assertEqual(self.take(server.add(*self.log.request(0, 3)), self.log, 3, given), 200)
                self.assertEqual(server.stop(), 0)

        self.sweep(prepare, 3, 9)

    def test_init_leaves_a_witness_or_none(self):
        """A folder is a whole witness or none; what init printed is the key that is there."""
        whole = self.scratch / "whole" / "w"
        whole.parent.mkdir()
        _result, total = self.init(whole, "kill", 0)
        self.assertGreater(total, 5)
        for mode in MODES:
            for at in range(1, total + 1):
                with self.subTest(mode=mode, at=at, of=total):
                    folder = self.scratch / f"init{mode}{at}" / "w"
                    folder.parent.mkdir()
                    result, _count = self.init(folder, mode, at)
                    shown = story.hallmark("witness", "show", "--dir", folder, "--json")
                    if result.status == 0:
                        self.assertEqual(shown.json()["vkeys"], json.loads(result.out)["vkeys"])
                    else:
                        self.assertIn(shown.status, (0, 1, 3), shown.err)
                    if shown.status != 0:
                        again = story.hallmark("witness", "init", "--dir", folder, "--name", "w.example/one")
                        # Made now, or a key stands there of which nobody knows whether it was used.
                        self.assertIn(again.status, (0, 1), again.err)

    def init(self, folder, mode, at):
        shadow, count = folder.parent / "shadow", folder.parent / "count"
        shadow.mkdir()
        result = story.hallmark("witness", "init", "--dir", folder, "--name", "w.example/one", "--json", env={
            "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(count),
            "HM_FAULT_SHADOW": str(shadow), "HM_FAULT_ROOT": str(folder.parent),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})
        return result, int(count.read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
