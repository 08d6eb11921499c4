"""Bridges that say what a test wants, at addresses of this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec

from bridge.rollout.gates import Measure, Watch
from bridge.rollout.plan_file import read_plan_file
from bridge.rollout.status import RolloutStatus, plan_status

TOKEN = "an-operators-token-of-some-length"
Answer = Callable[[], tuple[int, bytes]]


def following(
    plan: Path,
    *,
    minutes: float = 60,
    lag: float | None = 1,
    revision: str | None = None,
    measured: str | None = None,
    error: str | None = None,
) -> Answer:
    """Return what a bridge says that follows a plan, and has measured the lag for so long, perhaps under another."""

    def answer() -> tuple[int, bytes]:
        current = read_plan_file(plan)
        watch = Watch()
        for now in (0.0, minutes * 60):
            watch.look(current.plan, measured or current.revision, {Measure.LAG: lag}, now)
        status = RolloutStatus(
            plan=plan_status(current.plan, revision or current.revision, watch),
            error=error,
            has_own_provider=False,
            connections={},
        )
        return 200, msgspec.json.encode({"version": "1", "rollout": status})

    return answer


def without_plan() -> tuple[int, bytes]:
    """Say that there is no plan."""
    status = RolloutStatus(plan=None, error=None, has_own_provider=False, connections={})
    return 200, msgspec.json.encode({"rollout": status})


@contextmanager
def bridge(answer: Answer) -> Iterator[str]:
    """Run a server that answers operators at /status; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/status" and self.headers["Authorization"] == f"Bearer {TOKEN}"
            status, body = answer() if known else (404, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's own name
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
