"""Only a user's own valid token becomes claims; everything else is INVALID_TOKEN (contract F12)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.auth import KEPT_SECONDS, MAX_TOKEN_LENGTH, Claims, TokenExpired, TokenVerifier
from bridge.clock import FakeClock
from bridge.errors import ActionError
from bridge.keyring import Keyring, KeysUnavailable
from tests.people import B
from tests.tokens import ABSENT, AUDIENCE, KEY_ID, LIFETIME_SECONDS, SECRET, Mint, key_set, keyring_of

LEEWAY = 5.0
OTHER_SECRET = "another secret that is long enough to sign with it"


class Setting:
    """A verifier that knows one secret and one ES256 key."""

    def __init__(
        self, *, secret: str | None = SECRET, jwks: bytes | None = None, keyring: Keyring | None = None
    ) -> None:
        self.clock = FakeClock()
        self.mint = Mint(self.clock)
        self.verifier = TokenVerifier(
            secret=secret,
            keyring=keyring or keyring_of(self.mint.jwks() if jwks is None else jwks, self.clock),
            clock=self.clock,
            audience=AUDIENCE,
            leeway_seconds=LEEWAY,
        )

    @property
    def now(self) -> int:
        """Return the seconds that claims are given in."""
        return int(self.clock.now().timestamp())

    async def accepts(self, token: str) -> Claims:
        """Return the claims of a good token."""
        return await self.verifier.verify(token)

    async def refuses(self, token: str) -> str:
        """Return the code under which a token is refused, having seen that the log does not quote it."""
        with capture_logs() as logs, pytest.raises(ActionError) as caught:
            await self.verifier.verify(token)
        assert logs or len(token) > MAX_TOKEN_LENGTH or token.startswith("sb_")
        assert len(token) < 40 or token not in str(logs)
        return caught.value.fault.code.value


def unsigned(header: bytes, body: bytes = b"{}", signature: bytes = b"") -> str:
    """Return something of a token's form."""
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, body, signature))


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


async def test_a_shared_secret_token_may_name_a_key() -> None:
    """Some projects put a key id on HS256 tokens that no list has."""
    s = Setting()
    token = jwt.encode(s.mint.claims(B.auth_id), SECRET, algorithm="HS256", headers={"kid": "whatever"})
    assert (await s.accepts(token)).auth_id == B.auth_id


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


async def test_a_signature_is_checked_once_in_a_while() -> None:
    """REST clients send the same token with each request; a key that is withdrawn counts for minutes at most."""
    s = Setting()
    token = s.mint.es256(B.auth_id)
    claims = await s.accepts(token)
    s.verifier._keyring = keyring_of(key_set(), s.clock)
    assert await s.accepts(token) == claims
    s.clock.advance(KEPT_SECONDS)
    assert await s.accepts(token) == claims
    s.clock.advance(1)
    assert await s.refuses(token) == "INVALID_TOKEN"


async def test_a_known_token_still_expires() -> None:
    """Only the signature is remembered, not the judgement."""
    s = Setting()
    token = s.mint.hs256(B.auth_id, exp=s.now + 10)
    await s.accepts(token)
    s.clock.advance(10 + LEEWAY)
    with pytest.raises(TokenExpired):
        await s.verifier.verify(token)


async def test_a_known_token_vouches_for_no_other() -> None:
    """Not even for one that differs in a single character; and what was refused is not remembered."""
    s = Setting()
    token = s.mint.hs256(B.auth_id)
    await s.accepts(token)
    for position in range(0, len(token) - 1, 7):
        other = "A" if token[position] != "A" else "B"
        assert await s.refuses(token[:position] + other + token[position + 1 :]) == "INVALID_TOKEN"
    assert len(s.verifier._signed) == 1


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


async def test_a_wrong_signature_is_refused() -> None:
    """Another secret, another private key, a changed body, no signature."""
    s = Setting()
    other_key = ec.generate_private_key(ec.SECP256R1())
    claims = s.mint.claims(B.auth_id)
    good = s.mint.hs256(B.auth_id)
    header, _, signature = good.split(".")
    changed = s.mint.hs256(B.auth_id, extra=1).split(".")[1]
    forged = [
        jwt.encode(claims, OTHER_SECRET, algorithm="HS256"),
        jwt.encode(claims, other_key, algorithm="ES256", headers={"kid": KEY_ID}),
        jwt.encode(claims, other_key, algorithm="ES256"),
        ".".join((header, changed, signature)),
        good.rsplit(".", 1)[0] + ".",
        good.rsplit(".", 1)[0],
    ]
    assert [await s.refuses(token) for token in forged] == ["INVALID_TOKEN"] * len(forged)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "ES384", "PS256", "", "hs256"])
