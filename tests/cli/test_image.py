# SPDX-License-Identifier: Apache-2.0
"""hallmark image: what files are made of, how they differ, and parts of them; whatever the files are."""
import hashlib
import json
import os
import shutil
import struct
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fuzz"))
import story  # noqa: E402
from story import CANNOT_TELL, GOOD, NO, USAGE, hallmark, must  # noqa: E402

seeds = __import__("make-image-seeds")
logs = __import__("make-event-log-seeds")

BOMBS = story.SOURCE / "tests/data/image"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def authenticode(pe):
    """Of a PE without certificates, by the specification's words: all but checksum and the certificates' entry."""
    optional = struct.unpack_from("<I", pe, 0x3c)[0] + 24
    entry = optional + (0x60 if struct.unpack_from("<H", pe, optional)[0] == 0x10b else 0x70) + 32
    return sha256(pe[:optional + 64] + pe[optional + 68:entry] + pe[entry + 8:])


def packed(*modules):
    """A volume whose one file holds another volume of these, compressed."""
    stream = seeds.sections(seeds.section(0x17, seeds.volume(list(modules))))
    return seeds.volume([seeds.ffs(seeds.guided(seeds.LZMA, seeds.lzma_alone(stream)), 11)])


def driver(name, text=b"code", number=1, version="1.0", certificate=b""):
    guid = f"0A1B2C3D-4E5F-4071-8293-{number:012X}"
    body = seeds.sections(seeds.section(0x10, seeds.pe(text, certificate=certificate)), seeds.name_section(name), seeds.version_section(version))
    return seeds.ffs(body, 7, guid)


class ImageCase(unittest.TestCase):
    def setUp(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory())) if hasattr(self, "enterContext") else Path(tempfile.mkdtemp())
        if not hasattr(self, "enterContext"):
            self.addCleanup(shutil.rmtree, self.root)

    def file(self, name, data):
        path = self.root / name
        path.write_bytes(data)
        return path

    def show(self, data, status=GOOD):
        run = hallmark("image", "show", "--json", self.file("file", data))
        self.assertEqual(run.status, status, run.err)
        document = run.json()
        self.assertEqual(document["schema"], "hallmark/image-show/1")
        return document["files"][0]

    def diff(self, old, new, status=NO):
        run = hallmark("image", "diff", "--json", self.file("old", old), self.file("new", new))
        self.assertEqual(run.status, status, run.err)
        return run.json()


def facts(node):
    return {name: value for fact in node["facts"] for name, value in fact.items()}


