"""What every test may ask for: one sandbox for the whole run, or one of another generation of the schema."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.generations import Generation

SandboxOf = Callable[[Generation], SandboxAddress]

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 30.0
GIVEN_SANDBOX = "TESTS_SANDBOX"
"""Names the variable with the address of a sandbox that runs already, as `scripts.sandbox --json` prints it."""

# A shell ignores Ctrl-C for what it runs in the background, and programs hand that on to those that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes says how busy the machine is, nothing about the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Undo what a test configured: a program started in this process sends its lines to streams that are gone later."""
    yield
    structlog.reset_defaults()


@contextmanager
def sandboxes(logs: pytest.TempPathFactory) -> Iterator[SandboxOf]:
    """Yield a function that returns the address of a sandbox of any generation, started when it is first asked for."""
    started: dict[Generation, SandboxAddress] = {}
    with ExitStack() as running:

        def address_of(generation: Generation) -> SandboxAddress:
            given = os.environ.get(GIVEN_SANDBOX)
            if given and generation == "db1":
                return SandboxAddress.from_json(given)
            if generation not in started:
                log = logs.mktemp(f"sandbox-{generation}") / "log"
                started[generation] = running.enter_context(_running_sandbox(generation, log))
            return started[generation]

        yield address_of


@pytest.fixture(scope="session")
def sandbox_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxOf]:
    """Yield a function that returns the address of a sandbox of any generation, as `sandbox` is of the first.

    Each is started when the first test asks for it, and shared by all.
    """
    with sandboxes(tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="session")
def sandbox(sandbox_of: SandboxOf) -> SandboxAddress:
    """Return the address of a sandbox with all its parts, started when the first test asks and shared by all."""
    return sandbox_of("db1")


@contextmanager
def _running_sandbox(generation: Generation, log: Path) -> Iterator[SandboxAddress]:
    """Run a sandbox in a process of its own, as for a developer.

    It also ends when this process dies, for its standard input closes then.
    """
    command = (sys.executable, "-m", "scripts.sandbox", "--json", "--until-eof", "--generation", generation)
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
