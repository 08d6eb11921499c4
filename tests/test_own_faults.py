"""What counts as the server's own fault, and what any client could bring about."""

from __future__ import annotations

import pytest

from bridge.actions.people_meant import ADD_FAILED, NobodyMeant, NotLookedUp
from bridge.errors import (
    ACCESS_DENIED,
    AUTH_FAILED,
    INTERNAL_ERROR,
    SERVER_CONFIG,
    ActionError,
    StoreDown,
    StoreError,
    StoreRefused,
    StoreUnreadable,
)
from bridge.own_faults import is_own_fault


def caused_by(error: Exception, cause: Exception) -> Exception:
    """Return an error as it is after `raise … from`."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        StoreDown(),
        StoreUnreadable(),
        StoreRefused("42501"),
        StoreRefused("42703"),
        StoreRefused("57014"),
        StoreRefused(""),
        ActionError(INTERNAL_ERROR),
        ActionError(AUTH_FAILED),
        caused_by(ActionError(ADD_FAILED), StoreDown()),
        caused_by(NotLookedUp(ADD_FAILED), StoreRefused("42501")),
        RuntimeError("a defect"),
    ],
    ids=repr,
)
def test_what_fails_behind_a_client_is_our_own(error: Exception) -> None:
    """Tables that do not answer, a right that is missing, a defect."""
    assert is_own_fault(error)


@pytest.mark.parametrize(
    "error",
    [
        StoreRefused("23503"),
        StoreRefused("22P02"),
        ActionError(ACCESS_DENIED),
        ActionError(SERVER_CONFIG),
        ActionError(ADD_FAILED),
        NotLookedUp(ADD_FAILED),
        NobodyMeant(["x"]),
        caused_by(ActionError(ADD_FAILED), StoreRefused("23503")),
    ],
    ids=repr,
)
def test_what_a_client_can_bring_about_is_not(error: Exception) -> None:
    """Values that the database refuses, ids of nobody, tokens of a kind that is not used here."""
    assert not is_own_fault(error)


def test_every_failure_of_the_tables_is_judged() -> None:
    """None of them is a client's but a refusal."""
    assert all(is_own_fault(kind()) for kind in StoreError.__subclasses__() if kind is not StoreRefused)
