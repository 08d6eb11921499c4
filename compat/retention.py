"""/api/settings/disappearing-messages (contract legacy-rest section 3.8)."""

from __future__ import annotations

from bridge.actions.account import (
    DAYS_INVALID,
    RETENTION_UNCHANGED,
    RETENTION_UNKNOWN,
    LoadRetention,
    RetentionLoaded,
    RetentionSet,
    load_retention,
    set_retention,
)
from bridge.actions.context import Context
from compat import account_shapes as shapes
from compat.endpoint import Asked, endpoint, perform
from compat.errors import Refusal, Refused, Wording
from compat.session import BEARER

PATH = "/api/settings/disappearing-messages"

# Also where there is no users row: the one case in which the original answered 500 on purpose.
READ = Wording(failed=RETENTION_UNKNOWN.text, mistakes=[RETENTION_UNKNOWN.text])
WRITE = Wording(failed=RETENTION_UNCHANGED.text, mistakes=[RETENTION_UNCHANGED.text])


@endpoint(f"GET {PATH}", BEARER, wording=READ, result=shapes.Retention)
async def read_retention(asked: Asked, context: Context) -> shapes.Retention:
    """Tell for how many days one's messages are kept by default; an error for somebody without users row."""
    if asked.caller is None:
        raise Refused(500, READ.failed)
    loaded = await perform(load_retention, LoadRetention(), asked.caller, context, RetentionLoaded)
    return shapes.Retention(success=True, default_message_retention_days=loaded.days)


@endpoint(
    f"PUT {PATH}",
    BEARER,
    wording=WRITE,
    bodies=[shapes.RetentionChange],
    result=shapes.RetentionChanged,
    refusals=[Refusal(400, DAYS_INVALID.text)],
)
async def write_retention(asked: Asked, context: Context) -> shapes.RetentionChanged:
    """Choose for how many days one's messages are kept by default; a write that changed no row is an error."""
    request = shapes.retention_change(asked.body)
    if asked.caller is None:
        raise Refused(500, WRITE.failed)
    await perform(set_retention, request, asked.caller, context, RetentionSet)
    return shapes.RetentionChanged(success=True, message="Disappearing messages setting updated successfully")
