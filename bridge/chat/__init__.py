"""A chat for people, in a terminal: `python -m bridge chat --as bob`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from prompt_toolkit.application import create_app_session
from prompt_toolkit.patch_stdout import patch_stdout

from bridge.chat.plain import PlainScreen, lines_of, paced
from bridge.chat.shell import Shell
from bridge.chat.sign_in import ChatEnvironment, SignIn, SignInError, Wish, sign_in
from bridge.chat.state import Chat, Reader
from bridge.chat.terminal import TerminalScreen, typed_lines
from bridge.client import LinkEvent, NoToken, Reconnecting, WireClient
from bridge.client.connection import LOOPBACK
from bridge.clock import SystemClock
from bridge.ids import fresh_id
from bridge.logs import configure_logs

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `chat`."""
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--as", dest="person", metavar="NAME", help="talk as this sample person of the running sandbox")
    who.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="talk as the user of the access token in this file; read again for each login",
    )
    who.add_argument(
        "--token",
        help="talk as the user of this access token; everybody on this machine can read it in the list of processes, "
        "and the shell keeps it in its history: prefer --token-file or the variable BRIDGE_TOKEN",
    )
    parser.add_argument("--url", help="the bridge's address, ws:// or wss:// (default: the running sandbox's)")
    parser.add_argument("--open", metavar="CONVERSATION", help="open this conversation, by number or name")
    parser.add_argument(
        "--plain",
        action="store_true",
        help="read lines from standard input and print lines, without a prompt; "
        "always so when input or output is no terminal",
    )


def main(args: argparse.Namespace) -> int:
    """Run the chat and return the exit status: 0, 1 after a failure, 2 when it is not clear who is to talk."""
    environment = ChatEnvironment()  # type: ignore[call-arg]  # pydantic fills in the defaults
    wish = Wish(
        person=args.person,
        url=args.url,
        token=args.token,
        token_file=args.token_file,
        environment_token=environment.token.get_secret_value() if environment.token else None,
    )
    try:
        who = sign_in(wish, Path.cwd())
    except (SignInError, NoToken) as error:
        print(f"chat: {str(error).rstrip('.')}.", file=sys.stderr)
        return EXIT_USAGE
    _warn_if_readable(who.url())
    configure_logs("error", as_json=False)
    is_plain = args.plain or environment.terminal == "dumb" or not (sys.stdin.isatty() and sys.stdout.isatty())
    try:
        return asyncio.run(_talk_plainly(who, args.open) if is_plain else _talk(who, args.open))
    except KeyboardInterrupt:  # quiet: the exit status says it
        return EXIT_INTERRUPTED
    except BaseExceptionGroup as group:
        if group.split(BrokenPipeError)[1] is not None:
            raise
        # Nobody reads on; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _warn_if_readable(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "ws" and parts.hostname not in LOOPBACK:
        print(f"chat: the connection to {parts.hostname} is not encrypted (ws://).", file=sys.stderr)


async def _talk(who: SignIn, first: str | None) -> int:
    clock = SystemClock()
    chat = Chat(Reader(fresh_key=fresh_id, first=first))
    with create_app_session() as session, patch_stdout():
        shell = Shell(chat, TerminalScreen(session.output), partial(_link, who), clock)
        return await shell.run(typed_lines(chat, clock))


async def _talk_plainly(who: SignIn, first: str | None) -> int:
    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    chat = Chat(Reader(fresh_key=fresh_id, first=first, is_present=False))
    shell = Shell(chat, PlainScreen(write), partial(_link, who), SystemClock())
    return await shell.run(partial(paced, lines_of(sys.stdin.fileno())))


def _link(who: SignIn, listener: Callable[[LinkEvent], None]) -> Reconnecting:
    return Reconnecting(lambda: WireClient.connect(who.url()), who.token, listener)