class Show(ImageCase):
    def test_a_rom_and_what_measured_boot_will_say_of_it(self):
        rom = seeds.rom_image(0, b"code" * 40, last=False) + seeds.rom_image(3, seeds.pe(b"driver"))
        file = self.show(rom)
        images = [node for node in file["nodes"] if node["kind"] == "rom-image"]
        self.assertEqual([facts(node)["type"] for node in images], ["legacy x86", "EFI"])
        self.assertEqual(facts(images[0])["vendor-id"], 0x1af4)
        pe = next(node for node in file["nodes"] if node["kind"] == "pe")
        self.assertEqual(pe["sha256"], sha256(rom[pe["offset"]:]))
        self.assertEqual(images[1]["pcr2_event_sha256"], authenticode(rom[pe["offset"]:]))
        self.assertNotIn("pcr2_event_sha256", images[0])

    def test_a_compressed_rom_is_measured_as_its_contents(self):
        pe = seeds.pe(b"driver")
        file = self.show(seeds.rom_image(3, seeds.efi_compress(pe), compressed=True))
        image = next(node for node in file["nodes"] if node["kind"] == "rom-image")
        self.assertEqual(image["pcr2_event_sha256"], authenticode(pe))

    def test_parts_say_where_they_are_and_what_they_hold(self):
        data = packed(driver("Alpha"), driver("Beta", number=2))
        file = self.show(data)
        self.assertEqual((file["size"], file["sha256"], file["partial"], file["findings"]), (len(data), sha256(data), False, 0))
        self.assertEqual([facts(n)["name"] for n in file["nodes"] if n["kind"] == "volume-file" and "name" in facts(n)], ["Alpha", "Beta"])
        known = {node["node"] for node in file["nodes"]}
        for node in file["nodes"][1:]:
            self.assertIn(node["parent"], known)
            if node["space"] == 0 and "sha256" in node:
                self.assertEqual(node["sha256"], sha256(data[node["offset"]:node["offset"] + node["size"]]))

    def test_text_has_a_line_a_part_and_its_digests(self):
        path = self.file("file", packed(driver("Alpha")))
        run = must("image", "show", path)
        self.assertRegex(run.out, r"(?m)^ +\d+ +[0-9a-f]{8} +[0-9.]+ (B|KiB) +DXE driver Alpha 0A1B2C3D-4E5F-4071-8293-000000000001 .*version 1.0")
        self.assertNotIn("authenticode", run.out)
        self.assertIn("authenticode-sha256 ", must("image", "show", "--digests", path).out)

    def test_damage_is_told_and_is_exit_1(self):
        data = bytearray(seeds.volume([driver("Alpha")]))
        data[0x120] ^= 1
        path = self.file("file", bytes(data))
        run = hallmark("image", "show", path)
        self.assertEqual(run.status, NO)
        self.assertIn("! bad-checksum: ", run.out)

    def test_bombs_are_partial_and_exit_3(self):
        for bomb in sorted(BOMBS.iterdir()):
            with self.subTest(bomb=bomb.name):
                run = hallmark("image", "show", "--json", bomb)
                self.assertEqual(run.status, CANNOT_TELL)
                self.assertTrue(run.json()["files"][0]["partial"])

    def test_several_files_and_the_worst_status(self):
        good, bomb = self.file("good", seeds.pe()), BOMBS / "bomb-lzma"
        run = hallmark("image", "show", "--json", good, bomb)
        self.assertEqual((run.status, len(run.json()["files"])), (CANNOT_TELL, 2))
        run = hallmark("image", "show", good, self.root / "none")
        self.assertEqual(run.status, CANNOT_TELL)
        self.assertIn("none", run.err)
        self.assertEqual(hallmark("image", "show").status, USAGE)
        self.assertEqual(hallmark("image", "show", "--nonsense", good).status, USAGE)

    def test_names_of_the_image_do_not_reach_the_terminal(self):
        path = self.file("file", packed(driver("Al\x1b[31mpha\u202e")))
        run = must("image", "show", path)
        self.assertNotIn("\x1b", run.out)
        self.assertIn("Al\\x1B[31mpha".lower(), run.out.lower())

    def test_any_file_is_data(self):
        file = self.show(b"not firmware at all")
        self.assertEqual([node["kind"] for node in file["nodes"]], ["file"])
        self.show(b"")


class Contained(ImageCase):
    """The reader of files as it may be once a file has taken it over: a program that does something else."""

    def run_with_reader(self, script, *args):
        folder = self.root / "bin"
        folder.mkdir(exist_ok=True)
        shutil.copy(story.HALLMARK, folder / "hallmark")
        reader = folder / "hallmark-inspect"
        reader.write_text("#!/bin/sh\n" + script)
        reader.chmod(0o755)
        kept, story.HALLMARK = story.HALLMARK, str(folder / "hallmark")
        try:
            return hallmark("image", "show", "--json", *args)
        finally:
            story.HALLMARK = kept

    def test_a_reader_that_dies_leaves_the_file_and_a_finding(self):
        path = self.file("file", packed(driver("Alpha")))
        for script in ("kill -SEGV $$", "kill -KILL $$", "exit 0", "echo HMREPORT; exit 0", "exit 99", "cat"):
            with self.subTest(script=script):
                run = self.run_with_reader(script, path)
                self.assertEqual(run.status, CANNOT_TELL, run.err)
                file = run.json()["files"][0]
                self.assertTrue(file["partial"])
                self.assertEqual(file["sha256"], sha256(path.read_bytes()))
                self.assertEqual([list(f) for f in file["nodes"][0]["findings"]], [["not-read"]])

    def test_control_the_real_reader_beside_the_command(self):
        path = self.file("file", packed(driver("Alpha")))
        real = Path(story.HALLMARK).parent / "hallmark-inspect"
        run = self.run_with_reader(f"exec '{real}' \"$@\"", path)
        self.assertEqual(run.status, GOOD, run.err)

    def test_without_a_reader_there_is_an_error(self):
        path = self.file("file", b"x")
        run = self.run_with_reader("exit 11", path)  # it cannot confine itself
        self.assertEqual((run.status, run.json()["files"]), (4, []))
        self.assertIn("nothing was read", run.err)


