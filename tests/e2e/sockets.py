"""Bare sockets for tests that wait for one frame, or for the end.

The library stops reading when 16 frames wait, and then hears nothing of an end. A young bridge may tell more than that,
of what other tests wrote just before.
"""

from __future__ import annotations

from functools import partial

from websockets.asyncio import client

connect = partial(client.connect, max_queue=None)
