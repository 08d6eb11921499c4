"""Where defects are planted: healthy people and conversations of their own, and the note of what has to be found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from scripts.sandbox.crowd.ids import Fate
from scripts.sandbox.crowd.rows import EXPIRES_AFTER, Person, Row, Value, account_row, stored, stored_copy, user_row
from scripts.sandbox.layout import Layout

FIRST_NUMBER = 90_000_000
"""Of planted people: names and numbers that no healthy one has."""


class Stage:
    """Collects rows by table, and keys by the check that must find them."""

    def __init__(self, fate: Fate, as_of: datetime, layout: Layout) -> None:
        self.as_of = as_of
        self.layout = layout
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.expected: dict[str, list[str]] = defaultdict(list)
        self._fate = fate
        self._number = 0

    def expect(self, check: str, *keys: str) -> None:
        """Note that a check has to find these."""
        self.expected[check] += keys

    def fresh(self) -> str:
        """Return an id that nothing has."""
        self._number += 1
        return self._fate.ident("planted", self._number)

    def add(self, table: str, *values: Value) -> None:
        """Add a row."""
        self.rows[table].append(values)

    def person(
        self,
        *,
        ident: str | None = None,
        auth_id: str | None = None,
        phone: str | None = None,
        is_linked: bool = True,
        has_account: bool = True,
    ) -> Person:
        """Add somebody; without arguments somebody healthy."""
        person = Person(ident or self.fresh(), auth_id or self.fresh())
        number = FIRST_NUMBER + self._number
        phone = phone or f"+4916{number}"
        at = self.as_of - timedelta(days=400) + timedelta(seconds=self._number)
        self.rows["users"].append(user_row(person, number, phone, at, is_linked=is_linked))
        if has_account:
            self.rows["auth.users"].append(account_row(person.auth_id, phone, at))
        return person

    def people(self, count: int) -> list[str]:
        """Add some healthy people and return their users.ids."""
        return [self.person().id for _ in range(count)]

    def conversation(
        self, members: Sequence[str], *, kind: str = "group", made_by: str | None, group: str | None = None
    ) -> str:
        """Add a conversation with participants."""
        ident = self.fresh()
        at = self.as_of - timedelta(days=200) + timedelta(seconds=self._number)
        self.add("conversations", ident, kind, None, made_by, at, group, False)
        for member in members:
            self.seat(ident, member)
        return ident

    def seat(self, conversation: str, user_id: str, *, left_at: datetime | None = None) -> str:
        """Add a participant row."""
        ident = self.fresh()
        joined_at = self.as_of - timedelta(days=200)
        self.add("conversation_participants", ident, conversation, user_id, "member", joined_at, left_at)
        return ident

    def healthy(self) -> tuple[str, list[str]]:
        """Add a group of three in which nothing is wrong yet; return it and them."""
        members = self.people(3)
        return self.conversation(members, made_by=members[0]), members

    def message(
        self,
        conversation: str,
        sender: str,
        *,
        content: str | bytes = "planted",
        reply_to: str | None = None,
        at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Add a message; each is a millisecond later than the one before."""
        ident = self.fresh()
        at = at or self.as_of - timedelta(days=20) + timedelta(milliseconds=self._number)
        value: Value = stored(content, self.layout) if isinstance(content, str) else content
        self.add("messages", ident, conversation, sender, reply_to, value, at, expires_at or at + EXPIRES_AFTER, None)
        return ident

    def group(self, members: Sequence[str]) -> str:
        """Add a group with members and no rooms."""
        ident = self.fresh()
        self.add("groups", ident, "planted", f"P{self._number:07X}", members[0], self.as_of - timedelta(days=200))
        for member in members:
            self.group_member(ident, member)
        return ident

    def group_member(self, group: str, user_id: str) -> str:
        """Add a member row."""
        ident = self.fresh()
        self.add("group_members", ident, group, user_id, "member", None)
        return ident

    def copy(self, message: str, recipient: str) -> str:
        """Add a sealed copy."""
        ident = self.fresh()
        self.add("message_recipients", ident, message, recipient, stored_copy(self.layout))
        return ident
