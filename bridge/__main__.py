"""The program: `python -m bridge` serves; others talk to a bridge, show who uses what, and print the protocol."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import os
import signal
import sys

import structlog

from bridge.app import create_bridge
from bridge.clock import SystemClock
from bridge.errors import ConfigError, SchemaUnusable, StoreError
from bridge.logs import configure_logs
from bridge.remedies import supply
from bridge.serving import allow_open_files, end_within_seconds, run
from bridge.settings import Settings, load_settings, unknown_variables
from bridge.specification import encoded
from bridge.usage import UsageUnavailable
from bridge.usage import program as usage
from bridge.usage_kept import read_wherever_kept

EXIT_FAILED = 1
EXIT_CONFIG = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the program and return its exit status: 0, 1 after a failure, 2 for unusable settings."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["chat"]:
        return _chat(given[1:])
    parser = argparse.ArgumentParser(prog="python -m bridge", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="{serve,chat,usage,asyncapi}")
    serving = commands.add_parser(
        "serve", help="serve the WebSocket protocol (the default); settings come from the environment"
    )
    serving.add_argument(
        "--until-eof",
        action="store_true",
        help="stop when standard input closes, too: whoever started this process is gone then",
    )
    commands.add_parser("chat", help="talk to a bridge from a terminal")
    usage.add_arguments(commands.add_parser("usage", help="show who still uses what"))
    commands.add_parser("asyncapi", help="print the protocol as an AsyncAPI document; no settings are needed")
    parsed = parser.parse_args(given)
    if parsed.command == "asyncapi":
        print(encoded().decode())
        return 0
    if parsed.command == "usage":
        return _show_usage(parsed)
    return _serve(until_eof=parsed.command == "serve" and parsed.until_eof)


def _chat(arguments: list[str]) -> int:
    try:
        # Only here: a server is installed without the extra that brings the terminal client's packages.
        from bridge import chat
    except ModuleNotFoundError as error:
        print(f"chat: {error.name} is not installed; pip install 'chat-bridge[chat]' brings it.", file=sys.stderr)
        return EXIT_CONFIG
    parser = argparse.ArgumentParser(prog="python -m bridge chat", description=chat.__doc__)
    chat.add_arguments(parser)
    return chat.main(parser.parse_args(arguments))


def _show_usage(asked: argparse.Namespace) -> int:
    configure_logs("warning", as_json=False)  # on standard error, where they are in no program's way
    try:
        print(asyncio.run(usage.answer(asked, read_wherever_kept, SystemClock())))
    except ConfigError as error:
        print(f"usage: {error}", file=sys.stderr)
        return EXIT_CONFIG
    except UsageUnavailable as error:
        print(f"usage: the counts cannot be read: {error}.", file=sys.stderr)
        return EXIT_FAILED
    return 0


def _serve(*, until_eof: bool) -> int:
    try:
        settings = load_settings()
    except ConfigError as error:
        print(f"bridge: {error}", file=sys.stderr)
        return EXIT_CONFIG
    configure_logs(settings.log_level, as_json=settings.log_json)
    if unknown := unknown_variables():
        structlog.get_logger(__name__).warning("settings.unknown", variables=unknown)
    try:
        asyncio.run(_start(settings, until_eof=until_eof))
    except ConfigError as error:
        print(f"bridge: {error}", file=sys.stderr)
        return EXIT_CONFIG
    except OSError as error:
        print(f"bridge: cannot listen on {settings.host}:{settings.port}: {error.strerror}.", file=sys.stderr)
        return EXIT_FAILED
    except StoreError as error:
        print(f"bridge: the tables cannot be read with SUPABASE_URL and SUPABASE_SECRET_KEY: {error}.", file=sys.stderr)
        return EXIT_FAILED
    except SchemaUnusable as error:
        print(f"bridge: {error}; it needs the tables of the chat. To run in the database:", file=sys.stderr)
        print(*map(supply, error.missing), sep="\n", file=sys.stderr)
        return EXIT_FAILED
    return 0


async def _start(settings: Settings, *, until_eof: bool) -> None:
    bridge = create_bridge(settings)
    allow_open_files(settings)  # after what may still be wrong with the settings, which is said in one sentence
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, stop, end_within_seconds(settings))
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), _stop_at_eof, stop, end_within_seconds(settings))

    def announce(port: int) -> None:
        structlog.get_logger(__name__).info("bridge.listening", host=settings.host, port=port)

    try:
        await run(bridge, settings, stop=stop, on_listening=announce)
    finally:
        await bridge.http.aclose()
        faulthandler.cancel_dump_traceback_later()


def _stop(stop: asyncio.Event, within_seconds: float) -> None:
    """Begin the orderly end; if it hangs, a thread that needs no loop says where and ends the process, status 1.

    Whoever asks again gets no later end for it.
    """
    if stop.is_set():
        return
    stop.set()
    faulthandler.dump_traceback_later(within_seconds, exit=True)


def _stop_at_eof(stop: asyncio.Event, within_seconds: float) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        _stop(stop, within_seconds)


if __name__ == "__main__":
    sys.exit(main())
