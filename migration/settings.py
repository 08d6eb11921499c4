"""Where the tools look: the project's settings are the bridge's own, the database's address is theirs alone."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.errors import ConfigError
from bridge.settings import Settings, load_settings
from migration.errors import Refused


class ToolSettings(BaseSettings):
    """What the tools read from the environment besides the bridge's settings."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    database_url: SecretStr | None = Field(default=None, validation_alias="MIGRATION_DATABASE_URL")
    directory: Path = Field(default=Path(".migration"), validation_alias="MIGRATION_DIRECTORY")
    supabase_url: str | None = None


class Target(Struct, frozen=True, kw_only=True):
    """What the command line and the environment say together."""

    database_url: str | None
    project: Settings | None
    directory: Path
    """Where a command keeps its state, its report and its undo files."""

    def database(self) -> str:
        """Return the database's address.

        Raises:
            Refused: there is none.

        """
        if self.database_url is None:
            raise Refused("This needs a database: set MIGRATION_DATABASE_URL or give --database-url-file.")
        return self.database_url


def read_target(database_url: str | None, database_url_file: Path | None, directory: Path | None) -> Target:
    """Read the environment; arguments count before it.

    Raises:
        Refused: a file cannot be read, a setting is unusable, or there is neither a database nor a project.

    """
    settings = ToolSettings()
    from_environment = settings.database_url.get_secret_value() if settings.database_url else None
    url = database_url or (_first_line(database_url_file) if database_url_file else from_environment)
    try:
        project = load_settings() if settings.supabase_url else None
    except ConfigError as error:
        raise Refused(str(error)) from None
    if url is None and project is None:
        raise Refused("Nothing to look at: set MIGRATION_DATABASE_URL, or SUPABASE_URL and SUPABASE_SECRET_KEY.")
    return Target(database_url=url, project=project, directory=directory or settings.directory)


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"--database-url-file cannot be read: {type(error).__name__}.") from None
    if not lines or not lines[0].strip():
        raise Refused("--database-url-file is empty.")
    return lines[0].strip()


class RolloutSettings(BaseSettings):
    """What `rollout` reads from the environment; the first and the last are the bridge's own settings."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    rollout_file: Path | None = Field(default=None, validation_alias="BRIDGE_ROLLOUT_FILE")
    bridges: str = Field(default="", validation_alias="MIGRATION_BRIDGES")
    operator_token: SecretStr | None = Field(default=None, validation_alias="BRIDGE_OPERATOR_TOKEN")
    directory: Path = Field(default=Path(".migration"), validation_alias="MIGRATION_DIRECTORY")

    @property
    def listed_bridges(self) -> tuple[str, ...]:
        """Return the bridges' addresses."""
        return tuple(one.strip() for one in self.bridges.split(",") if one.strip())
