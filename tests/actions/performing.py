"""Performing an action as somebody, without a connection."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from bridge.actions import ACTIONS
from bridge.actions.context import Caller
from bridge.errors import ActionError, Fault, StoreDown
from tests.parts import Parts
from tests.people import Person
from tests.receivers import Receiver


async def perform(parts: Parts, caller: Person | Caller, name: str, /, **payload: object) -> dict[str, Any]:
    """Perform an action with this payload and return the reply's; what has to follow the reply follows."""
    who = parts.caller(caller) if isinstance(caller, Person) else caller
    outcome = await ACTIONS[name].perform(Raw(json.dumps(payload).encode()), who, parts.context)
    printed: dict[str, Any] = json.loads(msgspec.json.encode(outcome.result))
    if outcome.then is not None:
        outcome.then()
    return printed


async def refusal(parts: Parts, caller: Person | Caller, name: str, /, **payload: object) -> Fault:
    """Return the fault under which an action is refused."""
    with pytest.raises(ActionError) as caught:
        await perform(parts, caller, name, **payload)
    return caught.value.fault


def contents(loaded: dict[str, Any]) -> list[str]:
    """Return the contents of a page."""
    return [message["encrypted_content"] for message in loaded["messages"]]


def told(fault: Fault) -> tuple[str, str]:
    """Return what a client hears of a refusal: code and text."""
    return fault.code.value, fault.text


def listening(parts: Parts, person: Person) -> Receiver:
    """Return a receiver of this person's pushes."""
    receiver = Receiver(person)
    parts.context.hub.attach(receiver)
    return receiver


def raise_down() -> None:
    """Lose the answer to what was done."""
    raise StoreDown("ReadTimeout")
