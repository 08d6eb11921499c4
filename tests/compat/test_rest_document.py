"""docs/rest.md speaks of every old endpoint and of every text that it answers with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compat.endpoints import ENDPOINTS
from compat.openapi import refusals_of

TEXT = (Path(__file__).parents[2] / "docs" / "rest.md").read_text()
LINES = re.findall(r"^\| `(/api/\S+)` \| (\w+) \| `(\w+)` \|", TEXT, re.MULTILINE)


def test_the_table_lists_the_endpoints() -> None:
    """With address, method and name."""
    listed = {(path.replace("{id}", "{conversation_id}"), method, name) for path, method, name in LINES}
    expected = {(one.path + ("?q=" if one.takes_query else ""), one.method, one.name) for one in ENDPOINTS.values()}
    assert listed == expected


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_text_is_in_it(name: str) -> None:
    """Operators and client authors read it there."""
    flowing = " ".join(TEXT.split())
    missing = [text for _, text in refusals_of(ENDPOINTS[name]) if text not in flowing]
    assert missing == []