async def test_other_algorithms_are_refused(algorithm: str) -> None:
    """Above all the one that means no signature."""
    s = Setting()
    header = json.dumps({"alg": algorithm, "typ": "JWT", "kid": KEY_ID}).encode()
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    assert await s.refuses(unsigned(header, body)) == "INVALID_TOKEN"
    assert await s.refuses(unsigned(header, body, b"signature")) == "INVALID_TOKEN"


async def test_another_hmac_with_the_right_secret_is_refused() -> None:
    """One algorithm per kind of key, no choice for the sender."""
    s = Setting()
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode(s.mint.claims(B.auth_id), SECRET, algorithm="HS512")
    assert await s.refuses(token) == "INVALID_TOKEN"


@pytest.mark.parametrize("secret", [SECRET, None])
async def test_the_public_key_is_no_shared_secret(secret: str | None) -> None:
    """The classic confusion: HS256 with what everybody can read in the JWKS."""
    s = Setting(secret=secret)
    public = s.mint.private_key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    for key in (pem, pem.strip(), s.mint.jwks(), json.dumps(s.mint.public_jwk()).encode()):
        token = _hmac_token(key, body)
        assert await s.refuses(token) == ("INVALID_TOKEN" if secret else "CONFIG_ERROR")


def _hmac_token(key: bytes, body: bytes) -> str:
    """Sign with any bytes: PyJWT refuses to take a public key for a secret."""
    signed = unsigned(json.dumps({"alg": "HS256", "kid": KEY_ID}).encode(), body).rsplit(".", 1)[0]
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.mark.parametrize("secret", [None, ""])
async def test_without_a_secret_no_shared_secret_token_is_judged(secret: str | None) -> None:
    """An empty secret is none: everybody could sign with it."""
    s = Setting(secret=secret)
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    assert await s.refuses(s.mint.hs256(B.auth_id)) == "CONFIG_ERROR"
    assert await s.refuses(_hmac_token(b"", body)) == "CONFIG_ERROR"


async def test_an_unknown_key_id_is_refused() -> None:
    """Even if the signature would fit the only key."""
    s = Setting()
    assert await s.refuses(s.mint.es256(B.auth_id, key_id="unknown")) == "INVALID_TOKEN"


async def test_a_key_for_another_algorithm_is_refused() -> None:
    """The header may not choose what a listed key is used for."""
    s = Setting()
    header = json.dumps({"alg": "RS256", "kid": KEY_ID}).encode()
    assert await s.refuses(unsigned(header, b"{}", b"x")) == "INVALID_TOKEN"
    both = Setting(jwks=b'{"keys":[]}')
    assert await both.refuses(both.mint.es256(B.auth_id)) == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b'{"alg":null}',
        b'{"alg":[]}',
        b'{"alg":{}}',
        b'{"alg":5}',
        b'{"alg":["HS256"]}',
        b'{"alg":"HS256","kid":5}',
        b'{"alg":"ES256","kid":{}}',
        b'{"alg":"ES256","kid":null}',
        b'{"alg":"HS256","crit":["x"],"x":1}',
        b'{"alg":"HS256","b64":false,"crit":["b64"]}',
        b'{"alg":"HS256","n":' + b"9" * 5000 + b"}",
        b"[" * 6000,
    ],
    ids=lambda header: repr(header[:40]),
)
async def test_a_strange_header_is_refused(header: bytes) -> None:
    """Nobody has signed the header when it is read."""
    s = Setting()
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    assert await s.refuses(unsigned(header, body, b"x")) == "INVALID_TOKEN"


async def test_when_the_keys_cannot_be_had_the_token_is_not_called_bad() -> None:
    """A client that is told INVALID_TOKEN would throw a good token away."""

    async def fetch() -> bytes:
        raise KeysUnavailable

    clock = FakeClock()
    s = Setting(keyring=Keyring(fetch, clock))
    assert await s.refuses(s.mint.es256(B.auth_id)) == "AUTH_ERROR"
    await s.accepts(s.mint.hs256(B.auth_id))


async def test_a_project_in_transition_has_both_kinds() -> None:
    """Old tokens of the shared secret and new ones of the key are good side by side."""
    s = Setting()
    assert (await s.accepts(s.mint.hs256(B.auth_id))).auth_id == B.auth_id
    assert (await s.accepts(s.mint.es256(B.auth_id))).auth_id == B.auth_id


async def test_a_new_key_needs_no_restart() -> None:
    """The first token signed with it makes the keyring look again."""
    clock = FakeClock()
    mint = Mint(clock)
    bodies = [key_set(), mint.jwks()]

    async def fetch() -> bytes:
        return bodies.pop(0)

    s = Setting(keyring=Keyring(fetch, clock))
    token = mint.es256(B.auth_id)
    assert await s.refuses(token) == "INVALID_TOKEN"
    clock.advance(timedelta(minutes=1).total_seconds())
    assert (await s.accepts(token)).auth_id == B.auth_id


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
