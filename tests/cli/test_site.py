# SPDX-License-Identifier: Apache-2.0
"""The site's commands as a person meets them: what they say, with which exit status, and that nothing is half done when they refuse."""
import fcntl
import io
import json
import shutil
import subprocess
import sys
import tarfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402
import tree  # noqa: E402


def state(folder):
    """{path: bytes} below a folder, without locks."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*"))
            if path.is_file() and path.name != "lock"}


class World(story.Case):
    """A copy for each test of one world: a site, the makers acme (which signs itself) and oldco (attested), one release of acme's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = story.Cast(cls.root / "first")
        cls.first.init_site()
        cls.first.init_maker("acme", "Acme Chips")
        cls.first.enroll("acme")
        request = cls.first.request()
        story.must("site", "enroll", "--dir", cls.first.site, "oldco", "--attested", "--name", "Old Company", "-o", request)
        cls.first.attach(request, "targets1", "targets2", "release1", "release2")
        story.must("site", "publish", "--dir", cls.first.site)
        files = cls.root / "files"
        files.mkdir()
        (files / "fw.bin").write_bytes(b"firmware 1.0")
        cls.first.release("acme", "nic", "1.0", [files / "fw.bin"])

    def setUp(self):
        super().setUp()
        world = self.scratch / "world"
        shutil.copytree(self.first.root, world, symlinks=True)
        self.cast = story.Cast.__new__(story.Cast)
        self.cast.__dict__.update(self.first.__dict__, root=world, keys=world / "keys", site=world / "site", public=world / "site" / "public",
                                  home=world / "customer")

    def site(self, *words, **kwargs):
        return story.hallmark("site", words[0], "--dir", self.cast.site, *words[1:], **kwargs)

    def must(self, *words, **kwargs):
        return story.must("site", words[0], "--dir", self.cast.site, *words[1:], **kwargs)

    def file(self, text, name="fw.bin"):
        folder = self.scratch / text.replace(" ", "-").replace("/", "-")
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return folder / name

    def submit(self, version="1.1", text="firmware 1.1", product="nic", name="fw.bin"):
        return self.cast.submit("acme", product, version, [self.file(text, name)])

    def assertUnchanged(self, before):
        now = state(self.cast.site)
        self.assertEqual([path for path in {*before, *now} if before.get(path) != now.get(path)], [])

    def refuses(self, words, status, *said):
        """Refused with these words, and the site's folder is byte for byte what it was."""
        before = state(self.cast.site)
        result = self.site(*words)
        self.assertRefused(result, status, *said)
        self.assertUnchanged(before)
        self.assertNotIn("published", result.out)
        return result


