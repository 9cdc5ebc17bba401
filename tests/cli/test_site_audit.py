# SPDX-License-Identifier: Apache-2.0
"""A site whose quorum needs an auditor, live: what it publishes has been recomputed, and what an intruder with all online keys adds is not
cosigned, though plain witnesses cosign it."""
import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import logged  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402
import witness  # noqa: E402

IMAGE = b"firmware 1.0 " * 1000


class World(logged.World):
    """Two plain witnesses and an auditor; one of the two and the auditor must cosign."""

    def __init__(self, root):
        super().__init__(root, count=2, quorum=0)
        self.auditor = logged.Witness(root / "auditor", "audit", ["--audit"])
        self.auditor.start()
        self.plain, self.witnesses = list(self.witnesses), [*self.witnesses, self.auditor]
        lines = [f"witness {w.name} {w.vkey} {w.url}" for w in self.witnesses]
        self.policy.write_text("\n".join([*lines, "group plain 1 w1 w2", "group both all plain audit", "quorum both", ""]))

    def introduce_auditor(self, served=None, vkey=None):
        story.must("witness", "log", "add", vkey or self.vkey, "--trust", self.public / "hallmark.trust", "--site", f"file://{served or self.public}",
                   "--dir", self.auditor.folder, "--quiet")


class Audited(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = world = World(cls.root / "world")
        cls.addClassCleanup(world.close)
        world.init(publish=False)
        world.introduce(*world.plain)
        # The first publish waits for the auditor, who gets the trust file meanwhile.
        cls.waiting = world.try_publish()
        cls.timestamp_while_waiting = (world.public / "metadata" / "timestamp.json").exists()
        world.introduce_auditor()
        world.publish()
        world.cast.init_maker("acme", "Acme Chips")
        world.cast.enroll("acme")
        cls.first = world.approved("1.0", IMAGE)
        world.publish()
        world.cast.trust()

    def test_the_first_publish_waits_for_the_auditor(self):
        self.assertStatus(self.waiting, story.CANNOT_TELL)
        self.assertFalse(self.timestamp_while_waiting)
        self.assertIn("audit", self.waiting.err + self.waiting.out)

    def test_publishes_are_audited(self):
        world = self.world
        logged.check(self, world, 3)
        self.assertEqual(world.auditor.seen(), world.size)
        shown = story.must("witness", "show", "--dir", world.auditor.folder, "--json").json()["logs"][0]
        self.assertEqual((shown["audited"], shown["site"]), (world.size, f"file://{world.public}"))
        self.assertIn(f"audited {world.size}", story.must("witness", "show", "--dir", world.auditor.folder).out)
        out = self.scratch / "got"
        self.assertStatus(story.hallmark("get", self.first, "-o", out, "--no-progress", home=world.cast.home), story.GOOD)
        self.assertEqual(out.read_bytes(), IMAGE)

    def test_a_customer_can_demand_the_auditor(self):
        home = self.scratch / "home"
        shutil.copytree(self.world.cast.home, home)
        story.must("trust", "policy", "globex", "--witness", self.world.auditor.vkey, home=home)
        self.assertStatus(story.hallmark("get", self.first, "-o", self.scratch / "got", "--no-progress", home=home), story.GOOD)

    def test_without_the_auditor_nothing_is_published(self):
        world = self.world
        path = world.approved("2.0", b"firmware 2.0 " * 99)
        before = world.timestamp()
        world.auditor.stop()
        try:
            result = world.try_publish()
            self.assertStatus(result, story.CANNOT_TELL)
            self.assertIn("audit", result.err + result.out)
            self.assertEqual(world.timestamp(), before)
        finally:
            world.auditor.start()
        world.publish()
        logged.check(self, world, 3)
        self.assertStatus(story.hallmark("get", path, "-o", self.scratch / "got", "--no-progress", home=world.cast.home), story.GOOD)

    def test_a_new_root_is_audited_before_it_is_in_force(self):
        world, cast = self.world, self.world.cast
        before = max(int(p.name.split(".")[0]) for p in (world.public / "metadata").glob("*.root.json"))
        request = cast.request()
        story.must("site", "rotate", "online", "--dir", world.site, "-o", request)
        cast.attach(request, "root1", "root3")
        world.publish()
        self.assertTrue((world.public / "metadata" / f"{before + 1}.root.json").exists())
        self.assertEqual((world.public / "log" / "roots" / f"{before + 1}.root.json").read_bytes(),
                         (world.public / "metadata" / f"{before + 1}.root.json").read_bytes())
        logged.check(self, world, 3)
        self.assertEqual(world.auditor.seen(), world.size)

    # --- an intruder who holds the site's online keys and the log's ---

    def intruder(self, name):
        """A copy of the tree, and of the auditor, who reads it; what plain witnesses and the auditor answer to the log as it is then."""
        world = self.world
        public = self.scratch / name
        shutil.copytree(world.public, public)
        served = tree.Tree(public)
        key = log.NoteKey.load(log.parse_vkey(world.vkey)[0], world.site / "private" / "keys" / "log.pem")
        self.assertEqual(key.vkey, world.vkey)
        served.log = log.Log(served, key)
        return served

    def online(self):
        ids = json.loads(max((self.world.public / "metadata").glob("*.root.json"), key=lambda p: int(p.name.split(".")[0])).read_bytes())
        wanted = ids["signed"]["roles"]["snapshot"]["keyids"]
        keys = [tree.Key(path) for path in (self.world.site / "private" / "keys").glob("online*.pem")]
        return next(key for key in keys if key.keyid in wanted or key.public in json.dumps({k: ids["signed"]["keys"][k] for k in wanted}))

    def answers(self, served):
        """[status of a plain witness, of the auditor] to the log's newest checkpoint, each a copy of its own."""
        world, statuses = self.world, []
        for one in (world.plain[0], world.auditor):
            folder = Path(self.scratch) / f"copy-{one.name}"
            shutil.rmtree(folder, True)
            shutil.copytree(one.folder, folder)
            copy = logged.Witness.__new__(logged.Witness)
            copy.folder, copy.name, copy.options, copy.process, copy.listen = folder, one.name, one.options, None, "127.0.0.1:0"
            if one is world.auditor:
                story.must("witness", "log", "add", world.vkey, "--trust", world.public / "hallmark.trust", "--site", f"file://{served.public}",
                           "--dir", folder, "--quiet")
            seen = one.seen()
            copy.start()
            try:
                answer = copy.process.add(seen, served.log.merkle.consistency(seen), served.log.note)
                self.why = answer[2].decode()
                statuses.append(answer[0])
            finally:
                copy.stop()
        return statuses

    def lie(self, name, change, words):
        served = self.intruder(name)
        change(served)
        self.assertEqual(self.answers(served), [200, 422], self.why)
        self.assertIn(words, self.why)

    def test_the_control_a_true_snapshot_is_cosigned(self):
        served = self.intruder("true")
        served.reference({}, self.online())
        self.assertEqual(self.answers(served), [200, 200], self.why)

    def test_a_role_that_is_lowered_is_refused(self):
        def lower(served):
            name = "release~acme"
            served.reference({name: served.path(name, served.version(name) - 1).read_bytes()}, self.online())

        self.lie("lowered", lower, "goes back from version")

    def test_a_role_that_is_dropped_is_refused(self):
        self.lie("dropped", lambda served: served.reference({}, self.online(), drop=["maker~acme"]), "is gone")

    def test_a_release_that_nobody_signed_is_refused(self):
        def release(served):
            roles = {name: served.version(name) for name in ("maker~acme", "release~acme")}
            entry = log.release_entry("globex", "acme/nic/9.9", {"fw.bin": ("0" * 64, 1)}, roles)
            served.log = None
            served.reference({}, self.online())
            served.log = log.Log(served, log.NoteKey.load(log.parse_vkey(self.world.vkey)[0], self.world.site / "private" / "keys" / "log.pem"))
            served.log.publish(extra=[entry])

        self.lie("unsigned", release, "snapshot entry")

    def test_a_map_that_does_not_add_up_is_refused(self):
        def other_map(served):
            served.log.map = (b"\1" * 32, 7)
            served.reference({}, self.online())

        self.lie("map", other_map, "another map")

    def test_a_release_named_void_is_refused(self):
        def take_back(served):
            log_, served.log = served.log, None
            served.reference({}, self.online())
            index = next(i for i, e in enumerate(log_.entries) if e.startswith(b"hallmark/release"))
            log_.publish(voids=[(index, 1)])
            served.log = log_

        self.lie("void", take_back, "cosigned some of them as counting")

    def succeeded(self, name, root=None):
        """What the auditor, who knows it from now on, answers to a log that takes the place of this one."""
        served = self.intruder(name)
        root_keys = [tree.Key(self.world.cast.key(k)) for k in ("root1", "root2")]
        other = log.succeed(served, root_keys, self.online(), root=root)
        folder = self.scratch / "auditor"
        shutil.copytree(self.world.auditor.folder, folder)
        story.must("witness", "log", "add", other.key.vkey, "--trust", self.world.public / "hallmark.trust", "--site", f"file://{served.public}",
                   "--dir", folder, "--quiet")
        with witness.Process(folder, options=["--audit"]) as process:
            return process.add(0, [], other.note)

    def test_the_control_a_true_succession_is_cosigned(self):
        status, _kind, line = self.succeeded("succeeded")
        self.assertEqual(status, 200, line)

    def test_a_log_that_does_not_begin_with_what_root_closed_is_refused(self):
        status, _kind, line = self.succeeded("succeeded", log.sha256(b"another"))
        self.assertEqual(status, 422, line)
        self.assertIn(b"does not begin with", line)

    def test_metadata_that_is_missing_is_waited_for(self):
        served = self.intruder("missing")
        served.reference({}, self.online())
        path = served.path("snapshot")
        path.unlink()
        self.assertEqual(self.answers(served), [200, 503], self.why)


class Succession(story.Case):
    """The log is succeeded where the quorum needs the auditor: it audits the other one from its first entry on."""

    def setUp(self):
        super().setUp()
        self.world = world = World(self.scratch / "world")
        self.addCleanup(world.close)
        world.init(publish=False)
        world.introduce(*world.plain)
        self.assertStatus(world.try_publish(), story.CANNOT_TELL)
        world.introduce_auditor()
        world.publish()
        world.cast.init_maker("acme", "Acme Chips")
        world.cast.enroll("acme")
        self.first = world.approved("1.0", IMAGE)
        world.publish()
        world.cast.trust()
        story.must("trust", "policy", "globex", "--witness", world.auditor.vkey, home=world.cast.home)

    def assertGets(self, path):
        out = self.scratch / "got"
        out.unlink(missing_ok=True)
        self.assertStatus(story.hallmark("get", path, "-o", out, "--no-progress", home=self.world.cast.home), story.GOOD)

    def audited(self):
        logs = story.must("witness", "show", "--dir", self.world.auditor.folder, "--json").json()["logs"]
        return {item["origin"]: item["audited"] for item in logs}

    def test_the_auditor_cosigns_the_log_that_succeeds(self):
        world, before, closed = self.world, self.world.entries, self.world.size
        path = world.approved("2.0", b"firmware 2.0 " * 99)
        world.succeed()
        self.assertStatus(world.try_publish(), story.CANNOT_TELL)
        for one in world.plain:
            one.introduce(world.coming_vkey)
        # The plain witnesses alone are no quorum: customers go by the closed log meanwhile.
        self.assertIn("witness 'audit'", world.try_publish().err)
        self.assertGets(self.first)
        world.introduce_auditor(vkey=world.coming_vkey)
        world.publish()
        self.assertEqual(logged.check(self, world, 3)[:closed], before)
        self.assertEqual(self.audited(), {logged.ORIGIN: closed, f"{logged.ORIGIN}-2": world.size})
        self.assertGets(path)
        # It goes on, and so does an auditor that was started again.
        world.auditor.stop()
        world.auditor.start()
        third = world.approved("3.0", b"firmware 3.0 " * 99)
        world.publish()
        logged.check(self, world, 3)
        self.assertGets(third)

    def test_an_auditor_that_comes_with_the_trust_file_of_the_other_log(self):
        """By the newest root, and with nothing known of the closed log."""
        world = self.world
        world.succeed()
        self.assertStatus(world.try_publish(), story.CANNOT_TELL)
        for one in world.plain:
            one.introduce(world.coming_vkey)
        world.introduce_auditor(vkey=world.coming_vkey)
        world.publish()
        late = logged.Witness(self.scratch / "late", "late", ["--audit"])
        self.addCleanup(late.stop)
        late.start()
        story.must("witness", "log", "add", world.vkey, "--trust", world.public / "hallmark.trust", "--site", f"file://{world.public}",
                   "--dir", late.folder, "--quiet")
        status, _kind, line = late.process.add(0, [], world.note)
        self.assertEqual(status, 200, line)

    def test_the_closed_log_is_audited_no_more(self):
        world = self.world
        old, seen, merkle = log.NoteKey.load(logged.ORIGIN, world.site / "private" / "keys" / "log.pem"), world.size, log.Merkle()
        for entry in world.entries:
            merkle.add(entry)
        world.succeed()
        self.assertStatus(world.try_publish(), story.CANNOT_TELL)
        for one in world.plain:
            one.introduce(world.coming_vkey)
        world.introduce_auditor(vkey=world.coming_vkey)
        world.publish()
        # A thief of the old key takes the entries of the new log for his own.
        for entry in world.entries[seen:]:
            merkle.add(entry)
        text = log.checkpoint_text(logged.ORIGIN, world.size, merkle.root())
        status, _kind, line = world.auditor.process.add(seen, merkle.consistency(seen), text + "\n" + old.line(text))
        self.assertEqual(status, 422, line)
        self.assertIn(b"names the log", line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
