"""Changes that arrive incomplete or as errors, and subscriptions the database refuses (supabase.md 2.4, 2.5)."""

from __future__ import annotations

from typing import cast

import psycopg
import pytest

from scripts.sandbox.keys import Keys
from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.notes import NOTES, fresh_id
from tests.sandbox.realtime.phoenix_client import Json, PhoenixClient

pytestmark = pytest.mark.sandbox


async def change(client: PhoenixClient) -> Json:
    """Return the next change."""
    return (await client.expect("postgres_changes")).change


async def test_an_untouched_large_value_is_absent(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """A stored-out-of-line value that an update does not touch is not in the log: absent, not null."""
    client, number = await connect(), fresh_id()
    await client.subscribe("realtime:t", NOTES)
    big = "string_agg(md5(n::text), '')"
    await database.execute(f"insert into notes (id, body) select %s, {big} from generate_series(1, 3000) n", (number,))
    assert len(cast("str", (await client.next()).record["body"])) == 96_000
    await database.execute("update notes set rank = 2 where id = %s", (number,))
    record = (await client.next()).record
    assert record["rank"] == 2
    assert "body" not in record


async def test_a_row_above_one_mebibyte_keeps_its_small_values(
    connect: Connect, database: psycopg.AsyncConnection
) -> None:
    """Values of at most 64 bytes, and error 413."""
    client, number = await connect(), fresh_id()
    await client.subscribe("realtime:t", NOTES)
    await database.execute("insert into notes values (%s, repeat('x', 1100000), 1)", (number,))
    found = await change(client)
    assert found["errors"] == ["Error 413: Payload Too Large"]
    assert found["record"] == {"id": number, "rank": 1, "written_at": None, "tags": None}


async def test_a_table_without_key_gives_an_error(connect: Connect, database: psycopg.AsyncConnection) -> None:
    """400, no columns, no commit_timestamp."""
    client = await connect()
    await client.subscribe("realtime:t", {**NOTES, "table": "keyless"})
    await database.execute("insert into keyless values ('x')")
    assert await change(client) == {
        "schema": "public",
        "table": "keyless",
        "type": "INSERT",
        "record": {},
        "errors": ["Error 400: Bad Request, no primary key"],
    }


async def test_a_role_without_select_gets_an_error(
    connect: Connect, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """401 for anon, who may not read the key; the service role reads the row."""
    anonymous, server, number = await connect(), await connect(keys.secret), fresh_id()
    for client in (anonymous, server):
        await client.subscribe("realtime:t", {**NOTES, "table": "locked"})
    await database.execute("insert into locked values (%s, 'x')", (number,))
    await database.execute("update locked set body = 'y' where id = %s", (number,))
    extras: dict[str, Json] = {"INSERT": {}, "UPDATE": {"old_record": {}}}
    for kind, extra in extras.items():
        assert await change(anonymous) == {
            "schema": "public",
            "table": "locked",
            "type": kind,
            "record": {},
            "errors": ["Error 401: Unauthorized"],
            **extra,
        }
    assert (await server.next()).record == {"id": number, "body": "x"}


async def test_columns_a_role_may_not_read_are_left_out(
    connect: Connect, database: psycopg.AsyncConnection, keys: Keys
) -> None:
    """From the row and from the list of columns; a grant shows them from the next row on."""
    anonymous, number = await connect(), fresh_id()
    await anonymous.subscribe("realtime:t", {**NOTES, "table": "partly"})
    await database.execute("insert into partly values (%s, 'shown', 'hidden')", (number,))
    found = await change(anonymous)
    assert found["record"] == {"id": number, "shown": "shown"}
    assert found["columns"] == [{"name": "id", "type": "int4"}, {"name": "shown", "type": "text"}]
    await database.execute("grant select (hidden) on partly to anon")
    await database.execute("update partly set shown = 'again' where id = %s", (number,))
    assert (await anonymous.next()).record["hidden"] == "hidden"
    await database.execute("revoke select (hidden) on partly from anon")
    await database.execute("update partly set shown = 'last' where id = %s", (number,))
    assert "hidden" not in (await anonymous.next()).record


@pytest.mark.parametrize("table", ["unpublished", "spaced name", "nowhere"])
async def test_what_is_not_published_is_refused_and_stays_silent(
    connect: Connect, database: psycopg.AsyncConnection, table: str
) -> None:
    """A system error, the channel stays; a name with spaces counts as unpublished."""
    client = await connect()
    await client.join("realtime:t", {**NOTES, "table": table})
    system = (await client.expect("system")).payload
    assert (system["status"], system["extension"]) == ("error", "postgres_changes")
    assert cast("str", system["message"]).startswith("Unable to subscribe to changes with given parameters. ")


@pytest.mark.parametrize(
    ("binding", "expected"),
    [
        ({"filter": "body"}, "Error parsing `filter` params: body"),
        ({"filter": "nothing=eq.1"}, "invalid column for filter nothing"),
        ({"filter": "rank=eq.abc"}, 'invalid input syntax for type numeric: "abc"'),
        ({"filter": "written_at=gt.yesteryear"}, "invalid input syntax for type timestamp with time zone"),
        ({"select": ["nothing"]}, "invalid column for select nothing"),
        ({"select": ["body"], "table": None}, "an explicit `table` is required"),
        ({"schema": None, "table": None}, "No subscription params provided."),
        ({"event": 7}, "Error parsing subscription params"),
    ],
)
async def test_malformed_bindings_are_told(connect: Connect, binding: Json, expected: str) -> None:
    """The join is ok all the same; the reason comes as a system error."""
    client = await connect()
    await client.join("realtime:t", {**NOTES, **binding})
    system = (await client.expect("system")).payload
    assert system["status"] == "error"
    assert expected in cast("str", system["message"])


async def test_a_role_nobody_has_cannot_subscribe(connect: Connect, keys: Keys) -> None:
    """The token is fine, the database knows no such role."""
    client = await connect()
    await client.join("realtime:t", NOTES, token=keys.mint("someone", role="stranger"))
    system = (await client.expect("system")).payload
    assert 'role "stranger" does not exist' in cast("str", system["message"])
