"""What an action may use, and who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.capabilities import Capability
from bridge.clock import Clock
from bridge.crowd import Guests
from bridge.health import Health
from bridge.history import History
from bridge.hub import Hub
from bridge.left_rooms import LeftRooms
from bridge.lists import Lists
from bridge.logins import Logins
from bridge.measures import Measures
from bridge.members import Members
from bridge.message_states import MessageStates
from bridge.models import ConversationId, Identity, Profile, User, profile_of
from bridge.presence import PresenceState
from bridge.profiles import Profiles
from bridge.quotes import Quotes
from bridge.receipts import Receipts
from bridge.send_times import SendTimes
from bridge.store import Store
from bridge.tracing import NoTracing, Tracing
from bridge.typing_state import TypingState
from bridge.usage.notes import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The parts of one bridge process that actions work with."""

    store: Store
    members: Members
    profiles: Profiles
    quotes: Quotes
    hub: Hub
    times: SendTimes
    typing: TypingState
    receipts: Receipts
    presence: PresenceState
    health: Health
    message_states: MessageStates
    lists: Lists
    left_rooms: LeftRooms
    guests: Guests
    logins: Logins
    history: History
    usage: Usage
    clock: Clock
    measures: Measures = field(default_factory=Measures)
    tracing: Tracing = field(default_factory=NoTracing)


@dataclass(slots=True)
class Rooms:
    """Which conversations a client has opened; the latest is the one on its screen (contract ws-protocol section 6)."""

    joined: dict[ConversationId, None] = field(default_factory=dict)
    typing: set[ConversationId] = field(default_factory=set)

    @property
    def latest(self) -> ConversationId | None:
        """Return the conversation joined last."""
        return next(reversed(self.joined), None)

    def join(self, conversation_id: ConversationId) -> None:
        """Open a conversation, or bring it to the front."""
        self.joined.pop(conversation_id, None)
        self.joined[conversation_id] = None

    def leave(self, conversation_id: ConversationId) -> None:
        """Close a conversation."""
        self.joined.pop(conversation_id, None)
        self.typing.discard(conversation_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The authenticated client that an action is done for."""

    identity: Identity
    user: User
    rooms: Rooms
    capabilities: frozenset[Capability] = frozenset()

    @property
    def profile(self) -> Profile:
        """Return what others see of the caller."""
        return profile_of(self.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an action returns: the reply's payload, and what has to happen right after the reply is on its way.

    `then` never waits. It exists because a sender's `message_sent` comes before its own `message_received`
    (contract ws-protocol section 9).
    """

    result: object
    then: Callable[[], None] | None = None
