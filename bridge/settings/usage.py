"""Where bridges keep their counts, for those who only read them: of a file that needs no key of the project."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.settings.complaints import config_error

UsageKept = Literal["auto", "file", "off"]


class UsagePlaces(BaseSettings):
    """The few settings that reading the counts needs: of a file they are read without any key of the project."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    usage: UsageKept = Field(default="auto", validation_alias="BRIDGE_USAGE")
    usage_file: str | None = Field(default=None, validation_alias="BRIDGE_USAGE_FILE")
    supabase_url: str | None = None


def load_usage_places() -> UsagePlaces:
    """Read from the environment where the counts may be.

    Raises:
        ConfigError: a variable is unusable.

    """
    try:
        return UsagePlaces()
    except ValidationError as error:
        raise config_error(error, UsagePlaces) from None
