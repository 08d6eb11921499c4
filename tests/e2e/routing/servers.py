"""Two servers behind a proxy which say who they are and what reached them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Telling(BaseHTTPRequestHandler):
    """Answers every request with what it was."""

    protocol_version = "HTTP/1.1"
    server_name = ""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(
            {
                "server": self.server_name,
                "method": self.command,
                "path": self.path,
                "forwarded_for": self.headers.get("X-Forwarded-For"),
                "host": self.headers.get("Host"),
                "upgrade": self.headers.get("Upgrade"),
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815  # http.server's names

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


@contextmanager
def telling(name: str) -> Iterator[int]:
    """Run a server that calls itself so until the block ends, and yield its port."""
    handler = type("Named", (_Telling,), {"server_name": name})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