class Diff(ImageCase):
    def changes(self, document):
        return [(item["change"], item["module"].split()[2]) for item in document["changes"]]

    def test_one_patched_driver_in_a_compressed_volume_is_one_change(self):
        drivers = [driver(f"Driver{i}", bytes([i]) * 999, i) for i in range(1, 30)]
        patched = list(drivers)
        patched[11] = driver("Driver12", b"\x0c" * 998 + b"!", 12)
        document = self.diff(packed(*drivers), packed(*patched))
        self.assertEqual(self.changes(document), [("changed", "Driver12")])
        self.assertEqual((document["same"], document["partial"], document["equal"]), (28, False, False))

    def test_added_removed_and_versions(self):
        old = packed(driver("Alpha", number=1), driver("Beta", number=2, version="1.0"))
        new = packed(driver("Beta", number=2, version="2.0"), driver("Gamma", number=3))
        document = self.diff(old, new)
        self.assertEqual(self.changes(document), [("changed", "Beta"), ("added", "Gamma"), ("removed", "Alpha")])
        self.assertEqual((document["changes"][0]["old"]["version"], document["changes"][0]["new"]["version"]), ("1.0", "2.0"))
        text = hallmark("image", "diff", self.root / "old", self.root / "new").out
        self.assertIn("modules: 1 changed, 1 added, 1 removed, 0 moved, 0 the same\n", text)
        self.assertIn("version 2.0, was 1.0", text)

    def test_a_lost_signature_is_said_aloud(self):
        old = packed(driver("Alpha", certificate=b"certificate!" * 4))
        self.diff(old, packed(driver("Alpha")))
        self.assertIn("NO LONGER SIGNED", hallmark("image", "diff", self.root / "old", self.root / "new").out)
        self.assertIn("signed now", hallmark("image", "diff", self.root / "new", self.root / "old").out)

    def test_moved_in_the_file_and_the_same_when_recompressed(self):
        rom = seeds.rom_image(0, b"code" * 40)
        document = self.diff(b"\xff" * 512 + rom, b"\xff" * 1024 + rom)
        self.assertEqual([item["change"] for item in document["changes"]], ["moved"])
        stream = seeds.sections(seeds.section(0x17, seeds.volume([driver("Alpha")])))
        other = seeds.volume([seeds.ffs(seeds.guided(seeds.LZMA_X86, seeds.lzma_x86(stream)), 11)])
        document = self.diff(packed(driver("Alpha")), other)
        self.assertEqual((document["changes"], document["same"]), ([], 1))

    def test_the_same_bytes(self):
        data = packed(driver("Alpha"))
        document = self.diff(data, data, GOOD)
        self.assertTrue(document["equal"])
        self.assertIn("the same bytes", hallmark("image", "diff", self.root / "old", self.root / "new").out)

    def test_what_is_wrong_with_the_new_one_is_told(self):
        data = bytearray(seeds.volume([driver("Alpha")]))
        old = bytes(data)
        data[0x120] ^= 1
        document = self.diff(old, bytes(data))
        self.assertEqual(document["findings"], 1)
        self.assertIn("bad-checksum: DXE driver Alpha", hallmark("image", "diff", self.root / "old", self.root / "new").out)

    def test_partial_is_said(self):
        self.diff(packed(driver("Alpha")), (BOMBS / "bomb-lzma").read_bytes())
        self.assertIn("PARTIAL: the new image", hallmark("image", "diff", self.root / "old", self.root / "new").out)

    def test_wrong_use_and_missing_files(self):
        self.assertEqual(hallmark("image", "diff", "one").status, USAGE)
        self.assertEqual(hallmark("image", "diff", self.root / "no", self.root / "none").status, CANNOT_TELL)


