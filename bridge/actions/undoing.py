"""Several steps over PostgREST that are all done or all undone: there is no transaction, so each says how it is undone.

Cancellation counts as failure: a client that is gone must not leave half a conversation behind (contract F49).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from bridge.errors import StoreError

log = structlog.get_logger(__name__)


@asynccontextmanager
async def undone_on_failure(what: str, undo: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Undo what the block has done if it fails; begun before the first write, whose answer may be lost.

    The block's own error is raised either way: that undoing failed is for the log, not for the client.
    """
    try:
        yield
    except BaseException as failure:
        log.info("undoing", what=what, cause=type(failure).__name__)
        try:
            await undo()
        except StoreError:
            log.exception("undoing.failed", what=what)
        except asyncio.CancelledError:
            log.warning("undoing.interrupted", what=what)
            raise
        raise
