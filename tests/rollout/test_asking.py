"""The question goes through the OpenFeature SDK; the plan counts where a team's own provider says nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from openfeature.event import ProviderEvent

from bridge.errors import ConfigError
from bridge.models import UserId
from bridge.paths import Decision, Path, Reason, Stage
from bridge.rollout import asking
from bridge.rollout.asking import Rollout
from bridge.rollout.deciding import Person
from bridge.rollout.plan import Plan
from tests.plans import HeldPlan, plan_of
from tests.rollout.providers import Broken, OwnProvider, Slow, Unhashable

PERSON = Person(user_id=UserId("aaaaaaaa-0000-4000-8000-000000000002"), client="web", version="2.4.0")


@asynccontextmanager
async def started(plan: Plan | None, own: OwnProvider | None = None) -> AsyncIterator[Rollout]:
    """Run a rollout."""
    rollout = Rollout(HeldPlan(plan) if plan else None, own)
    await rollout.start()
    yield rollout
    rollout.stop()
    rollout.stop()  # a second time is fine


def decision(path: Path, reason: Reason, stage: Stage | None) -> Decision:
    """Return a decision."""
    return Decision(path=path, reason=reason, stage=stage)


async def test_the_plan_decides() -> None:
    """With what decided, and the stage."""
    async with started(plan_of(Stage.RAMP, percentage=100.0)) as rollout:
        assert rollout.is_governed
        assert await rollout.decide(PERSON) == decision(Path.BRIDGE, Reason.COHORT, Stage.RAMP)


async def test_another_plan_decides_from_the_next_question_on() -> None:
    """The provider asks the source each time."""
    async with started(plan_of(Stage.FULL)) as rollout:
        source = rollout.source
        assert isinstance(source, HeldPlan)
        source.replace(plan_of(Stage.OFF))
        assert [rollout.look(), rollout.look()] == [True, False]
        assert (await rollout.decide(PERSON)).path is Path.LEGACY


async def test_two_rollouts_in_one_process_do_not_meet() -> None:
    """The SDK keeps providers for the whole process."""
    async with started(plan_of(Stage.FULL)) as one, started(plan_of(Stage.OFF)) as other:
        assert [(await each.decide(PERSON)).path for each in (one, other)] == [Path.BRIDGE, Path.LEGACY]


async def test_without_plan_and_provider_everybody_is_served() -> None:
    """As before there was a rollout."""
    async with started(None) as rollout:
        assert not rollout.is_governed
        assert not rollout.look()
        assert await rollout.decide(PERSON) == decision(Path.BRIDGE, Reason.STAGE, None)


async def test_a_provider_of_the_teams_own_is_asked_about_the_user_and_the_client() -> None:
    """By users.id, never by the id of the login."""
    own = OwnProvider("legacy")
    async with started(plan_of(Stage.FULL), own) as rollout:
        assert rollout.has_own_provider
        assert await rollout.decide(PERSON) == decision(Path.LEGACY, Reason.PROVIDER, Stage.FULL)
    [asked] = own.asked
    assert asked.targeting_key == PERSON.user_id
    assert asked.attributes == {"client_name": "web", "client_version": "2.4.0"}


async def test_the_kill_switch_is_above_the_provider() -> None:
    """Which is not even asked."""
    own = OwnProvider()
    async with started(plan_of(Stage.FULL, kill_switch=True), own) as rollout:
        assert await rollout.decide(PERSON) == decision(Path.LEGACY, Reason.KILL_SWITCH, Stage.FULL)
    assert own.asked == []


@pytest.mark.parametrize("answer", [ZeroDivisionError(), "sideways", 5, None])
@pytest.mark.parametrize(
    ("plan", "path"), [(plan_of(Stage.FULL), Path.BRIDGE), (plan_of(Stage.OFF), Path.LEGACY), (None, Path.LEGACY)]
)
async def test_where_the_provider_has_no_answer_the_plan_counts(answer: object, plan: Plan | None, path: Path) -> None:
    """Without one, the path that was there before."""
    async with started(plan, OwnProvider(answer)) as rollout:
        assert await rollout.decide(PERSON) == decision(path, Reason.FALLBACK, plan.stage if plan else None)


async def test_a_provider_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An `auth` is answered all the same."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.01)
    own = OwnProvider()
    own.blocked.clear()
    async with started(plan_of(Stage.FULL), own) as rollout:
        assert (await rollout.decide(PERSON)).reason is Reason.FALLBACK


async def test_a_question_can_be_given_up() -> None:
    """A socket that ends meanwhile does not wait for the answer."""
    own = OwnProvider()
    own.blocked.clear()
    async with started(plan_of(Stage.FULL), own) as rollout:
        question = asyncio.create_task(rollout.decide(PERSON))
        await asyncio.sleep(0)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question


async def test_a_provider_that_changes_its_mind_is_asked_again() -> None:
    """It says so in a thread of the SDK."""
    own = OwnProvider("bridge")
    async with started(None, own) as rollout:
        assert not rollout.look()
        heard = threading.Event()
        rollout._client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda _: heard.set())
        own.change_its_mind("legacy")
        assert heard.wait(30)
        assert [rollout.look(), rollout.look()] == [True, False]
        assert (await rollout.decide(PERSON)).path is Path.LEGACY


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Broken, "names a provider that fails to get ready."),
        (Slow, "names a provider that does not get ready."),
        (Unhashable, "names a provider that the SDK does not take."),
    ],
)
async def test_a_provider_that_does_not_get_ready_is_one_sentence(
    make: Callable[[], OwnProvider], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program ends with it."""
    monkeypatch.setattr(asking, "START_SECONDS", 0.2 if make is Slow else 20)
    rollout = Rollout(None, make())
    with pytest.raises(ConfigError) as refused:
        await rollout.start()
    assert str(refused.value) == f"BRIDGE_ROLLOUT_PROVIDER {sentence}"
