"""What a message says, between the column's form and the text of every frame. Pure (contract data-model section 7).

A generation of the chat stores text as text (DB-1), as bytes (DB-2), or sealed: one copy per recipient beside a row
that says nothing (DB-3).
"""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import Final, NamedTuple

from bridge.ids import written_by_bridge
from bridge.models import ContentState

JUNK: Final = '{"type":"Buffer","data":[]}'
"""What the app of DB-3 put into the row of a sealed message: a buffer serialised by mistake (contract F45)."""

_HEX_PREFIX: Final = "\\x"


class ColumnType(StrEnum):
    """The types that a column with content has in the wild."""

    TEXT = "text"
    BYTEA = "bytea"


class Content(NamedTuple):
    """Text and what it is."""

    text: str
    state: ContentState


NOTHING: Final = Content("", ContentState.UNAVAILABLE)


def printed_content(text: str, column: ColumnType) -> str:
    r"""Return the text as PostgREST takes it: into bytea as `\x` and the hex of UTF-8, never raw (contract F40)."""
    return _HEX_PREFIX + text.encode().hex() if column is ColumnType.BYTEA else text


def read_content(printed: str, column: ColumnType, message_id: str, *, sealing: bool = False) -> Content:
    r"""Read what PostgREST or Realtime printed; `\x…` is decoded only if the column is bytea (contract F40).

    Sealed rows are told from texts by who wrote them: legacy ones hold JUNK, ours are empty, and neither writer ever
    writes the other as a text. So the very text of JUNK, sent through the bridge, stays what somebody said. `sealing`
    says whether the database has a place for copies: without it JUNK in a text column was typed by somebody.
    """
    text = _text_of(printed) if column is ColumnType.BYTEA else printed
    if written_by_bridge(message_id):
        return Content(text, ContentState.PLAIN) if text else NOTHING
    may_be_junk = sealing or column is ColumnType.BYTEA
    return NOTHING if may_be_junk and text == JUNK else Content(text, ContentState.PLAIN)


def printed_copy(copy: str, column: ColumnType) -> str:
    """Return a sealed copy as the column takes it: base64 in text, bytes in bytea (before step 12c)."""
    encoded = copy.encode()
    return _HEX_PREFIX + encoded.hex() if column is ColumnType.BYTEA else base64.b64encode(encoded).decode()


def read_copy(printed: str, column: ColumnType) -> str:
    """Read a sealed copy; one that was stored as it is comes back as it is."""
    if column is ColumnType.BYTEA:
        return _text_of(printed)
    try:
        return base64.b64decode(printed, validate=True).decode()
    except (binascii.Error, ValueError):
        return printed


def _text_of(printed: str) -> str:
    # A cast of the app's own turned texts like "\x41" into other bytes, not all of them UTF-8 (data-model section 7).
    if not printed.startswith(_HEX_PREFIX):
        return printed
    try:
        return bytes.fromhex(printed.removeprefix(_HEX_PREFIX)).decode(errors="replace")
    except ValueError:
        return printed
