# SPDX-License-Identifier: Apache-2.0
"""Stock tough (Rust) downloads from a Hallmark site; Hallmark's plumbing reads what tough's editor wrote.

tough names a target of a folder "HASH.dir/name" where consistent snapshots are used; every other implementation says
"dir/HASH.name". A Hallmark site follows the others, so that tough verifies all of its metadata, but needs a transport that
respells the name to fetch the bytes.
"""
import hashlib
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import plumbing  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

FLAT = {"top.bin": b"top.bin" * 1000, "nic-rom.bin": b"nic-rom.bin" * 2000}
DEEP = {"other/deep.bin": b"other/deep.bin" * 500}


def tough(*args):
    return subprocess.run([os.environ["HALLMARK_TOUGH"], *map(str, args)], capture_output=True, text=True, timeout=120)


class HallmarkSite(plumbing.SiteCase):
    """tough reads the public folder as it lies on disk."""

    def download(self, name, *options, site=None):
        return tough("get", self.anchor, site or self.cast.public, name, self.scratch, *options)

    def test_tough__downloads_from_a_hallmark_site(self):
        result = self.download(attacks.FILE, "spread")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(Path(result.stdout.strip()).read_bytes(), self.image)

    def test_tough__verifies_a_hallmark_site_but_looks_elsewhere_for_the_bytes(self):
        """If this ever passes without the transport, the transport is no longer needed."""
        result = self.download(attacks.FILE)
        self.assertEqual(result.returncode, 1)
        self.assertIn("No such file", result.stderr)

    def test_tough__finds_nothing_that_was_not_released(self):
        self.assertEqual(self.download(attacks.NEW_FILE, "spread").returncode, 3)

    def test_tough__refuses_swapped_bytes(self):
        copy = tree.Tree.copy(self.cast.public, self.scratch / "public")
        copy.image(attacks.FILE).write_bytes(b"\0" * len(self.image))
        result = self.download(attacks.FILE, "spread", site=copy.public)
        self.assertEqual(result.returncode, 1)
        self.assertIn("Hash mismatch", result.stderr)

    def test_tough__refuses_a_role_that_was_altered(self):
        copy = tree.Tree.copy(self.cast.public, self.scratch / "public")
        path = copy.path("release~acme")
        path.write_bytes(path.read_bytes().replace(b"1.21.1", b"1.21.9"))
        self.assertEqual(self.download(attacks.FILE, "spread", site=copy.public).returncode, 1)


class ToughRepository(story.Case):
    def download(self, kind, *names, change=lambda repository: None):
        repository = self.scratch / "repository"
        written = tough("write", repository, kind)
        self.assertEqual(written.returncode, 0, written.stderr)
        change(repository)
        return plumbing.download(repository, self.scratch, *names)

    def check(self, kind, images):
        result, files = self.download(kind, *images)
        self.assertStatus(result, 0)
        got = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in files)
        self.assertEqual(got, sorted(hashlib.sha256(d).hexdigest() for d in images.values()))

    def test_hallmark__downloads_what_tough_wrote(self):
        self.check("consistent", FLAT)

    def test_hallmark__downloads_what_tough_wrote_without_consistent_snapshots(self):
        self.check("plain", {**FLAT, **DEEP})

    def test_hallmark__finds_nothing_that_tough_did_not_list(self):
        result, files = self.download("consistent", "nic-other.bin")
        self.assertRefused(result, 1, "nic-other.bin")
        self.assertEqual(files, [])

    def test_hallmark__refuses_what_tough_did_not_sign(self):
        length = len(FLAT["nic-rom.bin"])
        result, files = self.download("plain", "nic-rom.bin", change=lambda r: plumbing.lengthen(r / "metadata" / "nic.json", length))
        self.assertRefused(result, 1, "nic")
        self.assertEqual(files, [])

    def test_hallmark__refuses_bytes_that_tough_did_not_list(self):
        image = FLAT["nic-rom.bin"]
        result, files = self.download("plain", "nic-rom.bin", change=lambda r: (r / "targets" / "nic-rom.bin").write_bytes(image[::-1]))
        self.assertRefused(result, 1, "nic-rom.bin", "SHA-256")
        self.assertEqual(files, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
