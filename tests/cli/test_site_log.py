# SPDX-License-Identifier: Apache-2.0
"""A site's release log with witnesses that run: what is published has been cosigned, or is not published."""
import json
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import logged  # noqa: E402
import story  # noqa: E402

TOOL = os.environ.get("HALLMARK_TLOG_TOOL", str(story.SOURCE / "build" / "tests" / "tlog_tool"))
IMAGE = b"firmware 1.0 " * 1000


class LoggedCase(story.Case):
    """One world for the class, which its tests leave as they like; each makes releases of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = logged.World(cls.root / "world")
        cls.addClassCleanup(cls.world.close)
        cls.world.init()
        cls.world.cast.init_maker("acme", "Acme Chips")
        cls.world.cast.enroll("acme")
        cls.first = cls.world.approved("1.0", IMAGE)
        cls.world.publish()
        cls.world.cast.trust()
        cls.number = 0

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.world.cast.home, self.home)
        self.addCleanup(self.all_up)

    def all_up(self):
        for one in self.world.witnesses:
            if one.process is None:
                one.start()

    def down(self, *numbers):
        for number in numbers:
            self.world.witnesses[number - 1].stop()

    def approved(self):
        type(self).number += 1
        self.data = b"firmware 2.%d " % self.number * 1000
        return self.world.approved(f"2.{self.number}", self.data)

    def run_home(self, *args, **kwargs):
        return story.hallmark(*args, home=self.home, **kwargs)

    def get(self, path, data):
        out = self.scratch / "got"
        self.assertStatus(self.run_home("get", path, "-o", out, "--no-progress"), story.GOOD)
        self.assertEqual(out.read_bytes(), data)

    def state(self):
        return self.run_home("list", "--json").json()["sites"][0]["log"]

    def check(self, quorum=2):
        return logged.check(self, self.world, quorum)

    def assertUnchanged(self, before):
        """Nothing is served that was not before; partial tiles of older trees may have been collected."""
        now = self.world.tree()
        gone = before.keys() - now.keys()
        self.assertEqual([name for name in gone if ".p/" not in name], [])
        self.assertEqual({name for name, data in now.items() if before.get(name) != data}, set())


class Publish(LoggedCase):
    def test_every_change_is_an_entry(self):
        entries = self.check()
        kinds = [log.read_entry(e)[0][0].partition("/")[2] for e in entries]
        self.assertEqual(kinds[:2], ["root", "snapshot"])
        self.assertIn("maker", kinds)
        self.assertIn("release", kinds)
        release = next(e for e in entries if e.startswith(b"hallmark/release v1\n"))
        self.assertEqual(log.lines_of(release, "path"), [("acme/nic/1.0",)])
        self.assertEqual(log.lines_of(release, "image"), [("fw.bin", log.sha256(IMAGE).hex(), str(len(IMAGE)))])
        self.assertEqual([r for r, _v in log.lines_of(release, "role")], ["maker~acme", "release~acme"])

    def test_each_snapshot_closes_what_is_before_it(self):
        entries = self.check()
        expected = 0
        for index, entry in enumerate(entries):
            if not entry.startswith(b"hallmark/snapshot v1\n"):
                continue
            first, count = map(int, log.lines_of(entry, "entries")[0])
            for void, voids in (map(int, line) for line in log.lines_of(entry, "void")):
                expected = max(expected, void + voids) if void == expected else expected
            self.assertEqual((first, first + count), (expected, index))
            expected = index + 1
        self.assertEqual(expected, len(entries))

    def test_customers_see_a_witnessed_site(self):
        story.must("site", "renew", "--dir", self.world.site)
        self.get(self.first, IMAGE)
        state = self.state()
        self.assertEqual((state["state"], state["origin"], state["cosigned"], state["witnesses"]), ("witnessed", logged.ORIGIN, 3, 3))
        self.assertEqual(state["size"], self.world.size)
        self.assertStatus(self.run_home("verify", self.scratch / "got"), story.GOOD)
        out = self.scratch / "synced"
        self.assertStatus(self.run_home("sync", "acme/*", "-d", out, "--no-progress"), story.GOOD)
        self.assertEqual((out / "globex" / self.first if (out / "globex").exists() else out / self.first).read_bytes(), IMAGE)

    def test_a_customer_goes_on_from_publish_to_publish(self):
        self.get(self.first, IMAGE)
        for _ in range(2):
            path = self.approved()
            self.world.publish()
            self.get(path, self.data)
            self.check()
        self.assertFalse((self.home / "sites" / "globex" / "evidence").exists())

    def test_publish_without_anything_new_adds_nothing(self):
        size = self.world.size
        self.assertIn("nothing to publish", self.world.publish().out)
        self.assertEqual(self.world.size, size)

    def test_a_witness_that_is_down_stops_nothing_and_is_named(self):
        self.down(2)
        path = self.approved()
        result = self.world.publish()
        self.assertIn("cosigned by witness 'w1'", result.out)
        self.assertIn("cosigned by witness 'w3'", result.out)
        self.assertIn("warning: not cosigned: witness 'w2'", result.err)
        self.check()
        self.get(path, self.data)
        self.assertEqual(self.state()["cosigned"], 2)
        listed = story.must("site", "witness", "list", "--dir", self.world.site, "--json").json()
        self.assertEqual([w["name"] for w in listed["witnesses"]], ["w1", "w2", "w3"])
        self.assertIn("w2", [w["name"] for w in listed["witnesses"] if w.get("failure")])
        # Back again, it is given the proof from where it was.
        self.all_up()
        story.must("site", "renew", "--dir", self.world.site)
        self.assertEqual([w.seen() for w in self.world.witnesses], [self.world.size] * 3)

    def test_json_says_what_was_published(self):
        self.approved()
        out = self.world.publish("--json").json()
        self.assertTrue(out["changed"])
        self.assertFalse(out["resumed"])
        self.assertIn("release~acme", [p["role"] for p in out["published"]])


class NoQuorum(LoggedCase):
    def refused(self, result, *names):
        self.assertRefused(result, story.CANNOT_TELL, *(f"witness '{name}'" for name in names), "quorum is 2 of (w1, w2, w3)")

    def test_nothing_is_published_and_the_log_does_not_grow(self):
        path = self.approved()
        before = self.world.tree()
        self.down(1, 2)
        self.refused(self.world.try_publish(), "w1", "w2")
        self.assertUnchanged(before)
        self.refused(self.world.try_publish(), "w1", "w2")
        self.get(self.first, IMAGE)
        self.all_up()
        self.world.publish()
        self.check()
        self.get(path, self.data)

    def test_a_committed_publish_waits_and_resumes_with_the_same_bytes(self):
        path = self.approved()
        before = self.world.tree()
        # The old size is cosigned by the quorum; then a proxy of two of them says no to the larger.
        committed = self.commit_without_witnesses(before)
        waiting = self.world.tree()
        self.assertEqual(waiting["metadata/timestamp.json"], before["metadata/timestamp.json"])
        # The heartbeat rewrote these two, of the old size.
        self.assertEqual(*(log.read_checkpoint(tree["log/checkpoint"].decode()) for tree in (waiting, before)))
        self.assertEqual(*(log.read_proof(tree["proofs/latest.tlog-proof"].decode())[0] for tree in (waiting, before)))
        self.get(self.first, IMAGE)  # customers have what they had
        status = story.hallmark("site", "status", "--dir", self.world.site)
        self.assertIn("a publish waits for witnesses", status.err)
        # More can be taken in, and approved, meanwhile.
        later = self.world.approved(f"3.{self.number}", b"later")
        self.refused(self.world.try_publish(), "w1", "w2")
        self.all_up()
        result = self.world.publish()
        self.assertIn("the publish that waited for witnesses is visible", result.out)
        entries = self.check()
        for name, data in committed.items():
            self.assertEqual((self.world.public / name).read_bytes(), data, name)
        self.assertEqual([log.lines_of(e, "path")[0][0] for e in entries if e.startswith(b"hallmark/release v1\n")][-2:],
                         [path.rpartition("/")[0], later.rpartition("/")[0]])
        self.get(path, self.data)

    def commit_without_witnesses(self, before):
        """Publish with two witnesses stopped right after they cosigned the old size. What was committed, by path."""
        journal = self.world.site / "private" / "publish" / "next"
        proxies = [logged.Lossy(one) for one in self.world.witnesses[:2]]
        self.addCleanup(lambda: [p.close() for p in proxies])
        try:
            self.refused(self.world.try_publish(), "w1", "w2")
        finally:
            for proxy in proxies:
                proxy.close()
        self.assertTrue(journal.is_dir())
        files = {str(p.relative_to(journal / "files")): p.read_bytes() for p in (journal / "files").rglob("*") if p.is_file()}
        snapshot = max(self.world.tree().keys() - before.keys(), default=None)
        self.assertIsNotNone(snapshot)  # role files are there for auditors to read
        return files


class Heartbeat(LoggedCase):
    def times(self):
        return [log.is_signed(self.world.note, w.vkey) for w in self.world.witnesses]

    def test_renew_has_an_idle_log_cosigned_again(self):
        size, before = self.world.size, self.times()
        stamp = self.world.timestamp()
        log.time.sleep(1.1)
        story.must("site", "renew", "--dir", self.world.site)
        self.assertEqual(self.world.size, size)
        self.assertTrue(all(new > old for new, old in zip(self.times(), before)))
        self.assertEqual(self.world.timestamp(), stamp)
        self.check()
        self.assertEqual(self.state()["state"], "witnessed")

    def test_renew_without_a_quorum_says_who_failed(self):
        before = self.world.tree()
        self.down(1, 3)
        result = story.hallmark("site", "renew", "--dir", self.world.site)
        self.assertRefused(result, story.CANNOT_TELL, "witness 'w1'", "witness 'w3'", "quorum is 2 of (w1, w2, w3)")
        self.assertUnchanged(before)

    def test_renew_force_makes_a_new_snapshot_and_its_entry(self):
        size = self.world.size
        story.must("site", "renew", "--dir", self.world.site, "--force")
        self.assertEqual(self.world.size, size + 1)
        self.check()
        self.assertEqual(self.state()["state"], "witnessed")

    def test_an_old_cosignature_is_not_enough_for_a_customer(self):
        self.assertStatus(self.run_home("list", faketime="+8d"), story.CANNOT_TELL)


class Status(LoggedCase):
    def status(self, *options, **kwargs):
        return story.hallmark("site", "status", "--dir", self.world.site, *options, **kwargs)

    def test_text(self):
        story.must("site", "renew", "--dir", self.world.site)
        result = self.status()
        self.assertStatus(result, story.GOOD)
        self.assertIn(f"{logged.ORIGIN}, {self.world.size} entries\n    quorum 2 of (w1, w2, w3), met at ", result.out)
        self.assertIn("next heartbeat due ", result.out)
        for name in ("w1", "w2", "w3"):
            self.assertRegex(result.out, f"witness {name} +cosigned {self.world.size} entries at ")
        self.assertEqual(result.err, "")

    def test_json(self):
        story.must("site", "renew", "--dir", self.world.site)
        out = self.status("--json").json()["log"]
        self.assertEqual((out["origin"], out["size"], out["quorum"], out["met"], out["expired"], out["waiting"]),
                         (logged.ORIGIN, self.world.size, "2 of (w1, w2, w3)", True, False, False))
        self.assertLess(out["cosigned"], out["heartbeat"])
        self.assertLess(out["heartbeat"], out["expires"])
        self.assertEqual([(w["name"], w["size"], "failure" in w) for w in out["witnesses"]],
                         [(name, self.world.size, False) for name in ("w1", "w2", "w3")])

    def test_a_witness_that_failed_is_told_with_its_reason(self):
        story.must("site", "renew", "--dir", self.world.site)
        self.down(2)
        story.must("site", "renew", "--dir", self.world.site)
        self.assertRegex(self.status().out, "witness w2 +cosigned .* last time: witness 'w2': .*Could.*connect")
        failures = {w["name"]: w.get("failure") for w in self.status("--json").json()["log"]["witnesses"]}
        self.assertIn("w2", failures["w2"])
        self.assertEqual((failures["w1"], failures["w3"]), (None, None))

    def test_what_is_late_is_warned_of_and_what_is_too_old_is_a_no(self):
        story.must("site", "renew", "--dir", self.world.site)
        late = self.status(faketime="+2d")
        self.assertStatus(late, story.GOOD)
        self.assertIn("the quorum cosigned it 2 days ago", late.err)
        old = self.status(faketime="+8d")
        self.assertStatus(old, story.NO)
        self.assertIn("customers do not take that any more", old.err)
        self.assertTrue(self.status("--json", faketime="+8d").json()["log"]["expired"])

    def test_a_quorum_takes_the_time_of_its_oldest(self):
        """Two of three are needed: one witness alone that is fresh does not make the log fresh."""
        story.must("site", "renew", "--dir", self.world.site)
        before = self.status("--json").json()["log"]["cosigned"]
        note = self.world.note
        text, lines = log.split_note(note)
        fresh = log.NoteKey.load("w1.example/witness", self.world.witnesses[0].folder / "key.pem", log.COSIGNER)
        lines = [line for line in lines if not line.startswith(f"{log.DASH} w1.example/")]
        (self.world.public / "log" / "checkpoint").write_text(text + "\n" + "".join(lines) + fresh.line(text, int(log.time.time()) + 200))
        self.assertEqual(self.status("--json").json()["log"]["cosigned"], before)
        (self.world.public / "log" / "checkpoint").write_text(text + "\n" + "".join(lines[:2]))
        lacking = self.status("--json").json()["log"]
        self.assertFalse(lacking["met"])
        self.assertIn("lacks the quorum", lacking["trouble"])
        self.assertIn("lacks the quorum", self.status().err)
        (self.world.public / "log" / "checkpoint").write_text("nothing\n")
        self.assertIn("'public/log/checkpoint'", self.status().err)
        (self.world.public / "log" / "checkpoint").write_text(note)


class Junk(LoggedCase):
    """Entries that no snapshot lists: of a thief who has the log's key and reached its records."""

    def junk(self, *entries):
        """Appended to the site's log as whoever can write to its folder would; the index of the first."""
        first = None
        for entry in entries:
            folders = (self.world.site / "private" / "log", self.world.public / "log")
            done = subprocess.run([TOOL, "append-entry", *folders], input=entry, capture_output=True, check=True, timeout=60)
            first = int(done.stdout) if first is None else first
        return first

    def voids(self):
        return log.lines_of(self.world.entries[-1], "void")

    def known_voids(self):
        return self.voids() if self.world.entries[-1].startswith(b"hallmark/snapshot v1\n") else []

    def test_what_no_snapshot_lists_is_named_void_from_then_on(self):
        before = self.known_voids()
        first = self.junk(b"no entry at all", log.root_entry("globex", 99, b"x"))
        # The timer alone mends it.
        story.must("site", "renew", "--dir", self.world.site)
        self.assertEqual(self.voids(), [*before, (str(first), "2")])
        self.check()
        self.get(self.first, IMAGE)
        # Publish names it too, and what came later.
        second = self.junk(b"more")
        path = self.approved()
        self.world.publish()
        self.assertEqual(self.voids(), [*before, (str(first), "2"), (str(second), "1")])
        self.get(path, self.data)
        story.must("site", "renew", "--force", "--dir", self.world.site)
        self.assertEqual(self.voids(), [*before, (str(first), "2"), (str(second), "1")])

    def test_a_void_entry_never_counts_again(self):
        path = self.approved()
        release = log.release_entry("globex", path.rpartition("/")[0], {"fw.bin": (log.sha256(self.data).hex(), len(self.data))},
                                    {"maker~acme": 99, "release~acme": 99})
        first = self.junk(release)
        snapshot = log.snapshot_entry("globex", (9999, b"forged"), (1, b"root"), (first, 1))
        self.junk(snapshot)
        self.world.publish()
        self.check()
        place = self.world.public / "proofs" / path.rpartition("/")[0]
        genuine = place.read_bytes()
        self.get(path, self.data)  # control
        place.write_bytes(log.where_text(first, first + 1, release, snapshot))
        for _ in range(2):  # it is not forgotten by the next snapshots
            result = self.run_home("get", path, "-o", self.scratch / "forged", "--no-progress")
            self.assertRefused(result, story.NO, "void")
            self.assertFalse((self.scratch / "forged").exists())
            story.must("site", "renew", "--force", "--dir", self.world.site)
        place.write_bytes(genuine)
        self.get(path, self.data)


