# SPDX-License-Identifier: Apache-2.0
"""A maker whose keys live in a signing service: what is to be signed goes out as bytes, bare signatures come back. OpenSSL is the service."""
import base64
import hashlib
import json
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

KINDS = {"ed": ("ED25519", []), "p256": ("EC", ["ec_paramgen_curve:P-256"]), "p384": ("EC", ["ec_paramgen_curve:P-384"]),
         "rsa": ("RSA", ["rsa_keygen_bits:3072"])}
SCHEMES = {"ed": "ed25519", "p256": "ecdsa-sha2-nistp256", "p384": "ecdsa-sha2-nistp384", "rsa": "rsassa-pss-sha256"}
PSS = ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "digest:sha256", "-pkeyopt", "rsa_pss_saltlen:digest"]
ORDER_256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, check=True).stdout


def integers(der):
    """r and s of a short DER signature."""
    size = der[3]
    return int.from_bytes(der[4:4 + size], "big"), int.from_bytes(der[6 + size:], "big")


def der_of(r, s):
    parts = b"".join(b"\x02" + bytes([len(n)]) + n for n in (x.to_bytes(x.bit_length() // 8 + 1, "big") for x in (r, s)))
    return b"\x30" + bytes([len(parts)]) + parts


def pair_of(der, size):
    return b"".join(n.to_bytes(size, "big") for n in integers(der))


class Service:
    """Holds keys, knows nothing of Hallmark: signs bytes, or their digest, as such services do."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def make(self, name, kind):
        algorithm, options = KINDS[kind]
        openssl("genpkey", "-algorithm", algorithm, *story.flag("-pkeyopt", options), "-out", self.folder / name)
        openssl("pkey", "-in", self.folder / name, "-pubout", "-out", self.folder / f"{name}.pub")
        return self.folder / f"{name}.pub"

    def sign_bytes(self, name, path):
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.folder / name, "-in", path)

    def sign_digest(self, name, path, options=()):
        return openssl("pkeyutl", "-sign", "-inkey", self.folder / name, "-in", path, *options)


class External(story.Case):
    def setUp(self):
        super().setUp()
        self.service = Service(self.scratch / "service")
        self.folder = self.scratch / "acme"
        self.image = self.scratch / "nic.rom"
        self.image.write_bytes(b"image of a network card\n" * 40)
        self.number = 0

    def init(self, kinds, threshold):
        """An identity of keys in the service alone: no private key is ever given to Hallmark."""
        self.keys = {kind: kind for kind in kinds}
        pubs = [self.service.make(kind, kind) for kind in kinds]
        out = self.scratch / "identity.tosign"
        story.must("maker", "init", "--dir", self.folder, "--id", "acme", "--name", "ACME Inc.", *story.flag("--public", pubs),
                   "--threshold", threshold, "--external", "-o", out)
        files = [self.give(self.sign(kind, out)) for kind in kinds[:threshold]]
        result = story.must("maker", "attach", "--dir", self.folder, *files)
        self.assertIn("identity of maker acme version 1: complete", result.out)

    def give(self, signature):
        self.number += 1
        path = self.scratch / f"{self.number}.sig"
        path.write_bytes(signature)
        return path

    def document(self, folder, index=0):
        return json.loads((folder / "tosign.json").read_text())["documents"][index]

    def sign(self, kind, folder, index=0):
        """As a service that is given what tosign.json says of the key."""
        document = self.document(folder, index)
        entry = next(key for key in document["keys"] if key["scheme"] == SCHEMES[kind])
        if kind == "ed":
            return self.service.sign_bytes(kind, folder / entry["signs"])
        return self.service.sign_digest(kind, folder / entry["digest"], PSS if kind == "rsa" else ())

    def release(self, version="1.0", sites="globex", *options):
        return self.hallmark("maker", "release", "--dir", self.folder, "--for", sites, "nic", version, self.image, "--external", *options)

    def draft(self, version="1.0"):
        out = self.scratch / f"{version}.tosign"
        self.assertStatus(self.release(version, "globex", "-o", out), 0)
        return out

    def attach(self, *signatures, out=None):
        return self.hallmark("maker", "attach", "--dir", self.folder, *map(self.give, signatures), *(["-o", out] if out else []))

    def refused(self, signature, *words):
        self.assertRefused(self.attach(signature), story.NO, *words)


class Folder(External):
    def test_the_folder_says_all_that_a_service_needs(self):
        self.init(["ed", "p256", "p384", "rsa"], 3)
        out = self.draft()
        listed = json.loads((out / "tosign.json").read_text())
        document = listed["documents"][0]
        self.assertEqual((listed["schema"], listed["maker"], listed["site"], listed["reason"]),
                         ("hallmark/to-sign/1", "acme", "globex", "release acme/nic/1.0"))
        content = (out / document["bytes"]).read_bytes()
        self.assertEqual(json.loads(content)["version"], 1)
        self.assertEqual(document["size"], len(content))
        for name in ("sha256", "sha384", "sha512"):
            digest = hashlib.new(name, content)
            self.assertEqual(document[name], digest.hexdigest())
            self.assertEqual((out / f"maker~acme.{name}").read_bytes(), digest.digest())
        keys = {key["scheme"]: key for key in document["keys"]}
        self.assertEqual(set(keys), set(SCHEMES.values()))
        self.assertEqual(keys["ed25519"]["signs"], "maker~acme.bytes")
        self.assertNotIn("digest", keys["ed25519"])
        self.assertEqual(keys["ecdsa-sha2-nistp384"]["digest"], "maker~acme.sha384")
        self.assertEqual(keys["rsassa-pss-sha256"]["digest"], "maker~acme.sha256")
        for kind in ("p256", "p384", "rsa"):
            key = keys[SCHEMES[kind]]
            self.assertEqual(key["public"].strip(), (self.service.folder / f"{kind}.pub").read_text().strip())
            self.assertEqual(key["keyid"], self.hallmark("key", "show", self.service.folder / f"{kind}.pub", "--json").json()["keyid"])
        # The bytes are those that a request has signed, and the same command gives the same folder.
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        self.assertEqual(self.draft(), out)
        self.assertEqual({path.name: path.read_bytes() for path in out.iterdir()}, before)
        self.assertEqual(len(before), 5)

    def test_whoever_has_signed_is_not_asked_again(self):
        self.init(["ed", "p256"], 2)
        out = self.draft()
        self.assertIn("1 of 2", story.must("maker", "attach", "--dir", self.folder, self.give(self.sign("ed", out))).out)
        self.assertEqual([key["scheme"] for key in self.document(self.draft())["keys"]], ["ecdsa-sha2-nistp256"])

    def test_several_sites_each_with_a_folder_of_its_own(self):
        self.init(["ed"], 1)
        result = subprocess.run([story.HALLMARK, "maker", "release", "--dir", self.folder, "--for", "globex,initech", "nic", "1.0", self.image,
                                 "--external"], cwd=self.scratch, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        folders = [self.scratch / f"{site}-nic-1.0.tosign" for site in ("globex", "initech")]
        signatures = [self.give(self.sign("ed", folder)) for folder in folders]
        self.assertNotEqual((folders[0] / "maker~acme.bytes").read_bytes(), (folders[1] / "maker~acme.bytes").read_bytes())
        result = subprocess.run([story.HALLMARK, "maker", "attach", "--dir", self.folder, *reversed(signatures)], cwd=self.scratch,
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        for site in ("globex", "initech"):
            self.assertTrue((self.scratch / f"{site}-nic-1.0.submission").exists())
            self.assertIn(f"a signature by key {self.document(folders[0])['keys'][0]['keyid']} of site {site}: maker~acme version 1", result.stdout)

    def test_o_never_gives_it_a_submissions_name(self):
        self.init(["ed"], 1)
        self.assertStatus(self.release("1.0", "globex", "-o", self.scratch / "x.submission"), 0)
        self.assertTrue((self.scratch / "x.tosign" / "tosign.json").exists())
        self.assertFalse((self.scratch / "x.submission").exists())

    def test_it_goes_with_keys_that_are_at_hand(self):
        key = self.scratch / "hand"
        story.must("key", "new", key, "--no-passphrase")
        pub = self.service.make("p256", "p256")
        out = self.scratch / "identity.tosign"
        story.must("maker", "init", "--dir", self.folder, "--id", "acme", "--name", "A", "--public", f"{key}.pub", "--public", pub, "--threshold", 2,
                   "--key", key, "--external", "-o", out)
        self.assertEqual([entry["scheme"] for entry in self.document(out)["keys"]], ["ecdsa-sha2-nistp256"])
        self.assertIn("complete", self.attach(self.sign("p256", out)).out)
        story.must("maker", "release", "--dir", self.folder, "--for", "globex", "nic", "1.0", self.image, "--key", key, "--external",
                   "-o", self.scratch / "r")
        self.assertStatus(self.attach(self.sign("p256", self.scratch / "r"), out=self.scratch / "r.submission"), 0)
        self.assertTrue((self.scratch / "r.submission").exists())


class Signatures(External):
    def complete(self, *signatures):
        out = self.scratch / "done.submission"
        result = self.attach(*signatures, out=out)
        self.assertStatus(result, 0)
        self.assertIn("complete, wrote", result.out)
        self.assertTrue(out.exists())

    def test_every_kind_of_key_counts_toward_one_threshold(self):
        self.init(["ed", "p256", "p384", "rsa"], 4)
        out = self.draft()
        self.complete(*[self.sign(kind, out) for kind in ("rsa", "ed", "p384", "p256")])

    def test_dgst_and_salts_of_any_length(self):
        self.init(["p256", "rsa"], 2)
        out = self.draft()
        content = out / "maker~acme.bytes"
        ecdsa = openssl("dgst", "-sha256", "-sign", self.service.folder / "p256", content)
        rsa = openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:max", "-sign", self.service.folder / "rsa", content)
        self.complete(ecdsa, rsa)

    def test_r_and_s_in_base64url_and_der_in_hexadecimal(self):
        self.init(["p256", "p384"], 2)
        out = self.draft()
        pair = pair_of(self.sign("p256", out), 32)
        self.complete(base64.urlsafe_b64encode(pair).rstrip(b"="), self.sign("p384", out).hex().encode() + b"\n")

    def test_raw_pairs_and_base64_in_lines(self):
        self.init(["ed", "p384", "rsa"], 3)
        out = self.draft()
        self.complete(pair_of(self.sign("p384", out), 48), base64.encodebytes(self.sign("rsa", out)), base64.b64encode(self.sign("ed", out)))

    def test_bare_signatures_and_files_of_hallmark_sign_together(self):
        self.init(["ed", "p256"], 2)
        self.draft()
        request = self.scratch / "r.request"
        story.must("maker", "release", "--dir", self.folder, "--for", "globex", "nic", "1.0", self.image, "-o", request)
        key = self.scratch / "copy"
        key.write_bytes((self.service.folder / "ed").read_bytes())
        key.chmod(0o600)
        story.must("sign", request, "--key", key, "--yes", "--home", self.scratch / "home", "-o", self.scratch / "ed.sig")
        self.complete((self.scratch / "ed.sig").read_bytes(), self.sign("p256", self.scratch / "1.0.tosign"))

    def test_the_other_valid_s_is_the_same_signature_once_more(self):
        """(r, n - s) is valid by the standard, and gives nobody a second signature."""
        self.init(["p256", "ed"], 2)
        out = self.draft()
        r, s = integers(self.sign("p256", out))
        self.assertIn("1 of 2", self.attach(der_of(r, s)).out)
        result = self.attach(der_of(r, ORDER_256 - s))
        self.assertStatus(result, 0)
        self.assertIn("nothing new", result.out)
        self.assertIn("1 of 2", result.out)

    def test_twice_the_same_counts_once(self):
        self.init(["ed", "p256"], 2)
        out = self.draft()
        signature = self.sign("ed", out)
        result = self.attach(signature, signature)
        self.assertStatus(result, 0)
        self.assertIn("nothing new", result.out)
        self.assertIn("1 of 2 signatures", result.out)
        self.complete(signature, self.sign("p256", out))
        self.assertRefused(self.attach(signature), story.CANNOT_TELL, "nothing waits for signatures")

    def test_recalls_and_rotations_too(self):
        self.init(["ed"], 1)
        self.complete(self.sign("ed", self.draft()))
        recall = self.scratch / "recall.tosign"
        story.must("maker", "recall", "--dir", self.folder, "--for", "globex", "bad", "nic/1.0", "--reason", "It is bad.", "--remedy", "Take 1.1.",
                   "--external", "-o", recall)
        notice = self.scratch / "bad.notice"
        self.assertStatus(self.attach(self.sign("ed", recall), out=notice), 0)
        self.assertTrue(notice.exists())
        old, new = self.service.folder / "ed", self.service.make("p384", "p384")
        rotation = self.scratch / "rotate.tosign"
        story.must("maker", "rotate", "--dir", self.folder, "--public", new, "--external", "-o", rotation)
        self.assertEqual({key["scheme"] for key in self.document(rotation)["keys"]}, {"ed25519", "ecdsa-sha2-nistp384"})
        self.assertTrue(old.exists())
        self.assertIn("version 2: complete", self.attach(self.sign("ed", rotation), self.sign("p384", rotation)).out)
        again = self.scratch / "again.tosign"
        story.must("maker", "submission", "--dir", self.folder, "--for", "globex", "--external", "-o", again)
        self.assertStatus(self.attach(self.sign("p384", again), out=self.scratch / "again.submission"), 0)
        self.assertTrue((self.scratch / "again.submission").exists())


class Refusals(External):
    """Nothing of it reaches the draft: each is followed by the right signature, alone."""

    def setUp(self):
        super().setUp()
        self.init(["p256", "ed"], 1)
        self.out = self.draft()

    def tearDown(self):
        self.assertEqual(json.loads((self.folder / "drafts/globex/maker~acme.json").read_text())["signatures"], [])
        result = self.attach(self.sign("p256", self.out), out=self.scratch / "end.submission")
        self.assertStatus(result, 0)
        self.assertTrue((self.scratch / "end.submission").exists())

    def test_another_key(self):
        for kind in KINDS:
            self.service.make("stranger", kind)
            if kind == "ed":
                signature = self.service.sign_bytes("stranger", self.out / "maker~acme.bytes")
            else:
                digest = {"p384": "sha384"}.get(kind, "sha256")
                signature = self.service.sign_digest("stranger", self.out / f"maker~acme.{digest}", PSS if kind == "rsa" else ())
            self.refused(signature, "by another key")

    def test_other_bytes(self):
        other = self.scratch / "other"
        other.write_bytes((self.out / "maker~acme.bytes").read_bytes() + b" ")
        self.refused(self.service.sign_bytes("ed", other), "of other bytes")
        self.refused(openssl("dgst", "-sha256", "-sign", self.service.folder / "p256", other), "of other bytes")

    def test_what_was_drafted_before(self):
        before = self.sign("p256", self.out)
        self.image.write_bytes(b"another image")
        self.assertStatus(self.release("1.0", "globex", "--replace", "-o", self.out), 0)
        self.refused(before, "of other bytes")

    def test_another_site(self):
        self.complete_other_site()
        self.refused(self.sign("p256", self.elsewhere), "another site")

    def complete_other_site(self):
        self.elsewhere = self.scratch / "elsewhere.tosign"
        self.assertStatus(self.release("1.0", "initech", "-o", self.elsewhere), 0)
        drafts = self.folder / "drafts"
        (drafts / "initech").rename(self.scratch / "initech")

    def test_der_that_is_not_canonical(self):
        der = self.sign("p256", self.out)
        r, s = integers(der)
        size_r = der[3]
        for wrong in (der[:1] + b"\x81" + der[1:],                                                            # a length in two bytes
                      bytes([0x30, der[1] + 1, 2, size_r + 1, 0]) + der[4:],                                  # a zero before r
                      der + b"\0", der + b"\n", b"\n" + der,                                                   # something around it
                      bytes([0x30, der[1] + 3]) + der[2:] + b"\x02\x01\x01",                                  # a third number
                      b"\x30\x80" + der[2:] + b"\0\0",                                                        # no length
                      der_of(r + ORDER_256, s), der_of(r, s + ORDER_256), der_of(0, s), der_of(r, 0),
                      bytes([0x31]) + der[1:]):
            self.refused(wrong, "no signature of the 1 document that waits")

    def test_cut_lengthened_and_changed(self):
        ed, der = self.sign("ed", self.out), self.sign("p256", self.out)
        for whole in (ed, der, ed.hex().encode(), base64.b64encode(der), pair_of(der, 32)):
            for wrong in (whole[:-1], whole[:10], whole + whole, whole[:1] + bytes([whole[1] ^ 1]) + whole[2:]):
                self.refused(wrong)

    def test_ed25519_with_s_that_is_too_large(self):
        signature = self.sign("ed", self.out)
        order = 2**252 + 27742317777372353535851937790883648493
        s = int.from_bytes(signature[32:], "little") + order
        self.refused(signature[:32] + s.to_bytes(32, "little"))

    def test_a_digest_signed_as_if_it_were_the_document(self):
        self.refused(self.service.sign_bytes("ed", self.out / "maker~acme.sha512"), "the digest of 'maker~acme' version 1 was signed")
        self.refused(openssl("dgst", "-sha256", "-sign", self.service.folder / "p256", self.out / "maker~acme.sha256"), "was signed as if it were")

    def test_empty_large_and_other_files(self):
        self.assertRefused(self.attach(b""), story.NO, "it is empty")
        self.assertRefused(self.attach(b"0" * 30000), story.NO, "more than a signature has")
        self.assertRefused(self.attach(b"{}"), story.NO, "not a signatures file")
        self.refused(b"not a signature\n")
        self.refused(b"x", "neither a signatures file nor a signature")
        self.refused((self.out / "maker~acme.bytes").read_bytes()[:500] + b"\xff")
        self.assertRefused(self.hallmark("maker", "attach", "--dir", self.folder, self.scratch / "missing"), story.CANNOT_TELL, "missing")


class Rsa(External):
    def test_padding_as_in_pkcs1_v1_5_is_refused(self):
        self.init(["rsa"], 1)
        out = self.draft()
        self.refused(openssl("dgst", "-sha256", "-sign", self.service.folder / "rsa", out / "maker~acme.bytes"), "RSA: PSS")
        self.refused(openssl("dgst", "-sha512", "-sigopt", "rsa_padding_mode:pss", "-sign", self.service.folder / "rsa", out / "maker~acme.bytes"), "RSA: PSS")
        self.assertStatus(self.attach(self.sign("rsa", out), out=self.scratch / "r.submission"), 0)


class Site(External):
    def test_a_site_takes_the_submission(self):
        cast = story.Cast(self.scratch / "cast")
        cast.init_site()
        self.folder = cast.root / "maker-acme"
        self.init(["p256", "rsa"], 2)
        cast.enroll("acme")
        out = self.draft()
        submission = self.scratch / "nic.submission"
        self.assertStatus(self.attach(pair_of(self.sign("p256", out), 32), self.sign("rsa", out), out=submission), 0)
        story.must("site", "intake", "--dir", cast.site, submission)
        request = cast.request()
        story.must("site", "approve", "--dir", cast.site, "--all", "-o", request)
        cast.attach(request, "release1", "release3")
        story.must("site", "publish", "--dir", cast.site)
        cast.trust()
        got = self.scratch / "got.rom"
        story.must("get", "acme/nic/1.0/nic.rom", "-o", got, "--no-progress", home=cast.home)
        self.assertEqual(got.read_bytes(), self.image.read_bytes())


class Usage(story.Case):
    def test_external_goes_with_what_is_signed(self):
        for words in (["maker", "attach", "--external"], ["maker", "submission", "--for", "a", "--identity-only", "--external"],
                      ["maker", "submission", "--for", "a", "--images", "x", "--external"], ["maker", "show", "--external"]):
            self.assertStatus(self.hallmark(*words), story.USAGE)


if __name__ == "__main__":
    unittest.main()
