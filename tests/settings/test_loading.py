"""Settings come from the environment, by names that are known."""

from __future__ import annotations

import pytest

from bridge.settings import Settings, load_settings, unknown_variables
from tests.settings.environment import KEY, URL


@pytest.mark.usefixtures("complete")
def test_address_and_key_are_enough() -> None:
    """Everything else has a default that suits a first run."""
    settings = load_settings()
    assert settings.supabase_url == URL
    assert settings.supabase_secret_key.get_secret_value() == KEY
    assert settings.supabase_jwt_secret is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.origins is None


@pytest.mark.parametrize("name", ["SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_KEY"])
def test_the_key_has_older_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As people have it in their environments already."""
    monkeypatch.setenv("SUPABASE_URL", URL)
    monkeypatch.setenv(name, KEY)
    assert load_settings().supabase_secret_key.get_secret_value() == KEY


def test_variables_are_read_by_their_names(complete: pytest.MonkeyPatch) -> None:
    """A variable of ours begins with BRIDGE_."""
    complete.setenv("BRIDGE_PORT", "0")
    complete.setenv("BRIDGE_LOG_LEVEL", "WARNING")
    complete.setenv("BRIDGE_PHONE_IDENTITY", "false")
    complete.setenv("SUPABASE_JWT_SECRET", "secret")
    settings = load_settings()
    assert (settings.port, settings.log_level, settings.phone_identity) == (0, "warning", False)
    assert settings.supabase_jwt_secret is not None


def test_arguments_replace_variables(complete: pytest.MonkeyPatch) -> None:
    """Tests and scripts give settings by name."""
    complete.setenv("BRIDGE_PORT", "1")
    assert load_settings(port=2, supabase_url="http://localhost:1/").port == 2
    assert load_settings(supabase_url="http://localhost:1/").supabase_url == "http://localhost:1"


@pytest.mark.parametrize("name", ["SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"])
def test_the_public_key_has_an_older_name(complete: pytest.MonkeyPatch, name: str) -> None:
    """It may be missing or empty."""
    assert load_settings().supabase_publishable_key is None
    complete.setenv(name, "")
    assert load_settings().supabase_publishable_key is None
    complete.setenv(name, "sb_publishable_abc")
    key = load_settings().supabase_publishable_key
    assert key is not None
    assert key.get_secret_value() == "sb_publishable_abc"


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize("name", ["sb-abcdefgh-auth-token", "my.session", "__Secure-sb"])
def test_the_session_cookie_may_have_a_name_of_its_own(name: str) -> None:
    """By default nothing is set, for the name follows from the address."""
    assert load_settings().session_cookie is None
    assert load_settings(session_cookie=name).session_cookie == name


def test_every_setting_has_a_variable_of_our_own() -> None:
    """SUPABASE_ for what the project gives, BRIDGE_ for the rest."""
    for name, field in Settings.model_fields.items():
        assert name.startswith("supabase_") or str(field.validation_alias).startswith("BRIDGE_")


def test_variables_that_are_no_settings_are_known(complete: pytest.MonkeyPatch) -> None:
    """Misspelt ones would have no effect, and nobody would notice."""
    complete.setenv("BRIDGE_OPERATOR_TOKEN_FILE", "/run/secrets/token")
    complete.setenv("BRIDGE_TOKEN", "of the terminal client")
    complete.setenv("bridge_host", "::1")
    assert unknown_variables() == []
    complete.setenv("BRIDGE_PROT", "1")
    complete.setenv("BRIDGE_PORT_FILE", "/run/port")
    assert unknown_variables() == ["BRIDGE_PORT_FILE", "BRIDGE_PROT"]
