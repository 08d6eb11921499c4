"""What the `realtime` library hands over, read; never what a row holds into a log."""

from __future__ import annotations

import json
from datetime import datetime

import msgspec
from realtime.types import PostgresChangesPayload

from bridge.feed.changes import RowChange
from bridge.feed.supabase.pauses import EpochEnded
from bridge.tables import moment


def row_change(arrival: PostgresChangesPayload) -> RowChange:
    """Read a change.

    Raises:
        EpochEnded: it is of no form that is known.

    """
    try:
        return msgspec.convert(arrival["data"], RowChange)
    except (msgspec.ValidationError, KeyError) as error:
        raise EpochEnded("a change could not be read") from error


def moment_if_any(printed: str | None) -> datetime | None:
    """Read a time that is for measuring only: one that cannot be read is no reason to end an epoch."""
    try:
        return moment(printed)
    except msgspec.ValidationError:
        return None


def reason_of(error: Exception | None) -> str:
    """Return the server's reason where there is one; never the row that caused it."""
    if error is None:
        return "no reason given"
    try:
        told = json.loads(str(error))
    except ValueError:
        return type(error).__name__
    return str(told.get("reason") or told.get("message") or "no reason given") if isinstance(told, dict) else "unknown"
