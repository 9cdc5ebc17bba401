# SPDX-License-Identifier: Apache-2.0
"""Witnesses between programs: Tessera publishes only what Hallmark's witness cosigned; other people's witness cosigns what
Hallmark asks it for."""
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import story  # noqa: E402
import witness  # noqa: E402

SKEY = "PRIVATE+KEY+example.com/hallmark-test+13aba541+AYNv8YTntBseE8tf2J+h3pjburmenSkYkT/0O4alx8IT"


def run(program, *args, stdin=b""):
    return subprocess.run([os.environ[program], *map(str, args)], input=stdin, capture_output=True, timeout=120)


def must(program, *args, stdin=b""):
    result = run(program, *args, stdin=stdin)
    if result.returncode:
        raise AssertionError(f"{args}: {result.returncode}: {result.stderr.decode()}")
    return result.stdout


class Case(story.Case):
    def setUp(self):
        super().setUp()
        self.vkey = must("HALLMARK_TLOG_TOOL", "vkey", SKEY).decode().strip()
        self.folder, self.log = self.scratch / "w", self.scratch / "log"
        self.cosigner = witness.make(self.folder)

    def policy(self, *cosigners):
        """cosigners: (vkey, URL)."""
        path = Path(tempfile.mkdtemp(dir=self.scratch)) / "policy"
        names = [f"w{i}" for i in range(len(cosigners))]
        path.write_text(f"log {self.vkey}\n" + "".join(f"witness {name} {vkey} {url}\n" for name, (vkey, url) in zip(names, cosigners)) +
                        f"group core all {' '.join(names)}\nquorum core\n")
        return path

    def tessera(self, count, policy):
        return run("HALLMARK_GO_TLOG", "write", self.log, SKEY, count, policy)

    def checkpoint(self):
        return (self.log / "checkpoint").read_text()

    def ask(self, policy, stdin=None):
        return run("HALLMARK_TLOG_TOOL", "ask", policy, self.log, self.vkey, stdin=(stdin or self.checkpoint()).encode())


class TesseraAsks(Case):
    def test_tessera__publishes_what_hallmark_s_witness_cosigned(self):
        story.must("witness", "log", "add", self.vkey, "--dir", self.folder)
        with witness.Process(self.folder) as server:
            policy = self.policy((self.cosigner, f"http://{server.address}"))
            result = self.tessera(300, policy)
            self.assertEqual(result.returncode, 0, result.stderr.decode())
            first = log.read_checkpoint(self.checkpoint())[1]
            self.assertIsNotNone(log.is_signed(self.checkpoint(), self.cosigner))
            result = self.tessera(10, policy)  # growth, with a proof of Tessera's
            self.assertEqual(result.returncode, 0, result.stderr.decode())
            self.assertGreater(log.read_checkpoint(self.checkpoint())[1], first)
            self.assertIsNotNone(log.is_signed(self.checkpoint(), self.cosigner))
            must("HALLMARK_TLOG_TOOL", "policy-check", policy, int(time.time()), stdin=self.checkpoint().encode())
            self.assertEqual(server.stop(), 0)

    def test_tessera__publishes_nothing_that_hallmark_s_witness_refuses(self):
        with witness.Process(self.folder) as server:  # it does not know the log
            result = self.tessera(3, self.policy((self.cosigner, f"http://{server.address}")))
            self.assertNotEqual(result.returncode, 0)
            self.assertFalse((self.log / "checkpoint").exists() and log.is_signed(self.checkpoint(), self.cosigner))
            server.stop()
        self.assertIn(404, [line.get("status") for line in server.lines])


class HallmarkAsks(Case):
    """Hallmark's client of witnesses, about a log whose tiles Tessera made."""

    def setUp(self):
        super().setUp()
        must("HALLMARK_GO_TLOG", "write", self.log, SKEY, 300)

    def test_hallmark__asks_its_own_witness_about_tessera_s_log(self):
        story.must("witness", "log", "add", self.vkey, "--dir", self.folder)
        with witness.Process(self.folder) as server:
            policy = self.policy((self.cosigner, f"http://{server.address}"))
            first = self.ask(policy)
            self.assertEqual(first.returncode, 0, first.stderr.decode())
            self.assertIsNotNone(log.is_signed(first.stdout.decode(), self.cosigner))
            must("HALLMARK_GO_TLOG", "write", self.log, SKEY, 20)
            self.assertEqual(self.ask(policy).returncode, 0)  # by the size that it tells
            self.assertEqual(server.stop(), 0)
        self.assertIn(409, [line.get("status") for line in server.lines])

    def test_hallmark__asks_transparency_dev_s_witness(self):
        other = "PRIVATE+KEY+example.com/hallmark-test-2+a1da5d05+AdkS0RmbQEL03+M54QcNtt6RG0+ojeCbIvb9X4A0SeeC"
        vkey = must("HALLMARK_TLOG_TOOL", "vkey", other, "cosigner").decode().strip()
        process = subprocess.Popen([os.environ["HALLMARK_GO_WITNESS"], "serve", other, self.vkey], stdout=subprocess.PIPE, text=True)
        try:
            policy = self.policy((vkey, f"http://{process.stdout.readline().strip()}"))
            first = self.ask(policy)
            self.assertEqual(first.returncode, 0, first.stderr.decode())
            self.assertIsNotNone(log.is_signed(first.stdout.decode(), vkey))
            must("HALLMARK_TLOG_TOOL", "policy-check", policy, int(time.time()), stdin=first.stdout)
            old = self.checkpoint()
            must("HALLMARK_GO_TLOG", "write", self.log, SKEY, 20)
            grown = self.ask(policy)  # it says 409 and its size, and is asked again
            self.assertEqual(grown.returncode, 0, grown.stderr.decode())
            self.assertGreater(log.read_checkpoint(grown.stdout.decode())[1], log.read_checkpoint(old)[1])
            self.assertEqual(self.ask(policy).returncode, 0)  # the same size again
            behind = self.ask(policy, old)  # it has seen more than this
            self.assertNotEqual(behind.returncode, 0)
            self.assertIn("lost its end", behind.stderr.decode())
        finally:
            process.kill()
            process.wait(20)
            process.stdout.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
