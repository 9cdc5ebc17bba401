# SPDX-License-Identifier: Apache-2.0
"""Repositories and roots that others wrote and signed, as they lie in the packages that ship them.

Nothing of them is kept here: tools/interop installs the packages. Sigstore's root-signing and tuf-on-ci's whole repositories
are in no package; they come with a checkout of the public conformance suite, which TUF_CONFORMANCE may name.
"""
import base64
import hashlib
import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import plumbing  # noqa: E402
import story  # noqa: E402

TOUGH = Path(os.environ["HALLMARK_TOUGH_DATA"])
SIGSTORE = Path(os.environ["HALLMARK_SIGSTORE"]) / "sigstore" / "_store"
NPM_SEEDS = Path(os.environ["HALLMARK_NPM_TUF"]) / "seeds.json"
CONFORMANCE = os.environ.get("TUF_CONFORMANCE")


class Roots(story.Case):
    """A root of others as trust anchor."""

    def init(self, root):
        return story.hallmark("tuf", "--metadata-dir", self.scratch / "metadata", "init", root)

    def check(self, root, *words):
        result = self.init(root)
        if words:
            self.assertRefused(result, 1, *words)
        else:
            self.assertStatus(result, 0)
            self.assertEqual((self.scratch / "metadata" / "root.json").read_bytes(), Path(root).read_bytes())

    def test_root__of_sigstore_as_its_python_client_ships_it(self):
        self.check(SIGSTORE / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev" / "root.json")

    def test_root__of_sigstore_staging(self):
        self.check(SIGSTORE / "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev" / "root.json")

    def npm_root(self):
        seed, = json.loads(NPM_SEEDS.read_bytes()).values()
        path = self.scratch / "npm.json"
        path.write_bytes(base64.b64decode(seed["root.json"]))
        return path

    def test_root__of_sigstore_as_npm_ships_it(self):
        self.check(self.npm_root())

    def test_root__of_sigstore_with_one_letter_changed(self):
        path = self.npm_root()
        path.write_bytes(path.read_bytes().replace(b'"x-tuf-on-ci-expiry-period"', b'"x-tuf-on-ci-expiry-perioD"', 1))
        self.check(path, "signatures")

    def test_root__of_sigstore_before_tuf_on_ci_with_pem_keys(self):
        self.check(TOUGH / "pem-encoded-ecdsa-sig-keys" / "root.json")

    def test_root__of_sigstore_with_the_newer_key_type(self):
        self.check(TOUGH / "ecdsa-new-type-sig-keys" / "root.json")

    def test_root__of_sigstore_from_2021_has_fractions_of_a_second(self):
        self.check(TOUGH / "hex-encoded-ecdsa-sig-keys" / "root.json", "expires", "is not a time like")

    def test_root__with_an_rsa_key(self):
        self.check(TOUGH / "simple-rsa" / "root.json")

    def test_root__with_a_key_id_twice(self):
        self.check(TOUGH / "duplicate-keyid" / "root.json", "duplicate key")

    def test_root__with_a_signature_twice(self):
        self.check(TOUGH / "duplicate-sigs" / "root.json", "twice among the signatures")

    def test_root__with_a_key_that_signed_twice(self):
        self.check(TOUGH / "duplicate-sig-keys" / "root.json", "twice among the signatures")

    def test_root__with_a_wrong_signature(self):
        self.check(TOUGH / "invalid-root-json-signature" / "root.json", "0 of the 1 signatures")

    def test_root__without_signatures(self):
        self.check(TOUGH / "no-root-json-signatures" / "root.json", "0 of the 1 signatures")


class Repositories(story.Case):
    def check(self, repository, *names, **options):
        result, files = plumbing.download(repository, self.scratch, *names, **options)
        self.assertStatus(result, 0)
        return [hashlib.sha256(p.read_bytes()).hexdigest() for p in files]

    def same(self, got, *sources):
        self.assertEqual(sorted(got), sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in sources))

    def test_repository__of_the_reference_implementation(self):
        names = ("file1.txt", "file2.txt", "file3.txt")
        folder = TOUGH / "tuf-reference-impl"
        self.same(self.check(folder, *names), *(folder / "targets" / name for name in names))

    def test_repository__of_the_reference_implementation_lists_nothing_else(self):
        result, files = plumbing.download(TOUGH / "tuf-reference-impl", self.scratch, "file4.txt")
        self.assertRefused(result, 1, "file4.txt")
        self.assertEqual(files, [])

    def test_repository__of_tough_with_consistent_snapshots(self):
        folder = TOUGH / "consistent-snapshots"
        self.same(self.check(folder, "data1.txt", "data2.txt"), *(folder / "targets").iterdir())

    def test_repository__of_tough_with_dots_in_target_names(self):
        """tough resolves such a name; Hallmark asks for it as it stands, and would store it as one flat file name."""
        name = "foo/../bar/../baz/../data1.txt"
        result, files = plumbing.download(TOUGH / "safe-target-paths", self.scratch, name)
        self.assertRefused(result, 1, "foo/%2E%2E/bar/%2E%2E/baz/%2E%2E/data1.txt", "404")
        self.assertEqual(files, [])
        self.assertEqual(sorted(p.name for p in self.scratch.iterdir()), ["downloads", "metadata"])

    def test_repository__of_tough_whose_root_was_rotated(self):
        self.check(TOUGH / "rotated-root", metadata=".")
        self.assertEqual((self.scratch / "metadata" / "root.json").read_bytes(), (TOUGH / "rotated-root" / "2.root.json").read_bytes())

    def test_repository__of_tough_that_is_expired(self):
        result, _files = plumbing.download(TOUGH / "expired-repository", self.scratch)
        self.assertRefused(result, 1, "timestamp", "expired 1999-01-01T00:00:00Z")

    def test_repository__of_tough_before_it_expired(self):
        self.check(TOUGH / "expired-repository", faketime="@1998-06-01 00:00:00")

    def test_repository__of_tough_with_fractions_of_a_second(self):
        result, _files = plumbing.download(TOUGH / "dubious-role-names", self.scratch)
        self.assertRefused(result, 1, "timestamp", "is not a time like")

    @unittest.skipUnless(CONFORMANCE, "TUF_CONFORMANCE names no checkout of the conformance suite")
    def test_repository__of_sigstore_and_of_tuf_on_ci(self):
        folders = sorted(p.parent for p in Path(CONFORMANCE).glob("tuf_conformance/static_data/*/faketime"))
        self.assertGreaterEqual(len(folders), 2)
        for folder in folders:
            with self.subTest(folder.name):
                self.setUp()
                when = (folder / "faketime").read_text().strip().replace("T", " ").rstrip("Z")
                name = (folder / "targetpath").read_text().strip()
                got = self.check(folder, name, root="../initial_root.json", faketime=f"@{when}")
                self.assertEqual(len(got), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
