"""A page of older messages: the legacy client's own request beside load_more_messages, which marks nothing as read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from migration.parity.control import Control, Rows
from migration.parity.declaring import HEX, SEALED, is_expired
from migration.parity.definition import ROW, Answer, Comparison, Declared, Place, Row, Sides
from migration.parity.differing import flat, moment
from migration.parity.reading import replied

PAGE: Final = 50
_SELECTED: Final = "*,sender:users!messages_sender_id_fkey(id,username,display_name,avatar_url)"


async def _within(sides: Sides, conversation_id: str) -> str | None:
    """Return a conversation with its newest message and that message's time: before it is read."""
    newest = await _newest(sides.control, conversation_id)
    return None if newest is None else f"{conversation_id} {newest['id']} {newest['created_at']}"


async def _old(sides: Sides, subject: str) -> Answer:
    conversation_id, _, before = subject.split(" ", 2)
    found = await sides.control.rows(
        "messages",
        select=_SELECTED,
        conversation_id=f"eq.{conversation_id}",
        deleted_at="is.null",
        created_at=f"lt.{before}",
        order="created_at.desc",
        limit=str(PAGE),
    )
    quotes = await _quotes(sides.control, found)
    rows = {str(row["id"]): _shown(row, quotes) for row in reversed(found)}
    hints = {
        "now": frozenset({sides.clock.now().isoformat()}),
        "newest": frozenset({before}),
        "from": frozenset({str(found[-1]["created_at"])} if len(found) == PAGE else ()),
        "unquotable": _unquotable(found, quotes),
    }
    return Answer(rows=rows, moment="created_at", hints=hints)


async def _newest(control: Control, conversation_id: str) -> Row | None:
    found = await control.rows(
        "messages",
        select="id,created_at",
        conversation_id=f"eq.{conversation_id}",
        deleted_at="is.null",
        order="created_at.desc,id.desc",
        limit="1",
    )
    return found[0] if found else None


async def _quotes(control: Control, found: Rows) -> Mapping[str, Row]:
    ids = sorted({str(row["reply_to_id"]) for row in found if row.get("reply_to_id")})
    if not ids:
        return {}
    originals = await control.rows(
        "messages", select="id,encrypted_content,sender_id,conversation_id,deleted_at", id=f"in.({','.join(ids)})"
    )
    return {str(row["id"]): row for row in originals}


def _shown(row: Row, quotes: Mapping[str, Row]) -> Row:
    original = quotes.get(str(row.get("reply_to_id")))
    if original is None:
        return flat(row)
    quote = {field: original[field] for field in ("id", "encrypted_content", "sender_id")}
    return flat({**row, "reply_to": quote})


def _unquotable(found: Rows, quotes: Mapping[str, Row]) -> frozenset[str]:
    """Return the messages whose original is deleted, or of another conversation."""
    return frozenset(
        str(row["id"])
        for row in found
        if (original := quotes.get(str(row.get("reply_to_id")))) is not None
        and (original["deleted_at"] is not None or original["conversation_id"] != row["conversation_id"])
    )


async def _new(sides: Sides, subject: str) -> Answer:
    conversation_id, newest_id, _ = subject.split(" ", 2)
    asked = {"conversationId": conversation_id, "beforeMessageId": newest_id, "limit": PAGE}
    return await replied(sides.candidate, "load_more_messages", asked, rows="messages", key="id", moment="created_at")


def _at(place: Place) -> datetime | None:
    row = place.old if place.new is None else place.new
    return moment((row or {}).get("created_at")) if place.field == ROW else None


def _hinted(place: Place, name: str) -> datetime | None:
    return moment(next(iter(place.hint(name)), ""))


def _is_beyond_the_edge(place: Place) -> bool:
    """Tell whether only one page reaches a row: expired ones fill the old page, and ties end it anywhere."""
    at, edge = _at(place), _hinted(place, "from")
    return at is not None and edge is not None and (at == edge or (place.old is None and at < edge))


def _is_tied_with_the_newest(place: Place) -> bool:
    at = _at(place)
    return at is not None and place.old is None and at == _hinted(place, "newest")


COMPARISON: Final = Comparison(
    name="load_more_messages",
    control=f"select the {PAGE} messages before the newest one, then the originals of replies",
    old=_old,
    new=_new,
    is_about_a_conversation=True,
    within=_within,
    declared=(
        Declared(
            name="expired",
            why="Legacy clients show messages that have expired; the bridge hides them (F48).",
            covers=lambda place: place.field == ROW and place.new is None and is_expired(place),
        ),
        Declared(
            name="edge",
            why=f"Where expired messages fill the old page of {PAGE}, the bridge's reaches further back.",
            covers=_is_beyond_the_edge,
        ),
        Declared(
            name="ties",
            why="Messages of the very moment of the one before which is read are skipped by the old request (F25).",
            covers=_is_tied_with_the_newest,
        ),
        HEX,
        SEALED,
        Declared(
            name="quotes",
            why="Legacy clients load a quoted text by its id, though it is deleted or of another conversation; the"
            " bridge leaves it out (F10).",
            covers=lambda place: place.field.startswith("reply_to.") and place.key in place.hint("unquotable"),
        ),
    ),
)
