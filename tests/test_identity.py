"""The identity rule: which users row a verified token means (contract data-model section 6, F1, F4)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.auth import Claims
from bridge.errors import ActionError, StoreDown
from bridge.identity import find_user, identity_of, users_of
from bridge.models import AuthId, User, UserId
from tests.parts import Parts
from tests.people import USERS, A, B, C, D, E, F, Person, X


def claims_of(person: Person, *, phone: str | None = None) -> Claims:
    """Return what the person's token says."""
    return Claims(auth_id=person.auth_id, expires_at=datetime(2026, 1, 2, tzinfo=UTC), phone=phone, email="")


async def found(parts: Parts, claims: Claims, *, phone_identity: bool = True) -> User:
    """Apply the rule."""
    return await find_user(claims, parts.store.users, phone_identity=phone_identity)


async def refused(parts: Parts, claims: Claims, *, phone_identity: bool = True) -> str:
    """Return the code under which nobody is found."""
    with pytest.raises(ActionError) as caught:
        await found(parts, claims, phone_identity=phone_identity)
    return caught.value.fault.code.value


@pytest.mark.parametrize("person", [A, B, C, F, X], ids=lambda person: person.name)
async def test_a_linked_user_is_found_by_auth_id(person: Person) -> None:
    """Whether the two ids are the same or not; one question to the tables."""
    parts = Parts()
    assert await found(parts, claims_of(person)) == person.user
    assert parts.tables.asked == ["users.by_auth_id"]


async def test_a_user_without_link_is_found_by_its_own_id() -> None:
    """The earliest rows have no auth_user_id; one of them may have the auth id as its own (the rule's second step)."""
    parts = Parts()
    early = parts.tables.add_user(replace(A.user, id=UserId(E.auth_id), auth_user_id=None, phone_number="1"))
    assert await found(parts, claims_of(E)) == early


async def test_a_link_comes_before_an_equal_id() -> None:
    """First by auth_user_id, else by id."""
    parts = Parts()
    parts.tables.add_user(replace(A.user, id=UserId(B.auth_id), auth_user_id=None, phone_number="1"))
    assert await found(parts, claims_of(B)) == B.user


async def test_of_several_links_the_oldest_counts_and_is_told_to_the_log() -> None:
    """The column is not unique; the choice does not change from login to login (contract F4)."""
    parts = Parts()
    parts.tables.add_user(replace(B.user, id=UserId("younger"), phone_number="1"))
    with capture_logs() as logs:
        assert await found(parts, claims_of(B)) == B.user
        assert await found(parts, claims_of(B)) == B.user
    assert [(line["event"], line["rows"], line["chosen"]) for line in logs] == [
        ("identity.ambiguous", 2, B.user_id),
        ("identity.ambiguous", 2, B.user_id),
    ]


@pytest.mark.parametrize("phone", [D.phone, D.phone.removeprefix("+")])
async def test_a_user_known_by_phone_only_is_found_by_phone(phone: str) -> None:
    """With or without the leading plus, which tokens leave out (contract F4)."""
    assert await found(Parts(), claims_of(D, phone=phone)) == D.user


async def test_a_stored_number_may_lack_the_plus_too() -> None:
    """Both spellings are in the table."""
    parts = Parts()
    parts.tables.people[USERS.index(D)] = replace(D.user, phone_number=D.phone.removeprefix("+"))
    assert (await found(parts, claims_of(D, phone=D.phone))).id == D.user_id


async def test_looking_up_by_phone_can_be_switched_off() -> None:
    """Then D is not a user."""
    assert await refused(Parts(), claims_of(D, phone=D.phone), phone_identity=False) == "USER_NOT_FOUND"


async def test_a_number_that_changed_hands_opens_nobodys_account() -> None:
    """A row that is linked to another login is not found by phone."""
    assert await refused(Parts(), claims_of(E, phone=B.phone)) == "USER_NOT_FOUND"


async def test_the_phone_is_asked_only_if_nothing_else_helps() -> None:
    """A linked user's phone claim is not looked at."""
    assert await found(Parts(), claims_of(B, phone=D.phone)) == B.user


@pytest.mark.parametrize("phone", [None, "+0"])
async def test_a_token_without_user_is_refused(phone: str | None) -> None:
    """E has a valid token and no row."""
    assert await refused(Parts(), claims_of(E, phone=phone)) == "USER_NOT_FOUND"


async def test_a_plus_alone_is_no_number() -> None:
    """It must not find a row with an empty number."""
    parts = Parts()
    parts.tables.add_user(replace(D.user, id=UserId("numberless"), phone_number=""))
    assert await refused(parts, claims_of(E, phone="+")) == "USER_NOT_FOUND"


async def test_tables_that_do_not_answer_are_no_missing_user() -> None:
    """The difference decides whether a client tries again."""
    parts = Parts()
    parts.door.failing["users.by_auth_id"] = StoreDown()
    with pytest.raises(StoreDown):
        await found(parts, claims_of(B))


def test_an_identity_has_the_rows_id_and_the_tokens() -> None:
    """Also for D, whose row does not know the auth id."""
    assert identity_of(B.user, claims_of(B)) == B.identity
    assert identity_of(D.user, claims_of(D)).ids == {D.user_id, AuthId(D.auth_id)}


def test_ids_of_either_kind_mean_people() -> None:
    """Each once, in the order of the ids; the ids of a stranger mean nobody, and then nobody is meant at all."""
    rows = [person.user for person in (A, B, C, D)]
    assert users_of([], rows) == []
    assert users_of([C.auth_id, B.user_id, C.user_id, B.auth_id, A.user_id], rows) == [C.user, B.user, A.user]
    assert users_of([D.user_id], rows) == [D.user]
    assert users_of([D.auth_id], rows) is None
    assert users_of([B.user_id, X.user_id], rows) is None


def test_a_users_id_counts_before_an_auth_id() -> None:
    """It is what clients ought to send; of two rows with one auth id the first counts, the oldest (contract F4)."""
    confused = replace(C.user, auth_user_id=AuthId(B.user_id))
    twin = replace(X.user, auth_user_id=B.auth_id)
    rows = [confused, B.user, twin]
    assert users_of([B.user_id], rows) == [B.user]
    assert users_of([B.auth_id], rows) == [B.user]


@given(st.lists(st.sampled_from([one for person in (A, B, C, F) for one in (person.user_id, person.auth_id)])))
def test_whatever_is_asked_nobody_is_meant_twice_or_left_out(ids: list[str]) -> None:
    """By any number of either kind of ids."""
    people = (A, B, C, F)
    found = users_of(ids, [person.user for person in people])
    assert found is not None
    meant = {person.user_id for person in people if {person.user_id, person.auth_id} & set(ids)}
    assert [user.id for user in found] == list(dict.fromkeys(user.id for user in found))
    assert {user.id for user in found} == meant
