# SPDX-License-Identifier: Apache-2.0
"""hallmark identify: files and dumps by their bytes, from what a site signed and sync placed, and from folders."""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import images  # noqa: E402
import story  # noqa: E402

OLD, NEW, ROM = images.bios(), images.bios(changed=(5,), boot="newer"), images.option_rom()
CAST, SYNCED = None, None
WORLD = Path(tempfile.mkdtemp(prefix="hallmark-test."))


def setUpModule():
    """Releases 1.0 and 1.1 of a BIOS and 1.0 of an option ROM are signed, published and synced."""
    global CAST, SYNCED
    CAST, SYNCED = story.Cast(WORLD / "world"), WORLD / "synced"
    files = WORLD / "files"
    files.mkdir()
    for name, data in (("old.fd", OLD), ("new.fd", NEW), ("net.rom", ROM)):
        (files / name).write_bytes(data)
    CAST.init_site()
    CAST.init_maker("acme", "Acme Networks")
    CAST.enroll("acme")
    CAST.release("acme", "board", "1.0", [files / "old.fd"])
    CAST.release("acme", "board", "1.1", [files / "new.fd"])
    CAST.release("acme", "nic", "1.0", [files / "net.rom"])
    CAST.trust()
    story.must("sync", "*", "-d", SYNCED, "--no-progress", home=CAST.home)
    story.must("identify", files / "net.rom", home=CAST.home)  # indexes


def tearDownModule():
    shutil.rmtree(WORLD, True)


