"""Connections are held to the rollout: told, closed with the code that says where to go, or let be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.dial import ASK_AGAIN_SECONDS, Dial
from bridge.errors import CloseCode
from bridge.paths import Stage
from bridge.rollout.asking import Rollout
from bridge.rollout.plan import Plan
from tests.governed import governed
from tests.people import A, B, Person
from tests.plans import HeldPlan, plan_of
from tests.rollout.providers import OwnProvider
from tests.world import Client, World, world

KNOWS = frozenset({"rollout_changed"})


@asynccontextmanager
async def scene(plan: Plan) -> AsyncIterator[tuple[World, HeldPlan]]:
    """Return a world with a plan."""
    async with world() as w, governed(w, plan) as held:
        yield w, held


async def come(w: World, person: Person, *capabilities: str, version: str = "2.4.0") -> tuple[Client, object]:
    """Let somebody authenticate; return what auth_success says of the rollout."""
    client = w.client()
    client.also = KNOWS
    token = w.mint.hs256(person.auth_id)
    reply = await client.ask(
        "auth", token=token, capabilities=[*capabilities], client={"name": "web", "version": version}
    )
    assert reply.type == "auth_success"
    return client, reply.payload.get("rollout", "nothing")


async def closed(client: Client) -> CloseCode:
    """Return the code that a connection ends with."""
    await client.settle()
    return (await client.disconnected()).code


def told(client: Client) -> list[dict[str, object]]:
    """Return what a client was told after it came."""
    return [frame.payload for frame in client.frames if frame.type == "rollout_changed"]


async def test_without_a_plan_nobody_is_told_anything() -> None:
    """Not even a client that asks."""
    async with world() as w:
        client, said = await come(w, B, "rollout")
        await w.dial.look()
        assert said == "nothing"
        assert not client.outbox.is_closing


async def test_who_asks_is_told_in_auth_success_and_others_are_not() -> None:
    """Old clients get what they always got."""
    async with scene(plan_of(Stage.FULL)) as (w, _):
        _, said = await come(w, A, "rollout")
        _, to_others = await come(w, B)
        assert said == {"path": "bridge", "reason": "stage", "stage": "full"}
        assert to_others == "nothing"


async def test_the_kill_switch_sends_everybody_away_at_once() -> None:
    """Who understands it is told first."""
    async with scene(plan_of(Stage.FULL)) as (w, plan):
        aware, _ = await come(w, A, "rollout")
        unaware, _ = await come(w, B)
        plan.replace(plan_of(Stage.FULL, kill_switch=True))
        await w.dial.look()
        assert [await closed(aware), await closed(unaware)] == [CloseCode.LEGACY_PATH] * 2
        assert told(aware) == [{"path": "legacy", "reason": "kill_switch", "stage": "full"}]
        assert told(unaware) == []


async def test_a_step_back_concerns_only_who_came_last() -> None:
    """The allow list stays."""
    async with scene(plan_of(Stage.FULL)) as (w, plan):
        stays, _ = await come(w, A, "rollout")
        goes, _ = await come(w, B, "rollout")
        plan.replace(plan_of(Stage.CANARY, allow={A.user_id}))
        await w.dial.look()
        assert await closed(goes) is CloseCode.LEGACY_PATH
        assert (await stays.ask("ping")).type == "pong"
        assert told(stays) == []


async def test_who_comes_to_a_bridge_that_is_not_for_them_is_told_and_closed() -> None:
    """No session begins: nobody sees them online, nothing is delivered."""
    async with scene(plan_of(Stage.OFF)) as (w, _):
        client, said = await come(w, B, "rollout")
        assert said == {"path": "legacy", "reason": "stage", "stage": "off"}
        assert await closed(client) is CloseCode.LEGACY_PATH
        assert client.connection.session is None
        assert w.context.presence.untold() == []


async def test_an_old_client_that_comes_is_served() -> None:
    """It may know no other way; later looks let it be."""
    async with scene(plan_of(Stage.OFF)) as (w, plan):
        client, _ = await come(w, B)
        plan.replace(plan_of(Stage.SHADOW))
        await w.dial.look()
        assert (await client.ask("load_conversations")).type == "conversations_loaded"


async def test_an_old_client_is_closed_each_time_if_the_plan_says_so() -> None:
    """And at once if it is there already."""
    async with scene(plan_of(Stage.OFF)) as (w, plan):
        here, _ = await come(w, B)
        plan.replace(plan_of(Stage.OFF, close_unaware=True))
        await w.dial.look()
        assert await closed(here) is CloseCode.LEGACY_PATH
        comes, said = await come(w, B)
        assert said == "nothing"
        assert await closed(comes) is CloseCode.LEGACY_PATH


async def test_a_client_that_is_too_old_is_sent_away() -> None:
    """The newer one of the same user is not."""
    async with scene(plan_of(Stage.FULL, minimum_versions={"web": "2.4"})) as (w, _):
        old, said = await come(w, B, "rollout", version="2.3.9")
        new, _ = await come(w, B, "rollout")
        assert said == {"path": "legacy", "reason": "client_too_old", "stage": "full"}
        assert await closed(old) is CloseCode.LEGACY_PATH
        assert (await new.ask("ping")).type == "pong"


async def test_a_new_token_on_an_open_connection_is_decided_about_too() -> None:
    """The session that was there ends with the connection."""
    async with scene(plan_of(Stage.CANARY, allow={A.user_id})) as (w, _):
        client, _ = await come(w, A, "rollout")
        reply = await client.ask("auth", token=w.mint.hs256(B.auth_id), capabilities=["rollout"])
        assert reply.payload["rollout"]["path"] == "legacy"
        assert await closed(client) is CloseCode.LEGACY_PATH


async def test_a_connection_that_ended_is_forgotten() -> None:
    """Nothing is put into its outbox."""
    async with scene(plan_of(Stage.FULL)) as (w, plan):
        client, _ = await come(w, B, "rollout")
        client.vanish()
        plan.replace(plan_of(Stage.OFF))
        await w.dial.look()
        assert not client.outbox.is_closing


async def own(w: World, plan: Plan | None, provider: OwnProvider) -> Rollout:
    """Hold connections to a provider of the team's own."""
    rollout = Rollout(HeldPlan(plan) if plan else None, provider)
    await rollout.start()
    w.dial = Dial(rollout, w.context.history, w.clock)
    return rollout


