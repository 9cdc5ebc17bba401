# SPDX-License-Identifier: Apache-2.0
"""hallmark serve at a site with witnesses: the process that signs deliveries is confined, and has its log cosigned all the same."""
import json
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import logged  # noqa: E402
import receiver  # noqa: E402
import serving  # noqa: E402

WAIT_S = 40  # a try that found no quorum is followed by the next after ten


class Witnessed(serving.Case):
    @classmethod
    def make_cast(cls):
        cls.world = logged.World(cls.root / "world")
        cls.addClassCleanup(cls.world.close)
        cls.world.init()
        root = json.loads((cls.world.public / "metadata/1.root.json").read_bytes())["signed"]["x-hallmark"]["deliveries"]
        cls.vkey = root["policy"].splitlines()[0].split()[1]
        for one in cls.world.witnesses:
            one.introduce(cls.vkey)
        return cls.world.cast

    def wait_for(self, what):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.1)
        return what()

    def proof(self, client, offer):
        status, _, text = client.proof(receiver.hash_of(offer))
        return text if status == 200 else None

    def test_a_batch_is_cosigned_and_published_and_waits_for_a_quorum(self):
        token = self.customer("dc1", "acme")
        for one in self.world.witnesses[:2]:
            one.stop()
        with self.serve() as server:
            client, key = receiver.Client(server, token), receiver.Key("dc1")
            self.addCleanup(client.close)
            client.enrol(key)
            _, offer = client.offer(key, receiver.Release(self.site, "acme"))
            waits = server.event("deliveries-log-waits")
            self.assertIsNotNone(waits)
            self.assertIn("the deliveries log", waits["why"])
            self.assertIn("1 of 3 witnesses", waits["why"])
            self.assertNotIn("release log", waits["why"])
            self.assertIsNone(server.event("deliveries-log-waits", 3))  # witnesses are left alone for a while
            self.assertIsNone(self.proof(client, offer))
            for one in self.world.witnesses[:2]:
                one.start()
            proof = self.wait_for(lambda: self.proof(client, offer))
            self.assertIsNotNone(proof, server.lines)
            note = (self.site / "public/deliveries/checkpoint").read_text()
            self.assertIsNotNone(log.is_signed(note, self.vkey))
            self.assertEqual([log.is_signed(note, one.vkey) is not None for one in self.world.witnesses], [True] * 3)
            self.assertIn(note.splitlines()[2], proof)
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
