"""A run of the comparisons: who, in which order, how many at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from bridge.client import ClientError, RequestRefused, Unreachable, WireClient
from bridge.clock import Clock
from bridge.comparison.old_way import OldWayFailed
from bridge.settings import Settings
from migration.errors import Interrupted, Refused
from migration.findings import printed
from migration.parity import COMPARISONS
from migration.parity.control import Person, Project, project
from migration.parity.definition import Sides
from migration.parity.people import Signer, User, read_tokens, sample, signed_in, users
from migration.parity.tally import ParityReport, Tally
from migration.parity.trial import tried
from migration.project import host
from migration.settings import Target
from migration.state import write_whole
from migration.voice import Voice

REPORT: Final = "parity.json"


class Wishes(Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    bridge: str
    """The address of its WebSocket."""
    actions: tuple[str, ...] = tuple(COMPARISONS)
    people: int | None = 100
    """None: everybody."""
    conversations: int = 3
    """Of each person, for what is about a conversation."""
    at_once: int = 4
    keep: int = 20
    """How many mismatches to name."""
    seed: str = "1"
    tokens: Path | None = None


def parity(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> ParityReport:
    """Compare both ways and keep the report.

    Raises:
        Refused: nothing was compared.
        Interrupted: the bridge or the project went away.

    """
    if target.project is None:
        raise Refused("This needs the project's API: set SUPABASE_URL and SUPABASE_SECRET_KEY.")
    report = asyncio.run(compared(target.project, wishes, clock, voice))
    write_whole(target.directory / REPORT, printed(report))
    return report


class Tokens:
    """Where people's tokens come from: the shared secret, or a file."""

    def __init__(self, settings: Settings, path: Path | None, clock: Clock) -> None:
        self._given = read_tokens(path) if path else {}
        self._clock = clock
        secret = settings.supabase_jwt_secret
        if secret is None and path is None:
            raise Refused(
                "To ask as people do, their tokens are needed: set SUPABASE_JWT_SECRET, or give --tokens FILE."
            )
        self._signer = Signer(secret.get_secret_value() if secret else "", settings.token_audience)

    def can_be(self, user: User) -> bool:
        """Tell whether there is a token of this user."""
        return not self._given or user.auth_user_id in self._given

    def person(self, user: User) -> Person:
        """Return the user with a token."""
        given = self._given.get(user.auth_user_id)
        return signed_in(user, given or self._signer.token(user.auth_user_id, self._clock.now()))


async def compared(settings: Settings, wishes: Wishes, clock: Clock, voice: Voice) -> ParityReport:
    """Compare both ways.

    Raises:
        Refused: nothing was compared.
        Interrupted: the bridge or the project went away.

    """
    tokens = Tokens(settings, wishes.tokens, clock)
    as_of, began_at = clock.now(), clock.monotonic()
    async with project(settings, wishes.at_once) as reached:
        await _knock(wishes.bridge)
        everybody = [user for user in await users(reached.everything()) if tokens.can_be(user)]
        chosen = sample(everybody, wishes.people, wishes.seed)
        run = Run(reached, tokens, wishes, clock, voice, len(chosen))
        began_at = clock.monotonic()
        await run.all(chosen)
    seconds = clock.monotonic() - began_at
    return ParityReport(
        subject=host(settings),
        bridge=urlsplit(wishes.bridge).netloc,
        as_of=as_of,
        ended_at=clock.now(),
        people=len(chosen),
        everybody=len(everybody),
        seconds=round(seconds, 3),
        people_per_second=round(len(chosen) / seconds, 2) if seconds else 0.0,
        actions=tuple(run.tally.rates.values()),
        mismatches=run.tally.mismatches,
    )


async def _knock(url: str) -> None:
    try:
        async with WireClient.connect(url) as client:
            await client.ping()
    except ClientError as error:
        raise Refused(f"The bridge of --bridge does not answer: {error}.") from None


class Run:
    """People after people, so many at once."""

    def __init__(
        self, reached: Project, tokens: Tokens, wishes: Wishes, clock: Clock, voice: Voice, total: int
    ) -> None:
        self.tally = Tally(wishes.actions, wishes.keep)
        self._project = reached
        self._tokens = tokens
        self._wishes = wishes
        self._clock = clock
        self._voice = voice
        self._total = total
        self._done = 0
        self._began_at = clock.monotonic()

    async def all(self, chosen: Sequence[User]) -> None:
        """Compare for all of them.

        Raises:
            Interrupted: the bridge or the project went away.

        """
        turns = iter(chosen)
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._wishes.at_once):
                    workers.create_task(self._work(turns))
        except* Interrupted as ended:
            raise _first(ended) from None

    async def _work(self, turns: Iterator[User]) -> None:
        for user in turns:
            try:
                await self._compare(self._tokens.person(user))
            except (OldWayFailed, ClientError) as error:
                raise Interrupted(f"The comparison cannot go on: {error}.") from error
            self._done += 1
            self._say()

    def _say(self) -> None:
        passed = self._clock.monotonic() - self._began_at
        rate = self._done / passed if passed else 0.0
        share = self.tally.consistency
        known = "" if share is None else f"; consistency {share:.2%}"
        self._voice.progress(f"parity: {self._done:,} of {self._total:,} people, {rate:.1f} per second{known}")

    async def _compare(self, person: Person) -> None:
        """Go through all comparisons on one connection."""
        chance = Random(f"{self._wishes.seed}/{person.user_id}")
        try:
            async with WireClient.connect(self._wishes.bridge) as client:
                sides = Sides(person=person, control=self._project.of(person), candidate=client, clock=self._clock)
                if await self._is_let_in(sides, chance):
                    await self._try_all(sides, chance)
        except Unreachable as error:
            raise Interrupted(f"The bridge does not answer any more: {error}.") from error

    async def _is_let_in(self, sides: Sides, chance: Random) -> bool:
        """Authenticate, as a comparison of its own where that is wanted."""
        if "auth" in self._wishes.actions:
            outcome = await tried(COMPARISONS["auth"], sides, "", chance)
            self.tally.add("auth", sides.person.user_id, "", outcome)
        try:
            await sides.candidate.authenticate(sides.person.token)
        except RequestRefused:  # quiet: the comparison of `auth` tells of it, where that is wanted
            return False
        return True

    async def _try_all(self, sides: Sides, chance: Random) -> None:
        wanted = [COMPARISONS[name] for name in self._wishes.actions if name != "auth"]
        about_one = any(one.is_about_a_conversation for one in wanted)
        conversations = await self._conversations(sides) if about_one else []
        for comparison in wanted:
            for conversation_id in conversations if comparison.is_about_a_conversation else [""]:
                within = comparison.within
                subject = conversation_id if within is None else await within(sides, conversation_id)
                if subject is not None:
                    outcome = await tried(comparison, sides, subject, chance)
                    self.tally.add(comparison.name, sides.person.user_id, conversation_id, outcome)

    async def _conversations(self, sides: Sides) -> list[str]:
        """Choose some conversations of a person, the same ones for the same seed."""
        found = await sides.control.rows(
            "conversation_participants",
            select="conversation_id",
            user_id=f"eq.{sides.person.user_id}",
            left_at="is.null",
        )
        ids = {str(row["conversation_id"]) for row in found}

        def place(one: str) -> bytes:
            return hashlib.sha256(f"{self._wishes.seed}/{one}".encode()).digest()

        return sorted(ids, key=place)[: self._wishes.conversations]


def _first(group: BaseExceptionGroup[Interrupted]) -> Interrupted:
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("an empty group")
