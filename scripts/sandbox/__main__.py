"""`python -m scripts.sandbox`: a local Supabase until Ctrl-C, SIGTERM or, if asked, the end of standard input."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import get_args

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.assembly import Options, Sandbox, SandboxError
from scripts.sandbox.generations import GENERATIONS, LISTED
from scripts.sandbox.keys import Signing
from scripts.sandbox.realtime import Timing
from scripts.sandbox.schema import Publication


def main() -> int:
    """Run a sandbox as the command line says and return the exit status."""
    given = _arguments()
    try:
        return asyncio.run(_run_until_stopped(given))
    except SandboxError:
        return 1  # which part it was has been told


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.sandbox",
        description="A local Supabase without Docker: PostgreSQL, Data API, Auth and Realtime on one address. "
        "DATABASE_URL names a PostgreSQL to use instead of one of its own (a superuser's URL, wal_level=logical).",
    )
    parser.add_argument("--port", type=int, default=0, help="of the one address (default: a free one)")
    parser.add_argument(
        *("--signing",), type=str.upper, choices=get_args(Signing), default="HS256", help="how access tokens are signed"
    )
    parser.add_argument(*("--generation",), choices=GENERATIONS, default="db1", help=f"of the chat's schema: {LISTED}")
    parser.add_argument(
        *("--publication",), choices=get_args(Publication), default="full", help="which tables emit changes at first"
    )
    parser.add_argument("--no-seed", action="store_true", help="no sample people and conversations")
    parser.add_argument(
        "--real-timing", action="store_true", help="let Realtime wait as long as the hosted one (default: short)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line when ready, and nothing else there")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes, too")
    return parser.parse_args()


async def _run_until_stopped(given: argparse.Namespace) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if given.until_eof:
        _call_at_eof(lambda: None if loop.is_closed() else loop.call_soon_threadsafe(stopped.set))
    running = asyncio.ensure_future(_run(given))
    waiting = asyncio.ensure_future(stopped.wait())
    # Both ends of a life can come first: a part dies, or somebody wants us to stop, perhaps before we are ready.
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    running.cancel()
    await asyncio.wait({running})
    if not running.cancelled():
        await running
    return 0


async def _run(given: argparse.Namespace) -> None:
    began_at = time.monotonic()
    options = Options(
        port=given.port,
        database_url=os.environ.get("DATABASE_URL") or None,
        signing=given.signing,
        generation=given.generation,
        publication=given.publication,
        seed=not given.no_seed,
        timing=Timing.recorded() if given.real_timing else Timing(),
    )
    async with Sandbox(options, progress=_tell) as sandbox:
        _tell(f"ready after {time.monotonic() - began_at:.1f} s")
        address = sandbox.address()
        if given.json:
            sys.stdout.buffer.write(address.to_json() + b"\n")
            sys.stdout.flush()
        else:
            _introduce(address)
        await sandbox.failed()


def _call_at_eof(callback: Callable[[], object]) -> None:
    """Call back when standard input closes.

    By a thread of its own, which never keeps the process alive: asyncio cannot wait for every kind of input, a thread
    of its pool would have to end before we may, and one that holds `sys.stdin` would abort the interpreter's end.
    """

    def read() -> None:
        while os.read(0, 4096):
            pass
        callback()

    threading.Thread(target=read, name="waits for the end of standard input", daemon=True).start()


def _tell(text: str) -> None:
    print(f"sandbox: {text}", file=sys.stderr, flush=True)


def _introduce(address: SandboxAddress) -> None:
    """Print where everything is, for people."""
    lines = [
        f"Supabase URL     {address.url}   (REST /rest/v1, Auth /auth/v1, Realtime /realtime/v1)",
        f"Database         {address.database_url}",
        f"Publishable key  {address.publishable_key}",
        f"Secret key       {address.secret_key}",
        f"anon key         {address.anon_key}",
        f"service_role key {address.service_role_key}",
        f"JWT secret       {address.jwt_secret}",
        f"Signing          {address.signing}",
        f"Schema           {address.generation} ({GENERATIONS[address.generation].meaning})",
        "",
    ]
    for name, person in address.people.items():
        lines.append(f"{name}: users.id {person.user_id}, auth id {person.auth_id}")
        if person.token is not None:
            lines.append(f"  token {person.token}")
        if person.password is not None:
            lines.append(f"  signs in as {person.email} with {person.password}")
    lines += [f"conversation {name}: {conversation}" for name, conversation in address.conversations.items()]
    print("\n".join([*lines, "", "Ctrl-C ends it."]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
