# SPDX-License-Identifier: Apache-2.0
"""Stock go-tuf downloads from a Hallmark site; Hallmark's plumbing reads what go-tuf's metadata API wrote."""
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

IMAGES = {"top.bin": b"top" * 1000, "nic/1.0/rom.bin": b"nic" * 5000, "bins/deep.bin": b"bin" * 7000}


def go_tuf(*args):
    return subprocess.run([os.environ["HALLMARK_GO_TUF"], *map(str, args)], capture_output=True, text=True, timeout=120)


class HallmarkSite(plumbing.SiteCase):
    def download(self, name):
        return go_tuf("get", self.anchor, self.server.url, name, self.scratch)

    def test_go_tuf__downloads_from_a_hallmark_site(self):
        result = self.download(attacks.FILE)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(Path(result.stdout.strip()).read_bytes(), self.image)

    def test_go_tuf__finds_nothing_that_was_not_released(self):
        self.assertEqual(self.download(attacks.NEW_FILE).returncode, 3)

    def test_go_tuf__refuses_swapped_bytes(self):
        self.swap_bytes()
        result = self.download(attacks.FILE)
        self.assertEqual(result.returncode, 1)
        self.assertIn("hash verification failed", result.stderr)


class GoTufRepository(story.Case):
    def download(self, *names, change=lambda repository: None):
        repository = self.scratch / "repository"
        written = go_tuf("write", repository)
        self.assertEqual(written.returncode, 0, written.stderr)
        change(repository)
        return plumbing.download(repository, self.scratch, *names)

    def test_hallmark__downloads_what_go_tuf_wrote(self):
        result, files = self.download(*IMAGES)
        self.assertStatus(result, 0)
        got = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in files)
        self.assertEqual(got, sorted(hashlib.sha256(d).hexdigest() for d in IMAGES.values()))

    def test_hallmark__finds_nothing_that_go_tuf_did_not_list(self):
        result, files = self.download("bins/other.bin")
        self.assertRefused(result, 1, "bins/other.bin")
        self.assertEqual(files, [])

    def test_hallmark__refuses_what_go_tuf_did_not_sign(self):
        result, files = self.download("nic/1.0/rom.bin", change=lambda r: plumbing.lengthen(r / "metadata" / "1.nic.json", 15000))
        self.assertRefused(result, 1, "nic")
        self.assertEqual(files, [])

    def test_hallmark__refuses_bytes_that_go_tuf_did_not_list(self):
        def swap(repository):
            for path in (repository / "targets" / "nic" / "1.0").iterdir():
                path.write_bytes(b"xxx" * 5000)

        result, files = self.download("nic/1.0/rom.bin", change=swap)
        self.assertRefused(result, 1, "nic/1.0/rom.bin", "SHA-256")
        self.assertEqual(files, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
