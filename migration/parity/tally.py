"""What came of all trials: rates by action, and the last mismatches with ids and names of fields, never contents."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from bridge.comparison.differing import Difference
from migration.findings import FORMAT, Exit
from migration.parity import OldSide
from migration.parity.trial import Ending, Outcome

DIFFERENCES_SHOWN: Final = 20


class Mismatch(Struct, frozen=True, kw_only=True):
    """One trial in which the ways disagreed, twice."""

    action: str
    user_id: str
    conversation_id: str | None
    refused: str | None
    """The code with which the new way refused what the old one answered."""
    old_failed: str | None = None
    """The code with which the old way failed where the new one answered; counts in a strict run only."""
    differences: tuple[Difference, ...]
    more: int
    """How many differences are not shown."""


class Rates(Struct, kw_only=True):
    """What came of one action."""

    action: str
    trials: int = 0
    matched: int = 0
    mismatched: int = 0
    noise: int = 0
    old_failed: int = 0
    pairs: int = 0
    unlike: int = 0
    failures: dict[str, int] = {}
    """How often the old way failed, by code."""
    declared: dict[str, int] = {}
    """In how many trials each declared difference was seen."""
    consistency: float | None = None
    """The share of trials with a verdict that matched; None: there was none."""
    control_noise: float | None = None
    """The share of pairs of old answers that differed from each other."""

    def add(self, outcome: Outcome) -> None:
        """Take in a trial."""
        self.trials += 1
        self.matched += outcome.ending is Ending.MATCHED
        self.mismatched += outcome.ending is Ending.MISMATCHED
        self.noise += outcome.ending is Ending.NOISE
        self.old_failed += outcome.ending is Ending.OLD_FAILED
        self.pairs += outcome.pairs
        self.unlike += outcome.unlike
        if outcome.ending is Ending.OLD_FAILED:
            self.failures[outcome.code or ""] = self.failures.get(outcome.code or "", 0) + 1
        for name in outcome.verdict.declared:
            self.declared[name] = self.declared.get(name, 0) + 1
        judged = self.matched + self.mismatched
        self.consistency = self.matched / judged if judged else None
        self.control_noise = self.unlike / self.pairs if self.pairs else None


class ParityReport(Struct, frozen=True, kw_only=True):
    """Everything that a run found out."""

    command: str = "parity"
    format: int = FORMAT
    subject: str
    old: OldSide = OldSide.POSTGREST
    old_server: str | None = None
    """The host of the app's own endpoints, where they are the old way."""
    is_strict: bool = False
    """Whether nothing was excused."""
    bridge: str
    as_of: datetime
    ended_at: datetime
    people: int
    """How many were compared."""
    everybody: int
    """How many can sign in."""
    seconds: float
    people_per_second: float
    actions: tuple[Rates, ...]
    mismatches: tuple[Mismatch, ...]
    """The last ones."""

    @property
    def exit(self) -> Exit:
        """Return the exit status: FOUND for a mismatch, INCOMPLETE where an action was never compared."""
        if any(one.mismatched for one in self.actions):
            return Exit.FOUND
        return Exit.INCOMPLETE if any(one.consistency is None for one in self.actions) else Exit.CLEAN


class Tally:
    """Counts as the trials end."""

    def __init__(self, actions: Sequence[str], keep: int) -> None:
        self._rates = {action: Rates(action=action, failures={}, declared={}) for action in actions}
        self._mismatches: deque[Mismatch] = deque(maxlen=keep)

    def add(self, action: str, user_id: str, subject: str, outcome: Outcome) -> None:
        """Take in a trial."""
        self._rates[action].add(outcome)
        if outcome.ending is Ending.MISMATCHED:
            found = outcome.verdict.differences
            self._mismatches.append(
                Mismatch(
                    action=action,
                    user_id=user_id,
                    conversation_id=subject or None,
                    refused=outcome.code,
                    old_failed=outcome.old_failed,
                    differences=found[:DIFFERENCES_SHOWN],
                    more=max(0, len(found) - DIFFERENCES_SHOWN),
                )
            )

    @property
    def rates(self) -> Mapping[str, Rates]:
        """What came of each action so far."""
        return self._rates

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """The last mismatches."""
        return tuple(self._mismatches)

    @property
    def consistency(self) -> float | None:
        """The share of all trials with a verdict that matched."""
        matched = sum(one.matched for one in self._rates.values())
        judged = matched + sum(one.mismatched for one in self._rates.values())
        return matched / judged if judged else None
