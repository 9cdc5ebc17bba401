# SPDX-License-Identifier: Apache-2.0
"""Deliveries from the customer's side, beside a site that can lie in every field: what is asked, kept, refused, and gone on with."""
import hashlib
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import deliveries  # noqa: E402
import log  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

RELEASE = "acme/e1000/1.21.1"
FILES = ["efi-e1000.rom", "pxe-e1000.rom"]
FILE = f"{RELEASE}/{FILES[0]}"


class Deliveries(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.key, cls.log_key = log.NoteKey("globex.example"), log.NoteKey("firmware.example/globex/deliveries")
        cls.public = tree.Tree(cls.cast.public)
        cls.root_keys = [tree.Key(cls.cast.key(k)) for k in ("root1", "root2")]
        log.begin(cls.public, "globex", cls.root_keys,
                  deliveries={"key": cls.key.vkey, "policy": f"log {cls.log_key.vkey}\nquorum none\n"})
        cls.token = cls.root / "token"
        cls.token.write_text("initrode.1.secret\n")
        cls.token.chmod(0o600)
        cls.server = deliveries.Site(cls.cast.public, cls.key, cls.log_key)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(None, cls.server.url, "--token-file", cls.token)

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)
        self.out = self.scratch / "out"
        self.folder = self.home / "sites" / "globex" / "deliveries"
        self.server.reset()
        self.server.lies, self.server.refusals, self.server.rules, self.server.silent = {}, {}, {}, 0
        self.server.headers.clear()

    def run_home(self, *args, **kwargs):
        return story.hallmark(*args, home=self.home, **kwargs)

    def get(self, what=FILE, *options, **kwargs):
        return self.run_home("get", what, "-d", self.out, "--no-progress", *options, **kwargs)

    def refused(self, result, *words):
        """No, or cannot tell: with the sentence that names what is wrong."""
        self.assertIn(result.status, (story.NO, story.CANNOT_TELL), result.err)
        self.assertRefused(result, result.status, *words)

    def kept(self, shelf="."):
        """The delivery files of a shelf, as {part: text}."""
        folder = self.folder / shelf
        return [deliveries.parts(p.read_text()) for p in sorted(folder.glob("*.delivery"))] if folder.is_dir() else []

    def places(self):
        """The places of the statements that the site took; and that they are in order, each naming the one before."""
        return [tuple(int(n) for n in lines["event"].split()[:2]) for lines in self.server.taken]


class Good(Deliveries):
    def test_get_asks_acknowledges_and_keeps_the_receipt(self):
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual([lines["kind"] for lines in self.server.taken], ["request", "ack"])
        self.assertEqual(self.places(), [(1, 1), (1, 2)])
        [kept] = self.kept("new")
        self.assertEqual(list(kept), ["key", "request", "offer", "answer", "receipt"])
        self.assertEqual(self.kept() + self.kept("open"), [])
        asked, given = (deliveries.read(deliveries.text_of(kept[part])) for part in ("request", "answer"))
        data = self.images[FILES[0]].read_bytes()
        self.assertEqual(asked["image"], f"{hashlib.sha256(data).hexdigest()} {len(data)}")
        self.assertEqual(given["image"], asked["image"])
        self.assertEqual(asked["account"], "initrode")
        self.assertRegex(asked["client"], r"^initrode/[A-Za-z0-9.-]+-[0-9a-f]{8}$")
        # The download says which offer it is for.
        self.assertEqual(self.server.headers, [deliveries.digest(deliveries.text_of(kept["offer"]))])

    def test_keys_and_statements_are_for_their_owner_alone(self):
        self.get()
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        self.assertNotIn("ENCRYPTED", (self.folder / "key.pem").read_text())

    def test_an_image_that_is_held_needs_none(self):
        self.get()
        before = len(self.server.taken)
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(len(self.server.taken), before)

    def test_sync_delivers_each_image(self):
        self.assertStatus(self.run_home("sync", RELEASE, "-d", self.out, "--no-progress"), story.GOOD)
        self.assertEqual(len(self.kept("new")), len(FILES))
        self.assertEqual(self.places(), [(1, n) for n in range(1, 2 * len(FILES) + 1)])

    def test_several_commands_share_one_order(self):
        """Statements are placed one after another, whoever makes them."""
        commands = []
        for i in range(6):
            command = [str(story.HALLMARK), "get", f"{RELEASE}/{FILES[i % 2]}", "-o", str(self.scratch / f"out{i}"), "--no-progress", "--home", str(self.home)]
            commands.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        for command in commands:
            _out, err = command.communicate(timeout=120)
            self.assertEqual(command.returncode, 0, err)
        places = self.places()
        self.assertEqual(places, [(1, n) for n in range(1, len(places) + 1)])
        self.assertEqual(self.kept("open"), [])

    def test_hosts_share_nothing(self):
        other = self.scratch / "other"
        shutil.copytree(self.cast.home, other)
        self.get()
        self.assertStatus(story.hallmark("get", FILE, "-d", self.scratch / "out2", "--no-progress", home=other), story.GOOD)
        self.assertEqual(len(self.server.keys), 2)
        self.assertEqual(self.places(), [(1, 1), (1, 2)] * 2)

    def test_a_mirror_s_bytes_are_acknowledged_and_the_mirror_is_told_nothing(self):
        self.run_home("trust", "policy", "globex", "--mirror", f"file://{self.cast.public}")
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(self.server.headers, [])
        self.assertEqual(len(self.kept("new")), 1)


