"""A run of the comparisons: who, in which order, how many at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from bridge.client import ClientError, RequestRefused, Unreachable, WireClient
from bridge.clock import Clock
from bridge.comparison.old_way import OldWayFailed
from bridge.settings import Settings
from compat.cookies import default_name
from migration.errors import Interrupted, Refused
from migration.findings import printed
from migration.parity import COMPARISONS, Comparison, OldSide
from migration.parity.control import Person, Project, project
from migration.parity.definition import Sides
from migration.parity.old_server import KNOCKS, OldServer, old_server
from migration.parity.people import Tokens, User, sample, users
from migration.parity.tally import ParityReport, Tally
from migration.parity.trial import tried
from migration.project import host
from migration.settings import Target
from migration.state import write_whole
from migration.voice import Voice

REPORTS: Final[Mapping[OldSide, str]] = {OldSide.POSTGREST: "parity.json", OldSide.REST: "parity-rest.json"}


class Wishes(Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    bridge: str
    """The address of its WebSocket."""
    actions: tuple[str, ...] = tuple(COMPARISONS[OldSide.POSTGREST])
    rest_url: str | None = None
    """Where the app's own endpoints are, if they are the old way; else the project is asked."""
    strict: bool = False
    """Whether nothing is excused: no declared difference, and no old way that fails."""
    people: int | None = 100
    """None: everybody."""
    conversations: int = 3
    """Of each person, for what is about a conversation."""
    at_once: int = 4
    keep: int = 20
    """How many mismatches to name."""
    seed: str = "1"
    tokens: Path | None = None

    @property
    def old(self) -> OldSide:
        """Return whom the old way asks."""
        return OldSide.POSTGREST if self.rest_url is None else OldSide.REST


def parity(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> ParityReport:
    """Compare both ways and keep the report.

    Raises:
        Refused: nothing was compared.
        Interrupted: the bridge or the project went away.

    """
    if target.project is None:
        raise Refused("This needs the project's API: set SUPABASE_URL and SUPABASE_SECRET_KEY.")
    report = asyncio.run(compared(target.project, wishes, clock, voice))
    write_whole(target.directory / REPORTS[wishes.old], printed(report))
    return report


async def compared(settings: Settings, wishes: Wishes, clock: Clock, voice: Voice) -> ParityReport:
    """Compare both ways.

    Raises:
        Refused: nothing was compared.
        Interrupted: the bridge or the project went away.

    """
    tokens = Tokens(settings, wishes.tokens, clock)
    as_of, began_at = clock.now(), clock.monotonic()
    async with project(settings, wishes.at_once) as reached, _old_server(settings, wishes) as server:
        await _knock(wishes.bridge)
        everybody = [user for user in await users(reached.everything()) if tokens.can_be(user)]
        chosen = sample(everybody, wishes.people, wishes.seed)
        if server is not None:
            await server.prove([tokens.person(user) for user in chosen[:KNOCKS]])
        run = Run(Ways(reached, server), tokens, wishes, clock, voice, len(chosen))
        began_at = clock.monotonic()
        await run.all(chosen)
    seconds = clock.monotonic() - began_at
    return ParityReport(
        subject=host(settings),
        old=wishes.old,
        old_server=None if wishes.rest_url is None else urlsplit(wishes.rest_url).netloc.rpartition("@")[2],
        is_strict=wishes.strict,
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


@asynccontextmanager
async def _old_server(settings: Settings, wishes: Wishes) -> AsyncIterator[OldServer | None]:
    if wishes.rest_url is None:
        yield None
        return
    cookie_name = settings.session_cookie or default_name(settings.supabase_url)
    async with old_server(wishes.rest_url, cookie_name, wishes.at_once) as server:
        yield server


async def _knock(url: str) -> None:
    try:
        async with WireClient.connect(url) as client:
            await client.ping()
    except ClientError as error:
        raise Refused(f"The bridge of --bridge does not answer: {error}.") from None


class Ways(NamedTuple):
    """Where the old way is asked: the project, always, and the app's own endpoints if these are compared."""

    project: Project
    server: OldServer | None

    def sides(self, person: Person, client: WireClient, clock: Clock) -> Sides:
        """Return both ways as one person sees them."""
        return Sides(
            person=person,
            control=self.project.of(person),
            candidate=client,
            clock=clock,
            rest=self.server.of(person) if self.server else None,
        )


class Run:
    """People after people, so many at once."""

    def __init__(self, ways: Ways, tokens: Tokens, wishes: Wishes, clock: Clock, voice: Voice, total: int) -> None:
        self.tally = Tally(wishes.actions, wishes.keep)
        self._ways = ways
        self._comparisons = COMPARISONS[wishes.old]
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
                sides = self._ways.sides(person, client, self._clock)
                if await self._is_let_in(sides, chance):
                    await self._try_all(sides, chance)
        except Unreachable as error:
            raise Interrupted(f"The bridge does not answer any more: {error}.") from error

    async def _is_let_in(self, sides: Sides, chance: Random) -> bool:
        """Authenticate, as a comparison of its own where that is wanted."""
        if "auth" in self._wishes.actions:
            await self._try(self._comparisons["auth"], sides, "", "", chance)
        try:
            await sides.candidate.authenticate(sides.person.token)
        except RequestRefused:  # quiet: the comparison of `auth` tells of it, where that is wanted
            return False
        return True

    async def _try_all(self, sides: Sides, chance: Random) -> None:
        wanted = [self._comparisons[name] for name in self._wishes.actions if name != "auth"]
        about_one = any(one.is_about_a_conversation for one in wanted)
        conversations = await self._conversations(sides) if about_one else []
        for comparison in wanted:
            for conversation_id in conversations if comparison.is_about_a_conversation else [""]:
                within = comparison.within
                subject = conversation_id if within is None else await within(sides, conversation_id)
                if subject is not None:
                    await self._try(comparison, sides, subject, conversation_id, chance)

    async def _try(
        self, comparison: Comparison, sides: Sides, subject: str, conversation_id: str, chance: Random
    ) -> None:
        outcome = await tried(comparison, sides, subject, chance, strict=self._wishes.strict)
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
