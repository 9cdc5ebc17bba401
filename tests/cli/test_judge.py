# SPDX-License-Identifier: Apache-2.0
"""hallmark judge, hallmark dossier, and hallmark check on dossiers: findings, exit statuses, and archives that are hostile."""
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import delivered  # noqa: E402
import story  # noqa: E402
from delivered import made  # noqa: E402

WHOLE = made.Delivery().file()
STATUS = {"proved": story.GOOD, "refuted": story.NO, "cannot tell": story.CANNOT_TELL}


def options_of(case):
    out = [f"--{case['claim']}"]
    for name in ("image", "at"):
        if case[name]:
            out += [f"--{name}", case[name]]
    if case["revoked"]:
        out += ["--revoked", "=".join(case["revoked"])]
    return out


class Judge(delivered.Case):
    def test_every_vector(self):
        for case in delivered.VECTORS["cases"]:
            if not case["files"]:
                continue
            with self.subTest(case["name"]):
                answer = self.assertFinds(self.put(*case["files"]), case["finding"], case["verdict"], *case["words"], options=options_of(case),
                                          customer=case["customer"], release=case["release"])
                self.assertEqual((answer["schema"], answer["gaps"], answer["forks"], answer["bad_files"]),
                                 ("hallmark/judge/1", case["gaps"], case["forks"], case["bad"]))

    def test_people_can_read_it(self):
        result = story.hallmark("judge", "--customer", "globex", "--release", "acme/nic/2.4", "--trust", self.trust, *self.put(made.e.HISTORY, WHOLE))
        self.assertStatus(result, story.GOOD)
        for line in ("claim: 'globex' received 'acme/nic/2.4'\n", "finding: delivered: bytes ", "the claim is proved\n", "  ok  "):
            self.assertIn(line, result.out)
        result = story.hallmark("judge", "--customer", "globex", "--release", "acme/nic/2.4", "--trust", self.trust, "--quiet", *self.put(WHOLE))
        self.assertEqual((result.status, result.out), (story.GOOD, ""))

    def test_a_folder_is_taken_in_whole(self):
        folder = self.scratch / "chain"
        folder.mkdir()
        (folder / "b.delivery").write_text(WHOLE)
        (folder / "a.evidence").write_text(made.e.HISTORY)
        (folder / "key.pem").write_text("a key that is nobody's business")
        answer = self.assertFinds([folder], "delivered", "proved", "they are published")
        self.assertEqual((answer["deliveries"], answer["bad_files"]), (1, 0))

    def test_deliveries_may_come_before_what_they_are_judged_by(self):
        self.assertFinds(self.put(WHOLE, made.e.HISTORY), "delivered", "proved", "they are published", "between witness times")

    def test_evidence_says_nothing_of_keys(self):
        """The trust file of the same log without deliveries: nobody's word counts."""
        root = json.loads(made.e.R1)
        self.trust.write_text(json.dumps({"schema": "hallmark/trust/1", "site": "example", "root": root}))
        answer = self.assertFinds(self.put(WHOLE), "nothing", "cannot tell")
        self.assertEqual(answer["bad_files"], 1)

    def test_a_fork_is_written_for_others(self):
        second = made.Delivery(salt="2", path="acme/nic/1.0/fw.bin").file()
        proof = self.scratch / "fork.dossier"
        self.assertFinds(self.put(WHOLE, second), "equivocation", "cannot tell", options=("-o", proof))
        result = story.hallmark("check", proof, "--trust", self.trust)
        self.assertStatus(result, story.CANNOT_TELL)
        self.assertIn("signed two statements for place 1 of epoch 1", result.out)
        self.assertIn("portable proof", result.out)

    def test_no_fork_no_file(self):
        proof = self.scratch / "fork.dossier"
        self.assertFinds(self.put(WHOLE), "delivered", "proved", options=("-o", proof))
        self.assertFalse(proof.exists())

    def test_wrong_use(self):
        files = self.put(WHOLE)
        trust, about = ("--trust", self.trust), ("--customer", "globex", "--release", "acme/nic/2.4")
        for args in ((), files, (*trust, *files), (*about, *files), (*about, *trust), (*about, *trust, "--site", "example", *files),
                     (*about, *trust, "--image", "00", *files), (*about, *trust, "--image", made.IMAGE, *files), (*about, *trust, "--at", "yesterday", *files),
                     (*about, *trust, "--received", "--rejected", *files), (*about, *trust, "--revoked", "key", *files),
                     (*about, *trust, "--revoked", "key=never", *files), ("--customer", "globex", "--release", "nic", *trust, *files), (*about, "--nonsense")):
            with self.subTest(args=args):
                self.assertStatus(story.hallmark("judge", *args, home=self.scratch / "home"), story.USAGE)
        self.assertStatus(story.hallmark("judge", *about, *trust, self.scratch / "missing"), story.CANNOT_TELL)
        self.assertRefused(story.hallmark("judge", *about, "--site", "example", *files, home=self.scratch / "home"), story.CANNOT_TELL, "not trusted here")


