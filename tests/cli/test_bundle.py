# SPDX-License-Identifier: Apache-2.0
"""Bundles: what a site has, in one file, to a network without a connection. Everything in one is as hostile as a site."""
import io
import json
import shutil
import sys
import tarfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import products  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class Bundle(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, cls.old_public, cls.images = attacks.build(cls.root / "world")
        cls.cast.init_maker("bolt", "Bolt Disks")
        cls.cast.enroll("bolt")
        cls.disk = cls.root / "disk.bin"
        cls.disk.write_bytes(b"disk firmware " * 100)
        cls.cast.release("bolt", "disk", "1.0", [cls.disk])
        cls.cast.trust()
        cls.image = cls.images["efi-e1000.rom"]
        cls.trust = cls.cast.public / "hallmark.trust"
        cls.bundle = cls.root / "all.bundle"
        cls.export(cls.bundle, "acme", home=cls.cast.home)

    @classmethod
    def export(cls, path, *patterns, home):
        return story.must("bundle", "export", *patterns, "-o", path, "--no-progress", home=home)

    def setUp(self):
        super().setUp()
        self.home, self.out = self.scratch / "isolated", self.scratch / "out"

    def run_home(self, *args, **kwargs):
        return story.hallmark(*args, home=self.home, **kwargs)

    def add(self, bundle=None, *options, **kwargs):
        return self.run_home("trust", "add", "globex", f"bundle:{bundle or self.bundle}", "--trust", self.trust, *options, **kwargs)

    def take(self, bundle=None, *options, **kwargs):
        return self.run_home("bundle", "import", bundle or self.bundle, "-d", self.out, "--no-progress", *options, **kwargs)

    def placed(self):
        return sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file() and not p.name.startswith("."))

    def head(self):
        with tarfile.open(self.bundle) as archive:
            return json.loads(archive.extractfile("bundle.json").read())

    def rewrite(self, change, name="changed.bundle"):
        """The bundle with change({name: bytes}) made, in the same order."""
        with tarfile.open(self.bundle) as archive:
            members = {member.name: archive.extractfile(member).read() for member in archive}
        members = change(members) or members
        path = self.scratch / name
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size, info.mode = len(data), 0o644
                archive.addfile(info, io.BytesIO(data))
        return path


