# SPDX-License-Identifier: Apache-2.0
"""The public CSAF validator (npm's @secvisogram/csaf-validator-lib) reads what a site's and a maker's recalls say."""
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import attacks  # noqa: E402
import story  # noqa: E402

ADVICE = {"optionalTest_6_2_3"}  # a product without a CVSS score: a recall has none
ADVICE_OF_MAKER = ADVICE | {"optionalTest_6_2_11"}  # no canonical URL: a maker does not know where sites will serve it


def validate(*paths):
    run = subprocess.run(["node", str(HERE / "csaf_validate.mjs"), os.environ["HALLMARK_NODE_MODULES"], *map(str, paths)],
                         capture_output=True, text=True, timeout=300)
    if run.returncode:
        raise AssertionError(run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]


class Recalls(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _old, _images = attacks.build(cls.root / "world")
        for name, what in (("nic-hang", ["acme/e1000/1.21.1"]), ("leaked", ["ab" * 32, "cd" * 32]), ("both", ["acme/e1000/*", "ef" * 32])):
            request = cls.cast.request()
            story.must("site", "recall", "--dir", cls.cast.site, name, *what, "--reason", "the link hangs \u201cafter\u201d 49 days",
                       "--remedy", "install 1.22.0", "--title", f"Recall of {name}", "-o", request)
        cls.cast.attach(request, "recall1")
        notice = cls.root / "acme.notice"
        story.must("maker", "recall", "--dir", cls.cast.root / "maker-acme", "--for", "globex", "hang", "e1000/1.21.1", "--reason", "it hangs",
                   "--remedy", "install 1.22.0", "--key", cls.cast.key("acme1"), "-o", notice)
        story.must("site", "recall", "--dir", cls.cast.site, "--notice", notice)
        story.must("site", "publish", "--dir", cls.cast.site)
        cls.csaf = cls.cast.public / "csaf" / "white"

    def documents(self):
        return sorted(p for p in self.csaf.rglob("*.json") if p.parent != self.csaf)

    def test_documents_pass_schema_mandatory_and_optional_tests(self):
        documents = self.documents()
        self.assertEqual(len(documents), 3)
        of_maker = list((self.cast.public / "targets" / "recalls" / "acme").glob("*.hang.json"))
        self.assertEqual(len(of_maker), 1)
        results = validate(*documents, *of_maker)
        self.assertEqual(len(results), 4)
        for result, advice in zip(results, 3 * [ADVICE] + [ADVICE_OF_MAKER]):
            self.assertTrue(result["valid"], result)
            self.assertGreater(result["count"], 60)
            self.assertEqual({f["test"] for f in result["failures"]} - advice, set(), result["failures"])

    def test_control__the_validator_refuses_what_is_wrong(self):
        document = json.loads(self.documents()[0].read_text())
        del document["document"]["tracking"]["id"]
        document["vulnerabilities"][0]["product_status"]["known_affected"] = ["nobody/knows/this/product"]
        path = self.scratch / "wrong.json"
        path.write_text(json.dumps(document))
        self.assertFalse(validate(path)[0]["valid"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
