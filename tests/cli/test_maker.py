# SPDX-License-Identifier: Apache-2.0
"""A maker and the signers beside it, through the command alone: keys, requests, thresholds, rotation, two runs at once."""
import os
import pty
import subprocess
import sys
import tarfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402


def names_in(archive):
    with tarfile.open(archive) as tar:
        return tar.getnames()


class Keys(story.Case):
    def test_a_key_is_private_and_never_overwritten(self):
        key = self.scratch / "k"
        self.assertStatus(self.hallmark("key", "new", key, "--no-passphrase"), 0)
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        before = key.read_bytes()
        self.assertRefused(self.hallmark("key", "new", key, "--no-passphrase"), story.NO, "never overwritten")
        self.assertEqual(key.read_bytes(), before)
        shown = self.hallmark("key", "show", f"{key}.pub", "--json").json()
        self.assertEqual(shown["schema"], "hallmark/key/1")
        self.assertEqual(shown["keyid"], self.hallmark("key", "show", key, "--json").json()["keyid"])
        self.assertEqual(self.hallmark("key", "public", key).out, Path(f"{key}.pub").read_text())

    def test_openssl_agrees(self):
        for kind in ("ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072"):
            key = self.scratch / kind
            self.assertStatus(self.hallmark("key", "new", key, "--type", kind, "--no-passphrase"), 0)
            public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], capture_output=True, text=True, check=True).stdout
            self.assertEqual(public, Path(f"{key}.pub").read_text())

    def test_a_passphrase_comes_from_a_private_file_or_the_terminal(self):
        key, secret = self.scratch / "k", self.scratch / "secret"
        secret.write_text("correct horse\n")
        secret.chmod(0o644)
        self.assertRefused(self.hallmark("key", "new", key, "--passphrase-file", secret), story.NO, "secret")
        secret.chmod(0o600)
        self.assertStatus(self.hallmark("key", "new", key, "--passphrase-file", secret), 0)
        self.assertIn("ENCRYPTED", key.read_text())
        self.assertStatus(self.hallmark("key", "show", key, "--passphrase-file", secret), 0)
        wrong = self.scratch / "wrong"
        wrong.write_text("battery staple\n")
        wrong.chmod(0o600)
        self.assertRefused(self.hallmark("key", "show", key, "--passphrase-file", wrong), story.NO, "passphrase")
        secret.write_text("short\n")
        self.assertRefused(self.hallmark("key", "new", self.scratch / "l", "--passphrase-file", secret), story.USAGE, "at least")
        key.chmod(0o644)
        secret.write_text("correct horse\n")
        self.assertRefused(self.hallmark("key", "show", key, "--passphrase-file", secret), story.NO)

    def test_usage(self):
        for words in (["key"], ["key", "new"], ["key", "new", "a", "b"], ["key", "nwe", "a"], ["key", "new", "a", "--type", "dsa", "--no-passphrase"],
                      ["key", "new", "a", "--no-passphrase", "--passphrase-file", "x"], ["sign"], ["sign", "x"], ["sign", "--key", "x"],
                      ["maker", "init", "--id", "a"], ["maker", "release", "p", "1"], ["maker", "submission"], ["maker", "rotate"],
                      ["maker", "release", "--for", "a,b", "p", "1", "f", "-o", "x"], ["maker", "release", "--for", "a,a", "p", "1", "f"]):
            self.assertStatus(self.hallmark(*words), story.USAGE)


