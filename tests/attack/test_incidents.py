# SPDX-License-Identifier: Apache-2.0
"""Incidents that happened elsewhere, replayed, each with its control: what the client does, and what a judge may say afterwards.

Two settings: a client's own deliveries with a site that serves and lies (Client), and files made without Hallmark's code (Court).
"""
import hashlib
import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("lib", "cli")]
import delivered  # noqa: E402
import deliveries  # noqa: E402
import server  # noqa: E402
import story  # noqa: E402
import test_deliveries  # noqa: E402
from delivered import made  # noqa: E402

FILE, RELEASE = test_deliveries.FILE, test_deliveries.RELEASE


class Client(test_deliveries.Deliveries):
    """The customer's client, a site that its own helper plays, and the judge on what the client kept."""

    def judge(self, *options, release=RELEASE, customer="initrode", files=None):
        result = self.run_home("judge", "--site", "globex", "--customer", customer, "--release", release, "--json", *options, *(files or [self.folder]))
        self.assertIn(result.status, (story.GOOD, story.NO, story.CANNOT_TELL), result.err)
        answer = json.loads(result.out)
        self.assertEqual(result.status, {"proved": story.GOOD, "refuted": story.NO, "cannot tell": story.CANNOT_TELL}[answer["verdict"]])
        return answer

    def assertFound(self, answer, finding, verdict):
        self.assertEqual((answer["finding"], answer["verdict"]), (finding, verdict), json.dumps(answer, indent=1))

    def answer_with(self, *answer):
        def rule(handler):
            server.answer(handler, *answer)
        self.server.rules = {f".{test_deliveries.FILES[0]}": rule}

    def test_control(self):
        """R1, R2, R9, R21, R24: nothing is tampered with."""
        self.assertStatus(self.get(), story.GOOD)
        self.assertFound(self.judge(), "delivered", "proved")
        self.assertFound(self.judge("--never-received"), "delivered", "refuted")

    def test_r1_r9_other_bytes_of_equal_length(self):
        """Equal length, metadata untouched."""
        data = bytes(len(self.images[test_deliveries.FILES[0]].read_bytes()))
        self.answer_with(200, data)
        result = self.get()
        self.assertEqual(result.status, story.NO, result.err)
        self.assertFalse((self.out / test_deliveries.FILES[0]).exists())
        reject = next(lines for lines in self.server.taken if lines["kind"] == "reject")
        self.assertEqual(reject["reason"], "digest")
        self.assertEqual(reject["image"], f"{hashlib.sha256(data).hexdigest()} {len(data)}")
        answer = self.judge()
        self.assertFound(answer, "contradiction", "cannot tell")
        self.assertIn("signatures cannot settle it", answer["text"])
        self.assertFound(self.judge("--rejected"), "contradiction", "proved")
        self.server.rules = {}  # the control: mended, it is delivered
        self.assertStatus(self.get(), story.GOOD)
        self.assertFound(self.judge(), "delivered", "proved")

    def test_r7_sent_elsewhere(self):
        """A redirect to another host, and a page in the image's place: nothing of either is taken, whatever the client calls itself."""
        with server.Server(self.cast.public) as other:
            for answer in ((302, b"", {"Location": other.url + "/x"}), (200, b"<html>update here</html>")):
                self.answer_with(*answer)
                result = self.get()
                self.assertIn(result.status, (story.NO, story.CANNOT_TELL), result.err)
                self.assertFalse((self.out / test_deliveries.FILES[0]).exists())
            self.assertNotEqual(self.judge()["finding"], "delivered")
        self.server.rules = {}
        self.assertStatus(self.get(), story.GOOD)
        self.assertFound(self.judge(), "delivered", "proved")

    def test_r2_which_version_was_it(self):
        self.assertStatus(self.get(), story.GOOD)
        answer = self.judge(release="acme/e1000/14.99-x")
        self.assertFound(answer, "nothing", "cannot tell")
        self.assertEqual(answer["text"], "no evidence either way")
        self.assertFound(self.judge(customer="acme"), "nothing", "cannot tell")

    def test_r21_a_leaked_token_makes_no_delivery(self):
        """Who has the token alone downloads, and cannot acknowledge by the customer's key: an offer that ends is all there is."""
        self.assertStatus(self.get(), story.GOOD)
        kept, = (self.folder / "new").glob("*.delivery")
        whole = kept.read_text()
        thief = self.scratch / "thief.delivery"
        thief.write_text(whole.split("==> answer <==")[0])
        answer = self.judge(files=[thief])
        self.assertFound(answer, "unacknowledged", "cannot tell")
        self.assertIn("to credential initrode", answer["text"])
        self.assertIn("not acknowledged by initrode's key", answer["text"])

    def test_r24_the_customer_edits_its_own_copy(self):
        self.assertStatus(self.get(), story.GOOD)
        kept, = (self.folder / "new").glob("*.delivery")
        good = kept.read_text()
        kept.chmod(0o600)
        kept.write_text(good.replace(f"path {RELEASE}", "path acme/e1000/9.99.9"))
        answer = self.judge(release="acme/e1000/9.99.9")
        self.assertFound(answer, "nothing", "cannot tell")
        self.assertEqual(answer["bad_files"], 1)
        kept.write_text(good)
        self.assertFound(self.judge(), "delivered", "proved")

    def test_r24_one_event_left_out(self):
        for what in test_deliveries.FILES:
            self.assertStatus(self.get(f"{RELEASE}/{what}"), story.GOOD)
        self.assertEqual(self.judge()["gaps"], 0)
        self.assertStatus(self.run_home("sync", RELEASE, "-d", self.scratch / "more", "--no-progress"), story.GOOD)
        by_place = sorted((self.folder / "new").glob("*.delivery"), key=lambda p: int(deliveries.read(deliveries.text_of(
            deliveries.parts(p.read_text())["request"]))["event"].split()[1]))
        self.assertGreaterEqual(len(by_place), 3)
        by_place[1].unlink()
        answer = self.judge()
        self.assertEqual(answer["gaps"], 2)
        self.assertTrue(any("a gap in the order of the key" in step["text"] for step in answer["steps"]))

    def test_r25_the_site_does_not_answer(self):
        """What was never answered is in the client's order alone, which is no evidence; what the site refused is kept, and is the customer's word."""
        self.server.refusals["/delivery/request"] = (503, "busy\n")
        self.assertIn("busy", self.get().err)
        self.assertEqual(self.kept() + self.kept("open") + self.kept("new"), [])
        answer = self.judge("--withheld")
        self.assertFound(answer, "nothing", "cannot tell")
        self.assertEqual(answer["text"], "no evidence either way")
        self.server.refusals["/delivery/request"] = (403, "no\n")
        self.assertStatus(self.get(f"{RELEASE}/{test_deliveries.FILES[1]}"), story.GOOD)
        answer = self.judge("--withheld")
        self.assertFound(answer, "customer-alone", "cannot tell")
        self.assertEqual(answer["text"], "customer states it; site's participation not proved")


