"""A shell in which somebody types; its background programs end with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from scripts.stack import ROOT

_END: Final = "-- the command has ended with "
_LEFT_OUT: Final = ("BRIDGE_", "MIGRATION_", "SUPABASE_")


class Shell:
    """One bash, so that what is exported or started stays."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def type(self, command: str) -> tuple[int, str]:
        """Type a command; return its exit status and what it said on both streams."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\nprintf '\\n{_END}%d\\n' $?\n".encode())
        said: list[str] = []
        async for raw in self._process.stdout:
            line = raw.decode()
            if line.startswith(_END):
                return int(line.removeprefix(_END)), "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended at `{command}`:\n{''.join(said)}")


@asynccontextmanager
async def shell(directory: Path, settings: Mapping[str, str]) -> AsyncIterator[Shell]:
    """Run one in a directory until the block ends."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    path = f"{Path(sys.executable).parent}:{inherited['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("bash", "--noprofile", "--norc"),
        cwd=directory,
        env={**inherited, "PATH": path, "PYTHONPATH": str(ROOT), **settings},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
        limit=1 << 20,
    )
    try:
        yield Shell(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
