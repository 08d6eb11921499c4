"""Whether the clocks of this machine, of the project and of its database agree (supabase.md 1.1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from migration.doctor.looks import Look, NotSeen, Seen, Sights
from migration.findings import Finding, Severity

TOLERATED: Final = timedelta(seconds=2)
LEEWAY: Final = timedelta(seconds=5)
"""BRIDGE_TOKEN_LEEWAY_SECONDS by default: beyond it fresh tokens are refused."""
HEADER_RESOLUTION: Final = timedelta(seconds=1)


def _clock(sights: Sights) -> Seen:
    seen = [*_of_project(sights), *_of_database(sights)]
    if not seen:
        raise NotSeen("nobody told the time")
    findings = [_finding(name, skew) for name, skew, unsure in seen if abs(skew) > TOLERATED + unsure]
    return Seen(
        findings, "; ".join(f"the {name}'s clock differs by {skew.total_seconds():+.1f} s" for name, skew, _ in seen)
    )


def _of_project(sights: Sights) -> list[tuple[str, timedelta, timedelta]]:
    if sights.served is None:
        return []
    before = sights.clock.now()
    told = sights.served.rest.get("/rest/v1/users", select="id", limit="1").headers.get("Date")
    after = sights.clock.now()
    if told is None:
        return []
    middle = parsedate_to_datetime(told) + HEADER_RESOLUTION / 2
    return [("project", _skew(middle, before, after), (after - before + HEADER_RESOLUTION) / 2)]


def _of_database(sights: Sights) -> list[tuple[str, timedelta, timedelta]]:
    if sights.stored is None:
        return []
    with sights.stored.database.looking() as connection:
        before = sights.clock.now()
        ((told,),) = connection.execute("select clock_timestamp()").fetchall()
        after = sights.clock.now()
    return [("database", _skew(told, before, after), (after - before) / 2)]


def _skew(told: datetime, before: datetime, after: datetime) -> timedelta:
    return told - (before + (after - before) / 2)


def _finding(name: str, skew: timedelta) -> Finding:
    seconds = skew.total_seconds()
    return Finding(
        check="clock",
        severity=Severity.ERROR if abs(skew) > LEEWAY else Severity.WARNING,
        evidence=f"The {name}'s clock is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this"
        " machine's.",
        fix="Run this where the bridge runs, and keep time there by NTP (timedatectl set-ntp true).",
        consequence="Fresh tokens are refused or old ones taken, and messages of both paths are out of order.",
    )


LOOKS: Final = (Look(name="clock", meaning="whether all clocks agree", take=_clock),)
