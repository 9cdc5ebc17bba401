# SPDX-License-Identifier: Apache-2.0
"""What the public conformance suite does not try on a TUF client, and each advisory against other clients that needs a server.

The repositories are made and signed here, by code that shares nothing with the program. docs/tuf-conformance.md lists which
rule or advisory each test is for.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

IMAGE = b"image" * 1000


class Repository:
    """One key a role; every change is a new version that is signed by whoever the test says."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.metadata = self.folder / "metadata"
        self.metadata.mkdir(parents=True)
        self.keys = {role: tree.Key() for role in ("root", "timestamp", "snapshot", "targets", "nic")}
        self.documents = {}
        self.root()
        self.write("nic", {"_type": "targets", "targets": {}})
        self.add("nic", "nic/rom.bin", IMAGE)
        self.write("targets", {"_type": "targets", "targets": {}, "delegations": {
            "keys": {self.id("nic"): self.keys["nic"].tuf},
            "roles": [{"name": "nic", "keyids": [self.id("nic")], "threshold": 1, "terminating": True, "paths": ["nic/*"]}]}})
        self.publish()

    def id(self, role):
        return self.keys[role].keyid

    def root(self, version=1, **changes):
        roles = {role: {"keyids": [self.id(role)], "threshold": 1} for role in ("root", "timestamp", "snapshot", "targets")}
        keys = {self.id(role): self.keys[role].tuf for role in roles}
        signed = {"_type": "root", "spec_version": "1.0.34", "version": version, "expires": tree.FAR, "consistent_snapshot": True, "keys": keys,
                  "roles": roles}
        signed.update(changes)
        self.sign(f"{version}.root.json", signed, [self.keys["root"]])
        return signed

    def sign(self, name, signed, keys, ids=None):
        signatures = [key.sign(signed) for key in keys]
        for signature, keyid in zip(signatures, ids or []):
            signature["keyid"] = keyid
        self.raw(name, {"signatures": signatures, "signed": signed})

    def raw(self, name, envelope):
        text = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        (self.metadata / name).write_bytes(text)
        return text

    def write(self, role, content, version=None, expires=tree.FAR, keys=None):
        """Signs the next version (or the one given); publish() makes it current."""
        before = self.documents.get(role)
        signed = {"spec_version": "1.0.34", "expires": expires, **content, "version": version or (before["version"] + 1 if before else 1)}
        self.documents[role] = signed
        self.sign(f"{signed['version']}.{role}.json", signed, keys or [self.keys[role]])

    def add(self, role, path, data, **facts):
        content = self.documents[role]
        content["targets"][path] = {"length": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}, **facts}
        self.write(role, content)
        folder, _, name = path.rpartition("/")
        where = self.folder / "targets" / folder
        where.mkdir(parents=True, exist_ok=True)
        (where / f"{hashlib.sha256(data).hexdigest()}.{name}").write_bytes(data)

    def publish(self, meta=None, hashes=True):
        if meta is None:
            meta = {f"{role}.json": self.facts(role, hashes) for role in self.documents if role not in ("snapshot", "timestamp")}
        self.write("snapshot", {"_type": "snapshot", "meta": meta})
        self.stamp()

    def stamp(self):
        self.write("timestamp", {"_type": "timestamp", "meta": {"snapshot.json": self.facts("snapshot", True)}})
        shutil.copyfile(self.metadata / f"{self.documents['timestamp']['version']}.timestamp.json", self.metadata / "timestamp.json")

    def facts(self, role, hashes):
        version = self.documents[role]["version"]
        raw = (self.metadata / f"{version}.{role}.json").read_bytes()
        facts = {"version": version}
        if hashes:
            facts.update(length=len(raw), hashes={"sha256": hashlib.sha256(raw).hexdigest()})
        return facts


