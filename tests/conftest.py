"""What every test may ask for: one sandbox for the whole run."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from scripts.sandbox.address import SandboxAddress

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 30.0

# A shell ignores Ctrl-C for what it runs in the background, and programs hand that on to those that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Undo what a test configured: a program started in this process sends its lines to streams that are gone later."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxAddress]:
    """Yield the address of a sandbox with all its parts, started when the first test asks and shared by all.

    It is a process of its own, as for a developer; it also ends when this one dies, for its standard input closes then.
    """
    log = tmp_path_factory.mktemp("sandbox") / "log"
    command = (sys.executable, "-m", "scripts.sandbox", "--json", "--until-eof")
    with (
        log.open("wb") as told,
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, start_new_session=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"the sandbox did not start:\n{log.read_text()}", pytrace=False)
            yield SandboxAddress.from_json(line)
        finally:
            process.stdin.close()
            process.wait(STOP_SECONDS)