async def test_an_own_provider_is_asked_again_now_and_then() -> None:
    """It need not say that it has changed its mind."""
    async with world() as w:
        provider = OwnProvider("bridge")
        rollout = await own(w, None, provider)
        client, said = await come(w, B, "rollout")
        assert said == {"path": "bridge", "reason": "provider", "stage": None}
        provider.answer = "legacy"
        await w.dial.look()
        assert not client.outbox.is_closing
        w.clock.advance(ASK_AGAIN_SECONDS)
        await w.dial.look()
        assert await closed(client) is CloseCode.LEGACY_PATH
        rollout.stop()


async def test_what_changes_while_somebody_authenticates_counts() -> None:
    """Decided before, seated after: the next look sees it."""
    async with world() as w:
        provider = OwnProvider("bridge")
        provider.blocked.clear()
        rollout = await own(w, None, provider)
        client = w.client()
        request = client.send("auth", token=w.mint.hs256(B.auth_id))
        await provider.reached.wait()
        w.clock.advance(ASK_AGAIN_SECONDS)
        await w.dial.look()
        provider.blocked.set()
        assert (await client.reply(request)).type == "auth_success"
        provider.answer = "legacy"
        await w.dial.look()
        assert await closed(client) is CloseCode.LEGACY_PATH
        rollout.stop()


async def test_a_provider_that_fails_moves_nobody() -> None:
    """Open connections stay as they are, even if the plan alone would send them away."""
    async with world() as w:
        provider = OwnProvider("bridge")
        rollout = await own(w, plan_of(Stage.OFF), provider)
        client, _ = await come(w, B, "rollout")
        provider.answer = ZeroDivisionError()
        w.clock.advance(ASK_AGAIN_SECONDS)
        await w.dial.look()
        assert not client.outbox.is_closing
        rollout.stop()


@pytest.mark.parametrize("number", [250])
async def test_many_are_sent_away_in_turns(number: int) -> None:
    """All of them, with one look."""
    async with scene(plan_of(Stage.FULL)) as (w, plan):
        clients = [(await come(w, B, "rollout"))[0] for _ in range(number)]
        plan.replace(plan_of(Stage.OFF))
        await w.dial.look()
        assert all(client.outbox.is_closing for client in clients)
