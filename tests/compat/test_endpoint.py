"""Doing an action for an old endpoint."""

from __future__ import annotations

from typing import cast

import pytest
from msgspec import Struct

from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Action, Faults, action
from bridge.errors import INTERNAL_ERROR
from compat.endpoint import perform
from tests.parts import Parts
from tests.people import B


class Nothing(Struct, frozen=True):
    """Request of an action of these tests."""


class Something(Struct, frozen=True):
    """Result of an action of these tests."""


def returning(result: object, told: list[str]) -> Action[Nothing]:
    """Return an action that returns this, and has something to tell."""
    faults = Faults(unauthenticated=INTERNAL_ERROR, malformed=INTERNAL_ERROR, database=INTERNAL_ERROR)

    @action("nothing", Nothing, reply="something", result=Something, faults=faults)
    async def act(request: Nothing, caller: Caller, context: Context) -> Outcome:
        return Outcome(result=result, then=lambda: told.append("told"))

    return act


async def test_whom_it_concerns_is_told() -> None:
    """Before the answer: there is no socket on which one could overtake the other."""
    parts, told = Parts(), cast("list[str]", [])
    done = await perform(returning(Something(), told), Nothing(), parts.caller(B), parts.context, Something)
    assert done == Something()
    assert told == ["told"]


async def test_a_result_of_another_kind_is_a_fault_of_ours() -> None:
    """What was done is told all the same."""
    parts, told = Parts(), cast("list[str]", [])
    with pytest.raises(TypeError, match="nothing returned no Something"):
        await perform(returning(Nothing(), told), Nothing(), parts.caller(B), parts.context, Something)
    assert told == ["told"]
