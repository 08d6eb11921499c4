"""The parts of a bridge process without a network: memory tables, a feed by hand, a clock that stands still."""

from __future__ import annotations

from datetime import timedelta

from bridge.actions.context import Caller, Context, Rooms
from bridge.auth import TokenVerifier
from bridge.capabilities import Capability
from bridge.clock import FakeClock
from bridge.crowd import Guests, UserLimits
from bridge.dial import Dial
from bridge.feed.memory import MemoryFeed
from bridge.health import Health
from bridge.history import History
from bridge.hub import Hub
from bridge.left_rooms import LeftRooms
from bridge.lists import Lists
from bridge.logins import Logins
from bridge.measures import Measures
from bridge.members import Members
from bridge.message_states import MessageStates
from bridge.models import ConversationId, Message
from bridge.presence import PresenceState
from bridge.presence_upkeep import PresenceUpkeep
from bridge.profiles import Profiles
from bridge.quotes import Quotes
from bridge.rates import Rate
from bridge.receipts import Receipts
from bridge.relay import Relay
from bridge.rollout.asking import Rollout
from bridge.send_times import SendTimes
from bridge.shadow import Shadow
from bridge.store.memory.tables import conversation_of
from bridge.typing_state import TypingState
from bridge.usage.notes import Usage
from tests.gated import GatedStore
from tests.people import OTHER_ROOM, ROOM, USERS, A, B, C, D, Person, X
from tests.tokens import AUDIENCE, SECRET, Mint, keyring_of

LEEWAY_SECONDS = 5.0
OVERLAP = timedelta(seconds=60)
GRACE_SECONDS = 15.0
HEARTBEAT_SECONDS = 120.0
RESUME_ROOMS_SECONDS = 600.0
LOGIN_CHECK_SECONDS = 300.0
USER_LIMITS = UserLimits(max_connections=20, frames=Rate(per_second=100.0, burst=10_000))


def fill(store: GatedStore) -> None:
    """Put the people and their conversations in."""
    for person in USERS:
        store.tables.add_user(person.user)
    for person in (A, B, C, D):
        store.tables.add_participant(ROOM, person.user_id)
    for person in (C, X):
        store.tables.add_participant(OTHER_ROOM, person.user_id)
    store.tables.add_conversation(conversation_of(ROOM, "room"))


class Parts:
    """The parts of a bridge process, put together as bridge.app does; enough where no client takes part.

    `before`: the process before this one, whose tables and time go on.
    """

    def __init__(self, before: Parts | None = None) -> None:
        self.clock: FakeClock = before.clock if before else FakeClock()
        self.store: GatedStore = GatedStore(before.store.tables if before else None)
        if before is None:
            fill(self.store)
        self.door = self.store.door
        self.tables = self.store.tables
        self.feed = MemoryFeed()
        history = History(self.clock)
        self.usage = Usage(self.clock, lambda: True)
        self.measures = Measures()
        hub = Hub(self.clock, history, self.measures)
        members = Members(self.store.conversations, self.clock, 60.0)
        presence = PresenceState(self.clock, grace_seconds=GRACE_SECONDS, heartbeat_seconds=HEARTBEAT_SECONDS)
        self.context = Context(
            store=self.store,
            members=members,
            profiles=Profiles(self.store.users, self.clock),
            quotes=Quotes(self.store.messages, self.clock),
            hub=hub,
            times=SendTimes(self.clock),
            typing=TypingState(hub, self.clock, members.known),
            receipts=Receipts(hub),
            presence=presence,
            health=Health(hub, self.clock, self.measures),
            message_states=MessageStates(),
            lists=Lists(self.store, hub, members, presence, self.clock),
            left_rooms=LeftRooms(self.clock, RESUME_ROOMS_SECONDS),
            guests=Guests(USER_LIMITS, self.clock),
            logins=Logins(self.clock, LOGIN_CHECK_SECONDS),
            history=history,
            usage=self.usage,
            clock=self.clock,
            measures=self.measures,
        )
        self.shadow: Shadow | None = None
        self.relay = Relay(self.context, self.feed, OVERLAP)
        self.presence = PresenceUpkeep(self.context)
        self.dial = Dial(Rollout(None, None), history, self.clock)
        self.mint = Mint(self.clock)
        self.verifier = TokenVerifier(
            secret=SECRET,
            keyring=keyring_of(self.mint.jwks(), self.clock),
            clock=self.clock,
            audience=AUDIENCE,
            leeway_seconds=LEEWAY_SECONDS,
        )

    def caller(self, person: Person, *capabilities: Capability) -> Caller:
        """Return an authenticated caller, for actions without a connection."""
        return Caller(identity=person.identity, user=person.user, rooms=Rooms(), capabilities=frozenset(capabilities))

    def legacy_insert(self, message: Message) -> Message:
        """Let a legacy writer put a row into the tables; the feed says nothing by itself."""
        self.tables.messages_by_id[message.id] = message
        return message

    def stored(self, conversation_id: ConversationId = ROOM) -> list[Message]:
        """Return what the table holds, in order."""
        return self.tables.visible(conversation_id, self.clock.now())
