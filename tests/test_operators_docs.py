"""What operators are told about running the bridge and about its security is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bridge.serving import end_within_seconds
from bridge.settings import load_settings
from tests.test_docs import variables
from tests.test_layers import source_files

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
DEPLOYMENT = (ROOT / "docs" / "deployment.md").read_text()
SECURITY = (ROOT / "docs" / "security.md").read_text()
UNIT = (ROOT / "examples" / "deployment" / "chat-bridge.service").read_text()
SETTINGS = load_settings(supabase_url="https://x.example", supabase_secret_key="secret")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Within the repository."""
    links = re.findall(r"\]\(((?!https?:)[^)#]+)[^)]*\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[^`]+\.py(?:::\w+)?)`", SECURITY))))
def test_every_threat_names_a_test_that_there_is(named: str) -> None:
    """So nobody relies on what nothing holds any more."""
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in found or not name


def test_every_threat_names_a_test() -> None:
    """Each line of the table ends with one."""
    table = SECURITY.split("## Threats")[1].split("## What is not protected")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(lines) > 20
    assert [line for line in lines if not re.search(r"`tests/[^`]+` \|$", line)] == []


@pytest.mark.parametrize(
    "told",
    [
        "`connect-src 'self' wss://chat.example.org`",
        f"pings every {SETTINGS.ping_interval_seconds:g} seconds (`BRIDGE_PING_INTERVAL_SECONDS`)",
        "`proxy_read_timeout 60s`",
        "`proxy_set_header Upgrade $http_upgrade`",
        'self.addEventListener("fetch"',
    ],
)
def test_what_pages_and_proxies_need_is_told_exactly(told: str) -> None:
    """The policy, the upgrade, the idle limits, the service worker (contract F38)."""
    assert told in " ".join(DEPLOYMENT.split())


def test_whoever_follows_the_unit_kills_nothing_that_would_end_by_itself() -> None:
    """It waits longer than the orderly end takes at most, and sets nothing but settings."""
    (patience,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert float(patience) > end_within_seconds(SETTINGS)
    names = re.findall(r"\b((?:SUPABASE|BRIDGE)_[A-Z_]+)=", UNIT)
    assert len(names) > 5
    assert [name for name in names if not {name, name.removesuffix("_FILE")} & set(variables())] == []


def test_whoever_follows_the_unit_has_a_bridge_again_when_the_project_is_back() -> None:
    """A start without tables fails at once; systemd's own habit is to give up after five of them in ten seconds."""
    assert re.search(r"^StartLimitIntervalSec=0$", UNIT.split("[Service]")[0], re.MULTILINE)
    (pause,) = re.findall(r"^RestartSec=(\d+)$", UNIT, re.MULTILINE)
    assert int(pause) >= 1


@pytest.mark.parametrize(
    "event", sorted(set(re.findall(r"`([a-z_]+\.[a-z_]+)`", DEPLOYMENT.split("What to look at")[1])))
)
def test_every_event_worth_an_alarm_is_logged(event: str) -> None:
    """By this very name."""
    assert any(f'"{event}"' in path.read_text() for path in source_files("bridge", "compat"))