class Policy(Deliveries):
    def test_never_makes_none(self):
        self.assertStatus(self.run_home("trust", "policy", "globex", "--deliveries", "never"), story.GOOD)
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(self.server.taken, [])
        self.assertFalse(self.folder.exists())

    def test_ask_goes_without_where_nobody_answers(self):
        self.server.refusals = {"/delivery/key": (503, "busy\n")}
        result = self.get()
        self.assertStatus(result, story.GOOD)
        self.assertIn("without a signed offer", result.err)
        self.assertIn("busy", result.err)
        [line] = (self.folder / "unsigned").read_text().splitlines()
        self.assertEqual(line.split()[1], FILE)

    def test_require_downloads_nothing_without_an_offer(self):
        self.run_home("trust", "policy", "globex", "--deliveries", "require")
        self.server.refusals = {"/delivery/request": (503, "busy\n")}
        self.assertRefused(self.get(), story.CANNOT_TELL, "requires an offer", "busy")
        self.assertEqual(self.server.headers, [])
        self.assertFalse((self.out / FILES[0]).exists())
        self.server.refusals = {}
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(self.places(), [(1, 1), (1, 2)])

    def test_require_without_a_token_says_what_is_missing(self):
        self.run_home("trust", "policy", "globex", "--deliveries", "require", "--no-token")
        self.assertRefused(self.get(), story.NO, "requires an offer", "token")

    def test_a_refusal_is_said_and_the_order_goes_on(self):
        self.server.refusals = {"/delivery/request": (403, "initrode has no grant for this\n")}
        result = self.get()
        self.assertIn("initrode has no grant", result.err)
        [kept] = self.kept()
        self.assertEqual(list(kept), ["key", "request"])

    def test_another_word_is_no_policy(self):
        self.assertStatus(self.run_home("trust", "policy", "globex", "--deliveries", "sometimes"), story.USAGE)

    def test_show_says_it(self):
        self.run_home("trust", "policy", "globex", "--deliveries", "require")
        self.assertIn("require", self.run_home("trust", "show", "globex").out)


def changed(word, value):
    def lie(lines):
        lines[word] = value(lines[word]) if callable(value) else value
        return lines
    return lie


OTHER = hashlib.sha256(b"other").hexdigest()
OFFER_LIES = {
    "another site's": (changed("site", "hooli"), "site"),
    "another request": (changed("request", OTHER), "request"),
    "another entry": (changed("entry", lambda v: f"{int(v.split()[0]) + 1} {v.split()[1]}"), "entry"),
    "another entry's hash": (changed("entry", lambda v: f"{v.split()[0]} {OTHER}"), "entry"),
    "another path": (changed("path", f"{RELEASE}/{FILES[1]}"), "path"),
    "another label": (changed("label", "9.9"), "label"),
    "another digest": (changed("image", lambda v: f"{OTHER} {v.split()[1]}"), "image"),
    "another length": (changed("image", lambda v: f"{v.split()[0]} 7"), "image"),
    "ended before it came": (changed("expires", lambda _v: deliveries.when(-1)), "end"),
}
RECEIPT_LIES = {
    "another site's": (changed("site", "hooli"), "site"),
    "another request": (changed("request", OTHER), "request"),
    "another offer": (changed("offer", OTHER), "offer"),
    "another answer": (changed("answer", OTHER), "answer"),
    "another path": (changed("path", f"{RELEASE}/{FILES[1]}"), "path"),
    "another image": (changed("image", lambda v: f"{OTHER} {v.split()[1]}"), "image"),
}


