# SPDX-License-Identifier: Apache-2.0
"""No crash of a customer's machine makes two statements for one place, loses a receipt that was given, or an image that was acknowledged.

One command under a fault at each of its changes to the file system (tests/lib/faults.py), beside a site that remembers all that it was sent.
"""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import deliveries  # noqa: E402
import faults  # noqa: E402
import log  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class DeliveriesCrash(faults.Sweep):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        key, log_key = log.NoteKey("globex.example"), log.NoteKey("firmware.example/globex/deliveries")
        log.begin(tree.Tree(cls.cast.public), "globex", [tree.Key(cls.cast.key(k)) for k in ("root1", "root2")],
                  deliveries={"key": key.vkey, "policy": f"log {log_key.vkey}\nquorum none\n"})
        token = cls.root / "token"
        token.write_text("initrode.1.secret\n")
        token.chmod(0o600)
        cls.server = deliveries.Site(cls.cast.public, key, log_key)
        cls.addClassCleanup(cls.server.__exit__)
        cls.cast.trust(None, cls.server.url, "--token-file", token)

    def begin(self, world):
        self.server.reset()
        self.server.rules = {}

    def get(self, world):
        return ("get", attacks.FILE, "-d", world / "downloads", "--no-progress")

    def assertOneOrder(self):
        """Never two statements for one place; and what was taken has no gaps."""
        for place, texts in self.server.seen.items():
            self.assertEqual(len(texts), 1, f"two statements for {place}")

    def rows(self, world):
        return story.must("receipts", "--json", home=world / "customer").json()["deliveries"]

    def check_good(self, world, result):
        final = world / "downloads" / attacks.FILE.rsplit("/", 1)[1]
        genuine = self.images[final.name].read_bytes()
        acknowledged = any(lines["kind"] == "ack" and self.server.offers[lines["offer"]][0]["path"] == attacks.FILE for lines in self.server.taken)
        if acknowledged:
            self.assertEqual(final.read_bytes(), genuine, "acknowledged, and not there")
        self.assertStatus(story.hallmark(*self.get(world), home=world / "customer"), 0)
        self.assertEqual(final.read_bytes(), genuine)
        # What was left open is settled at last.
        self.assertStatus(story.hallmark("receipts", "--update", "--quiet", home=world / "customer"), 0)
        self.assertOneOrder()
        rows = self.rows(world)
        self.assertFalse([row for row in rows if "code" in row], rows)
        given = sum(lines["kind"] == "ack" for lines in self.server.taken)
        self.assertEqual(sum(row["receipt"] == "receipted" for row in rows), given, rows)

    def test_get__is_gone_on_with_after_a_fault_at_any_change(self):
        self.sweep(lambda world: None, self.get, self.check_good)

    def test_get__with_a_key_that_is_enrolled(self):
        other = f"{attacks.FILE.rsplit('/', 1)[0]}/pxe-e1000.rom"

        def prepare(world):
            self.server.reset()
            story.must("get", other, "-d", world / "downloads", "--no-progress", home=world / "customer")
            self.saved = (dict(self.server.keys), dict(self.server.order), dict(self.server.answers), dict(self.server.offers),
                          list(self.server.taken), {k: set(v) for k, v in self.server.seen.items()})

        def begin(_world):
            self.server.reset()
            keys, order, answers, offers, taken, seen = self.saved
            self.server.keys, self.server.order = dict(keys), dict(order)
            self.server.answers, self.server.offers = dict(answers), dict(offers)
            self.server.taken, self.server.seen = list(taken), {k: set(v) for k, v in seen.items()}

        self.begin = begin
        self.sweep(prepare, self.get, self.check_good)

    def test_rejections__are_sent_after_a_fault_at_any_change(self):
        name = attacks.FILE.rsplit("/", 1)[1]
        wrong = bytes(len(self.images[name].read_bytes()))

        def begin(_world):
            import server
            self.server.reset()
            self.server.rules = {f".{name}": lambda handler: server.answer(handler, 200, wrong)}

        def command(world):
            return self.get(world)

        def check(world, _result):
            self.assertFalse((world / "downloads" / name).exists())
            self.server.rules = {}
            self.assertStatus(story.hallmark(*self.get(world), home=world / "customer"), 0)
            self.assertStatus(story.hallmark("receipts", "--update", "--quiet", home=world / "customer"), 0)
            self.assertOneOrder()
            rows = self.rows(world)
            self.assertFalse([row for row in rows if "code" in row], rows)
            answered = sum(lines["kind"] in ("ack", "reject") for lines in self.server.taken)
            self.assertEqual(sum(row["receipt"] == "receipted" for row in rows), answered, rows)

        self.begin = begin
        self.sweep(lambda world: None, command, check, status=story.NO)


if __name__ == "__main__":
    unittest.main()
