"""Somebody signs out, or their account is deleted, while a socket is open: the real Auth server is asked."""

from __future__ import annotations

import asyncio

import httpx

from tests.e2e.accounts import PASSWORD, sign_up
from tests.e2e.conftest import StartBridge
from tests.e2e.database import Database
from tests.e2e.sockets import connect
from tests.e2e.test_bad_input import ANSWER_SECONDS, answer, envelope


async def test_a_signed_out_login_is_closed_and_stays_out(start_bridge: StartBridge, database: Database) -> None:
    """4501 within the interval; its token is refused then, and another login of the same person is not concerned."""
    async with start_bridge(login_check_seconds=0.5) as bridge:
        account = await sign_up(bridge.sandbox, database)
        async with (
            httpx.AsyncClient(
                base_url=f"{bridge.sandbox.url}/auth/v1", headers={"apikey": bridge.sandbox.publishable_key}
            ) as auth,
            connect(bridge.url) as leaves,
            connect(bridge.url) as stays,
        ):
            tokens = []
            for socket in (leaves, stays):
                login = await auth.post(
                    "/token?grant_type=password", json={"email": account.email, "password": PASSWORD}
                )
                tokens.append(str(login.raise_for_status().json()["access_token"]))
                await socket.send(envelope("auth", {"token": tokens[-1]}))
                assert (await answer(socket))["type"] == "auth_success"
            left = await auth.post("/logout?scope=local", headers={"Authorization": f"Bearer {tokens[0]}"})
            left.raise_for_status()
            async with asyncio.timeout(ANSWER_SECONDS):
                await leaves.wait_closed()
            assert leaves.close_code == 4501
            await stays.send(envelope())
            assert (await answer(stays))["type"] == "pong"
            async with connect(bridge.url) as again:
                await again.send(envelope("auth", {"token": tokens[0]}))
                assert (await answer(again))["payload"]["code"] == "INVALID_TOKEN"
