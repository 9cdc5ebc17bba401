# SPDX-License-Identifier: Apache-2.0
"""The customer's commands as a person or script meets them: output, exit status, what is left on disk."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class Customer(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.image = cls.images["efi-e1000.rom"].read_bytes()
        cls.server = httpd.Server(cls.cast.public)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(url=cls.server.url)
        story.must("list", home=cls.cast.home)

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)
        self.out = self.scratch / "out"
        self.server.folder, self.server.rules = self.cast.public, {}
        self.server.requests.clear()

    def run_home(self, *args, **kwargs):
        return story.hallmark(*args, home=self.home, **kwargs)

    def get(self, what=attacks.FILE, *options):
        return self.run_home("get", what, "-d", self.out, "--no-progress", *options)

    def files(self, folder):
        return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file() and not p.name.startswith("."))


class Trust(Customer):
    def fingerprint(self):
        return hashlib.sha256((self.cast.public / "hallmark.trust").read_bytes()).hexdigest()

    def test_add__with_the_right_fingerprint(self):
        result = story.hallmark("trust", "add", "globex", self.server.url, "--fingerprint", self.fingerprint(), home=self.scratch / "new")
        self.assertStatus(result, 0)

    def test_add__takes_a_fingerprint_in_groups(self):
        text = self.fingerprint()
        grouped = " ".join(text[i:i + 8] for i in range(0, 64, 8))
        self.assertStatus(story.hallmark("trust", "add", "globex", self.server.url, "--fingerprint", grouped, home=self.scratch / "new"), 0)

    def test_add__refuses_another_fingerprint(self):
        result = story.hallmark("trust", "add", "globex", self.server.url, "--fingerprint", "0" * 64, home=self.scratch / "new")
        self.assertRefused(result, 1, "fingerprint")
        self.assertStatus(story.hallmark("trust", "show", "globex", home=self.scratch / "new"), 3)

    def test_add__without_a_terminal_asks_for_a_fingerprint(self):
        result = story.hallmark("trust", "add", "globex", self.server.url, home=self.scratch / "new")
        self.assertRefused(result, 2, "--fingerprint")

    def test_add__a_second_time_is_refused(self):
        result = self.run_home("trust", "add", "globex", self.server.url, "--fingerprint", self.fingerprint())
        self.assertNotEqual(result.status, 0)
        self.assertIn("globex", result.err)

    def test_add__of_an_unreachable_site_adds_nothing(self):
        result = story.hallmark("trust", "add", "globex", "http://127.0.0.1:9/", "--trust", self.cast.public / "hallmark.trust",
                                home=self.scratch / "new")
        self.assertStatus(result, 3)
        self.assertNotIn("globex", story.hallmark("trust", "list", home=self.scratch / "new").out)

    def test_add__refuses_plain_http_beyond_loopback(self):
        result = story.hallmark("trust", "add", "globex", "http://firmware.example/", "--fingerprint", self.fingerprint(), home=self.scratch / "new")
        self.assertRefused(result, 2, "http")

    def test_list_show_remove(self):
        self.assertIn("globex", self.run_home("trust", "list").out)
        shown = self.run_home("trust", "show", "globex")
        self.assertStatus(shown, 0)
        self.assertIn(self.server.url.rstrip("/"), shown.out)
        data = self.run_home("trust", "show", "globex", "--json").json()
        self.assertTrue(data["schema"].startswith("hallmark/trust-show/") or data["schema"].startswith("hallmark/trust"))
        self.assertStatus(self.run_home("trust", "remove", "globex"), 0)
        self.assertNotIn("globex", self.run_home("trust", "list").out)

    def test_policy__floor_refuses_what_is_below(self):
        self.assertStatus(self.run_home("trust", "policy", "globex", "--floor", "maker"), 0)
        self.assertStatus(self.get(), 0)

    def test_pin__right_and_wrong(self):
        first = hashlib.sha256((self.cast.public / "makers" / "acme" / "1.identity").read_bytes()).hexdigest()
        self.assertStatus(self.run_home("trust", "policy", "globex", "--pin", f"acme={first}"), 0)
        result = self.get()
        self.assertStatus(result, 0)
        self.assertIn("maker, pinned", result.out)
        self.assertStatus(self.run_home("trust", "policy", "globex", "--pin", f"acme={'1' * 64}"), 0)
        self.assertRefused(self.get(), 1, "acme", "pinned")


class Transport(Customer):
    """What carries the bytes: https with a private authority, a proxy, a folder."""

    def certificate(self, name):
        path = self.scratch / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", self.scratch / f"{name}.crt"], check=True, capture_output=True)
        with open(path, "ab") as both:
            both.write((self.scratch / f"{name}.crt").read_bytes())
        return path, self.scratch / f"{name}.crt"

    def add(self, url, *options):
        return story.hallmark("trust", "add", "globex", url, "--trust", self.cast.public / "hallmark.trust", *options, home=self.scratch / "new")

    def fetch(self):
        return story.hallmark("get", attacks.FILE, "-d", self.out, "--no-progress", home=self.scratch / "new")

    def test_https__with_its_own_authority(self):
        both, authority = self.certificate("right")
        with httpd.Server(self.cast.public, certificate=both) as server:
            self.assertStatus(self.add(server.url, "--cacert", authority), 0)
            self.assertStatus(self.fetch(), 0)
        self.assertEqual((self.out / "efi-e1000.rom").read_bytes(), self.image)

    def test_https__refuses_an_authority_it_was_not_told(self):
        both, _authority = self.certificate("right")
        _both, other = self.certificate("other")
        with httpd.Server(self.cast.public, certificate=both) as server:
            self.assertRefused(self.add(server.url, "--cacert", other), 3, server.url.rstrip("/"))
            self.assertStatus(self.add(server.url), 3)

    def test_proxy__carries_all_requests(self):
        with httpd.Server(self.cast.public) as proxy:
            self.assertStatus(self.add("http://firmware.test/", "--allow-http", "--proxy", proxy.url), 0)
            self.assertStatus(self.fetch(), 0)
            self.assertTrue(proxy.requests)
            self.assertTrue(all(r.startswith("http://firmware.test/") for r in proxy.requests), proxy.requests)

    def test_proxy__that_lies_is_refused_like_a_site_that_lies(self):
        with httpd.Server(self.cast.public) as proxy:
            self.assertStatus(self.add("http://firmware.test/", "--allow-http", "--proxy", proxy.url), 0)
            proxy.rules = {".efi-e1000.rom": httpd.body(self.image[::-1])}
            self.assertRefused(self.fetch(), 1, "sha256")

    def test_folder__serves_as_a_site(self):
        self.assertStatus(self.add(f"file://{self.cast.public}"), 0)
        self.assertStatus(self.fetch(), 0)


class List(Customer):
    def test_list__shows_releases_with_their_grade(self):
        result = self.run_home("list")
        self.assertStatus(result, 0)
        self.assertIn("acme/e1000/1.21.1", result.out)
        self.assertIn("maker, introduced by vendor", result.out)

    def test_list__by_pattern(self):
        result = self.run_home("list", "acme/*/1.21.0")
        self.assertIn("1.21.0", result.out)
        self.assertNotIn("1.21.1", result.out)

    def test_list__json(self):
        data = self.run_home("list", "--json").json()
        self.assertEqual(data["schema"], "hallmark/list/1")
        self.assertIn("acme/e1000/1.21.1/efi-e1000.rom", json.dumps(data))

    def test_list__offline_needs_no_server(self):
        self.server.rules = {"": httpd.status(500)}
        self.assertStatus(self.run_home("list", "--offline"), 0)
        self.assertEqual(self.server.requests, [])
        self.assertStatus(self.run_home("list"), 3)

    def test_list__nothing_matches(self):
        self.assertStatus(self.run_home("list", "acme/none/*"), 1)


class Get(Customer):
    def test_get__a_file(self):
        self.assertStatus(self.get(), 0)
        self.assertEqual((self.out / "efi-e1000.rom").read_bytes(), self.image)

    def test_get__a_release(self):
        self.assertStatus(self.get("acme/e1000/1.21.1"), 0)
        self.assertEqual(self.files(self.out), ["efi-e1000.rom", "pxe-e1000.rom"])

    def test_get__into_a_named_file(self):
        target = self.scratch / "image.bin"
        self.assertStatus(self.run_home("get", attacks.FILE, "-o", target), 0)
        self.assertEqual(target.read_bytes(), self.image)

    def test_get__again_downloads_nothing(self):
        self.assertStatus(self.get(), 0)
        self.server.requests.clear()
        result = self.get("acme/e1000/1.21.1/efi-e1000.rom", "--json")
        self.assertStatus(result, 0)
        self.assertFalse([r for r in self.server.requests if "/targets/" in r])
        self.assertFalse(result.json()["changed"])

    def test_get__replaces_a_damaged_file(self):
        self.out.mkdir()
        (self.out / "efi-e1000.rom").write_bytes(b"damaged")
        self.assertStatus(self.get(), 0)
        self.assertEqual((self.out / "efi-e1000.rom").read_bytes(), self.image)

    def test_get__resumes_after_an_interruption(self):
        self.server.rules = {".efi-e1000.rom": httpd.cut_after(40000, self.cast.public)}
        result = self.get()
        self.assertStatus(result, 3)
        self.assertEqual(self.files(self.out), [])
        self.server.rules = {}
        sent = []
        serve = self.server.serve
        self.server.serve = lambda handler: (sent.append(handler.headers.get("Range")), serve(handler))
        self.addCleanup(lambda: setattr(self.server, "serve", serve))
        self.assertStatus(self.get(), 0)
        self.assertIn("bytes=40000-", sent)
        self.assertEqual((self.out / "efi-e1000.rom").read_bytes(), self.image)

    def test_get__resumes_over_a_wrong_partial_file(self):
        self.out.mkdir()
        (self.out / ".efi-e1000.rom.partial").write_bytes(b"x" * 1000)
        first = self.get()
        second = self.get() if first.status else first
        self.assertStatus(second, 0)
        self.assertEqual((self.out / "efi-e1000.rom").read_bytes(), self.image)

    def test_get__dry_run_downloads_nothing(self):
        self.assertStatus(self.get(attacks.FILE, "--dry-run"), 0)
        self.assertFalse([r for r in self.server.requests if "/targets/" in r])
        self.assertFalse(self.out.exists() and self.files(self.out))

    def test_get__what_does_not_exist(self):
        self.assertRefused(self.get("acme/e1000/9.9.9"), 1, "9.9.9")
        self.assertRefused(self.get("nobody/e1000/1"), 1, "nobody")

    def test_get__bad_usage(self):
        self.assertStatus(self.run_home("get"), 2)
        self.assertStatus(self.run_home("get", "../../etc/passwd", "-d", self.out), 2)
        self.assertStatus(self.run_home("get", attacks.FILE, "--site", "unknown", "-d", self.out), 3)

    def test_get__server_errors_are_cannot_tell(self):
        for code in (403, 500, 503):
            with self.subTest(code=code):
                self.server.rules = {"timestamp.json": httpd.status(code)}
                self.assertRefused(self.get(), 3, str(code))

    def test_get__missing_image_is_cannot_tell(self):
        self.server.rules = {".efi-e1000.rom": httpd.status(404)}
        self.assertStatus(self.get(), 3)

    def test_get__fetches_nothing_of_what_it_does_not_need(self):
        shutil.rmtree(self.home)
        self.cast.trust(self.home, self.server.url)
        self.server.requests.clear()
        self.assertStatus(self.get(), 0)
        roles = [r for r in self.server.requests if "metadata" in r]
        self.assertLessEqual(len(roles), 6, roles)

    def test_get__into_an_unwritable_folder(self):
        blocked = self.scratch / "file"
        blocked.write_text("not a folder")
        self.assertIn(self.run_home("get", attacks.FILE, "-d", blocked).status, (3, 4))


class Sync(Customer):
    def sync(self, *options):
        return self.run_home("sync", "acme", "-d", self.out, "--no-progress", *options)

    def test_sync__places_all_and_lists_digests(self):
        self.assertStatus(self.sync(), 0)
        self.assertEqual(self.files(self.out), ["SHA256SUMS", "acme/e1000/1.21.0/efi-e1000.rom", "acme/e1000/1.21.1/efi-e1000.rom",
                                                "acme/e1000/1.21.1/pxe-e1000.rom"])
        check = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=self.out, capture_output=True)
        self.assertEqual(check.returncode, 0, check.stderr)

    def test_sync__again_asks_only_for_what_is_missing(self):
        self.assertStatus(self.sync(), 0)
        (self.out / "acme/e1000/1.21.1/pxe-e1000.rom").unlink()
        self.server.requests.clear()
        result = self.sync("--json")
        self.assertTrue(result.json()["changed"])
        self.assertEqual(len([r for r in self.server.requests if "/targets/" in r]), 1)
        self.assertFalse(self.sync("--json").json()["changed"])

    def test_sync__dry_run_changes_nothing(self):
        self.assertStatus(self.sync("--dry-run"), 0)
        self.assertFalse(self.out.exists() and self.files(self.out))

    def test_sync__delete_removes_only_what_it_placed(self):
        self.assertStatus(self.sync(), 0)
        changed = self.out / "acme/e1000/1.21.0/efi-e1000.rom"
        changed.write_bytes(b"edited by the customer")
        own = self.out / "acme/notes.txt"
        own.write_text("mine")
        result = self.run_home("sync", "acme/e1000/1.21.1", "-d", self.out, "--delete", "--no-progress")
        self.assertStatus(result, 0)
        self.assertTrue(own.exists())
        self.assertTrue(changed.exists(), "a file that was changed since is not removed")
        self.assertTrue((self.out / "acme/e1000/1.21.1/efi-e1000.rom").exists())

    def test_sync__delete_removes_what_the_site_took_back(self):
        self.assertStatus(self.sync(), 0)
        public = tree.Tree.copy(self.cast.public, self.scratch / "public")
        documents = {}
        for role, signers in (("release~acme", ("release1", "release2")), ("maker~acme", ("acme1", "acme2"))):
            signed = tree.next_version(public.load(role)["signed"])
            del signed["targets"]["acme/e1000/1.21.0/efi-e1000.rom"]
            documents[role] = public.store(role, signed, [tree.Key(self.cast.key(s)) for s in signers])
        public.reference(documents, tree.Key(self.cast.site / "private" / "keys" / "online.pem"))
        self.server.folder = public.public
        gone = self.out / "acme/e1000/1.21.0/efi-e1000.rom"
        self.assertStatus(self.sync(), 0)
        self.assertTrue(gone.exists(), "nothing is removed without --delete")
        self.assertStatus(self.sync("--delete", "--dry-run"), 0)
        self.assertTrue(gone.exists(), "nor by a dry run")
        self.assertStatus(self.sync("--delete"), 0)
        self.assertFalse(gone.exists())
        self.assertTrue((self.out / "acme/e1000/1.21.1/efi-e1000.rom").exists())


class Verify(Customer):
    def file(self, data, name="efi-e1000.rom"):
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def test_verify__good(self):
        result = self.run_home("verify", self.file(self.image))
        self.assertStatus(result, 0)
        self.assertIn("acme/e1000/1.21.1/efi-e1000.rom", result.out)
        self.assertIn("maker, introduced by vendor", result.out)

    def test_verify__needs_no_network_and_tells_the_age(self):
        self.server.rules = {"": httpd.status(500)}
        result = self.run_home("verify", self.file(self.image))
        self.assertStatus(result, 0)
        self.assertEqual(self.server.requests, [])
        self.assertIn("ago", result.out + result.err)

    def test_verify__one_bit_changed(self):
        changed = bytearray(self.image)
        changed[1000] ^= 1
        self.assertRefused(self.run_home("verify", self.file(bytes(changed))), 1, "efi-e1000.rom")

    def test_verify__unknown(self):
        self.assertStatus(self.run_home("verify", self.file(b"something else", "other.bin")), 1)

    def test_verify__missing_file(self):
        self.assertRefused(self.run_home("verify", self.scratch / "missing"), 3, "missing")

    def test_verify__worst_of_several_counts(self):
        good, bad = self.file(self.image), self.file(b"x", "bad.bin")
        self.assertStatus(self.run_home("verify", good, bad), 1)
        self.assertStatus(self.run_home("verify", good, self.scratch / "missing"), 3)
        self.assertStatus(self.run_home("verify", self.scratch / "missing", bad), 1)

    def test_verify__max_age(self):
        self.assertStatus(self.run_home("verify", self.file(self.image), "--max-age", "1h"), 0)
        self.assertStatus(self.run_home("verify", self.file(self.image), "--max-age", "1h", faketime="+2h"), 3)

    def test_verify__clock_behind_the_last_refresh(self):
        self.assertRefused(self.run_home("verify", self.file(self.image), faketime="-30d"), 3, "clock")

    def test_verify__json(self):
        data = self.run_home("verify", self.file(self.image), "--json").json()
        self.assertEqual(data["schema"], "hallmark/verify/1")

    def test_verify__tampered_state_is_no_trust(self):
        role = self.home / "sites" / "globex" / "metadata" / "release~acme.json"
        text = role.read_text()
        evil = b"firmware of the intruder"
        role.write_text(text.replace(hashlib.sha256(self.image).hexdigest(), hashlib.sha256(evil).hexdigest()))
        self.assertNotEqual(self.run_home("verify", self.file(evil)).status, 0)

    def test_verify__without_any_trust(self):
        self.assertStatus(story.hallmark("verify", self.file(self.image), home=self.scratch / "empty"), 3)


class General(Customer):
    COMMANDS = ("key new", "key show", "key public", "sign", "maker init", "maker release", "maker attach", "maker rotate", "maker submission", "maker show",
                "site init", "site enroll", "site intake", "site pending", "site review", "site approve", "site attach", "site reject", "site publish",
                "site renew", "site status", "site rotate", "trust add", "trust list", "trust show", "trust policy", "trust remove", "list", "get", "sync",
                "verify", "bundle export", "bundle import", "tuf")

    def test_help__everywhere(self):
        self.assertStatus(story.hallmark("--help"), 0)
        for command in self.COMMANDS:
            with self.subTest(command=command):
                result = story.hallmark(*command.split(), "--help")
                self.assertStatus(result, 0)
                self.assertIn("usage", result.out.lower())

    def test_usage__is_exit_2_with_a_hint(self):
        for words in ((), ("nonsense",), ("site", "nonsense"), ("get", "--nonsense"), ("verify",)):
            with self.subTest(words=words):
                result = story.hallmark(*words, home=self.home)
                self.assertStatus(result, 2)
                self.assertIn("--help", result.err)

    def test_version(self):
        self.assertRegex(story.hallmark("--version").out, r"^hallmark \d+\.\d+\.\d+")

    def test_state__is_private_and_not_below_a_cache(self):
        self.assertEqual(os.stat(self.home).st_mode & 0o077, 0)

    def test_output__to_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            process = subprocess.run([story.HALLMARK, "list", "--home", str(self.home)], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(process.returncode, 4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
