# SPDX-License-Identifier: Apache-2.0
"""Deliveries from end to end: the customer's commands beside the server that sites run."""
import concurrent.futures
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import serving  # noqa: E402
import story  # noqa: E402

HOSTS = 6


class Both(serving.Case):
    log = True

    def setUp(self):
        super().setUp()
        for folder in ("private/deliveries", "public/deliveries", "private/serve/transfers"):
            shutil.rmtree(self.site / folder, ignore_errors=True)
        token = self.customer("initrode", "acme")
        self.server = self.serve(trial=True)
        self.addCleanup(self.server.__exit__)
        self.token = self.token_file(token)
        self.path = "acme/nic/1.0/acme.bin"

    def host(self, number):
        """A machine of the customer's, that trusts the site."""
        home = self.scratch / f"home{number}"
        url = f"http://{self.server.address}/"
        story.must("trust", "add", "globex", url, "--trust", self.site / "public" / "hallmark.trust", "--token-file", self.token, home=home)
        return home

    def get(self, home, *options):
        return story.hallmark("get", self.path, "-d", home.with_suffix(".out"), "--no-progress", *options, home=home)

    def test_many_hosts_at_once_have_receipts(self):
        homes = [self.host(i) for i in range(HOSTS)]
        with concurrent.futures.ThreadPoolExecutor(HOSTS) as pool:
            for result in pool.map(self.get, homes):
                self.assertStatus(result, story.GOOD)
                self.assertEqual(result.err, "")
        for home in homes:
            [row] = story.must("receipts", "--json", home=home).json()["deliveries"]
            self.assertEqual((row["path"], row["state"], row["receipt"]), (self.path, "acknowledged", "receipted"))

    def test_other_bytes_are_rejected_and_the_rejection_receipted(self):
        home = self.host(0)
        [image] = (self.site / "public/targets/acme/nic/1.0").glob("*.bin")
        genuine = image.read_bytes()
        self.addCleanup(image.write_bytes, genuine)
        image.write_bytes(bytes(len(genuine)))
        self.assertRefused(self.get(home), story.NO, "other bytes", "signed rejection was sent", "receipt")
        image.write_bytes(genuine)
        self.assertStatus(self.get(home), story.GOOD)  # the control
        rows = story.must("receipts", "--json", home=home).json()["deliveries"]
        self.assertEqual(sorted((row["state"], row["receipt"]) for row in rows), [("acknowledged", "receipted"), ("rejected", "receipted")])

    def test_a_lost_order_goes_on_in_the_next_epoch(self):
        home = self.host(0)
        self.assertStatus(self.get(home), story.GOOD)
        (home / "sites/globex/deliveries/order").unlink()
        shutil.rmtree(home.with_suffix(".out"))
        result = self.get(home)
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.err, "")
        self.assertEqual(len(story.must("receipts", "--json", home=home).json()["deliveries"]), 2)

    def test_a_machine_that_was_restored_goes_on(self):
        home, old = self.host(0), self.scratch / "old"
        self.assertStatus(self.get(home), story.GOOD)
        shutil.copytree(home, old)
        shutil.rmtree(home.with_suffix(".out"))
        self.assertStatus(self.get(home), story.GOOD)
        shutil.rmtree(home)
        shutil.copytree(old, home)
        shutil.rmtree(home.with_suffix(".out"))
        result = self.get(home)
        self.assertStatus(result, story.GOOD)
        self.assertEqual(result.err, "")


if __name__ == "__main__":
    unittest.main()
