"""What legacy clients are told, and which of its differences from the bridge's answers are meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from bridge.comparison import conversations, groups, messages
from bridge.comparison.answers import Answer, Declared
from bridge.comparison.differing import compare, flat
from bridge.comparison.old_way import IDS_AT_ONCE, ROW_CAP, OldWayFailed
from tests.comparison.scripted import ME, ScriptedWay

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EARLY, LATE = "2026-01-01T10:00:00+00:00", "2026-01-01T11:00:00+00:00"

MOMENTS = {"conversation_id": conversations.MOMENT, "group_id": groups.MOMENT, "id": messages.MOMENT}

Fields = Mapping[str, object]


def line(key: str = "c1", /, **fields: object) -> dict[str, object]:
    """Return a line of a list of conversations, as both sides have it."""
    usual = {"unread_count": 0, "latest_message_id": "m1", "latest_message_created_at": LATE, "participant_count": 2}
    return {"conversation_id": key, **usual, **fields}


def said(key: str, at: str, **fields: object) -> dict[str, object]:
    """Return a message, as both sides have it."""
    usual = {"conversation_id": "c1", "sender_id": "u1", "encrypted_content": "hello", "reply_to_id": None}
    return {"id": key, "created_at": at, "expires_at": None, **usual, **fields}


def told(key: str, *rows: Fields) -> Answer:
    """Return what the bridge answered."""
    return Answer(rows={str(row[key]): flat(row) for row in rows}, moment=MOMENTS[key])


def found(old: Answer, new: Answer, declared: Sequence[Declared]) -> tuple[list[str], list[str]]:
    """Return the fields that differ, and the names of the declared differences."""
    verdict = compare(old, new, declared)
    return [f"{one.key}.{one.field}" for one in verdict.differences], [*verdict.declared]


async def list_of(*rows: Fields, function: str = conversations.FUNCTIONS[0], **tables: Sequence[Fields]) -> Answer:
    """Return the legacy client's list."""
    way = ScriptedWay(**{"messages": [], "conversation_participants": [], function: rows, **tables})
    old = await conversations.listed(way, ME)
    return replace(old, hints={**old.hints, **await conversations.more_hints(way, ME, old)})


@pytest.mark.parametrize("function", conversations.FUNCTIONS)
async def test_the_list_is_read_with_whichever_function_works(function: str) -> None:
    """Each generation of the app broke one."""
    old = await list_of(line(), function=function)
    assert found(old, told("conversation_id", line()), conversations.DECLARED) == ([], [])


async def test_a_list_that_no_function_reads_is_none() -> None:
    """The reason is the last one's."""
    with pytest.raises(OldWayFailed, match="PGRST202"):
        await conversations.listed(ScriptedWay(), ME)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ({"unread_count": 7}, {}, "unread"),
        ({"name": None}, {"name": "Bob"}, "names"),
        ({"group_name": None}, {"group_name": "Garden"}, "hidden_groups"),
        ({"participant_count": 3}, {}, "leavers"),
        ({"last_message_at": EARLY}, {"last_message_at": None}, "nothing_said"),
        ({"latest_message_id": "m2"}, {}, "ties"),
        ({"latest_message_content": "\\x6869"}, {"latest_message_content": "hi"}, "bytes_as_hex"),
    ],
)
async def test_what_the_functions_do_wrong_is_declared(old: Fields, new: Fields, name: str) -> None:
    """By name."""
    answer = await list_of(line(**old))
    assert found(answer, told("conversation_id", line(**new)), conversations.DECLARED) == ([], [name])


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ({"participant_count": 1}, {}, "participant_count"),
        ({"name": "Bob"}, {"name": None}, "name"),
        ({"group_name": "Garden"}, {"group_name": "Other"}, "group_name"),
        ({"latest_message_content": "\\x6869"}, {"latest_message_content": "ho"}, "latest_message_content"),
        ({"latest_message_id": "m2", "latest_message_created_at": EARLY}, {}, "latest_message_id"),
    ],
)
async def test_the_same_fields_the_other_way_round_are_differences(old: Fields, new: Fields, field: str) -> None:
    """No declaration covers more than it says."""
    differences, _ = found(await list_of(line(**old)), told("conversation_id", line(**new)), conversations.DECLARED)
    assert f"c1.{field}" in differences


async def test_a_latest_message_that_has_expired_is_declared() -> None:
    """The functions do not look (contract F48)."""
    old = await list_of(line(latest_message_created_at=EARLY, latest_message_id="gone"), messages=[{"id": "gone"}])
    names = {"latest_message_id": "m0", "latest_message_created_at": "2026-01-01T09:00:00Z"}
    assert found(old, told("conversation_id", line(**names)), conversations.DECLARED) == ([], ["expired_latest"])


async def test_a_conversation_by_the_auth_id_is_found_by_the_bridge_only() -> None:
    """Another one that the old list lacks is a difference."""
    old = await list_of(conversation_participants=[{"conversation_id": "c1"}])
    new = told("conversation_id", line("c1"), line("c2"))
    assert found(old, new, conversations.DECLARED) == (["c2."], ["either_id"])


