"""What a command is, and the arguments that all of them take."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import Struct

from bridge.clock import Clock
from migration.errors import Refused
from migration.findings import Exit
from migration.settings import Target, read_target
from migration.voice import Voice


class Command(Struct, frozen=True, kw_only=True):
    """A word on the command line.

    `add_arguments` may add words of its own (`sql install`); each parser in use takes `--json`, by `add_output` or
    `add_target`. `run` gets what was given, and answers through the voice: documents on standard output, progress on
    standard error.
    """

    name: str
    purpose: str
    """One line, for --help."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Clock, Voice], Exit]


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add what says how to tell."""
    parser.add_argument("--json", action="store_true", help="print one JSON document, and nothing else there")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add what says where to look, and how to tell."""
    parser.add_argument("--database-url", help="PostgreSQL; others see it in the process list: better one of the next")
    parser.add_argument(
        "--database-url-file", type=Path, help="a file whose first line it is (or MIGRATION_DATABASE_URL)"
    )
    parser.add_argument("--directory", type=Path, help="for state and reports (MIGRATION_DIRECTORY, or .migration)")
    parser.add_argument("--statement-timeout", type=positive, default=30.0, help="seconds that one question may take")
    add_output(parser)


def target_of(given: argparse.Namespace) -> Target:
    """Read where to look.

    Raises:
        Refused: it is said nowhere, or in a way that cannot be used.

    """
    return read_target(given.database_url, given.database_url_file, given.directory)


def chosen(only: list[str] | None, skip: list[str] | None, known: Collection[str]) -> tuple[str, ...]:
    """Return the names that are meant, in their own order.

    Raises:
        Refused: one of them is unknown.

    """
    unknown = sorted({*(only or ()), *(skip or ())} - set(known))
    if unknown:
        raise Refused(f"There is no {', '.join(unknown)}; there are: {', '.join(known)}.")
    return tuple(name for name in known if (not only or name in only) and name not in (skip or ()))


def add_choice(parser: argparse.ArgumentParser, what: str) -> None:
    """Add what leaves some of many out."""
    parser.add_argument("--only", action="append", metavar="NAME", help=f"this {what} only; can be repeated")
    parser.add_argument("--skip", action="append", metavar="NAME", help=f"not this {what}; can be repeated")


def positive(text: str) -> float:
    """Read a number above zero."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def share(text: str) -> float:
    """Read a part of the time."""
    number = positive(text)
    if number > 1:
        raise argparse.ArgumentTypeError("must be at most 1")
    return number


def count(text: str) -> int:
    """Read a whole number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
