# SPDX-License-Identifier: Apache-2.0
"""Hallmark's plumbing reads what the editor of stock tough (Rust) wrote."""
import hashlib
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import plumbing  # noqa: E402
import story  # noqa: E402

FLAT = {"top.bin": b"top.bin" * 1000, "nic-rom.bin": b"nic-rom.bin" * 2000}
DEEP = {"other/deep.bin": b"other/deep.bin" * 500}


def tough(*args):
    return subprocess.run([os.environ["HALLMARK_TOUGH"], *map(str, args)], capture_output=True, text=True, timeout=120)


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
