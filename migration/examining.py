"""One run of the doctor: every look that can be taken, from whatever side can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import psycopg
from msgspec import Struct

from bridge.clock import Clock
from migration.database import Database, connected, failure, is_shutdown, subject_of
from migration.doctor import LOOKS, NotSeen, Served, Sights, Stored
from migration.errors import Refused
from migration.findings import Finding, NotRun, Passed, Report, printed, worst_first
from migration.project import OTHER_DATABASE, Rest, host, reached
from migration.settings import Target
from migration.shape import read_shape
from migration.state import write_whole
from migration.voice import Voice

REPORT: Final = "doctor.json"

_SOMEBODY: Final = "select id from public.users order by id limit 5"

OPTIONAL: Final = frozenset({"change"})
"""Looks that are not missed where nobody asked for them."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    looks: tuple[str, ...] = tuple(LOOKS)
    writes_canary: bool = False
    timeout_seconds: float = 30.0


def examine(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> Report:
    """Take all looks and keep the report.

    Raises:
        Refused: there is nothing to look at, or it is no chat.
        Interrupted: the connection was lost.

    """
    findings: list[Finding] = []
    passed: list[Passed] = []
    not_run: list[NotRun] = []
    with _sights(target, wishes, clock) as sights:
        for name in wishes.looks:
            voice.progress(f"looking at {name}")
            try:
                seen = LOOKS[name].take(sights)
            except (NotSeen, Refused, psycopg.Error) as error:  # refused: the project went away in the middle
                not_run.append(_not_run(name, error, wishes))
                continue
            findings += seen.findings
            if not seen.findings:
                passed.append(Passed(check=name, evidence=seen.evidence))
        report = Report(
            command="doctor",
            subject=_subject(target),
            fingerprint=sights.stored.shape.fingerprint if sights.stored else None,
            as_of=sights.as_of,
            ended_at=clock.now(),
            findings=worst_first(findings),
            passed=tuple(passed),
            not_run=tuple(not_run),
        )
    write_whole(target.directory / REPORT, printed(report))
    return report


@contextmanager
def _sights(target: Target, wishes: Wishes, clock: Clock) -> Iterator[Sights]:
    with ExitStack() as reaching:
        stored = served = None
        if target.database_url is not None:
            database = reaching.enter_context(
                connected(
                    target.database_url,
                    timeout_seconds=wishes.timeout_seconds,
                    read_only=not wishes.writes_canary,
                )
            )
            database.prove_read_only()
            with database.looking() as connection:
                stored = Stored(database=database, shape=read_shape(connection))
        if target.project is not None:
            rest = reaching.enter_context(reached(target.project))
            rest.prove()
            if stored is not None:
                _prove_same(stored.database, rest)
            served = Served(rest=rest, settings=target.project)
        yield Sights(stored=stored, served=served, clock=clock, as_of=clock.now(), writes_canary=wishes.writes_canary)


def _prove_same(database: Database, rest: Rest) -> None:
    """See that the API shows somebody whom the database has; one side of a copy would be told as the other's.

    Raises:
        Refused: it shows none of them.

    """
    try:
        with database.looking() as connection:
            people = [str(person) for (person,) in connection.execute(_SOMEBODY)]
    except psycopg.ProgrammingError:  # quiet: without rights, or without such a column, nothing can be proven
        return
    answer = rest.get("/rest/v1/users", select="id", id=f"in.({','.join(people)})")
    if people and answer.is_success and not answer.json():
        raise Refused(OTHER_DATABASE)


def _not_run(name: str, error: NotSeen | Refused | psycopg.Error, wishes: Wishes) -> NotRun:
    if not isinstance(error, psycopg.Error):
        is_optional = name in OPTIONAL and not wishes.writes_canary
        return NotRun(check=name, reason=str(error), applies=not is_optional)
    if is_shutdown(error):
        raise error
    return NotRun(check=name, reason=failure(error))


def _subject(target: Target) -> str:
    sides = [subject_of(target.database_url)] if target.database_url else []
    return " and ".join([*sides, *([host(target.project)] if target.project else [])])
