"""The Data API answers the requests a store on the server side makes, as a PostgREST does."""

from __future__ import annotations

import json
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.sandbox.conftest import Room, write_messages

OBJECT = "application/vnd.pgrst.object+json"
ONCE = "resolution=ignore-duplicates,return=representation"
SENDER = "*,sender:users!messages_sender_id_fkey(id,username)"


def read_all(database: psycopg.Connection, room: Room, messages: list[str]) -> None:
    """Note that alice has read these messages, and that the last one was delivered to her besides."""
    for message in messages:
        database.execute(
            "insert into message_status (message_id, user_id, status) values (%s, %s, 'read')",
            (message, room.alice.user_id),
        )


def test_pages_follow_each_other_by_time_and_id(rest: httpx.Client, room: Room, database: psycopg.Connection) -> None:
    """Keyset paging by or(and()) neither skips nor repeats rows of the same instant."""
    write_messages(database, room, room.bob, 7)
    database.execute(
        "update messages set created_at = '2026-11-01 12:00:00.5+00' where conversation_id = %s", (room.id,)
    )
    seen: list[str] = []
    before = ""
    while True:
        page = rest.get(
            f"/messages?select=id,created_at&conversation_id=eq.{room.id}{before}&order=created_at.desc,id.desc&limit=3"
        ).json()
        if not page:
            break
        seen += [row["id"] for row in page]
        at, last = page[-1]["created_at"].replace("+", "%2B"), page[-1]["id"]
        before = f"&or=(created_at.lt.{at},and(created_at.eq.{at},id.lt.{last}))"
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


def test_each_conversation_comes_with_its_latest_message(
    rest: httpx.Client, room: Room, database: psycopg.Connection
) -> None:
    """Order and limit of an embed hold per parent; inner embeds filter the parent; aliases keep embeds apart."""
    ids = write_messages(database, room, room.bob, 3)
    database.execute("update messages set deleted_at = now() where id = %s", (ids[2],))
    found = rest.get(
        "/conversations?select=id,mine:conversation_participants!inner(user_id),"
        "members:conversation_participants(user:users(username)),last:messages(id)"
        f"&mine.user_id=eq.{room.alice.user_id}&mine.left_at=is.null&members.left_at=is.null"
        "&last.deleted_at=is.null&last.order=created_at.desc,id.desc&last.limit=1"
        f"&id=in.({room.id},{uuid4()})"
    ).json()
    (conversation,) = found
    assert conversation["last"] == [{"id": ids[1]}]
    assert sorted(member["user"]["username"] for member in conversation["members"]) == ["alice", "bob", "dave"]
    nobody = rest.get(
        "/conversations?select=id,mine:conversation_participants!inner(user_id)"
        f"&mine.user_id=eq.{room.xavier.user_id}&id=eq.{room.id}"
    )
    assert nobody.json() == []


def test_unread_messages_are_counted_by_an_anti_join(
    rest: httpx.Client, room: Room, database: psycopg.Connection
) -> None:
    """`message_status=is.null` keeps messages without a matching receipt; the count stands in Content-Range."""
    ids = write_messages(database, room, room.bob, 5)
    write_messages(database, room, room.alice, 2)
    read_all(database, room, ids[:2])
    conditions = (
        f"conversation_id=eq.{room.id}&sender_id=neq.{room.alice.user_id}&message_status.user_id=eq.{room.alice.user_id}"
        "&message_status.status=eq.read&message_status=is.null"
    )
    counted = rest.head(f"/messages?select=id,message_status()&{conditions}", headers={"Prefer": "count=exact"})
    assert counted.headers["Content-Range"] == "0-2/3"
    listed = rest.get(f"/messages?select=id,message_status(id)&{conditions}&order=created_at").json()
    assert [row["id"] for row in listed] == ids[2:]


def test_unread_messages_of_all_conversations_are_counted_at_once(
    rest: httpx.Client, room: Room, database: psycopg.Connection
) -> None:
    """A counting embed with an anti-join inside."""
    ids = write_messages(database, room, room.bob, 4)
    read_all(database, room, ids[:1])
    found = rest.get(
        f"/conversations?select=id,messages(count,message_status())&id=eq.{room.id}"
        f"&messages.sender_id=neq.{room.alice.user_id}&messages.message_status.user_id=eq.{room.alice.user_id}"
        "&messages.message_status.status=eq.read&messages.message_status=is.null"
    ).json()
    assert found == [{"id": room.id, "messages": [{"count": 3}]}]


def test_the_same_message_is_stored_once(rest: httpx.Client, room: Room) -> None:
    """The second insert with the same id answers 201 and no row; what is stored is the first."""
    row = {"id": str(uuid4()), "conversation_id": room.id, "sender_id": str(room.bob.user_id)}
    path = f"/messages?on_conflict=id&select={SENDER}"
    first = rest.post(path, json={**row, "encrypted_content": "first"}, headers={"Prefer": ONCE})
    second = rest.post(path, json={**row, "encrypted_content": "second"}, headers={"Prefer": ONCE})
    assert (first.status_code, first.json()[0]["sender"]["username"]) == (201, "bob")
    assert (second.status_code, second.json()) == (201, [])
    assert rest.get(f"/messages?select=encrypted_content&id=eq.{row['id']}").json() == [{"encrypted_content": "first"}]
    taken = rest.post("/messages", json={**row, "encrypted_content": "third"})
    assert (taken.status_code, taken.json()["code"]) == (409, "23505")


