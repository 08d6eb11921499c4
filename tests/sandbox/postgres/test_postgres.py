"""A server of the sandbox's own: it starts, survives kill -9, ends with us, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from scripts.sandbox.cluster import server_account
from scripts.sandbox.postgres import Postgres, PostgresError, forget_template
from scripts.sandbox.postmaster import Postmaster, free_port

PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.02

CHILD = """
import asyncio, sys
from scripts.sandbox.postgres import Postgres

async def main():
    async with Postgres() as postgres:
        print(postgres._postmaster.pid, postgres._postmaster._directory, flush=True)
        await asyncio.Event().wait()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest_asyncio.fixture
async def own() -> AsyncIterator[Postgres]:
    """Yield a server that a test may kill."""
    async with Postgres() as postgres:
        yield postgres


def postmaster(postgres: Postgres) -> Postmaster:
    """Return the server behind a sandbox database."""
    assert postgres._postmaster is not None
    return postgres._postmaster


async def execute(dsn: str, statement: str) -> list[tuple[object, ...]]:
    """Run a statement on a connection of its own and return its rows."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for something another process does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - another process tells us nothing
            await asyncio.sleep(POLL_SECONDS)


def alive(pid: int) -> bool:
    """Tell whether a process exists and is not merely unburied."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or ") Z " not in status.read_text()


def templates_in(place: Path) -> list[str]:
    """Return what a cache of templates holds, half-built ones included."""
    return [template.name for template in place.iterdir()]


# Start and stop ------------------------------------------------------------------------------------------------------


async def test_it_stops_with_its_last_process_and_its_directory(own: Postgres) -> None:
    """Nothing runs and nothing lies about after the block."""
    async with Postgres() as postgres:
        pid, directory = postmaster(postgres).pid, postmaster(postgres)._directory
        assert pid is not None
        assert alive(pid)
        address = postgres.dsn
    assert not alive(pid)
    assert not directory.exists()
    with pytest.raises(psycopg.OperationalError):
        await execute(address, "select 1")
    with pytest.raises(RuntimeError):
        _ = postgres.dsn
    assert await execute(own.dsn, "select 1") == [(1,)]  # others are not touched


async def test_it_is_a_server_for_realtime_that_only_this_machine_reaches(own: Postgres) -> None:
    """Logical decoding, TCP on 127.0.0.1, no sockets, nobody without the password."""
    shown = await execute(
        own.dsn,
        "select current_setting('wal_level'), current_setting('listen_addresses'), "
        "current_setting('unix_socket_directories'), current_setting('timezone'), "
        "current_setting('max_replication_slots')::int >= 10",
    )
    assert shown == [("logical", "127.0.0.1", "", "UTC", True)]
    with pytest.raises(psycopg.OperationalError, match="password"):
        await execute(own.dsn.replace("supabase_admin:", "supabase_admin:not-"), "select 1")


async def test_it_runs_as_somebody_who_may_do_nothing(own: Postgres) -> None:
    """Started by root it runs as an unprivileged user, otherwise as ourselves."""
    account = server_account()
    owner = postmaster(own)._directory.joinpath("cluster", "PG_VERSION").stat().st_uid
    assert owner == (account.uid if account else os.geteuid())
    assert owner != 0


async def test_ctrl_c_in_our_terminal_does_not_reach_it(own: Postgres) -> None:
    """It has a session of its own; we stop it in our own order."""
    pid = postmaster(own).pid
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)


async def test_the_environment_does_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGDATA and PGPORT are somebody else's."""
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    async with Postgres() as postgres:
        assert await execute(postgres.dsn, "select 1") == [(1,)]


# Death ---------------------------------------------------------------------------------------------------------------


async def test_what_was_committed_survives_kill_9(own: Postgres) -> None:
    """Connections break at once; after the restart the same address works, and new ones can be opened."""
    address = own.dsn
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("create table kept (id integer)")
        await connection.execute("insert into kept values (1)")
        await own.kill()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        await execute(address, "select 1")
    await own.restart()
    assert await execute(address, "select id from kept") == [(1,)]
    assert own.dsn == address


