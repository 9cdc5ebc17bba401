# SPDX-License-Identifier: Apache-2.0
"""What a customer, or somebody who is none, tries at a site's server: each beside a control that succeeds."""
import base64
import os
import socket
import ssl
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import serving  # noqa: E402

HOST = "Host: x\r\n"


class Server(serving.Case):
    def raw(self, server, data, half_close=False, wait=20):
        """Everything that the server answers to these bytes, until it closes or is silent for a second after an answer."""
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=wait)
        sock = plain if server.trial else ssl.create_default_context(cafile=server.ca).wrap_socket(plain, server_hostname="127.0.0.1")
        got = b""
        try:
            sock.sendall(data)
            if half_close and server.trial:
                sock.shutdown(socket.SHUT_WR)
            while True:
                part = sock.recv(65536)
                if not part:
                    return got
                got += part
                sock.settimeout(1)
        except (TimeoutError, ConnectionError, ssl.SSLError):
            return got
        finally:
            sock.close()

    def get(self, server, path, token, extra=""):
        head = f"GET {path} HTTP/1.1\r\n{HOST}Connection: close\r\n"
        head += f"Authorization: {serving.authorization(token)}\r\n" if token else ""
        return self.raw(server, (head + extra + "\r\n").encode("latin-1"))

    def status(self, answer):
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None

    def test_one_customer_learns_nothing_of_another(self):
        mine, other = self.customer("dc1", "acme"), self.customer("dc2", "initech")
        for trial in (False, True):
            with self.subTest(trial=trial), self.serve(trial=trial) as server:
                self.assertEqual(server.status(self.path_of("acme"), mine), 200)
                self.assertEqual(server.status(self.path_of("initech"), other), 200)
                # There or not: the same answer, byte for byte, and no name in it.
                there, gone = (server.ask(p, mine) for p in (self.path_of("initech"), "/targets/initech/no/1/x"))
                drop = {"date", "etag", "last-modified"}
                self.assertEqual((there[0], there[2], {k: v for k, v in there[1].items() if k not in drop}),
                                 (gone[0], gone[2], {k: v for k, v in gone[1].items() if k not in drop}))
                self.assertEqual(there[0], 403)
                self.assertNotIn(b"initech", there[2] + str(there[1]).encode())
                # A known and an unknown customer's name with a wrong secret: the same answer.
                wrong = "hm1_" + "A" * 43
                for path in ("/metadata/timestamp.json", self.path_of("initech")):
                    answers = [server.ask(path, f"{user}.{wrong}") for user in ("dc2.1", "dc2.7", "nobody.1", "dc2.0", "-.1", "..", "dc2.01")]
                    self.assertEqual({(a[0], a[2]) for a in answers}, {(401, answers[0][2])})
                    self.assertEqual({a[1].get("www-authenticate") for a in answers}, {'Basic realm="hallmark"'})
                # Another's secret under one's own name, and the other way about.
                secret = other.rsplit(".", 1)[1]
                for token in (f"dc1.1.{secret}", f"dc2.2.{secret}"):
                    for path in ("/metadata/timestamp.json", self.path_of("initech")):
                        self.assertEqual(server.status(path, token), 401)

    def test_what_ended_is_refused_at_once(self):
        tokens = {name: self.customer(name, "acme") for name in ("revoked", "disabled", "ungranted", "control")}
        self.must("customer", "add", "expired")
        self.must("grant", "expired", "acme")
        tokens["expired"] = self.must("token", "add", "expired", "--expires", "4s", "--json").json()["token"]
        end = time.monotonic() + 4
        path, metadata = self.path_of("acme"), "/metadata/timestamp.json"
        with self.serve() as server:
            kept = {name: server.connection() for name in tokens}  # a connection that is open already is no way around
            for name, token in tokens.items():
                for scheme in ("basic", "bearer"):
                    for one in (path, metadata):
                        self.assertEqual(serving.ask_on(kept[name], one, token, scheme=scheme)[0], 200, name)
            self.must("token", "revoke", "revoked", "1")
            self.must("customer", "disable", "disabled")
            self.must("revoke", "ungranted", "acme")
            time.sleep(max(0, end + 0.5 - time.monotonic()))
            for name, token in tokens.items():
                wanted = {"control": (200, 200), "ungranted": (403, 200)}.get(name, (401, 401))
                for scheme in ("basic", "bearer"):
                    got = tuple(serving.ask_on(kept[name], one, token, scheme=scheme)[0] for one in (path, metadata))
                    self.assertEqual(got, wanted, (name, scheme))
            self.assertNotIn("disabled.1", os.listdir(self.run_folder / "passwords"))
            for connection in kept.values():
                connection.close()

    def test_paths(self):
        token = self.customer("dc1", "acme")
        public = self.site / "public"
        image, stranger = self.path_of("acme"), self.path_of("initech")
        (public / "metadata/.hidden.json").write_text("secret")
        (public / "targets/acme/nic/1.0/.x.partial").write_text("secret")
        links = [public / "metadata/9.link.json", public / "targets/acme/nic/1.0/link.bin", public / "log"]
        made = [link for link in links if not link.exists()]
        for link in made:
            link.symlink_to(self.site / "private" / ("" if link.name == "log" else "site.json"))
        self.addCleanup(lambda: [link.unlink() for link in made])
        self.addCleanup((public / "targets/acme/nic/1.0/.x.partial").unlink)
        self.addCleanup((public / "metadata/.hidden.json").unlink)
        name = image.rsplit("/", 1)[1]
        for trial in (False, True):
            with self.subTest(trial=trial), self.serve(trial=trial) as server:
                self.assertEqual(self.status(self.get(server, image, token)), 200)
                self.assertEqual(self.status(self.get(server, "/targets/%61cme/nic/1.0/" + name, token)), 200)
                for path in ("/private/site.json", "/../private/site.json", "/metadata/../../private/site.json", "/metadata/..%2f..%2fprivate/site.json",
                             "/metadata/%2e%2e/%2e%2e/private/site.json", "/metadata/..%5c..%5cprivate%5csite.json", "/metadata/.hidden.json",
                             "/targets/acme/nic/1.0/.x.partial", "/metadata/9.link.json", "/log/site.json", "/targets/acme/nic/1.0/link.bin",
                             "/metadata", "/metadata/", "/targets", "/targets/", "/targets/acme/nic/1.0/", "/targets/acme", "/", "//", "/%00",
                             "/metadata/1.root.json%00", "/metadata/1.root.json/", "/metadata/1.root.json/x", "/-/image" + image[8:], "/-/bearer/hallmark.trust",
                             "/-/authorize", "/authorize", "/status", "/health", "/metrics", "*", "/targets/recalls/../acme/nic/1.0/" + name + "x",
                             "/targets/ACME/nic/1.0/" + name, "/targets/acme/nic/1.0/" + name + "%0d%0aX-Accel-Redirect:%20/x",
                             "/" + "a" * 3000, "/targets/acme/nic/1.0/" + "b" * 900, "/metadata/%ff%fe", "/metadata/%", "/metadata/%zz"):
                    answer = self.get(server, path, token)
                    self.assertIn(self.status(answer), (400, 401, 403, 404, 414), (path, answer[:200]))
                    self.assertNotIn(b"secret", answer)
                    self.assertNotIn(b"hallmark/site/1", answer)
                # One path, decided on and served: no spelling of another maker's image gets through.
                rest = stranger.split("/initech/")[1]
                for path in ("/targets/acme/../initech/" + rest, "/targets/acme/%2e%2e/initech/" + rest, "/targets/acme/..%2finitech/" + rest,
                             "/targets//initech/" + rest, "/targets/./initech/" + rest, "/targets/init%65ch/" + rest, "/targets/%69nitech/" + rest,
                             "/metadata/../targets/initech/" + rest, "/targets/recalls/../initech/" + rest, "/targets/initech/" + rest + "?x=/targets/acme",
                             "http://x" + stranger, "/targets/initech/" + rest + "#/targets/acme", "/targets/initech%2f" + rest):
                    answer = self.get(server, path, token)
                    self.assertIn(self.status(answer), (400, 403, 404), (path, answer[:200]))
                self.assertEqual(self.status(self.get(server, stranger, None)), 401)

    def test_headers(self):
        token, other = self.customer("dc1", "acme"), self.customer("dc2", "initech")
        good = serving.authorization(token)
        user, _, secret = token.rpartition(".")
        loose = base64.b64encode(f"{user}:{secret}\n".encode()).decode()
        for trial in (False, True):
            with self.subTest(trial=trial), self.serve(trial=trial) as server:
                for path, control in (("/metadata/timestamp.json", 200), (self.path_of("acme"), 200)):
                    self.assertEqual(self.status(self.get(server, path, token)), control)
                    for header in ("", "Authorization:\r\n", "Authorization: Basic\r\n", "Authorization: Basic =\r\n", "Authorization: Basic !!!!\r\n",
                                   "Authorization: Bearer\r\n", f"Authorization: Bearer {token}x\r\n", f"Authorization: Bearer {token} {token}\r\n",
                                   f"Authorization: Digest {token}\r\n", f"Authorization: Basic {loose}\r\n", f"Authorization: {good}AAAA\r\n",
                                   f"Cookie: token={token}\r\n", f"X-Hallmark-Customer: dc1\r\nX-Accel-Redirect: {path}\r\n", "X-Forwarded-For: 127.0.0.1\r\n",
                                   f"X-Original-URI: {path}\r\nX-Rewrite-URL: {path}\r\n"):
                        answer = self.get(server, path, None, header)
                        self.assertIn(self.status(answer), (400, 401), (path, header, answer[:200]))
                # What a client calls itself counts for nothing.
                for header in (f"X-Accel-Redirect: /-/image{self.path_of('initech')[8:]}\r\n", f"X-Original-URI: {self.path_of('acme')}\r\n",
                               "X-Hallmark-Customer: dc2\r\n"):
                    self.assertEqual(self.status(self.get(server, self.path_of("initech"), token, header)), 403)
                # Two tokens in one request are no more than one of them.
                twice = self.get(server, self.path_of("initech"), token, f"Authorization: {serving.authorization(other)}\r\n")
                self.assertIn(self.status(twice), (400, 401, 403))
                for request in (f"GET /hallmark.trust HTTP/1.1\r\n{HOST}X: {'a' * 70000}\r\n\r\n", "GET /hallmark.trust HTTP/9.9\r\n\r\n",
                                f"GET  /hallmark.trust HTTP/1.1\r\n{HOST}\r\n", "\r\n" * 50 + "nonsense\r\n\r\n", "GET\0/ HTTP/1.1\r\n\r\n",
                                f"POST /hallmark.trust HTTP/1.1\r\n{HOST}Content-Length: 99999999999\r\n\r\n",
                                f"POST /hallmark.trust HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                                f"TRACE / HTTP/1.1\r\n{HOST}\r\n", f"CONNECT x:443 HTTP/1.1\r\n{HOST}\r\n", f"PUT /hallmark.trust HTTP/1.1\r\n{HOST}Content-Length: 1\r\n\r\nx",
                                f"DELETE /hallmark.trust HTTP/1.1\r\n{HOST}\r\n", f"OPTIONS * HTTP/1.1\r\n{HOST}\r\n"):
                    self.assertNotEqual(self.status(self.raw(server, request.encode())), 200, request[:60])
                # A body that hides a second request is that request at most: decided on by itself.
                hidden = f"GET {self.path_of('initech')} HTTP/1.1\r\n{HOST}Authorization: {good}\r\n\r\n"
                smuggled = (f"GET /metadata/timestamp.json HTTP/1.1\r\n{HOST}Authorization: {good}\r\nContent-Length: {len(hidden)}\r\n\r\n" + hidden).encode()
                self.assertEqual(self.raw(server, smuggled).count(b" 200 OK"), 0 if server.trial and b" 413" in self.raw(server, smuggled) else 1)
                self.assertEqual(server.status(self.path_of("acme"), token), 200)

    def test_slow_and_half_closed_connections_stop_nobody(self):
        token = self.customer("dc1", "acme")
        request = f"GET {self.path_of('acme')} HTTP/1.1\r\n{HOST}Authorization: {serving.authorization(token)}\r\n\r\n".encode()
        held = []
        with self.serve() as server:
            context = ssl.create_default_context(cafile=server.ca)
            for i in range(120):
                plain = socket.create_connection(("127.0.0.1", server.port), timeout=20)
                held.append(plain)
                if i % 3 == 0:
                    plain.sendall(b"\x16\x03\x01")  # a handshake that never goes on
                    continue
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                tls = context.wrap_socket(plain, server_hostname="127.0.0.1")
                held[-1] = tls
                # One half asks and never reads, the other never ends its head.
                tls.sendall(request if i % 3 == 1 else request[:-3])
            begin = time.monotonic()
            for _ in range(20):
                self.assertEqual(server.status(self.path_of("acme"), token), 200)
            self.assertLess(time.monotonic() - begin, 10)
            # A head that does not end is cut off.
            held[2].settimeout(25)
            self.assertIn(held[2].recv(4096)[:12], (b"", b"HTTP/1.1 408"))
            for one in held:
                one.close()
            self.assertEqual(server.status(self.path_of("acme"), token), 200)
            self.assertEqual(server.metrics()["hallmark_worker_restarts_total"], 0)
        with self.serve(trial=True) as server:
            answer = self.raw(server, request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), half_close=True)
            self.assertEqual(self.status(answer), 200)
            self.assertTrue(answer.endswith((self.images / "acme.bin").read_bytes()))

    def test_limits(self):
        token, other = self.customer("dc1", "acme"), self.customer("dc2", "acme")
        with self.serve("--rate", "1", "--connections", "2", "--bytes-per-second", "30000") as server:
            connection = server.connection()
            got = [serving.ask_on(connection, "/metadata/timestamp.json", token)[0] for _ in range(40)]
            self.assertEqual(set(got), {200, 429})
            self.assertGreaterEqual(got.count(200), 20)
            self.assertEqual(got[-1], 429)
            # One customer's limit is not another's, and whoever names a customer does not use up what is his.
            self.assertEqual(serving.ask_on(connection, "/metadata/timestamp.json", other)[0], 200)
            for _ in range(30):
                serving.ask_on(connection, "/metadata/timestamp.json", "dc2.1.hm1_" + "x" * 43)
            self.assertEqual(serving.ask_on(connection, "/metadata/timestamp.json", other)[0], 200)
            connection.close()
            statuses = []

            def download():
                statuses.append(server.status(self.path_of("acme"), other))

            threads = [threading.Thread(target=download) for _ in range(5)]
            begin = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(statuses), [200, 200, 429, 429, 429])
            self.assertGreater(time.monotonic() - begin, 5, "300 kB at 30 kB a second")

    def test_killed_under_load_nobody_gets_what_is_not_his(self):
        token = self.customer("dc1", "acme")
        image = (self.images / "acme.bin").read_bytes()
        wrong, done, failed, stop = [], [], [], threading.Event()
        with self.serve() as server:
            def load():
                while not stop.is_set():
                    try:
                        mine, theirs = server.ask(self.path_of("acme"), token), server.status(self.path_of("initech"), token)
                    except (OSError, EOFError, __import__("http").client.HTTPException):
                        failed.append(1)
                        continue
                    done.append(1)
                    if (mine[0] == 200 and mine[2] != image) or mine[0] not in (200, 503) or theirs not in (403, 503):
                        wrong.append((mine[0], len(mine[2]), theirs))

            threads = [threading.Thread(target=load) for _ in range(4)]
            for thread in threads:
                thread.start()
            for i in range(6):
                time.sleep(0.4)
                os.kill(server.child("nginx" if i == 3 else "--worker"), 9)
                self.assertIsNotNone(server.event("started-again"))
            time.sleep(0.5)
            stop.set()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])
            self.assertGreater(len(done), 50)
            self.assertEqual(server.status(self.path_of("acme"), token), 200)
            self.assertEqual(server.stop(), 0)

    def test_a_worker_cannot_do_more_than_decide(self):
        token = self.customer("dc1", "acme")
        with self.serve() as server:
            self.assertEqual(server.status(self.path_of("acme"), token), 200)
            pid = server.child("--worker")
            opened = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            private = str(self.site / "private")
            self.assertEqual([path for path in opened if path.startswith(private) and "/serve/" not in path], [])
            maps = Path(f"/proc/{pid}/maps").read_text()
            self.assertNotIn("accounts.db", maps)
            secret = token.rsplit(".", 1)[1]
            for path in self.run_folder.rglob("*"):
                if path.is_file():
                    self.assertNotIn(secret.encode(), path.read_bytes(), path)
            self.assertNotIn(b"PRIVATE KEY", b"".join(path.read_bytes() for path in self.run_folder.rglob("*") if path.is_file()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