class Lies(Deliveries):
    def test_offers(self):
        for name, (lie, word) in OFFER_LIES.items():
            with self.subTest(name):
                self.server.lies = {"offer": lie}
                result = self.get()
                self.refused(result, "offer", word)
                self.assertFalse((self.out / FILES[0]).exists())
                # The control: what comes after it is right.
                self.server.lies = {}
                self.assertStatus(self.get(), story.GOOD)
                shutil.rmtree(self.out)

    def test_receipts(self):
        for name, (lie, word) in RECEIPT_LIES.items():
            with self.subTest(name):
                self.server.lies = {"receipt": lie}
                result = self.get()
                self.assertRefused(result, story.NO, "receipt", word, "is in place")
                self.assertTrue((self.out / FILES[0]).exists())
                shutil.rmtree(self.out)
                self.server.lies = {}
                self.assertStatus(self.get(), story.GOOD)
                shutil.rmtree(self.out)
        self.assertEqual(len(list((self.folder / "refused").iterdir())), len(RECEIPT_LIES))

    def test_another_key_s_offer_and_receipt(self):
        for kind in ("offer", "receipt"):
            with self.subTest(kind):
                self.server.lies = {f"{kind} key": log.NoteKey("globex.example")}
                self.assertRefused(self.get(), story.NO, kind, "sign")
                self.server.lies = {}
                shutil.rmtree(self.out, True)

    def test_a_receipt_in_the_place_of_an_offer(self):
        self.assertStatus(self.get(), story.GOOD)
        receipt = self.kept("new")[0]["receipt"]
        shutil.rmtree(self.out)
        self.server.refusals = {"/delivery/request": (200, receipt)}
        self.assertRefused(self.get(), story.NO, "offer", "receipt")

    def test_the_key_s_note_with_another_text(self):
        self.server.lies = {"key": lambda note: note.replace("account initrode", "account hooli")}
        self.assertRefused(self.get(), story.NO, "key")

    def test_the_key_s_note_without_the_site_s_signature(self):
        self.server.lies = {"key": lambda note: "".join(note.splitlines(True)[:-1])}
        self.assertRefused(self.get(), story.NO, "key")

    def head_lie(self, lie, *words):
        self.assertStatus(self.get(), story.GOOD)
        shutil.rmtree(self.out)
        client = self.server.taken[0]["client"]
        self.server.order[client] = (5, 5, OTHER)  # nothing fits
        self.server.lies = {"head": lie}
        self.refused(self.get(), *words)
        self.assertTrue(list((self.folder / "refused").iterdir()))

    def test_a_head_that_rolls_back(self):
        self.head_lie(changed("event", f"1 1 {OTHER}"), "head", "goes back", "older copy", "--deliveries never")

    def test_no_head_at_all_of_a_key_that_was_answered(self):
        self.head_lie(changed("event", f"0 0 {deliveries.ZERO}"), "head", "goes back")

    def test_two_heads(self):
        self.head_lie(changed("event", f"1 2 {OTHER}"), "head", "another statement")

    def test_a_head_of_another_client(self):
        self.head_lie(changed("client", "initrode/other-00000000"), "head", "initrode/other")

    def test_a_head_by_another_key(self):
        self.server.lies = {"head key": log.NoteKey("globex.example")}
        self.assertStatus(self.get(), story.GOOD)
        shutil.rmtree(self.out)
        self.server.order[self.server.taken[0]["client"]] = (5, 5, OTHER)
        self.assertRefused(self.get(), story.NO, "head", "sign")


