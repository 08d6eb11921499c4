"""No failure is passed over in silence (contract F50): whoever catches one tells it, counts it, or says why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_layers import ROOT, source_files

QUIET = "# quiet: "
"""Begins the comment that says why nobody needs to hear of it: what was caught is an answer, not a failure."""

READING = frozenset(
    {
        "DecodeError",
        "Error",  # of binascii
        "OverflowError",
        "RecursionError",
        "UnicodeDecodeError",
        "UnicodeEncodeError",
        "ValidationError",
        "ValueError",
    }
)
"""What says that a text is not what it was read as; the reader's caller is told so by what is returned instead."""

TELLING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "print"})


def silent_handlers(source: str) -> Iterator[int]:
    """Yield the line of each except block that neither raises, nor logs, nor counts, nor uses what it caught.

    A reader of texts may return something else instead.
    """
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            text = lines[node.lineno - 1 : node.end_lineno]
            is_heard = any(_is_heard(inner, node.name) for inner in ast.walk(node))
            if not is_heard and not _names(node.type) <= READING and QUIET not in "\n".join(text):
                yield node.lineno


def _names(caught: ast.expr | None) -> frozenset[str]:
    """Return the names of the exceptions that a block catches, without their modules."""
    each = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return frozenset(one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "?") for one in each)


def _is_heard(node: ast.AST, name: str | None) -> bool:
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return called in TELLING
    return isinstance(node, ast.Raise | ast.AugAssign) or (isinstance(node, ast.Name) and node.id == name)


@pytest.mark.parametrize("path", source_files("bridge", "compat", "migration"), ids=lambda path: path.stem)
def test_every_caught_failure_is_heard_of(path: Path) -> None:
    """Or the block says, after `# quiet:`, why it is none."""
    assert [f"{path.relative_to(ROOT)}:{line}" for line in silent_handlers(path.read_text())] == []


@pytest.mark.parametrize(
    ("body", "is_silent"),
    [
        ("pass", True),
        ("return None", True),
        ("log(1)", True),
        ("raise", False),
        ("raise Other from error", False),
        ("log.warning('x')", False),
        ("print('x')", False),
        ("self.failed[x] += 1", False),
        ("told(error)", False),
        ("return None  # quiet: it is no number", False),
        ("return None  # never mind", True),
    ],
)
def test_the_check_itself(body: str, *, is_silent: bool) -> None:
    """It finds what it is for, and nothing else."""
    source = f"def f():\n    try:\n        g()\n    except E as error:\n        {body}\n"
    assert list(silent_handlers(source)) == ([4] if is_silent else [])


@pytest.mark.parametrize(
    ("caught", "is_silent"),
    [
        ("ValueError", False),
        ("(msgspec.DecodeError, ValueError)", False),
        ("(ValueError, OSError)", True),
        ("OSError", True),
        ("Exception", True),
    ],
)
def test_readers_of_texts_may_return_something_else(caught: str, *, is_silent: bool) -> None:
    """But only for what says that the text is another one."""
    source = f"try:\n    g()\nexcept {caught}:\n    x = None\n"
    assert list(silent_handlers(source)) == ([3] if is_silent else [])
