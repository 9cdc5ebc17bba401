# SPDX-License-Identifier: Apache-2.0
"""The cast of every end-to-end test: a site, makers, a customer, driven through the commands alone."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
HALLMARK = os.environ.get("HALLMARK", str(SOURCE / "build" / "cmd" / "hallmark"))

GOOD, NO, USAGE, CANNOT_TELL, INTERNAL = 0, 1, 2, 3, 4


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def json(self):
        return json.loads(self.out)


def at_time(command, faketime, environment):
    """The command as it runs at another time, such as "+30d"; None: now."""
    if not faketime:
        return command
    # faketime comes before everything else that is loaded, which the address sanitizer must not mind.
    environment["ASAN_OPTIONS"] = ":".join(filter(None, [environment.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    return ["faketime", "-f", faketime, *command]


def hallmark(*args, home=None, faketime=None, env=None, timeout=60, stdin=None):
    """Runs the command; never raises on its exit status."""
    command = [HALLMARK, *map(str, args)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HALLMARK", "XDG_")) and "proxy" not in k.lower()}
    environment["NO_COLOR"] = "1"
    if home is not None:
        environment["HALLMARK_HOME"] = str(home)
    environment.update(env or {})
    command = at_time(command, faketime, environment)
    process = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout,
                             stdin=subprocess.DEVNULL if stdin is None else None, input=stdin)
    return Result(process)


def must(*args, **kwargs):
    result = hallmark(*args, **kwargs)
    if result.status != GOOD:
        raise AssertionError(f"hallmark {' '.join(map(str, args))}: exit {result.status}\n{result.out}{result.err}")
    return result


class Cast:
    """Folders of everybody under one root. Build once, then copy the customer's home and public tree as needed."""

    def __init__(self, root):
        self.root = Path(root)
        self.keys = self.root / "keys"
        self.keys.mkdir(parents=True)
        self.site = self.root / "site"
        self.public = self.site / "public"
        self.home = self.root / "customer"
        self.number = 0

    def key(self, name, kind="ed25519"):
        path = self.keys / f"{name}.pem"
        if not path.exists():
            must("key", "new", path, "--type", kind, "--no-passphrase")
        return path

    def pub(self, name):
        return f"{self.key(name)}.pub"

    def sign(self, request, *names):
        """Each signer works alone, with a memory of its own; returns the signature files."""
        signatures = []
        for name in names:
            out = self.root / f"{Path(request).name}.{name}.sig"
            if out.exists():
                out.unlink()
            must("sign", request, "--key", self.key(name), "-o", out, "--yes", "--home", self.root / "signers" / name)
            signatures.append(out)
        return signatures

    def request(self):
        self.number += 1
        return self.root / f"{self.number}.request"

    def init_site(self, name="globex", log=False):
        """log: the site keeps one, as sites do; without, whoever plays with the served tree needs no log's key."""
        request = self.request()
        must("site", "init", "--dir", self.site, "--name", name, "--url", "https://firmware.example/",
             *flag("--root", [self.pub(f"root{i}") for i in (1, 2, 3)]),
             *flag("--targets", [self.pub(f"targets{i}") for i in (1, 2, 3)]), "--targets-threshold", 2,
             *flag("--release", [self.pub(f"release{i}") for i in (1, 2, 3)]),
             "--recall", self.pub("recall1"), *([] if log else ["--no-log"]), "-o", request)
        self.attach(request, "root1", "root2", "targets1", "targets2", "recall1")
        return must("site", "publish", "--dir", self.site)

    def attach(self, request, *names):
        must("site", "attach", "--dir", self.site, *self.sign(request, *names))

    def init_maker(self, maker, name, keys=2, threshold=2):
        folder = self.root / f"maker-{maker}"
        names = [f"{maker}{i + 1}" for i in range(keys)]
        must("maker", "init", "--dir", folder, "--id", maker, "--name", name, "--threshold", threshold,
             *flag("--public", [self.pub(n) for n in names]), *flag("--key", [self.key(n) for n in names]))
        return folder

    def enroll(self, maker, site="globex"):
        submission = self.root / f"{maker}.identity.submission"
        must("maker", "submission", "--dir", self.root / f"maker-{maker}", "--for", site, "--identity-only", "-o", submission)
        request = self.request()
        must("site", "enroll", "--dir", self.site, submission, "-o", request)
        self.attach(request, "targets1", "targets3", "release1", "release2")
        must("site", "publish", "--dir", self.site)

    def submit(self, maker, product, version, files, *options, site="globex", signers=(1, 2)):
        out = self.root / f"{maker}-{product}-{version}.submission"
        must("maker", "release", "--dir", self.root / f"maker-{maker}", "--for", site, product, version, *files, *options,
             *flag("--key", [self.key(f"{maker}{i}") for i in signers]), "-o", out)
        return out

    def release(self, maker, product, version, files, *options):
        """The whole way from a maker's files to the published tree."""
        submission = self.submit(maker, product, version, files, *options)
        must("site", "intake", "--dir", self.site, submission)
        request = self.request()
        must("site", "approve", "--dir", self.site, "--all", "-o", request)
        self.attach(request, "release1", "release3")
        must("site", "publish", "--dir", self.site)

    def trust(self, home=None, url=None, *options):
        """A customer who has the trust file by another way than the site."""
        return must("trust", "add", "globex", url or f"file://{self.public}", "--trust", self.public / "hallmark.trust",
                    *options, home=home or self.home)


def flag(name, values):
    return [part for value in values for part in (name, str(value))]


class Case(unittest.TestCase):
    """Fresh folders for each test below one temporary folder for the class; prints nothing when all is well."""

    @classmethod
    def setUpClass(cls):
        cls.root = Path(tempfile.mkdtemp(prefix="hallmark-test."))
        cls.addClassCleanup(shutil.rmtree, cls.root, True)

    def setUp(self):
        self.scratch = Path(tempfile.mkdtemp(dir=self.root))

    def hallmark(self, *args, **kwargs):
        return hallmark(*args, **kwargs)

    def assertStatus(self, result, expected):
        self.assertEqual(result.status, expected, f"exit {result.status}, not {expected}\n{result.out}{result.err}")

    def assertRefused(self, result, expected, *words):
        """The right status, one clear sentence with these words, and no other output that looks like success."""
        self.assertStatus(result, expected)
        for word in words:
            self.assertIn(word, result.err)
