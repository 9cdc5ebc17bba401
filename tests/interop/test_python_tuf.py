# SPDX-License-Identifier: Apache-2.0
"""Stock python-tuf downloads from a Hallmark site; Hallmark's plumbing downloads from what python-tuf wrote."""
import hashlib
import sys
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import attacks  # noqa: E402
import plumbing  # noqa: E402
import story  # noqa: E402
from securesystemslib.signer import CryptoSigner  # noqa: E402
from tuf.api import exceptions  # noqa: E402
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Role, Root, Snapshot,  # noqa: E402
                              SuccinctRoles, TargetFile, Targets, Timestamp)
from tuf.ngclient import Updater  # noqa: E402

EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=30)
SIGNERS = {"ed25519": CryptoSigner.generate_ed25519, "ecdsa": CryptoSigner.generate_ecdsa, "rsa": CryptoSigner.generate_rsa}


class Repository:
    """What a python-tuf user would write: consistent snapshots, one delegation by path and one set of hash bins."""

    def __init__(self, folder, kind):
        self.folder = Path(folder)
        self.metadata = self.folder / "metadata"
        self.metadata.mkdir(parents=True)
        self.signer = SIGNERS[kind]()
        key = self.signer.public_key
        self.images = {"top.bin": b"top" * 1000, "nic/1.0/rom.bin": b"nic" * 5000, "other/in-a-bin.bin": b"bin" * 7000}
        role = {"keyids": [key.keyid], "threshold": 1}
        root = Root(expires=EXPIRES, keys={key.keyid: key}, roles={n: Role(**role) for n in ("root", "timestamp", "snapshot", "targets")})
        self.write("root", Metadata(root), 1)
        nic = Metadata(Targets(expires=EXPIRES))
        self.add(nic, "nic/1.0/rom.bin")
        self.write("nic", nic, 1)
        bins = SuccinctRoles([key.keyid], 1, 2, "bin")
        names = ["nic"]
        for name in bins.get_roles():
            one = Metadata(Targets(expires=EXPIRES))
            if bins.get_role_for_target("other/in-a-bin.bin") == name:
                self.add(one, "other/in-a-bin.bin")
            self.write(name, one, 1)
            names.append(name)
        targets = Metadata(Targets(expires=EXPIRES))
        self.add(targets, "top.bin")
        delegated = DelegatedRole("nic", [key.keyid], 1, True, paths=["nic/*/*"])
        targets.signed.delegations = Delegations({key.keyid: key}, {"nic": delegated})
        self.write("targets", targets, 1)
        # TUF has delegations by name or by succinct bins, not both in one document: the bins hang below a second role.
        self.bins(targets, key, bins, names)

    def bins(self, targets, key, bins, names):
        tree = Metadata(Targets(expires=EXPIRES, delegations=Delegations({key.keyid: key}, succinct_roles=bins)))
        self.write("tree", tree, 1)
        targets.signed.delegations.roles["tree"] = DelegatedRole("tree", [key.keyid], 1, False, paths=["other/*"])
        self.write("targets", targets, 1)
        snapshot = Metadata(Snapshot(expires=EXPIRES))
        for name in ["targets", "tree", *names]:
            snapshot.signed.meta[f"{name}.json"] = MetaFile(1)
        self.write("snapshot", snapshot, 1)
        timestamp = Metadata(Timestamp(expires=EXPIRES))
        self.write("timestamp", timestamp, None)

    def add(self, metadata, path):
        data = self.images[path]
        metadata.signed.targets[path] = TargetFile.from_data(path, data)
        folder, _, name = path.rpartition("/")
        where = self.folder / "targets" / folder
        where.mkdir(parents=True, exist_ok=True)
        (where / f"{hashlib.sha256(data).hexdigest()}.{name}").write_bytes(data)

    def write(self, role, metadata, version):
        metadata.sign(self.signer)
        metadata.to_file(str(self.metadata / (f"{version}.{role}.json" if version else f"{role}.json")))


class HallmarkSite(plumbing.SiteCase):
    def updater(self):
        (self.scratch / "targets").mkdir()
        return Updater(str(self.scratch / "metadata"), f"{self.server.url}metadata/", str(self.scratch / "targets"), f"{self.server.url}targets/",
                       bootstrap=self.anchor.read_bytes())

    def test_python_tuf__downloads_from_a_hallmark_site(self):
        updater = self.updater()
        updater.refresh()
        target = updater.get_targetinfo(attacks.FILE)
        self.assertIsNotNone(target)
        self.assertEqual(Path(updater.download_target(target)).read_bytes(), self.image)

    def test_python_tuf__finds_nothing_that_was_not_released(self):
        updater = self.updater()
        updater.refresh()
        self.assertIsNone(updater.get_targetinfo(attacks.NEW_FILE))

    def test_python_tuf__refuses_swapped_bytes(self):
        updater = self.updater()
        target = updater.get_targetinfo(attacks.FILE)
        self.swap_bytes()
        with self.assertRaises(exceptions.RepositoryError):
            updater.download_target(target)


class PythonTufRepository(story.Case):
    def check(self, kind):
        repository = Repository(self.scratch / "repository", kind)
        result, files = plumbing.download(repository.folder, self.scratch, *repository.images)
        self.assertStatus(result, 0)
        got = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in files)
        self.assertEqual(got, sorted(hashlib.sha256(d).hexdigest() for d in repository.images.values()))

    def test_hallmark__downloads_from_an_ed25519_repository(self):
        self.check("ed25519")

    def test_hallmark__downloads_from_an_ecdsa_repository(self):
        self.check("ecdsa")

    def test_hallmark__downloads_from_an_rsa_repository(self):
        self.check("rsa")

    def test_hallmark__refuses_what_the_repository_did_not_sign(self):
        repository = Repository(self.scratch / "repository", "ed25519")
        plumbing.lengthen(repository.metadata / "1.nic.json", 15000)
        result, files = plumbing.download(repository.folder, self.scratch, "nic/1.0/rom.bin")
        self.assertRefused(result, 1, "nic", "signatures")
        self.assertEqual(files, [])

    def test_hallmark__finds_nothing_that_the_repository_does_not_list(self):
        repository = Repository(self.scratch / "repository", "ed25519")
        result, files = plumbing.download(repository.folder, self.scratch, "nic/1.0/other.bin")
        self.assertRefused(result, 1, "nic/1.0/other.bin")
        self.assertEqual(files, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
