"""One running PostgreSQL server that belongs to this program: started, stopped, killed, and never left behind."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import socket
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.01
LOG_TAIL_LINES: Final = 12
SHARED_MEMORY_LINE: Final = 6  # of postmaster.pid, counted from 0: key and identifier
STATUS_LINE: Final = 7
IPC_RMID: Final = 0

_log = logging.getLogger(__name__)

# A shell becomes the postmaster, so that its process id is the one we know. Beside it waits a second shell that reads
# our end of a pipe. A line in it is our order to stop. Its end without a line means that we are gone, even by kill -9:
# then nobody else will stop the server and remove its directory. (Linux could do half of it with PDEATHSIG, but that
# follows the thread that started the server, and needs code between fork and exec.)
LAUNCHER: Final = """
directory=$1; shift
exec 3<&0 </dev/null
(
  exec 2>/dev/null
  if read -r order <&3; then kill -INT $$; exit; fi
  kill -INT $$
  tries=0
  while kill -0 $$ && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL $$
  rm -rf -- "$directory"
) &
exec 3<&-
exec "$@"
"""


class PostgresError(Exception):
    """PostgreSQL cannot be had or does not start; the text says what to do about it."""


class PortTaken(PostgresError):
    """Somebody else listens on the port that we wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The system user a server runs as when we are root, which PostgreSQL refuses to be."""

    uid: int
    gid: int


async def run_as(account: Account | None, *command: str | Path, stdin: int = DEVNULL) -> None:
    """Run one program to its end; `stdin` is an open file.

    Raises:
        PostgresError: it failed; with what it printed.

    """
    program = await _spawn(account, command, stdin=stdin, stderr=STDOUT)
    try:
        printed, _ = await program.communicate()
    finally:
        if program.returncode is None:  # cancelled: it must not go on writing into a directory about to be removed
            program.kill()
            await program.wait()
    if program.returncode:
        raise PostgresError(f"{Path(command[0]).name} failed: {printed.decode(errors='replace').strip()}")


async def _spawn(account: Account | None, command: tuple[str | Path, ...], *, stdin: int, stderr: int) -> Process:
    # A session of its own: Ctrl-C in our terminal is for us, and we stop the server in our own order.
    # An environment of its own: PGPORT, PGOPTIONS and the like must not change what we start.
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=PIPE,
        stderr=stderr,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        cwd="/" if account else None,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def free_port() -> int:
    """Return a TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Postmaster:
    """A server on 127.0.0.1 over one cluster directory; `directory` is removed with it if we die."""

    def __init__(self, *, program: Path, account: Account | None, directory: Path, port: int) -> None:
        self.port = port
        self._command = (program, "-D", directory / "cluster", "-p", str(port))
        self._account = account
        self._directory = directory
        self._log = directory / "postgres.log"
        self._running: Process | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None when it was stopped or killed by us."""
        return self._running.pid if self._running else None

    async def start(self, dsn: str) -> None:
        """Start the server and wait until it lets `dsn` in.

        Raises:
            PortTaken: another program has the port.
            PostgresError: the server ended at once or does not answer; with the end of its log.

        """
        launch = ("/bin/sh", "-c", LAUNCHER, "sh", self._directory, *self._command)
        with self._log.open("ab") as log:
            self._running = await _spawn(self._account, launch, stdin=PIPE, stderr=log.fileno())
        try:
            await self._accepts(dsn)
        except BaseException:
            await self.kill()
            raise

    async def _accepts(self, dsn: str) -> None:
        # Asking the port alone could mean talking to somebody else, who has it and says nothing.
        deadline = time.monotonic() + START_SECONDS
        while not self._says_ready():
            if self._running is None or self._running.returncode is not None:
                raise self._start_failure()
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL was not ready after {START_SECONDS:.0f} s; see {self._log}")
            await asyncio.sleep(POLL_SECONDS)
        async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=int(START_SECONDS)):
            return

    def _says_ready(self) -> bool:
        lines = self._lock_file_lines()  # of this server, or what a killed one has left
        return len(lines) > STATUS_LINE and lines[0] == str(self.pid) and lines[STATUS_LINE].strip() == "ready"

    def _lock_file_lines(self) -> list[str]:
        try:
            return (self._directory / "cluster" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _start_failure(self) -> PostgresError:
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        if "Address already in use" in tail:
            return PortTaken(f"port {self.port} is taken")
        return PostgresError(f"PostgreSQL did not start:\n{tail}")

    async def stop(self) -> None:
        """Shut down in order, with everybody disconnected; by force if that takes too long."""
        if self._running is None:
            return
        try:
            if self._running.stdin is not None:
                self._running.stdin.write(b"stop\n")
                self._running.stdin.close()
            await asyncio.wait_for(self._gone(), STOP_SECONDS)
        except TimeoutError:  # a replication client that does not read can hold a fast shutdown back
            _log.warning("PostgreSQL did not stop within %s s; killing it", STOP_SECONDS)
            await self.kill()
        except asyncio.CancelledError:
            self._kill_now()
            raise

    async def kill(self) -> None:
        """Kill the postmaster as kill -9 does, and wait until its last backend has noticed."""
        if self._running is None:
            return
        self._kill_now()
        await asyncio.wait_for(self._gone(), STOP_SECONDS)
        self._release_shared_memory()

    def _release_shared_memory(self) -> None:
        # A few bytes that mark the cluster as in use; only an orderly shutdown or the next start would release them.
        lines = self._lock_file_lines()
        if len(lines) > SHARED_MEMORY_LINE:
            _, identifier = lines[SHARED_MEMORY_LINE].split()
            ctypes.CDLL(None).shmctl(int(identifier), IPC_RMID, None)

    def _kill_now(self) -> None:
        if self._running is None:
            return
        try:
            os.killpg(self._running.pid, signal.SIGKILL)
        except ProcessLookupError:
            _log.debug("PostgreSQL and the shell beside it were dead already")

    async def _gone(self) -> None:
        # Every process of the server inherited our pipe and none writes to it: its end is theirs. The waiting shell
        # has it, too: were it closed before, asyncio would end the other pipe with it, and the shell would clear away.
        running = self._running
        if running is None or running.stdout is None or running.stdin is None:
            return
        await running.stdout.read()
        await running.wait()
        running.stdin.close()
        self._running = None
