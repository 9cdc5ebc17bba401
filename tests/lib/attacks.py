# SPDX-License-Identifier: Apache-2.0
"""What an intruder at the site can try, each as one function.

An attack gets a Field: a copy of the public tree to do with as it likes, a copy of the customer's home as it was before the break-in, the
server that the customer talks to, and whatever keys the story says were stolen. It returns the customer's attempt, which
must be refused with the given status and words. The attack tests run each beside its control (the same attempt on the
untouched tree succeeds); the demo tells them as a story.
"""
from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import log
import server as httpd
import story
import tree

WHAT = "acme/e1000/1.21.1"
FILE = f"{WHAT}/efi-e1000.rom"
NEW = "acme/e1000/6.6.6"
NEW_FILE = f"{NEW}/efi-e1000.rom"


@dataclass
class Field:
    cast: story.Cast
    server: httpd.Server
    scratch: Path
    tree: tree.Tree = None
    home: Path = None
    image: bytes = b""  # the genuine image
    old_public: Path = None  # the tree as it was one release earlier
    online_used: bool = False

    def __post_init__(self):
        self.tree = tree.Tree.copy(self.cast.public, self.scratch / "public")
        self.home = self.scratch / "home"
        shutil.copytree(self.cast.home, self.home)
        self.image = self.tree.image(FILE).read_bytes()
        if (self.tree.public / "log" / "checkpoint").exists():
            # The log's key is as good as stolen with the online key: both lie in private/keys.
            origin = log.read_checkpoint((self.tree.public / "log" / "checkpoint").read_text())[0]
            self.tree.log = log.Log(self.tree, log.NoteKey.load(origin, self.cast.site / "private" / "keys" / "log.pem"))
        self.server.folder = self.tree.public
        self.server.rules = {}

    def key(self, name):
        return tree.Key(self.cast.key(name))

    @property
    def online(self):
        self.online_used = True
        return tree.Key(self.cast.site / "private" / "keys" / "online.pem")

    @property
    def evil(self):
        """The intruder's image: a firmware with its own code in it, of the same length."""
        image = bytearray(self.image)
        image[512:532] = b"OWNED BY AN INTRUDER"
        return bytes(image)

    def get(self, what=FILE, *options, **kwargs):
        return story.hallmark("get", what, "-d", self.scratch / "out", "--no-progress", *options, home=self.home, **kwargs)


@dataclass
class Attack:
    name: str
    told: str
    status: int
    words: tuple
    run: object = field(repr=False)


ATTACKS = []


def attack(name, told, status, *words):
    def register(function):
        ATTACKS.append(Attack(name, told, status, words, function))
        return function

    return register


@attack("swapped bytes", "replaces the image by one of the same length", story.NO, FILE.rsplit("/", 1)[1], "sha256")
def swapped_bytes(f):
    f.tree.image(FILE).write_bytes(f.evil)
    return f.get()


@attack("image added, online keys stolen",
        "adds a release and signs everything it can with the stolen online key", story.NO, "release~acme", "signatures")
def image_added(f):
    signed = tree.next_version(f.tree.load("release~acme")["signed"])
    f.tree.add_target(signed, NEW_FILE, f.evil, {"title": "update"})
    f.tree.put("release~acme", signed, [f.online], f.online)
    return f.get(NEW_FILE)


@attack("vendor alone", "has the vendor's release keys too, and signs a release that the maker never made", story.NO,
        NEW_FILE, "maker~acme")
def vendor_alone(f):
    signed = tree.next_version(f.tree.load("release~acme")["signed"])
    f.tree.add_target(signed, NEW_FILE, f.evil, {"title": "update"})
    f.tree.put("release~acme", signed, [f.key("release1"), f.key("release2")], f.online)
    return f.get(NEW_FILE)


@attack("maker's bytes replaced by the vendor", "signs other bytes under the maker's released name, with all the vendor's keys",
        story.NO, FILE, "maker~acme")
def vendor_other_bytes(f):
    signed = tree.next_version(f.tree.load("release~acme")["signed"])
    f.tree.add_target(signed, FILE, f.evil, signed["targets"][FILE].get("custom"))
    f.tree.put("release~acme", signed, [f.key("release1"), f.key("release2")], f.online)
    return f.get()


