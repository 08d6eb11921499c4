"""The open conversation: which messages have been shown, under which numbers, from when on. Pure."""

from __future__ import annotations

from datetime import tzinfo

from bridge.chat.lines import Line, rule
from bridge.chat.messages import day, message_lines, sender_name
from bridge.client import MessagesLoaded
from bridge.recent import Recent
from bridge.rows import MessageRow

PAGE = 30
REMEMBERED = 2_000
"""Messages that can be answered by number and are recognised when they come again; older ones are forgotten."""


class View:
    """One opened conversation; a message is shown once, whichever way and however often it comes."""

    def __init__(self, conversation_id: str, zone: tzinfo | None) -> None:
        self.conversation_id = conversation_id
        self.has_older = False
        self.is_loading = True
        self._zone = zone
        self._numbers: Recent[int, MessageRow] = Recent(REMEMBERED)
        self._shown: Recent[str, int] = Recent(REMEMBERED)
        self._senders: Recent[str, str] = Recent(REMEMBERED)
        self._next = 1
        self._oldest: MessageRow | None = None
        self._day: str | None = None
        self._held: list[MessageRow] = []
        self._last_page: frozenset[str] = frozenset()
        """The newest page when one was loaded last."""

    @property
    def oldest_id(self) -> str | None:
        """Return where older messages begin."""
        return self._oldest.id if self._oldest else None

    def numbered(self, number: int) -> MessageRow | None:
        """Return the message shown under a number."""
        return self._numbers.get(number)

    def knows(self, message_id: str) -> bool:
        """Tell whether a message is on the screen already."""
        return message_id in self._shown

    def add(self, message: MessageRow, me: str) -> list[Line]:
        """Show a message that has just come; while a page is being read it waits, for the page may hold it too."""
        if self.is_loading and len(self._held) < PAGE:
            self._held.append(message)
            return []
        return self._show([message], me)

    def newest(self, page: MessagesLoaded, me: str) -> list[Line]:
        """Show the newest page: all of it at first, later what is new in it; then what came meanwhile."""
        ids = frozenset(message.id for message in page.messages)
        # Reaching a message that was pushed says nothing: newer ones may have overtaken older ones (docs/protocol.md).
        is_apart = self._oldest is not None and self._last_page.isdisjoint(ids)
        gap = [rule("some that came meanwhile may be missing; /more shows them")] if is_apart and _full(page) else []
        self._last_page = ids
        if gap or self._oldest is None:
            self.has_older = _full(page)
            self._oldest = page.messages[0] if page.messages else None
        self.is_loading = False
        return [*gap, *self._show(page.messages, me), *self.give_up_loading(me)]

    def give_up_loading(self, me: str) -> list[Line]:
        """Show what waited for a page."""
        held, self._held = self._held, []
        self.is_loading = False
        return self._show(held, me)

    def older(self, page: MessagesLoaded, me: str) -> list[Line]:
        """Show a page of older messages, marked off from the newer ones above it."""
        self.has_older = _full(page)
        if page.messages:
            self._oldest = page.messages[0]
        current, self._day = self._day, None
        lines = self._show(page.messages, me)
        self._day = current
        if not lines:
            return [rule("there is nothing older")]
        end = "end of the older messages" if self.has_older else "end of the older messages; there are no more"
        return [rule("older messages"), *lines, rule(end)]

    def _show(self, messages: list[MessageRow] | tuple[MessageRow, ...], me: str) -> list[Line]:
        return [line for message in messages if not self.knows(message.id) for line in self._new(message, me)]

    def _new(self, message: MessageRow, me: str) -> list[Line]:
        number, self._next = self._next, self._next + 1
        self._numbers.put(number, message)
        self._shown.put(message.id, number)
        self._senders.put(message.sender_id, sender_name(message))
        if self._oldest is None:
            self._oldest = message
        quoted = self._senders.get(message.reply_to.sender_id) if message.reply_to else None
        lines = message_lines(message, number, quoted=quoted, is_own=message.sender_id == me, zone=self._zone)
        return [*self._new_day(message), *lines]

    def _new_day(self, message: MessageRow) -> list[Line]:
        today = day(message.created_at, self._zone)
        if today is None or today == self._day:
            return []
        self._day = today
        return [rule(today)]


def _full(page: MessagesLoaded) -> bool:
    return len(page.messages) >= PAGE if page.has_more is None else page.has_more
