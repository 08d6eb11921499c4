"""Only a user's own valid token becomes claims; everything else is INVALID_TOKEN (contract F12)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.auth import MAX_TOKEN_LENGTH, Claims, TokenExpired
from bridge.errors import ActionError
from tests.people import B
from tests.tokens import ABSENT, AUDIENCE, LIFETIME_SECONDS, SECRET
from tests.verifying import LEEWAY, OTHER_SECRET, Setting, unsigned


async def test_a_token_signed_with_the_shared_secret_is_accepted() -> None:
    """The claims are what the bridge needs of it."""
    s = Setting()
    claims = await s.accepts(s.mint.hs256(B.auth_id, email="b@example.org", phone="491510"))
    assert claims == Claims(
        auth_id=B.auth_id,
        expires_at=datetime.fromtimestamp(s.now + LIFETIME_SECONDS, UTC),
        phone="491510",
        email="b@example.org",
    )


async def test_a_token_signed_with_the_projects_key_is_accepted() -> None:
    """With its key id, or without one while there is but one key."""
    s = Setting(secret=None)
    assert (await s.accepts(s.mint.es256(B.auth_id))).auth_id == B.auth_id
    assert (await s.accepts(s.mint.es256(B.auth_id, key_id=None))).auth_id == B.auth_id


@pytest.mark.parametrize(
    "changes", [{"phone": ""}, {"phone": None}, {"phone": ABSENT, "email": ABSENT}, {"email": None}]
)
async def test_phone_and_email_may_be_missing(changes: dict[str, object]) -> None:
    """An account by phone has no email, and the other way round."""
    s = Setting()
    claims = await s.accepts(s.mint.hs256(B.auth_id, **changes))
    assert (claims.phone, claims.email) == (None, "")


async def test_the_auth_id_is_read_in_lower_case() -> None:
    """As the tables hold it."""
    s = Setting()
    assert (await s.accepts(s.mint.hs256(B.auth_id.upper()))).auth_id == B.auth_id


async def test_an_audience_in_a_list_is_accepted() -> None:
    """The claim may be a list."""
    s = Setting()
    assert (await s.accepts(s.mint.hs256(B.auth_id, aud=["other", AUDIENCE]))).auth_id == B.auth_id


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"aud": ABSENT},
        {"aud": None},
        {"role": "anon"},
        {"role": "service_role"},
        {"role": "supabase_admin"},
        {"role": ""},
        {"role": ABSENT},
        {"role": 5},
        {"sub": ABSENT},
        {"sub": ""},
        {"sub": "not a uuid"},
        {"sub": B.auth_id + "\n"},
        {"sub": f"{B.auth_id},id.neq.{B.auth_id}"},
        {"exp": ABSENT},
        {"exp": None},
        {"exp": "never"},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": 0},
        {"exp": -1},
        {"exp": 1e300},
        {"exp": -1e300},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"iat": ABSENT},
        {"iat": "now"},
        {"nbf": "now"},
        {"nbf": 1e300},
        {"phone": 5},
        {"email": []},
    ],
    ids=repr,
)
async def test_a_signed_token_with_wrong_claims_is_refused(changes: dict[str, object]) -> None:
    """Audience, role, subject and times are as important as the signature; an API key is no user's token."""
    s = Setting()
    claims = {name: value for name, value in {**s.mint.claims(B.auth_id), **changes}.items() if value is not ABSENT}
    assert await s.refuses(jwt.api_jws.encode(json.dumps(claims).encode(), SECRET, "HS256")) == "INVALID_TOKEN"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'"text"', b"\xff", b"[" * 6000])
async def test_a_signed_token_without_claims_is_refused(body: bytes) -> None:
    """Whoever has the secret may sign nonsense."""
    s = Setting()
    assert await s.refuses(jwt.api_jws.encode(body, SECRET, "HS256")) == "INVALID_TOKEN"


async def test_a_token_is_good_until_its_leeway_is_over() -> None:
    """The session made of it ends at the same moment."""
    s = Setting()
    token = s.mint.hs256(B.auth_id)
    s.clock.advance(LIFETIME_SECONDS + LEEWAY - 0.001)
    await s.accepts(token)
    s.clock.advance(0.001)
    assert await s.refuses(token) == "INVALID_TOKEN"


async def test_an_expired_token_is_told_from_a_bad_one() -> None:
    """Its session may be refreshed; that of a token which never was a user's may not."""
    s = Setting()
    over = {"iat": s.now - 7200, "exp": s.now - 3600}
    with pytest.raises(TokenExpired):
        await s.verifier.verify(s.mint.hs256(B.auth_id, **over))
    forged = jwt.encode(s.mint.claims(B.auth_id, **over), OTHER_SECRET, algorithm="HS256")
    for token in (forged, s.mint.hs256(B.auth_id, **over, role="anon"), s.mint.hs256("nobody", **over)):
        with pytest.raises(ActionError) as caught:
            await s.verifier.verify(token)
        assert not isinstance(caught.value, TokenExpired)


async def test_a_known_token_still_expires() -> None:
    """Only the signature is remembered, not the judgement."""
    s = Setting()
    token = s.mint.hs256(B.auth_id, exp=s.now + 10)
    await s.accepts(token)
    s.clock.advance(10 + LEEWAY)
    with pytest.raises(TokenExpired):
        await s.verifier.verify(token)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_a_token_from_the_future_is_good_within_the_leeway(claim: str) -> None:
    """Clocks differ a little."""
    s = Setting()
    await s.accepts(s.mint.hs256(B.auth_id, **{claim: s.now + LEEWAY}))
    early = s.mint.hs256(B.auth_id, **{claim: s.now + LEEWAY + 1})
    assert await s.refuses(early) == "INVALID_TOKEN"
    s.clock.advance(1)
    await s.accepts(early)


@pytest.mark.parametrize(
    "token", ["", "x", "..", "a.b.c", "sb_secret_abc", "sb_publishable_abc", "\u00e9.\u00e9.\u00e9"]
)
async def test_what_is_no_token_is_refused(token: str) -> None:
    """API keys of the new form included."""
    assert await Setting().refuses(token) == "INVALID_TOKEN"


async def test_an_endless_token_is_not_even_looked_at() -> None:
    """Verifying costs time."""
    s = Setting()
    assert await s.refuses(s.mint.hs256(B.auth_id, padding="x" * MAX_TOKEN_LENGTH)) == "INVALID_TOKEN"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "ES256", "none"]) | json_values},
    optional={"kid": json_values, "crit": json_values},
)


@given(st.text() | st.builds(lambda header, body: unsigned(json.dumps(header).encode(), body), headers, st.binary()))
async def test_no_token_makes_the_verifier_fail(token: str) -> None:
    """Whatever comes, the answer is a refusal and never an exception of a library."""
    assert await Setting().refuses(token) == "INVALID_TOKEN"


signed_claims = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("sub", "aud", "role", "exp", "iat", "nbf", "phone", "email", "iss", "jti"), json_values),
)


@given(signed_claims)
async def test_no_signed_claims_make_the_verifier_fail(changes: dict[str, object]) -> None:
    """Accepted or refused, nothing else."""
    s = Setting()
    token = jwt.api_jws.encode(json.dumps({**s.mint.claims(B.auth_id), **changes}).encode(), SECRET, "HS256")
    code = None
    try:
        claims = await s.verifier.verify(token)
    except ActionError as error:
        code = error.fault.code.value
    else:
        assert changes.get("role", "authenticated") == "authenticated"
        assert claims.expires_at > s.clock.now() - timedelta(seconds=LEEWAY)
    assert code in {None, "INVALID_TOKEN"}
