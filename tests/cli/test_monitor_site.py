# SPDX-License-Identifier: Apache-2.0
"""The monitor at a site that publishes by itself, with witnesses that run: it has nothing to say of anything honest."""
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import logged  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

IMAGE = b"firmware 1.0 " * 1000


class MonitorCase(story.Case):
    def monitor(self, *options, **kwargs):
        return story.hallmark("monitor", "--json", "--grace", "0", *options, home=self.home, **kwargs)

    def alarms(self, result):
        found = [json.loads(line) for line in result.out.splitlines()]
        return [a for a in found if a["schema"] == "hallmark/alarm/1"]

    def told(self, *options, status=story.NO, **kwargs):
        """{(kind, subject)} of one run."""
        result = self.monitor(*options, **kwargs)
        self.assertStatus(result, status)
        return {(a["kind"], a["subject"]) for a in self.alarms(result)}

    def quiet(self, *options, **kwargs):
        self.assertEqual(self.told(*options, status=story.GOOD, **kwargs), set())

    def begin(self, *options):
        """The first look, which tells of the maker that came to the site, of roots that followed, and of nothing else."""
        self.assertIn(self.told(*options), ({("keys", "acme")}, {("keys", "acme"), ("keys", "root")}))
        self.acknowledge()
        self.quiet(*options)

    def acknowledge(self):
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)


