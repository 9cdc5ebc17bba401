# SPDX-License-Identifier: Apache-2.0
"""hallmark witness: one command makes one, one adds a log, one serves; and what it says over HTTP."""
import hashlib
import http.client
import json
import signal
import socket
import stat
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import log  # noqa: E402
import story  # noqa: E402
import witness  # noqa: E402

PLAIN = "text/plain; charset=utf-8"


class Folder(story.Case):
    def setUp(self):
        super().setUp()
        self.folder = self.scratch / "w"

    def test_init_prints_the_key_that_others_need(self):
        result = story.must("witness", "init", "--dir", self.folder, "--name", "w.example/one")
        vkey = [line.split()[1] for line in result.out.splitlines() if line.startswith("vkey ")][0]
        name, _ident, kind, public = log.parse_vkey(vkey)
        self.assertEqual((name, kind, len(public)), ("w.example/one", 4, 32))
        self.assertEqual(stat.S_IMODE((self.folder / "key.pem").stat().st_mode), 0o600)
        shown = story.must("witness", "show", "--dir", self.folder)
        self.assertIn(vkey, shown.out)

    def test_init_has_a_name_by_default(self):
        out = story.must("witness", "init", "--dir", self.folder, "--json").json()
        self.assertEqual(out["name"], f"{socket.gethostname()}/witness")

    def test_init_never_replaces_a_witness(self):
        vkey = witness.make(self.folder)
        self.assertStatus(story.hallmark("witness", "init", "--dir", self.folder), story.NO)
        self.assertIn(vkey, story.must("witness", "show", "--dir", self.folder).out)

    def test_wrong_use_is_told(self):
        key = log.NoteKey("log.example/a")
        for command, status in (
            (("init", "x"), story.USAGE),
            (("init", "--name", "a b"), story.USAGE),
            (("show",), story.CANNOT_TELL),
            (("log", "list"), story.CANNOT_TELL),
            (("log",), story.USAGE),
            (("log", "add"), story.USAGE),
            (("log", "drop", "x"), story.USAGE),
            (("log", "list", "x"), story.USAGE),
            (("log", "remove", "x", "--url", "https://a/"), story.USAGE),
            (("log", "add", key.vkey, "--no-such"), story.USAGE),
            (("serve", "x"), story.USAGE),
            (("serve",), story.CANNOT_TELL),
            (("srve",), story.USAGE),
        ):
            with self.subTest(command=command):
                extra = ("--dir", self.folder) if command[0] != "srve" else ()
                result = story.hallmark("witness", *command, *extra)
                self.assertStatus(result, status)
                self.assertTrue(result.err.startswith(("hallmark", "Try ")) or "option" in result.err, result.err)

    def test_logs_are_added_listed_and_removed(self):
        witness.make(self.folder)
        key, second = log.NoteKey("log.example/a"), log.NoteKey("key.example/b")
        story.must("witness", "log", "add", key.vkey, "--dir", self.folder)
        added = story.must("witness", "log", "add", second.vkey, "--origin", "log.example/a", "--url", "https://log.example/",
                           "--dir", self.folder, "--json").json()["log"]
        self.assertEqual(added, {"origin": "log.example/a", "vkeys": [key.vkey, second.vkey], "url": "https://log.example/",
                                 "hash": hashlib.sha256(b"log.example/a").hexdigest()})
        self.assertIn("log.example/a", story.must("witness", "log", "list", "--dir", self.folder).out)
        listed = story.must("witness", "log", "list", "--dir", self.folder, "--json").json()
        self.assertEqual(listed["logs"], [added])
        story.must("witness", "log", "remove", "log.example/a", "--dir", self.folder)
        self.assertEqual(story.must("witness", "log", "list", "--dir", self.folder, "--json").json()["logs"], [])
        self.assertStatus(story.hallmark("witness", "log", "remove", "log.example/a", "--dir", self.folder), story.CANNOT_TELL)

    def test_log_add_refuses_what_is_no_log_s_key(self):
        vkey = witness.make(self.folder)
        good = log.NoteKey("log.example/a").vkey
        for bad, status in ((vkey, story.USAGE), ("x", story.NO), (good[:-4], story.NO), (good.replace("+", "-"), story.NO)):
            with self.subTest(bad=bad):
                self.assertStatus(story.hallmark("witness", "log", "add", bad, "--dir", self.folder), status)


