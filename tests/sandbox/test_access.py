"""Supabase's rules for API keys and tokens, without a network (supabase.md 1.2)."""

from __future__ import annotations

import time
from collections.abc import Mapping

import jwt
import pytest

from scripts.sandbox.access import Access, Caller, Refused
from scripts.sandbox.keys import Keys, Signing

SUB = "bbbbbbbb-0000-4000-8000-000000000002"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"
REST = "/rest/v1/messages"


@pytest.fixture(params=["HS256", "ES256"])
def keys(request: pytest.FixtureRequest) -> Keys:
    """Return keys of each way of signing."""
    signing: Signing = request.param
    return Keys.generate(signing=signing)


def refusal(access: Access, path: str, headers: Mapping[str, str]) -> Refused:
    """Return how this request is refused."""
    with pytest.raises(Refused) as refused:
        access.admit(path, headers, {})
    return refused.value


def role_in(token: str, keys: Keys) -> object:
    """Return the role in a token that knows the shared secret only."""
    return jwt.decode(token, keys.jwt_secret, algorithms=["HS256"], options={"verify_aud": False})["role"]


@pytest.mark.parametrize(
    ("name", "role"),
    [("publishable", "anon"), ("anon", "anon"), ("secret", "service_role"), ("service_role", "service_role")],
)
def test_each_key_stands_for_its_role(keys: Keys, name: str, role: str) -> None:
    """In the header, in the query, and repeated in Authorization as supabase-py sends it."""
    key: str = getattr(keys, name)
    access = Access(keys)
    for headers, query in (
        ({"apikey": key}, {}),
        ({}, {"apikey": key}),
        ({"apikey": key, "Authorization": f"Bearer {key}"}, {}),
    ):
        caller = access.admit(REST, headers, query)
        assert (caller.role, caller.user_token) == (role, None)
        assert role_in(caller.key_token, keys) == role


def test_no_key_and_a_wrong_key_are_refused(keys: Keys) -> None:
    """401 in the gateway's words, whatever the Authorization says."""
    access = Access(keys)
    for headers in ({}, {"Authorization": f"Bearer {keys.mint(SUB)}"}):
        refused = refusal(access, REST, headers)
        assert (refused.status, refused.body["message"]) == (401, "No API key found in request")
    refused = refusal(access, REST, {"apikey": "sb_publishable_wrong"})
    assert (refused.status, refused.body["message"]) == (401, "Invalid API key")


def test_a_secret_key_does_not_work_in_a_browser(keys: Keys) -> None:
    """By its User-Agent; the older service_role key and the publishable key do."""
    access = Access(keys)
    assert refusal(access, REST, {"apikey": keys.secret, "User-Agent": BROWSER}).status == 401
    for key in (keys.service_role, keys.publishable):
        access.admit(REST, {"apikey": key, "User-Agent": BROWSER}, {})


def test_a_new_key_in_authorization_must_be_the_api_key(keys: Keys) -> None:
    """Any other `sb_` key there is refused."""
    headers = {"apikey": keys.publishable, "Authorization": f"Bearer {keys.secret}"}
    assert refusal(Access(keys), REST, headers).status == 401


def test_a_user_is_admitted_with_a_token_for_the_parts_behind(keys: Keys) -> None:
    """However it was signed, what is passed on knows the shared secret only and has the same claims."""
    token = keys.mint(SUB, session_id="s")
    caller = Access(keys).admit(REST, {"apikey": keys.publishable, "Authorization": f"Bearer {token}"}, {})
    assert caller.role == "authenticated"
    assert caller.user_token is not None
    told = jwt.decode(caller.user_token, keys.jwt_secret, algorithms=["HS256"], audience="authenticated")
    assert (told["sub"], told["session_id"]) == (SUB, "s")


def test_a_known_token_is_not_checked_again_but_its_age_is() -> None:
    """The second request with the same token gets the same answer until the token is too old."""
    keys = Keys.generate()
    access = Access(keys)
    token = keys.mint(SUB, lifetime_seconds=-20)
    headers = {"apikey": keys.publishable, "Authorization": f"Bearer {token}"}
    first = access.admit(REST, headers, {})
    assert access.admit(REST, headers, {}) == first
    assert refusal(access, "/auth/v1/user", headers).status == 403


def test_an_expired_token_is_refused_after_the_tolerance(keys: Keys) -> None:
    """PGRST303 from the Data API once 30 seconds have passed; Auth allows none and says bad_jwt."""
    access = Access(keys)

    def bearer(age_seconds: float) -> dict[str, str]:
        token = keys.mint(SUB, lifetime_seconds=-age_seconds)
        return {"apikey": keys.publishable, "Authorization": f"Bearer {token}"}

    assert isinstance(access.admit(REST, bearer(15), {}), Caller)
    refused = refusal(access, REST, bearer(45))
    assert (refused.status, refused.body["code"], refused.body["message"]) == (401, "PGRST303", "JWT expired")
    refused = refusal(access, "/auth/v1/user", bearer(15))
    assert (refused.status, refused.body["error_code"]) == (403, "bad_jwt")


def test_a_token_of_somebody_else_is_refused(keys: Keys) -> None:
    """Signed with another secret or key, from the future, or no token at all."""
    access = Access(keys)
    tokens = {
        Keys.generate().mint(SUB): "PGRST301",
        Keys.generate(signing="ES256").mint(SUB): "PGRST301",
        "nonsense": "PGRST301",
        keys.mint(SUB, iat=int(time.time()) + 600): "PGRST303",
    }
    for token, code in tokens.items():
        refused = refusal(access, REST, {"apikey": keys.publishable, "Authorization": f"Bearer {token}"})
        assert (refused.status, refused.body["code"]) == (401, code)


@pytest.mark.parametrize("path", ["verify", "callback", "authorize", ".well-known/openid-configuration"])
def test_some_paths_of_auth_need_no_key(keys: Keys, path: str) -> None:
    """A browser arrives there from an e-mail or another site."""
    assert Access(keys).admit(f"/auth/v1/{path}", {}, {}).role == "anon"
    assert refusal(Access(keys), "/auth/v1/user", {}).status == 401
