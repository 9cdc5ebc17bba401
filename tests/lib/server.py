# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server on loopback for tests and the demo: a folder, or misbehaviour on chosen paths."""
import http.server
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import unquote


class Server:
    """Serves a folder on 127.0.0.1. rules: {path suffix: function(handler)} replaces the answer for matching paths."""

    def __init__(self, folder, rules=None, certificate=None):
        self.folder = Path(folder)
        self.rules = dict(rules or {})
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20
            disable_nagle_algorithm = True  # else each answer waits for a delayed acknowledgement

            def log_message(self, *_args):
                pass

            def do_GET(self):
                outer.requests.append(self.path)
                for suffix, rule in outer.rules.items():
                    if unquote(self.path).endswith(suffix):
                        rule(self)
                        return
                outer.serve(self)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_args: None  # a client that hangs up is no failure of the server's
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.http.server_port}/"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)

    def serve(self, handler):
        path = handler.path.split("?")[0]
        if path.startswith("http://"):  # asked as a proxy
            path = path.split("/", 3)[3]
        parts = unquote(path).lstrip("/").split("/")
        where = self.folder.joinpath(*parts)
        if ".." in parts or not where.is_file():
            answer(handler, 404, b"not found\n")
            return
        size = where.stat().st_size
        wanted = handler.headers.get("Range", "")
        packed = where.with_name(where.name + ".gz")
        if not wanted and "gzip" in handler.headers.get("Accept-Encoding", "") and packed.is_file():
            send_file(handler, packed, 200, 0, packed.stat().st_size, {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
            return
        if wanted.startswith("bytes=") and wanted.endswith("-"):
            start = int(wanted[6:-1])
            if start >= size:
                answer(handler, 416, b"", {"Content-Range": f"bytes */{size}"})
                return
            send_file(handler, where, 206, start, size, {"Content-Range": f"bytes {start}-{size - 1}/{size}"})
            return
        send_file(handler, where, 200, 0, size, {})


def send_file(handler, where, code, start, size, headers):
    """Zero-copy, so that the server is no bottleneck in benchmarks."""
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(size - start))
    handler.end_headers()
    handler.wfile.flush()
    with open(where, "rb") as file:
        try:
            handler.connection.sendfile(file, start)
        except OSError:
            handler.close_connection = True


def answer(handler, status, body, headers=None):
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def endless(handler):
    """Never stops by itself; bounded here at 2 GiB so that a client without a limit fails visibly, not for ever."""
    handler.send_response(200)
    handler.end_headers()
    block = b"A" * 65536
    try:
        for _ in range(32768):
            handler.wfile.write(block)
    except OSError:
        pass
    handler.close_connection = True


def cut_after(count, folder):
    """Sends the right headers and only the first count bytes, then hangs up."""

    def rule(handler):
        data = Path(folder).joinpath(*unquote(handler.path).lstrip("/").split("/")).read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:count])
        handler.wfile.flush()
        time.sleep(0.05)
        handler.close_connection = True

    return rule


def status(code):
    return lambda handler: answer(handler, code, b"")


def body(data):
    return lambda handler: answer(handler, 200, data)
