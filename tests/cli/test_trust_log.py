# SPDX-License-Identifier: Apache-2.0
"""hallmark trust and the release log: what a customer demands of it, and what is told of it."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import log  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402


class Demands(story.Case):
    """A site that names no witnesses, though two of its customers' cosign; a third never does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, cls.images = attacks.build(cls.root / "world")
        cls.unlogged = cls.root / "unlogged"
        shutil.copytree(cls.cast.public, cls.unlogged)
        cls.witnesses = [log.Witness(f"customer.example/w{n}") for n in (1, 2)]
        cls.stranger = log.Witness("customer.example/absent")
        root_keys = [tree.Key(cls.cast.key(k)) for k in ("root1", "root2")]
        public = tree.Tree(cls.cast.public)
        cls.log = log.begin(public, "globex", root_keys, quorum=0)
        cls.log.witnesses = cls.witnesses
        cls.log.heartbeat()
        cls.cast.trust()

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)

    def policy(self, *options):
        return story.hallmark("trust", "policy", "globex", *options, home=self.home)

    def show(self):
        return story.must("trust", "show", "globex", "--json", home=self.home).json()

    def demands(self):
        return {d["whose"]: d["quorum"] for d in self.show()["log-demands"]["policies"]}

    def refresh(self):
        return story.hallmark("list", home=self.home)

    def vkeys(self, *witnesses):
        return story.flag("--witness", [w.vkey for w in witnesses or self.witnesses])

    def file(self, text, name="own.policy"):
        path = self.scratch / name
        path.write_text(text)
        return path


class Told(Demands):
    def test_show__of_a_log(self):
        shown = story.must("trust", "show", "globex", home=self.home).out
        for words in (self.log.key.vkey, f"{self.log.size} entries", "unwitnessed", "root: none", "7 days"):
            self.assertIn(words, shown)
        data = self.show()
        self.assertEqual((data["log"]["state"], data["log"]["origin"], data["log"]["size"]), ("unwitnessed", self.log.key.name, self.log.size))
        self.assertEqual(data["log-demands"]["max-age"], 7 * 86400)
        self.assertEqual(self.demands(), {"root": "none"})

    def test_show__of_a_site_without_a_log(self):
        home = self.scratch / "other"
        result = self.cast.trust(home, f"file://{self.unlogged}")
        self.assertIn("unlogged", result.out)
        data = story.must("trust", "show", "globex", "--json", home=home).json()
        self.assertEqual(data["log"], {"state": "unlogged"})
        self.assertEqual(data["log-demands"]["policies"], [])

    def test_add__demands_from_the_start(self):
        home = self.scratch / "other"
        result = self.cast.trust(home, None, *self.vkeys(), "--quorum", 2, "--log-max-age", "3d")
        self.assertIn("witnessed by 2 of 2", result.out)
        self.assertIn("own: 2 of (own1, own2)", result.out)
        for witness in self.witnesses:
            self.assertIn(witness.vkey, result.out)
        self.assertIn("3 days", result.out)

    def test_add__adds_nothing_that_does_not_meet_the_demand(self):
        home = self.scratch / "other"
        result = story.hallmark("trust", "add", "globex", f"file://{self.cast.public}", "--trust", self.cast.public / "hallmark.trust",
                                *self.vkeys(self.stranger), home=home)
        self.assertRefused(result, story.NO, "your own policy", "none of the 1 known keys")
        self.assertNotIn("globex", story.hallmark("trust", "list", home=home).out)

    def test_trust_file__one_fingerprint_covers_its_demands(self):
        """A trust file with demands of its own: they are told, enforced, and change the fingerprint."""
        trust = json.loads((self.cast.public / "hallmark.trust").read_text())
        trust["log"] = {"policy": log.policy_text(witnesses=self.witnesses), "max-age": 86400}
        path = self.file(json.dumps(trust), "stricter.trust")
        home = self.scratch / "other"
        result = story.must("trust", "add", "globex", f"file://{self.cast.public}", "--trust", path, home=home)
        for words in ("trust file: 2 of (w1, w2)", "24 hours", "witnessed by 2 of 2"):
            self.assertIn(words, result.out)
        shown = story.must("trust", "show", "globex", "--json", home=home).json()
        self.assertEqual(shown["fingerprint"], tree.hashlib.sha256(path.read_bytes()).hexdigest())
        self.assertNotEqual(shown["fingerprint"], self.show()["fingerprint"])
        trust["log"]["policy"] = log.policy_text(witnesses=[self.stranger])
        result = story.hallmark("trust", "add", "globex", f"file://{self.cast.public}", "--trust", self.file(json.dumps(trust), "unmet.trust"),
                                home=self.scratch / "third")
        self.assertRefused(result, story.NO, "the trust file's policy")


