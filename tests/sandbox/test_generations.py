"""Later generations of the schema through the Data API and Realtime: bytes, copies, and what a bridge asks at first."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.cast import NOTES
from scripts.sandbox.generations import Generation
from scripts.sandbox.sample_messages import BACKSLASHES, BUFFER_JSON, EMOJI, HEX_LOOKALIKE, MESSAGES
from scripts.sandbox.sample_sealed import LATER_MESSAGES, SEALED, sealed_copy
from tests.conftest import SandboxOf
from tests.sandbox.realtime.phoenix_client import PhoenixClient

TEXTS = [r"back\slash C:\new", BACKSLASHES, HEX_LOOKALIKE, "\\\\", EMOJI, BUFFER_JSON, "two\nlines"]
RETURNED = {"Prefer": "return=representation"}
NOBODY = "00000000-0000-4000-8000-000000000000"


@asynccontextmanager
async def rest(sandbox: SandboxAddress, who: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the Data API: a sample person's, or one that holds the secret key."""
    token = sandbox.people[who].token if who else sandbox.secret_key
    headers = {"apikey": sandbox.publishable_key if who else sandbox.secret_key, "Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/rest/v1", headers=headers) as client:
        yield client


def realtime(sandbox: SandboxAddress, key: str) -> PhoenixClient:
    """Return a client of Realtime, not yet connected."""
    return PhoenixClient(f"{sandbox.url.replace('http', 'ws')}/realtime/v1/websocket", key)


def message(sandbox: SandboxAddress, content: str, sender: str = "bob") -> dict[str, str]:
    """Return a row of bob and carol's conversation."""
    return {
        "id": str(uuid4()),
        "conversation_id": str(sandbox.conversations["bob-carol"]),
        "sender_id": str(sandbox.people[sender].user_id),
        "encrypted_content": content,
    }


def in_hex(text: str) -> str:
    """Return what goes into a bytea column through PostgREST."""
    return "\\x" + text.encode().hex()


def test_the_address_tells_the_generation(sandbox_of: SandboxOf) -> None:
    """Sandboxes of several can be there at once; the last state has one conversation more."""
    assert [sandbox_of(each).generation for each in ("db1", "db2", "db3")] == ["db1", "db2", "db3"]
    assert sandbox_of("db3") is sandbox_of("db3")
    assert sandbox_of("db3").conversations.keys() - sandbox_of("db2").conversations.keys() == NOTES.keys()


# Bytes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_goes_through_a_bytea_column_unchanged(sandbox_of: SandboxOf, text: str) -> None:
    """In by `\\x` and hex; out the same in the answer, in a select, in an embed and in Realtime (contract F40)."""
    sandbox = sandbox_of("db2")
    row = message(sandbox, in_hex(text))
    async with rest(sandbox) as client, realtime(sandbox, sandbox.secret_key) as listener:
        await listener.subscribe("realtime:x", {"event": "INSERT", "schema": "public", "table": "messages"})
        answer = await client.post("/messages", json=row, headers=RETURNED)
        assert answer.json()[0]["encrypted_content"] == in_hex(text)
        # Others of this sandbox may have written a moment before.
        pushed = (await listener.until(lambda each: each.record["id"] == row["id"]))[-1]
        assert pushed.record["encrypted_content"] == in_hex(text)
        assert {"name": "encrypted_content", "type": "bytea"} in pushed.change["columns"]  # type: ignore[operator]  # JSON
        await client.post("/messages", json={**message(sandbox, in_hex("re")), "reply_to_id": row["id"]})
        quoting = "select=reply_to:messages!messages_reply_to_id_fkey(encrypted_content)"
        (quote,) = (await client.get(f"/messages?{quoting}&reply_to_id=eq.{row['id']}")).json()
        assert quote == {"reply_to": {"encrypted_content": in_hex(text)}}
        (stored,) = (await client.get(f"/messages?select=encrypted_content&id=eq.{row['id']}")).json()
        assert bytes.fromhex(stored["encrypted_content"].removeprefix("\\x")).decode() == text