class Usage(World):
    def test_bad_words_change_nothing(self):
        none = self.scratch / "none"
        for words, status in (
                (["intake"], story.USAGE), (["intake", "a", "b"], story.USAGE), (["intake", none], story.CANNOT_TELL),
                (["intake", "--attested", "oldco/nic/1.0"], story.USAGE), (["approve"], story.USAGE), (["approve", "abcd", "--all"], story.USAGE),
                (["approve", "abcdef"], story.NO), (["approve", "--all"], story.NO), (["reject", "abcdef"], story.USAGE),
                (["reject", "abcdef", "--reason", "x"], story.NO), (["reject", "abcdef", "--reason", ""], story.USAGE),
                (["publish", "now"], story.USAGE), (["publish", "--wait", "soon"], story.USAGE), (["attach"], story.USAGE),
                (["attach", none], story.CANNOT_TELL), (["renew", "--force", "--offline", "1d"], story.USAGE), (["renew", "--offline", "soon"], story.USAGE),
                (["enroll"], story.USAGE), (["enroll", "x1"], story.CANNOT_TELL), (["enroll", "x1", "--attested"], story.USAGE),
                (["enroll", "recalls", "--attested", "--name", "X"], story.NO), (["enroll", "X1", "--attested", "--name", "X"], story.NO),
                (["review", "no-such"], story.NO), (["status", "x"], story.USAGE), (["pending", "x"], story.USAGE), (["nothing"], story.USAGE)):
            with self.subTest(words=words):
                before = state(self.cast.site)
                result = self.site(*words)
                self.assertNotEqual(result.err, "")
                if result.status != status:
                    self.fail(f"exit {result.status}, not {status}: {result.err}")
                self.assertUnchanged(before)

    def test_a_folder_that_is_no_site(self):
        for words in (["status"], ["publish"], ["pending"]):
            self.assertRefused(story.hallmark("site", words[0], "--dir", self.scratch), story.CANNOT_TELL, "not a site")
        (self.cast.site / "private" / "format").write_text("hallmark-site 2\n")
        self.refuses(["publish"], story.NO, "newer version")

    def test_init_needs_an_empty_folder_and_keys_apart(self):
        pub = self.cast.pub
        full = self.scratch / "full"
        full.mkdir()
        (full / "x").write_text("")
        common = ["--name", "other", "--url", "https://other.example/", *story.flag("--targets", [pub("targets1"), pub("targets2")]),
                  *story.flag("--release", [pub("release1"), pub("release2")]), "--recall", pub("recall1"), "-o", self.scratch / "r"]
        roots = story.flag("--root", [pub("root1"), pub("root2")])
        self.assertRefused(story.hallmark("site", "init", "--dir", full, *common, *roots), story.NO, "not empty")
        self.assertEqual([path.name for path in full.iterdir()], ["x"])
        private = story.hallmark("site", "init", "--dir", self.scratch / "a", *common, *roots, "--root", self.cast.key("root3"))
        self.assertRefused(private, story.NO, "private")
        self.assertFalse((self.scratch / "r").exists())

    def test_a_trial_site_warns(self):
        made = story.must("site", "init", "--dir", self.scratch / "trial", "--name", "trial", "--url", "https://trial.example/", "--trial")
        self.assertIn("trial", made.err)
        home = self.scratch / "home"
        public = self.scratch / "trial" / "public"
        added = story.must("trust", "add", "trial", f"file://{public}", "--trust", public / "hallmark.trust", home=home)
        self.assertIn("trial", added.out + added.err)
        normal = story.must("trust", "add", "globex", f"file://{self.cast.public}", "--trust", self.cast.public / "hallmark.trust", home=self.scratch / "h2")
        self.assertNotIn("trial", normal.out + normal.err)


