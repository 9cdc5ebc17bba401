# SPDX-License-Identifier: Apache-2.0
"""The release log against an intruder who holds all online keys, the log's among them: what the customer's client demands of it."""
import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import evidence  # noqa: E402
import log  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class LogCase(story.Case):
    """A site with a log and three witnesses, two of which must cosign; a customer who has seen it."""

    quorum = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, cls.old, cls.images = attacks.build(cls.root / "world")
        cls.public = tree.Tree(cls.cast.public)
        cls.witnesses = [log.Witness(f"witness.example/w{n}") for n in (1, 2, 3)]
        cls.root_keys = [tree.Key(cls.cast.key(k)) for k in ("root1", "root2")]
        cls.log = log.begin(cls.public, "globex", cls.root_keys, witnesses=cls.witnesses, quorum=cls.quorum)
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
        self.server.folder, self.server.rules = self.tree.public, {}

    def run_home(self, *args, **kwargs):
        return story.hallmark(*args, home=self.home, **kwargs)

    def get(self, what=attacks.FILE, *options, **kwargs):
        return self.run_home("get", what, "-d", self.scratch / "out", "--no-progress", *options, **kwargs)

    def release(self, path="acme/e1000/1.22.0/new.rom", data=b"new firmware " * 100, **options):
        """A new release that everybody signs, as log.Log publishes it."""
        maker = tree.next_version(self.tree.load("maker~acme")["signed"])
        release = tree.next_version(self.tree.load("release~acme")["signed"])
        release["targets"][path] = self.tree.add_target(maker, path, data)
        documents = {
            "maker~acme": self.tree.store("maker~acme", maker, [tree.Key(self.cast.key(k)) for k in ("acme1", "acme2")]),
            "release~acme": self.tree.store("release~acme", release, [tree.Key(self.cast.key(k)) for k in ("release1", "release2")]),
        }
        site_log, self.tree.log = self.tree.log, None
        self.tree.reference(documents, self.online)
        self.tree.log = site_log
        site_log.publish(**options)
        return path

    def snapshot(self, logged=True):
        """A new snapshot of nothing new."""
        site_log = self.tree.log
        self.tree.log = site_log if logged else None
        self.tree.reference({}, self.online)
        self.tree.log = site_log

    def evidence(self):
        folder = self.home / "sites" / "globex" / "evidence"
        return sorted(folder.iterdir()) if folder.exists() else []

    def nothing_placed(self):
        out = self.scratch / "out"
        self.assertEqual([p for p in out.rglob("*") if p.is_file() and not p.name.startswith(".")], [])


class Controls(LogCase):
    def test_the_untouched_tree_is_accepted(self):
        result = self.get()
        self.assertStatus(result, story.GOOD)
        self.assertStatus(self.run_home("verify", self.scratch / "out" / "efi-e1000.rom"), story.GOOD)

    def test_a_refresh_makes_one_request_more(self):
        self.assertStatus(self.run_home("list"), story.GOOD)
        self.server.requests.clear()
        self.assertStatus(self.run_home("list"), story.GOOD)
        self.assertEqual([r for r in self.server.requests if "metadata/" not in r], ["/proofs/latest.tlog-proof"])

    def test_the_log_grows(self):
        self.assertStatus(self.get(), story.GOOD)
        for number in range(3):
            path = self.release(f"acme/e1000/1.22.{number}/new.rom")
            self.assertStatus(self.get(path, "--json"), story.GOOD)
        checkpoint = (self.home / "sites" / "globex" / "log" / "checkpoint").read_text()
        self.assertEqual(log.read_checkpoint(checkpoint)[1], self.tree.log.size)
        self.assertEqual(self.evidence(), [])

    def test_the_log_grows_past_a_tile(self):
        self.assertStatus(self.get(), story.GOOD)
        extra = [log.root_entry("globex", n, b"%d" % n) for n in range(1, 600)]
        path = self.release(extra=extra)
        self.assertStatus(self.get(path), story.GOOD)
        self.assertStatus(self.get(), story.GOOD)
        # Partial tiles may go once the full one is there.
        self.tree.log.append(log.root_entry("globex", 1, b"x"))
        self.tree.log.entries.pop()
        self.tree.log.merkle.leaves.pop()
        self.release("acme/e1000/1.23.0/new.rom", extra=extra)
        for partial in sorted((self.tree.public / "log").rglob("*.p")):
            if partial.with_suffix("").is_file():
                shutil.rmtree(partial)
        self.assertStatus(self.get("acme/e1000/1.23.0/new.rom"), story.GOOD)

    def test_heartbeats_keep_an_idle_log_fresh(self):
        for days in (0, 5):
            for witness in self.tree.log.witnesses:
                witness.when = int(log.time.time()) + days * 86400
            self.tree.log.heartbeat()
            self.assertStatus(self.get(faketime=f"+{days}d"), story.GOOD)

    def test_a_witness_that_is_down_stops_nothing(self):
        self.tree.log.witnesses[0].is_down = True
        path = self.release()
        self.assertStatus(self.get(path), story.GOOD)


