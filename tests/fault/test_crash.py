# SPDX-License-Identifier: Apache-2.0
"""No crash loses what was acknowledged, and none leaves a tree that customers refuse.

Each scenario is one command. It runs once untouched to count its changes to the file system; then it is run again with a fault at each
change: the process killed, an error returned, a full disk, or a loss of power (tests/fault/shim.c). After each the site must serve customers
old and new, and the same command must finish the work. By default a sample of the points is tried, chosen by a printed
seed; HALLMARK_LONG tries them all.
"""
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import faults  # noqa: E402
import story  # noqa: E402


class Crash(faults.Sweep):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.cast.trust()
        story.must("get", attacks.FILE, "-d", cls.root / "first", home=cls.cast.home)
        cls.submission = cls.cast.submit("acme", "e1000", "1.22", [cls.images["pxe-e1000.rom"]])

    def old_and_new_customers(self, world, what):
        """A customer who knows the site and one who comes for the first time both get what they ask for."""
        for home, url in ((world / "customer", None), (world.parent / "newcomer", f"file://{world}/site/public")):
            if url:
                shutil.rmtree(home, ignore_errors=True)
                story.must("trust", "add", "globex", url, "--trust", world / "site" / "public" / "hallmark.trust", home=home)
            else:
                self.move(home, world)
            out = world.parent / "out"
            shutil.rmtree(out, ignore_errors=True)
            self.assertStatus(story.hallmark("get", what, "-d", out, "--no-progress", home=home), 0)

    def test_publish__survives_a_fault_at_any_change(self):
        def prepare(world):
            site = world / "site"
            story.must("site", "intake", "--dir", site, self.submission)
            request = world / "crash.request"
            story.must("site", "approve", "--dir", site, "--all", "-o", request)
            for name in ("release1", "release2"):
                out = world / f"{name}.sig"
                story.must("sign", request, "--key", world / "keys" / f"{name}.pem", "-o", out, "--yes", "--home", world / "signers" / name)
                story.must("site", "attach", "--dir", site, out)

        def check(world, result):
            self.old_and_new_customers(world, attacks.FILE)
            if result.status == 0:
                self.old_and_new_customers(world, "acme/e1000/1.22")  # acknowledged
            self.assertStatus(story.hallmark("site", "publish", "--dir", world / "site"), 0)
            self.assertStatus(story.hallmark("site", "status", "--dir", world / "site"), 0)
            self.old_and_new_customers(world, "acme/e1000/1.22")

        self.sweep(prepare, lambda world: ("site", "publish", "--dir", world / "site"), check)

    def test_intake__survives_a_fault_at_any_change(self):
        def waiting(world):
            listed = story.must("site", "pending", "--dir", world / "site", "--json").json()
            return [submission["version"] for submission in listed["submissions"]]

        def check(world, result):
            if result.status == 0:
                self.assertEqual(waiting(world), [3])  # acknowledged
            again = story.hallmark("site", "intake", "--dir", world / "site", self.submission)
            self.assertStatus(again, 0)
            self.assertEqual(waiting(world), [3])

        self.sweep(lambda world: None, lambda world: ("site", "intake", "--dir", world / "site", self.submission), check)

    def test_release__survives_a_fault_at_any_change(self):
        def command(world):
            return ("maker", "release", "--dir", world / "maker-acme", "--for", "globex", "e1000", "2.0", self.images["efi-e1000.rom"],
                    "--key", world / "keys" / "acme1.pem", "--key", world / "keys" / "acme2.pem", "-o", world / "new.submission")

        def check(world, result):
            self.assertStatus(story.hallmark(*command(world)), 0)
            self.assertStatus(story.hallmark("site", "intake", "--dir", world / "site", self.submission), 0)
            self.assertStatus(story.hallmark("site", "intake", "--dir", world / "site", world / "new.submission"), 0)
            other = list(command(world))
            other[other.index(self.images["efi-e1000.rom"])] = self.images["pxe-e1000.rom"]
            renamed = world / "efi-e1000.rom"
            shutil.copy(self.images["pxe-e1000.rom"], renamed)
            other = [renamed if part == self.images["pxe-e1000.rom"] else part for part in other]
            self.assertStatus(story.hallmark(*other), 1)  # the version name is taken by other bytes

        self.sweep(lambda world: None, command, check)

    def test_list__leaves_offline_answers_at_any_change(self):
        image = self.images["efi-e1000.rom"]

        def prepare(world):
            site = world / "site"
            story.must("site", "intake", "--dir", site, self.submission)
            request = world / "crash.request"
            story.must("site", "approve", "--dir", site, "--all", "-o", request)
            for name in ("release1", "release2"):
                out = world / f"{name}.sig"
                story.must("sign", request, "--key", world / "keys" / f"{name}.pem", "-o", out, "--yes", "--home", world / "signers" / name)
                story.must("site", "attach", "--dir", site, out)
            story.must("site", "publish", "--dir", site)

        def check(world, _result):
            home = world / "customer"
            self.move(home, world)
            self.assertStatus(story.hallmark("verify", image, home=home), 0)
            self.assertStatus(story.hallmark("list", "--offline", attacks.FILE, home=home), 0)
            self.assertStatus(story.hallmark("list", home=home), 0)
            self.assertFalse((home / "sites" / "globex" / "complete").exists())
            self.assertIn("1.22", story.must("list", "--offline", home=home).out)

        def command(world):
            self.move(world / "customer", world)
            return ("list",)

        self.sweep(prepare, command, check)

    def test_get__survives_a_fault_at_any_change(self):
        genuine = self.images["efi-e1000.rom"].read_bytes()

        def command(world):
            return ("get", attacks.FILE, "-d", world / "downloads", "--no-progress")

        def check(world, result):
            final = world / "downloads" / "efi-e1000.rom"
            if final.exists():
                self.assertEqual(final.read_bytes(), genuine, "bytes that are not whole stand under the final name")
            if result.status == 0:
                self.assertTrue(final.exists())  # acknowledged
            self.move(world / "customer", world)
            self.assertStatus(story.hallmark(*command(world), home=world / "customer"), 0)
            self.assertEqual(final.read_bytes(), genuine)

        self.sweep(lambda world: self.move(world / "customer", world), command, check)

    # --- recalls ---

    RECALL = ("nic-hang", attacks.FILE, "--reason", "it hangs", "--remedy", "install 1.22")

    def recalled(self, world):
        """Both customers are told, and the site is well."""
        self.assertStatus(story.hallmark("site", "status", "--dir", world / "site"), 0)
        for home in (world / "customer", world.parent / "newcomer"):
            if home.name == "newcomer":
                shutil.rmtree(home, ignore_errors=True)
                story.must("trust", "add", "globex", f"file://{world}/site/public", "--trust", world / "site" / "public" / "hallmark.trust", home=home)
            else:
                self.move(home, world)
            self.assertStatus(story.hallmark("list", home=home), 0)
            self.assertRefused(story.hallmark("verify", self.images["efi-e1000.rom"], home=home), 1, "recalled", "it hangs")

    def draft_recall(self, world):
        request = world / "recall.request"
        story.must("site", "recall", "--dir", world / "site", *self.RECALL, "-o", request)
        self.sign_recall(world, request)

    def sign_recall(self, world, request):
        story.must("sign", request, "--key", world / "keys" / "recall1.pem", "-o", world / "recall.sig", "--yes", "--home", world / "signers" / "rita")
        story.must("site", "attach", "--dir", world / "site", world / "recall.sig")

    def test_recall__drafting_survives_a_fault_at_any_change(self):
        def command(world):
            return ("site", "recall", "--dir", world / "site", *self.RECALL, "-o", world / "recall.request")

        def check(world, result):
            self.assertStatus(story.hallmark(*command(world)), 0)  # the same again goes on where the first stopped
            self.sign_recall(world, world / "recall.request")
            story.must("site", "publish", "--dir", world / "site")
            self.recalled(world)

        self.sweep(lambda world: None, command, check)

    def test_recall__publishing_survives_a_fault_at_any_change(self):
        def check(world, result):
            if result.status == 0:
                self.recalled(world)  # acknowledged
            self.assertStatus(story.hallmark("site", "publish", "--dir", world / "site"), 0)
            self.recalled(world)
            self.assertTrue((world / "site" / "public" / "csaf" / "provider-metadata.json").exists())
            self.assertEqual((world / "site" / "public" / "csaf" / "white" / "index.txt").read_text().count("nic-hang"), 1)

        self.sweep(self.draft_recall, lambda world: ("site", "publish", "--dir", world / "site"), check)

    def test_recall__is_not_forgotten_by_a_customer_at_any_change(self):
        image = self.images["efi-e1000.rom"]

        def prepare(world):
            self.draft_recall(world)
            story.must("site", "publish", "--dir", world / "site")

        def command(world):
            self.move(world / "customer", world)
            return ("list",)

        def check(world, result):
            home = world / "customer"
            self.move(home, world)
            told = story.hallmark("verify", image, home=home)
            self.assertIn(told.status, (1,) if result.status == 0 else (0, 1), told.err)
            if told.status == 1:
                self.assertIn("recalled", told.err)
            self.recalled(world)

        self.sweep(prepare, command, check)

    def test_recall__of_a_maker_survives_a_fault_at_any_change(self):
        def command(world):
            return ("maker", "recall", "--dir", world / "maker-acme", "--for", "globex", "nic-hang", "e1000/1.21.1/efi-e1000.rom", *self.RECALL[2:],
                    "--key", world / "keys" / "acme1.pem", "-o", world / "recall.notice")

        def check(world, result):
            if result.status == 0:
                self.assertTrue((world / "recall.notice").exists())  # acknowledged
            again = story.hallmark(*command(world))
            self.assertIn(again.status, (2,) if result.status == 0 else (0, 2), again.err)
            if again.status == 2 and result.status != 0:  # it was signed: signing it anew writes the notice again
                story.must(*command(world)[:6], "--key", world / "keys" / "acme1.pem", "-o", world / "recall.notice")
            story.must("site", "recall", "--dir", world / "site", "--notice", world / "recall.notice")
            story.must("site", "publish", "--dir", world / "site")
            self.recalled(world)

        self.sweep(lambda world: None, command, check)


if __name__ == "__main__":
    unittest.main(verbosity=2)