class Serving(story.Case):
    def setUp(self):
        super().setUp()
        self.folder = self.scratch / "w"
        self.vkey = witness.make(self.folder)
        self.key = log.NoteKey("log.example/a")
        self.log = witness.Grower(self.key)
        self.fork = witness.Grower(self.key, fork=2)
        story.must("witness", "log", "add", self.key.vkey, "--dir", self.folder)

    def cosigned(self, answer, size):
        """The time of the cosignature in an answer to a request about the log's first size entries."""
        status, kind, body = answer
        self.assertEqual((status, kind), (200, PLAIN), body)
        note = self.log.note(size) + body.decode()
        self.assertIsNotNone(log.is_signed(note, self.key.vkey))
        when = log.is_signed(note, self.vkey)
        self.assertIsNotNone(when, body)
        return when

    def monitored(self, server):
        status, kind, body = server.ask("GET", f"/{hashlib.sha256(self.key.name.encode()).hexdigest()}/checkpoint")
        self.assertEqual((status, kind), (200, PLAIN))
        self.assertIsNotNone(log.is_signed(body.decode(), self.key.vkey))
        self.assertIsNotNone(log.is_signed(body.decode(), self.vkey))
        return log.read_checkpoint(body.decode())[1]

    def test_a_log_s_life(self):
        with witness.Process(self.folder) as server:
            hash_ = hashlib.sha256(self.key.name.encode()).hexdigest()
            self.assertEqual(server.ask("GET", f"/{hash_}/checkpoint")[0], 404)
            first = self.cosigned(server.add(*self.log.request(0, 3)), 3)
            self.assertGreaterEqual(self.cosigned(server.add(*self.log.request(3, 300)), 300), first)
            self.cosigned(server.add(*self.log.request(300, 300)), 300)
            self.assertEqual(server.add(*self.log.request(3, 301)), (409, "text/x.tlog.size", b"300\n"))
            self.assertEqual(server.add(*self.fork.request(300, 300))[0], 422)
            self.assertEqual(server.add(*self.fork.request(300, 400))[0], 422)
            self.assertEqual(self.monitored(server), 300)
            self.assertEqual(server.stop(), 0)
        logged = [line for line in server.lines if line["event"] == "request"]
        self.assertEqual([line["status"] for line in logged], [404, 200, 200, 200, 409, 422, 422, 200])
        self.assertEqual({(line["origin"], line["old_size"], line["size"]) for line in logged[1:3]},
                         {("log.example/a", 0, 3), ("log.example/a", 3, 300)})
        self.assertTrue(all("why" in line for line in logged if line["status"] != 200))
        self.assertEqual(server.lines[-1]["event"], "stopped")
        shown = story.must("witness", "show", "--dir", self.folder, "--json").json()["logs"][0]
        self.assertEqual((shown["size"], shown["root"]), (300, self.log.merkle.root(300).hex()))
        self.assertIn("300", story.must("witness", "show", "--dir", self.folder).out)
        with witness.Process(self.folder) as server:
            self.assertEqual(server.add(*self.log.request(0, 301)), (409, "text/x.tlog.size", b"300\n"))
            self.assertEqual(server.add(*self.fork.request(300, 301))[0], 422)
            self.cosigned(server.add(*self.log.request(300, 301)), 301)

    def test_statuses(self):
        stranger = witness.Grower(log.NoteKey("log.example/stranger"))
        impostor = witness.Grower(log.NoteKey(self.key.name))
        with witness.Process(self.folder) as server:
            for what, status in (
                (b"", 400), (b"old 0\n", 400), (b"old 0\n\nnonsense\n", 400), (b"\xff\n\n", 400),
                (("old 5\n\n" + self.log.note(3)).encode(), 400),
                (("old 0\n\n" + stranger.note(3)).encode(), 404),
                (("old 0\n\n" + impostor.note(3)).encode(), 403),
                (("old 0\n\n" + self.log.note(3).replace("\n3\n", "\n4\n")).encode(), 403),
                (("old 0\n" + log.b64(bytes(32)) + "\n\n" + self.log.note(3)).encode(), 422),
                (b"x" * 200000, 413),
            ):
                with self.subTest(what=what[:60]):
                    answer = server.ask("POST", "/add-checkpoint", what)
                    self.assertEqual(answer[0], status, answer)
            for method, path, status in (("GET", "/", 200), ("GET", "/add-checkpoint", 405), ("PUT", "/add-checkpoint", 405),
                                         ("GET", "/none", 404), ("GET", "/../../etc/passwd", 404), ("POST", "/", 404),
                                         ("GET", f"/{'0' * 64}/checkpoint", 404), ("GET", f"/{'..%2f' * 13}/checkpoint", 404)):
                with self.subTest(path=path, method=method):
                    self.assertEqual(server.ask(method, path)[0], status)
            self.assertIn(self.vkey, server.ask("GET", "/")[2].decode())
            self.assertEqual(server.stop(), 0)

    def test_logs_may_be_added_while_it_serves(self):
        other = witness.Grower(log.NoteKey("log.example/b"))
        with witness.Process(self.folder) as server:
            self.assertEqual(server.add(*other.request(0, 1))[0], 404)
            story.must("witness", "log", "add", other.key.vkey, "--dir", self.folder)
            self.assertEqual(server.add(*other.request(0, 1))[0], 200)
            story.must("witness", "log", "remove", other.key.name, "--dir", self.folder)
            self.assertEqual(server.add(*other.request(1, 2))[0], 404)
            story.must("witness", "log", "add", other.key.vkey, "--dir", self.folder)
            self.assertEqual(server.add(*other.request(0, 2)), (409, "text/x.tlog.size", b"1\n"))

    def test_what_is_under_way_is_finished_at_the_end(self):
        with witness.Process(self.folder) as server:
            connection = server.connection()
            body = ("old 0\n\n" + self.log.note(3)).encode()
            connection.putrequest("POST", "/add-checkpoint")
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Expect", "100-continue")
            connection.endheaders()
            told = b""  # that the request's head was read: only then is it under way
            while not told.endswith(b"\r\n\r\n"):
                told += connection.sock.recv(1)
            self.assertIn(b" 100 ", told)
            connection.send(body[:20])
            server.process.send_signal(signal.SIGTERM)
            connection.send(body[20:])
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            answer.read()
            connection.close()
            self.assertEqual(server.wait(), 0)

    def test_one_serves_at_a_time(self):
        with witness.Process(self.folder) as server:
            self.assertStatus(story.hallmark("witness", "serve", "--dir", self.folder, "--listen", "127.0.0.1:0"), story.CANNOT_TELL)
            other = self.scratch / "other"
            witness.make(other, "w.example/two")
            self.assertStatus(story.hallmark("witness", "serve", "--dir", other, "--listen", server.address), story.CANNOT_TELL)
            self.assertStatus(story.hallmark("witness", "serve", "--dir", other, "--listen", "nowhere"), story.USAGE)

    def test_unix_socket(self):
        path = self.scratch / "s"
        with witness.Process(self.folder, f"unix:{path}") as server:
            connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(20)
            connection.sock.connect(str(path))
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            self.assertEqual(server.stop(), 0)
        self.assertFalse(path.exists())

    def test_a_forged_line_of_its_own_key_poisons_nothing(self):
        name, ident, _kind, _public = log.parse_vkey(self.vkey)
        forged = f"{log.DASH} {name} {log.b64(ident + bytes(72))}\n"
        with witness.Process(self.folder) as server:
            status, _kind, body = server.add(0, [], self.log.note(3) + forged)
            self.assertEqual(status, 200)
            self.assertEqual(self.monitored(server), 3)
            self.assertEqual(server.stop(), 0)
        with witness.Process(self.folder) as server:
            self.cosigned(server.add(*self.log.request(3, 4)), 4)

    def test_a_damaged_state_stops_that_log_alone(self):
        other = witness.Grower(log.NoteKey("log.example/b"))
        story.must("witness", "log", "add", other.key.vkey, "--dir", self.folder)
        state = self.folder / "logs" / hashlib.sha256(self.key.name.encode()).hexdigest() / "checkpoint"
        with witness.Process(self.folder) as server:
            self.assertEqual(server.add(*self.log.request(0, 3))[0], 200)
            server.stop()
        state.write_text(state.read_text()[:-20])
        with witness.Process(self.folder) as server:
            self.assertEqual(server.add(*self.log.request(3, 4))[0], 500)
            self.assertEqual(server.add(*other.request(0, 1))[0], 200)
            server.stop()
        why = [line["why"] for line in server.lines if line.get("status") == 500]
        self.assertIn("not what this witness wrote", why[0])
        self.assertStatus(story.hallmark("witness", "show", "--dir", self.folder), story.NO)


if __name__ == "__main__":
    unittest.main(verbosity=2)
