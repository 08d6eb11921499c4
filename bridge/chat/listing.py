"""The conversations as the reader sees them: order, numbers, unread counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.chat.lines import Line, complaint, notice
from bridge.chat.messages import excerpt
from bridge.chat.text import one_line
from bridge.rows import ConversationRow

NAME_COLUMNS = 28
EXCERPT_COLUMNS = 30


class Listing:
    """What is known of the conversations; the numbers stay as last shown until the list is shown again."""

    def __init__(self) -> None:
        self._rows: dict[str, ConversationRow] = {}
        # As the server counts, and how many of these have been seen here: it may count what is read here as unread
        # for as long as this client has no way to tell it.
        self._counted: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._numbers: list[str] = []

    def replace(self, rows: Iterable[ConversationRow]) -> None:
        """Take the server's list, its counts included; numbers given stay, new conversations get the next ones."""
        self._rows = {row.id: row for row in rows}
        self._counted = {row.id: row.unread_count for row in self._rows.values()}
        self._seen = {row.id: min(self._seen.get(row.id, 0), row.unread_count) for row in self._rows.values()}
        known = set(self._numbers)
        self._numbers.extend(identifier for identifier in self._rows if identifier not in known)

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._rows

    def name(self, conversation_id: str) -> str:
        """Return what to call a conversation."""
        row = self._rows.get(conversation_id)
        if row is None:
            return "(unknown)"
        given = one_line(row.name or row.group_name or "", columns=NAME_COLUMNS)
        if not given and row.participant_count < 2:
            return "(nobody else)"
        return given or one_line(f"({row.type} of {row.participant_count})", columns=NAME_COLUMNS)

    def names(self) -> list[str]:
        """Return all names, for completion."""
        return [self.name(identifier) for identifier in self._rows]

    def number(self, conversation_id: str) -> int:
        """Return the number under which a conversation can be opened."""
        return self._numbers.index(conversation_id) + 1

    def unread(self, conversation_id: str) -> int:
        """Return how many messages of a conversation have not been seen."""
        return self._counted.get(conversation_id, 0) - self._seen.get(conversation_id, 0)

    @property
    def all_unread(self) -> int:
        """Return how many messages have not been seen in all."""
        return sum(self.unread(conversation_id) for conversation_id in self._rows)

    def count(self, conversation_id: str) -> None:
        """Count one message more from somebody else."""
        self._counted[conversation_id] = self._counted.get(conversation_id, 0) + 1

    def read(self, conversation_id: str) -> None:
        """See everything in a conversation."""
        self._seen[conversation_id] = self._counted.get(conversation_id, 0)

    def find(self, target: str) -> str | Line:
        """Return the conversation with this number or name (its beginning will do), or what is wrong with it."""
        if target.isascii() and target.isdigit() and len(target) < 10:
            place = int(target) - 1
            if 0 <= place < len(self._numbers) and self._numbers[place] in self._rows:
                return self._numbers[place]
        wanted = target.casefold()
        named = [(self.name(identifier).casefold(), identifier) for identifier in self._rows]
        found = [identifier for name, identifier in named if name == wanted]
        found = found or [identifier for name, identifier in named if name.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        shown = one_line(target, columns=NAME_COLUMNS)
        if found:
            numbers = ", ".join(f"/open {self.number(identifier)}" for identifier in found)
            return complaint(f"More than one conversation is called {shown}: {numbers}.")
        return complaint(f"There is no conversation {shown}. /list shows yours.")

    def lines(self, opened: str | None) -> list[Line]:
        """Show the list, numbered anew."""
        self._numbers = list(self._rows)
        if not self._rows:
            return [notice("You are in no conversation yet.")]
        widest = max(len(str(len(self._rows))), 2)
        return [self._line(number, row, opened, widest) for number, row in enumerate(self._rows.values(), start=1)]

    def _line(self, number: int, row: ConversationRow, opened: str | None, widest: int) -> Line:
        unread = self.unread(row.id)
        mark = "*" if row.id == opened else " "
        style = "class:unread" if unread else "class:name"
        head = (("class:number", f"{mark}{number:>{widest}}  "), (style, self.name(row.id)))
        count = f"  ({unread} unread)" if unread else ""
        latest = row.latest_message_content
        said = f"  {excerpt(latest, columns=EXCERPT_COLUMNS)}" if latest else ""
        return Line((*head, ("class:unread", count), ("class:quiet", said)))