class Refusals(LogCase):
    def refused(self, result, status, *words):
        self.assertRefused(result, status, *words)
        self.nothing_placed()

    def test_special_snapshot(self):
        self.snapshot(logged=False)
        self.refused(self.get(), story.NO, "'snapshot'", "not in the log")

    def test_special_snapshot_of_the_same_version(self):
        other = tree.Tree.copy(self.tree.public, self.scratch / "other")
        self.snapshot()
        self.tree, other = other, self.tree
        snapshot = self.tree.load("snapshot")["signed"]
        snapshot["version"] += 1
        snapshot["expires"] = tree.FAR
        raw = self.tree.store("snapshot", snapshot, [self.online])
        timestamp = self.tree.load("timestamp")["signed"]
        timestamp["version"] += 1
        timestamp["meta"] = {"snapshot.json": tree.facts(raw)}
        self.tree.store("timestamp", timestamp, [self.online])
        for name in ("log", "proofs"):
            shutil.rmtree(self.tree.public / name)
            shutil.copytree(other.public / name, self.tree.public / name)
        self.server.folder = self.tree.public
        self.refused(self.get(), story.NO, "'snapshot'", "for you alone")

    def test_old_snapshot_under_a_newer_log(self):
        """Frozen metadata beside a log that moves on."""
        frozen = tree.Tree.copy(self.tree.public, self.scratch / "frozen")
        self.release()
        for name in ("log", "proofs"):
            shutil.rmtree(frozen.public / name)
            shutil.copytree(self.tree.public / name, frozen.public / name)
        self.server.folder = frozen.public
        self.refused(self.get(), story.CANNOT_TELL, "'snapshot'", "publishing")

    def test_no_proof_at_all(self):
        log.drop(self.tree)
        self.refused(self.get(), story.NO, "root names the log", "latest.tlog-proof")

    def test_release_without_entry__takes_nothing_else_along(self):
        self.release(releases=False)
        result = self.get(attacks.FILE, "acme/e1000/1.22.0/new.rom", "--json")
        self.assertRefused(result, story.NO, "acme/e1000/1.22.0/new.rom", "not logged")
        self.nothing_placed()
        answer = result.json()
        self.assertFalse(answer["changed"])
        self.assertEqual([f.get("code") for f in answer["files"] if f["path"].endswith("new.rom")], ["HM_EREFUSED"])

    def test_proof_that_cannot_be_had(self):
        self.server.rules = {"latest.tlog-proof": httpd.status(503)}
        self.refused(self.get(), story.CANNOT_TELL, "latest.tlog-proof")

    def test_proof_that_is_none(self):
        for junk in (b"", b"junk", b"c2sp.org/tlog-proof@v1\nindex 0\n\nx\n"):
            self.server.rules = {"latest.tlog-proof": httpd.body(junk)}
            self.refused(self.get(), story.NO, "proof")
        self.server.rules = {"latest.tlog-proof": httpd.endless}
        self.refused(self.get(), story.NO, "latest.tlog-proof")

    def test_frozen_log(self):
        """The timestamp is renewed with the stolen key, and nobody cosigns the log any more."""
        timestamp = tree.next_version(self.tree.load("timestamp")["signed"])
        self.tree.store("timestamp", timestamp, [self.online])
        self.refused(self.get(faketime="+8d"), story.CANNOT_TELL, "cosignatures", "older")

    def test_too_few_witnesses(self):
        for witness in self.tree.log.witnesses[:2]:
            witness.is_down = True
        self.release()
        self.refused(self.get(), story.NO, "quorum")

    def test_forged_witnesses(self):
        forged = [log.Witness(w.key.name, lies=True) for w in self.tree.log.witnesses]
        self.tree.log.witnesses = forged
        self.snapshot()
        self.refused(self.get(), story.NO, "root's policy")
        for mine, theirs in zip(forged, self.witnesses):
            mine.key.id = theirs.key.id  # the id is no proof of anything
        self.snapshot()
        self.refused(self.get(), story.NO, "root's policy")

    def test_cosignatures_of_the_future(self):
        for witness in self.tree.log.witnesses:
            witness.when = int(log.time.time()) + 3600
        self.snapshot()
        self.refused(self.get(), story.CANNOT_TELL, "future")

    def test_refused_snapshot__takes_no_offline_answer_away(self):
        self.assertStatus(self.get(), story.GOOD)
        self.snapshot(logged=False)
        self.assertRefused(self.get(), story.NO, "snapshot")
        result = self.run_home("verify", self.scratch / "out" / "efi-e1000.rom")
        self.assertStatus(result, story.GOOD)
        self.tree.log.publish()
        self.assertStatus(self.get(), story.GOOD)

    def test_not_the_newest_entry(self):
        """The genuine snapshot, with entries behind it that nobody is shown."""
        self.tree.log.append(log.root_entry("globex", 9, b"x"))
        self.tree.log.note = self.tree.log.sign()
        index = self.tree.log.size - 2
        proof = log.proof_text(index, self.tree.log.merkle.inclusion(index), self.tree.log.note, self.tree.log.entries[index])
        self.tree.log.write(self.tree.log.note)
        (self.tree.log.proofs / "latest.tlog-proof").write_text(proof)
        self.refused(self.get(), story.NO, "not of its newest")

    def test_entry_that_is_not_in_the_tree(self):
        index, path, note, extra = log.read_proof((self.tree.log.proofs / "latest.tlog-proof").read_text())
        altered = extra.replace(b"snapshot ", b"snapshot 1", 1)
        self.assertNotEqual(altered, extra)
        (self.tree.log.proofs / "latest.tlog-proof").write_text(log.proof_text(index, path, note, altered))
        self.refused(self.get(), story.NO, "proof of the newest entry")

    def test_wrong_root_named(self):
        documents = self.tree.log.documents()
        self.tree.log.close((self.tree.log.size, 0), documents=(documents[0], (documents[1][0], b"another root")))
        self.tree.log.write()
        self.refused(self.get(), story.NO, "'root'", "not the one in the log")

    def test_root_that_is_not_logged(self):
        root = json.loads(json.dumps(self.tree.load("root")["signed"]))
        root["version"] += 1
        self.tree.store("root", root, self.root_keys)
        self.refused(self.get(), story.CANNOT_TELL, "'root'")

    def test_another_sites_log(self):
        other = log.Log(tree.Tree.copy(self.tree.public, self.scratch / "other"), log.NoteKey("firmware.example/other/log"), self.tree.log.witnesses)
        other.entries, other.merkle = list(self.tree.log.entries), self.tree.log.merkle
        other.write()
        shutil.copy(other.proofs / "latest.tlog-proof", self.tree.log.proofs / "latest.tlog-proof")
        self.refused(self.get(), story.NO, "root's policy")

    def test_a_log_given_up(self):
        root = json.loads(json.dumps(self.tree.load("root")["signed"]))
        root["version"] += 1
        del root["x-hallmark"]["log"]
        self.tree.store("root", root, self.root_keys)
        self.refused(self.get(), story.NO, "release log", "keeps it")


