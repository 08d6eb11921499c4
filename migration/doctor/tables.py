"""Tables, columns, and how far the app's own upgrades have come (contract data-model section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bridge.errors import SchemaUnusable, StoreError
from bridge.remedies import supply
from bridge.schema import NEEDED
from bridge.store import Store
from migration.doctor.looks import Look, NotSeen, Seen, Sights, listed
from migration.findings import Finding, Severity
from migration.project import asked
from migration.shape import Shape

DB_2: Final = ("messages.content_type", "messages.has_attachments", "conversation_participants.disappear_seconds")
DB_2_LATER: Final = ("conversation_participants.start_on", "deliveries", "attachments")
DB_3: Final = ("message_recipients",)
DB_3_LATER: Final = ("users.unique_identifier", "conversation_participants.archived_at")


def _tables(sights: Sights) -> Seen:
    missing = sights.stored.shape.missing if sights.stored else _missing_over_rest(sights)
    if sights.stored and sights.stored.shape.content is None:
        kind = sights.stored.shape.columns["messages"].get("encrypted_content", "missing")
        missing = [*missing, f"messages.encrypted_content as text or bytea (it is {kind})"]
    if not missing:
        return Seen(evidence=f"all {len(NEEDED)} tables and their columns are there")
    return Seen(
        [
            Finding(
                check="tables",
                severity=Severity.ERROR,
                evidence=f"The bridge needs, and does not find: {listed(missing)}.",
                fix=" ".join(map(_added, missing)),
                consequence="The bridge does not start.",
            )
        ]
    )


def _missing_over_rest(sights: Sights) -> Sequence[str]:
    async def nothing_more(_: Store) -> None:
        return None

    try:
        asked(sights.of_project().settings, nothing_more)
    except SchemaUnusable as error:
        return error.missing
    except StoreError as error:
        raise NotSeen(f"the tables cannot be read: {error}") from error
    return ()


def _added(name: str) -> str:
    """Return the statement that adds a column; a whole table is the app's own migration's business."""
    if "." not in name or " " in name:
        return f"-- {name}: apply the migration of the app that makes it."
    return supply(name)


def _generation(sights: Sights) -> Seen:
    shape = sights.of_database().shape
    content = f"encrypted_content is {shape.columns['messages'].get('encrypted_content')}"
    signs = {
        "DB-2": {content: content.endswith("bytea"), **{name: shape.has(name) for name in (*DB_2, *DB_2_LATER)}},
        "DB-3": {**{name: shape.has(name) for name in (*DB_3, *DB_3_LATER)}, "type note_to_self": _has_notes(shape)},
    }
    second, third = (set(found.values()) for found in signs.values())
    if second == {False} and third == {False}:
        return Seen(evidence=f"DB-1: {content}")
    if second == {True} and third in ({True}, {False}):
        return Seen(evidence=f"{'DB-3' if third == {True} else 'DB-2'}: {content}")
    there = [name for found in signs.values() for name, is_there in found.items() if is_there]
    absent = [name for found in signs.values() for name, is_there in found.items() if not is_there]
    return Seen([_half_way(there, absent, is_text=not content.endswith("bytea"))])


def _has_notes(shape: Shape) -> bool:
    return "note_to_self" in shape.conversation_types


def _half_way(there: Sequence[str], absent: Sequence[str], *, is_text: bool) -> Finding:
    cast = " The cast to bytea has failed: the check contents_that_stop_the_cast names the messages." if is_text else ""
    return Finding(
        check="generation",
        severity=Severity.WARNING,
        evidence=f"An upgrade of the app stopped half-way. There is: {listed(there)}. There is not: {listed(absent)}.",
        fix=f"Finish it or leave it: the bridge goes by each sign.{cast}",
        consequence="The app's servers of either generation fail on it; whoever upgrades next meets the same error.",
    )


LOOKS: Final = (
    Look(name="tables", meaning="whether the bridge's tables and columns are there", take=_tables),
    Look(
        name="generation",
        meaning="which generation of the app's schema this is, or between which it stopped",
        take=_generation,
    ),
)
