"""Frames are what the specification says: every frame that a test client receives passes through here (contract F18).

Stricter than the published schemas in one point: a field that they do not name is an error. Clients have to ignore such
fields; that the bridge sends one would be a mistake.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from jsonschema import Draft7Validator, FormatChecker  # type: ignore[import-untyped]  # ships no types

from bridge.specification import specification
from bridge.specification.commands import COMMANDS
from bridge.specification.messages import reply_key
from tests.emulated_w1 import Frame

DOCUMENT: Final[dict[str, Any]] = json.loads(json.dumps(specification()))
MESSAGES: Final[Mapping[str, Any]] = DOCUMENT["components"]["messages"]


class NotSpecified(AssertionError):
    """A frame that the specification does not allow; the text says where and why."""


_FORMATS: Final = FormatChecker(formats=())


@_FORMATS.checks("uuid", raises=ValueError)  # type: ignore[untyped-decorator]  # ships no types
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value


@_FORMATS.checks("date-time", raises=ValueError)  # type: ignore[untyped-decorator]  # ships no types
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def resolved(schema: Any, *, closed: bool) -> Any:
    """Return a schema without references, which also makes checking faster; `closed`: no other fields than named."""
    if isinstance(schema, list):
        return [resolved(one, closed=closed) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = DOCUMENT
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return resolved(target, closed=closed)
    made = {name: resolved(one, closed=closed) for name, one in schema.items()}
    return {"additionalProperties": False, **made} if closed and isinstance(made.get("properties"), dict) else made


def validators(keys: Iterable[str], *, closed: bool) -> dict[str, Draft7Validator]:
    """Return what checks whole frames, by their type."""
    return {
        MESSAGES[key]["name"]: Draft7Validator(
            resolved(MESSAGES[key]["payload"], closed=closed), format_checker=_FORMATS
        )
        for key in keys
    }


_FROM_BRIDGE: Final = validators((key for key in MESSAGES if key not in COMMANDS), closed=True)
_FROM_CLIENT: Final = validators(COMMANDS, closed=True)


def check_from_bridge(text: str | bytes) -> None:
    """See that a frame of the bridge is one that the specification names, and looks as it says.

    Raises:
        NotSpecified: it is not.

    """
    _check(text, _FROM_BRIDGE)


def check_from_client(text: str) -> None:
    """See that a command looks as the specification says.

    Raises:
        NotSpecified: it does not.

    """
    _check(text, _FROM_CLIENT)


def check_answer(command: str, frame: Frame) -> None:
    """See that a command is answered by its reply, or refused with one of the errors that it names.

    Raises:
        NotSpecified: by another type, or with another code or text.

    """
    spec = COMMANDS.get(command)
    if spec is None:
        allowed = {("error", "UNKNOWN_MESSAGE_TYPE"), ("error", "INVALID_MESSAGE")}
        if (frame.type, frame.payload.get("code")) not in allowed:
            raise NotSpecified(f"{command} is no command and is answered by {frame}")
    elif frame.type == "error":
        check_refusal(command, str(frame.payload["code"]), str(frame.payload["error"]))
    elif frame.type != spec.reply:
        raise NotSpecified(f"{command} is answered by {frame.type}, not by {spec.reply}")


def check_refusal(command: str, code: str, text: str) -> None:
    """See that a command names this error.

    Raises:
        NotSpecified: it does not: declare it, in the order of the checks, as one of the action's `refusals`.

    """
    named = {(fault.code.value, fault.text) for fault in COMMANDS[command].errors}
    if (code, text) not in named | {("INVALID_MESSAGE", "Invalid message format")}:
        raise NotSpecified(f"{command} is refused with {code} {text!r}, which is not among its `refusals`")


def check_schema(schema: Any) -> None:
    """See that a schema is one of JSON Schema draft 7.

    Raises:
        jsonschema.SchemaError: it is not.

    """
    Draft7Validator.check_schema(schema)


def answers_of(command: str) -> str:
    """Return the message of the document that answers a command."""
    return reply_key(COMMANDS[command])


def _check(text: str | bytes, known: Mapping[str, Draft7Validator]) -> None:
    frame = json.loads(text)
    validator = known.get(str(frame.get("type"))) if isinstance(frame, dict) else None
    if validator is None:
        raise NotSpecified(f"no frame of this kind is in the specification: {text[:200]!r}")
    for error in validator.iter_errors(frame):
        raise NotSpecified(f"{frame['type']}: {error.json_path}: {error.message}")