async def test_a_killed_one_can_be_left(own: Postgres) -> None:
    """Killing twice does nothing more, and leaving the block removes the directory."""
    async with Postgres() as postgres:
        directory = postmaster(postgres)._directory
        await postgres.kill()
        await postgres.kill()
    assert not directory.exists()
    await own.restart()  # without a kill before: stopped in order
    assert await execute(own.dsn, "select 1") == [(1,)]


async def test_it_stops_even_if_a_client_holds_it_back(
    own: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fast shutdown waits for stopped processes; then it is killed."""
    pid = postmaster(own).pid
    assert pid is not None
    monkeypatch.setattr("scripts.sandbox.postmaster.STOP_SECONDS", 0.2)
    os.kill(pid, signal.SIGSTOP)
    await own.restart()
    assert not alive(pid)
    assert "killing it" in caplog.text


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_the_program_is_killed(sent: signal.Signals) -> None:
    """By any signal, to the whole process group as a terminal does: no process stays, no directory."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert program.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = await program.stdout.readline()
    pid, directory = int(line.split()[0]), Path(line.split()[1].decode())
    assert alive(pid)
    os.killpg(program.pid, sent)
    await program.wait()
    await eventually(lambda: not alive(pid))
    await eventually(lambda: not directory.exists())


# Ports ---------------------------------------------------------------------------------------------------------------


async def test_a_port_taken_in_between_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another start may have been faster: the next free port will do, for a few times."""
    with socket.create_server(("127.0.0.1", 0)) as rival:
        taken = rival.getsockname()[1]
        ports = [taken]
        monkeypatch.setattr("scripts.sandbox.postgres.free_port", lambda: ports.pop() if ports else free_port())
        async with Postgres() as postgres:
            assert postmaster(postgres).port != taken
        monkeypatch.setattr("scripts.sandbox.postgres.free_port", lambda: taken)
        with pytest.raises(PostgresError, match="is taken"):
            async with Postgres():
                pytest.fail("it must not start")


# Template ------------------------------------------------------------------------------------------------------------


async def test_the_second_start_copies_what_the_first_made(tmp_path: Path) -> None:
    """Told only once; what one server was told is not in the next."""
    told: list[str] = []
    for number in (1, 2):
        async with Postgres(templates=tmp_path / "cache", tell=told.append) as postgres:
            await execute(postgres.dsn, f"create table only_here_{number} (id integer)")
            tables = await execute(postgres.dsn, "select count(*) from pg_tables where tablename like 'only_here%'")
            assert tables == [(1,)]
        assert len(told) == 2
    assert len(templates_in(tmp_path / "cache")) == 1


async def test_concurrent_first_starts_share_one_template(tmp_path: Path) -> None:
    """Each builds in a place of its own; whoever is first wins, and nothing half-built stays."""

    async def run() -> object:
        async with Postgres(templates=tmp_path) as postgres:
            return await execute(postgres.dsn, "select count(*) from messages")

    assert list(await asyncio.gather(run(), run(), run())) == [[(0,)]] * 3
    assert len(templates_in(tmp_path)) == 1
    assert await run() == [(0,)]


async def test_without_a_usable_cache_it_starts_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Said once in the log."""
    occupied = tmp_path / "file"
    occupied.touch()
    async with Postgres(templates=occupied) as postgres:
        assert await execute(postgres.dsn, "select 1") == [(1,)]
    assert "cannot be cached" in caplog.text
    async with Postgres(templates=None) as postgres:
        assert await execute(postgres.dsn, "select 1") == [(1,)]


async def test_old_templates_go_and_a_template_can_be_forgotten(tmp_path: Path) -> None:
    """Templates of other schemas are removed when they have not been used for a week."""
    for name, age in (("old", 8), ("recent", 1)):
        (tmp_path / name).touch()
        used_at = (tmp_path / name).stat().st_mtime - age * 24 * 3600
        os.utime(tmp_path / name, (used_at, used_at))
    async with Postgres(templates=tmp_path):
        pass
    (template,) = set(templates_in(tmp_path)) - {"recent"}
    assert template.endswith(".tar")
    assert (tmp_path / template).stat().st_mode & 0o777 == 0o600  # there is a password in it
    forget_template(tmp_path)
    forget_template(tmp_path)
    assert templates_in(tmp_path) == ["recent"]
