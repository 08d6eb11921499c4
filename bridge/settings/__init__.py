"""Settings: frozen, checked once at start-up, and the only place that reads the environment.

Every setting is described in docs/settings.md; a test compares the two.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.addresses import Network, read_networks
from bridge.secret_files import SecretFiles, is_secret, variable_names
from bridge.settings.checks import (
    check_cookie_name,
    check_fits_into_a_header,
    check_hard_to_guess,
    check_origins,
    check_secret_key,
    check_web_address,
    listed,
)
from bridge.settings.complaints import config_error, variable_of
from bridge.settings.usage import UsageKept

_TOKEN: Final = "BRIDGE_TOKEN"
"""What `python -m bridge chat` reads; in a shell where somebody tries both it means nothing to the server."""

Port = Annotated[int, Field(ge=0, le=65535)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=24 * 3600)]
PerSecond = Annotated[float, Field(gt=0, le=1e6)]
Text = Annotated[str, Field(min_length=1)]
PositiveInt = Annotated[int, Field(gt=0)]


class Settings(BaseSettings):
    """Everything that can be chosen about a bridge process."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, files that variables name, variables; in this order."""
        return init_settings, SecretFiles(settings_cls), env_settings

    supabase_url: str
    supabase_secret_key: SecretStr = Field(
        validation_alias=AliasChoices("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_KEY")
    )
    supabase_publishable_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY")
    )
    supabase_jwt_secret: SecretStr | None = None

    host: Text = Field("127.0.0.1", validation_alias="BRIDGE_HOST")
    port: Port = Field(8080, validation_alias="BRIDGE_PORT")
    allowed_origins: str = Field("*", validation_alias="BRIDGE_ALLOWED_ORIGINS")
    trusted_proxies: str | None = Field(None, validation_alias="BRIDGE_TRUSTED_PROXIES")
    log_level: str = Field("info", validation_alias="BRIDGE_LOG_LEVEL")
    log_json: bool = Field(default=False, validation_alias="BRIDGE_LOG_JSON")
    operator_token: SecretStr | None = Field(None, validation_alias="BRIDGE_OPERATOR_TOKEN")
    shadow_share: Share = Field(0.0, validation_alias="BRIDGE_SHADOW_SHARE")
    traces: bool = Field(default=False, validation_alias="BRIDGE_TRACES")

    token_audience: Text = Field("authenticated", validation_alias="BRIDGE_TOKEN_AUDIENCE")
    token_leeway_seconds: Seconds = Field(5.0, validation_alias="BRIDGE_TOKEN_LEEWAY_SECONDS")
    login_check_seconds: Seconds = Field(300.0, validation_alias="BRIDGE_LOGIN_CHECK_SECONDS")
    phone_identity: bool = Field(default=True, validation_alias="BRIDGE_PHONE_IDENTITY")

    session_cookie: str | None = Field(None, validation_alias="BRIDGE_SESSION_COOKIE")
    session_cookie_secure: bool = Field(default=False, validation_alias="BRIDGE_SESSION_COOKIE_SECURE")
    refresh_sessions: bool = Field(default=True, validation_alias="BRIDGE_REFRESH_SESSIONS")
    rest_passthrough: bool = Field(default=False, validation_alias="BRIDGE_REST_PASSTHROUGH")

    compat: bool = Field(default=True, validation_alias="BRIDGE_COMPAT")
    compat_disabled: str | None = Field(None, validation_alias="BRIDGE_COMPAT_DISABLED")
    compat_deprecation_file: str | None = Field(None, validation_alias="BRIDGE_COMPAT_DEPRECATION_FILE")
    compat_brownouts: bool = Field(default=False, validation_alias="BRIDGE_COMPAT_BROWNOUTS")
    compat_max_body_bytes: PositiveInt = Field(65_536, validation_alias="BRIDGE_COMPAT_MAX_BODY_BYTES")

    usage: UsageKept = Field("auto", validation_alias="BRIDGE_USAGE")
    usage_file: str | None = Field(None, validation_alias="BRIDGE_USAGE_FILE")
    usage_keep_days: PositiveInt = Field(400, le=36_500, validation_alias="BRIDGE_USAGE_KEEP_DAYS")

    auth_deadline_seconds: Seconds = Field(60.0, validation_alias="BRIDGE_AUTH_DEADLINE_SECONDS")
    ping_interval_seconds: Seconds = Field(20.0, validation_alias="BRIDGE_PING_INTERVAL_SECONDS")
    silence_limit_seconds: Seconds = Field(60.0, validation_alias="BRIDGE_SILENCE_LIMIT_SECONDS", validate_default=True)
    max_frame_characters: PositiveInt = Field(262_144, validation_alias="BRIDGE_MAX_FRAME_CHARACTERS")
    frames_per_second: PerSecond = Field(100.0, validation_alias="BRIDGE_FRAMES_PER_SECOND")
    frames_burst: PositiveInt = Field(2_000, validation_alias="BRIDGE_FRAMES_BURST")
    max_waiting_commands: PositiveInt = Field(256, validation_alias="BRIDGE_MAX_WAITING_COMMANDS")
    outbox_max_frames: PositiveInt = Field(2_000, validation_alias="BRIDGE_OUTBOX_MAX_FRAMES")
    outbox_max_bytes: PositiveInt = Field(4_194_304, validation_alias="BRIDGE_OUTBOX_MAX_BYTES")
    resume_rooms_seconds: Seconds = Field(600.0, validation_alias="BRIDGE_RESUME_ROOMS_SECONDS")
    drain_seconds: Seconds = Field(5.0, validation_alias="BRIDGE_DRAIN_SECONDS")
    come_back_within_seconds: Seconds = Field(10.0, validation_alias="BRIDGE_COME_BACK_WITHIN_SECONDS")

    user_frames_per_second: PerSecond = Field(200.0, validation_alias="BRIDGE_USER_FRAMES_PER_SECOND")
    user_frames_burst: PositiveInt = Field(4_000, validation_alias="BRIDGE_USER_FRAMES_BURST")
    max_connections_per_user: PositiveInt = Field(50, validation_alias="BRIDGE_MAX_CONNECTIONS_PER_USER")
    max_connections_per_address: PositiveInt = Field(1_000, validation_alias="BRIDGE_MAX_CONNECTIONS_PER_ADDRESS")
    max_connections: PositiveInt = Field(10_000, validation_alias="BRIDGE_MAX_CONNECTIONS")

    membership_max_age_seconds: Seconds = Field(60.0, validation_alias="BRIDGE_MEMBERSHIP_MAX_AGE_SECONDS")
    catch_up_overlap_seconds: Seconds = Field(60.0, validation_alias="BRIDGE_CATCH_UP_OVERLAP_SECONDS")
    store_timeout_seconds: Seconds = Field(10.0, validation_alias="BRIDGE_STORE_TIMEOUT_SECONDS")
    store_connections: PositiveInt = Field(50, validation_alias="BRIDGE_STORE_CONNECTIONS")

    rollout_file: Path | None = Field(None, validation_alias="BRIDGE_ROLLOUT_FILE")
    rollout_provider: str | None = Field(None, validation_alias="BRIDGE_ROLLOUT_PROVIDER")

    presence: bool = Field(default=True, validation_alias="BRIDGE_PRESENCE")
    presence_grace_seconds: Seconds = Field(15.0, validation_alias="BRIDGE_PRESENCE_GRACE_SECONDS")
    presence_heartbeat_seconds: Seconds = Field(120.0, validation_alias="BRIDGE_PRESENCE_HEARTBEAT_SECONDS")

    @field_validator("supabase_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        check_web_address(value)
        return value.rstrip("/")

    @field_validator("supabase_secret_key")
    @classmethod
    def _is_not_public(cls, value: SecretStr) -> SecretStr:
        check_secret_key(value)
        return value

    @field_validator("supabase_publishable_key")
    @classmethod
    def _is_key_if_any(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        check_fits_into_a_header(value)
        return value

    @field_validator("operator_token")
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        check_hard_to_guess(value)
        return value

    @field_validator("session_cookie")
    @classmethod
    def _is_cookie_name(cls, value: str | None) -> str | None:
        if value is not None:
            check_cookie_name(value)
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        check_origins(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str | None) -> str | None:
        try:
            read_networks(value or "")
        except ValueError:
            raise ValueError("must be addresses or networks like 10.0.0.0/8, separated by commas") from None
        return value

    @field_validator("log_level")
    @classmethod
    def _is_level(cls, value: str) -> str:
        if value.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError("must be debug, info, warning or error")
        return value.lower()

    @field_validator("silence_limit_seconds")
    @classmethod
    def _exceeds_ping_interval(cls, value: float, checked: ValidationInfo) -> float:
        if value <= checked.data.get("ping_interval_seconds", 0):
            raise ValueError("must exceed BRIDGE_PING_INTERVAL_SECONDS, or idle clients are dropped")
        return value

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """Return from which addresses X-Forwarded-For is believed."""
        return read_networks(self.trusted_proxies or "")

    @property
    def public(self) -> dict[str, object]:
        """Return every setting by its variable; of secrets only whether they are set."""
        values = ((name, getattr(self, name)) for name in Settings.model_fields)
        return {variable_of(name, Settings): _shown(value) for name, value in values}

    @property
    def origins(self) -> frozenset[str] | None:
        """Return the origins that may open a socket, or None for any."""
        return None if "*" in self._listed_origins else self._listed_origins

    @property
    def named_origins(self) -> frozenset[str]:
        """Return the origins that are listed by name: `*` is no leave to act with a visitor's cookies."""
        return self._listed_origins - {"*"}

    @property
    def _listed_origins(self) -> frozenset[str]:
        return listed(self.allowed_origins)


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return "set"
    return str(value) if isinstance(value, Path) else value


def unknown_variables() -> list[str]:
    """Return the variables that look like settings of the bridge and are none: misspelt, or of another version."""
    known = {_TOKEN}
    for key, field in Settings.model_fields.items():
        names = variable_names(field, key)
        known.update(names, (f"{name}_FILE" for name in names if is_secret(field)))
    given = [name for name in os.environ if name.upper().startswith("BRIDGE_")]  # noqa: TID251  # this is the reader
    return sorted(name for name in given if name.upper() not in known)


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; keyword arguments replace variables.

    Raises:
        ConfigError: a variable is missing or unusable; the sentence names it and never its value.

    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks what mypy cannot know
    except ValidationError as error:
        raise config_error(error, Settings) from None
