"""The command line: reads the arguments, runs the command, and turns its end into an exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

import structlog

from bridge.clock import SystemClock
from bridge.logs import configure_logs
from migration.commands.command import Command
from migration.errors import Interrupted, Refused
from migration.findings import Exit
from migration.voice import Voice

log = structlog.get_logger(__name__)


def run(commands: Iterable[Command], purpose: str, arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name and return its exit status (`Exit`)."""
    given = _parser(commands, purpose).parse_args(arguments)
    configure_logs("warning", as_json=False)
    clock = SystemClock()
    try:
        return int(given.run(given, clock, Voice(clock, as_json=given.json)))
    except Refused as error:
        return _ended(str(error), Exit.REFUSED)
    except Interrupted as error:
        return _ended(str(error), Exit.INCOMPLETE)
    except KeyboardInterrupt:  # quiet: the person is told, and the exit status says it
        return _ended("stopped; --resume goes on from there, where a command has it.", Exit.INCOMPLETE)
    except Exception:
        # Python would end with 1, and that says that the work was done and something was found.
        log.exception("migration.failed")
        return _ended("this is a mistake of the tools, not of the project; what is above tells where.", Exit.INCOMPLETE)


def _parser(commands: Iterable[Command], purpose: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m migration", description=purpose)
    words = parser.add_subparsers(required=True, metavar="command")
    for command in commands:
        word = words.add_parser(command.name, help=command.purpose, description=command.purpose)
        command.add_arguments(word)
        word.set_defaults(run=command.run)
    return parser


def _ended(why: str, status: Exit) -> Exit:
    print(f"migration: {why}", file=sys.stderr)
    return status
