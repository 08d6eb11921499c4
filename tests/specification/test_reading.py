"""Schemas are read aloud: what a field is, whether it has to be there, and what is to be known about it."""

from __future__ import annotations

import pytest

from bridge.specification.reading import Field, fields_of, kind_of
from bridge.specification.schemas import JsonObject


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": ["string", "null"], "format": "uuid"}, "uuid or null"),
        ({"type": "string", "format": "date-time"}, "time"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/MessageRow"}}, "list of MessageRow"),
        ({"type": ["array", "null"], "items": {"type": "string"}}, "list of string or null"),
        ({"type": "array"}, "list of any"),
        ({"$ref": "#/components/schemas/UserRow"}, "UserRow"),
        ({"anyOf": [{"$ref": "#/components/schemas/SenderRow"}, {"type": "null"}]}, "SenderRow or null"),
        ({"enum": ["sealed", "unavailable"]}, "`sealed` or `unavailable`"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({}, "any"),
    ],
)
def test_every_kind_has_its_words(schema: JsonObject, kind: str) -> None:
    """Other schemas are named."""
    assert kind_of(schema) == kind


def test_fields_keep_their_order() -> None:
    """The schema's own, whatever is required."""
    schema: JsonObject = {
        "properties": {"b": {"type": "string", "description": "The second letter."}, "a": {"type": "integer"}},
        "required": ["a"],
    }
    assert fields_of(schema) == [
        Field(name="b", kind="string", is_required=False, note="The second letter."),
        Field(name="a", kind="integer", is_required=True, note=""),
    ]
    assert fields_of({}) == []


@pytest.mark.parametrize(
    ("schema", "note"),
    [
        ({"default": 50}, "Default 50."),
        ({"default": False}, "Default false."),
        ({"default": ""}, ""),
        ({"default": []}, ""),
        ({"default": {"name": ""}}, ""),
        ({"description": "Chosen.", "maxLength": 200}, "Chosen. At most 200 characters."),
        ({"maxItems": 500}, "At most 500."),
    ],
)
def test_defaults_and_limits_are_said(schema: JsonObject, note: str) -> None:
    """Defaults that say nothing are not."""
    [field] = fields_of({"properties": {"x": schema}})
    assert field.note == note
