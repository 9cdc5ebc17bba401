# SPDX-License-Identifier: Apache-2.0
"""A site's release log with witnesses that run: what is published has been cosigned, or is not published."""
import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import logged  # noqa: E402
import story  # noqa: E402

IMAGE = logged.IMAGE


class Publish(logged.LoggedCase):
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


class NoQuorum(logged.LoggedCase):
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


class Heartbeat(logged.LoggedCase):
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


class Status(logged.LoggedCase):
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
