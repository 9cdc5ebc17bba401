# SPDX-License-Identifier: Apache-2.0
"""Plays docs/operations.md from top to bottom: every block marked ```sh test WHO... runs as that person, in one world.

The words behind "sh test":  names of people: the block runs once for each, in a folder of his own, with his own home and shell variables
                             at=+90d: from here on it is that long after the start
                             exit=N: the last command ends with this exit status
                             stays=yes: a server, which stays until stops=yes of the same person, or the end

A person answers prompts on a terminal of his own: passphrases, "Sign this? [y/N]", "Type yes". /srv, /media/stick and the site's URL
stand in the scratch folder.
"""
import fcntl
import http.client
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import story  # noqa: E402

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
PAGE = story.SOURCE / "docs" / "operations.md"
ANSWERS = [(rb"assphrase[^\n]*: $", b"correct horse battery\n"), (rb"Once more: $", b"correct horse battery\n"),
           (rb"\[y/N\] $", b"y\n"), (rb"Type yes to trust the site: $", b"yes\n")]


class Block:
    def __init__(self, section, line, words, text):
        self.section, self.line, self.text = section, line, text
        self.people = [word for word in words if "=" not in word]
        settings = dict(word.split("=", 1) for word in words if "=" in word)
        self.at = settings.pop("at", None)
        self.exit = int(settings.pop("exit", 0))
        self.stays, self.stops = settings.pop("stays", None), settings.pop("stops", None)
        if settings or not self.people:
            raise AssertionError(f"line {line}: what is {settings or 'a block of nobody'}?")


def read_blocks():
    blocks, section, fence = [], "", None
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        if fence is None and line.startswith("## "):
            section = line[3:]
        elif fence is None and line.startswith("```"):
            fence = (number, line[3:].split(), [])
        elif fence is not None and line == "```":
            if fence[1][:2] == ["sh", "test"]:
                blocks.append(Block(section, fence[0], fence[1][2:], "\n".join(fence[2])))
            fence = None
        elif fence is not None:
            fence[2].append(line)
    return blocks


def run_on_terminal(command, env, cwd, timeout=60):
    """(exit status, output) of a command that has a terminal, whose questions are answered."""
    master, slave = pty.openpty()

    def own_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=cwd, preexec_fn=own_terminal)
    output, answered, deadline = b"", 0, time.monotonic() + timeout
    while True:
        is_over = process.poll() is not None
        ready, _, _ = select.select([master], [], [], 0 if is_over else 0.05)
        if ready:
            output += os.read(master, 65536)  # this end holds the other one open too, so it never ends by itself
            for question, answer in ANSWERS:
                if re.search(question, output[answered:]):
                    answered = len(output)
                    os.write(master, answer)
                    break
        elif is_over:
            break
        if time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            output += b"\n(stopped: it took too long)"
            break
    os.close(master)
    os.close(slave)
    return process.wait(), output.decode(errors="replace").replace("\r\n", "\n")