class Rejections(Deliveries):
    def wrong(self, data):
        def rule(handler):
            import server
            server.answer(handler, 200, data)
        self.server.rules = {f".{FILES[0]}": rule}

    def test_other_bytes_of_the_same_length(self):
        data = bytes(len(self.images[FILES[0]].read_bytes()))
        self.wrong(data)
        self.assertRefused(self.get(), story.NO, "other bytes", "signed rejection was sent", "receipt")
        self.assertFalse((self.out / FILES[0]).exists())
        rejected = self.server.taken[-1]
        self.assertEqual((rejected["kind"], rejected["reason"]), ("reject", "digest"))
        self.assertEqual(rejected["image"], f"{hashlib.sha256(data).hexdigest()} {len(data)}")
        [kept] = self.kept("new")
        self.assertIn("delivery-reject", kept["answer"])
        # The control, and the next delivery is another one.
        self.server.rules = {}
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual([lines["kind"] for lines in self.server.taken], ["request", "reject", "request", "ack"])

    def test_more_bytes(self):
        self.wrong(self.images[FILES[0]].read_bytes() + b"x")
        self.assertRefused(self.get(), story.NO, "signed rejection was sent")
        self.assertEqual(self.server.taken[-1]["reason"], "length")

    def test_a_broken_transfer_is_gone_on_with_under_the_same_offer(self):
        import server
        self.server.rules = {f".{FILES[0]}": server.cut_after(1000, self.cast.public)}
        self.assertStatus(self.get(), story.CANNOT_TELL)
        self.server.rules = {}
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual([lines["kind"] for lines in self.server.taken], ["request", "ack"])
        self.assertEqual(len(set(self.server.headers)), 1)


class Interrupted(Deliveries):
    def test_a_lost_offer_is_asked_for_again_with_the_same_request(self):
        self.server.lies = {"lost": True}
        self.assertStatus(self.get(), story.GOOD)  # without it
        shutil.rmtree(self.out)
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(self.places(), [(1, 1), (1, 2)])

    def test_a_lost_receipt_is_asked_for_again_with_the_same_ack(self):
        self.server.refusals = {"/delivery/answer": (503, "busy\n")}
        result = self.get()
        self.assertStatus(result, story.GOOD)
        self.assertIn("no receipt yet", result.err)
        self.server.refusals = {}
        self.assertStatus(self.get(f"{RELEASE}/{FILES[1]}"), story.GOOD)
        self.assertEqual(self.places(), [(1, 1), (1, 2), (1, 3), (1, 4)])
        self.assertEqual(len(self.kept("new")), 2)

    def test_an_image_that_was_got_is_acknowledged_by_the_next_run(self):
        """Interrupted between the image's name and its acknowledgement."""
        before = self.scratch / "before"
        self.server.refusals = {"/delivery/answer": (503, "busy\n")}
        self.get()
        order = self.folder / "order"
        text = order.read_text()
        self.assertIn("pending answer", text)
        # As it was before the ack was signed: nobody has seen that one.
        asked = deliveries.text_of(self.kept("open")[0]["request"])
        place = f"1 1 {deliveries.digest(asked)}"
        order.write_text(f"hallmark/delivery-order v1\nlast {place}\nknown {place}\n")
        self.server.refusals = {}
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual([lines["kind"] for lines in self.server.taken], ["request", "ack"])
        self.assertEqual(len(self.kept("new")), 1)
        self.assertFalse(before.exists())

    def test_a_lost_order_goes_on_in_the_next_epoch(self):
        self.assertStatus(self.get(), story.GOOD)
        (self.folder / "order").unlink()
        shutil.rmtree(self.out)
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(self.places(), [(1, 1), (1, 2), (2, 1), (2, 2)])

    def test_a_state_folder_that_was_put_back_goes_on_in_the_next_epoch(self):
        self.assertStatus(self.get(), story.GOOD)
        old = self.scratch / "old"
        shutil.copytree(self.folder, old)
        shutil.rmtree(self.out)
        self.assertStatus(self.get(), story.GOOD)
        shutil.rmtree(self.folder)
        shutil.copytree(old, self.folder)
        shutil.rmtree(self.out)
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(self.places()[-2:], [(2, 1), (2, 2)])

    def test_a_lost_folder_has_another_key(self):
        self.assertStatus(self.get(), story.GOOD)
        shutil.rmtree(self.folder)
        shutil.rmtree(self.out)
        self.assertStatus(self.get(), story.GOOD)
        self.assertEqual(len(self.server.keys), 2)

    def test_a_key_that_the_site_lost_is_enrolled_again(self):
        self.assertStatus(self.get(), story.GOOD)
        self.server.reset()
        shutil.rmtree(self.out)
        result = self.get()
        # The site's ledger is gone: its own word says so, and nobody goes on as if nothing had been.
        self.refused(result, "head", "goes back")


