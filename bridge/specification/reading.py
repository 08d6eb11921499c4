"""Schemas as rows of a table: what the page and docs/protocol.md show of a payload."""

from __future__ import annotations

from typing import Final, cast

import msgspec
from msgspec import Struct

from bridge.specification.schemas import JsonObject

_FORMATS: Final = {"uuid": "uuid", "date-time": "time"}


class Field(Struct, frozen=True, kw_only=True):
    """A field of an object; `kind` names other schemas by their names."""

    name: str
    kind: str
    is_required: bool
    note: str


def fields_of(schema: JsonObject) -> list[Field]:
    """Return the fields of an object's schema, in its order."""
    required = cast("list[str]", schema.get("required", []))
    properties = cast("dict[str, JsonObject]", schema.get("properties", {}))
    return [
        Field(name=name, kind=kind_of(one), is_required=name in required, note=_note(one))
        for name, one in properties.items()
    ]


def kind_of(schema: JsonObject) -> str:
    """Return what a value of this schema is, in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in cast("list[object]", schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(kind_of(one) for one in cast("list[JsonObject]", schema["anyOf"]))
    named = schema.get("type", "any")
    kinds = cast("list[str]", named) if isinstance(named, list) else [str(named)]
    return " or ".join(_kind(one, schema) for one in kinds)


def _kind(kind: str, schema: JsonObject) -> str:
    if kind == "string" and "format" in schema:
        return _FORMATS[str(schema["format"])]
    if kind == "array":
        return f"list of {kind_of(cast('JsonObject', schema.get('items', {})))}"
    inner = schema.get("additionalProperties")
    if kind == "object" and isinstance(inner, dict):
        return f"object of {kind_of(inner)}"
    return kind


def _note(schema: JsonObject) -> str:
    """Return the description, with the default and the limit that the schema names."""
    parts = [str(schema["description"])] if "description" in schema else []
    default = schema.get("default")
    if default not in (None, "", [], {}) and not isinstance(default, dict):
        parts.append(f"Default {msgspec.json.encode(default).decode()}.")
    if "maxLength" in schema:
        parts.append(f"At most {schema['maxLength']} characters.")
    if "maxItems" in schema:
        parts.append(f"At most {schema['maxItems']}.")
    return " ".join(parts)
