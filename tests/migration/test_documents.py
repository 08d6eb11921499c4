"""Every command has its page, which says how it ends and lists everything that it looks at."""

from __future__ import annotations

import re

import pytest

from migration.checks import CHECKS
from migration.commands import COMMANDS
from migration.doctor import LOOKS
from migration.findings import Exit
from migration.parity import COMPARISONS
from migration.repairs import REPAIRS
from scripts.documents import DOCS

NAMES = {
    "doctor": LOOKS,
    "check": CHECKS,
    "fix": REPAIRS,
    "parity": sorted({name for comparisons in COMPARISONS.values() for name in comparisons}),
}


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_is_described(command: str) -> None:
    """On some page."""
    assert any(f"python -m migration {command}" in page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))


@pytest.mark.parametrize("command", [*NAMES, "audit"])
def test_pages_say_how_commands_end(command: str) -> None:
    """All four ways, under the heading that people look for."""
    text = (DOCS / f"migration-{command}.md").read_text(encoding="utf-8")
    ends = text.partition("## How it ends")[2]
    assert re.findall(r"^\| (\d) \|", ends, re.MULTILINE) == [str(int(status)) for status in Exit]
    assert "`--json`" in text


@pytest.mark.parametrize(("command", "name"), [(command, name) for command, names in NAMES.items() for name in names])
def test_everything_that_is_looked_for_is_on_its_page(command: str, name: str) -> None:
    """In the table that scripts/docs makes, under the name that --only takes."""
    assert f"| `{name}` |" in (DOCS / f"migration-{command}.md").read_text(encoding="utf-8")
