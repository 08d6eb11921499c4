"""The sandbox as a whole: it starts, it says what fails, and it leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import httpx
import jwt
import psycopg
import pytest

from scripts.sandbox import data_api
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.assembly import Options, Sandbox, SandboxError
from scripts.sandbox.postgres import Postgres
from scripts.sandbox.realtime import RealtimeServer
from tests.sandbox.programs import DEADLINE_SECONDS, address_of, all_gone, descendants, eventually, program, refuses


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_everything(number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM: status 0, no process left, nobody listening."""
    async with program("--json") as process:
        address = await address_of(process)
        parts = descendants(process)
        assert parts
        process.send_signal(number)
        assert await process.wait() == 0
        await all_gone(parts)
        assert refuses(address)


async def test_the_end_of_standard_input_ends_everything_if_asked() -> None:
    """For whoever starts it as a child: when they go, it goes."""
    async with program("--json", "--until-eof") as process:
        await address_of(process)
        parts = descendants(process)
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0
        await all_gone(parts)


async def test_even_a_killed_sandbox_leaves_nothing_behind() -> None:
    """kill -9 gives no chance to clean up; the parts notice that their parent is gone."""
    async with program("--json") as process:
        await address_of(process)
        parts = descendants(process)
        process.kill()
        await process.wait()
        await all_gone(parts)


async def test_a_signal_during_the_start_ends_what_was_started() -> None:
    """As soon as the first child runs, Ctrl-C is honoured."""
    async with program("--json") as process:

        async def begun() -> bool:
            return bool(descendants(process))

        await eventually(begun)
        parts = descendants(process)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE_SECONDS):
            printed, _ = await process.communicate()
        assert (process.returncode, printed) == (0, b"")
        await all_gone(parts)


async def test_people_are_told_everything() -> None:
    """Without --json the addresses, keys, people and conversations are printed in words."""
    async with program() as process:
        assert process.stdout is not None
        told = (await process.stdout.readuntil(b"Ctrl-C ends it.")).decode()
        for word in ("Supabase URL", "sb_publishable_", "sb_secret_", "bob@example.com", "trip"):
            assert word in told
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_a_part_that_dies_ends_the_sandbox_with_its_name() -> None:
    """Status 1, and a sentence that says which part it was."""
    async with program("--json") as process:
        await address_of(process)
        (node,) = [part for part in descendants(process) if "data_api.mjs" in " ".join(part.cmdline())]
        node.kill()
        async with asyncio.timeout(DEADLINE_SECONDS):
            _, complaint = await process.communicate()
        assert process.returncode == 1
        assert b"The Data API ended with status -9" in complaint
        assert b"Traceback" not in complaint


async def test_a_realtime_that_ends_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a failure is told which part and why."""
    began = asyncio.Event()

    async def end(self: RealtimeServer) -> None:
        self._poller.started.set()
        await began.wait()
        raise ExceptionGroup("tasks", [ValueError("boom")])

    monkeypatch.setattr(RealtimeServer, "_run", end)
    told: list[str] = []
    with pytest.RaisesGroup(ValueError):  # its stop says so, too
        async with Sandbox(progress=told.append) as sandbox:
            began.set()
            with pytest.raises(SandboxError, match="Realtime ended: ValueError\\('boom'\\)"):
                await sandbox.failed()
    assert told[-1] == "Realtime ended: ValueError('boom')"


async def test_a_taken_port_is_named() -> None:
    """Status 1 and one sentence, before anything is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with program("--json", "--port", str(port)) as process:
            printed, complaint = await process.communicate()
    assert (process.returncode, printed) == (1, b"")
    assert complaint.decode().strip() == f"sandbox: The sandbox cannot use port {port}: Address already in use."


async def test_a_part_that_does_not_start_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error holds the part's last words, and what had started before it is gone."""
    broken = tmp_path / "broken.mjs"
    broken.write_text("console.error('no such luck'); process.exit(3)")
    monkeypatch.setattr(data_api, "node_command", lambda _: ["node", str(broken)])
    told: list[str] = []
    sandbox = Sandbox(progress=told.append)
    with pytest.raises(SandboxError, match="ended with status 3") as failure:
        await sandbox.__aenter__()
    assert "no such luck" in str(failure.value)
    assert told[-1] == str(failure.value)
    with pytest.raises(RuntimeError):
        _ = sandbox.database_url


async def test_a_database_that_is_not_there_is_named() -> None:
    """DATABASE_URL is in the sentence."""
    environment = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    async with program("--json", environment=environment) as process:
        _, complaint = await process.communicate()
    assert process.returncode == 1
    assert b"DATABASE_URL" in complaint
    assert b"Traceback" not in complaint


async def test_a_given_database_server_is_used_and_left_clean() -> None:
    """With DATABASE_URL nothing of PostgreSQL is started, and no database and no slot stays behind."""
    async with Postgres() as server:
        async with program("--json", environment={"DATABASE_URL": server.dsn}) as process:
            address = await address_of(process)
            assert address.database_url.startswith(server.dsn.rpartition("/")[0])
            assert not any("postgres" in part.name() for part in descendants(process))
            async with httpx.AsyncClient(headers={"apikey": address.secret_key}) as client:
                assert len((await client.get(f"{address.url}/rest/v1/users?username=eq.bob")).json()) == 1
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        with psycopg.connect(server.dsn) as connection:
            (left,) = (
                connection.execute("select count(*) from pg_database where datname like 'sandbox%'").fetchone() or ()
            )
            (slots,) = connection.execute("select count(*) from pg_replication_slots").fetchone() or ()
        assert (left, slots) == (0, 0)


