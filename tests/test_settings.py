"""Settings come from the environment, are frozen, and a bad one is one sentence that names the variable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.errors import ConfigError
from bridge.settings import Settings, load_settings, unknown_variables

URL = "https://project.supabase.co"
KEY = "sb_secret_abcdefghijklmnopqrstuv_12345678"


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


def sentence() -> str:
    """Return why the settings are refused."""
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert caught.value.__cause__ is None
    return str(caught.value)


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


@pytest.mark.usefixtures("complete")
def test_settings_cannot_be_changed_and_hide_their_secrets() -> None:
    """They are passed around and may end up in a log."""
    settings = load_settings(supabase_jwt_secret="the-secret")
    with pytest.raises(ValidationError):
        settings.port = 1
    assert KEY not in repr(settings)
    assert "the-secret" not in repr(settings)


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


@pytest.mark.parametrize(
    ("listed", "origins", "named"),
    [
        ("*", None, set()),
        ("https://a.example, *", None, {"https://a.example"}),
        ("https://a.example", {"https://a.example"}, {"https://a.example"}),
        (
            " https://a.example/ ,,http://localhost:3000",
            {"https://a.example", "http://localhost:3000"},
            {"https://a.example", "http://localhost:3000"},
        ),
        ("", set(), set()),
    ],
)
def test_origins_are_a_list_or_any(
    complete: pytest.MonkeyPatch, listed: str, origins: set[str] | None, named: set[str]
) -> None:
    """An empty list allows no page at all; a star opens sockets, not what goes by cookie."""
    complete.setenv("BRIDGE_ALLOWED_ORIGINS", listed)
    assert load_settings().origins == origins
    assert load_settings().named_origins == named


@pytest.mark.parametrize(
    "listed",
    [
        "example.org",
        "localhost:3000",
        "https://a.example, b.example",
        "https://a.example https://b.example",
        "https://a.example/chat",
        "https://*.example.org",
        "https://Chat.example.org",
        "https://me@a.example",
        "https://",
        "//a.example",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(complete: pytest.MonkeyPatch, listed: str) -> None:
    """Nothing would ever match it, and every page would be sent away."""
    complete.setenv("BRIDGE_ALLOWED_ORIGINS", listed)
    assert sentence() == (
        "BRIDGE_ALLOWED_ORIGINS must be * or origins like https://chat.example.org, separated by commas."
    )


@pytest.mark.parametrize("origin", ["http://[::1]:3000", "capacitor://localhost", "chrome-extension://abcdef"])
def test_an_origin_may_have_any_scheme(complete: pytest.MonkeyPatch, origin: str) -> None:
    """Apps in a shell of their own have theirs."""
    complete.setenv("BRIDGE_ALLOWED_ORIGINS", origin)
    assert load_settings().origins == frozenset({origin})


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


@pytest.mark.parametrize(
    "name", ["SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_JWT_SECRET"]
)
def test_every_secret_may_come_from_a_file(complete: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Named by the variable with _FILE; the newline at its end is the editor's."""
    complete.delenv("SUPABASE_SECRET_KEY")
    (tmp_path / "key").write_text(KEY + "\n")
    (tmp_path / "secret").write_text("from-a-file\n")
    complete.setenv("SUPABASE_SECRET_KEY_FILE", str(tmp_path / "key"))
    if "SECRET_KEY" in name or "SERVICE" in name:
        complete.delenv("SUPABASE_SECRET_KEY_FILE")
        complete.setenv(f"{name}_FILE", str(tmp_path / "key"))
        assert load_settings().supabase_secret_key.get_secret_value() == KEY
    else:
        complete.setenv(f"{name}_FILE", str(tmp_path / "secret"))
        settings = load_settings()
        secret = settings.supabase_publishable_key or settings.supabase_jwt_secret
        assert secret is not None
        assert secret.get_secret_value() == "from-a-file"
        assert "from-a-file" not in repr(settings)