class Travel(Bundle):
    def test_import__takes_state_and_images_in(self):
        self.assertStatus(self.add(), 0)
        result = self.take()
        self.assertStatus(result, 0)
        self.assertEqual(self.placed(), ["SHA256SUMS", "acme/e1000/1.21.0/efi-e1000.rom", "acme/e1000/1.21.1/efi-e1000.rom",
                                         "acme/e1000/1.21.1/pxe-e1000.rom"])
        self.assertEqual((self.out / attacks.FILE).read_bytes(), self.image.read_bytes())
        again = self.take()
        self.assertStatus(again, 0)
        self.assertIn("3 unchanged", again.out)

    def test_bundle__is_a_tar_in_order_with_each_image_once(self):
        with tarfile.open(self.bundle) as archive:
            names = archive.getnames()
        self.assertEqual(names[0], "bundle.json")
        self.assertEqual(names[1], "metadata/1.root.json")
        self.assertEqual([n.split("/")[0] for n in names], sorted((n.split("/")[0] for n in names),
                                                                 key=["bundle.json", "metadata", "makers", "images"].index))
        self.assertEqual(len([n for n in names if n.startswith("images/")]), 2)  # three files, two of the same bytes
        self.assertFalse([n for n in names if "bolt" in n])
        head = self.head()
        self.assertEqual((head["schema"], head["site"], head["patterns"]), ("hallmark/bundle/1", "globex", ["acme"]))

    def test_later__everything_says_as_of_the_bundle(self):
        self.assertStatus(self.add(), 0)
        self.assertStatus(self.take(), 0)
        head = self.head()
        verified = self.run_home("verify", self.image)
        self.assertStatus(verified, 0)
        self.assertIn(f"as of {head['refreshed']}, by a bundle of globex", verified.out)
        listed = self.run_home("list", "acme")
        self.assertStatus(listed, 0)
        self.assertIn(attacks.FILE, listed.out)
        self.assertIn(f"as of {head['refreshed']}", listed.err)
        self.assertEqual(self.run_home("list", "acme", "--json").json()["sites"][0]["refreshed"], head["refreshed"])

    def test_later__what_was_not_carried_cannot_be_told(self):
        self.assertStatus(self.add(), 0)
        self.assertStatus(self.take(), 0)
        self.assertRefused(self.run_home("verify", self.disk), 3, "bolt")
        more = self.scratch / "bolt.bundle"
        self.export(more, "bolt/disk", home=self.cast.home)
        self.assertStatus(self.take(more), 0)
        self.assertStatus(self.run_home("verify", self.disk), 0)

    def test_later__a_connection_is_asked_for_in_vain(self):
        self.assertStatus(self.add(), 0)
        self.assertRefused(self.run_home("get", attacks.FILE, "-d", self.out), 3, "bundle import")
        self.assertRefused(self.run_home("sync", "acme", "-d", self.out), 3, "bundle import")
        self.assertRefused(self.run_home("bundle", "export", "acme", "-o", self.scratch / "x"), 3, "bundle import")

    def test_import__without_a_folder_takes_the_state_alone(self):
        self.assertStatus(self.add(), 0)
        self.assertStatus(self.run_home("bundle", "import", self.bundle), 0)
        self.assertFalse(self.out.exists())
        self.assertStatus(self.run_home("verify", self.image), 0)

    def test_import__dry_run_places_nothing(self):
        self.assertStatus(self.add(), 0)
        self.assertStatus(self.take(None, "--dry-run"), 0)
        self.assertFalse(self.out.exists())

    def test_import__json(self):
        self.assertStatus(self.add(), 0)
        report = self.take(None, "--json").json()
        self.assertEqual((report["schema"], report["changed"], len(report["files"])), ("hallmark/bundle-import/1", True, 3))

    def test_import__of_a_site_that_also_has_a_connection(self):
        self.cast.trust(home=self.home)
        self.assertStatus(self.take(), 0)
        self.assertStatus(self.run_home("list"), 0)

    def test_export__of_a_divided_maker(self):
        public = tree.Tree.copy(self.cast.public, self.scratch / "public")
        keys = [tree.Key(self.cast.key(f"release{i}")) for i in (1, 2, 3)], [tree.Key(self.cast.key(f"acme{i}")) for i in (1, 2)]
        products.divide(public, "acme", *keys, tree.Key(self.cast.site / "private" / "keys" / "online.pem"), thresholds={"release": 2},
                        extra=lambda targets: products.fill(targets, "acme", 3, 2))
        online = self.scratch / "online"
        self.cast.trust(online, f"file://{public.public}")
        path = self.scratch / "divided.bundle"
        self.export(path, "acme/e1000", home=online)
        with tarfile.open(path) as archive:
            roles = [name.split(".")[1] for name in archive.getnames() if "~acme" in name and name.startswith("metadata")]
        self.assertEqual(sorted(roles), ["maker~acme", "maker~acme~e1000", "release~acme", "release~acme~e1000"])
        self.assertStatus(self.add(path), 0)
        self.assertStatus(self.take(path), 0)
        self.assertStatus(self.run_home("verify", self.image), 0)

    def test_export__leaves_no_half_bundle(self):
        public = tree.Tree.copy(self.cast.public, self.scratch / "public")
        path = public.image(f"{attacks.WHAT}/pxe-e1000.rom")
        path.write_bytes(b"x" * path.stat().st_size)
        online = self.scratch / "online"
        self.cast.trust(online, f"file://{public.public}")
        folder = self.scratch / "folder"
        folder.mkdir()
        result = story.hallmark("bundle", "export", "acme", "-o", folder / "x.bundle", home=online)
        self.assertStatus(result, 1)
        self.assertEqual(list(folder.iterdir()), [])

    def test_export__of_nothing_is_an_answer(self):
        self.assertRefused(story.hallmark("bundle", "export", "nobody", "-o", self.scratch / "x", home=self.cast.home), 1, "nothing")


class Age(Bundle):
    def test_import__of_an_expired_state_cannot_tell(self):
        self.assertStatus(self.add(), 0)
        late = self.take(faketime="+20d")
        self.assertRefused(late, 3, "expired")
        self.assertFalse(self.out.exists())

    def test_import__accepts_as_much_age_as_is_said(self):
        self.assertStatus(self.add(), 0)
        self.assertRefused(self.take(None, "--accept-age", "10d", faketime="+20d"), 3, "--accept-age")
        self.assertStatus(self.take(None, "--accept-age", "30d", faketime="+20d"), 0)
        verified = self.run_home("verify", self.image, faketime="+21d")
        self.assertStatus(verified, 0)
        self.assertIn("21 days ago", verified.out)

    def test_import__max_age_is_stricter_than_the_site(self):
        self.assertStatus(self.add(), 0)
        self.assertRefused(self.take(None, "--max-age", "2d", faketime="+3d"), 3, "--max-age")
        self.assertStatus(self.take(None, "--max-age", "4d", faketime="+3d"), 0)

    def test_add__of_an_expired_state(self):
        self.assertRefused(self.add(faketime="+20d"), 3, "expired")
        self.assertStatus(self.add(None, "--accept-age", "30d", faketime="+20d"), 0)

    def test_claim__cannot_outlive_the_signed_expiry(self):
        """bundle.json may say that it was refreshed yesterday: its timestamp says when it ended."""
        def lie(members):
            head = json.loads(members["bundle.json"])
            head["refreshed"] = "2099-01-01T00:00:00Z"
            members["bundle.json"] = json.dumps(head).encode()
        self.assertStatus(self.add(), 0)
        path = self.rewrite(lie)
        self.assertRefused(self.take(path), 3, "clock")
        self.assertRefused(self.take(path, "--accept-age", "10d", faketime="@2099-01-02 00:00:00"), 3, "expired")

    def test_import__of_an_older_state_goes_back_in_nothing(self):
        old_home = self.scratch / "old"
        self.cast.trust(old_home, f"file://{self.old_public}")
        old = self.scratch / "old.bundle"
        self.export(old, "acme", home=old_home)
        self.assertStatus(self.add(old), 0)
        self.assertStatus(self.take(old), 0)
        self.assertStatus(self.take(), 0)
        self.assertRefused(self.take(old), 1, "timestamp")
        self.assertStatus(self.run_home("list", attacks.FILE), 0)


