"""A rollout's plan in a file, and the command line on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.rollout.plan_file import read_plan_file
from migration.commands import COMMANDS
from migration.line import run

GOOD = ("--reading", "max_lag_seconds=1")


class Scene:
    """A plan's file, and the command line."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys
        self.write("canary")

    def write(self, stage: str, more: str = "") -> None:
        """Write a plan that watches the lag."""
        text = f'format = 1\nsalt = "s" # salt\nstage = "{stage}"\n{more}\n[gates]\nmax_lag_seconds = 5\n'
        self.path.write_text(text)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a word of the command on the plan; return exit status, output and errors."""
        word, *rest = arguments
        status = run(COMMANDS, "", ["rollout", word, "--plan", str(self.path), *rest])
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def document(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a word and return exit status and document."""
        status, out, _ = self.run(*arguments, "--json")
        document: dict[str, Any] = json.loads(out)
        assert document["format"] == 1
        return status, document

    @property
    def place(self) -> str:
        """Return how far the rollout is by the file."""
        return read_plan_file(self.path).plan.place
