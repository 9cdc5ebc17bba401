# SPDX-License-Identifier: Apache-2.0
"""A signer who works alone, with requests that an intruder made."""
import hashlib
import io
import json
import sys
import tarfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

HEAD = {"spec_version": "1.0.34", "expires": "2027-06-01T00:00:00Z", "_type": "targets"}


class Requests(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, _, _ = attacks.build(cls.root / "world")
        cls.tree = tree.Tree(cls.cast.public)
        cls.key = tree.Key(cls.cast.key("release1"))

    def request(self, documents, chain=(), **head):
        """documents: role to (current bytes or None, content of the next version)."""
        next_ = {role: json.dumps({"signatures": [], "signed": signed}).encode() for role, (_, signed) in documents.items()}
        listed = [{"role": role, "version": signed["version"],
                   "sha256": hashlib.sha256(tree.canonical(signed).encode()).hexdigest()} for role, (_, signed) in documents.items()]
        head = {"schema": "hallmark/request/1", "site": "globex", "created": "2026-01-31T12:00:00Z", "reason": "routine",
                "documents": listed, **head}
        members = [("request.json", json.dumps(head).encode()), *chain]
        members += [(f"current/{role}.json", current) for role, (current, _) in documents.items() if current]
        members += [(f"next/{role}.json", raw) for role, raw in next_.items()]
        path = self.scratch / "a.request"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as out:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
        return path

    def chain(self):
        return [("chain/root.json", self.tree.path("root").read_bytes()), ("chain/targets.json", self.tree.path("targets").read_bytes())]

    def sign(self, request, signer="release1"):
        """signer: whose memory; the key is always release1's."""
        return self.hallmark("sign", request, "--key", self.cast.key("release1"), "-o", self.scratch / "a.sig", "--yes",
                             "--home", self.cast.root / "signers" / signer)

    def grown(self, **custom):
        release = tree.next_version(self.tree.load("release~acme")["signed"], HEAD["expires"])
        release["targets"]["acme/e1000/2.0/f.rom"] = {"length": 4, "hashes": {"sha256": "0" * 64}, "custom": custom}
        return release

    def zeta(self):
        """targets that only the request has, with release1 as the one who approves for zeta."""
        role = {"name": "release~zeta", "keyids": [self.key.keyid], "threshold": 1, "terminating": True, "paths": ["zeta/*/*/*"]}
        targets = {**HEAD, "version": 1, "targets": {}, "delegations": {"keys": {self.key.keyid: self.key.tuf}, "roles": [role]},
                   "x-hallmark": {"site": "globex", "makers": {"zeta": {"grade": "attested", "name": "Zeta"}},
                                  "delegations": {"keys": {}, "roles": []}}}
        release = {**HEAD, "version": 1, "x-hallmark": {"site": "globex"},
                   "targets": {"zeta/z/1/f": {"length": 4, "hashes": {"sha256": "0" * 64}}}}
        return {"targets": (None, targets), "release~zeta": (None, release)}

    def test_control__a_right_request_is_signed(self):
        current = self.tree.path("release~acme").read_bytes()
        self.assertStatus(self.sign(self.request({"release~acme": (current, self.grown())}, self.chain())), story.GOOD)

    def test_request_without_the_sites_root__is_refused_by_who_knows_one(self):
        for head in ({}, {"maker": "acme"}):
            with self.subTest(head):
                self.assertRefused(self.sign(self.request(self.zeta(), **head)), story.NO, "root")
                self.assertFalse((self.scratch / "a.sig").exists())

    def test_role_that_the_request_alone_gives_the_key__is_told_to_who_knows_nothing(self):
        result = self.sign(self.request(self.zeta(), maker="acme"), signer="newcomer")
        self.assertStatus(result, story.GOOD)
        self.assertIn("listed for it by this request alone", result.out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