class History(LogCase):
    """Forks and shrunk logs: who saw another branch before has evidence."""

    def branch(self, lies=True, key=None):
        """Another history of the log from the beginning on, signed with the stolen log key by lying witnesses."""
        witnesses = [log.Witness(w.key.name, w.key, lies=lies) for w in self.witnesses]
        other = log.Log(self.tree, key or self.log.key, witnesses)
        other.entries, other.merkle, other.written = [], log.Merkle(), 0
        log.drop(self.tree)
        return other

    def fork(self, result):
        """Refused, and what is left holds for whoever has the trust file, offline, and no longer with anything changed."""
        self.assertRefused(result, story.NO, "forked", "evidence/fork-", "hallmark check")
        self.assertEqual(len(self.evidence()), 1)
        self.nothing_placed()
        text = self.evidence()[0].read_text()
        self.holds(text, "signed two histories", "cosigned both")
        self.altered(text)

    def check(self, text, home=None):
        path = self.scratch / "mailed.evidence"
        path.write_text(text)
        if home:
            return story.hallmark("check", path, "--json", home=home)
        return story.hallmark("check", path, "--json", "--trust", self.cast.public / "hallmark.trust", home=self.scratch / "nobody")

    def holds(self, text, *words):
        for home in (None, self.home):
            result = self.check(text, home)
            self.assertStatus(result, story.GOOD)
            for word in words:
                self.assertIn(word, result.out)

    def altered(self, text):
        head, first, second = text.split("checkpoint\n")
        lines = first.splitlines(True)
        self.assertStatus(self.check(head + "checkpoint\n" + first + "checkpoint\n" + first), story.NO)
        size, root, signature = lines[1], lines[2], lines[4]
        for old, new in ((size, "| 1\n"), (root, f"| {log.b64(log.sha256(b'x'))}\n"), (signature, signature[:-4] + "AA=\n")):
            self.assertNotIn(self.check(text.replace(old, new, 1)).status, (story.GOOD, story.INTERNAL), old)
        if size != second.splitlines(True)[1]:
            self.assertStatus(self.check(head + "checkpoint\n" + second + "checkpoint\n" + first), story.NO)
        if "\nearlier " in text:
            start = text.index("\nearlier ")
            self.assertStatus(self.check(text[:start] + f"\nearlier {log.b64(log.sha256(b'x'))}" + text[start + 53:]), story.NO)
            self.assertStatus(self.check(text[:start + 1]), story.NO)

    def test_fork_of_a_larger_size(self):
        other = self.branch()
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 20)])
        other.write()
        self.fork(self.get())

    def test_fork_of_a_large_size(self):
        other = self.branch()
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 900)])
        other.write()
        self.fork(self.get())

    def test_fork_of_the_same_size(self):
        size = self.tree.log.size
        other = self.branch()
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, size)], releases=False)
        other.write()
        self.assertEqual(other.size, size)
        self.fork(self.get())

    def test_fork_of_a_smaller_size(self):
        """The larger tree's tiles are still there: they show that it began otherwise."""
        tiles = self.scratch / "tiles"
        shutil.copytree(self.tree.public / "log", tiles)
        other = self.branch()
        other.batch(releases=False, extra=[log.root_entry("globex", 1, b"x")])
        other.write()
        for path in tiles.rglob("*"):
            place = self.tree.public / "log" / path.relative_to(tiles)
            if path.is_file() and not place.exists():
                log.write(place, path.read_bytes())
        self.assertLess(other.size, self.log.size)
        self.fork(self.get())

    def test_a_forged_fork(self):
        """Whoever has not the log's key cannot accuse it: neither of a fork with another key, nor of one that is its growth."""
        self.assertStatus(self.get(), story.GOOD)
        seen = self.tree.log.note
        other = self.branch(key=log.NoteKey(self.log.key.name))
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 20)])
        other.note = other.sign()
        small = log.read_checkpoint(seen)[1]
        proof = {"earlier": other.merkle.root(small), "hashes": other.merkle.consistency(small)}
        roots = [(2, self.tree.path("root", 2).read_bytes())]
        forged = evidence.write("fork", "globex", [evidence.Part(seen), evidence.Part(other.note)], roots=roots, **proof)
        self.assertRefused(self.check(forged), story.NO, "checkpoint", "signed")
        grown = log.Log(self.public, self.log.key, [w.copy() for w in self.witnesses])
        grown.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 20)])
        proof = {"earlier": grown.merkle.root(small), "hashes": grown.merkle.consistency(small)}
        honest = evidence.write("fork", "globex", [evidence.Part(seen), evidence.Part(grown.sign())], roots=roots, **proof)
        self.assertRefused(self.check(honest), story.NO, "do not contradict each other")

    def test_a_witness_that_went_back(self):
        """An old copy, cosigned anew by a witness that had cosigned more: the log shrank, and that is provable."""
        small = tree.Tree.copy(self.tree.public, self.scratch / "small")
        self.release()
        self.assertStatus(self.run_home("list"), story.GOOD)
        back = log.Log(small, self.log.key, [log.Witness(w.key.name, w.key, lies=True) for w in self.witnesses])
        for witness in back.witnesses:
            witness.when = int(log.time.time()) + 120
        back.heartbeat()
        shutil.rmtree(self.tree.public / "proofs")
        shutil.copytree(small.public / "proofs", self.tree.public / "proofs")
        self.assertRefused(self.run_home("list"), story.NO, "goes back", "a witness cosigned that", "evidence/rollback-")
        self.assertEqual(len(self.evidence()), 1)
        text = self.evidence()[0].read_text()
        self.holds(text, "a witness never goes back", "witness.example/w1")
        self.altered(text)

    def test_honest_witnesses_do_not_cosign_a_fork(self):
        self.tree.log.witnesses = [w.copy() for w in self.witnesses]
        other = self.branch()
        other.witnesses = self.tree.log.witnesses
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 20)])
        other.write()
        self.assertRefused(self.get(), story.NO, "quorum")
        self.assertEqual(set(other.refusals.values()), {422})

    def test_shrunk_log(self):
        small = tree.Tree.copy(self.tree.public, self.scratch / "small")
        self.release()
        self.assertStatus(self.run_home("list"), story.GOOD)
        # The metadata moves on, as the online key can; the log is what it was.
        shutil.rmtree(self.tree.public / "proofs")
        shutil.copytree(small.public / "proofs", self.tree.public / "proofs")
        self.assertRefused(self.run_home("list"), story.NO, "goes back", "old copy")
        self.assertEqual(self.evidence(), [])

    def test_tiles_that_are_not_the_logs(self):
        self.release()
        for tile in (self.tree.public / "log" / "tile" / "0").rglob("*"):
            if tile.is_file():
                tile.write_bytes(bytes(len(tile.read_bytes())))
        self.assertRefused(self.run_home("list"), story.NO, "cannot tell whether the log", "hashes")
        self.assertEqual(self.evidence(), [])

    def test_tiles_that_cannot_be_had(self):
        self.release()
        shutil.rmtree(self.tree.public / "log" / "tile")
        self.assertRefused(self.run_home("list"), story.CANNOT_TELL, "cannot tell whether the log")

    def test_refusals_do_no_lasting_harm(self):
        other = self.branch()
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 20)])
        other.write()
        self.fork(self.get())
        self.server.folder = self.cast.public
        self.assertStatus(self.get(), story.GOOD)


