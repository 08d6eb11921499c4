"""The shapes of payloads and frames as JSON Schema (draft 7, as AsyncAPI takes it), made from the types themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import Struct

from bridge.specification.wording import for_client_authors

JsonObject = dict[str, object]

_PLACE = "#/components/schemas/{name}"
_MARK = "x-required"


def payload_schemas(types: Sequence[type[Struct]]) -> tuple[list[JsonObject], dict[str, JsonObject]]:
    """Return a reference for each type, and the schemas that they refer to, by name."""
    references, components = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=_PLACE)
    return list(references), {name: cast("JsonObject", _polished(one)) for name, one in components.items()}


def frame_schema(frame_type: str, payload: JsonObject, *, from_client: bool) -> JsonObject:
    """Return the schema of a whole frame of this type: the envelope with its payload (contract ws-protocol section 2).

    Clients may leave the request id null; no frame of the bridge ever does (contract F15).
    """
    request_id: JsonObject = {"type": ["string", "null"]} if from_client else {"type": "string", "minLength": 1}
    timestamp: JsonObject = {"type": "string", "minLength": 1} if from_client else _TIME
    return {
        "type": "object",
        "required": ["type", "payload", "requestId", "timestamp"],
        "properties": {
            "type": {"type": "string", "const": frame_type},
            "payload": payload,
            "requestId": request_id,
            "timestamp": timestamp,
        },
    }


_TIME: JsonObject = {"type": "string", "format": "date-time"}


def _anything(_: type) -> JsonObject:
    return {"description": "Any JSON value."}  # `object`, the only type of ours that msgspec has no schema for


def _polished(value: object) -> object:
    """Return a schema as client authors read it: short, descriptions cleaned, what is marked REQUIRED required."""
    if isinstance(value, list):
        return [_polished(one) for one in value]
    if not isinstance(value, dict):
        return value
    polished = {name: _polished(one) for name, one in value.items() if (name, one) != ("default", None)}
    options = polished.get("anyOf")
    if isinstance(options, list) and _is_one_or_null(options):
        del polished["anyOf"]
        polished |= {**options[0], "type": [options[0]["type"], "null"]}
    if isinstance(polished.get("description"), str):
        polished["description"] = for_client_authors(str(polished["description"]))
    if isinstance(polished.get("properties"), dict):
        _lift_required(polished)
    return polished


def _is_one_or_null(options: list[JsonObject]) -> bool:
    """Tell whether the options are one kind of value and null; what else is said of the kind holds for it only."""
    return len(options) == 2 and options[1] == {"type": "null"} and isinstance(options[0].get("type"), str)


def _lift_required(schema: JsonObject) -> None:
    properties = cast("dict[str, JsonObject]", schema["properties"])
    marked = [name for name, one in properties.items() if one.pop(_MARK, False)]
    for name in marked:
        properties[name].pop("default", None)
    schema["required"] = [*marked, *cast("list[str]", schema["required"])]
