# SPDX-License-Identifier: Apache-2.0
"""Stock tuf-js (npm's own TUF client) downloads from a Hallmark site; Hallmark's plumbing reads what tuf-js's models wrote."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import attacks  # noqa: E402
import plumbing  # noqa: E402
import story  # noqa: E402


def node(script, *args):
    """The scripts find their packages in the folder that tools/interop installed."""
    env = {**os.environ, "NODE_PATH": os.environ["HALLMARK_NODE_MODULES"]}
    return subprocess.run(["node", str(HERE / script), *map(str, args)], capture_output=True, text=True, timeout=120, env=env)


class HallmarkSite(plumbing.SiteCase):
    def download(self, name):
        return node("tuf_js_client.cjs", self.anchor, self.server.url, name, self.scratch)

    def test_tuf_js__downloads_from_a_hallmark_site(self):
        result = self.download(attacks.FILE)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(Path(result.stdout.strip()).read_bytes(), self.image)

    def test_tuf_js__finds_nothing_that_was_not_released(self):
        self.assertEqual(self.download(attacks.NEW_FILE).returncode, 3)

    def test_tuf_js__refuses_swapped_bytes(self):
        self.swap_bytes()
        self.assertEqual(self.download(attacks.FILE).returncode, 1)


class TufJsRepository(story.Case):
    def download(self, change=lambda repository: None):
        """What tuf-js wrote, changed or not, read by Hallmark: the result and the files that were stored."""
        repository = self.scratch / "repository"
        written = node("tuf_js_repository.cjs", repository)
        self.assertEqual(written.returncode, 0, written.stderr)
        change(repository)
        return plumbing.download(repository, self.scratch, "nic/rom.bin")

    def test_hallmark__downloads_what_tuf_js_wrote(self):
        result, files = self.download()
        self.assertStatus(result, 0)
        self.assertEqual([p.stat().st_size for p in files], [20000])

    def test_hallmark__refuses_what_tuf_js_did_not_sign(self):
        result, files = self.download(lambda repository: plumbing.lengthen(repository / "metadata" / "1.nic.json", 20000))
        self.assertRefused(result, 1, "nic", "signatures")
        self.assertEqual(files, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
