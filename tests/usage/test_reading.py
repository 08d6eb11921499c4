"""The counts as people and programs read them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bridge.__main__ import main
from bridge.store.memory.usage import MemoryUsage
from bridge.usage import NOBODY, Batch, UsageStore, UsageUnavailable
from bridge.usage.reading import as_tables, programs_of, read_usage, read_usage_file, shares_of
from bridge.usage.sqlite import SqliteUsage
from tests.contract.usage import ALWAYS, NOON, TODAY, YESTERDAY, requests, row, writes
from tests.people import OTHER_ROOM, ROOM, B, C

NOTHING = "usage: there is nothing to read: the database has no ledger, and BRIDGE_USAGE_FILE is not set.\n"
UNREADABLE = "usage: the counts cannot be read: unable to open database file.\n"
TABLES = """\
Requests since 2000-01-01

  endpoint     client  version  requests  users  last seen (UTC)
  find_people  Chrome  120      2         0      2026-12-01 12:00
  list_groups  Chrome  120      7         2      2026-12-01 13:00

Rows written, and how many of them past the bridge

  day         table     by the bridge  by legacy writers  legacy share
  2026-12-01  messages  1              2                  66.7%"""


async def fill(store: UsageStore) -> None:
    """Count some."""
    later = NOON + timedelta(hours=1)
    asked = [
        requests(4),
        requests(3, user=C.user_id, at=later),
        requests(2, endpoint="find_people", user=NOBODY),
    ]
    await store.add(Batch(requests=asked, rows=[row("1"), row("2", room=OTHER_ROOM), row("3", by_bridge=True)]))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file with some counts."""
    path = tmp_path / "usage.sqlite"

    async def make() -> None:
        store = SqliteUsage.open(path)
        await fill(store)
        await store.close()

    asyncio.run(make())
    return path


def test_shares_are_sums_over_conversations() -> None:
    """By day and table, the latest day first."""
    found = shares_of(
        [
            writes(1, 3, day=YESTERDAY),
            writes(1, 0),
            writes(0, 1, room=OTHER_ROOM),
            writes(0, 5, table="conversations"),
        ]
    )
    assert [(one.day, one.table, one.by_bridge, one.by_legacy, one.legacy_share) for one in found] == [
        (TODAY, "conversations", 0, 5, 1.0),
        (TODAY, "messages", 1, 1, 0.5),
        (YESTERDAY, "messages", 1, 3, 0.75),
    ]


def test_programs_are_summed_over_days_and_users() -> None:
    """Nobody is no user."""
    found = programs_of([requests(1), requests(2, day=YESTERDAY), requests(4, user=NOBODY), requests(9, version="9")])
    assert [(one.version, one.count, one.users) for one in found] == [("9", 9, 1), ("120", 7, 1)]


async def test_what_does_not_fit_is_said() -> None:
    """Rather than cut off in silence."""
    store = MemoryUsage()
    await fill(store)
    whole, part = await read_usage(store, ALWAYS, limit=3), await read_usage(store, ALWAYS, limit=2)
    assert (whole.is_complete, len(whole.requests)) == (True, 3)
    assert (part.is_complete, len(part.requests)) == (False, 2)
    assert as_tables(part).endswith("There is more than fits: ask for fewer days.")


async def test_tables_are_for_a_terminal(file: Path) -> None:
    """Read from the file that a bridge writes."""
    assert as_tables(await read_usage_file(file, ALWAYS)) == TABLES
    assert as_tables(await read_usage_file(file, TODAY + timedelta(days=1))).count("\n  none") == 2


async def test_a_file_is_read_while_a_bridge_writes_it(file: Path) -> None:
    """Neither waits for the other."""
    writer = SqliteUsage.open(file)
    await writer.add(Batch(rows=[row("9")]))
    read = await read_usage_file(file, ALWAYS)
    assert {one.conversation_id: one.by_legacy for one in read.writes} == {ROOM: 2, OTHER_ROOM: 1}
    await writer.close()


async def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """For the migration tools too."""
    with pytest.raises(UsageUnavailable):
        await read_usage_file(tmp_path / "none", ALWAYS)


def test_the_program_prints_tables_and_json(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the file that is set or named; no other setting is needed."""
    monkeypatch.delenv("SUPABASE_URL", raising=False)
    monkeypatch.setenv("BRIDGE_USAGE_FILE", str(file))
    assert main(["usage", "--since", "2000-01-01"]) == 0
    assert capsys.readouterr().out == TABLES + "\n"
    monkeypatch.delenv("BRIDGE_USAGE_FILE")
    assert main(["usage", "--json", "--since", "2000-01-01", "--file", str(file)]) == 0
    shown = msgspec.json.decode(capsys.readouterr().out)
    assert shown["shares"] == [
        {"day": "2026-12-01", "table": "messages", "by_bridge": 1, "by_legacy": 2, "legacy_share": 2 / 3}
    ]
    assert {one["user_id"] for one in shown["requests"]} == {B.user_id, C.user_id, ""}


@pytest.mark.parametrize(
    ("variables", "named", "status", "sentence"),
    [
        ({}, [], 2, NOTHING),
        ({"BRIDGE_USAGE": "off", "BRIDGE_USAGE_FILE": "/nowhere/usage.sqlite"}, [], 2, NOTHING),
        ({"BRIDGE_USAGE": "on"}, [], 2, "usage: BRIDGE_USAGE must be 'auto', 'file' or 'off'.\n"),
        ({"BRIDGE_USAGE_FILE": "/nowhere/usage.sqlite"}, [], 1, UNREADABLE),
        ({}, ["--file", "/nowhere/usage.sqlite"], 1, UNREADABLE),
        ({"SUPABASE_URL": "https://project.example"}, [], 2, "usage: SUPABASE_SECRET_KEY is not set.\n"),
        (
            {"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_SECRET_KEY": "sb_secret_x"},
            [],
            1,
            "usage: the counts cannot be read: ConnectTimeout.\n",
        ),
    ],
)
def test_the_program_says_what_is_wrong(
    variables: dict[str, str],
    named: list[str],
    status: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one sentence."""
    for name in ("BRIDGE_USAGE", "BRIDGE_USAGE_FILE", "SUPABASE_URL", "SUPABASE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["usage", *named]) == status
    assert capsys.readouterr().err == sentence