class Receipts(Deliveries):
    def receipts(self, *options, **kwargs):
        return self.run_home("receipts", *options, **kwargs)

    def rows(self, *options):
        return self.receipts("--json", *options).json()["deliveries"]

    def test_none_is_no_failure(self):
        self.assertStatus(self.receipts(), story.GOOD)
        self.assertEqual(self.rows(), [])

    def test_list_filter_show_and_export(self):
        self.assertStatus(self.run_home("sync", RELEASE, "-d", self.out, "--no-progress"), story.GOOD)
        rows = self.rows()
        self.assertEqual([(row["state"], row["receipt"], row["proof"]) for row in rows], [("acknowledged", "receipted", "waiting")] * 2)
        self.assertEqual({row["path"] for row in rows}, {f"{RELEASE}/{name}" for name in FILES})
        one = next(row for row in rows if row["path"] == FILE)
        self.assertEqual(self.rows("--path", FILE), [one])
        self.assertEqual(self.rows("--image", one["sha256"]), [one])
        self.assertEqual(self.rows("--state", "rejected"), [])
        self.assertEqual(len(self.rows("--since", "1d")), 2)
        self.assertEqual(self.rows("--since", "2100-01-01"), [])
        lines = self.receipts("--csv").out.splitlines()
        self.assertEqual(lines[0], "site,time,path,size,sha256,state,receipt,proof,hash")
        self.assertEqual(len(lines), 3)
        shown = self.receipts(one["hash"][:12])
        self.assertIn("| hallmark/delivery-receipt v1", shown.out)
        self.assertStatus(self.receipts(one["hash"], "--export", self.scratch / "one.delivery"), story.GOOD)
        self.assertEqual(deliveries.digest(deliveries.text_of(deliveries.parts((self.scratch / "one.delivery").read_text())["request"])), one["hash"])

    def test_what_is_asked_wrongly(self):
        for options in (["--state", "good"], ["--since", "yesterday"], ["--image", "12"], ["--export", "x"], ["--json", "--csv"], ["a", "b"]):
            with self.subTest(options):
                self.assertStatus(self.receipts(*options), story.USAGE)
        self.assertNotEqual(self.receipts("ffff").status, story.GOOD)

    def test_proofs_are_fetched_and_held_against_each_other(self):
        self.assertStatus(self.get(), story.GOOD)
        self.assertStatus(self.receipts("--update"), story.GOOD)
        self.assertEqual(self.rows()[0]["proof"], "waiting")
        self.server.publish()
        self.assertStatus(self.receipts("--update"), story.GOOD)
        self.assertEqual(self.rows()[0]["proof"], "proved")
        self.assertEqual(list(self.kept()[0])[-2:], ["offer-proof", "receipt-proof"])
        # The next batch, fetched by the way; its log has grown from the one before.
        self.assertStatus(self.get(f"{RELEASE}/{FILES[1]}"), story.GOOD)
        self.server.publish()
        self.assertStatus(self.get(f"{RELEASE}/{FILES[1]}"), story.GOOD)
        self.assertEqual([row["proof"] for row in self.rows()], ["proved", "proved"])

    def test_a_log_that_forks_is_refused_and_kept(self):
        self.assertStatus(self.get(), story.GOOD)
        self.server.publish()
        self.assertStatus(self.receipts("--update"), story.GOOD)
        self.assertStatus(self.get(f"{RELEASE}/{FILES[1]}"), story.GOOD)
        # Its first entries are others now.
        entries, self.server.entries, self.server.merkle = self.server.entries, [], log.Merkle()
        for entry in [b"other", *entries[1:]]:
            self.server.entries.append(entry)
            self.server.merkle.add(entry)
        self.server.publish()
        self.refused(self.receipts("--update"), "two histories")
        self.assertTrue(list((self.folder / "refused").glob("fork-*")))
        self.assertIn("two histories", self.get(f"{RELEASE}/{FILES[1]}").err)

    def test_a_proof_of_something_else_is_refused(self):
        self.assertStatus(self.get(), story.GOOD)
        self.server.publish()
        def other(text):
            return text.replace("index 0", "index 1") if "index 0" in text else text.replace("index 1", "index 0")
        self.server.lies = {"proof": other}
        self.refused(self.receipts("--update"), "proof", "does not hold")
        self.assertEqual(self.rows()[0]["proof"], "waiting")
        self.server.lies = {}
        self.assertStatus(self.receipts("--update"), story.GOOD)
        self.assertEqual(self.rows()[0]["proof"], "proved")

    def test_a_proof_by_another_log_is_refused(self):
        self.assertStatus(self.get(), story.GOOD)
        self.server.log_key, genuine = log.NoteKey(self.log_key.name), self.server.log_key
        self.addCleanup(setattr, self.server, "log_key", genuine)
        self.server.publish()
        self.refused(self.receipts("--update"), "proof", "does not hold")

    def test_a_receipt_that_never_came_is_told(self):
        self.server.refusals = {"/delivery/answer": (410, "the offer has ended\n")}
        self.assertIn("the offer has ended", self.get().err)
        self.assertEqual(self.rows()[0]["receipt"], "none")
        late = self.receipts(faketime="+2d")
        self.assertRefused(late, story.NO, "no receipt")

    def test_a_proof_that_never_came_is_told(self):
        self.assertStatus(self.get(), story.GOOD)
        self.assertRefused(self.receipts(faketime="+2d"), story.NO, "does not prove")

    def test_a_file_that_was_changed_cannot_be_told(self):
        self.assertStatus(self.get(), story.GOOD)
        [path] = (self.folder / "new").iterdir()
        path.write_text(path.read_text().replace("| edge edge 1", "| edge edge 2"))
        self.assertRefused(self.receipts(), story.CANNOT_TELL, "cannot be told")


