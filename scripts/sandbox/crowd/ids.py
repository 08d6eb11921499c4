"""Ids and dice that follow from a seed and a name: any part of a crowd can be made without the parts before it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fate:
    """What a seed decides."""

    seed: int

    def roll(self, kind: str, *which: int) -> int:
        """Return a number below 2**64, the same every time."""
        return int.from_bytes(self._digest(kind, which)[:8])

    def ident(self, kind: str, *which: int) -> str:
        """Return a uuid as legacy writers make them (version 4), the same every time."""
        text = self._digest(kind, which).hex()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"

    def _digest(self, kind: str, which: tuple[int, ...]) -> bytes:
        return hashlib.blake2b(f"{self.seed} {kind} {which}".encode(), digest_size=16).digest()
