"""What a client that comes back has missed (contract F27, F30): told again in order, all of it or nothing.

A client that shows a cursor knows what it has. Of one that cannot we know when connections of its user ended, or that
one seems to be open still, and that it had shown a sign of life not long before: what was told since the first of these
ends is told again, and the old clients drop what they have, by its id. Whoever comes to a process that has just started
is told what was said lately: that very restart may have cut it off. Whoever was never here may come from another
bridge, which wrote when it last knew them to be there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Final

import structlog

from bridge.absent import LOOKED_FOR
from bridge.actions.context import Context
from bridge.capabilities import Capability
from bridge.errors import StoreError
from bridge.events import ConversationRemoved, Event, MessageSent, MessageUpdated, Topicless
from bridge.history import MAX_AGE_SECONDS, Entry
from bridge.models import ConversationId, Identity
from bridge.outbox import Room
from bridge.signed_in import Session

MAX_ENTRIES: Final = 500
"""More is quicker loaded than told again. A client that cannot be told to load is told as much as its outbox takes."""
MAX_CHARACTERS: Final = 1024 * 1024

Source = Callable[[], Sequence[Entry] | None]

log = structlog.get_logger(__name__)


def nothing() -> Sequence[Entry]:
    """Return nothing: a client that can show a cursor and shows none begins anew."""
    return ()


def after(cursor: str, identity: Identity, capabilities: frozenset[Capability], context: Context) -> Source:
    """Look for what was told after a cursor to somebody with a client that understands this."""
    since = context.hub.looked_since(identity, capabilities) if capabilities & LOOKED_FOR else 0
    context.hub.expect(identity, capabilities)  # while it is asked who is a member, too
    return lambda: None if since is None else context.history.after(cursor, known_after=since)


def held_back(session: Session, cursor: str | None, context: Context) -> Source:
    """Look for what an open connection was not told, for its token had expired; all else it has, or is about to get.

    With a cursor it is told whether that is all; not after a gap, in which things were missed here, too.
    """

    def look() -> Sequence[Entry] | None:
        if cursor and context.history.after(cursor) is None:
            return None
        return () if session.silent_after is None else context.history.from_place(session.silent_after)

    return look


def since(moment: float, context: Context) -> Source:
    """Look for what was told since a moment of the monotonic clock."""
    return lambda: context.history.since(moment)


def since_last_sign_of_life(identity: Identity, silence_limit_seconds: float, context: Context) -> Source:
    """Look for what one of the user's connections may not have got; a peer is silent for so long at most."""
    if context.clock.monotonic() - context.history.started_at < MAX_AGE_SECONDS:
        return since(context.history.started_at, context)  # whoever else of this user has come since
    ended_at = context.left_rooms.ended_at(identity.user_id)
    if context.guests.is_here(identity.user_id):
        # Perhaps another device; perhaps this client, whose dead connection nobody has noticed yet.
        ended_at = ended_at or context.clock.monotonic()
    if ended_at is not None:
        return since(ended_at - silence_limit_seconds, context)
    seen_at = context.left_rooms.seen_elsewhere_at(identity.user_id)
    return nothing if seen_at is None else since(seen_at - silence_limit_seconds, context)


def source_for(
    cursor: str | None,
    capabilities: frozenset[Capability],
    identity: Identity,
    session: Session | None,
    silence_limit_seconds: float,
    context: Context,
) -> Source:
    """Return where to look for what a client has missed that shows this cursor; `session` is the connection's own."""
    own = session if session is not None and session.identity == identity else None
    if cursor and not (own and own.has_told(cursor, capabilities)):
        return after(cursor, identity, capabilities, context)
    if own is not None:
        return held_back(own, cursor, context)
    if Capability.RESUME in capabilities:
        return nothing
    return since_last_sign_of_life(identity, silence_limit_seconds, context)


class Comeback:
    """One client coming back: first what has to be asked, then, without waiting, what is to be told."""

    def __init__(
        self, identity: Identity, source: Source, context: Context, room: Room, *, all_or_nothing: bool
    ) -> None:
        self._all_or_nothing = all_or_nothing
        self._room = share_of(room, MAX_ENTRIES if all_or_nothing else room.frames)
        self._identity = identity
        self._source = source
        self._context = context
        self._allowed: set[ConversationId] = set()
        self._asked_until = 0
        self._failed = False

    async def prepare(self) -> None:
        """Find out which of the conversations the client's user is in now; a failure means that nothing is resumed.

        Raises:
            StoreError: it cannot be found out, and the client cannot be told to load. Let in, it would never learn what
                it missed, or learn it at its next return, after what is new; refused, it comes back.

        """
        entries = self._concerned()
        topics = {entry.event.topic for entry in entries if not isinstance(entry.event, Topicless)}
        try:
            for topic in topics:
                if self._identity.is_among(await self._context.members.of(topic)):
                    self._allowed.add(topic)
        except StoreError as error:
            if not self._all_or_nothing:
                raise
            log.warning("resuming.failed", cause=type(error).__name__, detail=str(error))
            self._failed = True
        self._asked_until = entries[-1].sequence if entries else self._asked_until

    def entries(self, takes: Callable[[Event], bool]) -> Sequence[Entry] | None:
        """Return what the client is to be told, in order; None if that is not known completely, or too much.

        Who cannot be told so gets the newest: it was away for a moment as a rule, however long a time we look back.
        """
        if self._failed or self._source() is None:
            return None
        found = [entry for entry in self._concerned() if self._is_allowed(entry) and takes(entry.event)]
        newest = newest_of(found, self._room)
        return None if self._all_or_nothing and len(newest) < len(found) else newest

    def _concerned(self) -> list[Entry]:
        return [entry for entry in self._source() or () if self._identity.is_among(entry.members)]

    def _is_allowed(self, entry: Entry) -> bool:
        """Tell whether the client may be told; whoever was a member then may have been removed since (contract F8)."""
        event = entry.event
        if isinstance(event, Topicless | ConversationRemoved):
            return True
        if isinstance(event, MessageSent) and self._context.message_states.is_lost(event.message.id):
            return False
        # What came after the questions was told a moment ago, to who was a member then.
        was_member = event.topic in self._allowed or entry.sequence > self._asked_until
        return was_member and is_member_still(self._identity, event.topic, entry.members, self._context)


def is_member_still(identity: Identity, topic: ConversationId, members: Set[str], context: Context) -> bool:
    """Tell whether nothing is known of a removal since somebody was one of these members.

    What was found out first waits for the other answers, and is older than a removal that is heard of meanwhile.
    """
    known = context.members.known(topic)
    here = context.hub.present(topic, members)
    return identity.is_among(here) and (known is None or identity.is_among(known))


def share_of(room: Room, max_entries: int) -> Room:
    """Return how much may be told again at once, so that what is new has its place in the outbox, too."""
    return Room(
        frames=min(max_entries, room.frames * 3 // 4),
        characters=min(MAX_CHARACTERS, room.characters // 4),  # for a frame holds more than what was written
    )


def newest_of(entries: Sequence[Entry], room: Room) -> Sequence[Entry]:
    """Return as many of the last entries as may be told again."""
    left, first = room.characters, max(0, len(entries) - room.frames)
    for number in range(len(entries) - 1, first - 1, -1):
        left -= _characters(entries[number].event)
        if left < 0:
            return entries[number + 1 :]
    return entries[first:]


def _characters(event: Event) -> int:
    return len(event.message.content) if isinstance(event, MessageSent | MessageUpdated) else 0
