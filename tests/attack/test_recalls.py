# SPDX-License-Identifier: Apache-2.0
"""Recalls against an intruder at the site, and against makers: what was taken back stays so, and nobody takes back what is not his."""
import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

WHAT, FILE = attacks.WHAT, attacks.FILE
NAME = "nic-hang"
VENDOR = f"recalls/vendor/{NAME}.json"
MAKER = f"recalls/acme/{NAME}.json"


class RecallCase(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, cls.old, cls.images = attacks.build(cls.root / "world")
        cls.bolt = cls.root / "bolt.bin"
        cls.bolt.write_bytes(b"another maker's firmware")
        cls.cast.init_maker("bolt", "Bolt")
        cls.cast.enroll("bolt")
        cls.cast.release("bolt", "psu", "1.0", [cls.bolt])
        cls.online = tree.Key(cls.cast.site / "private" / "keys" / "online.pem")
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(url=cls.server.url)

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)
        self.out = self.scratch / "out"
        self.tree = tree.Tree.copy(self.cast.public, self.scratch / "public")
        self.server.folder, self.server.rules = self.tree.public, {}

    def run_home(self, *args, **kwargs):
        return story.hallmark(*args, home=self.home, **kwargs)

    def get(self, what=FILE, *options, **kwargs):
        return self.run_home("get", what, "-d", self.out, "--no-progress", *options, **kwargs)

    def verify(self, path=None, *options):
        return self.run_home("verify", path or self.images["efi-e1000.rom"], *options)

    def digest(self, path=FILE):
        return self.tree.load(f"release~{path.split('/')[0]}")["signed"]["targets"][path]["hashes"]["sha256"]

    def custom(self, *digests, **changes):
        recall = {"date": "2026-11-01T00:00:00Z", "digests": sorted(digests or [self.digest()]),
                  "reason": "the link hangs after 49 days", "remedy": "install 1.22.0", **changes}
        return {"recall": {k: v for k, v in recall.items() if v is not None}}

    def recall(self, path=VENDOR, keys=None, custom=None, site="globex", version=None, **changes):
        """What vendor or maker would have published, put in place with the online key."""
        who = path.split("/")[1]
        role = f"recalls~{who}"
        keys = keys or [tree.Key(self.cast.key("recall1" if who == "vendor" else f"{who}1"))]
        try:
            signed = tree.next_version(self.tree.load(role)["signed"])
        except KeyError:
            signed = {"_type": "targets", "spec_version": "1.0.34", "version": 1, "expires": tree.FAR, "targets": {}}
        signed["x-hallmark"] = {"site": site}
        if version is not None:
            signed["version"] = version
        self.tree.add_target(signed, path, b"{}", self.custom(**changes) if custom is None else custom)
        self.tree.put(role, signed, keys, self.online)

    def placed(self):
        return sorted(p.name for p in self.out.rglob("*") if p.is_file() and not p.name.startswith(".")) if self.out.exists() else []


class Controls(RecallCase):
    def test_nothing_is_recalled(self):
        self.assertStatus(self.get(), story.GOOD)
        self.assertStatus(self.verify(), story.GOOD)

    def test_a_recall_of_something_else(self):
        self.recall(digests=["00" * 32])
        self.assertStatus(self.get(), story.GOOD)
        self.assertStatus(self.verify(), story.GOOD)

    def test_it_costs_no_request_once_it_is_known(self):
        self.recall()
        self.run_home("list")
        self.server.requests.clear()
        self.assertStatus(self.run_home("list"), story.GOOD)
        self.assertEqual([r for r in self.server.requests if "recalls" in r], [])


