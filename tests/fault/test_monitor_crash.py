# SPDX-License-Identifier: Apache-2.0
"""A monitor loses no alarm, and forgets nothing that it saw of a log, whatever happens to its process, disk or power.

Each scenario is one run of the command. It runs once untouched to count its changes to the file system; then again with a fault at each of
them (tests/fault/shim.c), from the same state (a third of them by default). Afterwards a run without a fault must leave what the untouched one left: the alarm is known
once, open, and was told to the webhook under one id; the place in the log is the newest; and a log that forks is told from one that grew.
"""
import json
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import hook  # noqa: E402
import log  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

LONG = "HALLMARK_LONG" in os.environ
SHIM = os.environ["HALLMARK_FAULT_SHIM"]
MODES = ("kill", "eio", "full", "lost", "torn", "drop")


class MonitorCrash(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, _images = attacks.build(cls.root / "world")
        public = tree.Tree(cls.cast.public)
        cls.key = log.NoteKey("firmware.example/globex/log")
        log.begin(public, "globex", [tree.Key(cls.cast.key(k)) for k in ("root1", "root2")], key=cls.key, is_whole=True)
        cls.online = tree.Key(cls.cast.site / "private" / "keys" / "online.pem")
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.hook = hook.Hook()
        cls.addClassCleanup(cls.hook.stop)
        cls.base = cls.root / "base"
        cls.cast.trust(home=cls.base, url=cls.server.url)
        cls.must_run(cls.base, story.GOOD)
        # Two ways on from there, each longer than what was seen: one has the junk of an intruder, the other had another first entry.
        cls.grown = tree.Tree.copy(cls.cast.public, cls.root / "grown")
        cls.forked = tree.Tree.copy(cls.cast.public, cls.root / "forked")
        for one in (cls.grown, cls.forked):
            one.log = log.Log(one, cls.key)
            one.log.is_whole = True
        cls.grown.log.append(b"junk\n")
        cls.grown.log.close((cls.grown.log.size, 0), [(cls.grown.log.size - 1, 1)])
        cls.grown.log.write()
        cls.fork()

    @classmethod
    def fork(cls):
        site_log = cls.forked.log
        entries = list(site_log.entries)
        site_log.entries, site_log.merkle, site_log.written = [], log.Merkle(), 0
        for entry in [b"hallmark/other v1\n", *entries, *[b"more\n"] * 3]:
            site_log.append(entry)
        shutil.rmtree(site_log.folder)
        site_log.write()

    @classmethod
    def run_monitor(cls, home, *options, **kwargs):
        return story.hallmark("monitor", "--json", "--grace", "0", "--webhook", cls.hook.url, *options, home=home, **kwargs)

    @classmethod
    def must_run(cls, home, status):
        result = cls.run_monitor(home)
        if result.status != status:
            raise AssertionError(f"exit {result.status}\n{result.out}{result.err}")
        return result

    def faulty(self, home, mode, at, *options):
        """One run with a fault at its change number at (0: none); how many changes there were."""
        count, shadow = self.scratch / "count", self.scratch / "shadow"
        shutil.rmtree(shadow, True)
        shadow.mkdir()
        run = self.run_monitor if not options else lambda h, **kw: story.hallmark("monitor", *options, home=h, **kw)
        result = run(home, env={
            "LD_PRELOAD": SHIM, "HM_FAULT_AT": str(at), "HM_FAULT_MODE": mode, "HM_FAULT_COUNT": str(count), "HM_FAULT_SHADOW": str(shadow),
            "HM_FAULT_ROOT": str(home / "sites" / "globex" / "monitor"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"})
        return result, int(count.read_text())

    def known(self, home):
        result = story.hallmark("monitor", "--list", "--json", home=home)
        self.assertIn(result.status, (story.GOOD, story.NO), result.err)
        return [json.loads(line) for line in result.out.splitlines()]

    def check(self, home, told_at_least):
        """What there is after a run without a fault: every alarm once, told; nothing more to compare; forks are still told from growth."""
        self.server.folder = self.grown.public
        result = self.run_monitor(home)
        self.assertIn(result.status, (story.GOOD, story.NO), result.out + result.err)
        alarms = self.known(home)
        self.assertEqual([a["kind"] for a in alarms], ["unreadable", "taken-back"])
        ids = {a["id"] for a in alarms}
        told = {alarm["id"] for body in self.hook.bodies for alarm in body["alarms"]}
        self.assertLessEqual(told, ids)
        if told_at_least:
            self.assertEqual(told, ids)
        count = len(self.hook.bodies)
        again = self.run_monitor(home)
        self.assertEqual(json.loads(again.out)["compared"], 0)
        self.assertEqual(json.loads(again.out)["entries"], self.grown.log.size)
        self.assertEqual(len(self.hook.bodies), count, "told again without a crash")
        self.server.folder = self.forked.public
        self.assertStatus(self.run_monitor(home), story.NO)
        self.assertIn("fork", [a["kind"] for a in self.known(home)])
        left = [p.name for p in (home / "sites" / "globex" / "monitor").iterdir() if not p.name.startswith(".")]
        self.assertLessEqual(set(left), {"alarms.json", "position.json", "lock", "alarms.lock", "log", "evidence"})

    def sweep(self, prepare, options, told_at_least):
        prepared = self.scratch / "prepared"
        shutil.copytree(self.base, prepared)
        self.hook.bodies.clear()
        prepare(prepared)
        before = list(self.hook.bodies)
        whole = self.scratch / "whole"
        shutil.copytree(prepared, whole)
        self.server.folder = self.grown.public
        _result, total = self.faulty(whole, "kill", 0, *options)
        self.check(whole, told_at_least)
        self.assertGreater(total, 5, "the shim sees no changes")
        for number, mode in enumerate(MODES):
            # Every third, each mode beginning elsewhere; all of them with HALLMARK_LONG.
            for at in range(1, total + 1) if LONG else range(1 + number % 3, total + 1, 3):
                with self.subTest(mode=mode, at=at, of=total):
                    home = self.scratch / f"{mode}{at}"
                    shutil.copytree(prepared, home)
                    self.hook.bodies[:] = before
                    self.server.folder = self.grown.public
                    result, _count = self.faulty(home, mode, at, *options)
                    if mode in ("kill", "lost", "torn"):
                        self.assertEqual(result.status, 137)
                    self.check(home, told_at_least)
                    shutil.rmtree(home)
        print(f"{total} changes, {'all' if LONG else 'a third'} of {len(MODES) * total} faults", flush=True)

    def test_a_run_that_finds_something(self):
        self.sweep(lambda _home: None, (), True)

    def test_the_first_run_of_all(self):
        self.sweep(lambda home: shutil.rmtree(home / "sites" / "globex" / "monitor"), (), True)

    def test_acknowledging(self):
        def prepare(home):
            self.server.folder = self.grown.public
            self.must_run(home, story.NO)

        self.sweep(prepare, ("--acknowledge", "all"), True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