class Releases(LogCase):
    def where(self, path="acme/e1000/1.22.0"):
        return self.tree.log.proofs / path

    def refused(self, *words, status=story.NO, path="acme/e1000/1.22.0/new.rom"):
        self.assertRefused(self.get(path), status, path, *words)
        self.nothing_placed()

    def test_release_without_entry(self):
        self.release(releases=False)
        self.refused("no proof", "not logged")
        self.assertStatus(self.get(), story.GOOD)

    def test_proof_that_cannot_be_had(self):
        self.release()
        self.server.rules = {"proofs/acme/e1000/1.22.0": httpd.status(500)}
        self.refused(status=story.CANNOT_TELL)

    def entry(self, **changes):
        """An entry for the release that is not what was signed."""
        digest = tree.hashlib.sha256(b"new firmware " * 100).hexdigest()
        facts = {"path": "acme/e1000/1.22.0", "images": {"new.rom": (digest, 1300)}, "site": "globex", **changes}
        return log.release_entry(facts["site"], facts["path"], facts["images"], {"release~acme": 9})

    def put_where(self, entry, closing=None):
        index = self.tree.log.entries.index(entry)
        closing = self.tree.log.size - 1 if closing is None else closing
        log.write(self.where(), log.where_text(index, closing, entry, self.tree.log.entries[closing]))

    def try_entry(self, *words, **changes):
        entry = self.entry(**changes)
        self.release(releases=False, extra=[entry])
        self.put_where(entry)
        self.refused(*words)

    def test_control__the_entry_made_here_is_good(self):
        entry = self.entry()
        self.release(releases=False, extra=[entry])
        self.put_where(entry)
        self.assertStatus(self.get("acme/e1000/1.22.0/new.rom"), story.GOOD)

    def test_entry_of_another_digest(self):
        self.try_entry("other bytes", images={"new.rom": ("00" * 32, 1300)})

    def test_entry_of_another_length(self):
        self.try_entry("other bytes", images={"new.rom": (tree.hashlib.sha256(b"new firmware " * 100).hexdigest(), 1299)})

    def test_entry_of_another_file(self):
        self.try_entry("new.rom", images={"old.rom": ("00" * 32, 1300)})

    def test_entry_of_another_version(self):
        self.try_entry("acme/e1000/1.22.1", path="acme/e1000/1.22.1")

    def test_entry_of_another_site(self):
        self.try_entry("another site", site="other")

    def test_void_entry(self):
        entry = self.entry()
        first = self.tree.log.size
        self.release(releases=False, extra=[entry], voids=[(first, 1)])
        self.put_where(entry)
        self.refused("void")

    def test_entry_voided_later(self):
        entry = self.entry()
        first = self.tree.log.size
        self.release(releases=False, extra=[entry])
        self.put_where(entry)
        self.tree.log.close((self.tree.log.size, 0), voids=[(first, 2)])
        self.tree.log.write()
        self.refused("void")

    def test_entry_that_no_snapshot_lists(self):
        entry = self.entry()
        self.tree.log.append(entry)
        self.release(releases=False)
        self.put_where(entry)
        self.refused("does not count")

    def test_entry_that_is_not_in_the_log(self):
        self.release(releases=False)
        size = self.tree.log.size
        log.write(self.where(), log.where_text(size - 2, size - 1, self.entry(), self.tree.log.entries[-1]))
        self.refused("not in the log")

    def test_entry_beyond_the_log(self):
        entry = self.entry()
        self.release(releases=False, extra=[entry])
        size = self.tree.log.size
        log.write(self.where(), log.where_text(size - 2, size, entry, self.tree.log.entries[-1]))
        self.refused("beyond")

    def test_where_that_is_none(self):
        self.release()
        self.where().write_bytes(b"junk\n")
        self.refused("hallmark/where v1")