class Identify(story.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cast, cls.synced, cls.old, cls.new, cls.rom = CAST, SYNCED, OLD, NEW, ROM

    def run_home(self, *args, **kwargs):
        return story.hallmark("identify", *args, "--no-progress", home=self.cast.home, **kwargs)

    def dump(self, data, name="dump.bin"):
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def identify(self, data, status, *options):
        """The answer for one file, as JSON; its exit status is as expected."""
        result = self.run_home(self.dump(data), "--json", *options)
        self.assertStatus(result, status)
        answer = result.json()
        self.assertEqual(answer["schema"], "hallmark/identify/1")
        self.assertEqual(len(answer["files"]), 1)
        found = answer["files"][0]
        self.assertEqual(found["known"], status == 0)
        if found.get("ranges"):
            self.assertEqual(sum(r["size"] for r in found["ranges"]), len(data))
        return found

    def assertNearest(self, found, path, verdict):
        self.assertEqual(found["verdict"], verdict)
        self.assertEqual(found["releases"][0].get("path"), path, found["releases"])
        self.assertEqual(found["releases"][0]["word"], "signed")


class Verdicts(Identify):
    def test_exact__by_digest_alone(self):
        found = self.identify(self.old, 0)
        self.assertEqual(found["verdict"], "exact")
        self.assertEqual([m["path"] for m in found["matches"]], ["acme/board/1.0/old.fd"])

    def test_exact__whatever_it_is_called(self):
        result = self.run_home(self.dump(self.new, "bios-9.9-official.bin"))
        self.assertStatus(result, 0)
        self.assertIn("exact: acme/board/1.1/new.fd at globex (", result.out)

    def test_exact__of_what_is_not_held_here(self):
        home = self.scratch / "home"
        self.cast.trust(home)
        story.must("list", home=home)
        result = story.hallmark("identify", self.dump(self.old), home=home)
        self.assertStatus(result, 0)
        self.assertIn("acme/board/1.0/old.fd", result.out)

    def test_variable__other_variables(self):
        found = self.identify(images.dirty(self.new), 0)
        self.assertNearest(found, "acme/board/1.1/new.fd", "exact except variable regions")
        self.assertTrue(all(r["bytes"] in ("equal", "variable") for r in found["ranges"]), found["ranges"])

    def test_variable__code_among_the_variables(self):
        hidden = bytearray(images.dirty(self.new))
        code = images.seeds.pe(b"hidden" * 100)
        hidden[0x4000:0x4000 + len(code)] = code
        found = self.identify(bytes(hidden), 1)
        self.assertNearest(found, "acme/board/1.1/new.fd", "modified")
        self.assertTrue(found["releases"][0]["code_in_variable"])
        self.assertIn("code", self.run_home(self.dump(bytes(hidden))).out)

    def test_modified__twelve_kib(self):
        at = len(self.new) - 0x7000
        patched = bytearray(self.new)
        patched[at:at + 0x3000] = random.Random(1).randbytes(0x3000)
        result = self.run_home(self.dump(bytes(patched)))
        self.assertStatus(result, 1)
        self.assertIn("modified: nearest is acme/board/1.1/new.fd", result.out)
        self.assertIn(f"12 KiB at 0x{at:X}: matches nothing published", result.out)

    def test_modified__bit_rot(self):
        source = random.Random(2)
        rotten = images.flip(self.new, [source.randrange(len(self.new)) for _ in range(12)])
        self.assertNearest(self.identify(rotten, 1), "acme/board/1.1/new.fd", "modified")

    def test_modified__cut(self):
        self.assertNearest(self.identify(self.new[:0x30000], 1), "acme/board/1.1/new.fd", "modified")

    def test_contains__padded_is_known(self):
        found = self.identify(self.new + b"\xff" * 0x40000, 0)
        self.assertNearest(found, "acme/board/1.1/new.fd", "contains")
        self.assertTrue(found["releases"][0]["whole"])

    def test_contains__two_releases_in_one_dump(self):
        found = self.identify(self.rom + b"\0" * 777 + images.dirty(self.old) + b"\xff" * 4096, 0)
        self.assertEqual({r["path"] for r in found["releases"] if r["whole"]}, {"acme/board/1.0/old.fd", "acme/nic/1.0/net.rom"})

    def test_contains__in_a_bigger_dump_of_unknown_bytes(self):
        data = random.Random(3).randbytes(33333) + self.old + random.Random(4).randbytes(1000)
        found = self.identify(data, 1)
        self.assertNearest(found, "acme/board/1.0/old.fd", "contains")
        self.assertEqual(found["unknown_size"], 34333)
        self.assertEqual(found["releases"][0]["shift"], 33333)

    def test_related__packed_anew(self):
        again = images.bios(changed=(5,), dictionary=1 << 16, boot="newer")
        self.assertNotEqual(again, self.new)
        found = self.identify(again, 1)
        self.assertEqual(found["releases"][0]["path"], "acme/board/1.1/new.fd")
        self.assertEqual(found["releases"][0]["modules"]["differences"], [])

    def test_related__one_module_patched_in_a_volume_packed_anew(self):
        for number in (0, 11, 23):
            with self.subTest(module=number):
                data = images.bios(changed=(5, number), dictionary=1 << 16, boot="newer")
                found = self.identify(data, 1)
                self.assertEqual(found["releases"][0]["path"], "acme/board/1.1/new.fd")
                differences = found["releases"][0]["modules"]["differences"]
                self.assertEqual([(d["change"], d["name"]) for d in differences], [("changed", f"Module{number}")])

    def test_related__modules_in_another_order(self):
        files = images.modules(changed=(5,))
        random.Random(6).shuffle(files)
        found = self.identify(images.packed(files), 1)
        self.assertNearest(found, "acme/board/1.1/new.fd", "related")
        self.assertEqual([(d["change"], d["guid"]) for d in found["releases"][0]["modules"]["differences"]], [("missing", images.guid(2000))])

    def test_related__another_build_of_the_line(self):
        """Every module is another, by one byte; what is packed is much the same."""
        def build(mark):
            return images.packed([images.seeds.ffs(images.seeds.section(0x10, images.seeds.pe(random.Random(number).randbytes(40000) + mark)),
                                                   name=images.guid(number)) for number in range(images.MODULES)])
        folder = self.scratch / "folder"
        folder.mkdir()
        (folder / "line.fd").write_bytes(build(b"1"))
        found = self.identify(build(b"2"), 1, "--in", folder)
        self.assertEqual(found["verdict"], "related")
        self.assertEqual(found["releases"][0]["modules"]["equal"], 0)
        self.assertGreater(found["releases"][0]["equal_pieces"], found["releases"][0]["pieces"] // 2)

    def test_unknown__unrelated_files(self):
        for seed in range(5):
            found = self.identify(random.Random(seed).randbytes(100000), 1)
            self.assertEqual((found["verdict"], found["releases"]), ("unknown", []))
        for data in (b"", b"x", b"\xff" * 100000, images.bios("globex")[images.VARIABLES:]):
            self.assertEqual(self.identify(data, 1)["verdict"], "unknown", data[:20])

    def test_raw__looks_into_nothing(self):
        found = self.identify(images.dirty(self.new), 0, "--raw")
        self.assertFalse(found["looked_into"])
        self.assertNearest(found, "acme/board/1.1/new.fd", "exact except variable regions")


class Names(Identify):
    def test_the_file_placed_is_changed_since(self):
        synced = self.scratch / "synced"
        home = self.scratch / "home"
        self.cast.trust(home)
        story.must("sync", "*", "-d", synced, "--no-progress", home=home)
        (synced / "acme/board/1.1/new.fd").write_bytes(random.Random(7).randbytes(len(self.new)))
        result = story.hallmark("identify", self.dump(images.dirty(self.new)), home=home)
        self.assertStatus(result, 1)
        self.assertIn("left out", result.err)
        self.assertNotIn("acme/board/1.1", result.out)

    def test_in__a_folder_s_word_is_told_as_that(self):
        folder = self.scratch / "folder"
        (folder / "deep" / "er").mkdir(parents=True)
        data = images.bios("initech")
        (folder / "deep" / "er" / "x.fd").write_bytes(data)
        (folder / "link.fd").symlink_to(folder / "deep" / "er" / "x.fd")
        result = self.run_home(self.dump(images.dirty(data)), "--in", folder)
        self.assertStatus(result, 0)
        self.assertIn("nobody signed it", result.out)
        found = self.identify(data, 0, "--in", folder)
        self.assertEqual([e["word"] for e in found["exact"]], ["folder"])
        self.assertEqual(self.identify(data, 1)["verdict"], "unknown")

    def test_in__needs_no_site(self):
        folder = self.scratch / "folder"
        folder.mkdir()
        (folder / "x.fd").write_bytes(self.old)
        dump = self.dump(images.dirty(self.old))
        result = story.hallmark("identify", dump, "--in", folder, home=self.scratch / "none")
        self.assertStatus(result, 0)
        self.assertStatus(story.hallmark("identify", dump, home=self.scratch / "no-such"), 3)

    def test_in__signed_bytes_have_their_signed_name(self):
        folder = self.scratch / "folder"
        folder.mkdir()
        (folder / "evil-name.fd").write_bytes(self.old)
        found = self.identify(images.dirty(self.old), 0, "--in", folder)
        self.assertEqual((found["releases"][0]["word"], found["releases"][0]["path"]), ("signed", "acme/board/1.0/old.fd"))

    def test_in__a_folder_that_is_not_there(self):
        self.assertRefused(self.run_home(self.dump(b"x"), "--in", self.scratch / "nowhere"), 3, "nowhere")

    def test_index__is_a_cache(self):
        home = self.scratch / "home"
        shutil.copytree(self.cast.home, home)
        for damage in ("remove", "garbage", "cut"):
            for path in (home / "index").rglob("*.index"):
                if damage == "remove":
                    path.unlink()
                else:
                    path.write_bytes(b"garbage" * 100 if damage == "garbage" else path.read_bytes()[:-5])
            for path in (home / "index").rglob("stamp"):
                path.unlink()
            result = story.hallmark("identify", self.dump(images.dirty(self.new)), home=home)
            self.assertStatus(result, 0)

    def test_index__cut_short_under_a_run(self):
        home, fifo = self.scratch / "home", self.scratch / "fifo"
        shutil.copytree(self.cast.home, home)
        os.mkfifo(fifo)
        run = subprocess.Popen([story.HALLMARK, "identify", "--raw", "--no-progress", "--home", home, fifo], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with open(fifo, "wb") as dump:  # it waits for its dump: the index is open
            for path in (home / "index").rglob("*.index"):
                os.truncate(path, 0)
            dump.write(images.dirty(self.new))
        err = run.communicate()[1]
        self.assertEqual(run.returncode, 4, err)
        self.assertIn("remove 'index'", err)

    def test_placed__and_no_site_vouches_for_it_now(self):
        home, folder = self.scratch / "home", self.scratch / "folder"
        shutil.copytree(self.cast.home, home)
        folder.mkdir()
        story.must("trust", "remove", "globex", home=home)
        for data in (self.new, images.dirty(self.new)):
            result = story.hallmark("identify", self.dump(data), "--in", folder, home=home)
            self.assertRefused(result, 1, "vouches")
        (folder / "mine.fd").write_bytes(self.new)
        self.assertStatus(story.hallmark("identify", self.dump(self.new), "--in", folder, home=home), 0)

    def test_trace__from_the_bytes_to_who_signed(self):
        result = self.run_home(self.dump(self.new), "--trace")
        self.assertStatus(result, 0)
        self.assertIn("signed: by acme and the vendor globex", result.out)
        self.assertIn("log: ", result.out)
        found = self.identify(self.new, 0, "--trace")
        self.assertEqual(found["matches"][0]["trace"]["maker"], "acme")
        self.assertIn("of acme/board/1.1/new.fd", self.run_home(self.dump(images.dirty(self.new)), "--trace").out)


class Recalled(Identify):
    """A release that was taken back is known by its bytes, and is no good news."""

    def setUp(self):
        super().setUp()
        cast = story.Cast.__new__(story.Cast)
        cast.__dict__.update(self.cast.__dict__)
        cast.root = self.scratch / "people"  # signers remember what they signed
        cast.root.mkdir()
        cast.site, cast.public = self.scratch / "site", self.scratch / "site" / "public"
        shutil.copytree(self.cast.site, cast.site)
        self.home, request = self.scratch / "home", self.scratch / "recall.request"
        self.people = cast
        cast.trust(self.home)
        story.must("sync", "*", "-d", self.scratch / "synced", "--no-progress", home=self.home)
        story.must("site", "recall", "--dir", cast.site, "hang", "acme/board/1.1/new.fd", "--reason", "it hangs", "--remedy", "install 1.2", "-o", request)
        cast.attach(request, "recall1")
        story.must("site", "publish", "--dir", cast.site)
        story.hallmark("list", home=self.home)

    def test_the_very_bytes(self):
        result = story.hallmark("identify", self.dump(self.new), home=self.home)
        self.assertStatus(result, 1)
        self.assertIn("it hangs", result.err)

    def test_a_dump_with_other_variables(self):
        result = story.hallmark("identify", self.dump(images.dirty(self.new)), home=self.home)
        self.assertStatus(result, 1)
        self.assertIn("exact except variable regions: acme/board/1.1/new.fd at globex (RECALLED", result.out)
        self.assertStatus(story.hallmark("identify", self.dump(images.dirty(self.old)), home=self.home), 0)

    def test_what_stands_nowhere(self):
        """Bytes that a recall names and no release lists: a folder that has them does not make them good."""
        cast, folder = self.people, self.scratch / "folder"
        folder.mkdir()
        data = images.bios("stolen")
        (folder / "fine.fd").write_bytes(data)
        request = self.scratch / "leak.request"
        story.must("site", "recall", "--dir", cast.site, "leak", hashlib.sha256(data).hexdigest(), "--reason", "it leaked", "--remedy", "erase it", "-o", request)
        cast.attach(request, "recall1")
        story.must("site", "publish", "--dir", cast.site)
        story.hallmark("list", home=self.home)
        result = story.hallmark("identify", self.dump(data), "--in", folder, home=self.home)
        self.assertRefused(result, 1, "it leaked")
        result = story.hallmark("identify", self.dump(images.dirty(data)), "--in", folder, home=self.home)
        self.assertRefused(result, 1, "it leaked")
        self.assertIn("RECALLED", result.out)
        found = story.hallmark("identify", self.dump(images.dirty(data)), "--in", folder, "--json", home=self.home).json()["files"][0]
        self.assertEqual((found["known"], found["releases"][0]["word"]), (False, "refused"))

    def test_a_folder_s_word_does_not_outweigh_it(self):
        folder = self.scratch / "folder"
        folder.mkdir()
        (folder / "fine.fd").write_bytes(self.new)
        self.assertStatus(story.hallmark("identify", self.dump(images.dirty(self.new)), "--in", folder, home=self.home), 1)


class Command(Identify):
    def test_usage(self):
        self.assertRefused(story.hallmark("identify"), 2, "which files")
        self.assertRefused(story.hallmark("identify", "--no-such", "x"), 2, "--no-such")
        self.assertRefused(story.hallmark("identify", "--in"), 2, "--in")

    def test_several_files__the_worst_counts(self):
        good, bad = self.dump(self.old, "good"), self.dump(b"unknown" * 1000, "bad")
        result = self.run_home(good, bad, self.scratch / "missing")
        self.assertStatus(result, 1)
        self.assertIn("good: exact", result.out)
        self.assertIn("bad: unknown", result.out)
        self.assertIn("missing", result.err)
        self.assertStatus(self.run_home(good, self.scratch / "missing"), 3)
        self.assertEqual(len(json.loads(self.run_home(good, bad, "--json").out)["files"]), 2)

    def test_quiet_and_standard_input(self):
        result = self.run_home(self.dump(self.old), "--quiet")
        self.assertEqual((result.status, result.out), (0, ""))
        self.assertStatus(self.run_home("-", stdin="no image"), 1)

    def test_names_are_escaped(self):
        result = self.run_home(self.dump(b"x" * 5000, "evil\x1b[31m\nname"))
        self.assertStatus(result, 1)
        self.assertNotIn("\x1b", result.out)
        self.assertEqual(result.out.count("\n"), 1)

    def test_max_age__cannot_tell(self):
        result = self.run_home(self.dump(b"unknown" * 1000), "--max-age", "1d", faketime="+10d")
        self.assertStatus(result, 3)
        self.assertIn("--max-age", result.err)


if __name__ == "__main__":
    unittest.main()