class Changes(Demands):
    def test_witness__a_majority_by_default(self):
        self.assertStatus(self.policy(*self.vkeys()), story.GOOD)
        self.assertEqual(self.demands()["own"], "2 of (own1, own2)")
        self.assertEqual(self.show()["log"]["state"], "witnessed")
        self.assertStatus(self.refresh(), story.GOOD)

    def test_witness__with_its_url_and_quorum(self):
        vkey, url = self.witnesses[0].vkey, "https://w1.customer.example/"
        self.assertStatus(self.policy("--witness", f"{vkey},{url}", *self.vkeys(self.stranger), "--quorum", 1), story.GOOD)
        own = self.show()["log-demands"]["policies"][-1]
        self.assertEqual([(w["vkey"], w.get("url")) for w in own["witnesses"]], [(vkey, url), (self.stranger.vkey, None)])
        self.assertStatus(self.refresh(), story.GOOD)

    def test_witness__that_has_not_cosigned(self):
        """The demand is kept, and told at once; nothing is believed until it is met."""
        result = self.policy(*self.vkeys(self.stranger))
        self.assertStatus(result, story.GOOD)
        self.assertIn("your own policy", result.err)
        self.assertRefused(self.refresh(), story.NO, "your own policy", "none of the 1 known keys")
        result = story.hallmark("verify", self.images["efi-e1000.rom"], home=self.home)
        self.assertNotEqual(result.status, story.GOOD)
        self.assertStatus(self.policy("--no-log-policy"), story.GOOD)
        self.assertEqual(self.demands(), {"root": "none"})
        self.assertStatus(self.refresh(), story.GOOD)

    def test_witness__of_a_site_without_a_log(self):
        home = self.scratch / "other"
        self.cast.trust(home, f"file://{self.unlogged}")
        story.must("trust", "policy", "globex", *self.vkeys(), home=home)
        self.assertRefused(story.hallmark("list", home=home), story.NO, "'root' names no log", "your own policy")
        story.must("trust", "policy", "globex", "--no-log-policy", home=home)
        story.must("list", home=home)

    def test_log_policy__from_a_file(self):
        path = self.file(log.policy_text(witnesses=[*self.witnesses, self.stranger]))
        self.assertStatus(self.policy("--log-policy", path), story.GOOD)
        self.assertEqual(self.demands()["own"], "2 of (w1, w2, w3)")
        self.assertStatus(self.refresh(), story.GOOD)
        self.assertIn("witnessed by 2 of 3", self.refresh().out)

    def test_log_policy__that_is_none(self):
        for text, words in (("", "quorum"), ("junk\n", "line 1"), (log.policy_text(self.log.key.vkey), "only root does")):
            path = self.file(text)
            self.assertRefused(self.policy("--log-policy", path), story.NO, str(path), words)
        self.assertRefused(self.policy("--log-policy", self.scratch / "absent"), story.CANNOT_TELL, "absent")
        self.assertEqual(self.demands(), {"root": "none"})

    def test_max_age(self):
        for witness in self.witnesses:
            self.addCleanup(setattr, witness, "when", None)
            witness.when = int(log.time.time()) - 3 * 86400
        self.log.heartbeat()
        self.addCleanup(self.log.heartbeat)
        self.assertStatus(self.policy(*self.vkeys(), "--log-max-age", "4d"), story.GOOD)
        self.assertStatus(self.refresh(), story.GOOD)
        self.assertStatus(self.policy("--log-max-age", "2d"), story.GOOD)
        self.assertEqual(self.show()["log-demands"]["max-age"], 2 * 86400)
        self.assertRefused(self.refresh(), story.CANNOT_TELL, "cosignatures")
        self.assertStatus(self.policy("--no-log-max-age"), story.GOOD)
        self.assertEqual(self.show()["log-demands"]["max-age"], 7 * 86400)
        self.assertEqual(self.demands()["own"], "2 of (own1, own2)")
        self.assertStatus(self.refresh(), story.GOOD)

    def test_usage(self):
        path = self.file("quorum none\n")
        for options, words in (
                (["--quorum", 1], "--witness"),
                ([*self.vkeys(), "--quorum", 0], "quorum"),
                ([*self.vkeys(), "--quorum", 3], "quorum of 3"),
                ([*self.vkeys(), "--quorum", "x"], "--quorum"),
                ([*self.vkeys(), "--quorum", "99999999999999999999"], "--quorum"),
                ([*self.vkeys(), "--log-policy", path], "exclude"),
                ([*self.vkeys(), "--no-log-policy"], "exclude"),
                (["--log-policy", path, "--no-log-policy"], "exclude"),
                (["--log-max-age", "1d", "--no-log-max-age"], "exclude"),
                (["--log-max-age", "0"], "age"),
                (["--log-max-age", "never"], "never"),
                (self.vkeys(*[self.stranger] * 65), "64 witnesses")):
            self.assertRefused(self.policy(*options), story.USAGE, words)
        for options in (["--witness", "junk"], self.vkeys(self.stranger, self.stranger), ["--witness", self.log.key.vkey]):
            self.assertRefused(self.policy(*options), story.USAGE, "--witness")
        self.assertEqual(self.demands(), {"root": "none"})


class Library(Demands):
    """libhallmark tells the same, through examples/verify.c."""

    def told(self, home):
        image = self.images["efi-e1000.rom"]
        story.must("list", home=home)
        result = subprocess.run([os.environ["HALLMARK_EXAMPLE"], image, home], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        return re.search(r"release log: (\w+), (\d+) cosignatures, newest (-?\d+) seconds", result.stdout).groups()

    def test_unlogged(self):
        home = self.scratch / "other"
        self.cast.trust(home, f"file://{self.unlogged}")
        self.assertEqual(self.told(home), ("unlogged", "0", "-1"))

    def test_unwitnessed(self):
        self.assertEqual(self.told(self.home), ("unwitnessed", "0", "-1"))

    def test_witnessed(self):
        for witness in self.witnesses:
            self.addCleanup(setattr, witness, "when", None)
            witness.when = int(log.time.time()) - 7200
        self.log.heartbeat()
        self.addCleanup(self.log.heartbeat)
        self.assertStatus(self.policy(*self.vkeys(self.stranger, *self.witnesses)), story.GOOD)
        state, cosigned, age = self.told(self.home)
        self.assertEqual((state, cosigned), ("witnessed", "2"))
        self.assertIn(int(age), range(7200, 7800))


if __name__ == "__main__":
    unittest.main(verbosity=2)
