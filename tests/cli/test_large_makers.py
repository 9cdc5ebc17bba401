# SPDX-License-Identifier: Apache-2.0
"""Roles by product as maker, approvers and site meet them: a maker whose files become more than one role should list."""
import gzip
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402
import tree  # noqa: E402

FLAT_MAX = 256


class LargeMaker(story.Case):
    """The tests follow one another in one world: a site grows."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast = story.Cast(cls.root / "world")
        cls.cast.init_site()
        cls.cast.init_maker("acme", "Acme Chips")
        cls.cast.enroll("acme")

    def files(self, count, text):
        folder = self.scratch / text
        folder.mkdir()
        paths = [folder / f"f{i:03}.bin" for i in range(count)]
        for path in paths:
            path.write_text(f"{text} {path.name}\n")
        return paths

    def published(self, role):
        return tree.Tree(self.cast.public).load(role)["signed"]

    def versions(self):
        """{role: version} of all that the snapshot lists."""
        meta = tree.Tree(self.cast.public).load("snapshot")["signed"]["meta"]
        return {name.removesuffix(".json"): facts["version"] for name, facts in meta.items()}

    def changed(self, before):
        now = self.versions()
        return {role for role in now if now[role] != before.get(role)}

    def customer(self, *paths):
        """A new customer gets these."""
        home = self.scratch / "home"
        self.cast.trust(home=home)
        for path in paths:
            out = self.scratch / path.replace("/", "_")
            story.must("get", path, "-o", out, home=home)
        return home

    def test_1_a_role_lists_files_itself_up_to_the_limit(self):
        self.cast.release("acme", "nic", "1.0", self.files(FLAT_MAX, "one"))
        for role in ("release~acme", "maker~acme"):
            self.assertEqual(len(self.published(role)["targets"]), FLAT_MAX)
            self.assertNotIn("delegations", self.published(role))
        self.customer("acme/nic/1.0/f000.bin")

    def test_2_one_more_divides_both_sides(self):
        submission = self.cast.submit("acme", "bmc", "2.0", self.files(1, "two"))
        before = self.versions()
        story.must("site", "intake", "--dir", self.cast.site, submission)
        review = story.must("site", "review", "--dir", self.cast.site).out
        self.assertNotIn("WARNING", review)
        request = self.cast.request()
        story.must("site", "approve", "--dir", self.cast.site, "--all", "-o", request)
        shown = story.must("sign", request, "--key", self.cast.key("release1"), "-o", self.scratch / "1.sig", "--yes",
                           "--home", self.cast.root / "signers" / "release1")
        self.assertNotIn("WARNING", shown.out + shown.err)
        self.assertIn("release~acme~nic: a role of its own from now on", shown.out)
        self.assertIn("releases move to the roles of their products", shown.out)
        self.cast.attach(request, "release3")
        # One signature is missing everywhere: nothing of it goes out.
        held = story.must("site", "publish", "--dir", self.cast.site)
        self.assertEqual(self.changed(before), set())
        self.assertIn("1 of 2 signatures", held.out)
        story.must("site", "attach", "--dir", self.cast.site, self.scratch / "1.sig")
        story.must("site", "publish", "--dir", self.cast.site)
        for side in ("release", "maker"):
            above = self.published(f"{side}~acme")
            self.assertEqual(above["targets"], {})
            roles = {role["name"]: role for role in above["delegations"]["roles"]}
            self.assertEqual(set(roles), {f"{side}~acme~nic", f"{side}~acme~bmc"})
            self.assertEqual(roles[f"{side}~acme~nic"]["paths"], ["acme/nic/*/*"])
            self.assertTrue(all(role["terminating"] for role in roles.values()))
            self.assertEqual(len(self.published(f"{side}~acme~nic")["targets"]), FLAT_MAX)
            self.assertEqual(self.published(f"{side}~acme~bmc")["x-hallmark"]["product"], "bmc")
        home = self.customer("acme/nic/1.0/f255.bin", "acme/bmc/2.0/f000.bin")
        listed = story.must("list", "--json", home=home).out
        self.assertIn("acme/bmc", listed)

    def test_3_a_release_signs_its_product_alone(self):
        before = self.versions()
        submission = self.cast.submit("acme", "nic", "1.1", self.files(2, "three"))
        request = self.cast.request()
        story.must("site", "intake", "--dir", self.cast.site, submission)
        story.must("site", "approve", "--dir", self.cast.site, "--all", "-o", request)
        self.assertEqual(self.asked(request), ["release~acme~nic"])
        self.cast.attach(request, "release1", "release3")
        story.must("site", "publish", "--dir", self.cast.site)
        self.assertEqual(self.changed(before), {"release~acme~nic", "maker~acme~nic"})
        self.customer("acme/nic/1.1/f001.bin", "acme/nic/1.0/f001.bin")

    def asked(self, request):
        import tarfile
        with tarfile.open(request) as archive:
            return [document["role"] for document in json.load(archive.extractfile("request.json"))["documents"]]

    def test_4_a_new_product_is_named_above_once(self):
        before = self.versions()
        submission = self.cast.submit("acme", "raid+sas", "0.9", self.files(1, "four"))
        request = self.cast.request()
        story.must("site", "intake", "--dir", self.cast.site, submission)
        story.must("site", "approve", "--dir", self.cast.site, "--all", "-o", request)
        self.assertEqual(self.asked(request), ["release~acme", "release~acme~raid+sas"])
        self.cast.attach(request, "release1", "release3")
        status = story.must("site", "status", "--dir", self.cast.site)
        self.assertIn("release~acme~raid+sas", status.out)
        story.must("site", "publish", "--dir", self.cast.site)
        self.assertEqual(self.changed(before), {"release~acme", "maker~acme", "release~acme~raid+sas", "maker~acme~raid+sas"})
        self.customer("acme/raid+sas/0.9/f000.bin")

    def test_5_a_version_is_never_used_again(self):
        again = story.hallmark("maker", "release", "--dir", self.cast.root / "maker-acme", "--for", "globex", "nic", "1.0",
                               *self.files(1, "five"), "--key", self.cast.key("acme1"))
        self.assertRefused(again, story.NO, "signed before with other files")

    def test_6_new_approvers_sign_every_product(self):
        before = self.versions()
        self.cast.key("release4")
        request = self.cast.request()
        story.must("site", "rotate", "--dir", self.cast.site, "release~acme", "--remove", self.cast.pub("release3"),
                   "--add", self.cast.pub("release4"), "-o", request)
        self.assertEqual(set(self.asked(request)), {"targets", "release~acme", "release~acme~nic", "release~acme~bmc", "release~acme~raid+sas"})
        self.cast.attach(request, "targets1", "targets2", "release1")
        story.must("site", "publish", "--dir", self.cast.site)
        self.assertEqual(self.changed(before), set())
        self.cast.attach(request, "release4")
        story.must("site", "publish", "--dir", self.cast.site)
        self.assertIn("release~acme~bmc", self.changed(before))
        self.customer("acme/nic/1.0/f100.bin", "acme/bmc/2.0/f000.bin", "acme/raid+sas/0.9/f000.bin")

    def test_7_new_maker_keys_sign_every_product(self):
        folder = self.cast.root / "maker-acme"
        home = self.customer("acme/nic/1.0/f100.bin")
        self.cast.key("acme9")
        story.must("maker", "rotate", "--dir", folder, *story.flag("--public", [self.cast.pub("acme1"), self.cast.pub("acme9")]),
                   *story.flag("--key", [self.cast.key(f"acme{i}") for i in (1, 2, 9)]))
        anew = self.scratch / "anew.submission"
        story.must("maker", "submission", "--dir", folder, "--for", "globex", *story.flag("--key", [self.cast.key("acme1"), self.cast.key("acme9")]), "-o", anew)
        before = self.versions()
        story.must("site", "intake", "--dir", self.cast.site, anew)
        request = self.cast.request()
        story.must("site", "approve", "--dir", self.cast.site, "--all", "-o", request)
        self.cast.attach(request, "targets1", "targets2")
        story.must("site", "publish", "--dir", self.cast.site)
        self.assertEqual({role for role in self.changed(before) if role.startswith("maker~")},
                         {role for role in self.versions() if role.startswith("maker~")})
        story.must("get", "acme/bmc/2.0/f000.bin", "-o", self.scratch / "old-customer.bin", home=home)
        self.cast.trust(home=self.scratch / "new")
        story.must("get", "acme/bmc/2.0/f000.bin", "-o", self.scratch / "new-customer.bin", home=self.scratch / "new")

    def test_8_a_rejected_new_product_blocks_nothing(self):
        folder = self.cast.root / "maker-acme"
        names = ["acme1", "acme9"]

        def release(product, version, files):
            out = self.scratch / f"{product}.submission"
            story.must("maker", "release", "--dir", folder, "--for", "globex", product, version, *files,
                       *story.flag("--key", [self.cast.key(n) for n in names]), "-o", out)
            return out

        first = release("bad", "1", self.files(1, "eight"))
        second = release("bmc", "2.1", self.files(1, "nine"))
        taken = story.must("site", "intake", "--dir", self.cast.site, first, "--json").json()
        story.must("site", "intake", "--dir", self.cast.site, second)
        story.must("site", "reject", "--dir", self.cast.site, taken["submission"], "--reason", "does not boot")
        request = self.cast.request()
        story.must("site", "approve", "--dir", self.cast.site, "--all", "-o", request)
        self.assertEqual(self.asked(request), ["release~acme~bmc"])
        self.cast.attach(request, "release1", "release4")
        story.must("site", "publish", "--dir", self.cast.site)
        home = self.customer("acme/bmc/2.1/f000.bin")
        self.assertEqual(story.hallmark("get", "acme/bad/1/f000.bin", "-o", self.scratch / "bad.bin", home=home).status, story.NO)
        self.assertNotIn("tell the site", story.must("list", home=home).err)
        shown = story.must("maker", "show", "--dir", folder).out
        self.assertIn("acme/bmc/2.1  1 file", shown)

    def test_a_each_version_has_a_compressed_copy(self):
        names = {path.name for path in (self.cast.public / "metadata").iterdir()}
        for name in names - {"timestamp.json"}:
            if name.endswith(".json"):
                packed = (self.cast.public / "metadata" / f"{name}.gz").read_bytes()
                self.assertEqual(gzip.decompress(packed), (self.cast.public / "metadata" / name).read_bytes())
                self.assertEqual(packed[4:8], b"\0\0\0\0")
        self.assertNotIn("timestamp.json.gz", names)

    def test_9_renewal_is_one_request(self):
        before = self.versions()
        request = self.cast.request()
        story.must("site", "renew", "--dir", self.cast.site, "--offline", "3y", "-o", request)
        self.assertIn("release~acme~nic", self.asked(request))
        self.cast.attach(request, "root1", "root2", "targets1", "targets2", "release1", "release4", "recall1")
        story.must("site", "publish", "--dir", self.cast.site)
        self.assertTrue({"targets", "release~acme", "release~acme~nic", "release~acme~bmc"} <= self.changed(before))
        self.customer("acme/nic/1.0/f100.bin")


class Waiting(story.Case):
    """A maker goes on while the submission that divides its releases waits."""

    def test_the_next_product_is_taken_in_behind_it(self):
        cast = story.Cast(self.scratch / "world")
        cast.init_site()
        cast.init_maker("acme", "Acme Chips")
        cast.enroll("acme")
        for product, count in (("nic", FLAT_MAX - 1), ("bmc", 1)):
            cast.release("acme", product, "1.0", self.files(product, "1.0", count))
        divides = cast.submit("acme", "nic", "1.1", self.files("nic", "1.1", 1))
        story.must("site", "intake", "--dir", cast.site, divides)
        # Each of these brings one product, and maker~acme, which lists nothing any more.
        for product in ("bmc", "nic"):
            story.must("site", "intake", "--dir", cast.site, cast.submit("acme", product, "1.2", self.files(product, "1.2", 1)))
        request = cast.request()
        story.must("site", "approve", "--dir", cast.site, "--all", "-o", request)
        cast.attach(request, "release1", "release3")
        story.must("site", "publish", "--dir", cast.site)
        cast.trust()
        for path in ("bmc/1.0/f000", "bmc/1.2/f000", "nic/1.0/f001", "nic/1.1/f000", "nic/1.2/f000"):
            story.must("get", f"acme/{path}.bin", "-o", self.scratch / path.replace("/", "-"), home=cast.home)

    def files(self, product, version, count):
        folder = self.scratch / f"{product}-{version}"
        folder.mkdir()
        paths = [folder / f"f{i:03}.bin" for i in range(count)]
        for path in paths:
            path.write_text(f"{product} {version} {path.name}\n")
        return paths


if __name__ == "__main__":
    unittest.main()
