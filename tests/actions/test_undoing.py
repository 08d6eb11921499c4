"""What has been done is undone when something fails, and the failure itself is what counts."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.actions.undoing import undone_on_failure
from bridge.errors import ACCESS_DENIED, ActionError, StoreDown


class Undoing:
    """Counts how often it was done."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.times = 0
        self._failure = failure

    async def __call__(self) -> None:
        """Undo, or fail to."""
        self.times += 1
        if self._failure is not None:
            raise self._failure


async def test_what_succeeds_is_not_undone() -> None:
    """The usual case."""
    undo = Undoing()
    async with undone_on_failure("test", undo):
        pass
    assert undo.times == 0


@pytest.mark.parametrize("failure", [StoreDown(), ActionError(ACCESS_DENIED), asyncio.CancelledError(), KeyError()])
async def test_whatever_fails_is_undone_and_raised(failure: BaseException) -> None:
    """Once; being cancelled is a failure like any other."""
    undo = Undoing()
    with pytest.raises(type(failure)) as caught:
        async with undone_on_failure("test", undo):
            raise failure
    assert caught.value is failure
    assert undo.times == 1


async def test_that_undoing_failed_is_logged() -> None:
    """The client hears what failed first."""
    failure = ActionError(ACCESS_DENIED)
    with capture_logs() as logs, pytest.raises(ActionError) as caught:
        async with undone_on_failure("test", Undoing(StoreDown())):
            raise failure
    assert caught.value is failure
    assert [(line["event"], line["log_level"]) for line in logs] == [("undoing", "info"), ("undoing.failed", "error")]


async def test_an_undoing_that_is_cancelled_is_a_cancellation() -> None:
    """Whoever cancels twice must not wait; the log says what may have remained."""
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        async with undone_on_failure("test", Undoing(asyncio.CancelledError())):
            raise StoreDown
    assert logs[-1]["event"] == "undoing.interrupted"
