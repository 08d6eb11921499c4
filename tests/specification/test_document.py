"""The document names every command and every push, with schemas that are schemas and words for client authors."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from bridge import __version__
from bridge.__main__ import main
from bridge.actions import ACTIONS
from bridge.capabilities import Capability
from bridge.errors import CloseCode, ErrorCode
from bridge.protocol import LISTED_TYPES
from bridge.pushes import PUSHES
from bridge.specification import encoded
from bridge.specification.commands import AUTH, COMMANDS, PING
from bridge.specification.messages import PUSHES_BY_NAME, Shapes
from tests.specified import DOCUMENT, MESSAGES, answers_of, check_schema, resolved

ROOT = Path(__file__).parents[2]
OPERATIONS = DOCUMENT["operations"]
SCHEMAS = DOCUMENT["components"]["schemas"]
HOUSE_WORDS = re.compile(r"\bcontract\b|\bF\d+\b|\bdecisions? \d|\bW[123]\b|\bDB-\d|\bsupabase\.md|\bruntime\.md")


def messages_of(part: Any) -> list[str]:
    """Return the names of the messages that an operation or a reply lists."""
    return [str(one["$ref"]).removeprefix("#/channels/socket/messages/") for one in part["messages"]]


def texts(part: Any) -> Iterator[str]:
    """Yield every text that is written for people."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in {"description", "summary", "title", "when", "advice"} and isinstance(value, str):
                yield value
            elif name != "examples":
                yield from texts(value)
    elif isinstance(part, list):
        for one in part:
            yield from texts(one)


def test_it_is_asyncapi_3_of_this_version() -> None:
    """The package's version is written down once."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["version"] == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"] == {"path": "bridge/__init__.py"}


@pytest.mark.parametrize("name", [*ACTIONS, "auth", "ping"])
def test_every_command_is_received_and_answered(name: str) -> None:
    """By its own type, or by an error where it has any."""
    operation = OPERATIONS[name]
    assert operation["action"] == "receive"
    assert messages_of(operation) == [name]
    assert messages_of(operation["reply"]) == [answers_of(name), *(["error"] if COMMANDS[name].errors else [])]
    assert MESSAGES[answers_of(name)]["name"] == COMMANDS[name].reply
    listed = [(one["code"], one["text"]) for one in operation["x-errors"]]
    assert listed == [(fault.code.value, fault.text) for fault in COMMANDS[name].errors]


@pytest.mark.parametrize("name", PUSHES_BY_NAME)
def test_every_push_is_sent(name: str) -> None:
    """With the capability that a client has to ask for."""
    assert OPERATIONS[name]["action"] == "send"
    assert messages_of(OPERATIONS[name]) == [name]
    capability = PUSHES_BY_NAME[name].capability
    for part in (OPERATIONS[name], MESSAGES[name]):
        assert part.get("x-capability") == (capability.value if capability else None)


def test_there_is_nothing_else() -> None:
    """Of one channel, and of types that make a valid envelope."""
    assert set(OPERATIONS) == {*ACTIONS, "auth", "ping", *(one.name for one in PUSHES.values()), "error"}
    assert len(PUSHES_BY_NAME) == len(PUSHES)
    assert not COMMANDS.keys() & PUSHES_BY_NAME.keys()
    assert set(DOCUMENT["channels"]["socket"]["messages"]) == set(MESSAGES)
    assert {message["name"] for message in MESSAGES.values()} <= LISTED_TYPES


@pytest.mark.parametrize("capability", Capability)
def test_every_capability_brings_something(capability: Capability) -> None:
    """And says what."""
    brought = DOCUMENT["x-capabilities"][capability.value]
    assert brought == [one.name for one in PUSHES.values() if one.capability is capability]
    assert brought or capability is Capability.RESUME  # which keeps pushes away that come back otherwise


def test_every_code_is_explained() -> None:
    """When it comes and what to do, each a sentence."""
    assert [one["code"] for one in DOCUMENT["x-error-codes"]] == [*ErrorCode]
    assert [one["code"] for one in DOCUMENT["x-close-codes"]] == [*CloseCode]
    for one in (*DOCUMENT["x-error-codes"], *DOCUMENT["x-close-codes"]):
        assert all(re.fullmatch(r"[A-Z`].*\.", one[part], re.DOTALL) for part in ("when", "advice")), one


@pytest.mark.parametrize("name", MESSAGES)
def test_every_schema_is_a_schema(name: str) -> None:
    """Of JSON Schema draft 7, and says `type` and all four fields of the envelope."""
    schema = resolved(MESSAGES[name]["payload"], closed=False)
    check_schema(schema)
    assert set(schema["required"]) == {"type", "payload", "requestId", "timestamp"}
    assert schema["properties"]["type"]["const"] == MESSAGES[name]["name"]
    assert schema["properties"]["payload"]["type"] == "object"


def test_every_schema_is_used_and_has_a_short_name() -> None:
    """Two types with one name would be called by their modules."""
    text = json.dumps(DOCUMENT)
    assert all(f'"#/components/schemas/{name}"' in text for name in SCHEMAS)
    assert not [name for name in SCHEMAS if "." in name]


def test_nothing_is_said_that_only_this_house_understands() -> None:
    """Docstrings are written for client authors; what only we can look up is left out."""
    assert [text for text in texts(DOCUMENT) if HOUSE_WORDS.search(text)] == []


def test_what_the_handler_asks_for_is_required() -> None:
    """Not only what the decoder does."""
    assert SCHEMAS["SendMessage"]["required"] == ["conversationId"]
    assert "x-required" not in json.dumps(SCHEMAS)


def test_clients_may_leave_the_request_id_null_and_the_bridge_may_not() -> None:
    """Some clients drop a frame without one (contract F15)."""
    fields = {name: MESSAGES[name]["payload"]["properties"]["requestId"]["type"] for name in ("ping", "pong")}
    assert fields == {"ping": ["string", "null"], "pong": "string"}


class Other(Struct):
    """Another payload."""

    number: int


def test_two_frames_of_one_name_are_refused() -> None:
    """Whoever reads the document could not tell them apart."""
    twin = replace(PING, name="other", result=Other)
    with pytest.raises(ValueError, match="pong stands for two different frames"):
        Shapes([PING, twin], [])
    both = Shapes([PING, replace(PING, name="other")], []).messages
    assert both["pong"] == Shapes([PING], []).messages["pong"]
    assert set(Shapes([AUTH], []).messages) == {"auth", "auth_success", "error"}


def test_the_program_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Without settings: it is the same for every bridge of a version."""
    assert main(["asyncapi"]) == 0
    assert capsys.readouterr().out == encoded().decode() + "\n"
