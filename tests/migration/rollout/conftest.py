"""A plan at the canary, in an environment in which no variable of the machine takes part."""

from __future__ import annotations

from pathlib import Path

import pytest

from migration.rollout import stepping
from tests.migration.rollout.bridges import TOKEN
from tests.migration.rollout.staged import Scene


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the machine's variables take no part."""
    monkeypatch.setenv("MIGRATION_DIRECTORY", str(tmp_path))
    for name in ("BRIDGE_ROLLOUT_FILE", "MIGRATION_BRIDGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BRIDGE_OPERATOR_TOKEN", TOKEN)
    monkeypatch.setattr(stepping, "TAKEN_UP_SECONDS", 0.0)


@pytest.fixture
def scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scene:
    """Return a plan at the canary."""
    return Scene(tmp_path / "rollout.toml", capsys)