class Recalled(RecallCase):
    def refused(self, result, *words):
        self.assertRefused(result, story.NO, "recalled", "hangs after 49 days", "install 1.22.0", *words)

    def test_get(self):
        for path, who in ((VENDOR, "the vendor"), (MAKER, "its maker acme")):
            with self.subTest(path):
                self.recall(path)
                result = self.get()
                self.refused(result, who, path, "--despite-recall")
                self.assertEqual(self.placed(), [])
                self.tree = tree.Tree.copy(self.cast.public, self.scratch / f"again-{who[:3]}")
                self.server.folder = self.tree.public
                shutil.rmtree(self.home)
                shutil.copytree(self.cast.home, self.home)

    def test_get__json(self):
        self.recall()
        answer = self.get(FILE, "--json").json()
        self.assertFalse(answer["changed"])
        found = answer["files"][0]
        self.assertEqual((found["verdict"], found["code"], found["recall"], found["remedy"]), ("recalled", "HM_ERECALLED", VENDOR, "install 1.22.0"))

    def test_get__of_a_release_gets_none_of_it(self):
        self.recall()
        self.refused(self.get(WHAT))
        self.assertEqual(self.placed(), [])

    def test_verify(self):
        self.assertStatus(self.get(), story.GOOD)
        self.recall()
        self.assertStatus(self.verify(), story.GOOD)  # as of the last refresh
        self.run_home("list")
        self.refused(self.verify())
        self.refused(self.verify(self.out / "efi-e1000.rom"))
        found = self.verify(None, "--json").json()["files"][0]
        self.assertEqual((found["verdict"], found["code"]), ("recalled", "HM_ERECALLED"))

    def test_verify__of_bytes_that_were_never_released(self):
        self.recall(digests=[tree.hashlib.sha256(b"leaked build").hexdigest()])
        self.run_home("list")
        leaked = self.scratch / "leaked.rom"
        leaked.write_bytes(b"leaked build")
        self.refused(self.verify(leaked))

    def test_list__marks_it_and_is_no_failure(self):
        self.recall()
        result = self.run_home("list")
        self.assertStatus(result, story.GOOD)
        line = next(line for line in result.out.splitlines() if FILE in line)
        self.assertIn("recalled", line)
        self.assertIn("hangs after 49 days", result.err)
        found = [f for f in self.run_home("list", "--json").json()["files"] if f["path"] == FILE]
        self.assertEqual((found[0]["verdict"], found[0]["remedy"]), ("recalled", "install 1.22.0"))
        self.assertIn('"recalled"', next(line for line in self.run_home("list", "--csv").out.splitlines() if FILE in line))

    def test_sync__leaves_it_out(self):
        self.recall()
        result = self.run_home("sync", "acme", "-d", self.out, "--no-progress")
        self.assertStatus(result, story.GOOD)
        self.assertIn("hangs after 49 days", result.err)
        self.assertFalse((self.out / FILE).exists())
        self.assertTrue((self.out / WHAT / "pxe-e1000.rom").exists())

    def test_sync__of_a_folder_that_has_it(self):
        self.assertStatus(self.run_home("sync", "acme", "-d", self.out, "--no-progress"), story.GOOD)
        self.recall()
        self.refused(self.run_home("sync", "acme", "-d", self.out, "--no-progress"), "--delete")
        self.assertTrue((self.out / FILE).exists())
        result = self.run_home("sync", "acme", "-d", self.out, "--no-progress", "--delete", "--json")
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.json()["counts"]["recalled"], 2)
        self.assertFalse((self.out / FILE).exists())
        self.assertTrue((self.out / WHAT / "pxe-e1000.rom").exists())

    def test_bundle(self):
        bundle, far = self.scratch / "site.bundle", self.scratch / "far"
        self.assertStatus(self.run_home("bundle", "export", "acme", "-o", bundle, "--no-progress"), story.GOOD)
        story.must("trust", "add", "globex", f"bundle:{bundle}", "--trust", self.cast.public / "hallmark.trust", home=far)
        story.must("bundle", "import", bundle, "-d", self.out, "--no-progress", home=far)
        self.recall()
        self.assertStatus(self.run_home("bundle", "export", "acme", "-o", bundle, "--no-progress"), story.GOOD)
        self.refused(story.hallmark("bundle", "import", bundle, "-d", self.out, "--no-progress", home=far))
        self.refused(story.hallmark("verify", self.images["efi-e1000.rom"], home=far))

    def test_override__is_explicit_and_recorded(self):
        self.recall()
        self.refused(self.get(FILE, "--despite-recall", "recalls/vendor/other.json"))
        self.assertRefused(self.get(FILE, "--despite-recall", NAME), story.USAGE, "--despite-recall")
        record = self.home / "sites" / "globex" / "overrides.json"
        self.assertFalse(record.exists())
        self.assertStatus(self.get(FILE, "--despite-recall", VENDOR, "--dry-run"), story.GOOD)
        self.assertFalse(record.exists())
        self.assertStatus(self.get(FILE, "--despite-recall", VENDOR), story.GOOD)
        self.assertEqual(self.placed(), ["efi-e1000.rom"])
        self.assertStatus(self.get(f"{WHAT}/pxe-e1000.rom", "--despite-recall", VENDOR), story.GOOD)
        noted = json.loads(record.read_text())["overrides"]
        self.assertEqual([(n["recall"], n["path"], n["sha256"]) for n in noted], [(VENDOR, FILE, self.digest())])
        self.refused(self.verify(self.out / "efi-e1000.rom"))
        (self.out / "efi-e1000.rom").unlink()
        self.assertStatus(self.get(FILE, "--despite-recall", VENDOR), story.GOOD)
        self.assertEqual(len(json.loads(record.read_text())["overrides"]), 2)

    def test_override__of_one_recall_of_two(self):
        self.recall()
        self.recall(MAKER)
        self.refused(self.get(FILE, "--despite-recall", VENDOR), MAKER)
        self.refused(self.get(FILE, "--despite-recall", MAKER), VENDOR)

    def lift(self, path=f"acme/lifted/{NAME}/lift.txt", release=("release1", "release2"), maker=("acme1", "acme2")):
        signed = {role: tree.next_version(self.tree.load(role)["signed"]) for role in ("maker~acme", "release~acme")}
        target = self.tree.add_target(signed["maker~acme"], path, b"mended by a later driver")
        if release:
            signed["release~acme"]["targets"][path] = target
        keys = {"maker~acme": maker, "release~acme": release or ("release1", "release2")}
        self.tree.reference({role: self.tree.store(role, signed[role], [tree.Key(self.cast.key(k)) for k in keys[role]]) for role in signed}, self.online)

    def test_lifting__takes_a_release_that_both_signed(self):
        for path in (VENDOR, MAKER):
            self.recall(path)
        self.refused(self.get())
        self.lift("acme/lifted/another/lift.txt")
        self.refused(self.get())
        self.lift(release=None)
        self.refused(self.get())
        self.lift()
        self.assertStatus(self.get(), story.GOOD)
        self.assertStatus(self.verify(), story.GOOD)