def test_a_secret_is_given_once(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody has to guess which of two counts; the older names count as the same secret."""
    complete.setenv("SUPABASE_SECRET_KEY_FILE", str(tmp_path))
    assert sentence() == "SUPABASE_SECRET_KEY_FILE and SUPABASE_SECRET_KEY are both set."
    complete.delenv("SUPABASE_SECRET_KEY")
    complete.setenv("SUPABASE_SERVICE_KEY_FILE", str(tmp_path))
    assert sentence() == "SUPABASE_SECRET_KEY_FILE and SUPABASE_SERVICE_KEY_FILE are both set."


def test_an_unreadable_secret_file_is_named_by_its_variable(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In one sentence like any other; its path and its contents are not repeated."""
    complete.delenv("SUPABASE_SECRET_KEY")
    complete.setenv("SUPABASE_SECRET_KEY_FILE", str(tmp_path / "missing"))
    assert sentence() == "SUPABASE_SECRET_KEY_FILE names a file that cannot be read: No such file or directory."
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    complete.setenv("SUPABASE_SECRET_KEY_FILE", str(tmp_path / "binary"))
    assert sentence() == "SUPABASE_SECRET_KEY_FILE names a file that is no text."
    (tmp_path / "empty").touch()
    complete.setenv("SUPABASE_SECRET_KEY_FILE", str(tmp_path / "empty"))
    assert sentence() == "SUPABASE_SECRET_KEY must be a key of ASCII characters without spaces."


def test_only_secrets_come_from_files(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Anything else can be seen by everybody anyway."""
    complete.setenv("BRIDGE_PORT_FILE", str(tmp_path))
    assert load_settings().port == 8080


def test_variables_that_are_no_settings_are_known(complete: pytest.MonkeyPatch) -> None:
    """Misspelt ones would have no effect, and nobody would notice."""
    complete.setenv("BRIDGE_OPERATOR_TOKEN_FILE", "/run/secrets/token")
    complete.setenv("BRIDGE_TOKEN", "of the terminal client")
    complete.setenv("bridge_host", "::1")
    assert unknown_variables() == []
    complete.setenv("BRIDGE_PROT", "1")
    complete.setenv("BRIDGE_PORT_FILE", "/run/port")
    assert unknown_variables() == ["BRIDGE_PORT_FILE", "BRIDGE_PROT"]


def test_trusted_proxies_are_networks(complete: pytest.MonkeyPatch) -> None:
    """Nobody is trusted by default."""
    assert load_settings().proxies == ()
    complete.setenv("BRIDGE_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")
    assert [str(network) for network in load_settings().proxies] == ["10.0.0.0/8", "127.0.0.1/32"]
    complete.setenv("BRIDGE_TRUSTED_PROXIES", "proxy.example")
    assert sentence() == ("BRIDGE_TRUSTED_PROXIES must be addresses or networks like 10.0.0.0/8, separated by commas.")


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "with a space in the middle", "ünicode-is-no-header"])
def test_an_operators_token_is_hard_to_guess_or_not_there(complete: pytest.MonkeyPatch, token: str) -> None:
    """An empty variable is no token at all."""
    complete.setenv("BRIDGE_OPERATOR_TOKEN", token)
    if not token:
        assert load_settings().operator_token is None
    else:
        assert sentence().startswith("BRIDGE_OPERATOR_TOKEN must ")


def test_the_settings_can_be_shown_without_secrets(complete: pytest.MonkeyPatch) -> None:
    """By the variables that operators know."""
    complete.setenv("BRIDGE_OPERATOR_TOKEN", "a-token-of-operators")
    shown = load_settings().public
    assert shown["SUPABASE_URL"] == URL
    assert shown["SUPABASE_SECRET_KEY"] == shown["BRIDGE_OPERATOR_TOKEN"] == "set"
    assert shown["SUPABASE_JWT_SECRET"] is None
    assert shown["BRIDGE_PORT"] == 8080
    assert KEY not in str(shown)
