"""The AsyncAPI document: one channel, a receive operation for each command, a send operation for each push."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec

from bridge import __version__
from bridge.capabilities import Capability
from bridge.errors import CloseCode, ErrorCode, Fault
from bridge.specification.commands import COMMANDS, CommandSpec
from bridge.specification.messages import PUSHES_BY_NAME, Shapes, reply_key
from bridge.specification.schemas import JsonObject
from bridge.specification.wording import first_sentence, for_client_authors

INTRODUCTION: Final = """\
One JSON object per text frame: `type`, `payload`, `requestId`, `timestamp`. A command is answered by one frame with its
`requestId`, of the type that it names or `error`; every other frame is a push, with a new `requestId`. Commands of one
connection are handled in order. The first command is `auth`. Ignore types and fields that you do not know.

What a schema cannot say (order, reconnecting, paging, what old clients see) is in docs/protocol.md."""

_CHANNEL: Final[JsonObject] = {"$ref": "#/channels/socket"}
SECURITY_NOTE: Final = """\
The access token of the user's Supabase login, in the payload of `auth`: never in a header, the address or a cookie.
It is verified (signature, audience, role, times), and every action and every delivery is checked against the membership
of the conversation."""


def specification() -> JsonObject:
    """Return the document."""
    shapes = Shapes(COMMANDS.values(), PUSHES_BY_NAME.values())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chat bridge",
            "version": __version__,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"tls": _server("wss", "The bridge behind TLS."), "plain": _server("ws", "The bridge by itself.")},
        "channels": {"socket": _channel(shapes)},
        "operations": _operations(),
        "components": {
            "schemas": shapes.schemas,
            "messages": shapes.messages,
            "correlationIds": {"requestId": {"location": "$message.payload#/requestId"}},
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": SECURITY_NOTE,
                }
            },
        },
        "x-capabilities": {one.value: _pushes_of(one) for one in Capability},
        "x-error-codes": [{"code": one.value, "when": one.when, "advice": one.advice} for one in ErrorCode],
        "x-close-codes": [
            {"code": int(one), "name": one.name, "when": one.when, "advice": one.advice} for one in CloseCode
        ],
    }


@cache
def encoded() -> bytes:
    """Return the document as JSON text, made once."""
    return msgspec.json.format(msgspec.json.encode(specification()), indent=2)


def _server(protocol: str, summary: str) -> JsonObject:
    return {
        "host": "{host}",
        "protocol": protocol,
        "summary": summary,
        "variables": {"host": {"default": "localhost:8080", "description": "Name and port of the bridge."}},
    }


def _channel(shapes: Shapes) -> JsonObject:
    origin: JsonObject = {"type": "string", "description": "Of a page: must be among BRIDGE_ALLOWED_ORIGINS."}
    return {
        "address": "/ws",
        "title": "The socket",
        "description": "Every path, with or without a query, is the same socket; `/ws` is the usual one.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in shapes.messages},
        "bindings": {"ws": {"method": "GET", "headers": {"type": "object", "properties": {"Origin": origin}}}},
    }


def _operations() -> JsonObject:
    commands: JsonObject = {name: _of_command(one) for name, one in COMMANDS.items()}
    pushes: JsonObject = {name: _of_push(name) for name in PUSHES_BY_NAME}
    refusal: JsonObject = {
        "action": "send",
        "channel": _CHANNEL,
        "summary": "Refuse a frame that is no command",
        "messages": [_in_channel("error")],
    }
    return {**commands, **pushes, "error": refusal}


def _of_command(command: CommandSpec) -> JsonObject:
    description = for_client_authors(command.description)
    answers = [_in_channel(reply_key(command)), *([_in_channel("error")] if command.errors else [])]
    made: JsonObject = {
        "action": "receive",
        "channel": _CHANNEL,
        "summary": first_sentence(description),
        "description": description,
        "messages": [_in_channel(command.name)],
        "reply": {"channel": _CHANNEL, "messages": answers},
        "x-errors": _errors(command.errors),
    }
    if command.needs_session:
        made["security"] = [{"$ref": "#/components/securitySchemes/accessToken"}]
    return made


def _of_push(name: str) -> JsonObject:
    push = PUSHES_BY_NAME[name]
    description = for_client_authors(push.description)
    made: JsonObject = {
        "action": "send",
        "channel": _CHANNEL,
        "summary": first_sentence(description),
        "description": description,
        "messages": [_in_channel(name)],
    }
    if push.capability is not None:
        made["x-capability"] = push.capability.value
        made["tags"] = [{"name": push.capability.value}]
    return made


def _in_channel(message: str) -> JsonObject:
    return {"$ref": f"#/channels/socket/messages/{message}"}


def _errors(faults: Sequence[Fault]) -> list[JsonObject]:
    return [{"code": fault.code.value, "text": fault.text} for fault in faults]


def _pushes_of(capability: Capability) -> list[str]:
    return [name for name, one in PUSHES_BY_NAME.items() if one.capability is capability]
