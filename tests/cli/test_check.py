# SPDX-License-Identifier: Apache-2.0
"""hallmark check on the vectors of evidence: exit status, steps and JSON; by a trust file, and by a site that is trusted."""
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

VECTORS = json.loads((story.SOURCE / "tests" / "vectors" / "evidence.json").read_text())["evidence"]
NO = {"HM_EFORMAT", "HM_ESIGNATURE", "HM_EMISMATCH", "HM_EROLLBACK", "HM_EREFUSED"}


def status_of(rc):
    return story.GOOD if rc == "HM_OK" else story.NO if rc in NO else story.CANNOT_TELL


class Check(story.Case):
    def put(self, vector):
        """The evidence and a trust file."""
        raw = bytes.fromhex(vector["file_hex"]) if "file_hex" in vector else vector["file"].encode()
        root = json.loads(vector["root"])
        trust = {"schema": "hallmark/trust/1", "site": root["signed"]["x-hallmark"]["site"], "root": root}
        if "policy" in vector:
            trust["log"] = {"policy": vector["policy"]}
        (self.scratch / "file.evidence").write_bytes(raw)
        (self.scratch / "site.trust").write_text(json.dumps(trust))
        return self.scratch / "file.evidence", "--trust", self.scratch / "site.trust"

    def vector(self, name):
        return next(v for v in VECTORS if v["name"] == name)

    def test_every_vector(self):
        for vector in VECTORS:
            with self.subTest(vector["name"]):
                result = story.hallmark("check", *self.put(vector), "--json")
                self.assertStatus(result, status_of(vector["rc"]))
                answer = json.loads(result.out)
                self.assertEqual(answer["schema"], "hallmark/check/1")
                self.assertEqual(answer["verdict"], {story.GOOD: "holds", story.NO: "does not hold"}.get(result.status, "cannot tell"))
                self.assertEqual(answer.get("code", "HM_OK"), vector["rc"])
                texts = "\n".join(step["text"] for step in answer["steps"])
                for word in vector["says"]:
                    self.assertIn(word, texts)
                if result.status == story.GOOD:
                    self.assertEqual(result.err, "")
                    self.assertTrue(answer["claim"])
                    self.assertEqual(answer["log"]["origin"].split("/")[0], "firmware.example")
                else:
                    self.assertIn(answer["reason"], result.err)

    def test_steps_for_people(self):
        result = story.hallmark("check", *self.put(self.vector("absent: a version")))
        self.assertStatus(result, story.GOOD)
        lines = result.out.splitlines()
        self.assertEqual(lines[-1], "HOLDS")
        self.assertIn("claim: site 'example' never published a release of 'acme/nic' with version or label '2.3', as of the first 17 entries "
                      "of its release log 'firmware.example/log'", lines)
        self.assertTrue(any(line.startswith("  ok  entry 16, the newest of this state, names the map") for line in lines))
        result = story.hallmark("check", *self.put(self.vector("absent: a version that is there")))
        self.assertRefused(result, story.NO, "file.evidence", "does not hold", "was published")
        self.assertEqual(result.out.splitlines()[-1], "DOES NOT HOLD")
        result = story.hallmark("check", *self.put(self.vector("published: no witness")))
        self.assertRefused(result, story.CANNOT_TELL, "cannot tell", "too few witnesses")
        self.assertEqual(result.out.splitlines()[-1], "CANNOT BE TOLD")

    def test_quiet(self):
        result = story.hallmark("check", *self.put(self.vector("fork")), "--quiet")
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.out + result.err, "")
        result = story.hallmark("check", *self.put(self.vector("fork: the log grew")), "--quiet")
        self.assertRefused(result, story.NO, "do not contradict")
        self.assertEqual(result.out, "")

    def test_standard_input(self):
        path, *trust = self.put(self.vector("history"))
        result = story.hallmark("check", "-", *trust, stdin=path.read_text())
        self.assertStatus(result, story.GOOD)

    def test_nothing_to_judge_by(self):
        path, *_ = self.put(self.vector("published"))
        result = story.hallmark("check", path, home=self.scratch / "home")
        self.assertRefused(result, story.CANNOT_TELL, "'example'", "--trust")
        path.write_text("something else\n")
        self.assertRefused(story.hallmark("check", path, home=self.scratch / "home"), story.NO, "not evidence")

    def test_wrong_use(self):
        path, *trust = self.put(self.vector("published"))
        for args in ((), (path, path), (path, *trust, "--site", "example"), (path, "--nonsense")):
            self.assertStatus(story.hallmark("check", *args), story.USAGE)
        self.assertRefused(story.hallmark("check", self.scratch / "missing", *trust), story.CANNOT_TELL, "missing")
        self.assertRefused(story.hallmark("check", path, "--trust", self.scratch / "missing"), story.CANNOT_TELL, "missing")
        self.assertRefused(story.hallmark("check", path, "--trust", path), story.NO, "file.evidence")


if __name__ == "__main__":
    unittest.main()
