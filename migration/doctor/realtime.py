"""A canary through Realtime: a broadcast that comes back, confirmed subscriptions, and on request a real change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql

from bridge.feed.changes import OPTIONAL_TABLES, TABLES
from bridge.ids import fresh_id
from bridge.remedies import PUBLICATION, publish
from migration.doctor.limits import PREFIX
from migration.doctor.looks import Look, NotSeen, Seen, Sights
from migration.doctor.phoenix import (
    ANSWER_SECONDS,
    CONFIRM_SECONDS,
    Line,
    Unreachable,
    is_verdict,
    line,
    objection,
    refusal,
)
from migration.findings import Finding, Severity

SCHEMA_SECONDS: Final = 90.0
"""Realtime looks at the publication once a minute (supabase.md 2.3)."""
_SONG: Final = "canary"


def _realtime(sights: Sights) -> Seen:
    try:
        with _line(sights) as channel:
            findings = _sing(channel)
            for table in (*TABLES, *OPTIONAL_TABLES):
                findings += _subscribe(channel, table)
    except Unreachable as error:
        return Seen([_unreachable(error)])
    return Seen(findings, "a broadcast came back, and subscriptions to all tables were confirmed")


@contextmanager
def _line(sights: Sights) -> Iterator[Line]:
    settings = sights.of_project().settings
    with line(settings.supabase_url, settings.supabase_secret_key.get_secret_value(), sights.clock) as channel:
        yield channel


def _unreachable(error: Unreachable) -> Finding:
    return Finding(
        check="realtime",
        severity=Severity.ERROR,
        evidence=f"Realtime refuses the connection: {error}.",
        fix="Look at the keys first; then, in the dashboard, at Settings, Realtime (is it on?) and at the plan's"
        " limits.",
        consequence="The bridge does not become ready, and finds what legacy clients write by asking every 2 s.",
    )


def _sing(channel: Line) -> list[Finding]:
    """Send a broadcast to ourselves."""
    topic = f"realtime:doctor-{fresh_id()}"
    config = {
        "broadcast": {"ack": False, "self": True},
        "presence": {"enabled": False},
        "postgres_changes": [],
        "private": False,
    }
    reason = refusal(channel.ask(topic, "phx_join", {"config": config}))
    if reason is not None:
        return [_mute(f"a public channel is refused: {reason}")]
    channel.push(topic, "broadcast", {"type": "broadcast", "event": _SONG, "payload": {}})
    try:
        channel.wait(lambda frame: frame.topic == topic and frame.event == "broadcast", ANSWER_SECONDS)
    except NotSeen as error:
        return [_mute(f"a broadcast does not come back: {error}")]
    channel.ask(topic, "phx_leave", {})
    return []


def _mute(what: str) -> Finding:
    return Finding(
        check="realtime",
        severity=Severity.NOTICE,
        evidence=f"In Realtime, {what}.",
        fix="Nothing to do for the bridge. Legacy clients that use broadcast need public access allowed (Settings,"
        " Realtime).",
        consequence="None for the bridge, which uses changes of tables only.",
    )


def _subscribe(channel: Line, table: str) -> list[Finding]:
    """Subscribe to a table as the bridge does, and wait until the server says that changes flow."""
    reason = _joined(channel, "public", table)
    if reason is None:
        return []
    is_needed = table in TABLES
    return [
        Finding(
            check="realtime",
            severity=Severity.ERROR if is_needed else Severity.WARNING,
            evidence=f"A subscription to {table} is not confirmed: {reason}.",
            fix=f"{publish(table)} -- unless it is in it: see publication and rights",
            consequence="The bridge does not become ready, and finds what legacy clients write by asking every 2 s."
            if is_needed
            else "What others write there is not told to WebSocket clients.",
        )
    ]


def _joined(channel: Line, schema: str, table: str, topic: str | None = None) -> str | None:
    """Subscribe, and return why it did not succeed; the channel is left again unless its topic is given."""
    own = topic or f"realtime:doctor-{fresh_id()}"
    changes = [{"event": "*", "schema": schema, "table": table}]
    config = {"broadcast": {}, "presence": {"enabled": False}, "postgres_changes": changes, "private": False}
    try:
        reason = refusal(channel.ask(own, "phx_join", {"config": config}))
        if reason is None:
            reason = objection(channel.wait(is_verdict(own), CONFIRM_SECONDS))
    except NotSeen as error:
        return str(error)
    if topic is None and reason is None:
        channel.ask(own, "phx_leave", {})
    return reason


def _change(sights: Sights) -> Seen:
    if not sights.writes_canary:
        raise NotSeen("it makes a table for a moment; --write-canary allows it")
    sights.of_project()
    with _cage(sights) as schema:
        try:
            with _line(sights) as channel:
                return _heard(sights, channel, schema)
        except NotSeen as error:
            return Seen([_unheard(f"a committed row does not arrive: {error}")])
        except Unreachable as error:
            return Seen([_unreachable(error)])


def _heard(sights: Sights, channel: Line, schema: str) -> Seen:
    """Write a row and wait for it."""
    topic = f"realtime:doctor-{fresh_id()}"
    reason = _joined(channel, schema, _SONG, topic)
    if reason is not None:
        return Seen([_unheard(f"a subscription to a new table is not confirmed: {reason}")])
    with sights.of_database().database.writing() as connection:
        connection.execute(sql.SQL("insert into {} (id) values (1)").format(sql.Identifier(schema, _SONG)))
    began_at = sights.clock.monotonic()
    channel.wait(lambda frame: frame.topic == topic and frame.event == "postgres_changes", SCHEMA_SECONDS)
    return Seen(evidence=f"a committed row arrived after {(sights.clock.monotonic() - began_at) * 1000:.0f} ms")


@contextmanager
def _cage(sights: Sights) -> Iterator[str]:
    """Make a published table in a schema of its own, and take both away again."""
    database = sights.of_database().database
    schema = f"{PREFIX}{fresh_id()[:8]}"
    names = {
        "schema": sql.Identifier(schema),
        "table": sql.Identifier(schema, _SONG),
        "publication": sql.Identifier(PUBLICATION),
    }
    try:
        with database.writing() as connection:
            for statement in _CAGE:
                connection.execute(sql.SQL(statement).format(**names))
    except psycopg.errors.InsufficientPrivilege as error:
        raise NotSeen("the role may not create a schema or change the publication") from error
    try:
        yield schema
    finally:
        with database.writing() as connection:
            connection.execute(sql.SQL("drop schema {schema} cascade").format(**names))


def _unheard(what: str) -> Finding:
    return Finding(
        check="change",
        severity=Severity.ERROR,
        evidence=f"In Realtime, {what}.",
        fix="Look at publication, limits and rights first; then restart Realtime by saving Settings, Realtime.",
        consequence="What legacy clients write reaches WebSocket clients at the next catch-up only, every 30 s.",
    )


_CAGE: Final = (
    "create schema {schema}",
    "create table {table} (id integer primary key)",
    "grant usage on schema {schema} to service_role",
    "grant select on {table} to service_role",
    "alter publication {publication} add table {table}",
)

LOOKS: Final = (
    Look(name="realtime", meaning="whether Realtime answers, and confirms the bridge's subscriptions", take=_realtime),
    Look(name="change", meaning="whether a committed row arrives (makes a table for a moment)", take=_change),
)
