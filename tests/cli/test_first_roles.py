# SPDX-License-Identifier: Apache-2.0
"""Every role that a site delegates to is in its snapshot from the start, as TUF 4.4 demands, though it lists nothing yet."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

RECALLS = "recalls~vendor.json"
RELEASE = "release~acme.json"


class FirstRoles(story.Case):
    def setUp(self):
        super().setUp()
        self.cast = story.Cast(self.scratch)

    def site(self, *args):
        return story.must("site", args[0], "--dir", self.cast.site, *args[1:])

    def snapshot(self):
        return tree.Tree(self.cast.public).load("snapshot")["signed"]["meta"]

    def start(self, *signers):
        request = self.cast.request()
        pub = self.cast.pub
        story.must("site", "init", "--dir", self.cast.site, "--name", "globex", "--url", "https://firmware.example/",
                   *story.flag("--root", [pub("root1"), pub("root2")]), *story.flag("--targets", [pub("targets1"), pub("targets2")]),
                   *story.flag("--release", [pub("release1"), pub("release2")]), "--recall", pub("recall1"), "-o", request)
        self.cast.attach(request, "root1", "root2", "targets1", "targets2", *signers)
        return request, self.site("publish").out

    def test_init__the_response_role_is_in_the_first_snapshot(self):
        self.start("recall1")
        self.assertIn(RECALLS, self.snapshot())

    def test_init__a_missing_response_signature_holds_back_its_role_alone(self):
        request, out = self.start()
        self.assertIn("held back", out)
        self.assertIn("'recalls~vendor' version 1: 0 of 1 signatures", out)
        self.assertIn("recall1.pem.pub", out)
        self.assertEqual(list(self.snapshot()), ["targets.json"])
        self.cast.attach(request, "recall1")
        self.site("publish")
        self.assertIn(RECALLS, self.snapshot())

    def test_init__a_key_of_another_role_cannot_start_the_response_role(self):
        request, _out = self.start()
        signature = self.scratch / "wrong.sig"
        result = story.hallmark("sign", request, "--key", self.cast.key("intruder"), "-o", signature, "--yes", "--home", self.scratch / "intruder")
        self.assertNotEqual(result.status, 0)
        self.site("publish")
        self.assertNotIn(RECALLS, self.snapshot())

    def test_enroll__the_release_role_is_in_the_snapshot_before_any_release(self):
        self.cast.init_site()
        self.cast.init_maker("acme", "Acme")
        self.cast.enroll("acme")
        self.assertIn(RELEASE, self.snapshot())
        self.cast.trust()
        listed = story.hallmark("list", home=self.cast.home)
        self.assertStatus(listed, story.GOOD)
        self.assertRefused(story.hallmark("get", attacks.FILE, "-d", self.scratch / "out", home=self.cast.home), story.NO, "acme")

    def test_rotate__targets_waits_until_the_new_response_key_has_signed(self):
        self.cast.init_site()
        request = self.cast.request()
        self.site("rotate", "recalls~vendor", "--add", self.cast.pub("recall2"), "--remove", self.cast.pub("recall1"), "-o", request)
        self.cast.attach(request, "targets1", "targets2")
        self.assertIn("recalls~vendor", self.site("publish").out)
        self.assertEqual(self.snapshot()["targets.json"]["version"], 1)
        self.cast.attach(request, "recall2")
        self.site("publish")
        self.assertEqual(self.snapshot()["targets.json"]["version"], 2)
        self.assertEqual(self.snapshot()[RECALLS]["version"], 2)

    def test_renew__the_response_role_is_among_those_that_end_soon(self):
        self.cast.init_site()
        request = self.cast.request()
        out = self.site("renew", "--offline", "4000d", "-o", request).out
        self.assertIn("'recalls~vendor' version 1 ends", out)
        self.cast.attach(request, "root1", "root2", "targets1", "targets2", "recall1")
        self.site("publish")
        self.assertEqual(self.snapshot()[RECALLS]["version"], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