async def test_a_list_that_was_cut_off_is_declared() -> None:
    """PostgREST says no word; and ids are asked about in parts that fit into a URL."""
    full = [line(f"c{number}", latest_message_id=f"m{number}") for number in range(ROW_CAP)]
    way = ScriptedWay(messages=[], conversation_participants=[], **{conversations.FUNCTIONS[0]: full})
    old = await conversations.listed(way, ME)
    await conversations.more_hints(way, ME, old)
    assert [name for name, _ in way.asked].count("messages") == ROW_CAP / IDS_AT_ONCE
    new = told("conversation_id", *full, line("one more"))
    assert found(old, new, conversations.DECLARED) == ([], ["capped"])


@pytest.mark.parametrize(
    ("visible", "expected"),
    [([], ([], ["hidden_groups"])), ([{"id": "g1"}], (["g1."], [])), (None, (["g1."], []))],
)
async def test_a_group_that_row_level_security_hides_is_declared(
    visible: Sequence[Fields] | None, expected: tuple[list[str], list[str]]
) -> None:
    """One that is visible and missing is a difference, and so is one of which nobody has asked."""
    way = ScriptedWay(get_user_groups=[], groups=visible or [])
    old = await groups.listed(way, ME)
    if visible is not None:
        old = replace(old, hints=await groups.more_hints(way, ME, old))
    assert found(old, told("group_id", {"group_id": "g1"}), groups.DECLARED) == expected


async def page_of(*newest_first: Fields, limit: int = 50, originals: Sequence[Fields] = ()) -> Answer:
    """Return the legacy client's page."""
    way = Conversation(messages=newest_first)
    way.originals = originals
    return await messages.page(way, "c1", bound=f"lte.{LATE}", limit=limit, now=NOW)


class Conversation(ScriptedWay):
    """A way whose table of messages has others beside those of the page."""

    originals: Sequence[Fields] = ()

    async def rows(self, table: str, **filters: str) -> Sequence[Fields]:
        """See the port."""
        page = await super().rows(table, **filters)
        wanted = filters.get("id", "")
        return [*page, *(row for row in self.originals if str(row["id"]) in wanted)]


async def test_a_page_is_shown_from_the_oldest() -> None:
    """With the senders as fields, and the originals of replies attached."""
    reply = said("m2", LATE, reply_to_id="m0", sender={"id": "u1", "username": "bob"})
    original = said("m0", EARLY, deleted_at=None)
    old = await page_of(reply, said("m1", EARLY), originals=[original])
    assert [*old.rows] == ["m1", "m2"]
    assert old.rows["m2"]["sender.username"] == "bob"
    assert old.rows["m2"]["reply_to.encrypted_content"] == "hello"


@pytest.mark.parametrize(
    ("expires_at", "expected"),
    [("2026-01-01T11:59:00Z", ([], ["expired"])), ("2026-01-01T12:01:00Z", (["m2."], [])), (None, (["m2."], []))],
)
async def test_a_message_that_has_expired_is_declared(
    expires_at: str | None, expected: tuple[list[str], list[str]]
) -> None:
    """One that has not is a difference (contract F48)."""
    old = await page_of(said("m2", LATE, expires_at=expires_at), said("m1", EARLY))
    assert found(old, told("id", said("m1", EARLY)), messages.DECLARED) == expected


@pytest.mark.parametrize(("limit", "expected"), [(1, ([], ["edge"])), (50, (["m1."], []))])
async def test_what_only_the_bridges_page_reaches_is_declared(
    limit: int, expected: tuple[list[str], list[str]]
) -> None:
    """Where the old page is full; else it is a difference."""
    old = await page_of(said("m2", LATE), limit=limit)
    assert found(old, told("id", said("m1", EARLY), said("m2", LATE)), messages.DECLARED) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"deleted_at": EARLY}, ["quotes"]),
        ({"deleted_at": None, "conversation_id": "c2"}, ["quotes"]),
        ({"deleted_at": None}, []),
    ],
)
async def test_a_quote_that_nobody_ought_to_see_is_declared(fields: Fields, expected: list[str]) -> None:
    """Deleted, or of another conversation (contract F10); one that the bridge forgot is a difference."""
    reply = said("m2", LATE, reply_to_id="m0")
    old = await page_of(reply, originals=[said("m0", EARLY, **fields)])
    differences, declared = found(old, told("id", reply), messages.DECLARED)
    assert declared == expected
    assert bool(differences) is not bool(expected)


@pytest.mark.parametrize(
    ("content", "new", "expected"),
    [
        ("\\x6869", {"encrypted_content": "hi"}, (["bytes_as_hex"], True)),
        ("\\x6869", {"encrypted_content": "ho"}, ([], False)),
        ("x", {"encrypted_content": "", "content_state": "unavailable"}, (["sealed"], True)),
        ("x", {"encrypted_content": "", "content_state": "plain"}, ([], False)),
    ],
)
async def test_how_contents_are_shown_is_declared(content: str, new: Fields, expected: tuple[list[str], bool]) -> None:
    """Bytes and sealed messages."""
    old = await page_of(said("m1", LATE, encrypted_content=content))
    verdict = compare(old, told("id", said("m1", LATE, **new)), messages.DECLARED)
    assert ([*verdict.declared], verdict.is_match) == expected
