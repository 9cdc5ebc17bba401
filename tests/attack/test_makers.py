# SPDX-License-Identifier: Apache-2.0
"""What a malicious maker, helped by whoever holds the online key, can do to another maker's files: nothing."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class Makers(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _, images = attacks.build(cls.root / "world")
        cls.image = images["efi-e1000.rom"]
        cls.cast.init_maker("zeta", "Zeta Chips")
        cls.cast.enroll("zeta")
        own = cls.root / "zeta.bin"
        own.write_bytes(b"zeta" * 1000)
        cls.cast.release("zeta", "z1", "1.0", [own], "--title", "Zeta")
        cls.own = own

    def served(self, *names):
        """The customer refreshes after zeta signed that it made acme's image, under these names."""
        served = tree.Tree.copy(self.cast.public, self.scratch / "public")
        home = self.scratch / "home"
        signed = tree.next_version(served.load("maker~zeta")["signed"])
        for name in names:
            signed["targets"][name] = {"length": self.image.stat().st_size,
                                       "hashes": {"sha256": attacks.hashlib.sha256(self.image.read_bytes()).hexdigest()}}
        served.put("maker~zeta", signed, [tree.Key(self.cast.key("zeta1")), tree.Key(self.cast.key("zeta2"))],
                   tree.Key(self.cast.site / "private" / "keys" / "online.pem"))
        self.cast.trust(home, f"file://{served.public}")
        self.hallmark("list", home=home)
        return home

    def test_control__without_a_false_name_all_verify(self):
        home = self.served()
        self.assertStatus(self.hallmark("verify", self.image, self.own, home=home), story.GOOD)

    def test_control__a_file_zeta_alone_signed_is_not_zetas_release(self):
        home = self.served("zeta/z1/9.9/f.rom")
        self.assertStatus(self.hallmark("verify", self.image, home=home), story.GOOD)

    def test_anothers_names_in_a_makers_list__do_not_spoil_the_others_files(self):
        for name in ("acme/e1000/9.9/efi-e1000.rom", "nobody/x/1/f", "../../escaped", "x"):
            with self.subTest(name):
                self.setUp()
                home = self.served(name)
                self.assertStatus(self.hallmark("verify", self.image, home=home), story.GOOD)
                self.assertRefused(self.hallmark("get", "zeta/z1/1.0", "-d", self.scratch / "out", home=home), story.NO, "maker~zeta")


if __name__ == "__main__":
    unittest.main(verbosity=2)