class Restored(story.Case):
    """An older copy of a site's folder signs nothing, whoever knows of something newer."""

    def setUp(self):
        super().setUp()
        self.world = logged.World(self.scratch / "world")
        self.addCleanup(self.world.close)
        self.world.init()
        self.old = self.scratch / "old"
        shutil.copytree(self.world.site, self.old)
        story.must("site", "renew", "--force", "--dir", self.world.site)

    def restore(self, folder):
        shutil.rmtree(self.world.site / folder)
        shutil.copytree(self.old / folder, self.world.site / folder)

    def refused(self, *words):
        notes = [self.world.note]
        for command in (("renew", "--force"), ("renew",)):
            result = story.hallmark("site", command[0], "--dir", self.world.site, *command[1:])
            self.assertRefused(result, story.NO, *words)
        self.assertEqual([self.world.note], notes)

    def test_private_alone(self):
        self.restore("private")
        self.refused("it is not what this site published last")

    def test_the_logs_records_alone(self):
        self.restore("private/log")
        self.refused("the release log has", "put the newest back")

    def test_all_of_it(self):
        self.restore("private")
        self.restore("public")
        self.refused("witness 'w1' has seen", "older copy")

    def test_the_log_alone_in_both(self):
        self.restore("private/log")
        self.restore("public/log")
        self.restore("public/proofs")
        self.refused("the release log has", "put the newest back")


