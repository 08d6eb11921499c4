"""Files and functions stay small enough to be read: four limits.

Of a file every line counts, of a function all but its docstring.
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bridge", "compat", "migration", "scripts")
TESTS = "tests"
FOREIGN = frozenset({"node_modules", "__pycache__"})

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
MAX_MEDIAN_FUNCTION_LINES = 8
MAX_P90_FUNCTION_LINES = 25

Function = ast.FunctionDef | ast.AsyncFunctionDef


def source_files(*packages: str) -> list[Path]:
    """Return the Python files of these packages that are ours."""
    found = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if not FOREIGN.intersection(path.parts))


def docstring_lines(node: Function) -> int:
    """Return how many lines the docstring of a function takes."""
    if ast.get_docstring(node) is None:
        return 0
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def file_lines(source: str) -> int:
    """Return the lines of a file, whatever they hold."""
    return len(source.splitlines())


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Yield name and length of every function and method, decorators and its own docstring not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)


def percentile_90(numbers: list[int]) -> float:
    """Return what nine of ten do not exceed."""
    return statistics.quantiles(numbers, n=10, method="inclusive")[-1]


@pytest.mark.parametrize("path", source_files(*PACKAGES, TESTS), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_and_no_function_is_too_long(path: Path) -> None:
    """A file has at most 300 lines, a function fits on a screen."""
    source = path.read_text()
    assert file_lines(source) <= MAX_FILE_LINES
    assert [(name, lines) for name, lines in functions(source) if lines > MAX_FUNCTION_LINES] == []


def test_most_functions_are_short() -> None:
    """Half of all functions have at most 8 lines, nine of ten at most 25; tests tell longer stories."""
    lengths = [lines for path in source_files(*PACKAGES) for _, lines in functions(path.read_text())]
    assert statistics.median(lengths) <= MAX_MEDIAN_FUNCTION_LINES
    assert percentile_90(lengths) <= MAX_P90_FUNCTION_LINES


def test_explaining_a_function_is_free_and_a_file_has_its_lines() -> None:
    """A long docstring makes no function too long, but a file of long docstrings is long to read."""
    source = '"""Module."""\n\n\ndef f() -> int:\n    """Do.\n\n    At length.\n    """\n    return 1\n'
    assert file_lines(source) == 9
    assert list(functions(source)) == [("f", 2)]
