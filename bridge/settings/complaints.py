"""The sentence that says which variable is unusable and what is expected; it never repeats the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from bridge.errors import ConfigError
from bridge.secret_files import variable_names

_WANTED: Final[Mapping[str, str]] = {
    "missing": "is not set",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "string_too_short": "is empty",
    "greater_than": "must be greater than {gt:.10g}",
    "greater_than_equal": "must be {ge:.10g} or more",
    "less_than_equal": "must be {le:.10g} or less",
}
"""How a sentence goes on after the variable, by pydantic's kind of error; our own checks bring their words."""


def config_error(error: ValidationError, settings: type[BaseSettings]) -> ConfigError:
    """Return what is told of the first setting that is unusable."""
    first = error.errors(include_url=False, include_input=False)[0]
    told = str(first["msg"]).removeprefix("Value error, ")
    wanted = _WANTED.get(first["type"], told[0].lower() + told[1:]).format(**first.get("ctx", {}))
    return ConfigError(f"{variable_of(str(first['loc'][0]), settings)} {wanted}.")


def variable_of(name: str, settings: type[BaseSettings]) -> str:
    """Return the variable of a setting, by its name or by the variable itself."""
    field = settings.model_fields.get(name)
    return variable_names(field, name)[0] if field else name