class Succession(story.Case):
    """The log cannot go on: root closes it, and another begins with all that counts in it."""

    def setUp(self):
        super().setUp()
        self.world = logged.World(self.scratch / "world")
        self.addCleanup(self.world.close)
        self.world.init()
        self.world.cast.init_maker("acme", "Acme Chips")
        self.world.cast.enroll("acme")
        self.first = self.world.approved("1.0", IMAGE)
        self.world.publish()
        self.home = self.world.cast.home
        self.world.cast.trust()
        self.assertGets(self.first, IMAGE)
        self.size = self.world.size
        self.before = self.world.entries

    def assertGets(self, path, data, home=None):
        out = self.scratch / "got"
        out.unlink(missing_ok=True)
        self.assertStatus(story.hallmark("get", path, "-o", out, "--no-progress", home=home or self.home), story.GOOD)
        self.assertEqual(out.read_bytes(), data)

    def wedge(self, extra=93):
        """A thief of the log's key has a size cosigned whose leaves nobody has; the checkpoint."""
        key = log.NoteKey.load(logged.ORIGIN, self.world.site / "private" / "keys" / "log.pem")
        merkle = log.Merkle()
        for entry in [*self.before, *(b"junk %d" % n for n in range(extra))]:
            merkle.add(entry)
        size = self.size + extra
        text = log.checkpoint_text(logged.ORIGIN, size, merkle.root())
        note = text + "\n" + key.line(text)
        for one in self.world.witnesses:
            status, _kind, line = one.process.add(self.size, merkle.consistency(self.size), note)
            self.assertEqual(status, 200)
            note += line.decode()
        return note

    def test_a_wedged_log_is_succeeded(self):
        self.wedge()
        path = self.world.approved("1.1", b"firmware 1.1")
        refused = self.world.try_publish()
        self.assertRefused(refused, story.NO, "witness 'w1' has seen 99 entries", f"this site knows {self.size}", "site rotate log")
        self.assertGets(self.first, IMAGE)
        result = self.world.succeed()
        self.assertIn(f"the log '{logged.ORIGIN}' is closed with {self.size} entries, '{logged.ORIGIN}-2' takes its place", result.out)
        # The witnesses do not know it yet: customers go by the old one meanwhile, in full.
        self.assertRefused(self.world.try_publish(), story.CANNOT_TELL, "witness 'w1'", "waits for witnesses")
        self.assertGets(self.first, IMAGE)
        newcomer = self.scratch / "newcomer"
        self.world.cast.trust(home=newcomer)
        self.assertGets(self.first, IMAGE, newcomer)
        self.assertRefused(self.world.try_publish(), story.CANNOT_TELL, "witness 'w1'")
        self.assertGets(self.first, IMAGE)
        self.introduce()
        self.world.publish()
        self.finished(path)

    def introduce(self):
        """The witnesses learn of the log that the coming root names."""
        vkey = self.world.coming_vkey
        for one in self.world.witnesses:
            one.introduce(vkey)

    def finished(self, path):
        entries = logged.check(self, self.world)
        self.assertEqual(entries[:self.size], self.before)
        self.assertEqual(log.read_checkpoint(self.world.note)[0], f"{logged.ORIGIN}-2")
        closed = self.world.metadata("root")["x-hallmark"]["log"]["closed"]
        merkle = log.Merkle()
        for entry in self.before:
            merkle.add(entry)
        self.assertEqual([(c["size"], c["root"]) for c in closed], [(self.size, merkle.root().hex())])
        newcomer = self.scratch / "late"
        self.world.cast.trust(home=newcomer)
        for home in (self.home, newcomer):
            self.assertGets(self.first, IMAGE, home)
            self.assertGets(path, b"firmware 1.1", home)
        self.assertFalse((self.home / "sites" / "globex" / "evidence").exists())
        # And it goes on.
        third = self.world.approved("1.2", b"firmware 1.2")
        self.world.publish()
        story.must("site", "renew", "--dir", self.world.site)
        self.assertStatus(story.hallmark("site", "status", "--dir", self.world.site), story.GOOD)
        logged.check(self, self.world)
        self.assertGets(third, b"firmware 1.2")

    def test_what_customers_saw_beyond_is_kept_as_evidence(self):
        note = self.wedge()
        kept = self.home / "sites" / "globex" / "log" / "checkpoint"
        kept.write_text(note)
        self.assertStatus(story.hallmark("list", home=self.home), story.NO)  # the site goes back
        path = self.world.approved("1.1", b"firmware 1.1")
        self.world.succeed()
        self.assertStatus(self.world.try_publish(), story.CANNOT_TELL)
        self.introduce()
        self.world.publish()
        self.assertGets(path, b"firmware 1.1")
        self.assertEqual((kept.parent / f"beyond-{self.size + 93}").read_text(), note)

    def test_a_log_whose_key_is_lost_is_succeeded(self):
        (self.world.site / "private" / "keys" / "log.pem").unlink()
        path = self.world.approved("1.1", b"firmware 1.1")
        self.assertRefused(self.world.try_publish(), story.CANNOT_TELL, "the key of the release log", "is not in private/keys", "site rotate log")
        self.world.succeed()
        self.assertStatus(self.world.try_publish(), story.CANNOT_TELL)
        self.introduce()
        self.world.publish()
        self.finished(path)

    def test_a_thiefs_checkpoint_in_public_is_succeeded(self):
        (self.world.public / "log" / "checkpoint").write_text(self.wedge())
        path = self.world.approved("1.1", b"firmware 1.1")
        self.assertRefused(self.world.try_publish(), story.NO, "signed by the log's key for 99 entries that this site does not know")
        self.assertStatus(story.hallmark("site", "status", "--dir", self.world.site), story.GOOD)
        self.world.succeed()
        self.assertStatus(self.world.try_publish(), story.CANNOT_TELL)
        self.introduce()
        self.world.publish()
        self.finished(path)

    def test_junk_is_left_behind(self):
        first = self.size
        folders = (self.world.site / "private" / "log", self.world.public / "log")
        subprocess.run([TOOL, "append-entry", *folders], input=b"junk", capture_output=True, check=True, timeout=60)
        path = self.world.approved("1.1", b"firmware 1.1")
        self.world.succeed("--log-origin", f"{logged.ORIGIN}-2")
        self.assertStatus(self.world.try_publish(), story.CANNOT_TELL)
        self.introduce()
        self.world.publish()
        self.assertEqual(log.lines_of(self.world.entries[-1], "void"), [])
        self.assertNotIn(b"junk", self.world.entries)
        self.assertEqual(self.world.size, first + 3)  # root, release, snapshot
        self.finished(path)

    def test_evidence_of_both_logs(self):
        old, new = self.scratch / "old.evidence", self.scratch / "new.evidence"
        story.must("log", "absent", "acme/nic/9.9", "-o", old, home=self.home)
        self.world.approved("1.1", b"firmware 1.1")
        self.world.succeed()
        self.assertStatus(self.world.try_publish(), story.CANNOT_TELL)
        self.introduce()
        self.world.publish()
        story.must("list", home=self.home)
        story.must("log", "absent", "acme/nic/9.9", "-o", new, home=self.home)
        for file, there, not_there in ((old, f"closed this log with {self.size} entries: what the site published since is in the log "
                                        f"'{logged.ORIGIN}-2'", "earlier log"), (new, "1 earlier log of the site ended", "closed this log")):
            result = story.hallmark("check", file, home=self.home)
            self.assertStatus(result, story.GOOD)
            self.assertIn(there, result.out)
            self.assertNotIn(not_there, result.out)

    def test_refusals(self):
        for options, words in ((("--log-origin", logged.ORIGIN), "names a log that was"), (("--log-origin", "a b"), "cannot name a log"),
                               (("--threshold", "2"), "takes --log-origin alone"), (("--lost",), "takes --log-origin alone")):
            result = story.hallmark("site", "rotate", "log", "--dir", self.world.site, *options)
            self.assertRefused(result, story.USAGE, words)
        self.assertRefused(story.hallmark("site", "rotate", "root", "--dir", self.world.site, "--log-origin", "x"), story.USAGE, "'log' alone")
        keys = sorted((self.world.site / "private" / "keys").iterdir())
        self.world.succeed()
        self.assertRefused(story.hallmark("site", "rotate", "log", "--dir", self.world.site), story.USAGE, "names another log already")
        self.assertEqual(len(sorted((self.world.site / "private" / "keys").glob("*.pem"))), len([k for k in keys if k.suffix == ".pem"]) + 1)