def test_several_rows_are_stored_at_once_or_not_at_all(rest: httpx.Client, room: Room) -> None:
    """A list is one statement; one bad row undoes it."""
    good = {"conversation_id": room.id, "sender_id": str(room.bob.user_id), "encrypted_content": "x"}
    bad = {**good, "sender_id": room.id}
    refused = rest.post("/messages", json=[good, bad])
    assert (refused.status_code, refused.json()["code"]) == (409, "23503")
    assert rest.get(f"/messages?conversation_id=eq.{room.id}").json() == []
    assert rest.post("/messages", json=[good, good]).status_code == 201
    assert len(rest.get(f"/messages?conversation_id=eq.{room.id}").json()) == 2


def test_one_row_is_changed_or_none(rest: httpx.Client, room: Room, database: psycopg.Connection) -> None:
    """The object Accept and max-affected refuse more than one row, and what they refuse is undone."""
    ids = write_messages(database, room, room.bob, 2)
    one = rest.patch(
        f"/messages?id=eq.{ids[0]}&select={SENDER}",
        json={"metadata": {"a": 1}},
        headers={"Prefer": "return=representation", "Accept": OBJECT},
    )
    assert one.json()["sender"]["username"] == "bob"
    for headers, refusal in (
        ({"Prefer": "return=representation", "Accept": OBJECT}, (406, "PGRST116")),
        ({"Prefer": "return=minimal,handling=strict,max-affected=1"}, (400, "PGRST124")),
    ):
        both = rest.patch(f"/messages?conversation_id=eq.{room.id}", json={"metadata": {"b": 2}}, headers=headers)
        assert (both.status_code, both.json()["code"]) == refusal
    kept = rest.get(f"/messages?select=metadata&conversation_id=eq.{room.id}&order=created_at").json()
    assert kept == [{"metadata": {"a": 1}}, {"metadata": {}}]


def test_pages_are_cut_at_a_thousand_rows(rest: httpx.Client, room: Room, database: psycopg.Connection) -> None:
    """More is not there, whatever limit was asked for, and nothing says so but the count."""
    write_messages(database, room, room.bob, 1001)
    asked = rest.get(f"/messages?select=id&conversation_id=eq.{room.id}&limit=5000", headers={"Prefer": "count=exact"})
    assert (asked.status_code, len(asked.json())) == (206, 1000)
    assert asked.headers["Content-Range"] == "0-999/1001"


def test_an_error_at_the_end_of_the_transaction_is_an_answer(rest: httpx.Client, room: Room) -> None:
    """created_by is checked at commit: 409 23503, and nothing is stored."""
    identifier = str(uuid4())
    refused = rest.post("/conversations", json={"id": identifier, "type": "group", "created_by": room.id})
    assert (refused.status_code, refused.json()["code"]) == (409, "23503")
    assert rest.get(f"/conversations?id=eq.{identifier}").json() == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nonsense", 404, "PGRST205"),
        ("/messages?select=nonsense", 400, "42703"),
        ("/messages?select=id,nonsense(id)", 400, "PGRST200"),
        ("/messages?id=eq.nonsense", 400, "22P02"),
        ("/messages?id=nonsense.1", 400, "PGRST100"),
        ("/messages?select=id.count()", 400, "PGRST123"),
        ("/rpc/nonsense", 404, "PGRST202"),
    ],
)
def test_nonsense_is_answered_with_its_code(rest: httpx.Client, path: str, status: int, code: str) -> None:
    """Status and code are PostgREST's."""
    refused = rest.get(path)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_values_look_like_postgrest_s(rest: httpx.Client, database: psycopg.Connection) -> None:
    """Every type as to_json would write it; a changed schema is known at once, without a restart."""
    database.execute(
        "create table public.kinds (id int primary key, big bigint, exact numeric, real float8, bytes bytea,"
        " at timestamptz, local_at timestamp, moments timestamptz[], day date, told jsonb)"
    )
    try:
        database.execute(
            r"insert into kinds values (1, 9007199254740993, 12.500, 'NaN', '\x4142', '2026-01-02 03:04:05.678901+00',"
            " '2026-01-02 03:04:05.6', '{2026-01-02 03:04:05+00}', '2026-01-02', '{\"a\": [1, null]}')"
        )
        (reference,) = database.execute("select to_json(kinds)::text from kinds").fetchone() or ("",)
        answer = _eventually_found(rest, "/kinds")
        assert json.loads(answer.content, parse_float=str) == [json.loads(reference, parse_float=str)]
        for sent, stored in ((r"\x6162ff", r"\x6162ff"), ("plain", r"\x706c61696e")):
            made = rest.patch("/kinds?id=eq.1", json={"bytes": sent}, headers={"Prefer": "return=representation"})
            assert made.json()[0]["bytes"] == stored
        database.execute("alter table kinds alter bytes type text using encode(bytes, 'escape')")
        assert _eventually_found(rest, "/kinds?select=bytes").json() == [{"bytes": "plain"}]
    finally:
        database.execute("drop table public.kinds")


def _eventually_found(rest: httpx.Client, path: str) -> httpx.Response:
    """Ask until the Data API has heard of the change, which it is told after the commit."""
    answer = rest.get(path)
    for _ in range(200):
        if answer.status_code == 200:
            break
        answer = rest.get(path)
    return answer.raise_for_status()
