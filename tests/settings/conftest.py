"""An environment in which no variable of the machine takes part."""

from __future__ import annotations

import os

import pytest

from tests.settings.environment import KEY, URL


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable of the machine take part."""
    for name in os.environ:
        if name.upper().startswith(("SUPABASE", "BRIDGE")):
            monkeypatch.delenv(name)


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set what is required."""
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", KEY)
    return monkeypatch
