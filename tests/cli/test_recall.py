# SPDX-License-Identifier: Apache-2.0
"""Taking back, from the vendor's or maker's command to what customers and their tools see."""
import hashlib
import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import log  # noqa: E402
import logged  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

NAME = "nic-hang"
TEXTS = ("--reason", "the link hangs", "--remedy", "install 1.22.0")


class SiteCase(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.built, _old, cls.images = attacks.build(cls.root / "world")
        cls.built.trust()

    def setUp(self):
        super().setUp()
        shutil.copytree(self.built.root, self.scratch / "world", symlinks=True)
        self.cast = story.Cast.__new__(story.Cast)
        self.cast.__dict__.update(self.built.__dict__)
        for name in ("root", "keys", "site", "public", "home"):
            setattr(self.cast, name, self.scratch / "world" / getattr(self.built, name).relative_to(self.built.root))
        policy = self.cast.home / "sites" / "globex" / "site.json"
        policy.write_text(policy.read_text().replace(str(self.built.public), str(self.cast.public)))
        self.tree = tree.Tree(self.cast.public)

    def recall(self, *what, name=NAME, texts=TEXTS, options=()):
        self.request = self.cast.request()
        return story.hallmark("site", "recall", "--dir", self.cast.site, name, *(what or (attacks.FILE,)), *texts, *options, "-o", self.request)

    def publish(self):
        return story.must("site", "publish", "--dir", self.cast.site)

    def recalled(self, *what, **options):
        self.assertStatus(self.recall(*what, **options), story.GOOD)
        self.cast.attach(self.request, "recall1")
        return self.publish()

    def get(self, what=attacks.FILE):
        return story.hallmark("get", what, "-d", self.scratch / "out", "--no-progress", home=self.cast.home)

    def role(self):
        return self.tree.load("recalls~vendor")["signed"]


class Vendor(SiteCase):
    def test_the_whole_way(self):
        result = self.recall()
        self.assertStatus(result, story.GOOD)
        digest = hashlib.sha256(self.images["efi-e1000.rom"].read_bytes()).hexdigest()
        self.assertIn(f"takes back {attacks.FILE}  sha256 {digest}", result.out)
        self.assertStatus(self.get(), story.GOOD)
        held = story.must("site", "publish", "--dir", self.cast.site)
        self.assertIn("recalls~vendor", held.out)
        self.assertStatus(self.get(), story.GOOD)
        self.cast.attach(self.request, "recall1")
        self.assertIn("'recalls~vendor' version 2", self.publish().out)
        self.assertRefused(self.get(), story.NO, "recalled", "the link hangs", "install 1.22.0")
        target = self.role()["targets"][f"recalls/vendor/{NAME}.json"]
        self.assertEqual(target["custom"]["recall"]["digests"], [digest])
        document = self.tree.public / "targets" / "recalls" / "vendor" / f"{target['hashes']['sha256']}.{NAME}.json"
        self.assertEqual(hashlib.sha256(document.read_bytes()).hexdigest(), target["hashes"]["sha256"])
        self.assertEqual(list((self.cast.site / "private" / "recalls" / "vendor").iterdir()), [])

    def test_signing_needs_the_response_key(self):
        self.recall()
        for name in ("release1", "targets1", "root1"):
            result = story.hallmark("sign", self.request, "--key", self.cast.key(name), "-o", self.scratch / "sig", "--yes", "--home", self.scratch / "signer")
            self.assertNotEqual(result.status, story.GOOD)

    def test_the_signer_sees_what_is_taken_back(self):
        self.recall()
        shown = story.hallmark("sign", self.request, "--key", self.cast.key("recall1"), "-o", self.scratch / "sig", "--yes", "--home", self.scratch / "signer").out
        for words in (f"recalls/vendor/{NAME}.json", "the link hangs", hashlib.sha256(self.images["efi-e1000.rom"].read_bytes()).hexdigest()):
            self.assertIn(words, shown)

    def test_patterns_and_digests(self):
        for what, count in ((("acme/e1000/1.21.1",), 2), (("acme/e1000/*",), 2), (("acme/e1000/1.21.0/efi-e1000.rom", "ab" * 32), 2),
                            (("acme/e1000/1.21.*/efi-*", attacks.FILE), 1)):
            result = self.recall(*what, name=f"r{count}{len(what)}{len(what[0])}")
            self.assertStatus(result, story.GOOD)
        self.cast.attach(self.request, "recall1")
        self.publish()
        counts = sorted(len(t["custom"]["recall"]["digests"]) for t in self.role()["targets"].values())
        self.assertEqual(counts, [1, 2, 2, 2])

    def test_several_wait_together(self):
        self.recall(name="first")
        self.recall("acme/e1000/1.21.1/pxe-e1000.rom", name="second")
        self.cast.attach(self.request, "recall1")
        self.publish()
        self.assertEqual(sorted(self.role()["targets"]), ["recalls/vendor/first.json", "recalls/vendor/second.json"])
        self.recalled("acme/e1000/1.21.0", name="third")
        self.assertEqual(len(self.role()["targets"]), 3)
        self.assertRefused(self.get("acme/e1000/1.21.1/pxe-e1000.rom"), story.NO, "recalled")

    def test_a_name_is_used_once(self):
        self.recalled()
        self.assertRefused(self.recall("acme/e1000/1.21.0"), story.USAGE, NAME, "another name")

    def test_the_same_again_goes_on_until_it_is_published(self):
        self.recall()
        result = self.recall()
        self.assertStatus(result, story.GOOD)
        self.assertTrue(self.request.exists())
        self.assertRefused(self.recall(texts=("--reason", "another", *TEXTS[2:])), story.USAGE, "another name")
        self.assertRefused(self.recall("acme/e1000/1.21.0", attacks.FILE, "acme/e1000/1.21.1/pxe-e1000.rom"), story.USAGE, "another name")
        self.assertStatus(self.recall(), story.GOOD)
        self.cast.attach(self.request, "recall1")
        self.publish()
        self.assertRefused(self.recall(), story.USAGE, "another name")

    def test_usage(self):
        for what, options, status, words in (
                (("acme/e1000",), {}, story.USAGE, "ID/PRODUCT/VERSION"),
                (("acme/e1000/9.9",), {}, story.NO, "9.9"),
                (("bolt/*/*",), {}, story.NO, "bolt"),
                (("ab" * 31,), {}, story.USAGE, "SHA-256"),
                ((), {"name": "Upper"}, story.USAGE, "a-z"),
                ((), {"name": "a/b"}, story.USAGE, "a/b"),
                ((), {"texts": TEXTS[:2]}, story.USAGE, "--remedy"),
                ((), {"texts": TEXTS[2:]}, story.USAGE, "--reason"),
                ((), {"texts": ("--reason", "x" * 401, *TEXTS[2:])}, story.USAGE, "reason"),
                ((), {"texts": ("--reason", "a\nb", *TEXTS[2:])}, story.USAGE, "reason")):
            with self.subTest(str((what, options))[:80]):
                self.assertRefused(self.recall(*what, **options), status, words)
        self.assertRefused(story.hallmark("site", "recall", "--dir", self.cast.site, NAME, *TEXTS), story.USAGE, "taken back")
        self.assertFalse((self.cast.site / "private" / "drafts" / "recalls~vendor.json").exists())

    def test_a_document_changed_while_it_waits(self):
        self.recall()
        self.cast.attach(self.request, "recall1")
        document = self.cast.site / "private" / "recalls" / "vendor" / f"{NAME}.json"
        whole = document.read_bytes()
        for change in (lambda: document.write_bytes(whole.replace(b"hangs", b"works")), document.unlink):
            change()
            self.assertIn(f"recalls/vendor/{NAME}.json", self.publish().out)
            self.assertStatus(self.get(), story.GOOD)
        document.write_bytes(whole)
        self.publish()
        self.assertRefused(self.get(), story.NO, "recalled")

    def test_one_that_drops_another_is_not_published(self):
        self.recalled()
        draft = tree.next_version(self.role())
        draft["targets"] = {}
        key = tree.Key(self.cast.key("recall1"))
        (self.cast.site / "private" / "drafts" / "recalls~vendor.json").write_text(json.dumps({"signatures": [key.sign(draft)], "signed": draft}))
        self.assertIn("no recall ever is", self.publish().out)
        self.assertEqual(self.tree.version("recalls~vendor"), 2)


class Maker(SiteCase):
    """A maker takes back its own files: one key signs, the site takes the notice in and publishes."""

    def setUp(self):
        super().setUp()
        self.folder = self.cast.root / "maker-acme"
        self.out = self.scratch / "out.notice"

    def recall(self, *what, name=NAME, texts=TEXTS, key="acme1", site="globex", out=None):
        keys = ["--key", self.cast.key(key)] if key else []
        return story.hallmark("maker", "recall", "--dir", self.folder, "--for", site, name, *(what or ("e1000/1.21.1/efi-e1000.rom",)), *texts, *keys,
                              "-o", out or self.out)

    def take(self, notice=None):
        return story.hallmark("site", "recall", "--dir", self.cast.site, "--notice", notice or self.out)

    def test_the_whole_way(self):
        result = self.recall()
        self.assertStatus(result, story.GOOD)
        digest = hashlib.sha256(self.images["efi-e1000.rom"].read_bytes()).hexdigest()
        self.assertIn(f"takes back {attacks.FILE}  sha256 {digest}", result.out)
        result = self.take()
        self.assertStatus(result, story.GOOD)
        self.assertIn(digest, result.out)
        self.assertIn("'recalls~acme' version 1", self.publish().out)
        self.assertRefused(self.get(), story.NO, "recalled", "its maker acme", "the link hangs")
        target = self.tree.load("recalls~acme")["signed"]["targets"][f"recalls/acme/{NAME}.json"]
        document = self.tree.public / "targets" / "recalls" / "acme" / f"{target['hashes']['sha256']}.{NAME}.json"
        self.assertEqual(hashlib.sha256(document.read_bytes()).hexdigest(), target["hashes"]["sha256"])
        self.assertEqual(json.loads(document.read_text())["document"]["publisher"]["name"], "Acme Networks")
        self.assertFalse((self.cast.public / "csaf").exists())  # these are the vendor's alone
        self.assertStatus(self.recall("e1000/1.21.*/pxe*", name="second"), story.GOOD)
        self.assertStatus(self.take(), story.GOOD)
        self.assertIn("'recalls~acme' version 2", self.publish().out)
        self.assertRefused(self.get("acme/e1000/1.21.1/pxe-e1000.rom"), story.NO, "recalled")
        self.assertRefused(self.get(), story.NO, "recalled")

    def test_signed_by_request(self):
        request = self.scratch / "recall.request"
        self.assertStatus(self.recall(key=None, out=request), story.GOOD)
        for name in ("recall1", "release1"):
            self.assertNotEqual(story.hallmark("sign", request, "--key", self.cast.key(name), "-o", self.scratch / "no.sig", "--yes",
                                               "--home", self.scratch / "x").status, story.GOOD)
        shown = story.must("sign", request, "--key", self.cast.key("acme2"), "-o", self.scratch / "r.sig", "--yes", "--home", self.scratch / "signer").out
        for words in (f"recalls/acme/{NAME}.json", "the link hangs"):
            self.assertIn(words, shown)
        story.must("maker", "attach", "--dir", self.folder, self.scratch / "r.sig", "-o", self.out)
        self.assertStatus(self.take(), story.GOOD)
        self.publish()
        self.assertRefused(self.get(), story.NO, "its maker acme")

    def test_a_notice_that_never_came(self):
        self.assertStatus(self.recall(), story.GOOD)
        self.assertStatus(self.recall("e1000/1.21.0", name="second"), story.GOOD)
        self.assertStatus(self.take(), story.GOOD)
        self.assertIn("'recalls~acme' version 2", self.publish().out)
        self.assertEqual(len(self.tree.load("recalls~acme")["signed"]["targets"]), 2)

    def test_usage(self):
        for what, options, status, words in (
                (("e1000/9.9",), {}, story.NO, "9.9"),
                (("e1000",), {}, story.USAGE, "PRODUCT/VERSION"),
                (("acme/e1000/1.21.1/efi-e1000.rom",), {}, story.USAGE, "PRODUCT/VERSION"),
                ((), {"site": "other"}, story.CANNOT_TELL, "other"),
                ((), {"key": "recall1"}, story.NO, "not one of those that sign it"),
                ((), {"name": "Upper"}, story.USAGE, "a-z"),
                ((), {"texts": TEXTS[:2]}, story.USAGE, "--remedy")):
            with self.subTest(str((what, options))):
                self.assertRefused(self.recall(*what, **options), status, words)
                self.assertFalse(self.out.exists())

    def forge(self, change, keys=("acme1",)):
        """The notice as somebody else would have written it."""
        self.assertStatus(self.recall(), story.GOOD)
        notice = json.loads(self.out.read_text())
        signed = notice["recalls"]["signed"]
        change(signed, notice)
        notice["recalls"] = {"signatures": [tree.Key(self.cast.key(k)).sign(signed) for k in keys], "signed": signed}
        self.out.write_text(json.dumps(notice))
        return self.take()

    def test_control__the_forger_writes_what_is_taken(self):
        self.assertStatus(self.forge(lambda signed, notice: None), story.GOOD)
        self.publish()
        self.assertRefused(self.get(), story.NO, "recalled")

    def test_forged_notices(self):
        path = f"recalls/acme/{NAME}.json"

        def digests(*values):
            def change(signed, _notice):
                signed["targets"][path]["custom"]["recall"]["digests"] = list(values)
            return change

        def document(_signed, notice):
            notice["documents"][NAME] += " "

        cases = (
            ("another's bytes", digests("ab" * 32), {}, story.NO, "not released"),
            ("signed by the vendor", lambda *_: None, {"keys": ("recall1", "release1")}, story.NO, "recalls~acme"),
            ("by nobody", lambda *_: None, {"keys": ()}, story.NO, "recalls~acme"),
            ("in the vendor's name", lambda s, _n: s["targets"].update({f"recalls/vendor/{NAME}.json": s["targets"].pop(path)}), {}, story.NO, "acme"),
            ("for another site", lambda s, n: (n.update(site="other"), s["x-hallmark"].update(site="other")), {}, story.NO, "other"),
            ("signed for another site", lambda s, _n: s["x-hallmark"].update(site="other"), {}, story.NO, "other"),
            ("expired", lambda s, _n: s.update(expires="2026-01-01T00:00:00Z"), {}, story.CANNOT_TELL, "recalls~acme"),
            ("another document", document, {}, story.NO, "document"),
            ("no document", lambda _s, n: n["documents"].clear(), {}, story.CANNOT_TELL, "document"),
            ("a maker that is none", lambda _s, n: n.update(maker="bolt"), {}, story.NO, "bolt"),
            ("a new member", lambda _s, n: n.update(more=1), {}, story.NO, ""),
        )
        for number, (told, change, options, status, words) in enumerate(cases):
            with self.subTest(told):
                shutil.rmtree(self.folder / "recalls", ignore_errors=True)
                self.assertRefused(self.forge(change, **options), status, words)
                self.assertFalse((self.cast.site / "private" / "drafts" / "recalls~acme.json").exists())

    def test_one_that_drops_what_was_recalled(self):
        self.assertStatus(self.recall(), story.GOOD)
        self.assertStatus(self.take(), story.GOOD)
        self.publish()
        result = self.take()
        self.assertRefused(result, story.NO, "not newer")
        shutil.rmtree(self.folder / "recalls")

        def change(signed, _notice):
            signed["version"] = 2
            signed["targets"] = {}
        self.assertRefused(self.forge(change), story.NO, "no recall ever is")

    def test_one_that_is_older_than_what_waits(self):
        """What was taken in is not lost to an older notice that is handed in late, nor to another of its version."""
        self.assertStatus(self.recall(), story.GOOD)
        older = self.scratch / "older.notice"
        shutil.copyfile(self.out, older)
        self.assertStatus(self.recall("e1000/1.21.1/pxe-e1000.rom", name="second"), story.GOOD)
        draft = self.cast.site / "private" / "drafts" / "recalls~acme.json"
        for _ in range(2):  # the same again changes nothing
            self.assertStatus(self.take(), story.GOOD)
            waiting = draft.read_bytes()
            self.assertEqual(sorted(json.loads(waiting)["signed"]["targets"]), [f"recalls/acme/{NAME}.json", "recalls/acme/second.json"])
        self.assertRefused(self.take(older), story.NO, "version 1 does not follow version 2", "waits to be published")
        shutil.rmtree(self.folder / "recalls")
        self.assertRefused(self.forge(lambda signed, _notice: signed.update(version=2)), story.NO, "version 2 does not follow version 2", "drafts/recalls~acme.json")
        self.assertEqual(draft.read_bytes(), waiting)

    def test_junk(self):
        for text in ("", "{}", "[]", "null", '{"schema":"hallmark/recall-notice/1"}', '{"schema":"hallmark/recall-notice/2","site":"globex","maker":"acme","recalls":{},"documents":{}}'):
            self.out.write_text(text)
            self.assertRefused(self.take(), story.NO, "notice")
        self.assertRefused(story.hallmark("site", "recall", "--dir", self.cast.site, "--notice", self.out, "x", "y"), story.USAGE, "--notice")

    def test_after_the_maker_changed_its_keys(self):
        """The key that recalled leaves: the new identity waits until another key has signed the recalls anew."""
        self.assertStatus(self.recall(key="acme2"), story.GOOD)
        self.assertStatus(self.take(), story.GOOD)
        self.publish()
        self.cast.key("acme3")
        story.must("maker", "rotate", "--dir", self.folder, *story.flag("--public", [self.cast.pub("acme1"), self.cast.pub("acme3")]),
                   *story.flag("--key", [self.cast.key(f"acme{i}") for i in (1, 2, 3)]))
        anew = self.scratch / "anew.submission"
        story.must("maker", "submission", "--dir", self.folder, "--for", "globex", *story.flag("--key", [self.cast.key("acme1"), self.cast.key("acme3")]), "-o", anew)
        identity = self.scratch / "identity.submission"
        story.must("maker", "submission", "--dir", self.folder, "--for", "globex", "--identity-only", "-o", identity)
        request = self.cast.request()
        story.must("site", "intake", "--dir", self.cast.site, identity, "-o", request)
        self.cast.attach(request, "targets1", "targets2")
        story.must("site", "intake", "--dir", self.cast.site, anew)
        self.assertIn("waits for maker 'acme'", self.publish().out)
        self.assertRefused(self.get(), story.NO, "recalled")
        result = story.hallmark("maker", "recall", "--dir", self.folder, "--for", "globex", "--key", self.cast.key("acme2"), "-o", self.out)
        self.assertRefused(result, story.NO, "not one of those that sign it")
        story.must("maker", "recall", "--dir", self.folder, "--for", "globex", "--key", self.cast.key("acme3"), "-o", self.out)
        result = self.take()
        self.assertStatus(result, story.GOOD)
        self.assertIn("nothing that is new", result.out)
        out = self.publish().out
        for words in ("'recalls~acme' version 2", "'targets' version 3"):
            self.assertIn(words, out)
        self.assertRefused(self.get(), story.NO, "recalled", "its maker acme")
        self.assertStatus(self.get("acme/e1000/1.21.1/pxe-e1000.rom"), story.GOOD)

    def test_signing_anew_needs_something_to_sign(self):
        result = story.hallmark("maker", "recall", "--dir", self.folder, "--for", "globex", "--key", self.cast.key("acme1"), "-o", self.out)
        self.assertRefused(result, story.CANNOT_TELL, "ever recalled")
        for option in ("--reason", "--remedy", "--title", "--url"):
            result = story.hallmark("maker", "recall", "--dir", self.folder, "--for", "globex", option, "https://acme.example/", "-o", self.out)
            self.assertRefused(result, story.USAGE, "say its name")


class Advisories(SiteCase):
    """What CSAF tools find below public/csaf."""

    def test_none_before_the_first_recall(self):
        self.assertFalse((self.cast.public / "csaf").exists())

    def test_documents_lists_and_feed_agree(self):
        self.recalled()
        self.recalled("acme/e1000/1.21.1/pxe-e1000.rom", name="second")
        csaf = self.cast.public / "csaf"
        provider = json.loads((csaf / "provider-metadata.json").read_text())
        base = "https://firmware.example/"
        self.assertEqual(provider["canonical_url"], f"{base}csaf/provider-metadata.json")
        feeds = [f["url"] for d in provider["distributions"] if "rolie" in d for f in d["rolie"]["feeds"]]
        self.assertEqual(len(feeds), 1)
        feed = json.loads((self.cast.public / feeds[0].removeprefix(base)).read_text())["feed"]
        self.assertEqual(sorted(e["id"] for e in feed["entry"]), [NAME, "second"])
        names = (csaf / "white" / "index.txt").read_text().split()
        changes = [line.split(",") for line in (csaf / "white" / "changes.csv").read_text().split()]
        self.assertEqual([c[0].strip('"') for c in changes], names)
        self.assertEqual(sorted((c[1] for c in changes), reverse=True), [c[1] for c in changes])
        for entry in feed["entry"]:
            path = self.cast.public / entry["content"]["src"].removeprefix(base)
            self.assertIn(str(path.relative_to(csaf / "white")), names)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            self.assertEqual(Path(f"{path}.sha256").read_text(), f"{digest}  {path.name}\n")
            self.assertEqual(self.role()["targets"][f"recalls/vendor/{path.name}"]["hashes"]["sha256"], digest)
            document = json.loads(path.read_text())
            self.assertEqual(document["document"]["tracking"]["id"], path.stem)
            recall = self.role()["targets"][f"recalls/vendor/{path.name}"]["custom"]["recall"]
            hashes = [h["value"] for p in document["product_tree"]["full_product_names"] for f in p["product_identification_helper"]["hashes"] for h in f["file_hashes"]]
            self.assertEqual(sorted(set(hashes)), recall["digests"])
            vex = json.loads((csaf / "openvex" / path.parent.name / f"{path.stem}.openvex.json").read_text())
            self.assertEqual([p["hashes"]["sha-256"] for s in vex["statements"] for p in s["products"]], recall["digests"])
            self.assertEqual({s["status"] for s in vex["statements"]}, {"affected"})

    def test_publish_mends_them(self):
        self.recalled()
        feed = self.cast.public / "csaf" / "white" / "feed-tlp-white.json"
        whole = feed.read_text()
        feed.write_text("{}")
        (self.cast.public / "csaf" / "white" / "index.txt").unlink()
        self.publish()
        self.assertEqual(feed.read_text(), whole)
        self.assertTrue((self.cast.public / "csaf" / "white" / "index.txt").exists())


class Logged(story.Case):
    """A site that keeps a release log has an entry for each recall, and the map of releases marks what it reaches."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = logged.World(cls.root / "world")
        cls.addClassCleanup(cls.world.close)
        cls.world.init()
        cls.world.cast.init_maker("acme", "Acme Chips")
        cls.world.cast.enroll("acme")
        cls.path = cls.world.approved("1.0", b"firmware " * 100)
        cls.world.publish()
        cls.world.cast.trust()

    def test_recall(self):
        cast = self.world.cast
        request = cast.request()
        story.must("site", "recall", "--dir", cast.site, NAME, self.path, *TEXTS, "-o", request)
        cast.attach(request, "recall1")
        self.world.publish()
        public = tree.Tree(cast.public)
        size = log.read_checkpoint((cast.public / "log" / "checkpoint").read_text())[1]
        entries = [e for e in log.read_entries(cast.public / "log", size) if e.startswith(b"hallmark/recall v1\n")]
        self.assertEqual(len(entries), 1)
        target = public.load("recalls~vendor")["signed"]["targets"][f"recalls/vendor/{NAME}.json"]
        self.assertEqual(log.lines_of(entries[0], "path"), [(f"recalls/vendor/{NAME}.json",)])
        self.assertEqual(log.lines_of(entries[0], "document"), [(target["hashes"]["sha256"], str(target["length"]))])
        self.assertEqual([d for d, in log.lines_of(entries[0], "digest")], target["custom"]["recall"]["digests"])
        self.assertEqual(log.lines_of(entries[0], "role"), [("recalls~vendor", str(public.version("recalls~vendor")))])
        product = "/".join(self.path.split("/")[:2])
        self.assertIn(f"{NAME}.json\n", (cast.public / "log" / "versions" / product).read_text())
        result = story.hallmark("get", self.path, "-d", self.scratch, "--no-progress", home=cast.home)
        self.assertRefused(result, story.NO, "recalled")
        again = self.world.approved("1.1", b"mended " * 100)
        self.world.publish()
        story.must("get", again, "-d", self.scratch, "--no-progress", home=cast.home)


if __name__ == "__main__":
    unittest.main(verbosity=2)