class World:
    """The machines and folders of everybody."""

    def __init__(self, root):
        self.root = Path(root)
        self.at = None
        self.servers, self.ports = {}, {}
        for name in ("srv", "media/stick", "people", "bin"):
            (self.root / name).mkdir(parents=True)
        (self.root / "bin" / "hallmark").symlink_to(story.HALLMARK)

    def folder(self, person):
        folder = self.root / "people" / person
        if not folder.exists():
            folder.mkdir()
            (folder / ".bashrc").write_text("")
            for name, size in (("efi-e1000.rom", 70000), ("efi-e1000e.rom", 90000), ("tps-4.2.bin", 4096)):
                (folder / name).write_bytes(name.encode() * (size // len(name)))
        return folder

    def translate(self, text):
        text = text.replace("https://firmware.example/", f"file://{self.root}/srv/globex/public/")
        text = re.sub(r"127\.0\.0\.1:(738\d)", lambda match: f"127.0.0.1:{self.port(match[1])}", text)
        return re.sub(r"(?<![\w.}/])/(srv|media)/", rf"{self.root}/\1/", text)

    def port(self, number):
        """A free one that stands for this."""
        if number not in self.ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.ports[number] = probe.getsockname()[1]
        return self.ports[number]

    def start(self, person, command, env, folder):
        self.stop(person)
        process = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   start_new_session=True)
        self.servers[person] = process
        ready, _, _ = select.select([process.stderr], [], [], 30)  # it says where it listens
        line = os.read(process.stderr.fileno(), 65536) if ready else b""
        return (0 if b"listening" in line else 1), line.decode()

    def stop(self, person):
        process = self.servers.pop(person, None)
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            process.stderr.close()

    def run(self, block, person):
        folder = self.folder(person)
        if block.stops:
            self.stop(person)
        # "export" and "cd" last, as in a person's own shell.
        script = (f". {folder}/.bashrc\nset -eu -o pipefail\n{self.translate(block.text)}\n")
        keep = [line for line in block.text.splitlines() if line.startswith("export ")]
        env = {key: value for key, value in os.environ.items() if not key.startswith(("HALLMARK", "XDG_")) and "proxy" not in key.lower()}
        env.update({"USER": person, "HOME": str(folder), "HALLMARK_HOME": str(folder / ".local/share/hallmark"), "TERM": "dumb",
                    "PATH": f"{self.root}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"})
        command = story.at_time(["bash", "--norc", "-c", script], self.at, env)
        if block.stays:
            return self.start(person, command, env, folder)
        status, output = run_on_terminal(command, env, folder)
        with open(folder / ".bashrc", "a", encoding="utf-8") as bashrc:
            bashrc.writelines(self.translate(line) + "\n" for line in keep)
        return status, output


class Operations(unittest.TestCase):
    def test_the_page_can_be_followed(self):
        blocks = read_blocks()
        self.assertGreater(len(blocks), 30)
        with story.tempfile.TemporaryDirectory(prefix="hallmark-test.") as root:
            world = World(root)
            self.addCleanup(lambda: [world.stop(person) for person in list(world.servers)])
            for block in blocks:
                world.at = block.at or world.at
                for person in block.people:
                    status, output = world.run(block, person)
                    if os.environ.get("HALLMARK_SHOW"):
                        print(f"---- {block.section} ({person}, line {block.line}, at {world.at})\n{output}")
                    self.assertEqual(status, block.exit, f"operations.md line {block.line}, '{block.section}', as {person}:\n{block.text}\n{output}")

    @unittest.skipUnless(NGINX, "nginx is not installed")
    def test_the_nginx_configuration_serves_a_site(self):
        server = re.search(r"^```nginx\n(.*?)^```$", PAGE.read_text(), re.M | re.S)[1]
        with story.tempfile.TemporaryDirectory(prefix="hallmark-test.") as name, socket.socket() as probe:
            root = Path(name)
            root.chmod(0o755)  # the workers are another user
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            story.must("site", "init", "--trial", "--dir", root / "site", "--name", "globex", "--url", f"http://127.0.0.1:{port}/")
            server = re.sub(r"^.*\bssl_certificate.*\n", "", server, flags=re.M).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
            server = server.replace("/srv/globex", str(root / "site"))
            user = "user root;" if os.geteuid() == 0 else ""
            (root / "nginx.conf").write_text(f"{user} daemon off; pid {root}/pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n{server}}}\n")
            nginx = subprocess.Popen([NGINX, "-p", name, "-e", "stderr", "-c", root / "nginx.conf"], stderr=subprocess.PIPE, text=True)
            self.addCleanup(nginx.stderr.close)
            try:
                self.check_headers(f"http://127.0.0.1:{port}/")
                added = story.hallmark("trust", "add", "globex", f"http://127.0.0.1:{port}/", "--trust",
                                       root / "site/public/hallmark.trust", home=root / "home")
                self.assertEqual(added.status, 0, added.err)
            finally:
                nginx.terminate()
                nginx.wait(10)

    def check_headers(self, url):
        for path, status, cache in (("metadata/timestamp.json", 200, "no-cache"), ("metadata/1.root.json", 200, "no-cache"),
                                    ("metadata/2.root.json", 404, "no-cache"), ("hallmark.trust", 200, "no-cache"),
                                    ("metadata/1.targets.json", 200, "public, max-age=31536000, immutable"),
                                    ("../private/site.json", 400, None)):
            for attempt in range(50):
                connection = http.client.HTTPConnection("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/")), timeout=5)
                try:
                    connection.request("GET", "/" + path)
                    answer = connection.getresponse()
                    break
                except OSError:  # it is starting
                    time.sleep(0.1)
                finally:
                    connection.close()
            self.assertEqual((answer.status, answer.getheader("Cache-Control")), (status, cache), path)

    def test_commands_in_the_text_exist(self):
        """Inline code that begins with "hallmark", and table cells that go on with more commands."""
        seen = 0
        for line in PAGE.read_text().splitlines():
            for code in re.findall(r"`([^`]+)`", line):
                words = code.split()
                if words[0] == "hallmark":
                    words = words[1:]
                if not words or words[0] not in ("key", "sign", "maker", "site", "trust", "list", "get", "sync", "verify", "tuf", "witness"):
                    continue
                grouped = words[0] in ("key", "maker", "site", "trust", "witness")
                if grouped and len(words) == 1:
                    continue
                seen += 1
                result = story.hallmark(*words[:2 if grouped else 1], "--help")
                self.assertEqual(result.status, 0, f"`{code}`: no such command")
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code):
                    self.assertIn(option, result.out, f"`{code}`: no such option")
        self.assertGreater(seen, 40)


if __name__ == "__main__":
    unittest.main(verbosity=2)