class Extract(ImageCase):
    def test_parts_are_what_show_says(self):
        data = packed(driver("Alpha"), driver("Beta", number=2))
        path, folder = self.file("file", data), self.root / "out"
        run = must("image", "extract", "--json", path, folder)
        shown = {node["node"]: node for node in self.show(data)["nodes"]}
        parts = run.json()["parts"]
        self.assertEqual({part["name"] for part in parts}, set(os.listdir(folder)))
        for part in parts:
            written = (folder / part["name"]).read_bytes()
            node = shown[int(part["name"].split(".")[0])]
            self.assertEqual((part["size"], part["sha256"], node["sha256"]), (len(written), sha256(written), sha256(written)))
        self.assertIn(seeds.pe(b"code"), [(folder / part["name"]).read_bytes() for part in parts])

    def test_chosen_parts_and_numbers_that_are_none(self):
        path, folder = self.file("file", packed(driver("Alpha"))), self.root / "out"
        run = must("image", "extract", path, folder, 0)
        self.assertEqual((folder / "00000.file").read_bytes(), path.read_bytes())
        self.assertEqual(run.out, f"{sha256(path.read_bytes())}  00000.file\n")
        self.assertEqual(hallmark("image", "extract", path, folder, "x").status, USAGE)
        self.assertEqual(hallmark("image", "extract", path, folder, 99999).status, CANNOT_TELL)
        self.assertEqual(hallmark("image", "extract", path).status, USAGE)

    def test_nothing_is_written_outside_whatever_the_names(self):
        names = ["../../up", "/etc/passwd", "..", ".", "a/b", "x\0y", "con:", "\n", "-rf", "\u202e", "n" * 3000]
        path, folder = self.file("file", packed(*[driver(name, number=i) for i, name in enumerate(names)])), self.root / "in/out"
        must("image", "extract", path, folder)
        self.assertEqual(sorted(os.listdir(self.root)), ["file", "in"])
        self.assertEqual(os.listdir(self.root / "in"), ["out"])
        for name in os.listdir(folder):
            self.assertRegex(name, r"^[0-9]{5}\.[a-z-]+(\.[A-Za-z0-9_-]*)?$")
            self.assertLess(len(name), 100)
            self.assertTrue((folder / name).is_file() and not (folder / name).is_symlink())

    def test_nothing_is_written_over(self):
        path, folder = self.file("file", packed(driver("Alpha"))), self.root / "out"
        folder.mkdir()
        (folder / "00000.file").write_text("mine")
        run = hallmark("image", "extract", path, folder, 0)
        self.assertEqual(run.status, NO)
        self.assertIn("nothing is written over it", run.err)
        self.assertEqual((folder / "00000.file").read_text(), "mine")

    def test_no_link_is_followed(self):
        path, folder = self.file("file", packed(driver("Alpha"))), self.root / "out"
        folder.mkdir()
        for target in (self.root / "victim", self.root / "nowhere"):
            (self.root / "victim").write_text("mine")
            (folder / "00000.file").unlink(missing_ok=True)
            (folder / "00000.file").symlink_to(target)
            self.assertEqual(hallmark("image", "extract", path, folder, 0).status, NO)
            self.assertEqual((self.root / "victim").read_text(), "mine")
            self.assertFalse((self.root / "nowhere").exists())

    def test_a_bomb_leaves_what_there_is_and_exit_3(self):
        run = hallmark("image", "extract", BOMBS / "bomb-lzma", self.root / "out")
        self.assertEqual(run.status, CANNOT_TELL)
        self.assertLess(sum(f.stat().st_size for f in (self.root / "out").iterdir()), 1 << 20)