class Dossier(delivered.Case):
    def make(self, *texts, options=(), **about):
        path = self.scratch / "out.dossier"
        self.assertStatus(self.judge(self.put(*texts), "-o", path, *options, command="dossier", **about), story.GOOD)
        return path

    def check(self, raw, *options):
        path = self.scratch / "given.dossier"
        path.write_bytes(raw)
        return story.hallmark("check", path, "--trust", self.trust, *options)

    def test_what_is_in_it(self):
        raw = self.make(made.e.HISTORY, WHOLE).read_bytes()
        parts = dict(delivered.members(raw))
        self.assertEqual(list(parts), ["README.txt", "claim.txt", "evidence/1.evidence", "deliveries/1.delivery"])
        self.assertEqual(parts["deliveries/1.delivery"].decode(), WHOLE)
        for words in ("'globex' received 'acme/nic/2.4'", "delivered: bytes", "the claim is proved", "hallmark check"):
            self.assertIn(words, parts["README.txt"].decode())
        self.assertEqual(parts["claim.txt"], b"hallmark/claim v1\ncustomer globex\nrelease acme/nic/2.4\nsays received\n")

    def test_others_check_it(self):
        result = self.check(self.make(made.e.HISTORY, WHOLE).read_bytes())
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.err, "")
        self.assertIn("between witness times", result.out)
        answer = json.loads(self.check(self.make(made.e.ABSENT, release="acme/nic/2.3").read_bytes(), "--json").out)
        self.assertEqual((answer["schema"], answer["finding"], answer["verdict"]), ("hallmark/check-dossier/1", "no-such-release", "refuted"))

    def test_every_claim_is_read_again(self):
        for options in (("--never-received",), ("--rejected", "--at", made.LATER_TEXT), ("--withheld",)):
            with self.subTest(options=options):
                raw = self.make(WHOLE, options=options).read_bytes()
                self.assertStatus(self.check(raw), story.NO)
        raw = self.make(WHOLE, options=("--image", made.IMAGE), release=None).read_bytes()
        self.assertStatus(self.check(raw), story.GOOD)

    def test_as_of(self):
        raw = self.make(made.e.HISTORY, WHOLE).read_bytes()
        self.assertStatus(self.check(raw, "--as-of", made.LATER_TEXT), story.GOOD)
        result = self.check(raw, "--as-of", made.BEFORE_TEXT)
        self.assertStatus(result, story.CANNOT_TELL)
        self.assertStatus(self.check(raw, "--as-of", "then"), story.USAGE)

    def test_as_of_for_evidence(self):
        path, = self.put(made.e.PUBLISHED)
        result = story.hallmark("check", path, "--trust", self.trust, "--as-of", made.LATER_TEXT)
        self.assertStatus(result, story.GOOD)
        self.assertIn(f"judged as of {made.LATER_TEXT}, and not of today", result.out)
        result = story.hallmark("check", path, "--trust", self.trust, "--as-of", made.BEFORE_TEXT)
        self.assertStatus(result, story.CANNOT_TELL)

    def test_a_dossier_in_a_dossier_is_its_files(self):
        inner = self.make(WHOLE)
        again = self.judge([inner], "-o", self.scratch / "again.dossier", command="dossier")
        self.assertStatus(again, story.GOOD)
        self.assertEqual((self.scratch / "again.dossier").read_bytes(), inner.read_bytes())
        self.assertFinds([inner], "delivered", "proved")

    def test_words_that_do_not_follow(self):
        parts = delivered.members(self.make(WHOLE).read_bytes())
        lie = [(name, data.replace(b"is proved", b"is refuted") if name == "README.txt" else data) for name, data in parts]
        result = self.check(delivered.tar(*lie))
        self.assertStatus(result, story.GOOD)
        self.assertIn("README.txt does not say what follows", result.err)

    def test_altered_files_count_for_nothing(self):
        parts = delivered.members(self.make(WHOLE).read_bytes())
        lie = [(name, data.replace(b"edge-1", b"edge-2") if name.endswith(".delivery") else data) for name, data in parts]
        result = self.check(delivered.tar(*lie))
        self.assertStatus(result, story.CANNOT_TELL)
        self.assertIn("counts for nothing", result.out)

    def test_hostile_archives(self):
        parts = dict(delivered.members(self.make(made.e.HISTORY, WHOLE).read_bytes()))
        readme, claim, delivery = (parts[name] for name in ("README.txt", "claim.txt", "deliveries/1.delivery"))
        head = [("README.txt", readme), ("claim.txt", claim)]
        good = delivered.tar(*head, ("deliveries/1.delivery", delivery))
        self.assertStatus(self.check(good), story.GOOD)  # the control
        for name, raw in {
            "no claim": delivered.tar(head[0]),
            "claim twice": delivered.tar(*head, head[1]),
            "climbs": delivered.tar(*head, ("deliveries/../../etc/x", delivery)),
            "absolute": delivered.tar(*head, ("/deliveries/1.delivery", delivery)),
            "another folder": delivered.tar(*head, ("bin/1.delivery", delivery)),
            "a number twice": delivered.tar(*head, *[("deliveries/1.delivery", delivery)] * 2),
            "a number left out": delivered.tar(*head, ("deliveries/2.delivery", delivery)),
            "a leading zero": delivered.tar(*head, ("deliveries/01.delivery", delivery)),
            "number 0": delivered.tar(*head, ("deliveries/0.delivery", delivery)),
            "a huge number": delivered.tar(*head, ("deliveries/99999999999999999999.delivery", delivery)),
            "out of order": delivered.tar(*head, ("notes/1.note", b"x"), ("deliveries/1.delivery", delivery)),
            "cut short": good[:-1500],
            "one byte": good[:512],
            "a link": delivered.tar(*head, ("deliveries/1.delivery", b""), type=b"2", linkname="/etc/passwd"),
            "a claim of another version": delivered.tar(head[0], ("claim.txt", claim.replace(b"v1", b"v2"))),
            "a claim with a line more": delivered.tar(head[0], ("claim.txt", claim + b"says received\n")),
            "a claim of nobody": delivered.tar(head[0], ("claim.txt", claim.replace(b"customer globex\n", b""))),
            "a claim with NUL": delivered.tar(head[0], ("claim.txt", claim.replace(b"globex", b"glo\0ex"))),
            "a claim too long": delivered.tar(head[0], ("claim.txt", claim + b"x" * 70000)),
            "a delivery too long": delivered.tar(*head, ("deliveries/1.delivery", delivery + b"|\n" * 200000)),
            "a root that is none": delivered.tar(*head, ("roots/2.root.json", b"{}")),
        }.items():
            with self.subTest(name):
                result = self.check(raw)
                self.assertStatus(result, story.NO)
                self.assertEqual(result.out, "")

    def test_wrong_use(self):
        files = self.put(WHOLE)
        about = ("--customer", "globex", "--release", "acme/nic/2.4", "--trust", self.trust)
        for args in ((), (*about, *files), (*about, "-o", "x"), (*about, "-o", "x", "--nonsense", *files)):
            self.assertStatus(story.hallmark("dossier", *args), story.USAGE)
        junk = self.scratch / "junk"
        junk.write_text("hello\n")
        self.assertRefused(story.hallmark("dossier", *about, "-o", self.scratch / "x", junk), story.NO, "junk")
        self.assertFalse((self.scratch / "x").exists())
        path = self.make(WHOLE)
        self.assertStatus(story.hallmark("check", path, home=self.scratch / "home"), story.USAGE)


if __name__ == "__main__":
    unittest.main()
