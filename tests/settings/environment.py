"""What is required of an environment, and what is said of one that will not do."""

from __future__ import annotations

import pytest

from bridge.errors import ConfigError
from bridge.settings import load_settings

URL = "https://project.supabase.co"
KEY = "sb_secret_abcdefghijklmnopqrstuv_12345678"


def sentence() -> str:
    """Return why the settings are refused."""
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.__cause__ is None
    return str(caught.value)
