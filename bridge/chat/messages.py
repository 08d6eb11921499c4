"""How one message looks in a terminal. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

import msgspec
from msgspec import Struct

from bridge.chat.lines import Line
from bridge.chat.text import one_line, plain
from bridge.rows import MessageRow

SENDER_COLUMNS = 24
QUOTE_COLUMNS = 40
SEALED = "(sealed: it opens only in an app that has the keys)"
DELETED = "(deleted)"


class _SealedCopy(Struct, frozen=True):
    """The fields by which a sealed copy is recognised (contract ws-protocol section 7); none of them is used."""

    v: object
    alg: object
    kem: object
    s: object
    n: object
    c: object
    t: object


def excerpt(content: str, *, columns: int) -> str:
    """Return the beginning of a content on one line."""
    return one_line(SEALED if _is_sealed(content) else content, columns=columns)


def sender_name(message: MessageRow) -> str:
    """Return what to call the sender; a profile that could not be read leaves them nameless (contract F32)."""
    name = message.sender.display_name or message.sender.username if message.sender else ""
    return one_line(name, columns=SENDER_COLUMNS) or "(unknown)"


def message_lines(
    message: MessageRow, number: int, *, quoted: str | None, is_own: bool, zone: tzinfo | None
) -> list[Line]:
    """Show a message under its number, with the beginning of what it answers; `quoted` is that message's sender."""
    stamp = f"#{number:<3} {clock_time(message.created_at, zone)} "
    head = (
        ("class:number", stamp),
        ("class:own" if is_own else "class:sender", f"{sender_name(message)}: "),
    )
    line = Line(head, body(message))
    if not message.reply_to:
        return [line]
    margin = " " * (len(stamp) - 2) + "\N{BOX DRAWINGS LIGHT ARC DOWN AND RIGHT} "
    said = excerpt(message.reply_to.encrypted_content, columns=QUOTE_COLUMNS)
    return [Line((("class:quote", f"{margin}{quoted or '(unknown)'}: {said}"),)), line]


def body(message: MessageRow) -> str:
    """Return the content as it may be shown."""
    if message.deleted_at:
        return DELETED
    content = SEALED if _is_sealed(message.encrypted_content) else plain(message.encrypted_content)
    kind = "" if message.message_type == "text" else f"[{one_line(message.message_type, columns=16)}] "
    return f"{kind}{content}{' (edited)' if message.edited_at else ''}"


def clock_time(text: str | None, zone: tzinfo | None) -> str:
    """Return hours and minutes of a row's time in the reader's zone (None: this machine's)."""
    moment = local_moment(text, zone)
    return moment.strftime("%H:%M") if moment else "--:--"


def day(text: str | None, zone: tzinfo | None) -> str | None:
    """Return the reader's day of a row's time, None where there is none."""
    moment = local_moment(text, zone)
    return moment.strftime("%a %d %b %Y") if moment else None


def local_moment(text: str | None, zone: tzinfo | None) -> datetime | None:
    """Read a row's time into the reader's zone; None for what is no time or beyond the calendar."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(zone)
    except (ValueError, OverflowError):
        return None


def _is_sealed(content: str) -> bool:
    if not content.startswith("{"):
        return False
    try:
        msgspec.json.decode(content, type=_SealedCopy)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True
