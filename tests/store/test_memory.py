"""The memory adapter keeps the promises of the Store port, and fails when a test wants it to."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from bridge.clock import EPOCH
from bridge.errors import StoreDown
from bridge.models import ConversationId, MessageId, NewMessage, ParticipantId, User, UserId
from bridge.store import Store
from bridge.store.memory import MemoryStore
from bridge.store.memory.tables import conversation_of
from tests.contract.changes import ChangesContract
from tests.contract.conversations import ConversationsContract
from tests.contract.creating import CreatingContract
from tests.contract.groups import GroupsContract
from tests.contract.messages import MessagesContract
from tests.contract.people import AccountsContract, SearchContract, UsersContract
from tests.contract.presence import CompanionsContract, PresenceContract, TypingContract
from tests.contract.receipts import ReceiptsContract
from tests.contract.repairing import RepairingContract
from tests.contract.scene import person
from tests.contract.sealed import SealedContract
from tests.contract.traits import NoOwnTimersContract, OwnTimersContract, ParticipantsContract, TraitsContract
from tests.people import BIRTH


class MemorySeed:
    """Rows of a MemoryStore."""

    def __init__(self) -> None:
        self.tables = MemoryStore()
        self.tables.can_seal = True
        self.store: Store = self.tables

    async def user(self, user: User) -> None:
        """Insert a users row."""
        self.tables.add_user(user)

    async def conversation(self, kind: str, *, created_by: UserId | None = None) -> ConversationId:
        """Insert an empty conversation."""
        made = ConversationId(str(uuid.uuid4()))
        at = EPOCH + timedelta(seconds=len(self.tables.conversation_rows))
        self.tables.add_conversation(conversation_of(made, kind, created_by=created_by, created_at=at))
        return made

    async def participant(self, conversation_id: ConversationId, user_id: UserId, *, left: bool = False) -> None:
        """Insert a participant row."""
        row = self.tables.add_participant(conversation_id, user_id)
        if left:
            self.tables.rows[row.id] = replace(row, left_at=BIRTH)

    async def role(self, conversation_id: ConversationId, user_id: UserId) -> str | None:
        """Read a participant row."""
        return self.tables.role_of(conversation_id, user_id)

    async def message(self, message: NewMessage, *, deleted: bool = False) -> None:
        """Insert a message."""
        written = await self.tables.messages.insert(message)
        if deleted:
            self.tables.messages_by_id[message.id] = replace(written, deleted_at=BIRTH)

    async def read(self, message_id: MessageId, user_id: UserId) -> None:
        """Mark as read."""
        self.tables.read.add((message_id, user_id))

    async def change(
        self, message_id: MessageId, *, edited_at: datetime | None = None, deleted_at: datetime | None = None
    ) -> None:
        """Set both times."""
        row = self.tables.messages_by_id[message_id]
        self.tables.messages_by_id[message_id] = replace(row, edited_at=edited_at, deleted_at=deleted_at)


@pytest.fixture
def seed() -> MemorySeed:
    """Return empty tables."""
    return MemorySeed()


class TestUsers(UsersContract):
    """The suite, for this adapter."""


class TestConversations(ConversationsContract):
    """The suite, for this adapter."""


class TestMessages(MessagesContract):
    """The suite, for this adapter."""


class TestReceipts(ReceiptsContract):
    """The suite, for this adapter."""


class TestTyping(TypingContract):
    """The suite, for this adapter."""


class TestCreating(CreatingContract):
    """The suite, for this adapter."""


class TestSealed(SealedContract):
    """The suite, for this adapter."""


class TestGroups(GroupsContract):
    """The suite, for this adapter."""


class TestPresence(PresenceContract):
    """The suite, for this adapter."""


class TestSearch(SearchContract):
    """The suite, for this adapter."""


class TestAccounts(AccountsContract):
    """The suite, for this adapter."""


class TestTraits(TraitsContract):
    """The suite, for this adapter."""


class TestParticipants(ParticipantsContract):
    """The suite, for this adapter."""


class TestOwnTimers(OwnTimersContract):
    """The suite, for this adapter."""

    @pytest.fixture(autouse=True)
    def _has_timers(self, seed: MemorySeed) -> None:
        """Let participants have timers."""
        seed.tables.has_own_timers = True


class TestNoOwnTimers(NoOwnTimersContract):
    """The suite, for this adapter."""


class TestCompanions(CompanionsContract):
    """The suite, for this adapter."""


class TestChanges(ChangesContract):
    """The suite, for this adapter."""


class TestRepairing(RepairingContract):
    """The suite, for this adapter."""


async def test_a_test_can_make_every_question_fail(seed: MemorySeed) -> None:
    """As when the database is down."""
    seed.tables.failing = StoreDown()
    with pytest.raises(StoreDown):
        await seed.store.check()
    with pytest.raises(StoreDown):
        await seed.store.messages.by_ids([])


async def test_a_test_can_see_what_was_asked(seed: MemorySeed) -> None:
    """To count round trips."""
    await seed.store.check()
    await seed.store.users.profiles([])
    assert seed.tables.asked == ["check", "users.profiles"]


async def test_damaged_tables_may_hold_a_participant_twice(seed: MemorySeed) -> None:
    """Rows are told apart by number; the kind of a conversation not made before is direct."""
    user, made = person(), ConversationId(str(uuid.uuid4()))
    first, second = (seed.tables.add_participant(made, user.id, number=number) for number in (0, 1))
    assert (first.id, second.id) == (ParticipantId(f"{made}/{user.id}/0"), ParticipantId(f"{made}/{user.id}/1"))
    assert seed.tables.conversation_rows[made].type == "direct"
