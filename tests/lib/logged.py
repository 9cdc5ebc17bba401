# SPDX-License-Identifier: Apache-2.0
"""A site that keeps a release log, its witnesses as `hallmark witness` serves them, and a customer of it."""
import http.client
import http.server
import json
import shutil
import threading

import log
import story
import witness

ORIGIN = "firmware.example/log"
IMAGE = b"firmware 1.0 " * 1000


class Witness:
    """One daemon, which can be stopped and started again at its address. options: of serve."""

    def __init__(self, folder, name, options=()):
        self.folder, self.name, self.options = folder, name, options
        self.vkey = witness.make(folder, f"{name}.example/witness")
        self.process, self.listen = None, "127.0.0.1:0"

    @property
    def url(self):
        return f"http://{self.listen}"

    def start(self):
        self.process = witness.Process(self.folder, self.listen, options=self.options)
        self.listen = self.process.address

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.__exit__()
        self.process = None

    def introduce(self, vkey):
        """It learns of a log."""
        story.must("witness", "log", "add", vkey, "--dir", self.folder, "--quiet")
        self.stop()
        self.start()

    # As a witness of log.Log: whoever has the log's key may ask.

    def known_size(self, origin):
        return self.seen(origin) or 0

    def cosign(self, old, proof, note, _log_vkey):
        status, _kind, line = self.process.add(old, proof, note)
        if status != 200:
            raise log.Refusal(status, line)
        return line.decode()

    def seen(self, origin=ORIGIN):
        """How many entries of the log it has cosigned."""
        logs = story.must("witness", "show", "--dir", self.folder, "--json").json()["logs"]
        return next((item.get("size", 0) for item in logs if item["origin"] == origin), None)


class Standing:
    """A witness in this process, whose memory can be put back to what it was."""

    def __init__(self, name):
        self.name, self.inner = name, log.Witness(f"{name}.example/witness")
        self.server = log.WitnessServer(self.inner, {})
        self.vkey, self.url = self.inner.vkey, self.server.url

    def introduce(self, vkey):
        self.server.logs[log.parse_vkey(vkey)[0]] = vkey

    def notes(self):
        """The checkpoints that it was asked to cosign."""
        return [body.decode().partition("\n\n")[2] for _path, body in self.server.requests]

    def stop(self):
        self.server.__exit__()


def policy(witnesses, quorum):
    """The lines of root's policy but for the log's; quorum 0: none."""
    lines = [f"witness {w.name} {w.vkey} {w.url}" for w in witnesses]
    if quorum:
        lines += [f"group core {quorum} {' '.join(w.name for w in witnesses)}", "quorum core"]
    else:
        lines.append("quorum none")
    return "".join(line + "\n" for line in lines)


class World:
    """The cast, and the witnesses of their site."""

    def __init__(self, root, count=3, quorum=2, live=True):
        self.cast = story.Cast(root)
        self.site, self.public = self.cast.site, self.cast.public
        names = [f"w{n}" for n in range(1, count + 1)]
        self.witnesses = [Witness(root / f"witness-{name}", name) if live else Standing(name) for name in names]
        for one in self.witnesses if live else ():
            one.start()
        self.policy = root / "witness-policy"
        self.policy.write_text(policy(self.witnesses, quorum))

    def close(self):
        for one in self.witnesses:
            one.stop()

    def introduce(self, *witnesses):
        """The witnesses learn of the log whose key root names."""
        for one in witnesses or self.witnesses:
            one.introduce(self.vkey)

    @property
    def vkey(self):
        """Of the log, by the newest root or the draft of it."""
        drafts = sorted((self.site / "private" / "drafts").glob("root.json"))
        roots = sorted(self.public.glob("*/*.root.json"), key=lambda p: int(p.name.split(".")[0]))
        roots = roots or sorted((self.public / "log" / "roots").glob("*.root.json"))  # before the first publish
        raw = json.loads((drafts or roots[-1:])[0].read_bytes())
        return raw["signed"]["x-hallmark"]["log"]["policy"].splitlines()[0].split()[1]

    def init(self, publish=True):
        """site init, signed; published once the witnesses know the log."""
        cast, request = self.cast, self.cast.request()
        story.must("site", "init", "--dir", self.site, "--name", "globex", "--url", "https://firmware.example/",
                   *story.flag("--root", [cast.pub(f"root{i}") for i in (1, 2, 3)]),
                   *story.flag("--targets", [cast.pub(f"targets{i}") for i in (1, 2, 3)]), "--targets-threshold", 2,
                   *story.flag("--release", [cast.pub(f"release{i}") for i in (1, 2, 3)]), "--recall", cast.pub("recall1"),
                   "--witness-policy", self.policy, "-o", request)
        cast.attach(request, "root1", "root2", "targets1", "targets2", "recall1")
        if publish:
            self.introduce()
            self.publish()

    def succeed(self, *options):
        """Root closes the log and names another, signed; it comes with the next publish, once the witnesses know it."""
        request = self.cast.request()
        result = story.must("site", "rotate", "log", "--dir", self.site, *options, "-o", request)
        self.cast.attach(request, "root1", "root2")
        return result

    @property
    def coming_vkey(self):
        """Of the log that the root of a publish that waits names."""
        late = self.site / "private" / "publish" / "next" / "late" / "metadata"
        (raw,) = (path.read_bytes() for path in late.glob("*.root.json"))
        return json.loads(raw)["signed"]["x-hallmark"]["log"]["policy"].splitlines()[0].split()[1]

    def publish(self, *options, **kwargs):
        return story.must("site", "publish", "--dir", self.site, *options, **kwargs)

    def try_publish(self, *options, **kwargs):
        return story.hallmark("site", "publish", "--dir", self.site, *options, **kwargs)

    def approved(self, version, data, product="nic", maker="acme"):
        """A release that is complete but for publish; its path."""
        folder = self.cast.root / f"{product}-{version}"
        folder.mkdir()
        file = folder / "fw.bin"
        file.write_bytes(data)
        submission = self.cast.submit(maker, product, version, [file])
        story.must("site", "intake", "--dir", self.site, submission)
        request = self.cast.request()
        story.must("site", "approve", "--dir", self.site, "--all", "-o", request)
        self.cast.attach(request, "release1", "release3")
        return f"{maker}/{product}/{version}/fw.bin"

    # --- what is public ---

    @property
    def note(self):
        return (self.public / "log" / "checkpoint").read_text()

    @property
    def size(self):
        return log.read_checkpoint(self.note)[1]

    @property
    def entries(self):
        return log.read_entries(self.public / "log", self.size)

    def metadata(self, role):
        names = [p.name for p in (self.public / "metadata").glob(f"*.{role}.json")]
        return json.loads((self.public / "metadata" / max(names, key=lambda n: int(n.split(".")[0]))).read_bytes())["signed"]

    def timestamp(self):
        return (self.public / "metadata" / "timestamp.json").read_bytes()

    def tree(self):
        """{path: bytes} of all that is served."""
        return {str(p.relative_to(self.public)): p.read_bytes() for p in sorted(self.public.rglob("*")) if p.is_file()}


