# SPDX-License-Identifier: Apache-2.0
"""The monitor: each thing that it alarms on made to happen, by an intruder who holds all online keys, beside its control."""
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import hook  # noqa: E402
import log  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

AT_ONCE = ("--grace", "0")


class MonitorCase(story.Case):
    """A site whose log is as it must be, three witnesses on loopback, and a customer who watches."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.public = tree.Tree(cls.cast.public)
        cls.witnesses = [log.Witness(f"witness.example/w{n}") for n in (1, 2, 3)]
        origin = "firmware.example/globex/log"
        cls.log_key = log.NoteKey(origin)
        cls.servers = [log.WitnessServer(w, {origin: cls.log_key.vkey}) for w in cls.witnesses]
        for server in cls.servers:
            cls.addClassCleanup(server.__exit__)
        cls.urls = {w.vkey: s.url for w, s in zip(cls.witnesses, cls.servers)}
        cls.root_keys = [tree.Key(cls.cast.key(k)) for k in ("root1", "root2")]
        cls.log = log.begin(cls.public, "globex", cls.root_keys, key=cls.log_key, witnesses=cls.witnesses, quorum=2,
                            origin=origin, urls=cls.urls, is_whole=True)
        cls.online = tree.Key(cls.cast.site / "private" / "keys" / "online.pem")
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(url=cls.server.url)

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)
        self.tree = tree.Tree.copy(self.cast.public, self.scratch / "public")
        self.tree.log = log.Log(self.tree, self.log.key, [w.copy() for w in self.witnesses])
        self.tree.log.is_whole = True
        for server, witness in zip(self.servers, self.tree.log.witnesses):
            server.witness, server.heads = witness, {}
        self.server.folder, self.server.rules = self.tree.public, {}
        self.folder = self.home / "sites" / "globex" / "monitor"

    def monitor(self, *options, **kwargs):
        return story.hallmark("monitor", "--json", *options, home=self.home, **kwargs)

    def alarms(self, result):
        """What was told: [(kind, subject)]."""
        found = [json.loads(line) for line in result.out.splitlines()]
        return [a for a in found if a["schema"] == "hallmark/alarm/1"]

    def kinds(self, result):
        return [a["kind"] for a in self.alarms(result)]

    def quiet(self, *options, **kwargs):
        result = self.monitor(*options, **kwargs)
        self.assertEqual(self.alarms(result), [])
        self.assertStatus(result, story.GOOD)
        return result

    def alarmed(self, kind, *words, options=AT_ONCE, subject=None):
        """One run that tells of this kind alone; the next tells nothing, and its exit status still does."""
        result = self.monitor(*options)
        self.assertStatus(result, story.NO)
        self.assertEqual(set(self.kinds(result)), {kind}, result.out)
        text = "\n".join(a["text"] for a in self.alarms(result))
        for word in words:
            self.assertIn(word, text)
        if subject is not None:
            self.assertIn(subject, [a["subject"] for a in self.alarms(result)])
        again = self.monitor(*options)
        self.assertEqual(self.alarms(again), [], "told twice")
        self.assertStatus(again, story.NO)
        return self.alarms(result)

    def keys(self, *names):
        return [tree.Key(self.cast.key(k)) for k in names]

    def release(self, path="acme/e1000/1.22.0/new.rom", data=b"new firmware " * 100, **options):
        """A new release that everybody signs, as log.Log publishes it."""
        maker = tree.next_version(self.tree.load("maker~acme")["signed"])
        release = tree.next_version(self.tree.load("release~acme")["signed"])
        release["targets"][path] = self.tree.add_target(maker, path, data)
        documents = {"maker~acme": self.tree.store("maker~acme", maker, self.keys("acme1", "acme2")),
                     "release~acme": self.tree.store("release~acme", release, self.keys("release1", "release2"))}
        self.put(documents, **options)
        return path

    def put(self, documents, **options):
        site_log, self.tree.log = self.tree.log, None
        self.tree.reference(documents, self.online)
        self.tree.log = site_log
        site_log.publish(**options)

    def snapshot(self, logged=True):
        site_log = self.tree.log
        self.tree.log = site_log if logged else None
        self.tree.reference({}, self.online)
        self.tree.log = site_log


class Controls(MonitorCase):
    def test_an_honest_site_is_quiet(self):
        self.quiet(*AT_ONCE)
        for number in range(3):
            self.release(f"acme/e1000/1.22.{number}/new.rom")
            result = self.quiet(*AT_ONCE)
            self.assertEqual(json.loads(result.out)["compared"], 1)

    def test_a_first_look_compares_everything(self):
        for number in range(3):
            self.release(f"acme/e1000/1.22.{number}/new.rom")
        line = json.loads(self.quiet(*AT_ONCE).out)
        self.assertEqual((line["compared"], line["entries"], line["complete"]), (4, self.tree.log.size, True))

    def test_a_log_past_a_tile_is_followed_and_its_tiles_are_kept(self):
        for number in range(6):
            self.put({}, extra=[log.root_entry("globex", 1, b"junk %d" % n) for n in range(50)], voids=[(self.tree.log.size, 50)])
        self.monitor(*AT_ONCE)
        self.assertTrue((self.folder / "log" / "tile" / "entries" / "000").is_file())
        self.server.requests.clear()
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.release()
        self.quiet(*AT_ONCE)
        self.assertNotIn("/log/tile/entries/000", self.server.requests)

    def test_a_tile_that_rotted_on_the_disk_is_got_again(self):
        for number in range(6):
            self.put({}, extra=[log.root_entry("globex", 1, b"junk %d" % n) for n in range(50)], voids=[(self.tree.log.size, 50)])
        self.monitor(*AT_ONCE)
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        tile = self.folder / "log" / "tile" / "entries" / "000"
        whole = tile.read_bytes()
        tile.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.quiet(*AT_ONCE)
        self.assertEqual(tile.read_bytes(), whole)


class Releases(MonitorCase):
    def sums(self, *more):
        path = self.scratch / "mine"
        lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in more]
        for entry in self.tree.log.entries:
            if entry.startswith(b"hallmark/release v1") and b"\npath acme/" in entry:
                release = log.lines_of(entry, "path")[0][0]
                lines += [f"{sha} *{release}/{name}\n" for name, sha, _length in log.lines_of(entry, "image")]
        path.write_text("# all that acme ever released\n\n" + "".join(lines))
        return path

    def test_a_release_that_the_maker_does_not_list(self):
        mine = self.sums()
        self.quiet("--mine", f"acme={mine}", *AT_ONCE)
        self.release("acme/e1000/6.6.6/evil.rom")
        self.alarmed("unknown-release", "6.6.6", "does not have it", options=("--mine", f"acme={mine}", *AT_ONCE), subject="acme/e1000/6.6.6")

    def test_a_release_that_the_maker_lists(self):
        data = b"genuine " * 50
        mine = self.sums(("acme/e1000/1.22.0/new.rom", data))
        self.quiet("--mine", f"acme={mine}", *AT_ONCE)
        self.release("acme/e1000/1.22.0/new.rom", data)
        self.quiet("--mine", f"acme={mine}", *AT_ONCE)

    def test_a_release_with_other_bytes_than_the_maker_lists(self):
        mine = self.sums(("acme/e1000/1.22.0/new.rom", b"genuine"))
        self.release("acme/e1000/1.22.0/new.rom", b"evil")
        self.alarmed("unknown-release", "other bytes", options=("--mine", f"acme={mine}", *AT_ONCE))

    def test_a_list_that_comes_later_is_compared_with_all_there_was(self):
        self.release("acme/e1000/6.6.6/evil.rom")
        self.quiet(*AT_ONCE)
        empty = self.scratch / "mine"
        empty.write_text("")
        result = self.monitor("--mine", f"acme={empty}", *AT_ONCE)
        self.assertGreater(len(self.alarms(result)), 1)
        self.assertEqual(set(self.kinds(result)), {"unknown-release"})

    def test_the_makers_folder_is_his_list(self):
        folder = self.cast.root / "maker-acme"
        self.quiet("--mine", folder, *AT_ONCE)
        self.release("acme/e1000/6.6.6/evil.rom")
        self.alarmed("unknown-release", "6.6.6", options=("--mine", folder, *AT_ONCE))

    def test_bad_lists_are_refused(self):
        path = self.scratch / "mine"
        for text in ("x\n", "0" * 64 + "\n", "0" * 64 + " name\n", "0" * 64 + "  other/e1000/1/x\n", "0" * 64 + "  acme/e1000/1/x",
                     "0" * 63 + "g  acme/e1000/1/x\n", "0" * 64 + "  acme/../1/x\n"):
            path.write_text(text)
            self.assertStatus(self.monitor("--mine", f"acme={path}"), story.CANNOT_TELL)
        for spec in (str(path), "acme=/does/not/exist", "ACME=" + str(path)):
            self.assertNotEqual(self.monitor("--mine", spec).status, story.GOOD)

    def test_a_version_that_is_used_again(self):
        path = self.release("acme/e1000/1.22.0/new.rom")
        self.quiet(*AT_ONCE)
        entry = log.release_entry("globex", path.rpartition("/")[0], {"new.rom": (hashlib.sha256(b"evil").hexdigest(), 4)},
                                  {r: self.tree.version(r) for r in ("maker~acme", "release~acme")})
        self.put({}, extra=[entry])
        result = self.monitor(*AT_ONCE)
        self.assertIn("reused", self.kinds(result))
        self.assertStatus(result, story.NO)

    def test_a_release_that_the_roles_do_not_list(self):
        self.put({}, extra=[log.release_entry("globex", "acme/e1000/6.6.6", {"evil.rom": ("ab" * 32, 4)},
                                              {r: self.tree.version(r) for r in ("maker~acme", "release~acme")})])
        self.alarmed("unlisted", "6.6.6")

    def test_a_release_that_the_log_lacks(self):
        path = "acme/e1000/6.6.6/evil.rom"
        self.release(path, releases=False)
        self.alarmed("unlogged", "6.6.6")


class Metadata(MonitorCase):
    def test_keys_that_change(self):
        targets = tree.next_version(self.tree.load("targets")["signed"])
        new = tree.Key()
        role = next(r for r in targets["delegations"]["roles"] if r["name"] == "release~acme")
        targets["delegations"]["keys"][new.keyid] = new.tuf
        role["keyids"] = sorted([*role["keyids"], new.keyid])
        self.put({"targets": self.tree.store("targets", targets, self.keys("targets1", "targets2"))})
        found = self.alarmed("keys", "release~acme")
        self.assertEqual({a["severity"] for a in found}, {"notice"})

    def test_a_later_end_and_nothing_else(self):
        self.quiet(*AT_ONCE)
        release = tree.next_version(self.tree.load("release~acme")["signed"])
        self.put({"release~acme": self.tree.store("release~acme", release, self.keys("release1", "release2"))})
        self.alarmed("expiry", "release~acme")

    def test_metadata_that_is_not_served(self):
        self.release()
        name = self.tree.path("release~acme")
        raw = name.read_bytes()
        for path in name.parent.glob(name.name + "*"):
            path.unlink()
        self.quiet("--grace", "1d")
        self.quiet("--grace", "1d")
        self.alarmed("missing", "release~acme")
        name.write_bytes(raw)
        again = self.monitor(*AT_ONCE)
        self.assertEqual(self.alarms(again), [])
        listed = story.hallmark("monitor", "--list", "--json", home=self.home)
        self.assertTrue(all("ended" in json.loads(line) for line in listed.out.splitlines()))
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.quiet(*AT_ONCE)

    def test_metadata_that_comes_late_is_compared_then(self):
        self.put({}, extra=[log.release_entry("globex", "acme/e1000/6.6.6", {"evil.rom": ("ab" * 32, 4)},
                                              {r: self.tree.version(r) for r in ("maker~acme", "release~acme")})])
        name = self.tree.path("snapshot")
        raw = name.read_bytes()
        for path in name.parent.glob(name.name + "*"):
            path.unlink()
        self.quiet("--grace", "1d")
        name.write_bytes(raw)
        self.alarmed("unlisted", "6.6.6")

    def test_what_was_compared_last_is_gone(self):
        """Nothing to compare with: no false alarm, and nothing passes as compared, until that is back or acknowledged."""
        self.quiet(*AT_ONCE)
        name = self.tree.path("snapshot")
        raw = name.read_bytes()
        self.release()
        for path in name.parent.glob(name.name + "*"):
            path.unlink()
        self.assertEqual(json.loads(self.quiet("--grace", "1d").out)["compared"], 0)
        self.alarmed("missing", "which was good, is not served as it was")
        name.write_bytes(raw)
        again = self.monitor(*AT_ONCE)
        self.assertEqual((self.alarms(again), json.loads(again.out)["compared"]), ([], 1))
        for path in name.parent.glob(name.name + "*"):
            path.unlink()
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.quiet(*AT_ONCE)

    def test_what_was_compared_last_is_gone_for_ever(self):
        self.quiet(*AT_ONCE)
        name = self.tree.path("snapshot")
        self.release()
        for path in name.parent.glob(name.name + "*"):
            path.unlink()
        self.alarmed("missing")
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.assertEqual(json.loads(self.quiet(*AT_ONCE).out)["compared"], 1)
        self.release(releases=False, path="acme/e1000/1.23.0/new.rom")
        self.alarmed("unlogged", "1.23.0")

    def test_metadata_that_is_another(self):
        self.release()
        name = self.tree.path("release~acme")
        name.write_bytes(name.read_bytes().replace(b"new.rom", b"bad.rom"))
        for path in name.parent.glob(name.name + ".gz"):
            path.unlink()
        result = self.monitor(*AT_ONCE)
        self.assertStatus(result, story.NO)
        self.assertIn("false", self.kinds(result))

    def test_a_role_that_goes_back(self):
        old = self.tree.load("snapshot")["signed"]["meta"]["release~acme.json"]
        self.release()
        self.quiet(*AT_ONCE)
        snapshot = self.tree.load("snapshot")["signed"]
        snapshot["meta"]["release~acme.json"] = old
        snapshot["version"] += 1
        raw = self.tree.store("snapshot", snapshot, [self.online])
        timestamp = self.tree.load("timestamp")["signed"]
        timestamp["version"] += 1
        timestamp["meta"] = {"snapshot.json": tree.facts(raw)}
        self.tree.store("timestamp", timestamp, [self.online])
        self.tree.log.publish()
        result = self.monitor(*AT_ONCE)
        self.assertIn("rollback", self.kinds(result))

    def test_a_key_that_is_denied(self):
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", self.cast.pub("release1"), "-outform", "DER"], capture_output=True,
                             check=True).stdout
        deny = self.scratch / "deny"
        deny.write_text(f"# stolen\n{hashlib.sha256(b'another').hexdigest()}\n")
        self.quiet("--deny", deny, *AT_ONCE)
        deny.write_text(f"{hashlib.sha256(der).hexdigest()}  release1.pub\n")
        shutil.rmtree(self.folder)
        self.alarmed("test-key", options=("--deny", deny, *AT_ONCE))

    def test_a_map_that_the_entries_do_not_add_up_to(self):
        self.tree.log.is_whole = False
        self.tree.log.map = (b"\1" * 32, 7)
        self.release()
        self.alarmed("false", "map")

    def test_an_entry_that_nobody_can_read(self):
        self.put({}, extra=[b"hallmark/surprise v1\n", b"\xff\xfe"])
        self.alarmed("unreadable")

    def test_entries_that_are_void(self):
        self.tree.log.append(b"junk\n")
        self.put({}, voids=[(self.tree.log.size - 1, 1)])
        result = self.monitor(*AT_ONCE)
        self.assertIn("taken-back", self.kinds(result))


class Views(MonitorCase):
    """Somebody is shown something else."""

    def fork(self):
        """Another log of the same key, as long as the first, that agrees with it up to now."""
        other = tree.Tree.copy(self.tree.public, self.scratch / "other")
        other.log = log.Log(other, self.log.key, [w.copy() for w in self.tree.log.witnesses])
        other.log.is_whole = True
        mine, self.tree = self.tree, other
        self.release("acme/e1000/6.6.6/evil.rom")
        self.tree = mine
        return other

    def evidence_holds(self):
        """Whoever has the trust file and nothing else sees that the log has forked."""
        (file,) = (self.folder / "evidence").iterdir()
        result = story.hallmark("check", file, "--trust", self.cast.public / "hallmark.trust", home=self.scratch / "nobody")
        self.assertStatus(result, story.GOOD)

    def test_a_log_that_forks(self):
        other = self.fork()
        self.release()
        self.quiet(*AT_ONCE)
        self.server.folder = other.public
        self.alarmed("fork", "forked")
        self.evidence_holds()

    def test_a_log_that_forks_and_is_longer(self):
        other = self.fork()
        self.release()
        self.quiet(*AT_ONCE)
        mine, self.tree = self.tree, other
        self.release("acme/e1000/6.6.7/evil.rom")
        self.server.folder = self.tree.public
        self.alarmed("fork", "forked")
        self.evidence_holds()

    def test_a_log_that_forks_and_is_shorter(self):
        other = self.fork()
        self.release()
        self.release("acme/e1000/1.23.0/new.rom")
        self.quiet(*AT_ONCE)
        # Its own tiles are still there to be read: the shorter checkpoint alone is another.
        (self.tree.public / "log" / "checkpoint").write_text(other.log.note)
        self.alarmed("fork", "forked")
        self.evidence_holds()

    def test_a_log_that_goes_back(self):
        old = tree.Tree.copy(self.tree.public, self.scratch / "old")
        self.release()
        self.quiet(*AT_ONCE)
        self.server.folder = old.public
        self.assertEqual(self.kinds(self.monitor("--grace", "1d")), [])
        self.alarmed("rollback", "goes back")
        self.server.folder = self.tree.public
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.quiet(*AT_ONCE)

    def test_a_witness_that_was_shown_another_tree(self):
        other = self.fork()
        self.release()
        self.servers[1].witness = other.log.witnesses[1]
        self.alarmed("fork", "witness", subject="witness.example/w2")
        self.evidence_holds()

    def test_a_witness_that_was_shown_another_and_larger_tree(self):
        """The tiles of that tree are served, as by a site that shows the two by turns."""
        other = self.fork()
        mine, self.tree = self.tree, other
        self.release("acme/e1000/6.6.7/evil.rom")
        self.tree = mine
        self.release()
        self.servers[1].witness = other.log.witnesses[1]
        for path in (other.public / "log" / "tile").rglob("*"):
            to = self.tree.public / "log" / path.relative_to(other.public / "log")
            if path.is_file() and not to.exists():
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)
        self.alarmed("fork", "witness", subject="witness.example/w2")
        self.evidence_holds()

    def test_a_witness_that_has_seen_more(self):
        self.release()
        shown = tree.Tree.copy(self.tree.public, self.scratch / "shown")
        self.release("acme/e1000/1.23.0/new.rom")
        self.server.folder = shown.public
        self.assertEqual(self.kinds(self.monitor("--grace", "1d")), [])
        self.alarmed("witness", "has cosigned")
        self.server.folder = self.tree.public
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.quiet(*AT_ONCE)

    def test_a_witness_whose_key_is_another(self):
        origin = self.log_key.name
        self.servers[0].heads[origin] = log.split_note(self.tree.log.note)[0] + "\n" + log.split_note(self.tree.log.note)[1][0]
        self.alarmed("witness", "not cosigned by its own key")

    def test_a_witness_that_is_down_is_no_alarm(self):
        self.tree.log.witnesses[0].is_down = True
        result = self.monitor(*AT_ONCE)
        self.assertEqual(self.alarms(result), [])
        self.assertStatus(result, story.CANNOT_TELL)
        self.assertIn("w1", result.err)

    def test_a_special_snapshot(self):
        self.snapshot(logged=False)
        self.assertEqual(self.kinds(self.monitor("--grace", "1d")), [])
        self.alarmed("unlogged", "snapshot")

    def test_a_special_snapshot_of_the_same_version(self):
        genuine = tree.Tree.copy(self.tree.public, self.scratch / "genuine")
        self.snapshot(logged=False)
        genuine.log = self.tree.log
        mine, self.tree = self.tree, genuine
        self.tree.log.tree, self.tree.log.folder, self.tree.log.proofs = genuine, genuine.public / "log", genuine.public / "proofs"
        expires = self.tree.load("snapshot")["signed"]["expires"]
        snapshot = self.tree.load("snapshot")["signed"]
        self.assertTrue(expires)
        self.snapshot()
        (self.tree.public / "metadata" / "timestamp.json").write_bytes((mine.metadata / "timestamp.json").read_bytes())
        del snapshot
        # The two snapshots have the same content and the same signature, for Ed25519 has no chance in it: make another.
        other = mine.load("snapshot")["signed"]
        other["expires"] = "2098-01-01T00:00:00Z"
        raw = mine.store("snapshot", other, [self.online])
        timestamp = mine.load("timestamp")["signed"]
        timestamp["meta"] = {"snapshot.json": tree.facts(raw)}
        mine.store("timestamp", timestamp, [self.online])
        (self.tree.public / "metadata" / "timestamp.json").write_bytes((mine.metadata / "timestamp.json").read_bytes())
        self.server.folder = self.tree.public
        self.alarmed("unlogged", "made for some alone", options=("--grace", "1d"))

    def test_a_proof_that_is_not_served(self):
        path = self.release()
        (self.tree.public / "proofs" / path.rpartition("/")[0]).unlink()
        self.quiet("--grace", "1d")
        self.alarmed("missing", "cannot prove")

    def test_a_proof_that_is_wrong(self):
        path = self.release()
        place = self.tree.public / "proofs" / path.rpartition("/")[0]
        place.write_bytes(place.read_bytes().replace(b"new.rom", b"bad.rom"))
        self.alarmed("pages", "is not what the log has")

    def test_the_newest_proof_is_not_served(self):
        (self.tree.public / "proofs" / "latest.tlog-proof").unlink()
        self.quiet("--grace", "1d")
        self.alarmed("missing", "latest.tlog-proof")

    def test_the_newest_proof_lags(self):
        old = (self.tree.public / "proofs" / "latest.tlog-proof").read_bytes()
        self.release()
        (self.tree.public / "proofs" / "latest.tlog-proof").write_bytes(old)
        self.quiet("--grace", "1d")
        self.alarmed("pages", "older than the log")

    def test_tiles_that_are_not_the_logs(self):
        self.release()
        for tile in (self.tree.public / "log" / "tile" / "entries").rglob("*"):
            if tile.is_file():
                tile.write_bytes(tile.read_bytes().replace(b"new.rom", b"bad.rom"))
        self.alarmed("false", "not what the log's tree has there")

    def test_a_checkpoint_of_another_key(self):
        other = log.NoteKey(self.log_key.name)
        text = log.split_note(self.tree.log.note)[0]
        (self.tree.public / "log" / "checkpoint").write_text(text + "\n" + other.line(text))
        self.alarmed("false")

    def test_no_log_at_all(self):
        self.quiet(*AT_ONCE)
        log.drop(self.tree)
        self.assertStatus(self.monitor("--grace", "1d"), story.CANNOT_TELL)
        self.alarmed("missing", "checkpoint")

    def test_too_few_cosignatures(self):
        for witness in self.tree.log.witnesses[:2]:
            witness.is_down = True
        self.release()
        for witness in self.tree.log.witnesses[:2]:
            witness.is_down = False
        self.alarmed("quorum")


class Successions(MonitorCase):
    """Root closes the log, and names another that takes its place."""

    def succeed(self, size, root=None):
        """The other log begins with size entries of this one; root: that it is closed with, where that is another one."""
        other = log.succeed(self.tree, self.root_keys, self.online, 2, self.urls, size, root)
        for server in self.servers:
            server.logs[other.key.name] = other.key.vkey

    def test_a_log_that_is_succeeded(self):
        self.release()
        self.quiet(*AT_ONCE)
        self.release("acme/e1000/1.23.0/new.rom")  # after the last look
        self.succeed(self.tree.log.size)
        result = self.monitor(*AT_ONCE)
        self.assertEqual([(a["kind"], a["subject"]) for a in self.alarms(result)], [("log", self.tree.log.key.name), ("keys", "root")])
        self.assertFalse((self.folder / "evidence").exists())
        self.release("acme/e1000/1.24.0/new.rom")
        self.assertEqual(self.kinds(self.monitor(*AT_ONCE)), [])

    def test_what_was_seen_beyond_the_end_is_told_and_kept(self):
        size = self.tree.log.size
        self.release()
        note, seen = self.tree.log.note, self.tree.log.size
        old = self.tree.log.key.name
        self.quiet(*AT_ONCE)
        self.succeed(size)
        told = [a for a in self.alarms(self.monitor(*AT_ONCE)) if a["subject"] == old]
        self.assertEqual([a["kind"] for a in told], ["log"])
        self.assertIn(f"closed it with {size} entries, and it was seen with {seen}", told[0]["text"])
        self.assertEqual((self.folder / "evidence" / f"beyond-{seen}").read_text(), note)

    def test_a_log_that_does_not_begin_with_what_root_closed(self):
        self.quiet(*AT_ONCE)
        seen = self.tree.log.size
        self.release()  # which this monitor did not see in the closed log
        self.succeed(seen, root=log.sha256(b"another"))
        text = (f"the log '{self.tree.log.key.name}' does not begin with the {seen} entries with which root closed the log "
                f"'{self.log.key.name}'")
        self.assertIn(("fork", text), [(a["kind"], a["text"]) for a in self.alarms(self.monitor(*AT_ONCE))])
        shutil.rmtree(self.folder)
        self.assertEqual(self.kinds(self.monitor(*AT_ONCE)), ["fork"])


class Mirrors(MonitorCase):
    def setUp(self):
        super().setUp()
        self.mirror = tree.Tree.copy(self.tree.public, self.scratch / "mirror")
        self.second = httpd.Server(self.mirror.public)
        self.addCleanup(self.second.__exit__)
        story.must("trust", "policy", "globex", "--mirror", self.second.url, home=self.home)

    def follow(self):
        shutil.rmtree(self.mirror.public)
        shutil.copytree(self.tree.public, self.mirror.public)

    def test_a_mirror_that_has_the_same(self):
        self.quiet(*AT_ONCE)
        self.release()
        self.follow()
        self.quiet(*AT_ONCE)

    def test_a_mirror_that_lags(self):
        self.release()
        self.quiet("--grace", "1d")
        self.alarmed("pages", "older")
        self.follow()
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.quiet(*AT_ONCE)

    def test_a_mirror_with_another_log(self):
        self.mirror.log = log.Log(self.mirror, self.log.key, [])
        self.mirror.log.is_whole = True
        mine, self.tree = self.tree, self.mirror
        self.release("acme/e1000/6.6.6/evil.rom")
        self.tree = mine
        self.release()
        result = self.monitor(*AT_ONCE)
        self.assertIn("fork", self.kinds(result))
        (file,) = (self.folder / "evidence").iterdir()
        self.assertStatus(story.hallmark("check", file, "--trust", self.cast.public / "hallmark.trust", home=self.scratch / "nobody"), story.GOOD)

    def test_a_mirror_with_another_snapshot(self):
        name = self.mirror.path("snapshot")
        name.write_bytes(name.read_bytes() + b"\n")
        for path in name.parent.glob(name.name + ".gz"):
            path.unlink()
        self.alarmed("pages", "not the one that the log names")

    def test_a_mirror_of_images_alone(self):
        shutil.rmtree(self.mirror.metadata)
        log.drop(self.mirror)
        self.quiet(*AT_ONCE)

    def test_a_mirror_that_is_down(self):
        self.second.__exit__()
        result = self.monitor(*AT_ONCE)
        self.assertEqual(self.alarms(result), [])
        self.assertStatus(result, story.CANNOT_TELL)
        self.second = httpd.Server(self.mirror.public)


class Age(MonitorCase):
    def test_cosignatures_that_grow_old(self):
        self.quiet(*AT_ONCE)
        self.quiet(*AT_ONCE, faketime="+20h")
        result = self.monitor(*AT_ONCE, faketime="+30h")
        self.assertEqual(self.kinds(result), ["stale"])
        self.assertStatus(result, story.NO)
        self.assertStatus(self.monitor(*AT_ONCE, "--stale", "0", faketime="+30h"), story.NO)  # nobody has seen to it

    def test_a_site_that_falls_silent(self):
        self.quiet(*AT_ONCE)
        self.server.rules = {}
        closed = self.server.folder
        self.server.folder = self.scratch / "nothing"
        self.server.folder.mkdir()
        result = self.monitor(*AT_ONCE, faketime="+30h")
        self.assertIn("stale", self.kinds(result))
        self.server.folder = closed

    def test_a_witness_whose_clock_is_ahead_hides_no_silence(self):
        self.tree.log.witnesses[0].when = int(time.time()) + 10 * 365 * 86400
        self.tree.log.heartbeat()
        self.quiet(*AT_ONCE)
        closed, self.server.folder = self.server.folder, self.scratch / "nothing"
        self.server.folder.mkdir()
        self.assertIn("stale", self.kinds(self.monitor(*AT_ONCE, faketime="+30h")))
        self.server.folder = closed

    def test_heartbeats(self):
        self.quiet(*AT_ONCE)
        for witness in self.tree.log.witnesses:
            witness.when = int(time.time()) + 30 * 3600
        self.tree.log.heartbeat()
        self.quiet(*AT_ONCE, faketime="+30h")

    def test_a_log_that_stops_growing(self):
        self.quiet("--growth", "1h", *AT_ONCE)
        result = self.monitor("--growth", "1h", "--stale", "0", *AT_ONCE, faketime="+2h")
        self.assertEqual(self.kinds(result), ["stale"])
        self.release()
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        self.quiet("--growth", "1h", *AT_ONCE)


class Outlets(MonitorCase):
    def setUp(self):
        super().setUp()
        self.release(releases=False)  # one alarm: unlogged

    def ids(self):
        return [json.loads(line)["id"] for line in story.hallmark("monitor", "--list", "--json", home=self.home).out.splitlines()]

    def test_a_webhook_has_each_alarm_once(self):
        post = hook.Hook()
        self.addCleanup(post.stop)
        for _ in range(3):
            self.assertStatus(self.monitor(*AT_ONCE, "--webhook", post.url), story.NO)
        self.assertEqual(post.told(), self.ids())
        self.assertEqual(len(post.told()), 1)
        self.assertEqual((post.bodies[0]["schema"], post.bodies[0]["site"], post.kind), ("hallmark/alarms-told/1", "globex", "application/json"))
        self.assertStatus(self.monitor(*AT_ONCE, "--webhook", post.url, "--again"), story.NO)
        self.assertEqual(len(post.told()), 2)

    def test_many_alarms_go_in_several_posts(self):
        post = hook.Hook()
        self.addCleanup(post.stop)
        first = self.tree.log.size
        for number in range(230):
            self.tree.log.append(b"junk %d\n" % number)
        self.tree.log.close((self.tree.log.size, 0), [(first, 230)])
        self.tree.log.write()
        post.statuses = [200, 200, 503]
        self.assertIn("status 503", self.monitor(*AT_ONCE, "--webhook", post.url).err)
        self.monitor(*AT_ONCE, "--webhook", post.url)
        self.assertEqual([len(body["alarms"]) for body in post.bodies], [100, 100, 32, 32])
        self.assertEqual(post.told()[:200] + post.told()[-32:], self.ids())

    def test_a_webhook_that_fails_is_told_later(self):
        post = hook.Hook()
        self.addCleanup(post.stop)
        post.statuses = [500, 302]
        result = self.monitor(*AT_ONCE, "--webhook", post.url)
        self.assertStatus(result, story.NO)
        self.assertIn("status 500", result.err)
        self.assertNotIn("secret", result.err)
        self.assertIn("status 302", self.monitor(*AT_ONCE, "--webhook", post.url).err)
        self.assertEqual(self.monitor(*AT_ONCE, "--webhook", post.url).err, "")
        self.monitor(*AT_ONCE, "--webhook", post.url)
        self.assertEqual(len(post.bodies), 3)

    def test_a_webhook_that_is_down_keeps_nobody_else_from_being_told(self):
        post = hook.Hook()
        post.stop()
        result = self.monitor(*AT_ONCE, "--webhook", post.url)
        self.assertStatus(result, story.NO)
        self.assertEqual(self.kinds(result), ["unlogged"])
        self.assertNotIn("secret", result.err)

    def test_a_webhook_that_comes_later_has_what_is_open(self):
        self.monitor(*AT_ONCE)
        post = hook.Hook()
        self.addCleanup(post.stop)
        result = self.monitor(*AT_ONCE, "--webhook", post.url)
        self.assertEqual(self.alarms(result), [])
        self.assertEqual(post.told(), self.ids())

    def test_webhooks_of_other_machines_need_https(self):
        result = self.monitor(*AT_ONCE, "--webhook", "http://192.0.2.1/hook")
        self.assertStatus(result, story.USAGE)
        self.assertIn("192.0.2.1", result.err)
        for url in ("ftp://x/", "/tmp/x", "x"):
            self.assertStatus(self.monitor("--webhook", url), story.USAGE)

    def test_the_systems_log(self):
        path = self.scratch / "log.socket"
        result = self.monitor(*AT_ONCE, "--syslog", path)
        self.assertStatus(result, story.NO)
        self.assertIn("log.socket", result.err)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log_socket:
            log_socket.bind(str(path))
            log_socket.settimeout(10)
            self.assertEqual(self.monitor(*AT_ONCE, "--syslog", path).err, "")
            text = log_socket.recv(65536).decode()
            self.assertRegex(text, r"^<26>hallmark-monitor\[\d+\]: globex unlogged: .*\(alarm [0-9a-f]{32}\)$")
            self.monitor(*AT_ONCE, "--syslog", path)
            log_socket.settimeout(0.2)
            self.assertRaises(TimeoutError, log_socket.recv, 65536)

    def test_numbers_for_prometheus(self):
        path = self.scratch / "hallmark.prom"
        self.monitor(*AT_ONCE, "--prom", path)
        text = path.read_text()
        self.assertIn('hallmark_monitor_alarms{site="globex",kind="unlogged"} 1\n', text)
        self.assertIn('hallmark_monitor_alarms{site="globex",kind="fork"} 0\n', text)
        self.assertIn('hallmark_monitor_run_complete{site="globex"} 1\n', text)
        self.assertIn(f'hallmark_monitor_log_entries{{site="globex"}} {self.tree.log.size}\n', text)
        names = [line.split("{")[0] for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(sorted(set(names)), sorted(line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")))
        story.hallmark("monitor", "--acknowledge", "all", home=self.home)
        self.quiet(*AT_ONCE, "--prom", path)
        self.assertIn('hallmark_monitor_alarms{site="globex",kind="unlogged"} 0\n', path.read_text())
        self.tree.log.witnesses[0].is_down = True
        self.monitor(*AT_ONCE, "--prom", path)
        self.assertIn('hallmark_monitor_run_complete{site="globex"} 0\n', path.read_text())

    def test_acknowledging(self):
        self.monitor(*AT_ONCE)
        (one,) = self.ids()
        self.assertStatus(story.hallmark("monitor", "--list", "--quiet", home=self.home), story.NO)
        self.assertStatus(story.hallmark("monitor", "--acknowledge", "0" * 32, home=self.home), story.NO)
        result = story.hallmark("monitor", "--acknowledge", one, "--json", home=self.home)
        self.assertEqual(result.json(), {"schema": "hallmark/acknowledged/1", "count": 1})
        self.assertEqual(story.hallmark("monitor", "--acknowledge", one, home=self.home).out, "acknowledged: 0\n")
        self.quiet(*AT_ONCE)
        self.assertStatus(story.hallmark("monitor", "--list", home=self.home), story.GOOD)
        self.assertEqual(self.ids(), [one])

    def test_the_list_before_the_first_look(self):
        result = story.hallmark("monitor", "--list", home=self.home)
        self.assertEqual((result.status, result.out), (story.GOOD, ""))

    def test_for_people(self):
        result = story.hallmark("monitor", *AT_ONCE, home=self.home)
        self.assertRegex(result.out.splitlines()[0], r"^[0-9a-f]{32}  \S+Z  globex  unlogged  ")
        self.assertRegex(result.out.splitlines()[1], r"^globex: \d+ entries, \d+ snapshots compared now, 1 alarms open$")
        self.assertEqual(story.hallmark("monitor", "--quiet", *AT_ONCE, home=self.home).out, "")

    def test_damaged_memory_stops_it(self):
        self.monitor(*AT_ONCE)
        for name in ("alarms.json", "position.json"):
            whole = (self.folder / name).read_bytes()
            (self.folder / name).write_bytes(whole[:-3])
            result = self.monitor(*AT_ONCE)
            self.assertNotEqual(result.status, story.GOOD)
            self.assertIn(name, result.err)
            (self.folder / name).write_bytes(whole)
        self.assertStatus(self.monitor(*AT_ONCE), story.NO)

    def test_a_site_without_a_log(self):
        self.server.folder = _old = self.scratch / "old"
        shutil.copytree(self.tree.public, _old)
        root = sorted((_old / "metadata").glob("*.root.json"))[-1]
        for path in root.parent.glob(root.name + "*"):
            path.unlink()
        result = self.monitor(*AT_ONCE)
        self.assertStatus(result, story.CANNOT_TELL)
        self.assertIn("keeps no release log", result.err)

    def test_one_watches_at_a_time(self):
        process = subprocess.Popen([story.HALLMARK, "monitor", "--json", "--every", "1h", *AT_ONCE, "--home", self.home], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        try:
            self.assertEqual(json.loads(process.stdout.readline())["kind"], "unlogged")
            result = self.monitor(*AT_ONCE)
            self.assertStatus(result, story.CANNOT_TELL)
            self.assertIn(str(process.pid), result.err)
            # Acknowledging goes on meanwhile.
            self.assertStatus(story.hallmark("monitor", "--acknowledge", "all", home=self.home), story.GOOD)
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()
        self.quiet(*AT_ONCE)

    def test_a_daemon_goes_on_where_it_was(self):
        process = subprocess.Popen([story.HALLMARK, "monitor", "--json", "--every", "1s", *AT_ONCE, "--home", self.home], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        try:
            self.assertEqual(json.loads(process.stdout.readline())["kind"], "unlogged")
            self.assertEqual(json.loads(process.stdout.readline())["compared"], 2)
            self.put({}, extra=[log.release_entry("globex", "acme/e1000/6.6.6", {"evil.rom": ("ab" * 32, 4)},
                                                  {r: self.tree.version(r) for r in ("maker~acme", "release~acme")})])
            lines = []
            for _ in range(20):
                lines.append(json.loads(process.stdout.readline()))
                if lines[-1].get("kind") == "unlisted":
                    break
            self.assertEqual(lines[-1]["kind"], "unlisted")
            self.assertEqual(json.loads(process.stdout.readline())["compared"], 1)
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()


if __name__ == "__main__":
    unittest.main()
