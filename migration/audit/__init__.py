"""Proof that nothing is lost: what the tables hold beside what bridges have told, window by window."""

from __future__ import annotations

from typing import Final

REPORT: Final = "audit.json"
LOST: Final = "lost_messages"
"""What the check is called in reports."""