class Rotated(Deliveries):
    """Root names another key of the site's statements; what was signed under the one before stays what it was."""

    def rotate(self):
        key, word = log.NoteKey("globex.example"), self.public.load("root")["signed"]
        word["version"] += 1
        word["x-hallmark"]["deliveries"]["key"] = key.vkey
        raw = self.public.store("root", word, self.root_keys)
        self.public.log.publish(extra=[log.root_entry("globex", word["version"], raw)])
        self.server.key = key

    def states(self):
        result = self.run_home("receipts", "--json")
        return result.status, sorted(row.get("state", "cannot be told") for row in result.json()["deliveries"])

    def test_receipts_of_the_key_before_are_told_and_judged(self):
        self.assertStatus(self.get(), story.GOOD)
        self.rotate()
        self.assertStatus(self.get(f"{RELEASE}/{FILES[1]}"), story.GOOD)
        self.assertEqual(self.states(), (story.GOOD, ["acknowledged"] * 2))
        judge = ("judge", "--site", "globex", "--customer", "initrode", "--release", RELEASE, "--json", self.folder)
        self.assertEqual(self.run_home(*judge).json()["bad_files"], 0)
        roots = list((self.folder / "roots").iterdir())
        self.assertEqual(len(roots), 2)
        for root in roots:  # the control: root alone names today's key
            root.unlink()
        self.assertEqual(self.states(), (story.CANNOT_TELL, ["acknowledged", "cannot be told"]))
        self.assertEqual(self.run_home(*judge).json()["bad_files"], 1)
        roots[0].write_bytes(b"{}")
        self.assertRefused(self.run_home("receipts"), story.NO, f"roots/{roots[0].name}", "remove it")

    def test_an_offer_of_the_key_before_is_not_sent_for_again(self):
        import server
        self.server.rules = {f".{FILES[0]}": server.cut_after(1000, self.cast.public)}
        self.assertStatus(self.get(), story.CANNOT_TELL)
        self.assertEqual(len(self.kept("open")), 1)
        self.server.rules = {}
        self.rotate()
        self.assertStatus(self.run_home("receipts", "--update"), story.GOOD)
        result = self.get()
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.err, "")
        self.assertEqual([lines["kind"] for lines in self.server.taken], ["request", "request", "ack"])


if __name__ == "__main__":
    unittest.main()
