"""The messages of the document: every frame that may be on the socket, with its schema and examples."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, cast

import msgspec
from msgspec import Struct

from bridge.protocol import ErrorPayload
from bridge.pushes import PUSHES, Push
from bridge.specification.commands import COMMANDS, CommandSpec
from bridge.specification.examples import EXAMPLES
from bridge.specification.schemas import JsonObject, frame_schema, payload_schemas
from bridge.specification.wording import first_sentence, for_client_authors

PUSHES_BY_NAME: Final = {one.name: one for one in PUSHES.values()}

REFUSAL: Final = """\
Refuses a command, or a frame that is none. `requestId` is the frame's own where one can be read; else the envelope's is
new and the payload's is null."""


class Shapes:
    """The messages and the schemas that they refer to.

    Raises:
        ValueError: one name stands for two different frames.

    """

    def __init__(self, commands: Collection[CommandSpec], pushes: Collection[Push[Struct]]) -> None:
        self.messages: dict[str, JsonObject] = {}
        types: list[type[Struct]] = [ErrorPayload]
        types += [one for command in commands for one in (command.request, command.result)]
        types += [push.payload for push in pushes]
        references, self.schemas = payload_schemas(types)
        self._reference = dict(zip(types, references, strict=True))
        for command in commands:
            self._add_command(command)
        for push in pushes:
            self._add_push(push)
        self._put("error", self._message("error", ErrorPayload, REFUSAL, _answers("error")))

    def schema_of(self, payload: type[Struct]) -> JsonObject:
        """Return the schema of a payload."""
        return self.schemas[_name(self._reference[payload])]

    def objects(self) -> dict[str, JsonObject]:
        """Return the schemas that others refer to: what is shown once for all payloads."""
        return {name: one for name, one in self.schemas.items() if name in set(_referred(self.schemas))}

    def _add_command(self, command: CommandSpec) -> None:
        request = self._message(command.name, command.request, command.description, _commands(command.name))
        request["payload"] = frame_schema(command.name, self._reference[command.request], from_client=True)
        reply = self._message(command.reply, command.result, command.result.__doc__ or "", _answers(command.name))
        self._put(command.name, request)
        self._put(reply_key(command), reply)

    def _add_push(self, push: Push[Struct]) -> None:
        told = self._message(push.name, push.payload, push.description, _answers(push.name))
        if push.capability is not None:
            told["x-capability"] = push.capability.value
            told["tags"] = [{"name": push.capability.value}]
        self._put(push.name, told)

    def _put(self, name: str, message: JsonObject) -> None:
        """Add a message; one type may answer several commands, if it says the same."""
        known = self.messages.setdefault(name, message)
        if known["payload"] != message["payload"]:
            raise ValueError(f"{name} stands for two different frames")
        if known is not message:
            known["examples"] = [*cast("list[object]", known["examples"]), *cast("list[object]", message["examples"])]

    def _message(self, frame_type: str, payload: type[Struct], text: str, examples: Sequence[JsonObject]) -> JsonObject:
        described = for_client_authors(text)
        return {
            "name": frame_type,
            "title": frame_type,
            "summary": first_sentence(described),
            "description": described,
            "contentType": "application/json",
            "correlationId": {"$ref": "#/components/correlationIds/requestId"},
            "payload": frame_schema(frame_type, self._reference[payload], from_client=False),
            "examples": examples,
        }


def _name(reference: JsonObject) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _referred(schemas: object) -> Iterator[str]:
    if isinstance(schemas, dict):
        if "$ref" in schemas:
            yield _name(schemas)
        for one in schemas.values():
            yield from _referred(one)
    elif isinstance(schemas, list):
        for one in schemas:
            yield from _referred(one)


def _commands(name: str) -> list[JsonObject]:
    shown = EXAMPLES.get(name, ())
    return [{"summary": one.title, "payload": msgspec.json.decode(one.command)} for one in shown if one.command]


def _answers(name: str) -> list[JsonObject]:
    return [{"summary": one.title, "payload": msgspec.json.decode(one.answer)} for one in EXAMPLES.get(name, ())]


def reply_key(command: CommandSpec) -> str:
    """Return the name of a command's answer in the document; where the two share a type, it needs another (F19)."""
    return f"{command.reply}.reply" if command.reply in COMMANDS else command.reply