def swap_maker(f, change_identity):
    """The vendor's offline keys name the intruder's key as acme's."""
    mine = tree.Key()
    targets = tree.next_version(f.tree.load("targets")["signed"])
    extra = targets["x-hallmark"]
    for role in extra["delegations"]["roles"]:
        if role["name"] == "maker~acme":
            role["keyids"], role["threshold"] = [mine.keyid], 1
    extra["delegations"]["keys"][mine.keyid] = mine.tuf
    if change_identity:
        change_identity(extra["makers"]["acme"], mine)
    maker = tree.next_version(f.tree.load("maker~acme")["signed"])
    release = tree.next_version(f.tree.load("release~acme")["signed"])
    target = f.tree.add_target(maker, NEW_FILE, f.evil, {"title": "update"})
    release["targets"][NEW_FILE] = target
    maker["x-hallmark"]["identity"] = {k: extra["makers"]["acme"]["identity"][k] for k in ("version", "sha256")}
    documents = {
        "targets": f.tree.store("targets", targets, [f.key("targets1"), f.key("targets2")]),
        "maker~acme": f.tree.store("maker~acme", maker, [mine]),
        "release~acme": f.tree.store("release~acme", release, [f.key("release1"), f.key("release2")]),
    }
    f.tree.reference(documents, f.online)
    return f.get(NEW_FILE)


@attack("swapped maker key", "with every key of the vendor, names a key of its own as the maker's", story.CANNOT_TELL, "acme", "identity")
def swapped_maker_key(f):
    return swap_maker(f, None)


@attack("forged identity", "with every key of the vendor, makes a new identity for the maker", story.NO, "acme", "identity")
def forged_identity(f):
    def forge(maker, mine):
        folder = f.tree.public / "makers" / "acme"
        version = maker["identity"]["version"] + 1
        signed = {"_type": "hallmark-identity", "spec_version": "1.0", "maker": "acme", "name": "Acme", "version": version,
                  "keys": {mine.keyid: mine.tuf}, "keyids": [mine.keyid], "threshold": 1}
        raw = tree.canonical({"signatures": [mine.sign(signed)], "signed": signed}).encode()
        (folder / f"{version}.identity").write_bytes(raw)
        maker["identity"].update({"version": version, "sha256": hashlib.sha256(raw).hexdigest(), "length": len(raw)})

    return swap_maker(f, forge)


@attack("another maker of the same name", "with every key of the vendor, starts a new identity chain under the maker's ID", story.NO, "acme",
        "identity")
def other_maker(f):
    def forge(maker, mine):
        folder = f.tree.public / "makers" / "acme"
        signed = {"_type": "hallmark-identity", "spec_version": "1.0", "maker": "acme", "name": "Acme", "version": 1,
                  "keys": {mine.keyid: mine.tuf}, "keyids": [mine.keyid], "threshold": 1}
        raw = tree.canonical({"signatures": [mine.sign(signed)], "signed": signed}).encode()
        (folder / "1.identity").write_bytes(raw)
        digest = hashlib.sha256(raw).hexdigest()
        maker["identity"].update({"version": 1, "sha256": digest, "length": len(raw), "first": digest})

    return swap_maker(f, forge)


@attack("under the threshold", "has one release key of the three, and an image the maker did sign", story.NO, "release~acme", "1 of the 2")
def under_threshold(f):
    signed = tree.next_version(f.tree.load("release~acme")["signed"])
    f.tree.put("release~acme", signed, [f.key("release1")], f.online)
    return f.get()


@attack("duplicate signature", "counts one release key twice", story.NO, "release~acme")
def duplicate_signature(f):
    signed = tree.next_version(f.tree.load("release~acme")["signed"])
    key = f.key("release1")
    raw = f.tree.store("release~acme", signed, [key], [key.sign(signed)])
    f.tree.reference({"release~acme": raw}, f.online)
    return f.get()


@attack("re-offered as vendor-attested", "drops the maker: offers its product on the vendor's word alone", story.NO, "acme", "vendor-attested")
def fallen_grade(f):
    targets = tree.next_version(f.tree.load("targets")["signed"])
    extra = targets["x-hallmark"]
    extra["makers"]["acme"] = {"grade": "attested", "name": extra["makers"]["acme"]["name"]}
    extra["delegations"]["roles"] = [r for r in extra["delegations"]["roles"] if not r["name"].endswith("~acme")]
    release = tree.next_version(f.tree.load("release~acme")["signed"])
    f.tree.add_target(release, NEW_FILE, f.evil, {"title": "update"})
    documents = {
        "targets": f.tree.store("targets", targets, [f.key("targets1"), f.key("targets2")]),
        "release~acme": f.tree.store("release~acme", release, [f.key("release1"), f.key("release2")]),
    }
    f.tree.reference(documents, f.online)
    return f.get(NEW_FILE)


@attack("old metadata replayed", "shows the site as it was before the last release", story.NO, "timestamp")
def replayed(f):
    f.server.folder = f.old_public
    return f.get("acme/e1000/1.21.0/efi-e1000.rom")


