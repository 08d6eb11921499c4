"""What was told of conversations and of their members, so that the same is not told twice.

Bounded: what was told longest ago is forgotten, and told again.
"""

from __future__ import annotations

from collections.abc import Hashable

from bridge.models import Conversation, ConversationId, ConversationSummary, Identity, UserId
from bridge.recent import Recent

Face = tuple[Hashable, ...]

GONE: Face = ()
LISTED: Face = ("in the list, but not told of",)


class Told:
    """The face that each line, each member's seat and each row of a conversation showed last."""

    def __init__(self, capacity: int) -> None:
        self._lines: Recent[tuple[ConversationId, str], Face] = Recent(capacity)
        self._seats: Recent[tuple[ConversationId, UserId], Face] = Recent(capacity)
        self._looks: Recent[ConversationId, Face] = Recent(capacity)

    def forget(self) -> None:
        """Take everything as news again."""
        self._lines.clear()
        self._seats.clear()
        self._looks.clear()

    def line(self, conversation_id: ConversationId, identity: Identity) -> set[Face | None]:
        """Return what the ids of somebody were told; they differ if a row of one of them went unseen."""
        return {self._lines.get((conversation_id, one)) for one in identity.ids}

    def has_face(self, conversation_id: ConversationId, identity: Identity) -> bool:
        """Tell whether somebody was told what the conversation looks like and that it is in the list."""
        return not self.line(conversation_id, identity) & {None, GONE, LISTED}

    def is_in_list(self, conversation_id: ConversationId, identity: Identity) -> bool:
        """Tell whether somebody is known to have the conversation in the list, told or loaded."""
        return not self.line(conversation_id, identity) <= {None, GONE}

    def take_line(self, conversation_id: ConversationId, identity: Identity, face: Face) -> None:
        """Take this face as told to somebody."""
        for one in identity.ids:
            self._lines.put((conversation_id, one), face)

    def take_listed(self, conversation_id: ConversationId, identity: Identity) -> None:
        """Note that a conversation is in somebody's list, which does not say that it was told."""
        for one in identity.ids:
            if self._lines.get((conversation_id, one)) in (None, GONE):
                self._lines.put((conversation_id, one), LISTED)

    def is_seat_news(self, conversation_id: ConversationId, user_id: UserId, state: Face) -> bool:
        """Tell whether this of a member was not told last, and take it as told."""
        if self._seats.get((conversation_id, user_id)) == state:
            return False
        self._seats.put((conversation_id, user_id), state)
        return True

    def take_as_gone(self, conversation_id: ConversationId, user_id: UserId) -> None:
        """Whether or not anybody was here to be told: coming back is news."""
        self._lines.put((conversation_id, user_id), GONE)
        self._seats.put((conversation_id, user_id), GONE)

    def is_look_news(self, row: Conversation) -> bool:
        """Tell whether a row looks different from the last one that was taken in."""
        return self._looks.get(row.id) != _look_of_row(row)

    def take_look(self, row: Conversation) -> None:
        """Take in what a row looks like."""
        self._looks.put(row.id, _look_of_row(row))


def face_of(summary: ConversationSummary) -> Face:
    """Return what a line shows of the conversation itself; its messages and members have pushes of their own."""
    return (
        summary.type,
        summary.name,
        summary.avatar_url,
        summary.group_id,
        summary.group_name,
        summary.disappearing_messages_enabled,
        summary.disappearing_messages_duration_days,
    )


def _look_of_row(row: Conversation) -> Face:
    """Return what a line shows of the row, the same for everybody."""
    return (
        row.type,
        row.name,
        row.avatar_url,
        row.group_id,
        row.disappearing_messages_enabled,
        row.disappearing_messages_duration_days,
    )