class Honest(MonitorCase):
    """One site for the class, which grows from test to test; each has a home of its own, and begins at the log's first entry."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = logged.World(cls.root / "world")
        cls.addClassCleanup(cls.world.close)
        cls.world.init()
        cls.world.cast.init_maker("acme", "Acme Chips")
        cls.world.cast.enroll("acme")
        cls.world.approved("1.0", IMAGE)
        cls.world.publish()
        cls.server = httpd.Server(cls.world.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.world.cast.trust(url=cls.server.url)
        cls.number = 0

    def setUp(self):
        super().setUp()
        self.server.folder = self.world.public
        self.home = self.scratch / "home"
        shutil.copytree(self.world.cast.home, self.home)

    def publish(self):
        type(self).number += 1
        path = self.world.approved(f"2.{self.number}", b"firmware 2.%d " % self.number * 100)
        self.world.publish()
        return path

    def test_releases_heartbeats_and_new_snapshots(self):
        self.begin()
        for _ in range(2):
            self.publish()
            self.quiet()
        story.must("site", "renew", "--dir", self.world.site)
        self.quiet()
        story.must("site", "renew", "--dir", self.world.site, "--force")
        self.quiet()
        self.assertEqual(json.loads(self.monitor().out)["entries"], self.world.size)

    def test_from_the_first_entry_on(self):
        self.publish()
        line = json.loads(self.monitor().out.splitlines()[-1])
        entries = self.world.entries
        self.assertEqual(line["compared"], sum(e.startswith(b"hallmark/snapshot v1\n") for e in entries))
        self.assertEqual((line["entries"], line["complete"]), (len(entries), True))

    def test_a_site_on_this_machine(self):
        shutil.rmtree(self.home)
        self.world.cast.trust(home=self.home)
        self.begin()
        self.publish()
        self.quiet()
        self.assertFalse((self.home / "sites" / "globex" / "monitor" / "log").exists())

    def test_the_makers_own_folder(self):
        folder = self.world.cast.root / "maker-acme"
        self.publish()
        self.begin("--mine", folder)
        self.quiet("--mine", folder)

    def test_a_release_that_the_maker_does_not_know(self):
        path = self.publish()
        mine = self.scratch / "mine"
        lines = [" ".join([image[1], "", f"{log.lines_of(e, 'path')[0][0]}/{image[0]}"]) for e in self.world.entries
                 if e.startswith(b"hallmark/release v1\n") for image in log.lines_of(e, "image")]
        mine.write_text("".join(line + "\n" for line in lines))
        self.begin("--mine", f"acme={mine}")
        mine.write_text("".join(line + "\n" for line in lines if not line.endswith(path)))
        self.assertEqual(self.told("--mine", f"acme={mine}"), {("unknown-release", path.rpartition("/")[0])})

    def test_a_witness_that_is_down_while_the_site_publishes(self):
        self.begin()
        self.world.witnesses[1].stop()
        try:
            self.publish()
            self.assertEqual(self.told(status=story.CANNOT_TELL), set())
        finally:
            self.world.witnesses[1].start()
        self.quiet()

    def test_a_publish_that_waits_for_witnesses(self):
        """One witness has cosigned more than the site shows: no alarm while that may pass."""
        self.begin()
        type(self).number += 1
        self.world.approved(f"2.{self.number}", b"waits" * 100)
        proxies = [logged.Lossy(one) for one in self.world.witnesses[:2]]
        try:
            self.assertStatus(self.world.try_publish(), story.CANNOT_TELL)
        finally:
            for proxy in proxies:
                proxy.close()
            for one in self.world.witnesses[:2]:
                one.start()
        options = ("--grace", "1d")
        self.assertEqual(self.told(*options, status=story.GOOD), set())
        self.assertEqual({kind for kind, _ in self.told()} - {"witness"}, set())
        self.world.publish()
        self.acknowledge()
        self.quiet()

    def test_a_root_with_other_witnesses(self):
        self.begin()
        request = self.world.cast.request()
        one = logged.Witness(self.scratch / "witness4", "w4")
        self.addCleanup(one.stop)
        one.start()
        self.world.introduce(one)
        story.must("site", "witness", "add", one.name, one.vkey, one.url, "--dir", self.world.site, "-o", request)
        self.world.cast.attach(request, "root1", "root2")
        self.world.publish()
        self.assertEqual({kind for kind, _ in self.told()}, {"keys"})
        self.acknowledge()
        self.quiet()
        request = self.world.cast.request()
        story.must("site", "witness", "remove", "w4", "--dir", self.world.site, "-o", request)
        self.world.cast.attach(request, "root1", "root2")
        self.world.publish()
        self.told()

    def test_a_log_forged_with_all_online_keys(self):
        self.begin()
        forged = tree.Tree.copy(self.world.public, self.scratch / "forged")
        key = log.NoteKey.load(logged.ORIGIN, self.world.site / "private" / "keys" / "log.pem")
        self.assertEqual(key.vkey, self.world.vkey)
        forged.log = log.Log(forged, key)
        forged.log.is_whole = True
        self.publish()
        self.quiet()
        online = tree.Key(self.world.site / "private" / "keys" / "online.pem")
        for _ in range(3):
            forged.reference({}, online)
        self.server.folder = forged.public
        self.assertEqual({kind for kind, _ in self.told()}, {"fork"})
        # Who begins with the forged one learns from the witnesses, whom it cannot have asked.
        shutil.rmtree(self.home / "sites" / "globex" / "monitor")
        kinds = {kind for kind, _ in self.told()}
        self.assertIn("fork", kinds)
        self.assertIn("quorum", kinds)


class Running(MonitorCase):
    """A monitor that stays, with what it read in memory, while root changes what it says of the log. It stands still but for the looks that a
    test asks for, so it never looks at half a publish."""

    def setUp(self):
        super().setUp()
        self.world = world = logged.World(self.scratch / "world")
        self.addCleanup(world.close)
        world.init()
        world.cast.init_maker("acme", "Acme Chips")
        world.cast.enroll("acme")
        world.approved("1.0", IMAGE)
        world.publish()
        served = httpd.Server(world.public)
        self.addCleanup(served.__exit__)
        self.home = self.scratch / "home"
        world.cast.trust(home=self.home, url=served.url)
        self.process = subprocess.Popen([story.HALLMARK, "monitor", "--json", "--grace", "0", "--every", "2s", "--home", self.home],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end)
        self.assertEqual(self.look(going=False), {("keys", "acme")})

    def end(self):
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()

    def look(self, going=True):
        """What the next look tells, which is complete, and has all that the log has."""
        told = set()
        if going:
            self.process.send_signal(signal.SIGCONT)
        for line in map(json.loads, self.process.stdout):
            if line["schema"] == "hallmark/monitor/1":
                break
            told.add((line["kind"], line["subject"]))
        self.process.send_signal(signal.SIGSTOP)
        self.assertEqual((line["complete"], line["entries"]), (True, self.world.size), line)
        return told

    def test_a_log_that_is_succeeded(self):
        world = self.world
        world.approved("1.1", b"firmware 1.1 " * 99)
        world.succeed()
        self.assertStatus(world.try_publish(), story.CANNOT_TELL)
        self.assertEqual(self.look(), set())
        for one in world.witnesses:
            one.introduce(world.coming_vkey)
        world.publish()
        self.assertEqual(self.look(), {("log", f"{logged.ORIGIN}-2"), ("keys", "root")})
        world.approved("1.2", b"firmware 1.2 " * 99)
        world.publish()
        self.assertEqual(self.look(), set())
        # Who begins now follows the other log from its first entry on.
        shutil.rmtree(self.home / "sites" / "globex" / "monitor")
        self.end()
        self.assertEqual(self.told(), {("keys", "acme"), ("keys", "root")})

    def test_other_witnesses_in_the_place_of_all_that_were(self):
        world = self.world
        others = [logged.Witness(self.scratch / name, name) for name in ("w8", "w9")]
        for one in others:
            self.addCleanup(one.stop)
            one.start()
        world.introduce(*others)
        for one in world.witnesses:
            one.stop()
        policy, request = self.scratch / "policy", world.cast.request()
        policy.write_text(logged.policy(others, 2))
        story.must("site", "witness", "set-policy", policy, "--dir", world.site, "-o", request)
        world.cast.attach(request, "root1", "root2")
        world.publish()
        self.assertEqual(self.look(), {("keys", "root")})


class Late(MonitorCase):
    def test_a_site_that_began_its_log_late(self):
        world = logged.World(self.scratch / "world")
        self.addCleanup(world.close)
        cast = world.cast
        cast.init_site("globex")
        cast.init_maker("acme", "Acme Chips")
        cast.enroll("acme")
        firmware = self.scratch / "fw.bin"
        firmware.write_bytes(IMAGE)
        cast.release("acme", "nic", "1.0", [firmware])
        self.home = self.scratch / "home"
        cast.trust(home=self.home)
        self.assertStatus(self.monitor(), story.CANNOT_TELL)
        none = self.scratch / "none"
        none.write_text("quorum none\n")
        request = cast.request()
        story.must("site", "witness", "set-policy", none, "--dir", cast.site, "-o", request)
        cast.attach(request, "root1", "root2")
        story.must("site", "publish", "--dir", cast.site)
        self.quiet()
        firmware.write_bytes(IMAGE * 2)
        cast.release("acme", "nic", "1.1", [firmware])
        self.quiet("--mine", self.sums(cast))

    def sums(self, cast):
        path = self.scratch / "mine"
        lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.parent.relative_to(cast.public / 'targets')}/{p.name.partition('.')[2]}\n"
                 for p in (cast.public / "targets").rglob("*") if p.is_file()]
        path.write_text("".join(lines))
        return f"acme={path}"


if __name__ == "__main__":
    unittest.main()