class TufClient(story.Case):
    def setUp(self):
        super().setUp()
        self.repository = Repository(self.scratch / "repository")
        self.server = httpd.Server(self.repository.folder)
        self.addCleanup(self.server.__exit__)
        self.home = self.scratch / "metadata"
        self.out = self.scratch / "out"
        story.must("tuf", "--metadata-dir", self.home, "init", self.repository.metadata / "1.root.json")

    def command(self, *names):
        common = ["--metadata-dir", self.home, "--metadata-url", f"{self.server.url}metadata/"]
        if not names:
            return ["tuf", *common, "refresh"]
        return ["tuf", *common, "--target-base-url", f"{self.server.url}targets/", "--target-dir", self.out, *story.flag("--target-name", names),
                "download"]

    def run_client(self, *names, **kwargs):
        return story.hallmark(*self.command(*names), **kwargs)

    def good(self, *names):
        self.assertStatus(self.run_client(*names), 0)

    def refused(self, *words, names=()):
        self.assertRefused(self.run_client(*names), 1, *words)

    def stored(self, role):
        return json.loads((self.home / f"{role}.json").read_bytes())["signed"]["version"]

    def images(self):
        return [p for p in self.out.rglob("*") if p.is_file()] if self.out.exists() else []

    # ---- controls ----

    def test_control__the_plain_repository_is_read(self):
        self.good("nic/rom.bin")
        self.assertEqual([p.read_bytes() for p in self.images()], [IMAGE])

    def test_control__the_next_version_is_read(self):
        self.good()
        self.repository.add("nic", "nic/2.bin", b"two")
        self.repository.publish()
        self.good("nic/2.bin")

    # ---- files ----

    def test_target__longer_than_its_length_is_refused(self):
        self.server.rules = {".rom.bin": httpd.body(IMAGE + b"x")}
        self.refused("rom.bin", names=["nic/rom.bin"])
        self.assertEqual(self.images(), [])

    def test_target__shorter_than_its_length_is_refused(self):
        self.server.rules = {".rom.bin": httpd.body(IMAGE[:-1])}
        self.refused("nic/rom.bin", "not as long", names=["nic/rom.bin"])
        self.assertEqual(self.images(), [])

    def test_target__that_never_ends_is_refused(self):
        self.server.rules = {".rom.bin": httpd.endless}
        self.refused("rom.bin", names=["nic/rom.bin"])
        self.assertEqual(self.images(), [])

    def test_target__an_absolute_name_stays_in_the_folder(self):
        self.repository.documents["nic"]["targets"]["/escaped"] = self.repository.documents["nic"]["targets"]["nic/rom.bin"]
        self.repository.write("nic", self.repository.documents["nic"])
        delegations = self.repository.documents["targets"]["delegations"]
        delegations["roles"][0]["paths"] = ["nic/*", "/*"]
        self.repository.write("targets", self.repository.documents["targets"])
        self.repository.publish()
        self.server.rules = {".escaped": httpd.body(IMAGE)}
        self.run_client("/escaped")
        self.assertFalse(Path("/escaped").exists())
        self.assertTrue(all(p.parent == self.out for p in self.images()))

    def test_target__a_link_in_the_target_folder_is_replaced_not_followed(self):
        victim = self.scratch / "victim"
        victim.write_bytes(b"precious")
        self.out.mkdir()
        (self.out / "nic%2From.bin").symlink_to(victim)
        self.good("nic/rom.bin")
        self.assertEqual(victim.read_bytes(), b"precious")
        self.assertEqual((self.out / "nic%2From.bin").read_bytes(), IMAGE)

    # ---- the metadata folder ----

    def test_cache__a_link_in_the_metadata_folder_is_replaced_not_followed(self):
        victim = self.scratch / "victim"
        victim.write_bytes(b"precious")
        for name in ("timestamp.json", "snapshot.json", "targets.json"):
            (self.home / name).symlink_to(victim)
        self.good()
        self.assertEqual(victim.read_bytes(), b"precious")
        self.assertEqual(self.stored("timestamp"), 1)

    def test_cache__many_clients_share_it(self):
        environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        command = [story.HALLMARK, *map(str, self.command("nic/rom.bin"))]
        running = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(8)]
        for process in running:
            error = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 0, error)
        self.assertEqual([p.read_bytes() for p in self.images()], [IMAGE])

    def test_cache__a_refused_root_is_not_believed_after_a_restart(self):
        """CVE-2020-15163."""
        self.good()
        mallory = tree.Key()
        self.repository.sign("2.root.json", {**self.repository.root(), "version": 2}, [mallory])
        for _ in range(2):
            self.refused("root", "signatures")
            self.assertEqual(self.stored("root"), 1)
        (self.repository.metadata / "2.root.json").unlink()
        self.good()

    def test_cache__a_snapshot_that_takes_back_does_not_block_the_next(self):
        """CVE-2025-2888."""
        self.good()
        meta = self.repository.documents["snapshot"]["meta"]
        self.repository.publish(meta={"targets.json": meta["targets.json"]})
        for _ in range(2):
            self.refused("snapshot", "nic")
            self.assertEqual(self.stored("snapshot"), 1)
        self.repository.publish(meta=meta)
        self.good("nic/rom.bin")

    # ---- roots ----

    def rotate(self, keys, roles_root, signers, ids=None):
        signed = self.repository.root()
        signed = {**signed, "version": 2, "keys": {**signed["keys"], **keys}, "roles": {**signed["roles"], "root": roles_root}}
        self.repository.sign("2.root.json", signed, signers, ids)

    def test_root__control_both_thresholds_are_met(self):
        new = tree.Key()
        self.rotate({new.keyid: new.tuf}, {"keyids": [new.keyid], "threshold": 1}, [self.repository.keys["root"], new])
        self.good()
        self.assertEqual(self.stored("root"), 2)

    def test_root__one_new_key_under_two_ids_counts_once(self):
        """GMS-2022-4197, GHSA-3633-5h82-39pq."""
        new = tree.Key()
        other = {**new.tuf, "x-other": "spelling"}
        self.rotate({new.keyid: new.tuf, "other": other}, {"keyids": [new.keyid, "other"], "threshold": 2},
                    [self.repository.keys["root"], new, new], [self.repository.id("root"), new.keyid, "other"])
        self.refused("root", "1 of the 2")
        self.assertEqual(self.stored("root"), 1)

    def test_root__signed_by_the_old_keys_alone_is_refused(self):
        new = tree.Key()
        self.rotate({new.keyid: new.tuf}, {"keyids": [new.keyid], "threshold": 1}, [self.repository.keys["root"]])
        self.refused("root", "0 of the 1")

    def test_root__that_skips_a_version_is_refused(self):
        """CVE-2025-2885."""
        signed = self.repository.root()
        for version in (1, 3):
            self.repository.sign("2.root.json", {**signed, "version": version}, [self.repository.keys["root"]])
            self.refused("root", "version")
            self.assertEqual(self.stored("root"), 1)

    def test_root__forbidden_is_not_taken_for_missing(self):
        for code in (403, 500):
            self.server.rules = {"2.root.json": httpd.status(code)}
            self.refused("2.root.json")
            self.assertFalse((self.home / "timestamp.json").exists())

    def test_root__any_key_id_will_do(self):
        """TAP 12: a key id is a name."""
        signed = self.repository.root()
        signed = {**signed, "version": 2, "keys": {role: self.repository.keys[role].tuf for role in signed["roles"]},
                  "roles": {role: {"keyids": [role], "threshold": 1} for role in signed["roles"]}}
        key = self.repository.keys["root"]
        self.repository.sign("2.root.json", signed, [key, key], [key.keyid, "root"])
        for role in ("timestamp", "snapshot", "targets"):
            document = self.repository.documents[role]
            self.repository.write(role, document)
        snapshot = {"_type": "snapshot", "meta": {f"{r}.json": self.repository.facts(r, False) for r in ("targets", "nic")}}
        for role, content in (("targets", self.repository.documents["targets"]), ("snapshot", snapshot)):
            self.repository.write(role, content)
            version = self.repository.documents[role]["version"]
            snapshot["meta"]["targets.json"] = {"version": self.repository.documents["targets"]["version"]}
            self.repository.sign(f"{version}.{role}.json", self.repository.documents[role], [self.repository.keys[role]], [role])
        timestamp = {"_type": "timestamp", "meta": {"snapshot.json": {"version": self.repository.documents["snapshot"]["version"]}}}
        self.repository.write("timestamp", timestamp)
        self.repository.sign("timestamp.json", self.repository.documents["timestamp"], [self.repository.keys["timestamp"]], ["timestamp"])
        self.good("nic/rom.bin")
        self.assertEqual(self.stored("root"), 2)

    # ---- thresholds and signatures ----

    def test_threshold__nothing_but_an_integer_from_1(self):
        """CVE-2026-23992, in root and in delegations."""
        signed = self.repository.root()
        for threshold in ("0", "-1", "1.0", '"1"', "null", "9223372036854775808"):
            text = json.dumps({"signatures": [], "signed": {**signed, "version": 2}}).replace('"threshold": 1', f'"threshold": {threshold}')
            self.repository.raw("2.root.json", text.encode())
            self.refused("root")
            self.assertEqual(self.stored("root"), 1)
        (self.repository.metadata / "2.root.json").unlink()
        for threshold in (0, -1):
            self.repository.documents["targets"]["delegations"]["roles"][0]["threshold"] = threshold
            self.repository.write("targets", self.repository.documents["targets"])
            self.repository.publish()
            self.refused("targets", "threshold", names=["nic/rom.bin"])

    def test_signatures__the_same_twice_refuses_a_delegated_role(self):
        """CVE-2020-6174, CVE-2020-15093, CVE-2026-6966."""
        key = self.repository.keys["nic"]
        other = tree.Key()
        self.repository.documents["targets"]["delegations"]["keys"][other.keyid] = other.tuf
        self.repository.documents["targets"]["delegations"]["roles"][0].update(keyids=[key.keyid, other.keyid], threshold=2)
        self.repository.write("targets", self.repository.documents["targets"])
        self.repository.write("nic", self.repository.documents["nic"], keys=[key, key])
        self.repository.publish()
        self.refused("nic", "twice", names=["nic/rom.bin"])
        self.repository.write("nic", self.repository.documents["nic"], keys=[key, other])
        self.repository.publish()
        self.good("nic/rom.bin")

    def test_signatures__a_hundred_thousand_cost_little(self):
        """CVE-2020-6173. A signed snapshot names the file, so that its size alone is no reason to refuse it."""
        document = self.repository.documents["nic"]
        signatures = [{"keyid": f"{i:064x}", "sig": "00" * 64} for i in range(100000)]
        self.repository.raw(f"{document['version']}.nic.json", {"signatures": signatures, "signed": document})
        self.repository.publish()
        self.assertRefused(self.run_client("nic/rom.bin", timeout=10), 1, "nic", "more than 1024 signatures")

    def test_signatures__of_strangers_do_not_count(self):
        document = self.repository.documents["nic"]
        strangers = [tree.Key() for _ in range(100)]
        self.repository.sign(f"{document['version']}.nic.json", document, strangers)
        self.repository.publish()
        self.refused("nic", "0 of the 1", names=["nic/rom.bin"])
        self.repository.sign(f"{document['version']}.nic.json", document, [*strangers, self.repository.keys["nic"]])
        self.repository.publish()
        self.good("nic/rom.bin")

    # ---- names ----

    def test_role_name__cannot_leave_the_metadata_folder(self):
        """CVE-2021-41131, CVE-2021-41150."""
        for name in ("../escaped", "/escaped", "a/../../escaped", "root"):
            with self.subTest(name):
                repository = Repository(self.scratch / f"named-{hashlib.sha256(name.encode()).hexdigest()[:8]}")
                repository.documents["targets"]["delegations"]["roles"][0]["name"] = name
                repository.keys[name] = repository.keys["nic"]
                raw = (repository.metadata / "2.nic.json").read_bytes()
                self.server.folder = repository.folder
                self.server.rules = {f".{name}.json": httpd.body(raw)}
                repository.write("targets", repository.documents["targets"])
                meta = {"targets.json": repository.facts("targets", True), f"{name}.json": {"version": 2}}
                repository.publish(meta=meta)
                shutil.rmtree(self.home)
                story.must("tuf", "--metadata-dir", self.home, "init", repository.metadata / "1.root.json")
                result = self.run_client("nic/rom.bin")
                self.assertStatus(result, 1 if name == "root" else 0)
                self.assertFalse([p for p in self.scratch.rglob("*escaped*") if p.parent != self.home])
                self.assertEqual(json.loads((self.home / "root.json").read_bytes())["signed"]["_type"], "root")

    def test_role__that_the_snapshot_does_not_name_is_not_asked_for(self):
        """GHSA-77hh-43cm-v8j6."""
        meta = self.repository.documents["snapshot"]["meta"]
        repository = self.repository
        shutil.rmtree(self.home)
        story.must("tuf", "--metadata-dir", self.home, "init", repository.metadata / "1.root.json")
        repository.publish(meta={"targets.json": meta["targets.json"]})
        self.server.requests.clear()
        self.refused("nic", names=["nic/rom.bin"])
        self.assertFalse([r for r in self.server.requests if "nic" in r])

    # ---- delegated roles ----

    def test_delegated__expired_is_refused(self):
        """CVE-2026-6967."""
        self.repository.write("nic", {**self.repository.documents["nic"], "expires": "2001-01-01T00:00:00Z"})
        self.repository.publish()
        self.refused("nic", "expired", names=["nic/rom.bin"])

    def test_delegated__rolled_back_is_refused(self):
        """CVE-2025-2887: with and without hashes in the snapshot."""
        for hashes in (True, False):
            self.good("nic/rom.bin")
            self.repository.write("nic", self.repository.documents["nic"])
            self.repository.publish(hashes=hashes)
            self.good("nic/rom.bin")
            version = self.repository.documents["nic"]["version"]
            meta = {**self.repository.documents["snapshot"]["meta"], "nic.json": {"version": version - 1}}
            self.repository.publish(meta=meta)
            self.refused("snapshot", "nic", names=["nic/rom.bin"])
            self.repository.publish(hashes=hashes)

    def test_delegated__other_bytes_than_the_snapshot_names_are_refused(self):
        path = self.repository.metadata / "2.nic.json"
        path.write_bytes(path.read_bytes() + b"\n")
        self.refused("nic", names=["nic/rom.bin"])

    # ---- shapes ----

    def test_json__that_is_not_tuf_is_refused_in_words(self):
        """CVE-2026-23991."""
        for text in (b"null", b"[]", b"{}", b'{"signed":null,"signatures":null}', b'{"signed":{},"signatures":[null]}', b'{"signatures":[]}',
                     b'{"signed":[],"signatures":[]}', b"[" * 100000, b'{"a":1,"a":1}', b"\xff\xfe", b"", b"1e5"):
            for name in ("timestamp.json", "2.root.json"):
                shutil.copyfile(self.repository.metadata / f"{self.repository.documents['timestamp']['version']}.timestamp.json",
                                self.repository.metadata / "timestamp.json")
                (self.repository.metadata / "2.root.json").unlink(missing_ok=True)
                self.repository.raw(name, text)
                result = self.run_client()
                self.assertRefused(result, 1, "root" if "root" in name else "timestamp")
        (self.repository.metadata / "2.root.json").unlink()


if __name__ == "__main__":
    unittest.main(verbosity=2)
