"""`python -m migration` as a program: found, and where the extra that it needs is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from migration.__main__ import main
from migration.findings import Exit
from scripts.stack import ROOT

WITHOUT = "import sys; sys.modules['psycopg'] = None; from migration.__main__ import main; sys.exit(main(['check']))"


def test_a_missing_package_is_one_sentence() -> None:
    """A server may be installed without what only the tools need."""
    ended = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    said = "migration: psycopg is not installed; pip install 'chat-bridge[migration]' brings it.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (Exit.REFUSED, "", said)


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """With what each is for."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for command in ("doctor", "check", "fix", "rollout"):
        assert f"    {command} " in said