class Hostile(Bundle):
    def setUp(self):
        super().setUp()
        self.assertStatus(self.add(), 0)

    def test_control(self):
        self.assertStatus(self.take(self.rewrite(lambda members: None)), 0)

    def test_image_of_other_bytes(self):
        def change(members):
            for name in members:
                if name.startswith("images/"):
                    members[name] = members[name][:-1] + b"x"
        self.assertRefused(self.take(self.rewrite(change)), 1, "other bytes")
        self.assertEqual([p for p in self.placed() if p != "SHA256SUMS"], [])

    def test_image_of_other_length(self):
        for size in (-1, +1):
            def change(members):
                for name in members:
                    if name.startswith("images/"):
                        members[name] = members[name][:-1] if size < 0 else members[name] + b"x"
            self.assertIn(self.take(self.rewrite(change)).status, (1, 3))
            self.assertEqual([p for p in self.placed() if p != "SHA256SUMS"], [])

    def test_image_missing(self):
        self.assertStatus(self.take(self.rewrite(lambda m: {k: v for k, v in m.items() if not k.startswith("images/")})), 3)

    def test_metadata_changed(self):
        with tarfile.open(self.bundle) as archive:
            names = [n for n in archive.getnames() if n.startswith("metadata/") or n.startswith("makers/")]
        for name in names:
            with self.subTest(name=name):
                home = self.scratch / name.replace("/", "_")
                shutil.rmtree(self.out, ignore_errors=True)
                path = self.rewrite(lambda m: m.update({name: m[name].replace(b'"sig":"', b'"sig":"00', 1)}))
                result = story.hallmark("trust", "add", "globex", f"bundle:{path}", "--trust", self.trust, home=home)
                if result.status == 0:  # what is not needed for that is needed later, but for the root that is trusted already
                    result = story.hallmark("bundle", "import", path, "-d", self.out, home=home)
                self.assertEqual(result.status == 0, name == "metadata/1.root.json", result.err)
                if name != "metadata/1.root.json":
                    self.assertFalse(self.out.exists() and [p for p in self.placed() if p != "SHA256SUMS"])

    def test_other_site(self):
        path = self.rewrite(lambda m: m.update({"bundle.json": m["bundle.json"].replace(b"globex", b"initech")}))
        self.assertRefused(self.take(path), 3, "initech")
        result = story.hallmark("trust", "add", "globex", f"bundle:{path}", "--trust", self.trust, home=self.scratch / "new")
        self.assertRefused(result, 1, "initech")

    def test_shape(self):
        def reorder(members):
            return {k: members[k] for k in sorted(members, key=lambda k: k == "bundle.json")}
        bad = {
            "order": reorder,
            "stranger": lambda m: m.update({"other/thing": b"x"}),
            "no head": lambda m: {k: v for k, v in m.items() if k != "bundle.json"},
            "empty": lambda m: {"bundle.json": b"{}"},
            "schema": lambda m: m.update({"bundle.json": m["bundle.json"].replace(b"bundle/1", b"bundle/2")}),
            "image name": lambda m: m.update({"images/zz": b"x"}),
            "image order": lambda m: m.update({"images/" + "0" * 64: b"x"}),
            "no patterns": lambda m: m.update({"bundle.json": json.dumps({**json.loads(m["bundle.json"]), "patterns": []}).encode()}),
        }
        for name, change in bad.items():
            with self.subTest(name=name):
                self.assertRefused(self.take(self.rewrite(change, f"{name}.bundle")), 1, "no bundle")
        for size in (0, 100, 1000, 5000, self.bundle.stat().st_size - 2000):
            with self.subTest(size=size):
                cut = self.scratch / "cut.bundle"
                cut.write_bytes(self.bundle.read_bytes()[:size])
                self.assertStatus(self.take(cut), 1)
        self.assertStatus(self.take("/dev/null"), 3)
        self.assertStatus(self.take(self.scratch), 3)
        self.assertStatus(self.take(self.scratch / "nowhere"), 3)

    def test_patterns_are_only_questions(self):
        path = self.rewrite(lambda m: m.update({"bundle.json": json.dumps({**json.loads(m["bundle.json"]), "patterns": ["*"]}).encode()}))
        result = self.take(path)
        self.assertRefused(result, 3, "bolt")
        self.assertIn(attacks.FILE, self.placed())

    def test_trust_is_needed(self):
        result = story.hallmark("bundle", "import", self.bundle, home=self.scratch / "nobody")
        self.assertStatus(result, 3)
        result = story.hallmark("trust", "add", "globex", f"bundle:{self.bundle}", home=self.scratch / "nobody")
        self.assertRefused(result, 2, "--trust")


if __name__ == "__main__":
    unittest.main(verbosity=2)
