"""The counts as people and programs read them: one document, and tables for a terminal. Pure but for the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

from msgspec import Struct

from bridge.usage import NOBODY, RequestsCounted, UsageStore, WritesCounted
from bridge.usage.sqlite import SqliteUsage

DAYS = 30
MAX_ROWS = 20_000


class Share(Struct, frozen=True, kw_only=True):
    """How many rows a table got on one day, and which share of them the bridge never saw as requests."""

    day: date
    table: str
    by_bridge: int
    by_legacy: int
    legacy_share: float


class UsageRead(Struct, frozen=True, kw_only=True):
    """The counts from a day on; `is_complete` is false if there are more than fit."""

    since: date
    is_complete: bool
    requests: Sequence[RequestsCounted]
    shares: Sequence[Share]
    writes: Sequence[WritesCounted]


class ProgramUse(Struct, frozen=True, kw_only=True):
    """How much one program in one version asks one endpoint, over all days."""

    endpoint: str
    client: str
    version: str
    count: int
    users: int
    last_seen: datetime


async def read_usage(store: UsageStore, since: date, *, limit: int = MAX_ROWS) -> UsageRead:
    """Read the counts from that day on.

    Raises:
        UsageUnavailable: they cannot be read.

    """
    requests, writes = await store.requests(since, limit + 1), await store.writes(since, limit + 1)
    return UsageRead(
        since=since,
        is_complete=len(requests) <= limit and len(writes) <= limit,
        requests=requests[:limit],
        shares=shares_of(writes[:limit]),
        writes=writes[:limit],
    )


async def read_usage_file(path: str | Path, since: date, *, limit: int = MAX_ROWS) -> UsageRead:
    """Read the counts from a file, beside the bridge that writes it.

    Raises:
        UsageUnavailable: it cannot be read.

    """
    store = SqliteUsage.open_to_read(path)
    try:
        return await read_usage(store, since, limit=limit)
    finally:
        await store.close()


def shares_of(writes: Iterable[WritesCounted]) -> Sequence[Share]:
    """Return the share of legacy writes per day and table, the latest day first."""
    sums: dict[tuple[date, str], tuple[int, int]] = {}
    for one in writes:
        bridge, legacy = sums.get((one.day, one.table), (0, 0))
        sums[one.day, one.table] = bridge + one.by_bridge, legacy + one.by_legacy
    days = sorted(sums.items(), key=lambda entry: (-entry[0][0].toordinal(), entry[0][1]))
    return [
        Share(day=day, table=table, by_bridge=bridge, by_legacy=legacy, legacy_share=legacy / (bridge + legacy))
        for (day, table), (bridge, legacy) in days
    ]


def programs_of(requests: Iterable[RequestsCounted]) -> Sequence[ProgramUse]:
    """Return who asks what, over all days and users; for each endpoint the most frequent program first."""
    grouped: dict[tuple[str, str, str], list[RequestsCounted]] = {}
    for one in requests:
        grouped.setdefault((one.endpoint, one.client, one.version), []).append(one)
    uses = [
        ProgramUse(
            endpoint=endpoint,
            client=client,
            version=version,
            count=sum(one.count for one in counted),
            users=len({one.user_id for one in counted} - {NOBODY}),
            last_seen=max(one.last_seen for one in counted),
        )
        for (endpoint, client, version), counted in grouped.items()
    ]
    return sorted(uses, key=lambda use: (use.endpoint, -use.count, use.client, use.version))


def as_tables(read: UsageRead) -> str:
    """Return the counts for a terminal: who asks what, and what is written past the bridge."""
    asked = [
        (use.endpoint, use.client, use.version, str(use.count), str(use.users), f"{use.last_seen:%Y-%m-%d %H:%M}")
        for use in programs_of(read.requests)
    ]
    written = [
        (f"{one.day}", one.table, str(one.by_bridge), str(one.by_legacy), f"{one.legacy_share:.1%}")
        for one in read.shares
    ]
    parts = [
        f"Requests since {read.since}",
        _table(("endpoint", "client", "version", "requests", "users", "last seen (UTC)"), asked),
        "Rows written, and how many of them past the bridge",
        _table(("day", "table", "by the bridge", "by legacy writers", "legacy share"), written),
    ]
    if not read.is_complete:
        parts.append("There is more than fits: ask for fewer days.")
    return "\n\n".join(parts)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "  none"
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join("  " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
