"""A trial: what is noise, what is a mismatch, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import cast

import pytest

from bridge.client import RequestRefused, WireClient
from bridge.clock import FakeClock
from bridge.comparison.answers import Answer, Declared
from bridge.comparison.old_way import OldWayFailed
from migration.parity.control import Control, Person
from migration.parity.definition import Comparison, Sides
from migration.parity.trial import ATTEMPTS, TIMES, Ending, Outcome, tried

# Neither way is asked anything here: the comparisons of these tests know their answers.
SIDES = Sides(
    person=Person(user_id="u", auth_id="a", token=""),
    control=cast("Control", None),
    candidate=cast("WireClient", None),
    clock=FakeClock(),
)

Told = Sequence[int | Exception]


class Ways:
    """Two ways whose answers are known in advance; the last one is given again and again."""

    def __init__(self, old: Told, new: Told) -> None:
        self.asked: list[str] = []
        self._told = {"old": old, "new": new}

    def _next(self, way: str) -> Answer:
        told = self._told[way]
        answer = told[min(self.asked.count(way), len(told) - 1)]
        self.asked.append(way)
        if isinstance(answer, Exception):
            raise answer
        return Answer(rows={"a": {"x": answer}})

    async def old(self, sides: Sides, subject: str) -> Answer:
        """Answer the old way."""
        return self._next("old")

    async def new(self, sides: Sides, subject: str) -> Answer:
        """Answer the new way."""
        return self._next("new")

    async def tried(self, *declared: Declared, seed: int = 1, strict: bool = False) -> Outcome:
        """Try them."""
        comparison = Comparison(name="try", control="", old=self.old, new=self.new, declared=declared)
        return await tried(comparison, SIDES, "", Random(seed), strict=strict)


async def test_answers_that_agree_match_at_once() -> None:
    """Three questions: the old way twice, the new way once."""
    ways = Ways([1], [1])
    outcome = await ways.tried()
    assert (outcome.ending, outcome.pairs, outcome.unlike) == (Ending.MATCHED, 1, 0)
    assert sorted(ways.asked) == ["new", "old", "old"]


async def test_a_difference_has_to_be_there_again() -> None:
    """What was written in between is none."""
    lasting = await Ways([1], [2]).tried()
    assert (lasting.ending, lasting.pairs) == (Ending.MISMATCHED, TIMES)
    assert [one.field for one in lasting.verdict.differences] == ["x"]
    passing = await Ways([1], [2, 1]).tried()
    assert (passing.ending, passing.verdict.differences) == (Ending.MATCHED, ())


async def test_old_answers_that_differ_are_noise() -> None:
    """Then nothing is said about the new one."""
    outcome = await Ways([1, 2, 3, 4, 5, 6], [9]).tried()
    assert (outcome.ending, outcome.pairs, outcome.unlike) == (Ending.NOISE, ATTEMPTS, ATTEMPTS)
    settled = await Ways([1, 2, 3], [3]).tried()
    assert (settled.ending, settled.unlike) == (Ending.MATCHED, 1)
    unsure = await Ways([1, 1, 2, 3, 4, 5], [9]).tried()
    assert (unsure.ending, unsure.pairs, unsure.unlike) == (Ending.NOISE, ATTEMPTS, 2)


async def test_an_old_way_that_fails_leaves_nothing_to_compare() -> None:
    """Its code is told."""
    outcome = await Ways([OldWayFailed("42703")], [1]).tried()
    assert (outcome.ending, outcome.code) == (Ending.OLD_FAILED, "42703")


async def test_a_refusal_is_a_mismatch() -> None:
    """If the old way answers; the code is told."""
    outcome = await Ways([1], [RequestRefused("ACCESS_DENIED", "Access denied")]).tried()
    assert (outcome.ending, outcome.code) == (Ending.MISMATCHED, "ACCESS_DENIED")


async def test_what_is_declared_matches() -> None:
    """And is named."""
    declared = Declared(name="larger", why="For tests.", covers=lambda place: place.values == (1, 2))
    outcome = await Ways([1], [2]).tried(declared)
    assert (outcome.ending, outcome.verdict.declared) == (Ending.MATCHED, ("larger",))


async def test_the_order_is_a_matter_of_chance() -> None:
    """The same for the same seed."""
    orders = []
    for seed in (*range(20), 0):
        ways = Ways([1], [1])
        await ways.tried(seed=seed)
        orders.append("".join(ways.asked))
    assert len(set(orders)) == 3
    assert orders[0] == orders[-1]


async def test_a_bridge_that_is_gone_ends_the_trial() -> None:
    """It is no answer."""
    with pytest.raises(ConnectionError):
        await Ways([1], [ConnectionError()]).tried()


async def test_strictly_nothing_is_excused() -> None:
    """What is declared counts, and so does an old way that fails where the new one answers."""
    declared = Declared(name="larger", why="For tests.", covers=lambda place: place.values == (1, 2))
    outcome = await Ways([1], [2]).tried(declared, strict=True)
    assert (outcome.ending, outcome.verdict.declared) == (Ending.MISMATCHED, ())
    alone = await Ways([OldWayFailed("403")], [1]).tried(strict=True)
    assert (alone.ending, alone.old_failed, alone.code) == (Ending.MISMATCHED, "403", None)
    passing = await Ways([OldWayFailed("503"), 1], [1]).tried(strict=True)
    assert passing.ending is Ending.MATCHED
    refused = RequestRefused("ACCESS_DENIED", "Access denied")
    assert (await Ways([OldWayFailed("403")], [refused]).tried(strict=True)).ending is Ending.MATCHED
