"""Which people a search finds, best first (contract legacy-rest section 3.6)."""

from __future__ import annotations

import pytest

from bridge.models import User, UserId
from bridge.search import MAX_FOUND, best_matches, masked, score


def user(username: str = "u", display_name: str = "D", phone_number: str = "+490") -> User:
    """Return a person."""
    return User(
        id=UserId(username),
        auth_user_id=None,
        username=username,
        display_name=display_name,
        phone_number=phone_number,
        avatar_url=None,
    )


@pytest.mark.parametrize(
    ("person", "points"),
    [
        (user(username="bob"), 100 + 70 + 30),
        (user(username="bobby"), 70 + 30),
        (user(username="rebob"), 30),
        (user(display_name="Bob"), 90 + 60 + 25 + 80 + 40),
        (user(display_name="Bobby Tables"), 60 + 25 + 40),
        (user(display_name="The Bob"), 25 + 80 + 40),
        (user(display_name="Kebob"), 25),
        (user(phone_number="bob"), 80 + 50 + 20),
        (user(phone_number="+49bob"), 20),
        (user(username="bob", display_name="Bob", phone_number="bob"), 200 + 295 + 150),
        (user(), 0),
    ],
)
def test_points_add_up(person: User, points: int) -> None:
    """By field, by kind of match, by word of the display name, whatever the case."""
    assert score(person, "bob") == points


def test_the_best_come_first_and_no_more_than_are_shown() -> None:
    """Those who do not match are left out; of equals the one who came first."""
    people = [user(f"x{number}bob") for number in range(MAX_FOUND + 5)] + [user("bob"), user("nobody")]
    found = [person.username for person in best_matches(people, "bob")]
    assert found == ["bob", *(f"x{number}bob" for number in range(MAX_FOUND - 1))]


def test_a_phone_number_is_masked() -> None:
    """All but its last four characters."""
    assert masked("+4915112345678") == "***-***-5678"
    assert masked("12") == "***-***-12"
    assert masked("") is None
