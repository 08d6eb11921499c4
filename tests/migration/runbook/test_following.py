"""The runbook, followed from its first line to its last, while people write on both paths.

What differs from what is written: addresses, ports and keys are the sandbox's, and no gate has to hold for an hour,
nor be as quick on a machine that is busy. The audit looks more often, at a bridge that is younger than a minute. There
is no old server: the bridge's own endpoints take its place.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from bridge.rollout.gates import GateState, Measure
from migration.findings import read_report
from migration.rollout.bridges import look_at
from scripts.documents import DOCS
from scripts.sandbox.address import SandboxAddress
from scripts.stack import free_port
from tests.conftest import sandboxes
from tests.migration.runbook.shell import Shell, shell
from tests.migration.runbook.traffic import Traffic, gather
from tests.migration.runbook.written import Command, File, Part, parts

PATIENCE_SECONDS = 900.0
READY_SECONDS = 180.0
FIRST_PORT, PARITY_PORT = "8080", "8099"
LOOK_SECONDS = 0.05
OPERATOR = "a-token-of-operators"

RUNBOOK = (DOCS / "migration.md").read_text(encoding="utf-8")


@pytest.fixture
def quiet_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxAddress]:
    """Run a sandbox of the test's own, for tables and rows are changed."""
    with sandboxes(tmp_path_factory) as found:
        yield found("db1")


class Follower:
    """Types what is written, with the sandbox's addresses in the place of those that are written."""

    def __init__(self, typing: Shell, directory: Path, replacements: Mapping[str, str]) -> None:
        self._typing = typing
        self._directory = directory
        self._replacements = replacements

    async def take(self, step: Command | File) -> None:
        """Take one step, and compare; after the start of a bridge, wait until it is ready."""
        if isinstance(step, File):
            text = step.text.replace("hold_minutes = 60", "hold_minutes = 0").replace(
                "lag_seconds = 5\n", "lag_seconds = 60\n"
            )
            (self._directory / step.name).write_text(text, encoding="utf-8")
            return
        if step.text.startswith("pip install"):
            return
        if re.search(r"rollout (check|advance)", step.text) and step.status == 0:
            await gates_hold(self._replacements[FIRST_PORT])
        if "kill $audit" in step.text:
            await everything_is_proven(self._directory / ".migration" / "audit.json")
        status, said = await self._typing.type(self._here(step.text))
        Command(text=step.text, status=step.status, lines=tuple(map(self._here, step.lines))).compare(status, said)
        if "python -m bridge &>" in step.text:
            found = re.search(r"BRIDGE_PORT=(\d+)", self._here(step.text))
            await ready(found[1] if found else self._replacements[FIRST_PORT])

    def _here(self, text: str) -> str:
        for written, actual in self._replacements.items():
            text = text.replace(written, actual)
        return text


async def gates_hold(port: str) -> None:
    """Wait until a bridge has measured enough for its gates: what a day between two steps brings by itself."""

    async def do_hold() -> bool:
        (view,) = await asyncio.to_thread(look_at, [f"http://127.0.0.1:{port}"], OPERATOR)
        plan = view.status.plan if view.status else None
        measured = plan.gates if plan and plan.gates_revision == plan.revision else ()
        known = [gate.measure for gate in measured if gate.state is GateState.HOLDS]
        return {Measure.ERRORS, Measure.LAG} <= {*known}

    async with asyncio.timeout(READY_SECONDS):
        while not await do_hold():  # noqa: ASYNC110  # another process
            await asyncio.sleep(LOOK_SECONDS)


async def everything_is_proven(path: Path) -> None:
    """Wait until the audit that goes on has proven a window, and the last one to its end."""

    def is_proven() -> bool:
        series = read_report(path.read_bytes()).series if path.exists() else None
        return series is not None and series.windows > 0 and series.is_last_complete

    async with asyncio.timeout(READY_SECONDS):
        while not await asyncio.to_thread(is_proven):  # noqa: ASYNC110  # another process
            await asyncio.sleep(LOOK_SECONDS)