class Maker(story.Case):
    def setUp(self):
        super().setUp()
        self.cast = story.Cast(self.scratch / "cast")
        self.folder = self.cast.init_maker("acme", "Acme Networks", keys=3, threshold=2)
        self.rom = self.scratch / "a.rom"
        self.rom.write_bytes(b"firmware")

    def release(self, version, *options, site="globex"):
        return self.hallmark("maker", "release", "--dir", self.folder, "--for", site, "nic", version, self.rom, *options)

    def test_a_threshold_is_collected_through_requests(self):
        request, out = self.scratch / "r.request", self.scratch / "r.submission"
        result = self.release("1.0", "--key", self.cast.key("acme1"), "-o", out)
        self.assertStatus(result, 0)
        self.assertIn("1 of 2 signatures", result.out)
        self.assertTrue(request.exists() and not out.exists())
        self.assertEqual(names_in(request), ["request.json", "chain/1.identity", "next/maker~acme.json"])
        signed = self.hallmark("sign", request, "--key", self.cast.key("acme3"), "--yes", "--home", self.scratch / "signer")
        self.assertStatus(signed, 0)
        self.assertIn("acme/nic/1.0", signed.out)
        signature = next(self.scratch.glob("r-*.sig"))
        self.assertStatus(self.hallmark("maker", "attach", "--dir", self.folder, signature, "-o", out), 0)
        self.assertEqual(names_in(out), ["submission.json", "identity/1.identity", "maker.json", "images/acme/nic/1.0/a.rom"])
        self.assertRefused(self.hallmark("maker", "attach", "--dir", self.folder, signature), story.CANNOT_TELL, "no release waits")

    def test_a_version_is_never_reused(self):
        keys = ["--key", self.cast.key("acme1"), "--key", self.cast.key("acme2"), "-o", self.scratch / "o.submission"]
        self.assertStatus(self.release("1.0", *keys), 0)
        self.assertIn("nothing changed", self.release("1.0", *keys).out)
        self.rom.write_bytes(b"other firmware")
        self.assertRefused(self.release("1.0", *keys), story.NO, "never used again", "acme/nic/1.0/a.rom")
        self.assertRefused(self.release("1.0", *keys, "--replace"), story.NO, "never used again")
        self.assertStatus(self.release("1.1", *keys), 0)
        shown = self.hallmark("maker", "show", "--dir", self.folder, "--json").json()
        self.assertEqual([r["release"] for r in shown["sites"][0]["releases"]], ["acme/nic/1.0", "acme/nic/1.1"])

    def test_a_wrong_key_is_refused(self):
        self.assertRefused(self.release("1.0", "--key", self.cast.key("stranger")), story.NO, "not one of those")
        self.assertRefused(self.hallmark("maker", "init", "--dir", self.scratch / "m2", "--id", "bolt", "--name", "B", "--public", self.cast.pub("b1"),
                                         "--key", self.cast.key("stranger")), story.NO, "--public")
        self.assertFalse((self.scratch / "m2").exists())

    def test_runs_at_once_take_turns(self):
        command = [story.HALLMARK, "maker", "release", "--dir", str(self.folder), "--for", "globex", "nic"]
        keys = ["--key", str(self.cast.key("acme1")), "--key", str(self.cast.key("acme2"))]
        runs = [subprocess.Popen([*command, f"1.{i}", str(self.rom), *keys, "-o", str(self.scratch / f"{i}.submission")],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for i in range(8)]
        for run in runs:
            _, err = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 0, err)
        site = self.hallmark("maker", "show", "--dir", self.folder, "--json").json()["sites"][0]
        self.assertEqual(site["version"], 8)
        self.assertEqual(len(site["releases"]), 8)
        self.assertEqual(len(list(self.scratch.glob("*.submission"))), 8)

    def test_the_terminal_is_asked(self):
        request = self.scratch / "r.request"
        self.assertStatus(self.release("1.0", "-o", request), 0)
        for answer, status in (("n", story.NO), ("", story.NO), ("y", story.GOOD)):
            pid, terminal = pty.fork()
            if pid == 0:
                os.execv(story.HALLMARK, ["hallmark", "sign", str(request), "--key", str(self.cast.key("acme1")), "--home", str(self.scratch / "s"),
                                          "-o", str(self.scratch / "r.sig")])
            seen = b""
            while b"[y/N]" not in seen:
                seen += os.read(terminal, 4096)
            os.write(terminal, answer.encode() + b"\n")
            try:
                while os.read(terminal, 4096):
                    pass
            except OSError:
                pass
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), status)
            os.close(terminal)
            self.assertEqual((self.scratch / "r.sig").exists(), status == story.GOOD)
        no_terminal = subprocess.run([story.HALLMARK, "sign", request, "--key", self.cast.key("acme1"), "--home", self.scratch / "s"],
                                     stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True)
        self.assertEqual(no_terminal.returncode, story.CANNOT_TELL)


class Rotation(story.Case):
    def test_new_keys_reach_the_customer(self):
        cast = story.Cast(self.scratch / "cast")
        cast.init_site()
        folder = cast.init_maker("acme", "Acme Networks")
        cast.enroll("acme")
        rom = self.scratch / "a.rom"
        rom.write_bytes(b"firmware")
        cast.release("acme", "nic", "1.0", [rom])
        cast.trust()
        self.assertStatus(self.hallmark("get", "acme/nic/1.0", "-d", self.scratch / "one", home=cast.home), 0)
        story.must("maker", "rotate", "--dir", folder, "--public", cast.pub("acme2"), "--public", cast.pub("acme3"),
                   *story.flag("--key", [cast.key(f"acme{i}") for i in (1, 2, 3)]))
        self.assertRefused(self.hallmark("maker", "submission", "--dir", folder, "--for", "globex", "-o", self.scratch / "x"), story.CANNOT_TELL, "anew")
        anew = self.scratch / "anew.submission"
        self.assertRefused(self.hallmark("maker", "submission", "--dir", folder, "--for", "globex", "--key", cast.key("acme1"), "-o", anew), story.NO)
        story.must("maker", "submission", "--dir", folder, "--for", "globex", "--key", cast.key("acme2"), "--key", cast.key("acme3"), "-o", anew)
        request = cast.request()
        story.must("site", "enroll", "--dir", cast.site, anew, "-o", request)
        cast.attach(request, "targets1", "targets2")
        story.must("site", "publish", "--dir", cast.site)
        story.must("site", "intake", "--dir", cast.site, anew)
        rom.write_bytes(b"firmware of new keys")
        submission = cast.submit("acme", "nic", "2.0", [rom], signers=(2, 3))
        story.must("site", "intake", "--dir", cast.site, submission)
        request = cast.request()
        story.must("site", "approve", "--dir", cast.site, "--all", "-o", request)
        cast.attach(request, "release1", "release2")
        story.must("site", "publish", "--dir", cast.site)
        for version in ("1.0", "2.0"):
            result = self.hallmark("get", f"acme/nic/{version}", "-d", self.scratch / version, home=cast.home)
            self.assertStatus(result, 0)


if __name__ == "__main__":
    unittest.main()
