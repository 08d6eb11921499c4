"""`python -m bridge` as a process: its settings, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from scripts.sandbox.address import SandboxAddress
from scripts.stack import ROOT, bridge_environment, running_bridge

GOOD = {"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_SECRET_KEY": "sb_secret_aaaaaaaaaaaaaaaaaaaaaa_bbbbbbbb"}
END_SECONDS = 30.0


async def program(environment: Mapping[str, str]) -> tuple[int, str]:
    """Run the program to its end; return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(END_SECONDS):
        _, said = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SUPABASE_URL", None),
        ("SUPABASE_URL", "chat.example"),
        ("SUPABASE_URL", "http://127.0.0.1:99999"),
        ("SUPABASE_URL", "http://chat example"),
        ("SUPABASE_URL", "https://user:secret@chat.example"),
        ("SUPABASE_SECRET_KEY", None),
        ("SUPABASE_SECRET_KEY", "sb_publishable_aaaaaaaaaaaaaaaaaaaaaa_bbbbbbbb"),
        ("BRIDGE_PORT", "eighty"),
        ("BRIDGE_PORT", "70000"),
        ("BRIDGE_LOG_LEVEL", "loud"),
        ("BRIDGE_ALLOWED_ORIGINS", "app.example"),
        ("BRIDGE_STORE_TIMEOUT_SECONDS", "0"),
        ("BRIDGE_ROLLOUT_FILE", "/nowhere/rollout.toml"),
        ("BRIDGE_ROLLOUT_PROVIDER", "flags"),
        ("BRIDGE_ROLLOUT_PROVIDER", "no.such.flags:make"),
        ("BRIDGE_COMPAT_DISABLED", "nothing"),
        ("BRIDGE_COMPAT_DEPRECATION_FILE", "/nowhere"),
        ("BRIDGE_USAGE_FILE", "/nowhere/usage.sqlite"),
    ],
)
async def test_a_bad_setting_is_one_sentence_that_names_it(variable: str, value: str | None) -> None:
    """Exit status 2, before any socket opens, and the value is not repeated."""
    environment = {name: text for name, text in {**GOOD, variable: value}.items() if text is not None}
    status, said = await program(environment)
    assert status == 2
    assert said.startswith(f"bridge: {variable} ")
    assert said.count("\n") == 1
    assert value is None or value not in said.replace("greater than 0", "")


async def test_a_misspelt_setting_is_named_once() -> None:
    """In a warning, and never its value: everything else is as it would be without."""
    _, said = await program({**GOOD, "BRIDGE_PROT": "8000"})
    (line,) = [line for line in said.splitlines() if "settings.unknown" in line]
    assert "BRIDGE_PROT" in line
    assert "8000" not in said


async def test_an_address_where_nobody_answers_is_said_at_the_start() -> None:
    """Exit status 1 and the variables to look at."""
    status, said = await program(GOOD)
    assert status == 1
    assert "SUPABASE_URL" in said.splitlines()[-1]


async def test_traces_without_their_packages_are_said_at_the_start(sandbox: SandboxAddress, tmp_path: Path) -> None:
    """Exit status 2 and what to install."""
    (tmp_path / "opentelemetry.py").write_text("")  # found first, and has nothing in it
    hidden = {"BRIDGE_TRACES": "true", "PYTHONPATH": str(tmp_path)}
    status, said = await program({**bridge_environment(sandbox), **hidden})
    assert status == 2
    assert said.startswith("bridge: BRIDGE_TRACES is set and opentelemetry")
    assert "pip install 'chat-bridge[otel]'" in said


async def test_a_taken_port_is_said_at_the_start(sandbox: SandboxAddress) -> None:
    """Exit status 1 and the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = await program({**bridge_environment(sandbox), "BRIDGE_PORT": str(port)})
    assert status == 1
    assert str(port) in said.splitlines()[-1]


async def test_sigterm_tells_the_clients_and_ends_the_program(sandbox: SandboxAddress) -> None:
    """1012, exit status 0, although a client is still connected (runtime.md section 3)."""
    async with running_bridge(sandbox, quiet=True) as (url, process), connect(url) as client:
        process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        async with asyncio.timeout(END_SECONDS):
            status = await process.wait()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert status == 0


async def test_the_program_ends_with_whoever_started_it(sandbox: SandboxAddress) -> None:
    """With --until-eof a killed parent leaves no bridge behind: its end of standard input closes."""
    async with running_bridge(sandbox, quiet=True) as (_, process):
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(END_SECONDS):
            assert await process.wait() == 0


async def test_health_and_readiness(sandbox: SandboxAddress) -> None:
    """Alive as soon as it serves; ready once changes arrive."""
    async with running_bridge(sandbox, quiet=True) as (url, _), httpx.AsyncClient() as http:
        address = url.replace("ws://", "http://").removesuffix("/ws")
        assert (await http.get(f"{address}/healthz")).json() == {"status": "ok"}
        assert (await http.get(f"{address}/readyz")).json() == {"status": "ready", "feed": True}
