"""The plan's file, read again when it has changed. A wrong file changes nothing: the old plan stays in force."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Protocol

import structlog
from msgspec import Struct

from bridge.rollout.plan import Plan, PlanError, read_plan, revision_of

MAX_BYTES: Final = 16 * 1024 * 1024

log = structlog.get_logger(__name__)

_Sight = tuple[int, int, int, int]


class PlanInForce(Struct, frozen=True, kw_only=True):
    """A plan, and the name of the text that it was read from."""

    plan: Plan
    revision: str


def read_plan_file(path: Path) -> PlanInForce:
    """Read a plan.

    Raises:
        PlanError: the file cannot be read, or not be used.

    """
    text = read_text(path)
    return PlanInForce(plan=read_plan(text), revision=revision_of(text))


def read_text(path: Path) -> bytes:
    """Return what the file holds.

    Raises:
        PlanError: it cannot be read.

    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PlanError("The plan is no regular file.")
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PlanError(f"The plan cannot be read: {error.strerror or type(error).__name__}.") from None
    if len(text) > MAX_BYTES:
        raise PlanError(f"The plan is larger than {MAX_BYTES // 1024 // 1024} MiB.")
    return text


class PlanSource(Protocol):
    """Where the plan in force comes from."""

    @property
    def current(self) -> PlanInForce:
        """Return the plan in force."""
        ...

    @property
    def error(self) -> str | None:
        """Return why what is written there now is not in force; one sentence."""
        ...

    def look(self) -> bool:
        """Look again; tell whether another plan is in force."""
        ...


class PlanFile:
    """The plan in force, and what is wrong with the file, if anything is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = _sight(path)
        self._settled = self._seen
        self.error: str | None = None
        """One sentence: why the file as it is now is not in force."""
        self.current = read_plan_file(path)
        self._is_news = False

    def hold(self, plan: Plan, why: str) -> None:
        """Put a plan in force that could not be written into the file, until that changes; `why` is shown meanwhile."""
        self.current = PlanInForce(plan=plan, revision=f"{self.current.revision}-held")
        self.error = why
        self._is_news = True

    def look(self) -> bool:
        """Read the file again if it has changed and holds still; tell whether another plan is in force.

        An editor may write it piece by piece, and half a plan can be a valid one: so a change counts when the file
        looks the same at two looks.
        """
        is_news, self._is_news = self._is_news, False
        seen = _sight(self.path)
        is_still, self._seen = seen == self._seen, seen
        if not is_still or seen == self._settled:
            return is_news
        self._settled = seen
        return self._take() or is_news

    def _take(self) -> bool:
        try:
            found = read_plan_file(self.path)
        except PlanError as error:
            self.error = str(error)
            log.error("rollout.plan_refused", error=self.error, in_force=self.current.revision)  # noqa: TRY400  # it says all
            return False
        self.error = None
        if found.revision == self.current.revision:
            return False
        log.warning(
            "rollout.plan_changed",
            before=self.current.plan.place,
            now=found.plan.place,
            kill_switch=found.plan.kill_switch,
            revision=found.revision,
        )
        self.current = found
        return True


def _sight(path: Path) -> _Sight | None:
    """Return what tells one state of a file from another; None if it is not there."""
    try:
        found = path.stat()
    except OSError:  # quiet: reading it says why
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe without a writer would wait for ever