class Measurements(story.Case):
    """What measured boot will say of a release is signed with it."""

    def setUp(self):
        super().setUp()
        self.cast = story.Cast(self.scratch)
        self.cast.init_site()

    def image(self, data, name="nic.rom"):
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def custom(self, role):
        newest = max((self.cast.public / "metadata").glob(f"*.{role}.json"), key=lambda p: int(p.name.split(".")[0]))
        return [target["custom"] for target in json.loads(newest.read_text())["signed"]["targets"].values()]

    def expected(self, pe):
        return {"device": "1000", "event": "EV_EFI_BOOT_SERVICES_DRIVER", "file": "nic.rom", "machine": "x86-64", "pcr": 2,
                "sha256": authenticode(pe), "vendor": "1af4"}

    def test_a_makers_release_says_what_will_be_measured(self):
        self.cast.init_maker("acme", "Acme Networks")
        self.cast.enroll("acme")
        pe = seeds.pe(b"driver" * 100)
        rom = seeds.rom_image(0, b"code", last=False) + seeds.rom_image(3, seeds.efi_compress(pe), compressed=True)
        self.cast.release("acme", "nic", "1.0", [self.image(rom), self.image(b"text", "notes.txt")], "--title", "Acme NIC")
        for role in ("maker~acme", "release~acme"):
            for custom in self.custom(role):
                self.assertEqual((custom["measurements"], custom["title"]), ([self.expected(pe)], "Acme NIC"))

    def test_the_makers_own_word_stays(self):
        self.cast.init_maker("acme", "Acme Networks")
        self.cast.enroll("acme")
        own = self.scratch / "custom.json"
        own.write_text('{"measurements": [{"pcr": 0, "sha256": "00"}]}')
        self.cast.release("acme", "nic", "1.0", [self.image(seeds.rom_image(3, seeds.pe()))], "--custom", own)
        self.assertEqual(self.custom("release~acme")[0]["measurements"], [{"pcr": 0, "sha256": "00"}])

    def test_a_file_that_cannot_be_read_is_released_without(self):
        self.cast.init_maker("acme", "Acme Networks")
        out = self.scratch / "out.submission"
        run = must("maker", "release", "--dir", self.cast.root / "maker-acme", "--for", "globex", "nic", "1.0", BOMBS / "bomb-lzma",
                   *story.flag("--key", [self.cast.key(f"acme{i}") for i in (1, 2)]), "-o", out)
        self.assertIn("no measurements are computed: ", run.err)
        self.assertTrue(out.exists())

    def test_what_the_vendor_attests_is_measured_at_intake(self):
        request = self.cast.request()
        must("site", "enroll", "--dir", self.cast.site, "initech", "--attested", "--name", "Initech", "-o", request)
        self.cast.attach(request, "targets1", "targets2", "release1", "release2")
        must("site", "publish", "--dir", self.cast.site)
        pe = seeds.pe(b"driver" * 100)
        must("site", "intake", "--dir", self.cast.site, "--attested", "initech/nic/1.0", self.image(seeds.rom_image(3, pe)), "--origin", "by mail")
        request = self.cast.request()
        must("site", "approve", "--dir", self.cast.site, "--all", "-o", request)
        self.cast.attach(request, "release1", "release3")
        must("site", "publish", "--dir", self.cast.site)
        custom = self.custom("release~initech")[0]
        self.assertEqual((len(custom["measurements"]), custom["measurements"][0]["vendor"]), (1, "1af4"))
        self.assertEqual(custom["vendor"]["origin"], "by mail")


