# SPDX-License-Identifier: Apache-2.0
"""A site's release log in trouble: junk in it, older copies of the folder, a log that cannot go on, versions that fit no entry."""
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

IMAGE = logged.IMAGE
TOOL = os.environ.get("HALLMARK_TLOG_TOOL", str(story.SOURCE / "build" / "tests" / "tlog_tool"))


class Junk(logged.LoggedCase):
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

    def wedge(self, extra=93, witnesses=None):
        """A thief of the log's key has a size cosigned whose leaves nobody has; the checkpoint."""
        key = log.NoteKey.load(logged.ORIGIN, self.world.site / "private" / "keys" / "log.pem")
        merkle = log.Merkle()
        for entry in [*self.before, *(b"junk %d" % n for n in range(extra))]:
            merkle.add(entry)
        size = self.size + extra
        text = log.checkpoint_text(logged.ORIGIN, size, merkle.root())
        note = text + "\n" + key.line(text)
        for one in witnesses or self.world.witnesses:
            status, _kind, line = one.process.add(self.size, merkle.consistency(self.size), note)
            self.assertEqual(status, 200)
            note += line.decode()
        return note

    def test_what_a_witness_saw_is_not_forgotten_while_it_is_down(self):
        note = self.wedge(witnesses=self.world.witnesses[:1])
        self.world.approved("1.1", b"firmware 1.1")
        before = self.world.note
        self.assertRefused(self.world.try_publish(), story.NO, "witness 'w1' has seen 99 entries")
        self.world.witnesses[0].stop()  # the two others are the quorum
        for command in ("publish", "renew"):
            result = story.hallmark("site", command, "--dir", self.world.site)
            self.assertRefused(result, story.NO, "witness 'w1' has seen 99 entries")
        self.assertEqual(self.world.note, before)
        self.assertNotEqual(note, before)

    def test_one_that_wedges_while_a_publish_waits_goes_back_to_the_backup(self):
        backup = self.scratch / "backup"
        shutil.copytree(self.world.site, backup)
        path = self.world.approved("1.1", b"firmware 1.1")
        proxies = [logged.Lossy(one) for one in self.world.witnesses[:2]]
        try:
            self.assertRefused(self.world.try_publish(), story.CANNOT_TELL, "waits for witnesses")
        finally:
            for proxy in proxies:
                proxy.close()
        for one in self.world.witnesses[:2]:
            one.start()
        self.wedge(witnesses=self.world.witnesses[:2])
        self.assertRefused(self.world.try_publish(), story.NO, "has seen 99 entries")
        self.assertRefused(story.hallmark("site", "rotate", "log", "--dir", self.world.site), story.NO, "a publish waits", "backup")
        self.assertGets(self.first, IMAGE)
        shutil.rmtree(self.world.site)
        shutil.copytree(backup, self.world.site)
        self.world.succeed()
        story.must("site", "intake", "--dir", self.world.site, self.world.cast.root / "acme-nic-1.1.submission")
        request = self.world.cast.request()
        story.must("site", "approve", "--dir", self.world.site, "--all", "-o", request)
        for name in ("release1", "release3"):  # who signed what waited
            out = self.scratch / f"{name}.sig"
            sign = ("sign", request, "--key", self.world.cast.key(name), "-o", out, "--yes", "--home", self.world.cast.root / "signers" / name)
            self.assertRefused(story.hallmark(*sign), story.NO, "never published", "--replace")
            story.must(*sign, "--replace")
            story.must("site", "attach", "--dir", self.world.site, out)
        self.assertRefused(self.world.try_publish(), story.CANNOT_TELL, "waits for witnesses")
        self.introduce()
        self.world.publish()
        self.finished(path)

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


class Large(logged.LoggedCase):
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


if __name__ == "__main__":
    unittest.main()