class Intake(World):
    def tampered(self, submission, change):
        """The archive with one member changed: change(name, bytes) gives the new bytes, None drops it."""
        out = self.scratch / "tampered.submission"
        with tarfile.open(submission) as old, tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as new:
            for member in old.getmembers():
                data = change(member.name, old.extractfile(member).read())
                if data is None:
                    continue
                info = tarfile.TarInfo(member.name)
                info.size, info.mode = len(data), 0o644
                new.addfile(info, io.BytesIO(data))
        return out

    def test_tampered_submissions_leave_nothing(self):
        good = self.submit()
        self.assertStatus(self.site("review"), story.GOOD)

        def swap(which, old, new):
            def change(name, data):
                if name != which:
                    return data
                self.assertIn(old, data)
                return data.replace(old, new, 1)
            return change

        def drop(which):
            return lambda name, data: None if name == which else data

        image = "images/acme/nic/1.1/fw.bin"
        for label, change, status, said in (
                ("image", swap(image, b"1.1", b"6.6"), story.NO, "not the one that the maker signed"),
                ("short image", swap(image, b"1.1", b"1"), story.NO, "bytes"),
                ("no image", drop(image), story.NO, "images"),
                ("document", swap("maker.json", b"fw.bin", b"fx.bin"), story.NO, "signature"),
                ("expiry", swap("maker.json", b'"version":2', b'"version":3'), story.NO, "signature"),
                ("no document", drop("maker.json"), story.NO, "maker.json"),
                ("identity", swap("identity/1.identity", b"Acme Chips", b"Evil Chips"), story.NO, "identity"),
                ("no identity", drop("identity/1.identity"), story.NO, "identity"),
                ("site", swap("submission.json", b'"globex"', b'"initech"'), story.NO, "globex"),
                ("maker", swap("submission.json", b'"acme"', b'"oldco"'), story.NO, "acme"),
                ("head", swap("submission.json", b"hallmark/submission/1", b"hallmark/submission/9"), story.NO, "schema")):
            with self.subTest(label):
                self.refuses(["intake", self.tampered(good, change)], status, said)
        control = self.tampered(good, lambda name, data: data)
        self.assertStatus(self.site("intake", control), story.GOOD)

    def test_cut_and_foreign_archives(self):
        good = self.submit()
        whole = good.read_bytes()
        cut = self.scratch / "cut.submission"
        for size in (0, 100, 512, 2000, len(whole) // 2, len(whole) - 1024):
            cut.write_bytes(whole[:size])
            with self.subTest(size=size):
                self.refuses(["intake", cut], story.NO)
        cut.write_bytes(b"\x1f\x8b" + whole)
        self.refuses(["intake", cut], story.NO)
        self.assertStatus(self.site("intake", good), story.GOOD)

    def test_what_is_published_is_not_taken_again(self):
        one = self.submit()
        self.must("intake", one)
        self.assertStatus(self.site("intake", one), story.GOOD)  # the same again changes nothing
        self.assertEqual(len(self.must("pending", "--json").json()["submissions"]), 1)
        request = self.cast.request()
        self.must("approve", "--all", "-o", request)
        self.cast.attach(request, "release1", "release3")
        self.must("publish")
        self.refuses(["intake", one], story.NO, "not newer than version 2")

    def test_a_maker_that_is_not_enrolled(self):
        self.cast.init_maker("bolt", "Bolt")
        submission = self.cast.submit("bolt", "nic", "1.0", [self.file("bolt")])
        self.refuses(["intake", submission], story.NO, "not enrolled", "site enroll")

    def test_another_maker_under_a_known_name(self):
        shutil.rmtree(self.cast.root / "maker-acme")
        for key in self.cast.keys.glob("acme*"):
            key.unlink()
        self.cast.init_maker("acme", "Acme Chips")
        self.refuses(["intake", self.submit()], story.NO, "identity")

    def test_attested_files_need_an_origin(self):
        words = ["intake", "--attested", "oldco/bmc/1.0", self.file("old")]
        self.refuses(words, story.USAGE, "--origin")
        self.refuses(["intake", "--attested", "acme/bmc/1.0", self.file("old"), "--origin", "x"], story.NO, "signs its releases itself")
        self.refuses(["intake", "--attested", "oldco/BMC/1.0", self.file("old"), "--origin", "x"], story.NO, "BMC")
        self.must(*words, "--origin", "Ann, 2026-01-05, from their portal")
        request = self.cast.request()
        self.must("approve", "--all", "-o", request)
        self.cast.attach(request, "release2", "release3")
        self.must("publish")
        self.cast.trust()
        got = story.must("get", "oldco/bmc/1.0/fw.bin", "-o", self.scratch / "old.bin", home=self.cast.home)
        self.assertIn("vendor-attested", got.out)

    def test_pending_says_what_waits(self):
        submission = self.submit()
        taken = self.must("intake", submission, "--json").json()
        self.assertEqual((taken["version"], taken["files"], taken["size"]), (2, 1, len("firmware 1.1")))
        [one] = self.must("pending", "--json").json()["submissions"]
        self.assertEqual(one["id"], taken["submission"])
        self.assertEqual([(r["release"], [(f["name"], f["size"]) for f in r["files"]]) for r in one["releases"]],
                         [("acme/nic/1.1", [("fw.bin", 12)])])
        text = self.must("pending").out
        self.assertIn("acme/nic/1.1", text)
        self.assertIn("1 submission waits", text)
        self.must("reject", taken["submission"][:8], "--reason", "does not boot")
        [one] = self.must("pending", "--json").json()["submissions"]
        self.assertEqual((one["rejected"], one["releases"]), ("does not boot", []))


class Approve(World):
    def approve(self):
        self.must("intake", self.submit())
        request = self.cast.request()
        self.must("approve", "--all", "-o", request)
        return request

    def test_a_threshold_is_a_threshold(self):
        request = self.approve()
        timestamp = (self.cast.public / "metadata" / "timestamp.json").read_bytes()
        [one] = self.cast.sign(request, "release1")
        for _ in range(2):  # the same signature twice counts once
            self.must("attach", one)
            said = self.must("publish")
            self.assertIn("1 of 2 signatures", said.out)
            self.assertEqual((self.cast.public / "metadata" / "timestamp.json").read_bytes(), timestamp)
        self.cast.attach(request, "release2")
        self.assertIn("published 'release~acme'", self.must("publish").out)

    def test_signatures_of_others_do_not_fit(self):
        request = self.approve()
        for name in ("targets1", "acme1", "root1"):
            result = story.hallmark("sign", request, "--key", self.cast.key(name), "-o", self.scratch / "x.sig", "--yes", "--home", self.scratch / name)
            self.assertRefused(result, story.NO, "not listed")
        [good] = self.cast.sign(request, "release1")
        forged = json.loads(good.read_text())
        forged["signatures"][0]["sig"] = "00" * 64
        (self.scratch / "forged.sig").write_text(json.dumps(forged))
        self.refuses(["attach", self.scratch / "forged.sig"], story.NO)
        forged = json.loads(good.read_text())
        forged["site"] = "initech"
        (self.scratch / "forged.sig").write_text(json.dumps(forged))
        self.refuses(["attach", self.scratch / "forged.sig"], story.NO, "initech")
        (self.scratch / "forged.sig").write_text("{}")
        self.refuses(["attach", self.scratch / "forged.sig"], story.NO)
        self.assertStatus(self.site("attach", good), story.GOOD)

    def test_an_image_that_changed_after_intake_is_not_published(self):
        request = self.approve()
        self.cast.attach(request, "release1", "release2")
        [image] = (self.cast.site / "private" / "submissions").glob("*/images/acme/nic/1.1/fw.bin")
        image.write_bytes(b"firmware 6.6")
        result = self.site("publish")
        self.assertRefused(result, story.NO, "changed after it was taken in")
        self.assertFalse(list((self.cast.public / "targets").rglob("*1.1*/*")))
        image.write_bytes(b"firmware 1.1")
        self.must("publish")

    def test_a_rejected_submission_leaves_the_draft(self):
        self.approve()
        [one] = self.must("pending", "--json").json()["submissions"]
        self.must("reject", one["id"], "--reason", "does not boot")
        self.assertFalse((self.cast.site / "private" / "drafts" / "release~acme.json").exists())
        self.assertIn("nothing to publish", self.must("publish").out)

    def test_two_publishes_at_once(self):
        request = self.approve()
        self.cast.attach(request, "release1", "release2")
        command = [story.HALLMARK, "site", "publish", "--dir", str(self.cast.site)]
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        outs = [run.communicate(timeout=60)[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0, 0, 0])
        self.assertEqual(sum("published 'release~acme'" in out for out in outs), 1)
        self.assertEqual(sum("nothing to publish" in out for out in outs), 2)
        self.cast.trust()
        story.must("get", "acme/nic/1.1/fw.bin", "-o", self.scratch / "got.bin", home=self.cast.home)

    def test_a_busy_site_says_so(self):
        with open(self.cast.site / "private" / "lock", "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            for words in (["publish", "--wait", "0"], ["renew", "--wait", "0"]):
                result = self.site(*words)
                self.assertRefused(result, story.CANNOT_TELL, "another")
            self.assertStatus(self.site("status"), story.GOOD)  # who only looks needs no lock
        self.must("publish", "--wait", "0")

    def test_status_tells_what_is_missing(self):
        self.approve()
        told = self.must("status", "--json").json()
        [draft] = told["drafts"]
        self.assertEqual((draft["role"], draft["complete"], draft["signatures"]), ("release~acme", False, [{"valid": 0, "needed": 2}]))
        self.assertEqual({key["file"] for key in draft["missing"]}, {f"release{i}.pem.pub" for i in (1, 2, 3)})
        self.assertFalse(told["expired"])
        self.assertStatus(self.site("status", faketime="+20d"), story.NO)  # the timestamp has expired

    def test_an_older_public_tree_is_not_signed_again(self):
        saved = self.scratch / "old"
        shutil.copytree(self.cast.public, saved)
        request = self.approve()
        self.cast.attach(request, "release1", "release2")
        self.must("publish")
        shutil.rmtree(self.cast.public)
        shutil.copytree(saved, self.cast.public)
        self.refuses(["renew", "--force"], story.NO, "not what this site published last")
        self.assertEqual(tree.Tree(self.cast.public).version("release~acme"), 2)


if __name__ == "__main__":
    unittest.main()
