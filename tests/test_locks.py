"""Nothing is installed but what the lock files name, by version and hash; and what an audit says of it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from scripts.audited import FAILED, KNOWN, UNCHECKED, judge

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PACKAGE_LOCKS = sorted(
    path for path in ROOT.glob("*/**/package-lock.json") if not {"node_modules", ".sandbox"} & set(path.parts)
)
ENTRY = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==(\S+)((?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+)",
    re.MULTILINE,
)


def entries(lock: Path) -> list[tuple[str, str]]:
    """Return names and versions, for one Python and another perhaps; what has no hash is not seen."""
    return [(name, version) for name, version, _ in ENTRY.findall(lock.read_text())]


def names(locked: list[tuple[str, str]]) -> set[str]:
    """Return the packages of a lock file."""
    return {name for name, _ in locked}


def wanted(*extras: str) -> set[str]:
    """Return the names that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    given = {re.split(r"[\[<>=!~;\s]", one)[0].lower().replace("_", "-") for one in asked}
    return given - {"chat-bridge"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_is_locked_by_version_and_hash(lock: Path) -> None:
    """No line of a lock file names a package otherwise, by an address say, or more loosely."""
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) == len(entries(lock)) > 0


def test_what_is_asked_for_is_locked() -> None:
    """Whoever adds a dependency renews the lock files, too (scripts/lock)."""
    runtime, extras, dev = (entries(ROOT / "requirements" / f"{name}.lock") for name in ("runtime", "extras", "dev"))
    assert wanted() <= names(runtime)
    assert wanted("chat", "migration", "otel") <= names(extras)
    assert wanted("chat", "sandbox", "dev") <= names(dev)


def test_users_and_developers_have_the_same_versions() -> None:
    """What the tests run with is what is installed."""
    runtime, extras, dev = (entries(ROOT / "requirements" / f"{name}.lock") for name in ("runtime", "extras", "dev"))
    assert set(runtime) <= set(extras) <= set(dev)


@pytest.mark.parametrize("lock", PACKAGE_LOCKS, ids=lambda path: path.parent.parent.name)
def test_every_npm_package_is_locked_by_its_hash(lock: Path) -> None:
    """They serve the sandbox and tests only, but they run on developers' machines."""
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, one in packages.items() if name and "integrity" not in one and not one.get("link")] == []


@pytest.mark.parametrize(
    ("report", "status"),
    [
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0),
        ({"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": ["2"]}]}]}, KNOWN),
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "no"}]}, UNCHECKED),
        ({"dependencies": []}, UNCHECKED),
        ({}, FAILED),
    ],
)
def test_an_audit_that_could_check_nothing_is_not_good(report: object, status: int) -> None:
    """The tool itself says "No known vulnerabilities found" then."""
    found, lines = judge(json.dumps(report).encode())
    assert (found, len(lines)) == (status, 1)


def test_an_audit_that_failed_is_not_good() -> None:
    """It printed nothing."""
    assert judge(b"")[0] == FAILED
