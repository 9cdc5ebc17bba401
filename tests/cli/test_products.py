# SPDX-License-Identifier: Apache-2.0
"""A large maker's releases in roles by product, and metadata that travels compressed: what is asked for and what is answered.

The tree is divided and signed by tests/lib/products.py, which shares nothing with the program.
"""
import gzip
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import products  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class Divided(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.plain = cls.root / "plain"
        shutil.copytree(cls.cast.public, cls.plain)
        cls.tree = tree.Tree(cls.cast.public)
        cls.release = [tree.Key(cls.cast.key(f"release{i}")) for i in (1, 2, 3)]
        cls.maker = [tree.Key(cls.cast.key(f"acme{i}")) for i in (1, 2)]
        cls.online = tree.Key(cls.cast.site / "private" / "keys" / "online.pem")
        cls.divide(cls.tree)
        cls.image = cls.images["efi-e1000.rom"]

    @classmethod
    def divide(cls, public, sides=("release", "maker")):
        thresholds = {"release": 2, "maker": 2}
        products.divide(public, "acme", cls.release, cls.maker, cls.online, sides, thresholds=thresholds,
                        extra=lambda targets: products.fill(targets, "acme", 5, 3))

    def setUp(self):
        super().setUp()
        self.home, self.out = self.scratch / "home", self.scratch / "out"
        self.server = httpd.Server(self.cast.public)
        self.addCleanup(self.server.__exit__)

    def run_home(self, *args):
        return story.hallmark(*args, home=self.home)

    def trust(self, folder=None):
        self.server.folder = folder or self.cast.public
        self.cast.trust(self.home, self.server.url)
        self.server.requests.clear()

    def asked(self):
        return [path.rsplit("/", 1)[-1] for path in self.server.requests]


class Products(Divided):
    def test_get__asks_for_six_small_roles(self):
        self.trust()
        self.assertStatus(self.run_home("get", attacks.FILE, "-o", self.scratch / "x"), 0)
        roles = [name for name in self.asked() if "~" in name]
        self.assertEqual(sorted(name.split(".", 1)[1] for name in roles),
                         ["maker~acme.json", "maker~acme~e1000.json", "release~acme.json", "release~acme~e1000.json"])
        self.assertEqual((self.scratch / "x").read_bytes(), self.image.read_bytes())

    def test_list__asks_for_the_products_of_the_pattern(self):
        self.trust()
        listed = self.run_home("list", "acme/p0000[12]")
        self.assertStatus(listed, 0)
        self.assertEqual(len(listed.out.splitlines()), 6)
        self.assertEqual(sorted({name.split("~")[2] for name in self.asked() if name.count("~") == 2}), ["p00001.json", "p00002.json"])

    def test_list__is_the_same_from_either_side(self):
        every = None
        for sides in (("release", "maker"), ("release",), ("maker",)):
            with self.subTest(sides=sides):
                public = tree.Tree.copy(self.plain, self.scratch / "-".join(sides))
                self.divide(public, sides)
                self.home = self.scratch / ("home-" + "-".join(sides))
                self.trust(public.public)
                listed = self.run_home("list")
                self.assertStatus(listed, 0)
                self.assertEqual(len(listed.out.splitlines()), 5 * 3 + 3)
                every = every or listed.out
                self.assertEqual(listed.out, every)
                self.assertStatus(self.run_home("verify", self.image), 0)

    def test_verify__names_what_is_not_held(self):
        self.trust()
        self.assertStatus(self.run_home("list", "acme/e1000"), 0)
        self.assertStatus(self.run_home("verify", self.image), 0)
        other = self.scratch / "other"
        other.write_bytes(b"other")
        self.assertRefused(self.run_home("verify", other), 3, "acme/p00000", "acme/p00004")
        self.assertStatus(self.run_home("list"), 0)
        self.assertRefused(self.run_home("verify", other), 1, "unknown")

    def test_list__refuses_keys_of_another(self):
        """The online key is stolen, and so are the keys of one maker: neither makes a product's role another's."""
        public = tree.Tree.copy(self.cast.public, self.scratch / "evil")
        above = tree.next_version(public.load("release~acme")["signed"])
        evil = tree.Key()
        above["delegations"]["keys"][evil.keyid] = evil.tuf
        above["delegations"]["roles"][0].update(keyids=[evil.keyid], threshold=1)
        public.put("release~acme", above, self.release[:2], self.online)
        self.trust(public.public)
        self.assertRefused(self.run_home("get", attacks.FILE, "-o", self.scratch / "x"), 1, "other keys")

    def test_list__refuses_one_product_served_as_another(self):
        public = tree.Tree.copy(self.cast.public, self.scratch / "evil")
        raw = public.path("release~acme~p00000").read_bytes()
        (public.metadata / "1.release~acme~e1000.json").write_bytes(raw)
        public.reference({"release~acme~e1000": raw}, self.online)
        self.trust(public.public)
        self.assertRefused(self.run_home("get", attacks.FILE, "-o", self.scratch / "x"), 1, "p00000")


class Gzip(Divided):
    def pack(self, public):
        for path in public.metadata.glob("*.json"):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))

    def test_refresh__takes_compressed_copies(self):
        public = tree.Tree.copy(self.cast.public, self.scratch / "public")
        self.pack(public)
        for path in public.metadata.glob("*.json"):
            path.write_bytes(b"the plain file is not what is served")
        self.trust(public.public)
        self.assertStatus(self.run_home("list"), 0)
        self.assertStatus(self.run_home("verify", self.image), 0)

    def test_refresh__refuses_a_bomb(self):
        """A GiB of zeros behind a name whose signed length is some hundred bytes: nothing of it is kept or even held."""
        public = tree.Tree.copy(self.cast.public, self.scratch / "public")
        self.pack(public)
        self.trust(public.public)
        bomb = self.scratch / "bomb.gz"
        with gzip.open(bomb, "wb", 6) as file:
            for _ in range(1024):
                file.write(bytes(1 << 20))
        for name in ("timestamp.json", public.path("snapshot").name, public.path("release~acme").name, "2.root.json"):
            with self.subTest(name=name):
                home = self.scratch / f"home.{name}"
                shutil.copytree(self.home, home)
                (home / "sites" / "globex" / "metadata" / "snapshot.json").unlink()
                packed = public.metadata / f"{name}.gz"
                saved = packed.read_bytes() if packed.exists() else None
                shutil.copy(bomb, packed)
                (public.metadata / name).touch()
                command = ["/usr/bin/time", "-f", "%M", story.HALLMARK, "list"] if Path("/usr/bin/time").exists() else None
                result = story.hallmark("list", home=home)
                self.assertRefused(result, 1, "longer than")
                if command:
                    self.assertLess(self.peak(command, home), 128 * 1024)
                if saved is None:
                    packed.unlink()
                    (public.metadata / name).unlink()
                else:
                    packed.write_bytes(saved)
                self.assertStatus(story.hallmark("list", home=home), 0)

    @staticmethod
    def peak(command, home):
        process = subprocess.run(command, env={**os.environ, "HALLMARK_HOME": str(home)}, capture_output=True, text=True)
        return int(process.stderr.split()[-1])

    def test_tuf__asks_for_no_encoding(self):
        seen = []
        self.server.rules = {".json": lambda handler: (seen.append(handler.headers.get("Accept-Encoding")), self.server.serve(handler))}
        story.must("tuf", "--metadata-dir", self.scratch / "md", "init", self.cast.public / "metadata" / "1.root.json")
        story.must("tuf", "--metadata-dir", self.scratch / "md", "--metadata-url", f"{self.server.url}metadata/", "refresh")
        self.assertEqual(set(seen), {None})


if __name__ == "__main__":
    unittest.main(verbosity=2)