async def test_a_raw_text_is_read_as_bytea_input(sandbox_of: SandboxOf) -> None:
    """What a legacy client sends: plain words pass, what looks like hex changes, a backslash is refused."""
    sandbox = sandbox_of("db2")
    async with rest(sandbox, "bob") as client:
        for sent, shown in (("hello", in_hex("hello")), (HEX_LOOKALIKE, in_hex("AB"))):
            answer = await client.post("/messages", json=message(sandbox, sent), headers=RETURNED)
            assert answer.json()[0]["encrypted_content"] == shown
        refused = await client.post("/messages", json=message(sandbox, r"back\slash"), headers=RETURNED)
        assert (refused.status_code, refused.json()["code"]) == (400, "22P02")


# Copies --------------------------------------------------------------------------------------------------------------


async def test_a_left_join_shows_plain_and_sealed_messages(sandbox_of: SandboxOf) -> None:
    """Each with one's own copy or none; the inner join of the app hides the plain ones (contract F46)."""
    sandbox = sandbox_of("db3")
    plain = [MESSAGES["hello"], MESSAGES["answer"], MESSAGES["thanks"], LATER_MESSAGES["plain-between"]]
    sealed = [SEALED[name].id for name in ("sealed-hello", "sealed-answer", "sealed-after-plain")]
    asked = (
        f"id=in.({','.join([*plain, *sealed])})&order=created_at"
        f"&message_recipients.recipient_user_id=eq.{sandbox.people['carol'].user_id}"
    )
    async with rest(sandbox) as client:
        found = (await client.get(f"/messages?select=id,message_recipients(encrypted_content)&{asked}")).json()
        inner = (await client.get(f"/messages?select=id,message_recipients!inner(encrypted_content)&{asked}")).json()
    copies = {row["id"]: row["message_recipients"] for row in found}
    assert copies.keys() == {*plain, *sealed}
    assert [copies[each] for each in plain] == [[]] * len(plain)
    for each in sealed:
        (copy,) = copies[each]
        assert base64.b64decode(copy["encrypted_content"]).decode() == sealed_copy(each, "carol")
    assert [row["id"] for row in inner] == sealed


async def test_a_person_reads_own_copies_only(sandbox_of: SandboxOf) -> None:
    """Through the Data API as in SQL; the key alone reads none."""
    sandbox = sandbox_of("db3")
    copies = f"/message_recipients?select=recipient_user_id&message_id=eq.{SEALED['sealed-hello'].id}"
    async with rest(sandbox, "carol") as client:
        assert (await client.get(copies)).json() == [{"recipient_user_id": str(sandbox.people["carol"].user_id)}]
        headers = {"Authorization": f"Bearer {sandbox.publishable_key}"}
        assert (await client.get(copies, headers=headers)).json() == []


async def test_copies_are_pushed_to_their_recipients_only(sandbox_of: SandboxOf) -> None:
    """And whole to the service; a later change of a long one comes without it (supabase.md 2.4)."""
    sandbox = sandbox_of("db3")
    row = message(sandbox, in_hex(BUFFER_JSON))
    copies = [
        {
            "message_id": row["id"],
            "recipient_user_id": str(sandbox.people[name].user_id),
            "encrypted_content": base64.b64encode(sealed_copy(row["id"], name).encode()).decode(),
        }
        for name in ("bob", "carol")
    ]
    everything = {"event": "*", "schema": "public", "table": "message_recipients"}
    async with (
        rest(sandbox) as client,
        realtime(sandbox, sandbox.secret_key) as service,
        realtime(sandbox, sandbox.publishable_key) as carol,
    ):
        await service.subscribe("realtime:all", everything)
        await carol.subscribe("realtime:mine", everything, token=sandbox.people["carol"].token)
        await client.post("/messages", json=row)
        upsert = "/message_recipients?on_conflict=message_id,recipient_user_id"
        for _ in range(2):  # a repeated attempt changes nothing
            again = await client.post(upsert, json=copies, headers={"Prefer": "resolution=ignore-duplicates"})
            assert again.status_code == 201
        for copy in copies:
            assert (await service.expect("postgres_changes")).record["encrypted_content"] == copy["encrypted_content"]
        own = await carol.expect("postgres_changes")
        assert own.record["recipient_user_id"] == copies[1]["recipient_user_id"]
        who = f"message_id=eq.{row['id']}&recipient_user_id=eq.{copies[1]['recipient_user_id']}"
        await client.patch(f"/message_recipients?{who}", json={"read_at": "2026-11-25T12:00:00Z"})
        change = await carol.expect("postgres_changes")
        assert change.record["read_at"] == "2026-11-25T12:00:00+00:00"
        assert "encrypted_content" not in change.record


