"""What a check is: a question whose answer is keys of rows, asked page by page of one table."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.content import ColumnType
from migration.findings import Severity
from migration.shape import Shape

CLOCK_TOLERANCE: Final = "interval '5 minutes'"
"""How far browsers' clocks may be wrong before times count as such (contract F25)."""

LOOKUPS: Final = (
    ("users", "id"),
    ("users", "auth_user_id"),
    ("users", "phone_number"),
    ("conversation_participants", "conversation_id"),
    ("messages", "id"),
    ("messages", "conversation_id"),
    ("message_status", "message_id"),
    ("message_recipients", "message_id"),
)
"""What paged questions look up for each row. If all is indexed, a page costs the same in a database of any size."""


class Check(Struct, frozen=True, kw_only=True):
    """A question about the rows of a table, and what its answer means."""

    name: str
    meaning: str
    """What a row found here is, in one sentence."""
    severity: Severity
    consequence: str
    fix: str
    """How to mend it where `repairs` has nothing of this name."""
    table: str
    """The table that is gone through; keys of its rows are the answer."""
    sql: str | None
    """Selects one column, keys of rows of table t. {rows} stands for where they come from, {page} for a condition on
    them, {bytes} for the content as bytea, %(as_of)s for now. None: see `unread`."""
    key: str = "id"
    """The column that pages go by; a uuid, or created_at."""
    whole: bool = False
    """One question for the whole table, streamed in the order of the key: for what no index can answer by page."""
    needs: tuple[str, ...] = ()
    """Tables and columns, besides t's key, without which the question makes no sense; with `!` what must be absent."""
    content: ColumnType | None = None
    """The type that messages.encrypted_content must have, if it matters."""
    rest: str | None = None
    """The same question as filters of PostgREST, where they can ask it; {as_of}, {soon}, … are moments."""

    @property
    def tables(self) -> set[str]:
        """The tables that it reads, as far as they are not needed by all."""
        return {self.table, *(need.rpartition(".")[0] for need in self.needs if not need.startswith("!"))}

    def lacks(self, shape: Shape) -> str | None:
        """Return why this database cannot be asked, or None."""
        if self.content is not None and shape.content is not self.content:
            return f"messages.encrypted_content is not {self.content.value}"
        for need in (f"{self.table}.{self.key}", *self.needs):
            unwanted = need.startswith("!")
            if shape.has(need.removeprefix("!")) is unwanted:
                return f"there is {'a' if unwanted else 'no'} {need.removeprefix('!')}"
        return None


def members_row(conversation: str, person: str, more: str = "") -> str:
    """Return the condition that somebody has a row in a conversation, under exactly this id."""
    return (
        f"exists (select from conversation_participants p where p.conversation_id = {conversation}"
        f" and p.user_id = {person}{more})"
    )


def persons_row(conversation: str, person: str, more: str = "") -> str:
    """Return the condition that somebody has a row in a conversation, under either id (contract data-model section 6).

    Meant for the few whom `members_row` does not find.
    """
    return (
        "exists (select from users u join conversation_participants p"
        f" on p.conversation_id = {conversation} and p.user_id in (u.id, u.auth_user_id){more}"
        f" where {person} in (u.id, u.auth_user_id))"
    )


def person(column: str) -> str:
    """Return whom an id means: a users.id before an auth id, of several rows with that auth id the oldest."""
    return (
        f"coalesce((select u.id from users u where u.id = {column}), (select u.id from users u"
        f" where u.auth_user_id = {column} order by u.created_at, u.id limit 1), {column})"
    )
