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


class TufJsRepository(story.Case):
    def test_hallmark__downloads_what_tuf_js_wrote(self):
        repository = self.scratch / "repository"
        written = node("tuf_js_repository.cjs", repository)
        self.assertEqual(written.returncode, 0, written.stderr)
        out = self.scratch / "targets"
        out.mkdir()
        common = ["--metadata-dir", self.scratch / "metadata"]
        self.assertStatus(story.hallmark("tuf", *common, "init", repository / "metadata" / "1.root.json"), 0)
        with httpd.Server(repository) as server:
            result = story.hallmark("tuf", *common, "--metadata-url", f"{server.url}metadata/", "--target-base-url", f"{server.url}targets/",
                                    "--target-dir", out, "--target-name", "nic/rom.bin", "download")
        self.assertStatus(result, 0)
        got = [p for p in out.rglob("*") if p.is_file()]
        self.assertEqual(len(got), 1)
        self.assertEqual(got[0].stat().st_size, 20000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
