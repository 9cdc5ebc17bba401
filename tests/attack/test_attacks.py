# SPDX-License-Identifier: Apache-2.0
"""Every attack of tests/lib/attacks.py is refused with its reason, and its control goes through.

The site keeps a release log, and the intruder writes it with its key: what is refused is refused whatever the log says.
"""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402


class Attacks(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, cls.old, _ = attacks.build(cls.root / "world", logged=True)
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(url=cls.server.url)
        story.must("get", attacks.FILE, "-d", cls.root / "first", "--no-progress", home=cls.cast.home)

    def field(self):
        return attacks.Field(self.cast, self.server, self.scratch, old_public=self.old)

    def test_control__the_untouched_tree_is_accepted(self):
        f = self.field()
        result = f.get()
        self.assertStatus(result, story.GOOD)
        self.assertEqual((self.scratch / "out" / "efi-e1000.rom").read_bytes(), f.image)
        self.assertIn("maker, introduced by vendor", result.out)

    def test_control__what_everybody_signed_is_accepted_from_the_forging_code(self):
        """The forging code makes good trees when all sign: so each refusal is for the reason told."""
        f = self.field()
        self.assertStatus(attacks.evil_path(f, attacks.NEW_FILE), story.GOOD)
        self.assertEqual((self.scratch / "out" / "efi-e1000.rom").read_bytes(), f.evil)

    def test_lying_mirror__is_named_and_the_site_used(self):
        f = self.field()
        result, url = attacks.lying_mirror(f)
        self.assertStatus(result, story.GOOD)
        self.assertIn(url.rstrip("/"), result.err)
        self.assertEqual((self.scratch / "out" / "efi-e1000.rom").read_bytes(), f.image)


def add(attack):
    def test(self):
        f = self.field()
        result = attack.run(f)
        self.assertRefused(result, attack.status, *attack.words)
        left = [p for p in (self.scratch / "out").rglob("*") if p.is_file() and not p.name.startswith(".")]
        self.assertEqual(left, [], "something stands under a final name")
        self.assertFalse(list(self.scratch.rglob("escaped")))
        if not f.online_used:
            # A refusal does no lasting harm: once the site is well, so is the customer. (With the online key stolen the
            # versions moved on, and the site must move past them: that is recovery by key rotation.)
            self.server.folder, self.server.rules = self.cast.public, {}
            self.assertStatus(f.get(), story.GOOD)

    name = "test_" + "".join(c if c.isalnum() else "_" for c in attack.name) + "__is_refused"
    setattr(Attacks, name, test)


for each in attacks.ATTACKS:
    add(each)

if __name__ == "__main__":
    unittest.main(verbosity=2)
