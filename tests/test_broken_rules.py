"""The tests notice what they are for: a rule is broken on purpose, in a copy, and a test of it fails (contract F51).

Each runs against the real PostgreSQL with the app's roles and policies, with a user whose two ids differ.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.sandbox.address import SandboxAddress
from tests.conftest import GIVEN_SANDBOX, ROOT

COPIED = ("bridge", "compat", "migration", "scripts", "tests")
LEFT_OUT = shutil.ignore_patterns("node_modules", "__pycache__", ".pytest_cache")
PATIENCE_SECONDS = 240.0
TESTS_FAILED = 1  # pytest's exit status; 2 and more say that the tests did not run


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A rule, one place that keeps it, the same place broken, and a test that must notice."""

    file: str
    kept: str
    broken: str
    noticed_by: str


BREACHES = {
    "F1: an auth id where users.id is meant": Breach(
        file="bridge/identity.py",
        kept="return Identity(user_id=user.id, auth_id=claims.auth_id)",
        broken="return Identity(user_id=UserId(claims.auth_id), auth_id=claims.auth_id)",
        noticed_by="tests/e2e/test_delivery.py::test_every_kind_of_user_lists_sends_and_loads",
    ),
    "F8: who has left is counted": Breach(
        file="bridge/store/summaries.py",
        kept="sum(member.left_at is None for member in record.members)",
        broken="len(record.members)",
        noticed_by="tests/e2e/test_reading.py::test_who_has_left_is_neither_listed_nor_counted",
    ),
    "F24: commands overtake each other": Breach(
        file="bridge/session.py",
        kept="self._commands.append(command)",
        broken="self._commands.appendleft(command)",
        noticed_by="tests/e2e/test_delivery.py::test_ten_sends_in_a_burst_keep_their_order_everywhere",
    ),
    "F40: text that looks like hex is decoded": Breach(
        file="bridge/content.py",
        kept="text = _text_of(printed) if column is ColumnType.BYTEA else printed",
        broken="text = _text_of(printed)",
        noticed_by="tests/e2e/test_reading.py::test_text_is_text",
    ),
}


@pytest.mark.parametrize("rule", BREACHES)
async def test_a_broken_rule_is_noticed(rule: str, sandbox: SandboxAddress, tmp_path: Path) -> None:
    """The copy's test fails, and for no other reason than the breach: the same test passes in this very run."""
    breach = BREACHES[rule]
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=LEFT_OUT)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    place = tmp_path / breach.file
    source = place.read_text()
    assert source.count(breach.kept) == 1, f"{breach.file} has changed: say anew how {rule} would be broken"
    place.write_text(source.replace(breach.kept, breach.broken))
    status, told = await _run_tests(tmp_path, breach.noticed_by, sandbox)
    assert status == TESTS_FAILED, told
    assert "error" not in told.splitlines()[-1], told


async def _run_tests(folder: Path, test: str, sandbox: SandboxAddress) -> tuple[int | None, str]:
    """Run one test of a copy against the sandbox of this run."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", test),
        cwd=folder,
        env={**os.environ, GIVEN_SANDBOX: sandbox.to_json().decode()},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        said, complained = await process.communicate()
    return process.returncode, (said + complained).decode()
