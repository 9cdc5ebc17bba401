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
import server as httpd  # noqa: E402
import story  # noqa: E402


def node(script, *args):
    """The scripts find their packages in the folder that tools/interop installed."""
    env = {**os.environ, "NODE_PATH": os.environ["HALLMARK_NODE_MODULES"]}
    return subprocess.run(["node", str(HERE / script), *map(str, args)], capture_output=True, text=True, timeout=120, env=env)


class HallmarkSite(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)

    def download(self, name):
        return node("tuf_js_client.cjs", self.cast.public / "metadata" / "1.root.json", self.server.url, name, self.scratch)

    def test_tuf_js__downloads_from_a_hallmark_site(self):
        result = self.download(attacks.FILE)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(Path(result.stdout.strip()).read_bytes(), self.images["efi-e1000.rom"].read_bytes())

    def test_tuf_js__finds_nothing_that_was_not_released(self):
        self.assertEqual(self.download(attacks.NEW_FILE).returncode, 3)

    def test_tuf_js__refuses_swapped_bytes(self):
        length = self.images["efi-e1000.rom"].stat().st_size
        self.server.rules = {".efi-e1000.rom": httpd.body(b"\0" * length)}
        self.addCleanup(self.server.rules.clear)
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
        def longer(repository):
            path = repository / "metadata" / "1.nic.json"
            path.write_text(path.read_text().replace('"length":20000', '"length":20001'))
            self.assertIn('"length":20001', path.read_text())

        result, files = self.download(longer)
        self.assertRefused(result, 1, "nic", "signatures")
        self.assertEqual(files, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
