"""Whose list of conversations changes, and who in a conversation hears of its members (contract F8, F28).

Our own actions and the feed's changes come here alike, so the same fact comes at least twice: it is told when it
differs from what was told last. That memory is bounded, and a fact that was forgotten is told again; it does no harm,
for each push is a state that replaces the one before. What a client loads is not taken as told, for another socket of
the same user may not have loaded it; only that the conversation is in the list is noted.

Nothing is asked unless somebody is here whose client wants to know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from bridge.capabilities import Capability
from bridge.clock import Clock
from bridge.events import ConversationAdded, ConversationChanged, ConversationRemoved, MemberAdded, MemberRemoved
from bridge.hub import Hub
from bridge.identity import users_of
from bridge.lists.asking import lines_of
from bridge.lists.told import GONE, LISTED, Told, face_of
from bridge.members import NOBODY, Members
from bridge.models import (
    Conversation,
    ConversationId,
    ConversationSummary,
    Identity,
    Participant,
    ParticipantId,
    Profile,
    User,
    UserId,
    profile_of,
)
from bridge.presence import PresenceState
from bridge.recent import Recent
from bridge.store import Store

CAPACITY = 100_000
PAIR = 2
NEW_SECONDS = 60.0
"""How long whoever is in a conversation has come into it just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What there is to tell about a conversation, asked for in advance: telling itself never waits."""

    conversation_id: ConversationId
    members: Set[str] = NOBODY
    entered: Set[str] = NOBODY
    is_new: bool = False
    lines: Collection[tuple[Identity, ConversationSummary]] = ()
    people: Collection[tuple[UserId, Profile, str | None]] = ()
    """With the id in the participant row, which may be an auth id."""


class Lists:
    """Tells people what is new in their lists, and members who the members are."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        members: Members,
        presence: PresenceState,
        clock: Clock,
        *,
        capacity: int = CAPACITY,
    ) -> None:
        self._store = store
        self._hub = hub
        self._members = members
        self._presence = presence
        self._clock = clock
        self._told = Told(capacity)
        self._rows: Recent[ParticipantId, Participant] = Recent(capacity)
        self._gone: Recent[ConversationId, bool] = Recent(capacity)
        self._new: Recent[ConversationId, bool] = Recent(capacity, clock=clock, max_age_seconds=NEW_SECONDS)

    async def entered(self, conversation_id: ConversationId, roles: Mapping[UserId, str | None]) -> News:
        """Deliver to these people from now on, and return what is to be told of their coming.

        Raises:
            StoreError: that cannot be read.

        """
        self._gone.discard(conversation_id)
        self._hub.readmit(conversation_id, roles.keys())
        if not self._is_anybody_interested():
            return News(conversation_id=conversation_id)
        members = await self._members.of(conversation_id)
        is_new = conversation_id in self._new
        if is_new:
            self._hub.readmit(conversation_id, members)  # its id may have been that of a deleted one
        # All at once into a new one: nobody shall hear of a member before hearing of the conversation.
        here = self._hub.listeners(members if is_new else members & roles.keys(), Capability.CONVERSATIONS)
        arrived = {one for one in here if not self._told.has_face(conversation_id, one)}
        lines = await self._ask(conversation_id, arrived | self._called_after_others(conversation_id, members))
        is_heard = bool(self._hub.listeners(members, Capability.MEMBERS))
        people = await self._users(roles.keys()) if is_heard else {}
        return News(
            conversation_id=conversation_id,
            members=members,
            entered=roles.keys(),
            is_new=is_new,
            lines=lines,
            people=[(one, profile_of(user), roles[one]) for one, user in people.items()],
        )

    def tell(self, news: News) -> None:
        """Tell what is news of it, but nobody who was removed meanwhile."""
        present = self._hub.present(news.conversation_id, news.members)
        for identity, summary in news.lines:
            if identity.is_among(present):
                self._tell_line(identity, summary, news)
        for row_id, person, role in news.people:
            if row_id in present and self._told.is_seat_news(news.conversation_id, person.id, (role,)):
                self._hub.publish(MemberAdded(topic=news.conversation_id, member=person, role=role), present)
                self._introduce(person.id, present - {row_id, person.id})

    async def left(self, conversation_id: ConversationId, user_id: UserId) -> None:
        """Deliver nothing more to somebody whose participant row is no longer active, and tell.

        Raises:
            StoreError: who is to be told cannot be read.

        """
        members = await self._remaining(conversation_id)
        if user_id in members:
            return  # by another row, or back already
        for identity in self._hub.listeners({user_id}, Capability.CONVERSATIONS):
            if not identity.is_among(members):
                self._tell_removal(conversation_id, identity)
        self._hub.remove(conversation_id, {user_id})
        if self._hub.listeners(members, Capability.MEMBERS):
            await self._tell_member_gone(conversation_id, user_id, members)
        self._told.take_as_gone(conversation_id, user_id)
        lines = await self._ask(conversation_id, self._called_after_others(conversation_id, members))
        self.tell(News(conversation_id=conversation_id, members=members, lines=lines))

    def listed(self, identity: Identity, summary: ConversationSummary) -> None:
        """Note that a conversation is in somebody's list, and by which participant rows."""
        for row in summary.own_rows:
            self._rows.put(row.id, row)
        self._told.take_listed(summary.id, identity)

    def conversation_made(self, conversation_id: ConversationId, row: Conversation | None = None) -> None:
        """Take in that a conversation is new, and what it looks like; its participants bring it into lists.

        Our own actions say so before they write it, for the echo of its participants may overtake them.
        """
        self._gone.discard(conversation_id)
        self._new.put(conversation_id, True)  # only the key matters
        if row is not None:
            self._told.take_look(row)

    async def conversation_written(self, conversation_id: ConversationId, row: Conversation | None) -> None:
        """Tell its members if it looks different; without a row that is to be found out.

        Raises:
            StoreError: that cannot be read.

        """
        if row is not None and not self._told.is_look_news(row):
            return
        self.tell(await self.rewritten(conversation_id))
        if row is not None:
            self._told.take_look(row)

    async def rewritten(self, conversation_id: ConversationId) -> News:
        """Return what is to be told its members of what it looks like now.

        Raises:
            StoreError: that cannot be read.

        """
        if not self._hub.is_understood(Capability.CONVERSATIONS):
            return News(conversation_id=conversation_id)
        members = await self._members.of(conversation_id)
        lines = await self._ask(conversation_id, self._hub.listeners(members, Capability.CONVERSATIONS))
        return News(conversation_id=conversation_id, members=members, lines=lines)

    def conversation_deleted(self, conversation_id: ConversationId, members: Set[UserId]) -> None:
        """Tell those who are known to have been in it; others are told as their participant rows go."""
        self._gone.put(conversation_id, True)  # only the key matters
        for identity in self._hub.listeners(members, Capability.CONVERSATIONS):
            self._tell_removal(conversation_id, identity)
        self._hub.remove(conversation_id, members)
        for user_id in members:
            self._told.take_as_gone(conversation_id, user_id)

    def doubt(self) -> None:
        """Forget what was told: after a gap clients read their lists anew, and then hear of every change."""
        self._told.forget()

    def is_gone(self, conversation_id: ConversationId) -> bool:
        """Tell whether a conversation was deleted lately: the rows that go with it are nobody's news."""
        return conversation_id in self._gone

    def take_row(self, row: Participant) -> Participant | None:
        """Remember whose row this is, and return what it was before as far as is known."""
        before = self._rows.get(row.id)
        self._rows.put(row.id, row)
        return before

    def drop_row(self, row_id: ParticipantId) -> Participant | None:
        """Return whose row this was as far as is known, and forget it."""
        return self._rows.discard(row_id)

    def _is_anybody_interested(self) -> bool:
        return any(self._hub.is_understood(one) for one in (Capability.CONVERSATIONS, Capability.MEMBERS))

    def _called_after_others(self, conversation_id: ConversationId, members: Set[str]) -> frozenset[Identity]:
        """Return who may see another name now: a direct conversation is called after the other person.

        Only those who are known to have it in their lists: to the others their own coming is told in a moment.
        """
        if len(members) > PAIR:
            return frozenset()
        here = self._hub.listeners(members, Capability.CONVERSATIONS)
        return frozenset(one for one in here if self._told.is_in_list(conversation_id, one))

    async def _remaining(self, conversation_id: ConversationId) -> frozenset[UserId]:
        if self.is_gone(conversation_id):
            return NOBODY
        if self._is_anybody_interested():
            return await self._members.of(conversation_id)
        return self._members.known(conversation_id) or NOBODY

    def _tell_line(self, identity: Identity, summary: ConversationSummary, news: News) -> None:
        told, face = self._told.line(summary.id, identity), face_of(summary)
        if told == {face}:
            return
        self._told.take_line(summary.id, identity, face)
        has_entered = told <= {None, LISTED} and identity.is_among(news.entered)
        is_added = GONE in told or has_entered or (told == {None} and news.is_new)
        event = ConversationAdded if is_added else ConversationChanged
        self._hub.publish(event(topic=summary.id, summary=summary), identity.ids)

    def _tell_removal(self, conversation_id: ConversationId, identity: Identity) -> None:
        if self._told.line(conversation_id, identity) != {GONE}:
            self._told.take_line(conversation_id, identity, GONE)
            self._hub.publish(ConversationRemoved(topic=conversation_id), identity.ids)

    def _introduce(self, user_id: UserId, others: Set[str]) -> None:
        """Say that somebody is here: when it became so, only those heard of it who shared a conversation already."""
        presence = self._presence.of_newcomer(user_id)
        if presence is not None:
            self._hub.publish(presence, others)

    async def _tell_member_gone(
        self, conversation_id: ConversationId, user_id: UserId, members: frozenset[UserId]
    ) -> None:
        """Tell that somebody is out; not of an account that is gone altogether, whose id may have been an auth id."""
        for user in (await self._users({user_id})).values():
            is_still_in = not members.isdisjoint({user.id, user.auth_user_id})
            if not is_still_in and self._told.is_seat_news(conversation_id, user.id, GONE):
                self._hub.publish(MemberRemoved(topic=conversation_id, user_id=user.id), members)

    async def _ask(
        self, conversation_id: ConversationId, identities: Collection[Identity]
    ) -> list[tuple[Identity, ConversationSummary]]:
        return await lines_of(conversation_id, identities, self._store.conversations, self._clock.now())

    async def _users(self, ids: Collection[UserId]) -> dict[UserId, User]:
        """Return whom ids in participant rows mean: some hold the auth id, which must not be told (contract F1)."""
        rows = await self._store.users.by_any_ids(ids)
        return {one: found[0] for one in ids if (found := users_of([one], rows))}
