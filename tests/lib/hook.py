# SPDX-License-Identifier: Apache-2.0
"""A webhook on loopback that remembers what it was told."""
import http.server
import json
import threading


class Hook:
    """A webhook on loopback; statuses: what it answers with, one a request, then 200."""

    def __init__(self):
        self.bodies, self.statuses, outer = [], [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 20

            def log_message(self, *_args):
                pass

            def do_POST(self):
                outer.kind = self.headers["Content-Type"]
                outer.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook?token=secret"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)

    def told(self):
        return [alarm["id"] for body in self.bodies for alarm in body["alarms"]]
