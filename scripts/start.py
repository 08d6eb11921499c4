"""`scripts/run`: a sandbox and a bridge for a newcomer, or a bridge in front of a real project."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

from scripts import selftest
from scripts.sandbox.generations import GENERATIONS, LISTED
from scripts.stack import ROOT, Stack, StackError, free_port, running_stack

DEFAULT_PORT = 8080
SESSION_FILE = ROOT / ".sandbox" / "session.json"


def main() -> int:
    """Start what was asked for and return the exit status."""
    given = _arguments()
    try:
        if given.selftest:
            return asyncio.run(selftest.run(_sandbox_arguments(given)))
        if os.environ.get("SUPABASE_URL"):
            return _run_for_project()
        return asyncio.run(_run_with_sandbox(given.port, _sandbox_arguments(given)))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="Without SUPABASE_URL: starts a local Supabase (the sandbox) with sample people, then the bridge. "
        "With SUPABASE_URL and SUPABASE_SECRET_KEY: starts the bridge in front of that project.",
    )
    parser.add_argument("--selftest", action="store_true", help="start everything on free ports, try it, stop")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the bridge's port (default: %(default)s)")
    parser.add_argument(
        "--signing", choices=["hs256", "es256"], default="hs256", help="how the sandbox signs tokens (default: hs256)"
    )
    parser.add_argument(
        "--generation", choices=GENERATIONS, default="db1", help=f"of the sandbox's database schema: {LISTED}"
    )
    return parser.parse_args()


def _sandbox_arguments(given: argparse.Namespace) -> list[str]:
    return ["--signing", given.signing, "--generation", given.generation]


def _run_for_project() -> int:
    print(f"Starting the bridge in front of {os.environ['SUPABASE_URL']} (Ctrl-C stops it).", flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "bridge", "serve"])


async def _run_with_sandbox(port: int, sandbox_arguments: Sequence[str]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    port = free_port(port)
    starting = asyncio.ensure_future(_hold(port, sandbox_arguments, stop))
    interrupted = asyncio.ensure_future(stop.wait())
    # Ctrl-C during the start must end what has been started so far, too.
    await asyncio.wait({starting, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        await asyncio.wait({starting}, timeout=0.1)
        starting.cancel()
    interrupted.cancel()
    try:
        return await starting
    except asyncio.CancelledError:
        print("Stopped.")
        return 0


async def _hold(port: int, sandbox_arguments: Sequence[str], stop: asyncio.Event) -> int:
    async with running_stack(sandbox_arguments=sandbox_arguments, port=port) as stack:
        _write_session(stack)
        try:
            _print_addresses(stack)
            return await _until(stack, stop)
        finally:
            SESSION_FILE.unlink(missing_ok=True)


async def _until(stack: Stack, stop: asyncio.Event) -> int:
    died = asyncio.ensure_future(stack.first_death())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({died, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if died.done():
        print(f"The {died.result()} ended by itself; stopping the rest.", file=sys.stderr)
        return 1
    died.cancel()
    print("\nStopping.")
    return 0


def _write_session(stack: Stack) -> None:
    """Leave addresses and sample tokens where `python -m bridge chat --as NAME` finds them."""
    people = {name: {"token": person.token} for name, person in stack.sandbox.people.items() if person.token}
    SESSION_FILE.parent.mkdir(exist_ok=True)
    SESSION_FILE.touch(mode=0o600)
    SESSION_FILE.write_text(json.dumps({"bridge_url": stack.bridge_url, "people": people}, indent=1))


def _print_addresses(stack: Stack) -> None:
    sandbox = stack.sandbox
    print(f"\nBridge     {stack.bridge_url}")
    print(f"Supabase   {sandbox.url}   (REST /rest/v1, Auth /auth/v1, Realtime /realtime/v1)")
    print(f"Database   {sandbox.database_url}")
    print(f"Publishable key   {sandbox.publishable_key}")
    print(f"Secret key        {sandbox.secret_key}\n")
    print("Sample people (access token, valid for a day):")
    for name, person in sandbox.people.items():
        if person.token:
            print(f"  {name:8} {person.token}")
    print("\nTalk to it from two other terminals:")
    print("  .venv/bin/python -m bridge chat --as bob")
    print("  .venv/bin/python -m bridge chat --as carol")
    print("\nCtrl-C stops everything.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
