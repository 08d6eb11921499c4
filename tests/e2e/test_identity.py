"""Who a socket speaks for: one way to authenticate, every kind of token, every kind of user (contract F4, F6, F12)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from bridge.actions import ACTIONS
from bridge.client import RequestRefused, WireClient
from scripts.sandbox.address import SandboxAddress
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database

Claims = dict[str, Any]

INVALID = ("INVALID_TOKEN", "Invalid or expired token")


async def refusal(client: WireClient, token: str) -> tuple[str, str]:
    """Try to authenticate and return code and text of the refusal."""
    with pytest.raises(RequestRefused) as refused:
        await client.authenticate(token)
    return refused.value.code, refused.value.text


def without(claims: Claims, name: str) -> Claims:
    """Return the claims but for one."""
    return {one: value for one, value in claims.items() if one != name}


def signed(claims: Claims, secret: str, algorithm: str = "HS256") -> str:
    """Sign a token."""
    return jwt.encode(claims, secret, algorithm=algorithm)


BAD: Mapping[str, Callable[[Claims, str], str]] = {
    "another key": lambda claims, _: signed(claims, "another secret, just as long as it should be"),
    "no key at all": lambda claims, _: signed(claims, "", "none"),
    "a changed body": lambda claims, secret: changed_body(claims, secret),
    "expired": lambda claims, secret: signed({**claims, "exp": claims["iat"] - 60}, secret),
    "of the future": lambda claims, secret: signed({**claims, "iat": claims["iat"] + 3600}, secret),
    "without an end": lambda claims, secret: signed(without(claims, "exp"), secret),
    "another audience": lambda claims, secret: signed({**claims, "aud": "anon"}, secret),
    "role anon": lambda claims, secret: signed({**claims, "role": "anon"}, secret),
    "role service_role": lambda claims, secret: signed({**claims, "role": "service_role"}, secret),
    "without a subject": lambda claims, secret: signed(without(claims, "sub"), secret),
    "a subject that is no uuid": lambda claims, secret: signed({**claims, "sub": "bob"}, secret),
}


def changed_body(claims: Claims, secret: str) -> str:
    """Put another body under a good signature."""
    head, _, signature = signed(claims, secret).split(".")
    _, body, _ = signed({**claims, "sub": str(uuid.uuid4())}, secret).split(".")
    return ".".join((head, body, signature))


async def test_a_bad_token_opens_nothing(bridge: RunningBridge) -> None:
    """Though all the rest of it is bob's; bob's own does, on the same socket (contract F12)."""
    sandbox = bridge.sandbox
    good = str(sandbox.people["bob"].token)
    claims = jwt.decode(good, sandbox.jwt_secret, algorithms=["HS256"], audience="authenticated")
    async with bridge.client() as client:
        told = {name: await refusal(client, bad(claims, sandbox.jwt_secret)) for name, bad in BAD.items()}
        assert told == dict.fromkeys(BAD, INVALID)
        with pytest.raises(RequestRefused) as refused:
            await client.load_conversations()
        assert refused.value.code == "AUTH_REQUIRED"
        assert (await client.authenticate(good)).user.id == str(sandbox.people["bob"].user_id)


async def test_the_projects_keys_are_nobodys_tokens(bridge: RunningBridge) -> None:
    """Neither those that pages know nor those that open everything (contract F12)."""
    sandbox = bridge.sandbox
    async with bridge.client() as client:
        for key in (sandbox.anon_key, sandbox.service_role_key, sandbox.publishable_key, sandbox.secret_key):
            assert await refusal(client, key) == INVALID


async def test_a_token_in_the_upgrade_means_nothing(bridge: RunningBridge) -> None:
    """In the address, a header or a cookie: every action answers as to nobody; auth says who it is (contract F6)."""
    people = bridge.sandbox.people
    bobs, carol = str(people["bob"].token), people["carol"]
    headers = {"Authorization": f"Bearer {bobs}", "Cookie": f"sb-access-token={bobs}"}
    async with CheckedClient.connect(f"{bridge.url}?token={bobs}", headers=headers) as client:
        for action in ACTIONS:
            with pytest.raises(RequestRefused) as refused:
                await client.request(action, {})
            assert refused.value.code in {"AUTH_REQUIRED", "UNAUTHORIZED"}
        assert (await client.authenticate(str(carol.token))).user.id == str(carol.user_id)
        direct = str(bridge.sandbox.conversations["bob-carol"])
        sent = await client.send_message(direct, "it is me")
        assert sent.sender_id == str(carol.user_id)
        with pytest.raises(RequestRefused) as refused:
            await client.load_messages(str(bridge.sandbox.conversations["alice-bob"]))
        assert refused.value.code == "ACCESS_DENIED"


async def test_somebody_known_by_phone_only_is_found_by_it(bridge: RunningBridge, database: Database) -> None:
    """Whether or not the token's number has its plus (contract F4)."""
    [(number,)] = await database.fetch("select phone_number from users where id = %s", database.user("dave"))
    for phone in (number, number.removeprefix("+")):
        token = await database.token_of("dave", claims={"phone": phone})
        async with bridge.client() as client:
            assert (await client.authenticate(token)).user.id == database.user("dave")


async def test_the_phone_can_be_left_out_of_it(start_bridge: StartBridge, sandbox: SandboxAddress) -> None:
    """Then there is no such user (contract F4)."""
    async with start_bridge(phone_identity=False) as bridge, bridge.client() as client:
        told = await refusal(client, str(sandbox.people["dave"].token))
    assert told == ("USER_NOT_FOUND", "User profile not found")


async def test_of_two_rows_with_one_account_the_older_counts(bridge: RunningBridge, database: Database) -> None:
    """Always, and the log says so each time (contract F4)."""
    older, _ = await database.new_person()
    newer, token = await database.new_person()
    await database.run("update users set created_at = now() - interval '1 day' where id = %s", older)
    await database.run(
        "update users set auth_user_id = (select auth_user_id from users where id = %s) where id = %s", newer, older
    )
    for _ in range(3):
        with capture_logs() as logs:
            async with bridge.client() as client:
                assert (await client.authenticate(token)).user.id == older
        assert [line["chosen"] for line in logs if line["event"] == "identity.ambiguous"] == [older]
