"""Secrets from files: `NAME_FILE` names the file that holds the value of the secret variable `NAME`.

What an environment holds is seen by whoever may look at the process; orchestrators hand secrets out as files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from bridge.errors import ConfigError

MAX_SECRET_BYTES: Final = 64 * 1024
_SUFFIX: Final = "_FILE"


class SecretFiles(PydanticBaseSettingsSource):
    """The settings whose type is SecretStr, each read from a file if its variable with `_FILE` is set."""

    def __call__(self) -> dict[str, Any]:
        """Return what was found, by the first name of each variable.

        Raises:
            ConfigError: a file cannot be read, or a secret is given twice.

        """
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {key: value for value, key, _ in found if value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return value, name to set it by, and whether it is to be decoded further."""
        key = field_name if field.validation_alias is None else variable_names(field, field_name)[0]
        if not is_secret(field):
            return None, key, False
        names = variable_names(field, field_name)
        given = [name + _SUFFIX for name in names if os.environ.get(name + _SUFFIX)]
        given += [name for name in names if given and os.environ.get(name)]
        if len(given) > 1:
            raise ConfigError(f"{given[0]} and {given[1]} are both set.")
        return (_read(given[0]) if given else None), key, False


def variable_names(field: FieldInfo, field_name: str) -> list[str]:
    """Return the variables that a setting is read from, the current name first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias if isinstance(alias, str) else field_name.upper()]


def is_secret(field: FieldInfo) -> bool:
    """Tell whether the setting is never to be shown."""
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def _read(variable: str) -> str:
    try:
        with Path(os.environ[variable]).open("rb") as file:
            text = file.read(MAX_SECRET_BYTES + 1)
        if len(text) > MAX_SECRET_BYTES:  # a part of a secret would be another one
            raise ConfigError(
                f"{variable} names a file of more than {MAX_SECRET_BYTES // 1024} KiB, which is no secret."
            )
        secret = text.decode().strip()  # editors end files with a newline
    except OSError as error:
        raise ConfigError(f"{variable} names a file that cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ConfigError(f"{variable} names a file that is no text.") from None
    if not secret:  # as if nothing were set: the bridge would start, and take no token
        raise ConfigError(f"{variable} names an empty file.")
    return secret