class Lossy:
    """Stands at a witness's address: lets it cosign what it has cosigned before, and answers 503 to more."""

    def __init__(self, one):
        self.one, host = one, one.listen
        self.size = one.seen()
        one.stop()
        back, one.listen = one.listen, "127.0.0.1:0"
        one.start()
        behind, one.listen = one.listen, back
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 20

            def log_message(self, *_args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, data, kind = 503, b"", "text/plain"
                if log.read_checkpoint(body.decode().partition("\n\n")[2])[1] <= outer.size:
                    connection = http.client.HTTPConnection(behind, timeout=20)
                    connection.request("POST", self.path, body)
                    answer = connection.getresponse()
                    status, data, kind = answer.status, answer.read(), answer.headers.get("Content-Type")
                    connection.close()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        address, port = host.rsplit(":", 1)
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        """The witness is down from here on."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
        self.server = None
        self.one.stop()


def check(case, world, quorum=2):
    """What anybody can see of a site's log: one history, all of it proven, cosigned, and in step with the metadata."""
    origin, size, root = log.read_checkpoint(world.note)
    entries = log.read_entries(world.public / "log", size)
    merkle = log.Merkle()
    for entry in entries:
        merkle.add(entry)
    case.assertEqual(merkle.root(), root)
    case.assertIsNotNone(log.is_signed(world.note, world.vkey))
    cosigned = [w for w in world.witnesses if log.is_signed(world.note, w.vkey)]
    case.assertGreaterEqual(len(cosigned), quorum)
    index, path, note, extra = log.read_proof((world.public / "proofs" / "latest.tlog-proof").read_text())
    case.assertEqual((index, path, note, extra), (size - 1, merkle.inclusion(size - 1), world.note, entries[-1]))
    stamp = json.loads(world.timestamp())["signed"]["meta"]["snapshot.json"]
    raw = (world.public / "metadata" / f"{stamp['version']}.snapshot.json").read_bytes()
    case.assertEqual(log.lines_of(extra, "snapshot")[0], (str(stamp["version"]), log.sha256(raw).hex(), str(len(raw))))
    numbered = log.read_proof((world.public / "proofs" / f"{stamp['version']}.tlog-proof").read_text())
    case.assertEqual(numbered[0], size - 1)
    case.assertEqual(numbered[3], extra)
    case.assertEqual(origin, log.parse_vkey(world.vkey)[0])
    return entries


class LoggedCase(story.Case):
    """One world for the class, which its tests leave as they like; each makes releases of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = World(cls.root / "world")
        cls.addClassCleanup(cls.world.close)
        cls.world.init()
        cls.world.cast.init_maker("acme", "Acme Chips")
        cls.world.cast.enroll("acme")
        cls.first = cls.world.approved("1.0", IMAGE)
        cls.world.publish()
        cls.world.cast.trust()
        cls.number = 0

    def setUp(self):
        super().setUp()
        self.home = self.scratch / "home"
        shutil.copytree(self.world.cast.home, self.home)
        self.addCleanup(self.all_up)

    def all_up(self):
        for one in self.world.witnesses:
            if one.process is None:
                one.start()

    def down(self, *numbers):
        for number in numbers:
            self.world.witnesses[number - 1].stop()

    def approved(self):
        type(self).number += 1
        self.data = b"firmware 2.%d " % self.number * 1000
        return self.world.approved(f"2.{self.number}", self.data)

    def run_home(self, *args, **kwargs):
        return story.hallmark(*args, home=self.home, **kwargs)

    def get(self, path, data):
        out = self.scratch / "got"
        self.assertStatus(self.run_home("get", path, "-o", out, "--no-progress"), story.GOOD)
        self.assertEqual(out.read_bytes(), data)

    def state(self):
        return self.run_home("list", "--json").json()["sites"][0]["log"]

    def check(self, quorum=2):
        return check(self, self.world, quorum)

    def assertUnchanged(self, before):
        """Nothing is served that was not before; partial tiles of older trees may have been collected."""
        now = self.world.tree()
        gone = before.keys() - now.keys()
        self.assertEqual([name for name in gone if ".p/" not in name], [])
        self.assertEqual({name for name, data in now.items() if before.get(name) != data}, set())