class EventLog(story.Case):
    """Which releases' option ROMs a machine has run, by its event log."""

    def setUp(self):
        super().setUp()
        self.cast = story.Cast(self.scratch)
        self.cast.init_site()
        self.cast.init_maker("acme", "Acme Networks")
        self.cast.enroll("acme")
        self.pe = seeds.pe(b"driver" * 100)
        rom = self.scratch / "nic.rom"
        rom.write_bytes(seeds.rom_image(0, b"code", last=False) + seeds.rom_image(3, self.pe))
        self.cast.release("acme", "nic", "1.0", [rom])
        self.measured = bytes.fromhex(must("image", "show", "--json", rom).json()["files"][0]["nodes"][3]["pcr2_event_sha256"])
        self.cast.trust()
        must("list", home=self.cast.home)

    def verify(self, drivers, *options, status=GOOD, faketime=None):
        path = self.scratch / "log"
        path.write_bytes(logs.boot(drivers))
        run = hallmark("verify", "--event-log", path, *options, home=self.cast.home, faketime=faketime)
        self.assertStatus(run, status)
        return run

    def test_a_released_rom_is_named_and_another_is_unknown(self):
        run = self.verify([self.measured])
        self.assertIn("good: acme/nic/1.0/nic.rom at globex", run.out)
        expected = logs.replay([self.measured, hashlib.sha256(b"\0\0\0\0").digest()]).hex()
        self.assertIn(f"PCR 2 replays to {expected}", run.out)
        tampered = hashlib.sha256(b"implant").digest()
        run = self.verify([self.measured, tampered], status=NO)
        self.assertIn("good: acme/nic/1.0/nic.rom", run.out)
        self.assertIn(f"unknown: no release says {tampered.hex()}", run.out)

    def test_json(self):
        document = self.verify([self.measured, b"\1" * 32], "--json", status=NO).json()
        self.assertEqual(document["schema"], "hallmark/verify-event-log/1")
        self.assertEqual([rom["verdict"] for rom in document["option_roms"]], ["good", "unknown"])
        self.assertEqual(document["option_roms"][0]["matches"][0]["path"], "acme/nic/1.0/nic.rom")
        self.assertEqual({pcr["pcr"] for pcr in document["pcrs"]}, set(range(8)))

    def test_no_option_rom(self):
        self.assertIn("no option ROM was measured", self.verify([]).out)

    def test_a_quote_must_be_good_before_anything_is_said(self):
        folder = story.SOURCE / "tests/data/quote"
        nonce = "00112233445566778899aabbccddeeff" * 2

        def quoted(name="ecdsa", *options, key=None, log=folder / "log", nonce=nonce, status=NO):
            run = hallmark("verify", "--event-log", log, "--quote", folder / f"{name}.quote", "--signature", folder / f"{name}.sig",
                           "--key", folder / f"{key or name}.pem", "--nonce", nonce, *options, home=self.cast.home)
            self.assertStatus(run, status)
            return run

        for name in ("ecdsa", "rsassa", "rsapss"):
            # Its option ROMs are of no release here: exit 1, behind a good quote.
            self.assertIn("quote: good: PCR 0, 1, 2, 7 are what the log replays to", quoted(name).out)
        document = quoted("ecdsa", "--json").json()
        self.assertEqual((document["quote"]["verdict"], document["quote"]["pcrs"]), ("good", [0, 1, 2, 7]))
        tampered = self.scratch / "tampered"
        tampered.write_bytes((folder / "log").read_bytes().replace(hashlib.sha256(b"driver").digest(), self.measured))
        for run, why in ((quoted(log=tampered), "other values than the log"), (quoted(nonce="11" * 32), "another nonce"),
                         (quoted(key="rsassa"), "not signed by that key"), (quoted("without-2", key="ecdsa", status=CANNOT_TELL), "PCR 2"),
                         (quoted("two-banks", key="ecdsa"), "another bank")):
            self.assertIn(why, run.err)
            self.assertEqual(run.out, "")
        self.assertIn("--nonce", quoted(nonce="xyz", status=USAGE).err)
        self.assertStatus(hallmark("verify", "--event-log", folder / "log", "--quote", folder / "ecdsa.quote", home=self.cast.home), USAGE)
        self.assertStatus(hallmark("verify", "--quote", folder / "ecdsa.quote", "--signature", "x", "--key", "x", "--nonce", nonce, home=self.cast.home), USAGE)

    def test_what_is_no_log_and_wrong_use(self):
        path = self.scratch / "log"
        path.write_bytes(b"no log at all")
        self.assertRefused(hallmark("verify", "--event-log", path, home=self.cast.home), NO, "no event log")
        self.assertStatus(hallmark("verify", "--event-log", self.scratch / "none", home=self.cast.home), CANNOT_TELL)
        self.assertStatus(hallmark("verify", "--event-log", path, path, home=self.cast.home), USAGE)

    def test_cannot_tell_what_is_unknown_where_a_site_was_not_asked(self):
        run = self.verify([b"\1" * 32], "--max-age", "1d", status=CANNOT_TELL, faketime="+2d")
        self.assertIn("--max-age", run.err)


