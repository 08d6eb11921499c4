"""Documents tell the truth: what they list is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import AliasChoices

from bridge.actions import ACTIONS
from bridge.errors import CloseCode
from bridge.protocol import decode
from bridge.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def variables() -> dict[str, object]:
    """Return every setting's variable with its default."""
    found: dict[str, object] = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        first = alias.choices[0] if isinstance(alias, AliasChoices) else alias or name.upper()
        found[str(first)] = None if field.is_required() else field.default
    return found


def section(variable: str) -> str:
    """Return what docs/settings.md says of a variable."""
    text = (ROOT / "docs" / "settings.md").read_text()
    match = re.search(rf"^### {variable}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"docs/settings.md has no heading for {variable}"
    return match[1]


@pytest.mark.parametrize("variable", variables())
def test_every_setting_has_its_heading_and_its_default(variable: str) -> None:
    """A default written down is the default in force."""
    said = re.search(r"Default `?([^`\s]+?)`?\.(?:\s|$)", section(variable))
    default = variables()[variable]
    if default is None:
        return
    assert said, f"docs/settings.md gives no default for {variable}"
    shown = (
        str(default).lower() if isinstance(default, bool) else f"{default:g}" if isinstance(default, float) else default
    )
    assert said[1] == str(shown)


def test_no_heading_is_left_of_a_setting_that_is_gone() -> None:
    """Each heading is a setting."""
    text = (ROOT / "docs" / "settings.md").read_text()
    assert set(re.findall(r"^### (\S+)$", text, re.MULTILINE)) == set(variables())


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_is_in_the_changelog(name: str) -> None:
    """Client authors read it there."""
    assert f"`{name}`" in CHANGELOG


@pytest.mark.parametrize("code", [code for code in CloseCode if code >= 4000])
def test_every_close_code_of_ours_is_in_the_changelog(code: CloseCode) -> None:
    """With the ranges that say whether to come back."""
    assert str(int(code)) in CHANGELOG


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)", README))))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    """Within the repository."""
    assert (ROOT / link).exists()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^\$ (scripts/\S+)", README, re.MULTILINE))))
def test_every_command_of_the_readme_is_there(command: str) -> None:
    """And can be run."""
    assert (ROOT / command).stat().st_mode & 0o111


@pytest.mark.parametrize("frame", re.findall(r"^> (\{.*\})$", README, re.MULTILINE))
def test_every_frame_of_the_readme_is_a_valid_command(frame: str) -> None:
    """It can be pasted into a socket."""
    assert decode(frame).type in {*ACTIONS, "auth", "ping"}
