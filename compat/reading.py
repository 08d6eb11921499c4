"""Reading what old clients send: values of any JSON type into those that requests have. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from msgspec import Meta, json

from bridge.errors import Fault
from bridge.models import LARGEST_INTEGER
from compat.errors import Refusal, Refused

NO_OBJECT: Final = Refusal(400, "The body must be an object")

Text = Annotated[str, Meta(pattern=r"^[^\u0000]*$")]
Whole = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Days = Annotated[int, Meta(ge=0)]
"""Too many are lowered to what dates can hold."""


def fields_of(body: object) -> Mapping[str, object]:
    """Return the fields of an object; anything else has none, and lacks what is required."""
    return body if isinstance(body, dict) else {}


def ids_of(listed: Sequence[object]) -> list[str]:
    """Return a list of ids; what is no text is no id of anything."""
    return [text_of(one) for one in listed]


def text_of(value: object) -> str:
    """Return a text as it is, and anything else in a form that is no id of anything."""
    return value if isinstance(value, str) else json.encode(value).decode()


def whole(number: object) -> int | None:
    """Return a whole number; the columns hold no others, and true is none."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    return int(number) if number == number // 1 else None


def invalid(fault: Fault) -> Refused:
    """Return the refusal of a body that cannot be used."""
    return Refused(400, fault.text)
