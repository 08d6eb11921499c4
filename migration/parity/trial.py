"""One trial: the old way twice and the new way once, in random order; a mismatch counts if it is there again.

The two old answers say how much changes by itself while we look: a pair that differs is noise, and no verdict.
"""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bridge.client import RequestRefused
from bridge.comparison.answers import Answer
from bridge.comparison.differing import Difference, Verdict, compare
from bridge.comparison.old_way import OldWayFailed
from migration.parity.definition import Comparison, Sides

ATTEMPTS: Final = 3
TIMES: Final = 2
"""How often a mismatch has to be seen."""


class Ending(StrEnum):
    """What a trial came to."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    NOISE = "noise"
    """The old answers differed from each other, so often that there is no verdict."""
    OLD_FAILED = "old_failed"
    """The old way does not work for this person, so there is nothing to compare with."""


class Outcome(Struct, frozen=True, kw_only=True):
    """A trial's end, and how it came to it."""

    ending: Ending
    verdict: Verdict = Verdict()
    code: str | None = None
    """With what the old way failed, or the new one refused."""
    old_failed: str | None = None
    """With what the old way failed where nothing is excused and the new one answered."""
    pairs: int = 0
    """How many times the old way was asked twice."""
    unlike: int = 0
    """How many of these pairs differed."""


class _Asked(Struct, frozen=True):
    first: Answer
    second: Answer
    new: Answer | RequestRefused


async def tried(comparison: Comparison, sides: Sides, subject: str, chance: Random, *, strict: bool = False) -> Outcome:
    """Compare, and if the answers differ once more; `strict` excuses nothing.

    Raises:
        ClientError: the bridge is gone.
        Interrupted: the project is.

    """
    if strict:
        comparison = replace(comparison, declared=(), more_hints=None)
    pairs = unlike = 0
    seen: list[Outcome] = []

    def counted(one: Outcome) -> Outcome:
        return replace(one, pairs=pairs, unlike=unlike)

    while pairs < ATTEMPTS:
        try:
            asked = await _ask(comparison, sides, subject, chance)
            pairs += 1
            if not compare(asked.first, asked.second).is_match:
                unlike += 1
                continue
            seen.append(await _judged(comparison, sides, subject, asked))
        except OldWayFailed as error:
            if not strict:
                return counted(Outcome(ending=Ending.OLD_FAILED, code=str(error)))
            seen.append(await _judged_alone(comparison, sides, subject, error))
        if seen[-1].ending is Ending.MATCHED or len(seen) == TIMES:
            return counted(seen[-1])
    return counted(Outcome(ending=Ending.NOISE))


async def _judged(comparison: Comparison, sides: Sides, subject: str, asked: _Asked) -> Outcome:
    if isinstance(asked.new, RequestRefused):
        refusal = Verdict(differences=(Difference(key="", field="", where="old"),))
        return Outcome(ending=Ending.MISMATCHED, verdict=refusal, code=asked.new.code)
    verdict = compare(asked.first, asked.new, comparison.declared)
    if not verdict.is_match and comparison.more_hints is not None:
        more = await comparison.more_hints(sides, subject, asked.first)
        known = replace(asked.first, hints={**asked.first.hints, **more})
        verdict = compare(known, asked.new, comparison.declared)
    return Outcome(ending=Ending.MATCHED if verdict.is_match else Ending.MISMATCHED, verdict=verdict)


async def _judged_alone(comparison: Comparison, sides: Sides, subject: str, failure: OldWayFailed) -> Outcome:
    """Judge the new way beside an old one that fails: both have to."""
    if isinstance(await _new(comparison, sides, subject), RequestRefused):
        return Outcome(ending=Ending.MATCHED)
    alone = Verdict(differences=(Difference(key="", field="", where="new"),))
    return Outcome(ending=Ending.MISMATCHED, verdict=alone, old_failed=str(failure))


async def _ask(comparison: Comparison, sides: Sides, subject: str, chance: Random) -> _Asked:
    """Ask in random order, so that neither way is always the one that warms up the other."""
    turns = ["old", "old", "new"]
    chance.shuffle(turns)
    old: list[Answer] = []
    new: Answer | RequestRefused | None = None
    for turn in turns:
        if turn == "old":
            old.append(await comparison.old(sides, subject))
        else:
            new = await _new(comparison, sides, subject)
    if new is None:
        raise AssertionError("one of the turns is the new way's")
    return _Asked(old[0], old[1], new)


async def _new(comparison: Comparison, sides: Sides, subject: str) -> Answer | RequestRefused:
    try:
        return await comparison.new(sides, subject)
    except RequestRefused as error:
        return error
