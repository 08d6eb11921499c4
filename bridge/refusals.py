"""What was turned away or cut off, and why: the one place that counts it."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from bridge.errors import CloseCode


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
