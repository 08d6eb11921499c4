"""search_users: who is found, and who finds (contract legacy-rest section 3.6)."""

from __future__ import annotations

import uuid

import pytest
from msgspec.structs import replace

from bridge.actions.searching import MAX_QUERY_CHARACTERS
from bridge.errors import ErrorCode, Fault
from bridge.models import AuthId, User, UserId
from bridge.search import MAX_FOUND
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import EVERY_KIND, A, B, C, D, Person, X

SEARCH = "search_users"


async def found(parts: Parts, query: str, person: Person = B) -> list[str]:
    """Return the names of those who are found."""
    return [user["display_name"] for user in (await perform(parts, person, SEARCH, query=query))["users"]]


def somebody(name: str, **columns: str | None) -> User:
    """Return a users row."""
    unique = str(uuid.uuid4())
    row = User(
        id=UserId(unique),
        auth_user_id=AuthId(str(uuid.uuid4())),
        username=unique,
        display_name=name,
        phone_number=unique,
        avatar_url=None,
    )
    return replace(row, **columns)


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_nobody_finds_itself(person: Person) -> None:
    """By any of its rows (contract F4, F5); ids are users.ids, and of the phone number only the end is shown."""
    parts = Parts()
    parts.tables.people.append(somebody("Person Twin", auth_user_id=person.auth_id))
    users = (await perform(parts, person, SEARCH, query="person"))["users"]
    assert person.user_id not in {user["id"] for user in users}
    assert "Person Twin" not in {user["display_name"] for user in users}
    assert B.auth_id not in str(users)
    shown = next(user for user in users if user["id"] == X.user_id)
    assert shown == {
        "id": X.user_id,
        "username": "x",
        "display_name": "Person X",
        "avatar_url": None,
        "phone_partial": "***-***-0088",
    }


async def test_the_best_come_first_and_at_most_ten() -> None:
    """With the points of the old endpoint."""
    parts = Parts()
    parts.tables.people += [somebody(f"a{n:02d} zed") for n in range(MAX_FOUND + 5)]
    parts.tables.people += [somebody("Somebody", username="zed"), somebody("Zeda")]
    names = await found(parts, "  ZED ")
    assert names[:1] == ["Somebody"]
    assert len(names) == MAX_FOUND


@pytest.mark.parametrize("text", ["", "   ", "\t\n", "x" * (MAX_QUERY_CHARACTERS + 1), "per\0son"])
async def test_what_is_nobodys_name_finds_nobody(text: str) -> None:
    """Without a question to the tables."""
    parts = Parts()
    assert await found(parts, text) == []
    assert parts.tables.asked == []


@pytest.mark.parametrize("text", ["%", "_", "*", ",", '"', "\\", "(", "per%", "p_rson", ".*", "person x,person c"])
async def test_special_characters_are_ordinary(text: str) -> None:
    """They find whoever has them in the name."""
    parts = Parts()
    assert await found(parts, text) == []
    parts.tables.people.append(somebody(f"In {text} between"))
    assert await found(parts, text) == [f"In {text} between"]


async def test_a_number_finds_too() -> None:
    """Any part of it."""
    assert await found(Parts(), C.phone[4:]) == ["Person C"]
    assert set(await found(Parts(), "+49151")) == {f"Person {one.name}" for one in (A, C, D, X)} | {"Person F"}


@pytest.mark.parametrize("payload", [{}, {"query": None}, {"query": 5}])
async def test_a_text_is_needed(payload: dict[str, object]) -> None:
    """Anything else is refused."""
    assert await refusal(Parts(), B, SEARCH, **payload) == Fault(ErrorCode.INVALID_DATA, "Search text required")
