"""A page of messages: the legacy client's own request beside load_messages and load_more_messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bridge.comparison.answers import ROW, Answer, Declared, Place, Row
from bridge.comparison.declaring import HEX, SEALED, is_expired
from bridge.comparison.differing import flat, moment
from bridge.comparison.old_way import IDS_AT_ONCE, OldWay, Rows

PAGE: Final = 50
"""How many a legacy client asks for."""
MOMENT: Final = "created_at"
"""By what a page is ordered."""
_SELECTED: Final = "*,sender:users!messages_sender_id_fkey(id,username,display_name,avatar_url)"


async def page(way: OldWay, conversation_id: str, *, bound: str | None, limit: int, now: datetime) -> Answer:
    """Ask for the last messages within a bound, like `lt.2026-01-01T00:00:00Z`, as the legacy client pages back.

    Raises:
        OldWayFailed: PostgREST refuses.
        OldWayUnreachable: nobody answers.

    """
    within = {} if bound is None else {"created_at": bound}
    found = await way.rows(
        "messages",
        select=_SELECTED,
        conversation_id=f"eq.{conversation_id}",
        deleted_at="is.null",
        order="created_at.desc",
        limit=str(limit),
        **within,
    )
    quotes = await _quotes(way, found)
    hints = {
        "now": frozenset({now.isoformat()}),
        "from": frozenset({str(found[-1]["created_at"])} if len(found) == limit else ()),
        "unquotable": _unquotable(found, quotes),
    }
    return Answer(rows={str(row["id"]): _shown(row, quotes) for row in reversed(found)}, moment=MOMENT, hints=hints)


async def _quotes(way: OldWay, found: Rows) -> Mapping[str, Row]:
    ids = sorted({str(row["reply_to_id"]) for row in found if row.get("reply_to_id")})
    columns, originals = "id,encrypted_content,sender_id,conversation_id,deleted_at", dict[str, Row]()
    for start in range(0, len(ids), IDS_AT_ONCE):
        among = ",".join(ids[start : start + IDS_AT_ONCE])
        read = await way.rows("messages", select=columns, id=f"in.({among})")
        originals |= {str(row["id"]): row for row in read}
    return originals


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


DECLARED: Final = (
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
)
