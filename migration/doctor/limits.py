"""What Realtime can take, and what this database already asks of it (supabase.md 2.7 and 3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bridge.feed.changes import OPTIONAL_TABLES
from migration.doctor.looks import Look, Seen, Sights
from migration.findings import Finding, Severity

CHANNELS: Final = 1 + len(OPTIONAL_TABLES)
"""That one bridge process joins: one for the tables it needs, one for each that is optional."""
SMALLEST_PLAN_PER_SECOND: Final = 100
LOOK_BACK: Final = timedelta(days=7)
WAL_WORRY_BYTES: Final = 1 << 30
PREFIX: Final = "chat_bridge_doctor_"
"""Of the schema in which `--write-canary` makes its table."""


def _limits(sights: Sights) -> Seen:
    stored = sights.of_database()
    with stored.database.looking() as connection:
        ((wal_level, slots, used, senders, sending),) = connection.execute(_SETTINGS).fetchall()
        idle = connection.execute(_IDLE_SLOTS, {"bytes": WAL_WORRY_BYTES}).fetchall()
        ((most,),) = connection.execute(_PEAK, {"since": sights.as_of - LOOK_BACK, "until": sights.as_of}).fetchall()
    findings = [] if wal_level == "logical" else [no_logical_log(wal_level)]
    findings += [exhausted("max_replication_slots", slots)] if used >= slots else []
    findings += [exhausted("max_wal_senders", senders)] if sending >= senders else []
    findings += [_idle(name, size) for name, size in idle]
    per_second = most / 60
    if per_second > SMALLEST_PLAN_PER_SECOND / 2:
        findings.append(_busy(per_second))
    return Seen(
        findings,
        f"the busiest minute of 7 days had {per_second:.1f} messages per second; each bridge process hears every change"
        f" once, over one connection with {CHANNELS} channels (plans: Free 200 connections and 100 messages per second,"
        " Pro 500 and 500, Team 10,000 and 2,500; 100 channels per connection)",
    )


def no_logical_log(level: str) -> Finding:
    """Say that there is nothing to decode changes from."""
    return Finding(
        check="limits",
        severity=Severity.ERROR,
        evidence=f"wal_level is {level}.",
        fix="alter system set wal_level = 'logical'; -- and restart",
        consequence="Realtime cannot read changes at all.",
    )


def exhausted(setting: str, value: int) -> Finding:
    """Say that all of a resource is taken."""
    return Finding(
        check="limits",
        severity=Severity.ERROR,
        evidence=f"All of {setting} = {value} are in use.",
        fix=f"alter system set {setting} = {value * 2}; -- and restart; or drop slots that nobody uses",
        consequence="After its next restart Realtime finds none, and is silent.",
    )


def _idle(name: str, size: int) -> Finding:
    return Finding(
        check="limits",
        severity=Severity.WARNING,
        evidence=f"The replication slot {name} is not in use and holds back {size / (1 << 30):.1f} GiB of"
        " write-ahead log.",
        fix=f"select pg_drop_replication_slot('{name}'); -- if its reader is gone for good",
        consequence="The disk fills, and the database stops.",
    )


def _busy(per_second: float) -> Finding:
    return Finding(
        check="limits",
        severity=Severity.WARNING,
        evidence=f"The busiest minute of 7 days had {per_second:.0f} messages per second.",
        fix="Take a plan with more messages per second, and few bridge processes: each counts every change.",
        consequence="Above its rate Realtime drops changes without a word; the bridge finds messages at its catch-up.",
    )


def _leftovers(sights: Sights) -> Seen:
    with sights.of_database().database.looking() as connection:
        schemas = [name for (name,) in connection.execute(_LEFT_BEHIND, {"prefix": PREFIX})]
    findings = [
        Finding(
            check="leftovers",
            severity=Severity.WARNING,
            evidence=f"The schema {name} was left behind by a doctor that was killed.",
            fix=f"drop schema {name} cascade;",
            consequence="An empty table stays in the publication.",
        )
        for name in schemas
    ]
    return Seen(findings)


_SETTINGS: Final = """
select current_setting('wal_level'), current_setting('max_replication_slots')::int,
  (select count(*) from pg_replication_slots), current_setting('max_wal_senders')::int,
  (select count(*) from pg_stat_replication)
"""
_IDLE_SLOTS: Final = """
select slot_name::text, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint from pg_replication_slots
where not active and pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > %(bytes)s order by 1
"""
_PEAK: Final = """
select coalesce(max(n), 0)::float8 from (
  select count(*) as n from messages where created_at > %(since)s and created_at <= %(until)s
  group by date_trunc('minute', created_at)) minutes
"""
_LEFT_BEHIND: Final = "select quote_ident(nspname) from pg_namespace where starts_with(nspname, %(prefix)s) order by 1"

LOOKS: Final = (
    Look(name="limits", meaning="what Realtime can take, and what is asked of it", take=_limits),
    Look(name="leftovers", meaning="whether an earlier doctor has left something behind", take=_leftovers),
)
