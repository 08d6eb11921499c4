"""Who takes which way: cohorts that stick and are even, lists, versions, the kill switch."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ids import fresh_id
from bridge.models import UserId
from bridge.paths import Path, Reason, Stage
from bridge.rollout.deciding import PLACES, Person, decide, is_within, place_of
from tests.plans import SALT, plan_of

ids = st.uuids().map(lambda one: UserId(str(one)))
percentages = st.integers(0, PLACES).map(lambda one: one * 100 / PLACES)
SOMEBODY = UserId("aaaaaaaa-0000-4000-8000-000000000002")


def person(user_id: UserId = SOMEBODY, client: str = "web", version: str = "2.4.0") -> Person:
    """Return somebody with a client."""
    return Person(user_id=user_id, client=client, version=version)


@given(ids, percentages, percentages)
def test_raising_the_percentage_moves_nobody_out(user_id: UserId, one: float, other: float) -> None:
    """And lowering it moves nobody in."""
    low, high = sorted((one, other))
    if is_within(user_id, SALT, low):
        assert is_within(user_id, SALT, high)
    assert not is_within(user_id, SALT, 0)
    assert is_within(user_id, SALT, 100)


@given(ids, st.text(max_size=20))
def test_a_place_is_one_of_ten_thousand_and_stays(user_id: UserId, salt: str) -> None:
    """Whenever and wherever it is asked for."""
    assert 0 <= place_of(user_id, salt) < PLACES
    assert place_of(user_id, salt) == place_of(user_id, salt)


def test_a_place_is_the_same_in_every_release() -> None:
    """Another function would move everybody in the middle of somebody's rollout."""
    assert [place_of(UserId(one), SALT) for one in (SOMEBODY, "x", "")] == [8344, 9531, 1833]


@pytest.mark.parametrize("salt", ["autumn", "spring"])
def test_places_are_even(salt: str) -> None:
    """Of 20 000 ids that differ little, each twentieth of the range holds about a thousand: chi squared, p = 0.0001."""
    number = 20_000
    counts = [0] * 20
    for one in range(number):
        counts[place_of(UserId(f"aaaaaaaa-0000-4000-8000-{one:012}"), salt) * 20 // PLACES] += 1
    expected = number / 20
    assert sum((count - expected) ** 2 / expected for count in counts) < 50.8


def test_another_salt_is_another_cohort() -> None:
    """The first one per cent of one rollout are not the first of the next."""
    people = [UserId(f"{one}") for one in range(20_000)]
    first = {one for one in people if is_within(one, "autumn", 10)}
    second = {one for one in people if is_within(one, "spring", 10)}
    assert len(first & second) < 300  # 200 by chance


@pytest.mark.parametrize(
    ("stage", "fields", "path", "reason"),
    [
        (Stage.OFF, {}, Path.LEGACY, Reason.STAGE),
        (Stage.OFF, {"allow": {SOMEBODY}}, Path.LEGACY, Reason.STAGE),
        (Stage.SHADOW, {"allow": {SOMEBODY}}, Path.LEGACY, Reason.STAGE),
        (Stage.CANARY, {}, Path.LEGACY, Reason.STAGE),
        (Stage.CANARY, {"percentage": 100.0}, Path.LEGACY, Reason.STAGE),
        (Stage.CANARY, {"allow": {SOMEBODY}}, Path.BRIDGE, Reason.ALLOWED),
        (Stage.CANARY, {"allow": {SOMEBODY}, "deny": {SOMEBODY}}, Path.LEGACY, Reason.DENIED),
        (Stage.RAMP, {"percentage": 100.0}, Path.BRIDGE, Reason.COHORT),
        (Stage.RAMP, {"percentage": 0.01}, Path.LEGACY, Reason.COHORT),
        (Stage.RAMP, {"percentage": 0.01, "allow": {SOMEBODY}}, Path.BRIDGE, Reason.ALLOWED),
        (Stage.RAMP, {"percentage": 100.0, "deny": {SOMEBODY}}, Path.LEGACY, Reason.DENIED),
        (Stage.FULL, {}, Path.BRIDGE, Reason.STAGE),
        (Stage.FULL, {"deny": {SOMEBODY}}, Path.LEGACY, Reason.DENIED),
        (Stage.FULL, {"minimum_versions": {"web": "2.4.0"}}, Path.BRIDGE, Reason.STAGE),
        (Stage.FULL, {"minimum_versions": {"web": "2.5"}}, Path.LEGACY, Reason.CLIENT_TOO_OLD),
        (Stage.FULL, {"minimum_versions": {"*": "2.5"}}, Path.LEGACY, Reason.CLIENT_TOO_OLD),
        (Stage.FULL, {"minimum_versions": {"*": "2.5", "web": "2.0"}}, Path.BRIDGE, Reason.STAGE),
        (Stage.FULL, {"minimum_versions": {"ios": "9"}}, Path.BRIDGE, Reason.STAGE),
        (Stage.CANARY, {"minimum_versions": {"web": "3"}, "allow": {SOMEBODY}}, Path.LEGACY, Reason.CLIENT_TOO_OLD),
        (Stage.RETIRED, {"deny": {SOMEBODY}}, Path.BRIDGE, Reason.STAGE),
        (Stage.RETIRED, {"minimum_versions": {"web": "3"}}, Path.BRIDGE, Reason.STAGE),
    ],
)
def test_what_decides(stage: Stage, fields: Mapping[str, object], path: Path, reason: Reason) -> None:
    """Stage by stage; what stands first in docs/rollout.md counts."""
    decision = decide(plan_of(stage, **fields), person())
    assert (decision.path, decision.reason, decision.stage) == (path, reason, stage)


@pytest.mark.parametrize("stage", [one for one in Stage if one is not Stage.RETIRED])
def test_the_kill_switch_is_above_everything(stage: Stage) -> None:
    """The allow list included."""
    decision = decide(plan_of(stage, kill_switch=True, percentage=100.0, allow={SOMEBODY}), person())
    assert (decision.path, decision.reason) == (Path.LEGACY, Reason.KILL_SWITCH)


def test_whoever_is_in_stays_in_until_the_legacy_path_is_gone() -> None:
    """From stage to stage, for somebody on no list."""
    places = [(Stage.RAMP, 1.0), (Stage.RAMP, 5.0), (Stage.RAMP, 50.0), (Stage.FULL, 0.0), (Stage.RETIRED, 0.0)]
    for _ in range(300):
        someone = person(UserId(fresh_id()))
        paths = [decide(plan_of(stage, percentage=percentage), someone).path for stage, percentage in places]
        assert paths == sorted(paths, key=[Path.LEGACY, Path.BRIDGE].index)
