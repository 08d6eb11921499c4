"""What users install: the wheel alone, with the locked packages, in an empty environment and an empty folder (F39)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.sandbox.address import SandboxAddress
from scripts.stack import ROOT, bridge_environment, free_port
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import answers
from tests.e2e.database import Database

START_SECONDS = 120.0
"""Nothing of it has been compiled yet."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command and return what it printed; what it complained of is shown if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    """Pages, examples and SQL are files too; tests and the sandbox stay at home."""
    packages = ("bridge", "compat", "migration")
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *packages).splitlines()
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if ".dist-info/" not in name}
        licence = [name for name in opened.namelist() if name.endswith("licenses/LICENSE")]
    assert packed == {name for name in tracked if (ROOT / name).exists()}
    assert licence


async def test_the_installed_wheel_serves_a_chat(
    wheel: Path, sandbox: SandboxAddress, database: Database, tmp_path: Path
) -> None:
    """Nothing of the checkout is there: start, authenticate, send one message (contract F39)."""
    python, empty = tmp_path / "environment" / "bin" / "python", tmp_path / "empty"
    empty.mkdir()
    uv = (sys.executable, "-m", "uv")
    lock = ROOT / "requirements" / "runtime.lock"
    run(*uv, "venv", "-q", "--python", sys.executable, tmp_path / "environment")
    run(*uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", lock)
    run(*uv, "pip", "install", "-q", "--python", python, "--no-deps", wheel)
    run(*uv, "pip", "check", "-q", "--python", python)
    port = free_port()
    settings = {**bridge_environment(sandbox), "BRIDGE_PORT": str(port), "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(python.with_name("chat-bridge"), cwd=empty, env=settings)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await answers(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        conversation_id = await database.conversation("bob", "carol")
        async with CheckedClient.connect(f"ws://127.0.0.1:{port}/ws") as bob:
            await bob.authenticate(str(sandbox.people["bob"].token))
            await bob.send_message(conversation_id, "from the wheel")
    finally:
        if process.returncode is None:
            process.terminate()
        status = await process.wait()
    assert status == 0
    assert await database.texts(conversation_id) == ["from the wheel"]
