"""Retention and profile (contract legacy-rest sections 3.8 and 3.9)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bridge.actions.account import (
    BIO_NO_TEXT,
    BIO_TOO_LONG,
    DAYS_INVALID,
    PROFILE_GONE,
    RETENTION_UNCHANGED,
    RETENTION_UNKNOWN,
    WEBSITE_INVALID,
    WEBSITE_NO_TEXT,
)
from bridge.errors import ErrorCode, Fault
from bridge.models import LARGEST_INTEGER, MOST_DAYS
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import EVERY_KIND, B, C, Person

NO_TEXTS = Fault(ErrorCode.INVALID_DATA, "Bio and website must be strings")


async def profile(parts: Parts, person: Person = B, **changes: object) -> tuple[object, object]:
    """Update a profile and return bio and website as they are then."""
    user = (await perform(parts, person, "update_profile", **changes))["user"]
    return user["bio"], user["website"]


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_retention_is_ones_own(person: Person) -> None:
    """30 days until one chooses; 0 is for ever, and more than can be counted are the most."""
    parts = Parts()
    assert await perform(parts, person, "load_retention") == {"days": 30}
    for days, kept in ((0, 0), (7, 7), (MOST_DAYS, MOST_DAYS), (LARGEST_INTEGER + 1, MOST_DAYS)):
        assert await perform(parts, person, "set_retention", days=days) == {"days": kept}
        assert await perform(parts, person, "load_retention") == {"days": kept}
    assert await perform(parts, C, "load_retention") == {"days": 30}


@pytest.mark.parametrize("payload", [{}, {"days": -1}, {"days": "x"}, {"days": 1.5}], ids=str)
async def test_unusable_days_are_refused(payload: dict[str, Any]) -> None:
    """And nothing is written."""
    parts = Parts()
    assert await refusal(parts, B, "set_retention", **payload) == DAYS_INVALID
    assert parts.tables.retention_days == {}


async def test_whose_row_is_gone_is_told_so() -> None:
    """A write that changed nothing is no success."""
    parts = Parts()
    parts.tables.people = [user for user in parts.tables.people if user.id != B.user_id]
    assert await refusal(parts, B, "load_retention") == RETENTION_UNKNOWN
    assert await refusal(parts, B, "set_retention", days=5) == RETENTION_UNCHANGED
    assert await refusal(parts, B, "update_profile", bio="x") == PROFILE_GONE


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_profile_is_written_key_by_key(person: Person) -> None:
    """Trimmed; what is absent stays, and an empty text takes away."""
    parts = Parts()
    assert await profile(parts, person, bio="  I knit. ") == ("I knit.", None)
    assert await profile(parts, person, website=" example.org ") == ("I knit.", "example.org")
    assert await profile(parts, person) == ("I knit.", "example.org")
    assert await profile(parts, person, bio=" \n ") == (None, "example.org")
    assert await profile(parts, person, website="") == (None, None)
    assert await profile(parts, C, bio="x" * 500) == ("x" * 500, None)


async def test_the_whole_profile_is_the_answer() -> None:
    """With the ids of the users row."""
    parts = Parts()
    parts.tables.people = [
        replace(u, avatar_url="https://e.org/b") if u.id == B.user_id else u for u in parts.tables.people
    ]
    assert (await perform(parts, B, "update_profile"))["user"] == {
        "id": B.user_id,
        "username": "b",
        "display_name": "Person B",
        "avatar_url": "https://e.org/b",
        "bio": None,
        "website": None,
    }


@pytest.mark.parametrize(
    "website",
    [
        "example.org",
        "www.example.co.uk",
        "http://example.org",
        "HTTPS://Example.ORG/",
        "https://example.org:8080/a/b?c=d&e=%20#f",
        "https://sub-domain.example.museum",
        "example.org?q=1",
    ],
)
async def test_addresses_may_do_without_a_scheme(website: str) -> None:
    """A dot and a top level of 2 to 6 letters is what they need."""
    assert (await profile(Parts(), website=website))[1] == website


@pytest.mark.parametrize(
    "website",
    [
        "no site",
        "example",
        "http://localhost",
        "example.o",
        "example.toolong",
        "example.123",
        "ftp://example.org",
        "javascript:alert(1)//x.org",
        "https://example.org/<b>",
        "https://example.org/a b",
        "https://user@example.org",
        ".org",
        "a..org",
        f"example.org/{'x' * 2100}",
        "a." * 1000 + "1",
    ],
)
async def test_what_is_no_address_is_refused(website: str) -> None:
    """Quickly, however long it is."""
    parts = Parts()
    assert await refusal(parts, B, "update_profile", bio="kept out too", website=website) == WEBSITE_INVALID
    assert parts.tables.profile_texts == {}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bio": "x" * 501, "website": "no site"}, BIO_TOO_LONG),
        ({"bio": 5}, NO_TEXTS),
        ({"website": None}, NO_TEXTS),
        ({"bio": "a\0b"}, BIO_NO_TEXT),
        ({"website": "example.org/\0"}, WEBSITE_NO_TEXT),
    ],
    ids=str,
)
async def test_unusable_texts_are_refused(changes: dict[str, Any], fault: Fault) -> None:
    """And nothing is written."""
    parts = Parts()
    assert await refusal(parts, B, "update_profile", **changes) == fault
    assert parts.tables.profile_texts == {}
