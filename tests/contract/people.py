"""What every adapter promises about finding people, and about what they choose for themselves."""

from __future__ import annotations

import uuid

import pytest

from bridge.models import AuthId, OwnProfile, ProfileChanges, User, UserId
from tests.contract.creating import nobody
from tests.contract.scene import Seed, person, profile

SPECIAL = "%_*,\"'()\\.[]^$|?+{}:;&#@!~`/<>=- "


def marked(text: str) -> str:
    """Return a text that nobody else's row contains."""
    return f"{text}{uuid.uuid4().hex}"


class SearchContract:
    """Finding people by a part of a name or number."""

    @pytest.mark.parametrize("field", ["username", "display_name", "phone_number"])
    async def test_a_part_of_each_of_the_three_is_enough(self, seed: Seed, field: str) -> None:
        """In the middle, and in either case; other columns do not count."""
        mark = marked("Xy")
        found, other = person(**{field: f"before {mark} after"}), person(avatar_url=mark)
        for user in (found, other):
            await seed.user(user)
        for text in (mark, mark.lower(), mark.upper()):
            assert list(await seed.store.users.containing(text, without=nobody(), limit=50)) == [found]

    @pytest.mark.parametrize("character", SPECIAL)
    async def test_every_character_stands_for_itself(self, seed: Seed, character: str) -> None:
        """Nothing is a wildcard, and nothing ends the filter early (contract legacy-rest section 3.6)."""
        mark = marked("")
        there, other = person(f"{mark}a{character}b"), person(f"{mark}axb")
        for user in (there, other):
            await seed.user(user)
        assert list(await self._search(seed, f"{mark}a{character}b")) == [there]
        assert await self._search(seed, f"{mark}a{character}{character}b") == []

    async def test_all_special_characters_at_once(self, seed: Seed) -> None:
        """And letters of every script."""
        mark = marked("")
        there = person(f"{mark} {SPECIAL} Ünï ☺ 北京")
        await seed.user(there)
        assert await self._search(seed, f"{mark} {SPECIAL} ünï ☺ 北") == [there]

    async def test_one_person_can_be_left_out(self, seed: Seed) -> None:
        """Whoever searches, by its users.id."""
        mark = marked("")
        one, two = person(mark), person(mark)
        for user in (one, two):
            await seed.user(user)
        assert list(await seed.store.users.containing(mark, without=one.id, limit=50)) == [two]

    async def test_the_first_by_username_are_returned(self, seed: Seed) -> None:
        """So many as are asked for."""
        mark = marked("")
        crowd = [person(username=f"{mark}{letter}") for letter in "cadb"]
        for user in crowd:
            await seed.user(user)
        found = await seed.store.users.containing(mark, without=nobody(), limit=3)
        assert [user.username for user in found] == [f"{mark}{letter}" for letter in "abc"]

    async def _search(self, seed: Seed, text: str) -> list[User]:
        return list(await seed.store.users.containing(text, without=nobody(), limit=50))


class AccountsContract:
    """Profile texts and retention."""

    async def test_what_is_given_is_written_and_the_rest_stays(self, seed: Seed) -> None:
        """Texts, and None; the profile is returned as it is then."""
        user = person("Ann", avatar_url="https://example.org/a.png")
        await seed.user(user)
        steps = [
            (ProfileChanges(bio="One"), ("One", None)),
            (ProfileChanges(website="example.org"), ("One", "example.org")),
            (ProfileChanges(), ("One", "example.org")),
            (ProfileChanges(bio=None), (None, "example.org")),
            (ProfileChanges(bio="☺ \\x41", website=None), ("☺ \\x41", None)),
        ]
        for changes, (bio, website) in steps:
            written = await seed.store.accounts.update_profile(user.id, changes)
            assert written == OwnProfile(profile=profile(user), bio=bio, website=website)

    @pytest.mark.parametrize("changes", [ProfileChanges(bio="x"), ProfileChanges()])
    async def test_nobodys_profile_is_not_written(self, seed: Seed, changes: ProfileChanges) -> None:
        """And that is said."""
        assert await seed.store.accounts.update_profile(nobody(), changes) is None

    async def test_retention_is_kept_for_each_person(self, seed: Seed) -> None:
        """30 days where nothing was chosen."""
        ann, bob = person(), person()
        for user in (ann, bob):
            await seed.user(user)
        accounts = seed.store.accounts
        assert await accounts.retention_days(ann.id) == 30
        for days in (0, 2_147_483_647):
            assert await accounts.set_retention_days(ann.id, days)
            assert await accounts.retention_days(ann.id) == days
        assert await accounts.retention_days(bob.id) == 30

    async def test_nobody_has_no_retention(self, seed: Seed) -> None:
        """A write that changes no row is no success (contract legacy-rest section 3.8)."""
        stranger = UserId(nobody())
        assert await seed.store.accounts.retention_days(stranger) is None
        assert not await seed.store.accounts.set_retention_days(stranger, 5)


class UsersContract:
    """People."""

    async def test_rows_are_found_by_auth_id_the_oldest_first(self, seed: Seed) -> None:
        """Linked rows in the order of their age, then the row whose id it is."""
        auth_id = AuthId(str(uuid.uuid4()))
        same = person("Same", id=auth_id, auth_user_id=None)
        linked = [person(f"Linked {number}", auth_user_id=auth_id) for number in range(3)]
        for user in (same, *linked):
            await seed.user(user)
        assert list(await seed.store.users.by_auth_id(auth_id)) == [*linked, same]

    async def test_a_row_that_is_linked_and_has_the_id_is_found_once(self, seed: Seed) -> None:
        """Users like A."""
        auth_id = str(uuid.uuid4())
        user = person("A", id=auth_id, auth_user_id=auth_id)
        await seed.user(user)
        assert list(await seed.store.users.by_auth_id(AuthId(auth_id))) == [user]

    async def test_an_unknown_auth_id_has_no_rows(self, seed: Seed) -> None:
        """E."""
        assert list(await seed.store.users.by_auth_id(AuthId(str(uuid.uuid4())))) == []

    async def test_rows_are_found_by_phone_the_oldest_first(self, seed: Seed) -> None:
        """By any of the numbers, linked or not, exactly as they are stored."""
        first, second = person("First", auth_user_id=None), person("Second")
        await seed.user(first)
        await seed.user(second)
        numbers = {first.phone_number, second.phone_number, "+0"}
        assert list(await seed.store.users.by_phone(numbers)) == [first, second]
        assert list(await seed.store.users.by_phone([first.phone_number.removeprefix("+")])) == []

    async def test_profiles_are_found_by_id(self, seed: Seed) -> None:
        """Unknown ids are absent."""
        user = person(avatar_url="https://example.org/p.png")
        await seed.user(user)
        found = await seed.store.users.profiles([user.id, UserId(str(uuid.uuid4()))])
        assert dict(found) == {user.id: profile(user)}