@attack("rolled back with the online key", "takes back a release role, under a fresh snapshot signed by the stolen online key", story.NO,
        "snapshot", "release~acme")
def rolled_back(f):
    old = tree.Tree(f.old_public)
    f.tree.reference({"release~acme": old.path("release~acme").read_bytes()}, f.online)
    return f.get("acme/e1000/1.21.0/efi-e1000.rom")


@attack("frozen", "serves the same metadata for ever, so that no recall arrives (30 days on)", story.CANNOT_TELL, "timestamp", "expired")
def frozen(f):
    return f.get(faketime="+30d")


@attack("endless data", "answers with data that never ends", story.NO, "timestamp.json")
def endless(f):
    f.server.rules = {"timestamp.json": httpd.endless}
    return f.get()


@attack("endless image", "sends an image that never ends", story.NO, "efi-e1000.rom")
def endless_image(f):
    f.server.rules = {".efi-e1000.rom": httpd.endless}
    return f.get()


def evil_path(f, path, what=None):
    """All keys of vendor and maker sign a name that would leave the folder."""
    maker = tree.next_version(f.tree.load("maker~acme")["signed"])
    release = tree.next_version(f.tree.load("release~acme")["signed"])
    release["targets"][path] = f.tree.add_target(maker, path, f.evil, {"title": "update"})
    documents = {
        "maker~acme": f.tree.store("maker~acme", maker, [f.key("acme1"), f.key("acme2")]),
        "release~acme": f.tree.store("release~acme", release, [f.key("release1"), f.key("release2")]),
    }
    f.tree.reference(documents, f.online)
    return f.get(what or path)


@attack("path tricks in names", "signs, with every key there is, a file name that climbs out of the customer's folder", story.NO, "..")
def path_trick(f):
    return evil_path(f, "acme/e1000/6.6.6/../../../../../../escaped", "acme")


@attack("absolute name", "signs, with every key there is, an absolute file name", story.NO, "/escaped")
def absolute_path(f):
    return evil_path(f, "/escaped", "acme/e1000")


@attack("role in the snapshot without a hash", "leaves the hash of a role out of the snapshot, with the stolen online key", story.NO, "snapshot",
        "SHA-256")
def hashless_snapshot(f):
    snapshot = f.tree.load("snapshot")["signed"]
    del snapshot["meta"]["release~acme.json"]["hashes"]
    snapshot["version"] += 1
    raw = f.tree.store("snapshot", snapshot, [f.online])
    timestamp = f.tree.load("timestamp")["signed"]
    timestamp["version"] += 1
    timestamp["meta"] = {"snapshot.json": tree.facts(raw)}
    f.tree.store("timestamp", timestamp, [f.online])
    return f.get()


def lying_mirror(f):
    """Not refused but survived: the mirror is named, and the bytes come from the site. Returns (result, mirror's url)."""
    lies = tree.Tree.copy(f.tree.public, f.scratch / "mirror")
    lies.image(FILE).write_bytes(f.evil)
    with httpd.Server(lies.public) as mirror:
        story.must("trust", "policy", "globex", "--mirror", mirror.url, home=f.home)
        return f.get(), mirror.url


def build(root, logged=False):
    """The story up to the break-in: two makers, one vendor, one customer who got and verified the newest release.

    Real option ROMs where the system has them, else generated images: the rules are the same. logged: the site keeps a release
    log, which no witness must see."""
    cast = story.Cast(root)
    images = firmware(Path(root) / "firmware")
    cast.init_site(log=logged)
    cast.init_maker("acme", "Acme Networks")
    cast.enroll("acme")
    cast.release("acme", "e1000", "1.21.0", [images["efi-e1000.rom"]], "--title", "Boot ROM for 8254x")
    old = Path(root) / "public-one-release-ago"
    shutil.copytree(cast.public, old)
    cast.release("acme", "e1000", "1.21.1", [images["efi-e1000.rom"], images["pxe-e1000.rom"]], "--title", "Boot ROM for 8254x")
    return cast, old, images


def firmware(folder):
    """Files to release: Debian's ipxe-qemu where installed."""
    folder.mkdir(parents=True, exist_ok=True)
    images = {}
    for name in ("efi-e1000.rom", "pxe-e1000.rom"):
        real = Path("/usr/lib/ipxe/qemu") / name
        data = real.read_bytes() if real.is_file() else b"\x55\xaa" + hashlib.sha256(name.encode()).digest() * 4096
        (folder / name).write_bytes(data)
        images[name] = folder / name
    return images
