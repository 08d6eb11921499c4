"""Says at the end how many inputs were tried, for `scripts/soak` to count."""

from __future__ import annotations

import pytest

from tests.fuzz.trying import tried


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each kind."""
    for kind, count in sorted(tried.items()):
        terminalreporter.write_line(f"inputs tried: {kind}: {count}")