class Unwitnessed(LogCase):
    quorum = 0

    def test_control(self):
        self.tree.log.witnesses = []
        self.release()
        self.assertStatus(self.get(), story.GOOD)

    def test_a_fork_is_found_by_who_saw_the_other_branch(self):
        other = log.Log(self.tree, self.log.key)
        other.entries, other.merkle, other.written = [], log.Merkle(), 0
        log.drop(self.tree)
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 20)])
        other.write()
        self.assertRefused(self.get(), story.NO, "forked", "evidence/fork-")

    def test_special_snapshot(self):
        self.snapshot(logged=False)
        self.assertRefused(self.get(), story.NO, "'snapshot'", "not in the log")


class Words(LogCase):
    """What the commands say of the log."""

    WORDS = "witnessed by 3 of 3, newest 20"

    def test_text(self):
        for result in (self.get(), self.run_home("list"), self.run_home("sync", "acme", "-d", self.scratch / "mirror", "--no-progress"),
                       self.run_home("verify", self.scratch / "out" / "efi-e1000.rom")):
            self.assertStatus(result, story.GOOD)
            self.assertIn(self.WORDS, result.out)

    def test_json(self):
        file = self.scratch / "out" / "efi-e1000.rom"
        for result, find in ((self.get(attacks.FILE, "--json"), lambda d: d["log"]),
                             (self.run_home("list", "--json"), lambda d: d["sites"][0]["log"]),
                             (self.run_home("sync", "acme", "-d", self.scratch / "mirror", "--json"), lambda d: d["log"]),
                             (self.run_home("verify", file, "--json"), lambda d: d["sites"][0]["log"])):
            self.assertStatus(result, story.GOOD)
            found = find(result.json())
            self.assertEqual((found["state"], found["cosigned"], found["witnesses"], found["size"], found["origin"]),
                             ("witnessed", 3, 3, self.tree.log.size, self.log.key.name))

    def test_max_age_counts_the_cosignatures_as_well(self):
        for witness in self.tree.log.witnesses:
            witness.when = int(log.time.time()) - 3 * 86400
        self.tree.log.heartbeat()
        self.assertStatus(self.get(), story.GOOD)
        file = self.scratch / "out" / "efi-e1000.rom"
        self.assertStatus(self.run_home("verify", file), story.GOOD)
        self.assertStatus(self.run_home("verify", file, "--max-age", "4d"), story.GOOD)
        self.assertRefused(self.run_home("verify", file, "--max-age", "2d"), story.CANNOT_TELL, "cosignatures")


