# SPDX-License-Identifier: Apache-2.0
"""The whole story on real firmware: two makers, one vendor, one customer, and a site that is broken into.

usage: demo/demo.py OUT     (make demo builds the command and calls this; OUT is made anew and left to look at)
"""
import os
import shutil
import sys
import textwrap
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lib"))
sys.dont_write_bytecode = True
import attacks  # noqa: E402
import log  # noqa: E402
import logged  # noqa: E402
import server as httpd  # noqa: E402
import story  # noqa: E402
import tree  # noqa: E402

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
NICS = ["efi-e1000.rom", "pxe-e1000.rom", "efi-virtio.rom", "pxe-virtio.rom", "efi-rtl8139.rom"]
PLATFORM = ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", "/usr/share/seabios/bios-256k.bin"]


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def chapter(title):
    print("\n" + paint("1", title))


def tell(text):
    print(textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  "))


def show(result, lines=12):
    for line in (result.out + result.err).rstrip().splitlines()[:lines]:
        print("    | " + line)


def run(*args, **kwargs):
    shown = " ".join(str(a) for a in args)
    print("    $ hallmark " + textwrap.shorten(shown.replace(str(OUT), "."), 150, placeholder=" ..."))
    result = story.must(*args, **kwargs)
    show(result)
    return result


def need_firmware():
    missing = [p for p in [f"/usr/lib/ipxe/qemu/{n}" for n in NICS] + PLATFORM if not Path(p).is_file()]
    if missing:
        sys.exit("demo: these firmware files are missing: " + ", ".join(missing) + " (Debian packages ipxe-qemu, ovmf, seabios)")


def play_releases(cast):
    chapter("1. The vendor, globex, sets up its site. No private key but the online one is ever on it.")
    tell("Root keys: 2 of 3 must sign. Release keys: 2 of 3. Each signer reads the request and signs on a machine without network.")
    show(cast.init_site(log=True))

    chapter("2. Two makers make their identities and are enrolled.")
    cast.init_maker("acme", "Acme Networks")
    cast.enroll("acme")
    cast.init_maker("initrd-labs", "Example Platform Firmware", keys=1, threshold=1)
    cast.enroll("initrd-labs")
    tell("acme (network cards, 2 of 2 keys) and initrd-labs (platform firmware, 1 key).")

    chapter("3. The makers sign releases of real firmware; the site takes them in; approvers read and sign.")
    roms = [Path("/usr/lib/ipxe/qemu") / n for n in NICS]
    cast.release("acme", "e1000", "1.21.0", [roms[0]], "--title", "Boot ROM for 8254x adapters")
    old = cast.root / "public-one-release-ago"
    shutil.copytree(cast.public, old)
    submission = cast.submit("acme", "e1000", "1.21.1", roms[:2], "--title", "Boot ROM for 8254x adapters", "--label", "1.21.1 (2026)")
    run("site", "intake", "--dir", cast.site, submission)
    request = cast.request()
    run("site", "approve", "--dir", cast.site, "--all", "-o", request)
    tell("What an approver reads on his offline machine before he signs:")
    run("sign", request, "--key", cast.key("release2"), "--yes", "--home", cast.root / "signers" / "release2", "-o", cast.root / "release2.sig")
    run("site", "attach", "--dir", cast.site, cast.root / "release2.sig")
    cast.attach(request, "release3")
    run("site", "publish", "--dir", cast.site)
    cast.release("acme", "virtio-net", "1.21.1", roms[2:4], "--title", "Boot ROM for virtio network adapters")
    cast.release("acme", "rtl8139", "1.21.1", roms[4:], "--title", "Boot ROM for 8139 adapters")
    story_submit = cast.submit("initrd-labs", "server-uefi", "2022.11", PLATFORM[:2], "--title", "UEFI for servers", signers=(1,))
    story.must("site", "intake", "--dir", cast.site, story_submit)
    request = cast.request()
    bios = cast.submit("initrd-labs", "server-bios", "1.16.2", PLATFORM[2:], "--title", "Legacy BIOS for servers", signers=(1,))
    story.must("site", "approve", "--dir", cast.site, "--all", "-o", request)
    cast.attach(request, "release1", "release2")
    story.must("site", "publish", "--dir", cast.site)
    story.must("site", "intake", "--dir", cast.site, bios)
    request = cast.request()
    story.must("site", "approve", "--dir", cast.site, "--all", "-o", request)
    cast.attach(request, "release1", "release2")
    story.must("site", "publish", "--dir", cast.site)
    return old


def play_customer(cast, server):
    chapter("4. A customer trusts the site under one fingerprint, and downloads.")
    tell("The trust file came by another way than the site: printed on the contract, say.")
    show(cast.trust(None, server.url))
    run("list", home=cast.home)
    run("get", "acme/e1000/1.21.1", "-d", cast.root / "downloads", "--no-progress", home=cast.home)
    run("verify", cast.root / "downloads" / "efi-e1000.rom", home=cast.home)
    run("sync", "initrd-labs", "-d", cast.root / "mirror", "--no-progress", home=cast.home)


def play_attacks(cast, server, old):
    chapter("5. The site is broken into. Each line: what the intruder does, and what the customer's client says.")
    refused = 0
    for number, attack in enumerate(attacks.ATTACKS, 1):
        scratch = cast.root / "attacks" / f"{number:02}"
        scratch.mkdir(parents=True)
        field = attacks.Field(cast, server, scratch, old_public=old)
        result = attack.run(field)
        good = result.status == attack.status and all(word in result.err for word in attack.words)
        refused += good
        tell(f"{number:2}. {attack.name}: the intruder {attack.told}.")
        print("      " + paint("32" if good else "31", f"refused ({result.status})" if good else f"NOT AS PROMISED ({result.status})"))
        for line in result.err.strip().splitlines()[-1:]:
            print(textwrap.fill(line.replace(str(cast.root), "."), 100, initial_indent="      ", subsequent_indent="      "))
        shutil.rmtree(scratch)
    scratch = cast.root / "attacks" / "mirror"
    scratch.mkdir(parents=True)
    field = attacks.Field(cast, server, scratch, old_public=old)
    result, _url = attacks.lying_mirror(field)
    good = result.status == 0
    tell(f"{len(attacks.ATTACKS) + 1:2}. lying mirror: a mirror serves other bytes. Named, and the site asked instead.")
    show(result)
    shutil.rmtree(cast.root / "attacks")
    return refused + good, len(attacks.ATTACKS) + 1


def name_witnesses(cast, witnesses):
    """Root's next version names them; published once two of the three have cosigned."""
    for one in witnesses:
        request = cast.request()
        story.must("site", "witness", "add", one.name, one.vkey, one.url, "--dir", cast.site, "-o", request)
    cast.attach(request, "root1", "root2")
    run("site", "publish", "--dir", cast.site)
    show(story.must("site", "witness", "list", "--dir", cast.site))


def play_witnesses(cast, server):
    chapter("6. The intruder has every key on the site's machine, the release log's too, and wants one customer to see another site.")
    tell("Every snapshot and release is an entry of the site's log. Three others watch it now: two makers and a customer run a witness each. A witness signs only what "
         "continues what it saw before; root says that two of the three must have signed.")
    server.folder, server.rules = cast.public, {}
    witnesses = [logged.Witness(cast.root / f"witness-{name}", name) for name in ("acme", "initrd-labs", "customer")]
    vkey = story.must("site", "witness", "list", "--dir", cast.site).out.splitlines()[0].split()[-1]
    try:
        for one in witnesses:
            one.introduce(vkey)
        name_witnesses(cast, witnesses)
        run("list", home=cast.home)
        before = tree.Tree.copy(cast.public, cast.root / "fork")
        cast.release("acme", "e1000", "1.21.2", [Path("/usr/lib/ipxe/qemu") / NICS[0]], "--title", "Boot ROM for 8254x adapters")
        return play_fork(cast, server, before, witnesses)
    finally:
        for one in witnesses:
            one.stop()


def play_fork(cast, server, fork, witnesses):
    """The newest release is hidden from one customer, by a snapshot and a log made for him."""
    keys = cast.site / "private" / "keys"
    origin = log.read_checkpoint((fork.public / "log" / "checkpoint").read_text())[0]
    fork.log = log.Log(fork, log.NoteKey.load(origin, keys / "log.pem"), witnesses)
    for number in (1, 2):
        fork.log.append(log.root_entry("globex", number, b"nothing"))
    fork.reference({}, tree.Key(keys / "online.pem"))
    tell("acme released 1.21.2. The intruder makes a site without it, as good as his keys can, appends to the log what he shows, and asks the witnesses:")
    for one in witnesses:
        print(f"    | {one.name}: status {fork.log.refusals.get(one.vkey, 200)}, what comes does not continue what it has signed")
    server.folder = fork.public
    result = story.hallmark("get", "acme/e1000/1.21.1", "-d", cast.root / "forked", "--no-progress", home=cast.home)
    good = result.status == 1 and "witness" in result.err and len(fork.log.refusals) == 3
    print("      " + paint("32" if good else "31", f"refused ({result.status})" if good else f"NOT AS PROMISED ({result.status})"))
    show(result)
    server.folder = cast.public
    tell("The site publishes again, which two of three see, and the customer goes on:")
    run("site", "renew", "--force", "--dir", cast.site)
    run("get", "acme/e1000/1.21.2", "-d", cast.root / "downloads", "--no-progress", home=cast.home)
    shutil.rmtree(fork.public)
    return good


def play_label(cast):
    chapter("7. The question that started it all: is this file what the maker made?")
    bad = cast.root / "downloads" / "from-a-usb-stick.rom"
    data = bytearray((cast.root / "downloads" / "efi-e1000.rom").read_bytes())
    data[1000] ^= 1
    bad.write_bytes(data)
    print(f"    $ hallmark verify {bad.name}   (one bit changed)")
    result = story.hallmark("verify", bad, home=cast.home)
    show(result)
    return result.status == 1


def play_dump(cast):
    chapter("8. A flash chip is read back. Which version is on it? Its label is not asked.")
    rom = (cast.root / "downloads" / "efi-e1000.rom").read_bytes()
    chip = cast.root / "chip.bin"
    chip.write_bytes(rom + b"\xff" * (0x80000 - len(rom)))
    tell("A chip of 512 KiB, of which the driver fills some and the rest is erased:")
    known = story.hallmark("identify", chip, "--in", cast.root / "downloads", home=cast.home)
    print("    $ hallmark identify chip.bin --in downloads")
    show(known)
    patched = bytearray(chip.read_bytes())
    patched[0x20000:0x23000] = bytes(b ^ 0x5a for b in patched[0x20000:0x23000])
    chip.write_bytes(patched)
    tell("The same chip from another machine, where somebody wrote 12 KiB of his own:")
    changed = story.hallmark("identify", chip, "--in", cast.root / "downloads", home=cast.home)
    show(changed)
    return known.status == 0 and changed.status == 1 and "12 KiB at 0x20000: matches nothing published" in changed.out


def main():
    global OUT
    OUT = Path(sys.argv[1]).resolve()
    need_firmware()
    if OUT.exists() and not (OUT / "hallmark-demo").exists():
        sys.exit(f"demo: {OUT} exists and is not a demo's folder; name another one")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    (OUT / "hallmark-demo").write_text("Left by the demo; may be deleted.\n")
    start = time.monotonic()
    cast = story.Cast(OUT)
    old = play_releases(cast)
    with httpd.Server(cast.public) as server:
        play_customer(cast, server)
        refused, tried = play_attacks(cast, server, old)
        good = play_witnesses(cast, server)
        good = play_label(cast) and good
        good = play_dump(cast) and good
    chapter("The end.")
    tell(f"{refused} of {tried} attacks were met as promised, in {time.monotonic() - start:.0f} s. Look around: {OUT.name}/site is the vendor's site (public/ is all that "
         f"is served), {OUT.name}/customer the customer's state, {OUT.name}/downloads and {OUT.name}/mirror what was accepted.")
    sys.exit(0 if refused == tried and good else 1)


OUT = None
main()