async def test_with_signing_keys_sessions_and_tokens_are_asymmetric() -> None:
    """The published key verifies sample tokens and new sessions, and both work on the Data API."""
    async with Sandbox(Options(signing="ES256")) as sandbox:
        address = sandbox.address()
        bob = address.people["bob"]
        async with httpx.AsyncClient(base_url=address.url, headers={"apikey": address.publishable_key}) as client:
            published = jwt.PyJWKSet.from_dict((await client.get("/auth/v1/.well-known/jwks.json")).json())
            credentials = {"email": bob.email, "password": bob.password}
            session = (await client.post("/auth/v1/token?grant_type=password", json=credentials)).json()
            for token in (sandbox.tokens["bob"], session["access_token"]):
                key = published[jwt.get_unverified_header(token)["kid"]]
                assert jwt.decode(token, key, audience="authenticated")["sub"] == str(bob.auth_id)
                bearer = {"Authorization": f"Bearer {token}"}
                assert (await client.get("/auth/v1/user", headers=bearer)).json()["email"] == bob.email
                mine = await client.patch(f"/rest/v1/users?id=eq.{bob.user_id}", json={"bio": "x"}, headers=bearer)
                assert mine.headers["Content-Range"] == "0-0/*"


async def test_an_empty_sandbox_has_the_schema_and_nobody() -> None:
    """Without seed there are no people, no rows, and everything else."""
    async with Sandbox(Options(seed=False, publication="empty")) as sandbox:
        address = sandbox.address()
        assert (address.people, address.conversations) == ({}, {})
        async with httpx.AsyncClient(headers={"apikey": address.secret_key}) as client:
            assert (await client.get(f"{address.url}/rest/v1/users")).json() == []
        async with await psycopg.AsyncConnection.connect(sandbox.database_url) as connection:
            published = await (await connection.execute("select count(*) from pg_publication_tables")).fetchone()
        assert published == (0,)


async def test_a_restarted_database_is_no_death() -> None:
    """The Data API finds its way back, and the sandbox stays healthy."""
    async with Sandbox() as sandbox:
        address = sandbox.address()
        await sandbox.postgres.kill()
        async with httpx.AsyncClient(headers={"apikey": address.secret_key}) as client:
            down = await client.get(f"{address.url}/rest/v1/users?limit=1")
            assert (down.status_code, down.json()["code"]) == (503, "PGRST001")
            await sandbox.postgres.restart()

            async def back() -> bool:
                return (await client.get(f"{address.url}/rest/v1/users?limit=1")).status_code == 200

            await eventually(back)
            assert (await client.get(f"{address.url}/sandbox/status")).json()["healthy"]


async def test_a_database_can_be_crashed_over_http() -> None:
    """As kill -9 does, under load; what was answered is there, and the next request is answered."""
    async with Sandbox() as sandbox:
        address = sandbox.address()
        crowd, row = f"{address.url}/rest/v1/users?limit=1", {"name": "kept"}
        async with httpx.AsyncClient(headers={"apikey": address.secret_key}, timeout=DEADLINE_SECONDS) as client:
            (await client.post(f"{address.url}/rest/v1/groups", json=row)).raise_for_status()
            crashed, *_ = await asyncio.gather(
                client.post(f"{address.url}/sandbox/postgres/crash"),
                *(client.get(crowd) for _ in range(20)),
                return_exceptions=True,  # some of them are under way when it happens
            )
            assert isinstance(crashed, httpx.Response)
            assert crashed.status_code == 200
            kept = await client.get(f"{address.url}/rest/v1/groups?name=eq.kept")
            assert [one["name"] for one in kept.json()] == ["kept"]
            assert (await client.get(f"{address.url}/sandbox/status")).json()["healthy"]


async def test_a_database_that_is_not_ours_is_not_crashed() -> None:
    """The request is refused, and the server goes on."""
    async with Postgres() as server, Sandbox(Options(database_url=server.dsn, seed=False)) as sandbox:
        address = sandbox.address()
        async with httpx.AsyncClient(base_url=address.url, headers={"apikey": address.secret_key}) as client:
            assert (await client.post("/sandbox/postgres/crash")).status_code == 409
            assert (await client.get("/rest/v1/users?limit=1")).status_code == 200


def test_the_address_survives_its_line() -> None:
    """What is printed as JSON is read back equal."""
    line = (
        b'{"url":"http://127.0.0.1:1","database_url":"postgresql://x","publishable_key":"p","secret_key":"s",'
        b'"anon_key":"a","service_role_key":"r","jwt_secret":"j","signing":"ES256","generation":"db2-text","people":{"erin":{"user_id":null,'
        b'"auth_id":"bbbbbbbb-0000-4000-8000-000000000005","token":"t","email":null,"password":null}},'
        b'"conversations":{"c":"cccccccc-0000-4000-8000-000000000001"}}'
    )
    assert SandboxAddress.from_json(line).to_json() == line