class Large(LoggedCase):
    def intake(self, count):
        folder = self.scratch / f"many-{count}"
        folder.mkdir()
        files = [folder / f"{'n' * 52}{n:03}.rom" for n in range(count)]
        for number, file in enumerate(files):
            file.write_bytes(b"%d" % number)
        maker = f"bulk{count}"
        self.world.cast.init_maker(maker, "Bulk")
        self.world.cast.enroll(maker)
        submission = self.world.cast.submit(maker, "many", f"1.{count}", files)
        return story.hallmark("site", "intake", "--dir", self.world.site, submission)

    def test_a_version_of_too_many_files_is_refused_before_anybody_signs(self):
        self.assertStatus(self.intake(420), story.GOOD)  # control
        self.assertRefused(self.intake(520), story.NO, "bulk520/many/1.520", "520 files", "64 KiB")
        pending = story.must("site", "pending", "--dir", self.world.site, "--json").json()
        self.assertEqual([s["maker"] for s in pending["submissions"]], ["bulk420"])


class States(story.Case):
    def customer(self, cast):
        home = self.scratch / "home"
        if not home.exists():
            cast.trust(home=home)
        return home

    def state(self, cast):
        home = self.customer(cast)
        self.assertStatus(story.hallmark("get", "acme/nic/1.0/fw.bin", "-o", self.scratch / f"got{cast.number}", home=home), story.GOOD)
        return story.must("list", "--json", home=home).json()["sites"][0]["log"]["state"]

    def site(self, cast, **options):
        cast.init_site("globex", **options)
        cast.init_maker("acme", "Acme Chips")
        cast.enroll("acme")
        firmware = self.scratch / "fw.bin"
        firmware.write_bytes(IMAGE)
        cast.release("acme", "nic", "1.0", [firmware])

    def test_a_site_without_a_log_goes_on_and_begins_one(self):
        world = logged.World(self.scratch / "world")
        self.addCleanup(world.close)
        cast = world.cast
        self.site(cast)
        self.assertFalse((cast.public / "log").exists())
        self.assertFalse((cast.public / "proofs").exists())
        self.assertNotIn("log", story.must("site", "status", "--dir", cast.site, "--json").json())
        self.assertNotIn("release log", story.must("site", "status", "--dir", cast.site).out)
        self.assertEqual(self.state(cast), "unlogged")
        # It begins one, with all that was released before; first nobody must see it.
        request = cast.request()
        story.must("site", "witness", "set-policy", self.quorum_none(), "--dir", cast.site, "-o", request)
        cast.attach(request, "root1", "root2")
        story.must("site", "publish", "--dir", cast.site)
        entries = logged.check(self, world, quorum=0)
        self.assertEqual([log.lines_of(e, "path")[0][0] for e in entries if e.startswith(b"hallmark/release v1\n")], ["acme/nic/1.0"])
        self.assertEqual(self.state(cast), "unwitnessed")
        # Then witnesses come.
        world.introduce()
        for one in world.witnesses:
            request = cast.request()
            story.must("site", "witness", "add", one.name, one.vkey, one.url, "--dir", cast.site, "-o", request)
            cast.attach(request, "root1", "root3")
            story.must("site", "publish", "--dir", cast.site)
        logged.check(self, world)
        self.assertEqual(self.state(cast), "witnessed")
        # And one goes.
        request = cast.request()
        story.must("site", "witness", "remove", "w2", "--dir", cast.site, "-o", request)
        cast.attach(request, "root2", "root3")
        story.must("site", "publish", "--dir", cast.site)
        self.assertEqual(self.state(cast), "witnessed")
        self.assertNotIn("\nwitness w2 ", world.metadata("root")["x-hallmark"]["log"]["policy"])

    def quorum_none(self):
        path = self.scratch / "none"
        path.write_text("quorum none\n")
        return path

    def test_by_default_a_site_keeps_a_log_that_nobody_must_see(self):
        cast = story.Cast(self.scratch / "world")
        self.site(cast, log=True)
        self.assertEqual(self.state(cast), "unwitnessed")
        root = json.loads((cast.public / "metadata" / "1.root.json").read_bytes())["signed"]
        self.assertIn(f"log {logged.ORIGIN}+", root["x-hallmark"]["log"]["policy"])

    def test_init_refuses_contradictions(self):
        policy = self.quorum_none()
        cast = story.Cast(self.scratch / "world")
        for options in (("--no-log", "--log-origin", "x"), ("--no-log", "--witness-policy", policy), ("--log-origin", "a b")):
            result = story.hallmark("site", "init", "--dir", self.scratch / "new", "--name", "globex", "--url", "https://firmware.example/",
                                    "--root", cast.pub("a"), "--targets", cast.pub("b"), "--release", cast.pub("c"),
                                    "--recall", cast.pub("d"), "--root-threshold", 1, "--release-threshold", 1, *options)
            self.assertStatus(result, story.USAGE)
            self.assertFalse((self.scratch / "new" / "private" / "format").exists())


if __name__ == "__main__":
    unittest.main()
