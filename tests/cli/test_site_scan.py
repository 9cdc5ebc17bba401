# SPDX-License-Identifier: Apache-2.0
"""What a site's scan finds at intake is told, must be acknowledged by name, and is shown to who signs."""
import hashlib
import json
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fuzz"))
import story  # noqa: E402
from story import CANNOT_TELL, GOOD, NO, USAGE, must  # noqa: E402

seeds = __import__("make-image-seeds")

PEM = b"-----BEGIN PRIVATE KEY-----\n" + b"QUJDRA" * 20 + b"\n-----END PRIVATE KEY-----\n"
RULE = 'rule Implant { meta: description = "an implant" strings: $a = "IMPLANT" condition: $a }'


class SiteScan(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cast = story.Cast(cls.root / "first")
        cast.init_site()
        cast.init_maker("acme", "Acme NICs")
        cast.enroll("acme")

    def setUp(self):
        super().setUp()
        self.fresh()

    def fresh(self):
        """Site and maker as if nothing had been submitted: a submission that was refused is one that the maker goes on from."""
        self.version = 0
        shutil.rmtree(self.scratch / "c", ignore_errors=True)
        self.cast = story.Cast(self.scratch / "c")
        shutil.copytree(self.root / "first", self.scratch / "c", symlinks=True, dirs_exist_ok=True)

    def site(self, *args, status=GOOD):
        result = self.hallmark("site", args[0], "--dir", self.cast.site, *args[1:])
        self.assertStatus(result, status)
        return result

    def submit(self, data, *options):
        self.version += 1
        path = self.scratch / "nic.rom"
        path.write_bytes(data)
        return self.cast.submit("acme", "nic", f"1.{self.version}", [path], *options)

    def intake(self, data, status=GOOD):
        return self.site("intake", self.submit(data), status=status)

    def findings(self):
        files = sorted((self.cast.site / "private/submissions").glob("*/findings.json"))
        return [finding for path in files for finding in json.loads(path.read_text())["findings"]]

    def private(self, name, text):
        path = self.cast.site / "private/scan" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_what_is_clean_needs_no_word(self):
        self.assertNotIn("scan", self.intake(b"clean").err)
        self.assertEqual(self.findings(), [])
        self.assertNotIn("findings of the scan", self.site("review").out)
        request = self.cast.request()
        self.site("approve", "--all", "-o", request)
        self.assertNotIn(b'"findings"', request.read_bytes())

    def test_a_finding_is_told_and_must_be_acknowledged(self):
        run = self.intake(PEM)
        self.assertIn("the scan found something", run.err)
        (finding,) = self.findings()
        self.assertEqual((finding["kind"], finding["severity"], finding["file"]), ("private-key", "critical", "acme/nic/1.1/nic.rom"))
        self.assertNotIn("acknowledged", finding)
        review = self.site("review").out
        self.assertIn("findings of the scan: 1, not acknowledged: 1", review)
        self.assertIn(finding["id"], review)
        refused = self.site("approve", "--all", status=NO)
        self.assertIn("1 finding of the scan, told above, is not acknowledged", refused.err)
        self.assertIn(finding["id"], refused.out)
        self.assertFalse((self.cast.site / "private/drafts/release~acme.json").exists())
        self.site("approve", "--all", "--acknowledge", "0" * 32, status=USAGE)
        self.site("approve", "--all", "--acknowledge", finding["id"][:4], status=USAGE)
        request = self.cast.request()
        self.site("approve", "--all", "--acknowledge", finding["id"], "-o", request)
        self.assertIn("acknowledged", self.findings()[0])
        self.assertIn("(acknowledged 20", self.site("review").out)
        # Who signs offline reads it.
        run = must("sign", request, "--key", self.cast.key("release1"), "-o", self.scratch / "one.sig", "--yes", "--home", self.scratch / "signer")
        self.assertIn(f"WARNING: found by the site's scan: {finding['id']}, acknowledged 20", run.out)
        self.assertIn("critical private-key PEM private key in acme/nic/1.1/nic.rom", run.out)
        self.cast.attach(request, "release1", "release3")
        self.site("publish")
        self.assertEqual(self.findings(), [])

    def test_each_of_several_must_be_named(self):
        self.private("rules/r.yar", RULE)
        self.intake(PEM + b"IMPLANT")
        one, two = self.findings()
        self.assertEqual({one["kind"], two["kind"]}, {"private-key", "rule-match"})
        refused = self.site("approve", "--all", "--acknowledge", one["id"], status=NO)
        self.assertIn("1 finding", refused.err)
        self.assertNotIn("acknowledged", self.findings()[0])  # a refused approval keeps nothing
        self.site("approve", "--all", "--acknowledge", one["id"], "--acknowledge", two["id"][:8], "-o", self.cast.request())

    def test_the_beginning_of_two_ids_acknowledges_neither(self):
        self.private("rules/r.yar", RULE)
        self.intake(PEM + b"IMPLANT")
        path = next((self.cast.site / "private/submissions").glob("*/findings.json"))
        text = path.read_text()
        for finding in self.findings():
            text = text.replace(finding["id"], "01234567" + finding["id"][8:])
        path.write_text(text)
        one, two = self.findings()
        refused = self.site("approve", "--all", "--acknowledge", "01234567", status=USAGE)
        self.assertIn("'01234567' begins the IDs of several findings", refused.err)
        refused = self.site("approve", "--all", "--acknowledge", "01234567", "--acknowledge", one["id"], "--acknowledge", two["id"], status=USAGE)
        self.assertNotIn("acknowledged", self.findings()[0])
        self.site("approve", "--all", "--acknowledge", one["id"], "--acknowledge", two["id"], "-o", self.cast.request())

    def test_taken_in_again_by_newer_rules_it_is_not_approved_any_more(self):
        submission = self.submit(b"IMPLANT")
        self.site("intake", submission)
        request = self.cast.request()
        self.site("approve", "--all", "-o", request)
        self.cast.attach(request, "release1", "release3")
        self.private("rules/r.yar", RULE)
        self.site("intake", submission)
        (finding,) = self.findings()
        run = self.hallmark("site", "publish", "--dir", self.cast.site)
        self.assertIn("waits: 'hallmark site review", run.out + run.err)
        self.assertEqual(list((self.cast.site / "public/targets").glob("acme/nic/1.1/*")), [])
        self.site("approve", "--all", "--acknowledge", finding["id"], "-o", self.cast.request())
        self.site("publish")  # the same draft, which has its signatures
        self.assertNotEqual(list((self.cast.site / "public/targets").glob("acme/nic/1.1/*")), [])

    def test_a_request_written_again_still_says_it(self):
        self.intake(PEM)
        self.site("approve", "--all", "--acknowledge", self.findings()[0]["id"], "-o", self.cast.request())
        again = self.cast.request()
        self.site("approve", "--all", "-o", again)
        self.assertIn(self.findings()[0]["id"].encode(), again.read_bytes())

    def test_the_sites_deny_list(self):
        self.private("deny", f"{hashlib.sha256(b'leaked').hexdigest()}  a leaked build\n")
        self.intake(b"leaked")
        self.assertEqual([f["detail"] for f in self.findings()], ["the file: a leaked build"])

    def test_rules_that_are_none_let_nothing_in(self):
        self.private("rules/r.yar", "rule A { condition: nope }")
        self.assertIn("r.yar", self.intake(b"clean", status=CANNOT_TELL).err)
        self.fresh()
        self.private("rules/r.yar", RULE)
        self.private("deny", "nonsense\n")
        self.assertIn("private/deny", self.intake(b"clean", status=NO).err.replace("scan/", ""))
        self.assertEqual(list((self.cast.site / "private/submissions").glob("*/submission.json")), [])

    def test_a_folder_of_files_that_are_no_rules_lets_nothing_in(self):
        self.private("rules/implant.rules", RULE)
        run = self.intake(b"IMPLANT", status=CANNOT_TELL)
        self.assertIn("'scan/rules' has no file that ends with .yar or .yara", run.err)
        self.fresh()
        (self.cast.site / "private/scan/rules").mkdir(parents=True)
        self.intake(b"clean")

    def test_a_scan_that_crashes_is_a_finding(self):
        programs = self.scratch / "programs"
        programs.mkdir()
        for name in ("hallmark", "hallmark-inspect"):
            shutil.copy(Path(story.HALLMARK).parent / name, programs / name)
        (programs / "hallmark-scan").write_text("#!/bin/sh\nkill -SEGV $$\n")
        (programs / "hallmark-scan").chmod(0o755)
        run = subprocess.run([programs / "hallmark", "site", "intake", "--dir", self.cast.site, self.submit(b"clean")], capture_output=True, text=True)
        self.assertEqual(run.returncode, GOOD, run.stderr)
        (finding,) = self.findings()
        self.assertEqual(finding["kind"], "not-read")
        self.assertIn("crashed", finding["detail"])
        self.site("approve", "--all", status=NO)
        self.site("approve", "--all", "--acknowledge", finding["id"], "-o", self.cast.request())

    def test_findings_of_a_rejected_one_are_nobodys(self):
        self.intake(PEM)
        name = next((self.cast.site / "private/submissions").glob("*/findings.json")).parent.name
        self.site("reject", name[:12], "--reason", "a key")
        self.intake(b"clean")
        self.site("approve", "--all", "-o", self.cast.request())

    def test_findings_that_are_broken_stop_the_approval(self):
        self.intake(PEM)
        path = next((self.cast.site / "private/submissions").glob("*/findings.json"))
        text = path.read_text()
        for broken in ("", "{}", text.replace('"kind"', '"sort"'), text.replace("critical", "harmless"), text.replace("hallmark/findings/1", "x")):
            path.write_text(broken)
            self.assertIn("findings.json", self.site("approve", "--all", status=NO).err)

    def test_what_a_maker_says_of_measurements_is_compared_with_the_file(self):
        rom = seeds.rom_image(3, seeds.pe(b"driver"))
        path = self.scratch / "nic.rom"
        path.write_bytes(rom)
        shown = must("image", "show", "--json", path).json()["files"][0]
        digest = next(node["pcr2_event_sha256"] for node in shown["nodes"] if "pcr2_event_sha256" in node)
        said = {"event": "EV_EFI_BOOT_SERVICES_DRIVER", "file": "nic.rom", "pcr": 2, "sha256": digest}
        for measurements, why in (([dict(said, sha256="00" * 32)], "a digest is not the one"), ([said, said], "more images"),
                                  ([dict(said, event="EV_OTHER")], "an event is not"), ([dict(said, sha256="x")], "a digest is not")):
            with self.subTest(why=why):
                self.fresh()
                custom = self.scratch / "custom.json"
                custom.write_text(json.dumps({"measurements": measurements}))
                run = self.site("intake", self.submit(rom, "--custom", custom), status=NO)
                self.assertIn(why, run.err)
        self.fresh()
        custom.write_text(json.dumps({"measurements": [said, {"pcr": 0, "sha256": "00"}, dict(said, file="other.rom", sha256="00" * 32)]}))
        self.site("intake", self.submit(rom, "--custom", custom))
        two = seeds.rom_image(3, seeds.pe(b"driver"), last=False) + seeds.rom_image(3, seeds.pe(b"second"))
        path.write_bytes(two)
        shown = must("image", "show", "--json", path).json()["files"][0]
        digest = next(node["pcr2_event_sha256"] for node in shown["nodes"] if "pcr2_event_sha256" in node)
        custom.write_text(json.dumps({"measurements": [dict(said, sha256=digest)]}))
        self.assertIn("leaves out", self.site("intake", self.submit(two, "--custom", custom), status=NO).err)

    def test_attested_files_are_scanned_too(self):
        request = self.cast.request()
        must("site", "enroll", "--dir", self.cast.site, "intel", "--attested", "--name", "Example Chips", "-o", request)
        self.cast.attach(request, "targets1", "targets3", "release1", "release2")
        path = self.scratch / "chip.bin"
        path.write_bytes(PEM)
        self.site("intake", "--attested", "intel/chip/1", path, "--origin", "by mail")
        self.assertEqual([f["file"] for f in self.findings()], ["intel/chip/1/chip.bin"])
        self.site("approve", "--all", status=NO)


if __name__ == "__main__":
    unittest.main()
