# SPDX-License-Identifier: Apache-2.0
"""hallmark image scan: what should not be in a firmware file is named, wherever it is packed; a scan that ends early says so."""
import hashlib
import json
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fuzz"))
import story  # noqa: E402
from story import CANNOT_TELL, GOOD, NO, USAGE, hallmark  # noqa: E402

seeds = __import__("make-image-seeds")
keys = __import__("make-scan-seeds")

PEM = b"-----BEGIN PRIVATE KEY-----\n" + b"QUJDRA" * 20 + b"\n-----END PRIVATE KEY-----\n"
RULE = 'rule Implant { meta: description = "an implant" severity = "critical" strings: $a = "IMPLANT" condition: $a }'


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def driver(number, text, certificate=b""):
    body = seeds.sections(seeds.section(0x10, seeds.pe(text, certificate=certificate)), seeds.name_section(f"Driver{number}"))
    return seeds.ffs(body, 7, f"0A1B2C3D-4E5F-4071-8293-{number:012X}")


def packed(*modules):
    stream = seeds.sections(seeds.section(0x17, seeds.volume(list(modules))))
    return seeds.volume([seeds.ffs(seeds.guided(seeds.LZMA, seeds.lzma_alone(stream)), 11)])


class Scan(story.Case):
    def file(self, name, data):
        path = self.scratch / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def scan(self, data, *args, status=NO):
        run = hallmark("image", "scan", "--json", self.file("image", data), *args)
        self.assertStatus(run, status)
        document = run.json()
        self.assertEqual(document["schema"], "hallmark/image-scan/1")
        return document["files"][0]["findings"]

    def one(self, data, *args):
        findings = self.scan(data, *args)
        self.assertEqual(len(findings), 1, findings)
        return findings[0]

    def test_nothing_is_found_in_what_is_clean(self):
        self.assertEqual(self.scan(packed(driver(1, b"code")), "--rules", self.file("r.yar", RULE), status=GOOD), [])

    def test_a_rule_finds_what_is_compressed_and_says_where(self):
        found = self.one(packed(driver(1, b"code"), driver(2, b"IMPLANT")), "--rules", self.file("r.yar", RULE))
        self.assertEqual((found["kind"], found["rule"], found["severity"], found["detail"]), ("rule-match", "Implant", "critical", "r.yar: an implant"))
        self.assertIn("Driver2", found["component"])
        self.assertNotEqual(found["space"], 0)

    def test_an_id_stays_where_the_part_moves_and_changes_with_it(self):
        rules = ("--rules", self.file("r.yar", RULE))
        first = self.one(packed(driver(2, b"IMPLANT")), *rules)["id"]
        self.assertEqual(self.one(packed(driver(1, b"code" * 999), driver(2, b"IMPLANT")), *rules)["id"], first)
        self.assertNotEqual(self.one(packed(driver(2, b"IMPLANT!")), *rules)["id"], first)

    def test_rules_see_each_executable_from_its_first_byte(self):
        rule = 'import "pe" rule Small { condition: uint16(0) == 0x5a4d and pe.number_of_sections == 1 and filesize < 16KB }'
        found = self.one(packed(driver(1, b"code")), "--rules", self.file("r.yar", rule))
        self.assertIn("pe", found["component"])

    def test_a_folder_of_rules(self):
        self.file("rules/b.yara", RULE)
        self.file("rules/a.yar", RULE.replace("Implant", "Other"))
        self.file("rules/readme.txt", "no rules")
        findings = self.scan(driver(1, b"IMPLANT"), "--rules", self.scratch / "rules")
        self.assertEqual([found["rule"] for found in findings], ["Other", "Implant"])

    def test_rules_that_are_none_are_no_answer(self):
        image = self.file("image", driver(1, b"code"))
        for text, why in ((RULE + "}", "line 1"), ("rule A { condition: nope }", "nope"), ('include "x.yar"', "include"),
                          ('import "magic" rule A { condition: magic.type() == "" }', "magic"), ("a\0b", "text")):
            with self.subTest(text=text):
                run = hallmark("image", "scan", image, "--rules", self.file("r.yar", text))
                self.assertStatus(run, CANNOT_TELL)
                self.assertIn(why, run.err)
        (self.scratch / "empty").mkdir()
        self.assertStatus(hallmark("image", "scan", image, "--rules", self.scratch / "empty"), CANNOT_TELL)
        self.assertStatus(hallmark("image", "scan", image, "--rules", self.scratch / "none"), CANNOT_TELL)

    def test_a_deny_list_names_files_parts_certificates_and_keys(self):
        certificate, key = keys.certificate("Acme CA")
        data = packed(driver(1, b"code" + certificate))
        shown = hallmark("image", "show", "--json", "--digests", self.file("image", data)).json()["files"][0]
        pe = next(node for node in shown["nodes"] if node["kind"] == "pe")
        authenticode = next(fact["authenticode-sha256"] for fact in pe["facts"] if "authenticode-sha256" in fact)
        for digest, what in ((sha256(data), "the file"), (pe["sha256"], "the part"), (authenticode, "the Authenticode digest"),
                             (sha256(certificate), "the certificate"), (sha256(key), "the certificate's key")):
            with self.subTest(what=what):
                found = self.one(data, "--deny", self.file("deny", f"# bad\n{digest}  leaked thing\n"))
                self.assertEqual((found["kind"], found["rule"], found["detail"]), ("deny-listed", digest, f"{what}: leaked thing"))
        self.assertEqual(self.scan(data, "--deny", self.file("deny", f"{sha256(b'x')}  x\n"), status=GOOD), [])
        self.assertStatus(hallmark("image", "scan", self.scratch / "image", "--deny", self.file("deny", "nonsense\n")), CANNOT_TELL)

    def test_keys_that_anybody_has(self):
        found = self.one(packed(driver(1, b"code" + keys.certificate("DO NOT TRUST - Example Test PK")[0])))
        self.assertEqual((found["kind"], found["severity"]), ("test-key", "critical"))
        self.assertIn("DO NOT TRUST - Example Test PK", found["detail"])
        found = self.one(packed(driver(1, b"code" + keys.certificate("Acme CA", 1024)[0])))
        self.assertEqual(found["kind"], "weak-key")
        self.assertIn("1024", found["detail"])
        self.assertEqual(self.scan(packed(driver(1, keys.certificate("Acme Attestation CA")[0])), status=GOOD), [])

    def test_private_keys_but_not_the_words_of_programs_that_read_them(self):
        for word in (b"", b"RSA ", b"EC ", b"ENCRYPTED ", b"OPENSSH "):
            found = self.one(packed(driver(1, PEM.replace(b"PRIVATE", word + b"PRIVATE"))))
            self.assertEqual((found["kind"], found["detail"]), ("private-key", f"BEGIN {word.decode()}PRIVATE KEY"))
        words = b"-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----\0no key here\0"
        self.assertEqual(self.scan(packed(driver(1, words)), status=GOOD), [])
        self.assertEqual(self.scan(packed(driver(1, PEM.replace(b"PRIVATE", b"PUBLIC"))), status=GOOD), [])

    def test_an_unsigned_executable_among_signed_ones(self):
        signed = b"certificate" * 8
        found = self.one(packed(driver(1, b"code", signed), driver(2, b"other", signed), driver(3, b"third")))
        self.assertEqual(found["kind"], "unsigned-executable")
        self.assertIn("Driver3", found["component"])
        self.assertEqual(self.scan(packed(driver(1, b"code"), driver(3, b"third")), status=GOOD), [])

    def test_code_where_none_belongs(self):
        pad = seeds.ffs(b"\xff" * 64 + seeds.pe(b"code"), 0xf0, "FF" * 4 + "-FFFF-FFFF-FFFF-" + "FF" * 6)
        found = self.one(seeds.volume([driver(1, b"code"), pad]))
        self.assertEqual(found["kind"], "code-outside")
        self.assertIn("padding", found["detail"])
        gap = b"\xff" * 4096
        found = self.one(seeds.volume([driver(1, b"code")]) + gap + seeds.pe(b"code") + gap + seeds.volume([driver(2, b"code")]))
        self.assertEqual((found["kind"], found["rule"]), ("code-outside", "PE image"))
        self.assertEqual(self.scan(seeds.pe(b"code"), status=GOOD), [])

    def test_a_look_that_ends_early_is_no_clean_answer(self):
        bomb = story.SOURCE / "tests/data/image/bomb-lzma"
        run = hallmark("image", "scan", "--json", bomb)
        self.assertStatus(run, CANNOT_TELL)
        found = run.json()["files"][0]
        self.assertTrue(found["partial"])
        self.assertEqual([item["kind"] for item in found["findings"]], ["not-read"])

    def test_a_scan_that_crashes_is_a_finding(self):
        programs = self.scratch / "programs"
        programs.mkdir()
        shutil.copy(story.HALLMARK, programs / "hallmark")
        data = packed(driver(1, b"code"))
        deny = self.file("deny", f"{sha256(data)}  leaked\n")
        for script, kinds in (("kill -SEGV $$", ["not-read"]), ("exit 0", ["not-read"]), ("printf HMREPORT", ["not-read"])):
            worker = programs / "hallmark-scan"
            worker.write_text(f"#!/bin/sh\n{script}\n")
            worker.chmod(0o755)
            with self.subTest(script=script):
                image = self.file("image", data)
                run = story.Result(__import__("subprocess").run([programs / "hallmark", "image", "scan", "--json", image], capture_output=True, text=True))
                self.assertStatus(run, CANNOT_TELL)
                self.assertEqual([item["kind"] for item in json.loads(run.out)["files"][0]["findings"]], kinds)
                # What needs no reader is found all the same.
                run = story.Result(__import__("subprocess").run([programs / "hallmark", "image", "scan", "--json", image, "--deny", deny],
                                                                capture_output=True, text=True))
                self.assertStatus(run, NO)

    def test_text_names_each_finding_on_lines_that_a_terminal_can_show(self):
        run = hallmark("image", "scan", self.file("image", packed(driver(1, b"IMPLANT"))), "--rules", self.file("r.yar", RULE))
        self.assertStatus(run, NO)
        self.assertRegex(run.out, r"image: 1 finding\n  [0-9a-f]{32}  critical  rule-match Implant\n      at 0x[0-9a-f]+ of volume .* > pe\n")

    def test_wrong_use(self):
        self.assertStatus(hallmark("image", "scan"), USAGE)
        self.assertStatus(hallmark("image", "scan", "--nonsense", "x"), USAGE)
        self.assertStatus(hallmark("image", "scan", self.scratch / "none"), CANNOT_TELL)


if __name__ == "__main__":
    unittest.main()