async def test_a_note_to_oneself_is_a_conversation(sandbox_of: SandboxOf) -> None:
    """Of a fourth type."""
    sandbox = sandbox_of("db3")
    async with rest(sandbox) as client:
        found = (await client.get(f"/conversations?select=type&id=eq.{NOTES['carol-notes'].id}")).json()
    assert found == [{"type": "note_to_self"}]


# What a bridge asks at its start -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generation", "path", "status", "code"),
    [
        ("db1", "/messages?select=content_type&limit=0", 400, "42703"),
        ("db1", "/conversation_participants?select=archived_at&limit=0", 400, "42703"),
        ("db1", "/messages?select=id&content_type=is.null&limit=0", 400, "42703"),
        ("db1", "/deliveries?select=message_id&limit=0", 404, "PGRST205"),
        ("db2", "/message_recipients?select=id&limit=0", 404, "PGRST205"),
        ("db2", "/messages?encrypted_content=ilike.x&limit=0&select=id", 404, "42883"),
        ("db3", "/messages?encrypted_content=ilike.x&limit=0&select=id", 404, "42883"),
        ("db3", "/users?select=email&limit=0", 400, "42703"),
    ],
)
async def test_what_is_missing_or_of_another_type_is_answered_with_a_code(
    sandbox_of: SandboxOf, generation: Generation, path: str, status: int, code: str
) -> None:
    """For the secret key and for the anon key alike."""
    sandbox = sandbox_of(generation)
    async with rest(sandbox) as client:
        for key in (sandbox.secret_key, sandbox.anon_key):
            answer = await client.get(path, headers={"apikey": key, "Authorization": f"Bearer {key}"})
            assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("generation", "path"),
    [
        ("db1", "/messages?encrypted_content=ilike.x&limit=0&select=id"),
        ("db2", "/messages?select=content_type,has_attachments&limit=0"),
        ("db2", "/deliveries?select=message_id&limit=0"),
        ("db3", "/message_recipients?encrypted_content=ilike.x&limit=0&select=id"),
        ("db3", "/conversation_participants?select=archived_at,disappear_seconds,start_on&limit=0"),
    ],
)
async def test_what_is_there_is_answered_with_no_rows(sandbox_of: SandboxOf, generation: Generation, path: str) -> None:
    """A question that costs nothing: limit=0."""
    async with rest(sandbox_of(generation)) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("generation", ["db1", "db3"])
async def test_a_row_of_nobody_tells_whether_the_key_may_write(sandbox_of: SandboxOf, generation: Generation) -> None:
    """The secret key gets past the policies to the foreign keys; a user and the anon key do not (contract F43)."""
    sandbox = sandbox_of(generation)
    row = {"conversation_id": NOBODY, "user_id": NOBODY, "is_typing": False}
    answered = (
        (sandbox.secret_key, sandbox.secret_key, (409, "23503")),
        (sandbox.anon_key, sandbox.anon_key, (401, "42501")),
        (sandbox.anon_key, sandbox.people["bob"].token, (403, "42501")),
    )
    async with rest(sandbox) as client:
        for key, bearer, expected in answered:
            headers = {"apikey": key, "Authorization": f"Bearer {bearer}"}
            answer = await client.post("/typing_indicators", json=row, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == expected
