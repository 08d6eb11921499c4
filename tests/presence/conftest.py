"""The scene of these tests."""

from __future__ import annotations

import pytest

from tests.presence.scene import Scene


@pytest.fixture
def scene() -> Scene:
    """Return a process that hears what others write."""
    made = Scene()
    made.listen()
    return made