class Bundles(LogCase):
    """A network without a connection demands the same."""

    def setUp(self):
        super().setUp()
        self.far = self.scratch / "far"
        self.bundle = self.scratch / "site.bundle"

    def export(self, *patterns):
        self.assertStatus(self.run_home("bundle", "export", *(patterns or ("acme",)), "-o", self.bundle, "--no-progress"), story.GOOD)

    def trust(self):
        return story.hallmark("trust", "add", "globex", f"bundle:{self.bundle}", "--trust", self.cast.public / "hallmark.trust", home=self.far)

    def import_(self):
        return story.hallmark("bundle", "import", self.bundle, "-d", self.scratch / "mirror", "--no-progress", home=self.far)

    def test_control(self):
        self.export()
        self.assertStatus(self.trust(), story.GOOD)
        self.assertStatus(self.import_(), story.GOOD)
        result = story.hallmark("verify", self.images["efi-e1000.rom"], home=self.far)
        self.assertStatus(result, story.GOOD)
        self.assertIn("witnessed by 3 of 3", result.out)

    def test_control__the_log_grows_from_bundle_to_bundle(self):
        self.export()
        self.assertStatus(self.trust(), story.GOOD)
        self.release(extra=[log.root_entry("globex", n, b"%d" % n) for n in range(1, 300)])
        self.export()
        self.assertStatus(self.import_(), story.GOOD)
        self.assertTrue((self.scratch / "mirror" / "acme/e1000/1.22.0/new.rom").is_file())

    def test_fork_from_bundle_to_bundle(self):
        self.export()
        self.assertStatus(self.trust(), story.GOOD)
        other = log.Log(self.tree, self.log.key, [log.Witness(w.key.name, w.key, lies=True) for w in self.witnesses])
        other.entries, other.merkle, other.written = [], log.Merkle(), 0
        log.drop(self.tree)
        other.batch(extra=[log.root_entry("globex", n, b"x") for n in range(1, 20)])
        other.write()
        shutil.rmtree(self.home)
        story.must("trust", "add", "globex", self.server.url, "--trust", self.cast.public / "hallmark.trust", home=self.home)
        self.export()
        self.assertRefused(self.import_(), story.NO, "forked", "evidence/fork-")

    def test_stale_cosignatures(self):
        self.export()
        result = story.hallmark("trust", "add", "globex", f"bundle:{self.bundle}", "--trust", self.cast.public / "hallmark.trust",
                                home=self.far, faketime="+8d")
        self.assertEqual(result.status, story.CANNOT_TELL, result.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
