"""What was turned away or cut off, and why: the one place that counts it."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final

from bridge.errors import CloseCode

RETRY_AFTER: Final = {"Retry-After": "10"}
"""What 429 and 503 say where nobody knows when it will be better (RFC 9110 section 10.2.3)."""


class Refusal(StrEnum):
    """Why a handshake is not accepted; each with its HTTP status in `bridge.endpoints`."""

    DRAINING = "draining"
    ORIGIN = "origin"
    ADDRESS_FULL = "address_full"
    FULL = "full"


class Refusals:
    """Counted since the start, by cause; whoever shows numbers to operators reads them here."""

    def __init__(self) -> None:
        self.handshakes: Counter[Refusal] = Counter()
        """Sockets that were never opened."""
        self.closings: Counter[CloseCode] = Counter()
        """Sockets that the bridge closed."""
