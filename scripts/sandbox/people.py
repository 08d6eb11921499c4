"""The sample people as a sandbox knows them: their rows, their accounts, their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from scripts.sandbox.accounts import PASSWORD, set_passwords
from scripts.sandbox.address import PersonAddress
from scripts.sandbox.keys import Keys
from scripts.sandbox.seed import PEOPLE, Person, seed
from scripts.sandbox.sessions import issuer

USUAL_LIFETIME_SECONDS = 24 * 3600.0


class People:
    """The people of one sandbox; nobody if it is not seeded."""

    def __init__(self, *, keys: Keys, url: str, seeded: bool) -> None:
        self._keys = keys
        self._issuer = issuer(url)
        self._people = PEOPLE if seeded else {}
        self._conversations: dict[str, UUID] = {}
        self._seeded = seeded

    async def seed(self, dsn: str) -> None:
        """Write the sample rows."""
        if self._seeded:
            self._conversations = {name: UUID(found) for name, found in (await seed(dsn)).items()}

    async def set_passwords(self, dsn: str) -> None:
        """Let those with an e-mail address sign in; needs the Auth server's tables and the sample rows."""
        await set_passwords(dsn, [person.auth_id for person in self._people.values() if person.auth_id])

    def mint(self, who: str, *, lifetime_seconds: float, claims: Mapping[str, object]) -> str:
        """Sign a token for a person's name or for any auth id; given claims replace the usual ones.

        Raises:
            LookupError: no such person, no account, and no auth id either.

        """
        person = self._people.get(who)
        if person is not None and person.auth_id is None:
            raise LookupError(f"{who} has no account")
        auth_id = who if person is None else person.auth_id
        try:
            return self._sign(str(UUID(auth_id)), person, lifetime_seconds, claims)
        except ValueError as error:
            raise LookupError(f"{who!r} is neither a sample person nor an auth id") from error

    def addresses(self) -> dict[str, PersonAddress]:
        """Return everybody by name, with a fresh token."""
        return {name: self._address(person) for name, person in self._people.items()}

    def conversations(self) -> dict[str, UUID]:
        """Return the sample conversations by name, once they are written."""
        return self._conversations

    def _address(self, person: Person) -> PersonAddress:
        token = self._sign(person.auth_id, person, USUAL_LIFETIME_SECONDS, {}) if person.auth_id else None
        return PersonAddress(
            user_id=UUID(person.user_id) if person.user_id else None,
            auth_id=UUID(person.auth_id) if person.auth_id else None,
            token=token,
            email=person.email,
            password=PASSWORD if person.auth_id and person.email else None,
        )

    def _sign(self, auth_id: str, person: Person | None, lifetime_seconds: float, claims: Mapping[str, object]) -> str:
        """Sign a token with the claims of a password sign-in, but of no session: Auth's `/user` takes it, too."""
        usual = {
            "iss": self._issuer,
            "email": (person.email or "") if person else "",
            "phone": person.auth_phone if person else "",
            "aal": "aal1",
            "is_anonymous": False,
        }
        return self._keys.mint(auth_id, lifetime_seconds=lifetime_seconds, **{**usual, **claims})