class Review(story.Case):
    """What the site's reviewers see of a new image before they sign."""

    def setUp(self):
        super().setUp()
        self.cast = story.Cast(self.scratch)
        self.cast.init_site()
        self.cast.init_maker("acme", "Acme Networks")
        self.cast.enroll("acme")

    def image(self, data, name="bios.bin"):
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def review(self, version, data, name="bios.bin"):
        must("site", "intake", "--dir", self.cast.site, self.cast.submit("acme", "board", version, [self.image(data, name)]))
        return must("site", "review", "--dir", self.cast.site).out

    def test_what_changed_since_the_release_before(self):
        drivers = [driver(f"Driver{i}", bytes([i]) * 999, i) for i in range(1, 9)]
        self.cast.release("acme", "board", "1.0", [self.image(packed(*drivers))])
        self.cast.release("acme", "board", "0.9", [self.image(packed(drivers[0]))])
        drivers[3] = driver("Driver4", b"\x04" * 998 + b"!", 4, "2.0")
        text = self.review("1.1", packed(*drivers))
        self.assertIn("compared with acme/board/1.0/bios.bin:\n    modules: 1 changed, 0 added, 0 removed, 0 moved, 7 the same\n", text)
        self.assertRegex(text, r"changed  DXE driver Driver4 .* version 2\.0, was 1\.0")

    def test_the_first_of_its_kind_and_another_name(self):
        text = self.review("1.0", packed(driver("Alpha")), "board-1.0.bin")
        self.assertIn("no earlier release to compare with: ", text)
        request = self.cast.request()
        must("site", "approve", "--dir", self.cast.site, "--all", "-o", request)
        self.cast.attach(request, "release1", "release3")
        must("site", "publish", "--dir", self.cast.site)
        self.assertIn("compared with acme/board/1.0/board-1.0.bin:", self.review("1.1", packed(driver("Beta", number=2)), "board-1.1.bin"))

    def test_what_is_wrong_or_not_read_is_said_and_stops_nobody(self):
        self.cast.release("acme", "board", "1.0", [self.image(packed(driver("Alpha")))])
        text = self.review("1.1", (BOMBS / "bomb-lzma").read_bytes())
        self.assertIn("PARTIAL: the new image could not be read to its end", text)
        self.assertIn("limit: ", text)

    def test_a_published_image_that_was_swapped_is_not_compared(self):
        self.cast.release("acme", "board", "1.0", [self.image(packed(driver("Alpha")))])
        published = next((self.cast.public / "targets/acme/board/1.0").iterdir())
        published.write_bytes(packed(driver("Beta")))
        text = self.review("1.1", packed(driver("Alpha", version="1.1")))
        self.assertIn("not compared with the release before: public/targets/acme/board/1.0/", text)
        self.assertIn("has other bytes than were signed", text)


class Debian(ImageCase):
    """Real firmware, where its packages are installed (tools/deps demo)."""

    def files(self, *patterns):
        found = [path for pattern in patterns for path in Path("/").glob(pattern) if path.is_file()]
        if not found:
            self.skipTest("not installed: " + " ".join(patterns))
        return found

    def test_option_roms_are_whole(self):
        for path in self.files("usr/lib/ipxe/qemu/*.rom", "usr/share/seabios/vgabios*.bin"):
            with self.subTest(path=path):
                run = hallmark("image", "show", "--json", path)
                self.assertEqual(run.status, GOOD, run.out[:500])
                nodes = run.json()["files"][0]["nodes"]
                self.assertEqual(sum(node["kind"] == "option-rom" for node in nodes), 1)
                efi = [node for node in nodes if node["kind"] == "rom-image" and facts(node)["type"] == "EFI"]
                self.assertEqual(len(efi), 1 if path.name.startswith("efi-") else 0)
                self.assertTrue(all("pcr2_event_sha256" in node for node in efi))

    def test_the_digest_that_a_machine_measured(self):
        """Of a recorded boot: the event in PCR 2 of a machine with this ROM."""
        known = {"f034ae9a3fef092f2d55a7a46cfe2c1cc81469ee1166878e6c6ce70d12ebaa74": "ae3aabdf"}
        for path in self.files("usr/lib/ipxe/qemu/efi-e1000.rom"):
            if sha256(path.read_bytes()) not in known:
                self.skipTest("another version of ipxe-qemu")
            nodes = must("image", "show", "--json", path).json()["files"][0]["nodes"]
            events = [node["pcr2_event_sha256"] for node in nodes if "pcr2_event_sha256" in node]
            self.assertEqual([event[:8] for event in events], list(known.values()))

    def test_volumes_are_whole(self):
        for path in self.files("usr/share/OVMF/OVMF_CODE*.fd"):
            with self.subTest(path=path):
                run = hallmark("image", "show", "--json", path)
                self.assertEqual(run.status, GOOD)
                nodes = run.json()["files"][0]["nodes"]
                self.assertGreater(sum(node["kind"] == "pe" for node in nodes), 80)
                self.assertTrue(any(facts(node).get("name") == "PeiCore" for node in nodes))

    def test_variables_are_what_changes(self):
        for path in self.files("usr/share/OVMF/OVMF_VARS*.fd"):
            nodes = must("image", "show", "--json", path).json()["files"][0]["nodes"]
            self.assertTrue(any(facts(node).get("changes") for node in nodes), path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