class Court(delivered.Case):
    """Files of both sides, and a trust file."""

    def test_r2_claims_of_labels(self):
        e = made.e
        nowhere = self.assertFinds(self.put(e.ABSENT), "no-such-release", "refuted", "no such release up to size", "the newest in order is '2.4'",
                                   release="acme/nic/2.3")
        self.assertIn("2026-09-21T14:13:20Z", nowhere["text"])
        whole = made.Delivery().file()
        self.assertFinds(self.put(e.HISTORY, whole), "delivered", "proved", "delivered: bytes " + made.IMAGE, "the site offered it as '2.4'", "acknowledged")
        self.assertFinds(self.put(e.PUBLISHED), "nothing", "cannot tell", "is published; there is no delivery evidence for 'globex'",
                         release="acme/nic/2.1")

    def test_r1_the_site_signed_for_the_bad_digest(self):
        bad = made.Delivery(image=made.d.digest("trojan")).reject("verdict").file()
        self.assertFinds(self.put(made.e.HISTORY, bad), "unpublished", "proved", "proved: the site served bytes that are no published release",
                         options=("--rejected",))
        good = made.Delivery(host=made.d.Key("initech/host-00000003"), account="initech").file()
        self.assertFinds(self.put(made.e.HISTORY, bad, good), "delivered", "proved", customer="initech")

    def test_r14_an_old_state_says_nothing_of_later(self):
        absent = self.put(made.e.ABSENT)
        self.assertFinds(absent, "no-such-release", "cannot tell", "what came later", release="acme/nic/2.3", options=("--at", made.LATER_TEXT))
        self.assertFinds(absent, "no-such-release", "refuted", release="acme/nic/2.3", options=("--at", made.BEFORE_TEXT))

    def test_r17_one_version_two_files(self):
        twin = made.Delivery(host=made.d.Key("initech/host-00000003"), account="initech", image=made.d.digest("twin")).file()
        files = self.put(made.Delivery().file(), twin)
        self.assertFinds(files, "delivered", "proved", "two files as 'acme/nic/2.4/fw.bin'", made.IMAGE)
        answer = self.assertFinds(files, "delivered", "proved", customer="initech")
        self.assertIn(made.d.digest("twin"), answer["text"])  # receipts stay tied to their digest

    def test_r18_a_recall_shows_beside_the_delivery(self):
        """The history has the recall; who received is told by digest, refused or not."""
        recalled = made.Delivery(image=hashlib.sha256(b"two").hexdigest(), path="acme/nic/2.1/fw.bin", label="2.1 (A)", length=3)
        files = self.put(made.e.HISTORY, recalled.file())
        self.assertFinds(files, "delivered", "proved", release="acme/nic/2.1")
        self.assertFinds(self.put(made.e.HISTORY, recalled.reject("recalled").file()), "refused", "proved", "(recalled)", release="acme/nic/2.1",
                         options=("--rejected",))

    def test_r20_the_log_names_nobody(self):
        """What the public log has of a delivery, against every word in its statements."""
        delivery = made.Delivery()
        leaf = made.f.entry(made.d.digest("offer" + delivery.salt), delivery.offer)
        for word in (made.ACCOUNT, made.HOST.name, "acme", "nic", made.IMAGE, made.d.digest(delivery.offer)):
            self.assertNotIn(word, leaf)
        guess = made.f.entry("00" * 32, delivery.offer)  # without the salt no guess can be tried
        self.assertNotEqual(leaf, guess)

    def test_r21_a_replayed_request_is_no_second_delivery(self):
        whole = made.Delivery()
        answer = self.assertFinds(self.put(whole.file(), whole.file("key", "request", "offer")), "delivered", "proved")
        self.assertEqual((answer["forks"], answer["gaps"]), (0, 0))
        self.assertFinds(self.put(whole.file("key", "request", "offer")), "unacknowledged", "cannot tell", f"not acknowledged by {made.ACCOUNT}'s key")

    def test_r22_written_is_not_received(self):
        offered = self.put(made.Delivery().file("key", "request", "offer", "offer-proof"))
        self.assertFinds(offered, "unacknowledged", "cannot tell", "wrote to the connection no statement says", "receipt not proved")
        cut = made.Delivery().reject("broken", image=made.d.digest("half"), length=2)
        self.assertFinds(self.put(cut.file()), "contradiction", "cannot tell", "wrote 4 bytes to the connection")

    def test_r23_hostile_files(self):
        whole = made.Delivery().file()
        for name, text in {"endless": whole + "| x\n" * 100000, "nothing": "", "NUL": whole.replace("nic", "n\0c"), "half": whole[:2000],
                           "a name that climbs": whole.replace("acme/nic/2.4/fw.bin", "../../etc/x")}.items():
            with self.subTest(name):
                answer = self.assertFinds(self.put(text), "nothing", "cannot tell", "counts for nothing")
                self.assertEqual(answer["bad_files"], 1)
        self.assertFinds(self.put(whole), "delivered", "proved")

    def test_r24_made_after_the_dispute(self):
        whole = self.put(made.Delivery().file())
        self.assertFinds(whole, "late", "cannot tell", "evidence made after the fact", "not usable for the earlier time", options=("--at", made.BEFORE_TEXT))
        self.assertFinds(whole, "delivered", "proved", options=("--at", made.LATER_TEXT))
        fake = made.Delivery().file(signer=made.THIEF)
        self.assertFinds(self.put(fake), "nothing", "cannot tell", "counts for nothing")

    def test_r25_word_for_word(self):
        good = made.Delivery()
        for files, options, finding, verdict, words in (
                ([good.file("key", "request", "answer")], (), "customer-alone", "cannot tell", "customer states it; site's participation not proved"),
                ([good.file("key", "request"), made.head(made.HOST, 1, 1, made.d.digest(good.request))], ("--withheld",), "unanswered", "proved",
                 "request made at 2026-09-21T14:20:00Z, unanswered: withheld"),
                ([good.file("key", "request", "offer")], (), "unacknowledged", "cannot tell", "receipt not proved"),
                ([good.file()], ("--withheld",), "delivered", "refuted", "delivered: bytes")):
            with self.subTest(words):
                self.assertFinds(self.put(*files), finding, verdict, words, options=options)


if __name__ == "__main__":
    unittest.main()