async def ready(port: str) -> None:
    """Wait until a bridge hears what others write."""
    async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient() as http:
        while not await is_ready(http, f"http://127.0.0.1:{port}/readyz"):  # noqa: ASYNC110  # another process
            await asyncio.sleep(LOOK_SECONDS)


async def is_ready(http: httpx.AsyncClient, address: str) -> bool:
    """Tell whether there is a bridge, and whether it is ready."""
    try:
        return (await http.get(address)).is_success
    except httpx.TransportError:  # quiet: not listening yet
        return False


def replacements(sandbox: SandboxAddress, port: int) -> dict[str, str]:
    """Return what stands in the sandbox for what is written, the longest first."""
    return {
        "https://<ref>.supabase.co": sandbox.url,
        "sb_secret_…": sandbox.secret_key,
        "sb_publishable_…": sandbox.publishable_key,
        "'<the legacy JWT secret, unless the project signs with keys>'": sandbox.jwt_secret,
        "postgresql://postgres.<ref>:<password>@<host>:5432/postgres": f"'{sandbox.database_url}'",
        "'<a long random text>'": OPERATOR,
        "migration audit --every 60": "migration audit --settle 20 --every 2",
        "https://app.example.org": f"http://127.0.0.1:{PARITY_PORT}",
        FIRST_PORT: str(port),
        PARITY_PORT: str(free_port()),
    }


@asynccontextmanager
async def in_traffic(sandbox: SandboxAddress, address: str) -> AsyncIterator[Traffic]:
    """Let people write and read until the block ends, and then end what they have begun."""
    headers = {"apikey": sandbox.secret_key}
    async with (
        httpx.AsyncClient(base_url=sandbox.url, headers=headers, timeout=PATIENCE_SECONDS) as operator,
        asyncio.TaskGroup() as listeners,
    ):
        traffic = await gather(sandbox, operator, address)
        traffic.may_write.set()
        listening = [listeners.create_task(reader.run()) for reader in traffic.readers]
        async with asyncio.TaskGroup() as writers:
            writers.create_task(traffic.write_the_old_way())
            writers.create_task(traffic.write_the_new_way())
            writers.create_task(traffic.ask_the_old_endpoint())
            yield traffic
            traffic.is_over.set()
        await traffic.everybody_knows()
        for one in listening:
            one.cancel()


def is_start(step: Command | File) -> bool:
    """Tell whether a bridge for people is started by it."""
    return isinstance(step, Command) and "bridge=$!" in step.text


def has_bridge(part: Part) -> bool:
    """Tell whether a bridge for people is started in it."""
    return any(map(is_start, part.steps))


def is_comparison(step: Command | File) -> bool:
    """Tell whether it asks two ways one after the other: what is written in between makes them differ."""
    return isinstance(step, Command) and "migration parity" in step.text


async def test_the_runbook_is_what_happens(quiet_sandbox: SandboxAddress, tmp_path: Path) -> None:
    """Every command says what is written, writers of both paths go on in each part, nothing is lost or doubled."""
    port = free_port()
    is_bridge_there = False
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        shell(tmp_path, {}) as typing,
        in_traffic(quiet_sandbox, f"http://127.0.0.1:{port}") as traffic,
    ):
        follower = Follower(typing, tmp_path, replacements(quiet_sandbox, port))
        for part in parts(RUNBOOK):
            for step in part.steps:
                traffic.bridges += is_start(step)
                with traffic.in_silence() if is_comparison(step) else nullcontext():
                    await follower.take(step)
            if has_bridge(part) and not is_bridge_there:
                is_bridge_there = True
                await traffic.come()
            await traffic.goes_on(("legacy", "socket") if is_bridge_there else ("legacy",))
    verdict = await traffic.verdict()
    ids = await traffic.ids()
    # The order is not what the runbook promises; the trials of scripts/chaos look at it.
    assert (verdict.lost, verdict.duplicated, verdict.invented) == (0, 0, []), verdict
    assert sorted(traffic.acknowledged) == sorted(ids)
    assert await traffic.loaded_the_old_way() == ids
    assert {UUID(one).version for one in ids} == {4, 8}
    assert traffic.answered == [200, 410, 404]  # served, retired, as unknown as any address
