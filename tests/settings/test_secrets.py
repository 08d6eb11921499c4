"""Secrets may come from files, are given once, and are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.settings import load_settings
from tests.settings.environment import KEY, URL, sentence


@pytest.mark.usefixtures("complete")
def test_settings_cannot_be_changed_and_hide_their_secrets() -> None:
    """They are passed around and may end up in a log."""
    settings = load_settings(supabase_jwt_secret="the-secret")
    with pytest.raises(ValidationError):
        settings.port = 1
    assert KEY not in repr(settings)
    assert "the-secret" not in repr(settings)


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
    assert sentence() == "SUPABASE_SECRET_KEY_FILE names an empty file."


def test_a_secret_file_that_is_too_large_is_not_cut(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The beginning of it would be taken for a secret; up to 64 KiB, with all space around it, it is read."""
    file = tmp_path / "secret"
    complete.setenv("SUPABASE_JWT_SECRET_FILE", str(file))
    file.write_text("s" * 40 + "\n" * (64 * 1024 - 40))
    secret = load_settings().supabase_jwt_secret
    assert secret is not None
    assert secret.get_secret_value() == "s" * 40
    file.write_text("s" * 40 + "\n" * (64 * 1024 - 39))
    assert sentence() == "SUPABASE_JWT_SECRET_FILE names a file of more than 64 KiB, which is no secret."


def test_an_endless_secret_file_is_refused(complete: pytest.MonkeyPatch) -> None:
    """Without waiting for its end."""
    complete.setenv("SUPABASE_JWT_SECRET_FILE", "/dev/zero")
    assert sentence() == "SUPABASE_JWT_SECRET_FILE names a file of more than 64 KiB, which is no secret."


def test_only_secrets_come_from_files(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Anything else can be seen by everybody anyway."""
    complete.setenv("BRIDGE_PORT_FILE", str(tmp_path))
    assert load_settings().port == 8080


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
