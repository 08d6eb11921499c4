"""The table of tests/README.md is complete, and what it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
README = (HERE / "README.md").read_text()
ROWS = {row[1]: row[2] for row in re.finditer(r"^\| (F\d+) \| [^|]+ \| (.+) \|$", README, re.MULTILINE)}
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", README)


@cache
def names_in(path: str) -> frozenset[str]:
    """Return the names of the tests in a file, of those in suites, too."""
    tree = ast.parse((HERE / path).read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    """A renamed test has to be renamed there."""
    assert name in names_in(path)


def test_every_rule_is_in_the_table() -> None:
    """Once, with its tests; what is there in part only says so."""
    assert list(ROWS) == [f"F{number}" for number in range(1, 53)]
    assert [rule for rule, held_by in ROWS.items() if "::" not in held_by] == []


def test_rules_are_said_in_few_words() -> None:
    """The contract says them whole."""
    said = re.findall(r"^\| F\d+ \| ([^|]+) \|", README, re.MULTILINE)
    assert max(len(words.split()) for words in said) <= 7
