"""A bad setting is one sentence that names the variable and never quotes it."""

from __future__ import annotations

import pytest

from bridge.errors import ConfigError
from bridge.settings import load_settings
from tests.settings.environment import URL, sentence


def test_a_missing_variable_is_named() -> None:
    """The first that is missing."""
    assert sentence() == "SUPABASE_URL is not set."


def test_a_missing_key_is_named_by_its_current_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by one of the older names."""
    monkeypatch.setenv("SUPABASE_URL", URL)
    assert sentence() == "SUPABASE_SECRET_KEY is not set."


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SUPABASE_URL", "project.supabase.co", "SUPABASE_URL must be an address like https://project.supabase.co."),
        ("SUPABASE_URL", "", "SUPABASE_URL must be an address like https://project.supabase.co."),
        ("SUPABASE_URL", "ftp://x", "SUPABASE_URL must be an address like https://project.supabase.co."),
        ("SUPABASE_URL", "https://", "SUPABASE_URL must be an address like https://project.supabase.co."),
        ("SUPABASE_URL", "http://[::1", "SUPABASE_URL must be an address like https://project.supabase.co."),
        ("BRIDGE_HOST", "", "BRIDGE_HOST is empty."),
        ("BRIDGE_TOKEN_AUDIENCE", "", "BRIDGE_TOKEN_AUDIENCE is empty."),
        ("SUPABASE_SECRET_KEY", "", "SUPABASE_SECRET_KEY must be a key of ASCII characters without spaces."),
        ("SUPABASE_SECRET_KEY", "a b", "SUPABASE_SECRET_KEY must be a key of ASCII characters without spaces."),
        (
            "SUPABASE_SECRET_KEY",
            "schlüssel",
            "SUPABASE_SECRET_KEY must be a key of ASCII characters without spaces.",
        ),
        ("SUPABASE_SECRET_KEY", "key\n", "SUPABASE_SECRET_KEY must be a key of ASCII characters without spaces."),
        (
            "SUPABASE_SECRET_KEY",
            "sb_publishable_x",
            "SUPABASE_SECRET_KEY is a publishable key; the bridge needs the secret (or service_role) key.",
        ),
        (
            "SUPABASE_PUBLISHABLE_KEY",
            "a b",
            "SUPABASE_PUBLISHABLE_KEY must be a key of ASCII characters without spaces.",
        ),
        ("BRIDGE_SESSION_COOKIE", "", "BRIDGE_SESSION_COOKIE must be a cookie name."),
        ("BRIDGE_SESSION_COOKIE", "a;b", "BRIDGE_SESSION_COOKIE must be a cookie name."),
        ("BRIDGE_SESSION_COOKIE", "a=b", "BRIDGE_SESSION_COOKIE must be a cookie name."),
        ("BRIDGE_SESSION_COOKIE", "söße", "BRIDGE_SESSION_COOKIE must be a cookie name."),
        ("BRIDGE_LOG_LEVEL", "loud", "BRIDGE_LOG_LEVEL must be debug, info, warning or error."),
        ("BRIDGE_PORT", "65536", "BRIDGE_PORT must be 65535 or less."),
        ("BRIDGE_PORT", "-1", "BRIDGE_PORT must be 0 or more."),
        ("BRIDGE_PORT", "http", "BRIDGE_PORT must be a whole number."),
        ("BRIDGE_PORT", "80.5", "BRIDGE_PORT must be a whole number."),
        ("BRIDGE_PORT", "", "BRIDGE_PORT must be a whole number."),
        ("BRIDGE_MAX_WAITING_COMMANDS", "0", "BRIDGE_MAX_WAITING_COMMANDS must be greater than 0."),
        ("BRIDGE_AUTH_DEADLINE_SECONDS", "-1", "BRIDGE_AUTH_DEADLINE_SECONDS must be greater than 0."),
        ("BRIDGE_AUTH_DEADLINE_SECONDS", "nan", "BRIDGE_AUTH_DEADLINE_SECONDS must be 86400 or less."),
        ("BRIDGE_AUTH_DEADLINE_SECONDS", "soon", "BRIDGE_AUTH_DEADLINE_SECONDS must be a number."),
        ("BRIDGE_TOKEN_LEEWAY_SECONDS", "inf", "BRIDGE_TOKEN_LEEWAY_SECONDS must be 86400 or less."),
        ("BRIDGE_LOG_JSON", "perhaps", "BRIDGE_LOG_JSON must be true or false."),
        ("BRIDGE_USAGE_KEEP_DAYS", "36501", "BRIDGE_USAGE_KEEP_DAYS must be 36500 or less."),
    ],
)
def test_an_unusable_variable_is_named_and_never_quoted(
    complete: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """The sentence says what is expected; a secret put into the wrong variable is not repeated."""
    complete.setenv(name, value)
    assert sentence() == told


@pytest.mark.parametrize(
    ("ping", "silence", "usable"), [("59", None, True), ("60", None, False), ("5", "5.5", True), ("5", "5", False)]
)
def test_silence_must_be_longer_than_the_pause_between_pings(
    complete: pytest.MonkeyPatch, ping: str, silence: str | None, *, usable: bool
) -> None:
    """Or every idle client would be dropped before it could answer; the default is judged too."""
    complete.setenv("BRIDGE_PING_INTERVAL_SECONDS", ping)
    if silence is not None:
        complete.setenv("BRIDGE_SILENCE_LIMIT_SECONDS", silence)
    if usable:
        assert load_settings().ping_interval_seconds == float(ping)
    else:
        assert sentence().startswith("BRIDGE_SILENCE_LIMIT_SECONDS must exceed BRIDGE_PING_INTERVAL_SECONDS")


def test_an_unusable_ping_interval_is_told_first(complete: pytest.MonkeyPatch) -> None:
    """What cannot be read is not compared."""
    complete.setenv("BRIDGE_PING_INTERVAL_SECONDS", "often")
    assert sentence().startswith("BRIDGE_PING_INTERVAL_SECONDS ")


@pytest.mark.usefixtures("complete")
def test_an_unusable_argument_is_named_by_its_variable() -> None:
    """Whoever reads the sentence knows variables only."""
    with pytest.raises(ConfigError, match=r"^BRIDGE_PORT "):
        load_settings(port=-1)
    with pytest.raises(ConfigError, match=r"^SUPABASE_SECRET_KEY "):
        load_settings(supabase_secret_key="")
