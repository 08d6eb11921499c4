"""The doctor judges keys: whose they are, what they may, how long they last, and what signs tokens."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from migration.doctor import NotSeen
from migration.findings import Severity
from tests.migration.judging import SECRET, SIGNED_WITH, evidence, legacy_key, look, publishing, refusing

ES256 = {"kid": "11111111-aaaa", "alg": "ES256", "kty": "EC"}
RS256 = {"kid": "22222222-bbbb", "alg": "RS256", "kty": "RSA"}


def test_new_keys_in_their_places_are_well() -> None:
    """Secret and publishable."""
    seen = look("keys", supabase_publishable_key="sb_publishable_aaaaaaaaaaaaaaaaaaaaaa_bbbbbbbb")
    assert not seen.findings
    assert "SUPABASE_PUBLISHABLE_KEY is a publishable key" in seen.evidence


def test_legacy_keys_are_noticed() -> None:
    """They work until the shared secret goes."""
    (severity, said), *more = evidence(look("keys", supabase_secret_key=legacy_key("service_role")))
    assert (severity, more) == (Severity.NOTICE, [])
    assert said == "SUPABASE_SECRET_KEY is a legacy service_role key, a token signed with the shared secret."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"supabase_secret_key": legacy_key("anon")}, "SUPABASE_SECRET_KEY is an anon key."),
        ({"supabase_secret_key": "something.else.entirely"}, "SUPABASE_SECRET_KEY is an unknown key."),
        ({"supabase_secret_key": "something"}, "SUPABASE_SECRET_KEY is an unknown key."),
        ({"supabase_publishable_key": SECRET}, "SUPABASE_PUBLISHABLE_KEY is a secret key."),
        (
            {"supabase_secret_key": legacy_key("service_role", ref="other")},
            "SUPABASE_SECRET_KEY belongs to the project other, SUPABASE_URL to abcdefgh.",
        ),
        (
            {"supabase_secret_key": legacy_key("service_role", lifetime=-timedelta(days=1))},
            "SUPABASE_SECRET_KEY expired on 2026-11-24.",
        ),
    ],
)
def test_a_key_in_the_wrong_place_is_told(changes: dict[str, str], said: str) -> None:
    """By its form and its claims; it is never repeated."""
    seen = look("keys", **changes)
    assert (Severity.ERROR, said) in evidence(seen)
    assert not any(key in repr(seen) for key in changes.values() if len(key) > len("something"))


def test_tokens_must_be_verifiable() -> None:
    """By a signing key or by the shared secret."""
    assert evidence(look("signing"))[0] == (
        Severity.ERROR,
        "The project publishes no signing key, and SUPABASE_JWT_SECRET is not set.",
    )
    assert look("signing", supabase_jwt_secret=SIGNED_WITH).evidence == (
        "tokens are verified with the shared secret (HS256)"
    )
    assert look("signing", publishing(ES256)).evidence == "tokens are verified with ES256 11111111"


def test_a_rotation_is_noticed() -> None:
    """Two keys, or a key and the secret."""
    for seen in (
        look("signing", publishing(ES256, RS256)),
        look("signing", publishing(ES256), supabase_jwt_secret="x"),
    ):
        assert [severity for severity, _ in evidence(seen)] == [Severity.NOTICE]


def test_a_signing_key_that_the_bridge_does_not_understand_is_told() -> None:
    """Its tokens would be refused."""
    assert evidence(look("signing", publishing({"kid": "x", "alg": "PS512", "kty": "RSA"})))[0] == (
        Severity.ERROR,
        "Signing keys with PS512 are published.",
    )


def test_a_shared_secret_of_another_project_is_told() -> None:
    """The legacy keys were signed with the right one."""
    right = {"supabase_secret_key": legacy_key("service_role"), "supabase_jwt_secret": SIGNED_WITH}
    assert not look("signing", **right).findings
    wrong = look("signing", **{**right, "supabase_jwt_secret": "another"})
    assert [severity for severity, _ in evidence(wrong)] == [Severity.ERROR]


def test_a_shared_secret_that_the_project_does_not_know_is_told() -> None:
    """Where the keys do not tell: it is asked with a token of nobody's; missing rights are no wrong signature."""
    refusal = httpx.Response(401, json={"code": "PGRST301", "message": "JWSError JWSInvalidSignature"})
    (found,) = look("signing", refusing("/rest/v1/messages", refusal), supabase_jwt_secret=SIGNED_WITH).findings
    assert (found.severity, found.evidence.startswith("SUPABASE_JWT_SECRET is not the secret")) == (
        Severity.ERROR,
        True,
    )
    closed = httpx.Response(401, json={"code": "42501", "message": "permission denied for table messages"})
    assert not look("signing", refusing("/rest/v1/messages", closed), supabase_jwt_secret=SIGNED_WITH).findings


def test_a_publishable_key_that_the_project_does_not_know_is_told() -> None:
    """And nothing is said of what it reads: every table would seem to be closed."""
    unknown = refusing("/auth/v1/settings", httpx.Response(401, json={"message": "Invalid API key"}))
    seen = look("keys", unknown, supabase_publishable_key="sb_publishable_x")
    assert evidence(seen) == [(Severity.ERROR, "The project refuses SUPABASE_PUBLISHABLE_KEY.")]
    with pytest.raises(NotSeen, match="refuses SUPABASE_PUBLISHABLE_KEY"):
        look("open_tables", unknown, supabase_publishable_key="sb_publishable_x")


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, text="<html>")])
def test_a_project_without_key_set_is_not_judged(answer: httpx.Response) -> None:
    """A gateway's error is no evidence."""
    with pytest.raises(NotSeen):
        look("signing", lambda _: answer)