class Attacked(RecallCase):
    """The intruder holds the online key, and all that the site serves."""

    def known(self):
        self.recall()
        self.run_home("list")
        self.assertRefused(self.verify(), story.NO, "recalled")

    def test_dropped_from_its_role_with_the_response_key(self):
        self.known()
        signed = tree.next_version(self.tree.load("recalls~vendor")["signed"])
        signed["targets"] = {}
        self.tree.put("recalls~vendor", signed, [tree.Key(self.cast.key("recall1"))], self.online)
        self.assertRefused(self.get(), story.NO, "recalled", VENDOR)
        self.assertRefused(self.verify(), story.NO, "recalled")

    def test_digests_dropped_with_the_response_key(self):
        self.known()
        self.recall(digests=["00" * 32])
        self.assertRefused(self.get(), story.NO, "recalled", VENDOR)

    def test_rolled_back(self):
        before = tree.Tree.copy(self.tree.public, self.scratch / "before")
        self.known()
        self.server.folder = before.public
        self.assertEqual(self.get().status, story.NO)
        self.assertRefused(self.verify(), story.NO, "recalled")
        snapshot = tree.next_version(self.tree.load("snapshot")["signed"])
        snapshot["meta"]["recalls~vendor.json"] = tree.facts(before.path("recalls~vendor").read_bytes())
        raw = self.tree.store("snapshot", snapshot, [self.online])
        timestamp = tree.next_version(self.tree.load("timestamp")["signed"])
        timestamp["meta"] = {"snapshot.json": tree.facts(raw)}
        self.tree.store("timestamp", timestamp, [self.online])
        self.server.folder = self.tree.public
        self.assertRefused(self.get(), story.NO, "recalls~vendor")
        self.assertRefused(self.verify(), story.NO, "recalled")

    def test_withheld(self):
        self.recall()
        self.server.rules = {"recalls~vendor.json": httpd.status(404)}
        self.assertRefused(self.get(), story.CANNOT_TELL, "recalls~vendor")
        self.assertEqual(self.placed(), [])
        self.server.rules = {}
        self.assertRefused(self.get(), story.NO, "recalled")

    def test_withheld__takes_no_offline_answer_away(self):
        self.assertStatus(self.run_home("list"), story.GOOD)
        self.recall()
        self.server.rules = {"recalls~vendor.json": httpd.status(404)}
        self.assertRefused(self.run_home("list"), story.CANNOT_TELL, "recalls~vendor")
        self.assertStatus(self.verify(), story.GOOD)
        self.server.rules = {}
        self.run_home("list")
        self.assertRefused(self.verify(), story.NO, "recalled")

    def test_a_makers_withheld(self):
        self.recall(MAKER)
        self.server.rules = {"recalls~acme.json": httpd.status(404)}
        self.assertRefused(self.get(), story.CANNOT_TELL, "recalls~acme")
        self.server.rules = {}
        self.assertRefused(self.get(), story.NO, "recalled")

    def test_forged(self):
        for path in (VENDOR, MAKER):
            with self.subTest(path):
                self.recall(path, keys=[tree.Key()])
                self.assertRefused(self.get(), story.NO, f"recalls~{path.split('/')[1]}")
                self.tree = tree.Tree.copy(self.cast.public, self.scratch / path.split("/")[1])
                self.server.folder = self.tree.public
                shutil.rmtree(self.home)
                shutil.copytree(self.cast.home, self.home)
        self.recall(VENDOR, keys=[tree.Key(self.cast.key("release1"))])
        self.assertRefused(self.get(), story.NO, "recalls~vendor")

    def test_a_maker_recalls_anothers(self):
        """acme's key says what of globex's other maker is recalled: it is heard of acme's files alone."""
        path = "bolt/psu/1.0/bolt.bin"
        self.recall(MAKER, digests=[self.digest(path)])
        self.assertStatus(self.get(path), story.GOOD)
        self.assertStatus(self.run_home("list"), story.GOOD)
        self.assertStatus(self.verify(self.bolt), story.GOOD)
        self.recall(VENDOR, digests=[self.digest(path)])
        self.assertRefused(self.get(path), story.NO, "recalled", "the vendor")
        self.assertRefused(self.verify(self.bolt), story.NO, "recalled", "the vendor")

    def test_bytes_that_two_makers_released(self):
        """bolt's word on bytes that acme released too takes back bolt's release alone; the vendor's takes back both."""
        data = self.bolt.read_bytes()
        signed = {role: tree.next_version(self.tree.load(role)["signed"]) for role in ("maker~acme", "release~acme")}
        path = "acme/psu/1.0/oem.bin"
        signed["release~acme"]["targets"][path] = self.tree.add_target(signed["maker~acme"], path, data)
        keys = {"maker~acme": ("acme1", "acme2"), "release~acme": ("release1", "release2")}
        self.tree.reference({role: self.tree.store(role, signed[role], [tree.Key(self.cast.key(k)) for k in keys[role]]) for role in signed}, self.online)
        digest = tree.hashlib.sha256(data).hexdigest()
        self.recall("recalls/bolt/x1.json", digests=[digest])
        self.assertStatus(self.get(path), story.GOOD)
        self.assertRefused(self.get("bolt/psu/1.0/bolt.bin"), story.NO, "its maker bolt")
        self.run_home("list")
        self.assertStatus(self.verify(self.bolt), story.GOOD)
        self.recall(VENDOR, digests=[digest])
        self.assertRefused(self.get(path), story.NO, "the vendor")
        self.assertRefused(self.verify(self.bolt), story.NO, "the vendor")

    def test_a_maker_recalls_in_the_vendors_name(self):
        self.recall(VENDOR, keys=[tree.Key(self.cast.key("acme1"))])
        self.assertRefused(self.get(), story.NO, "recalls~vendor")

    def test_of_another_site(self):
        self.recall(MAKER, site="other")
        self.assertRefused(self.get(), story.NO, "recalls~acme", "'other'")

    def test_a_path_of_somebody_else(self):
        signed = tree.next_version(self.tree.load("recalls~vendor")["signed"])
        for path in (MAKER, "recalls/vendor/UPPER.json", "recalls/vendor/a/b.json", "recalls/vendor/x.txt", "recalls/../x.json", FILE):
            with self.subTest(path):
                bad = json.loads(json.dumps(signed))
                self.tree.add_target(bad, path, b"{}", self.custom())
                bad["x-hallmark"] = {"site": "globex"}
                self.tree.put("recalls~vendor", bad, [tree.Key(self.cast.key("recall1"))], self.online)
                self.assertRefused(self.get(), story.NO, "recalls~vendor")
                signed["version"] += 1

    def test_what_is_no_recall(self):
        digest = self.digest()
        for custom in ({}, {"recall": []}, {"recall": {}}, {"recall": {**self.custom()["recall"], "digests": [digest, digest]}},
                       self.custom(reason=None), self.custom(remedy=None), self.custom(date=None), self.custom(date="yesterday"), self.custom(reason=""),
                       self.custom(reason="a\nb"), self.custom(reason="x" * 401), {"recall": {**self.custom()["recall"], "digests": []}},
                       {"recall": {**self.custom()["recall"], "digests": ["00"]}}, {"recall": {**self.custom()["recall"], "digests": ["%064x" % n for n in range(513)]}}):
            with self.subTest(str(custom)[:60]):
                self.recall(custom=custom)
                self.assertRefused(self.get(), story.NO, "recalls~vendor", VENDOR)

    def test_memory_that_was_damaged(self):
        self.known()
        memory = self.home / "sites" / "globex" / "recalls.json"
        whole = memory.read_text()
        for damaged in ("", "{}", whole[:-40], whole.replace('"digests"', '"digest"'), whole.replace("hallmark/recalls/1", "hallmark/recalls/2")):
            memory.write_text(damaged)
            self.assertNotEqual(self.get().status, story.GOOD)
            self.assertNotEqual(self.verify().status, story.GOOD)
            self.assertEqual(memory.read_text(), damaged)
        memory.write_text(whole)
        self.assertRefused(self.verify(), story.NO, "recalled")


if __name__ == "__main__":
    unittest.main(verbosity=2)
