"""Versions of clients, as far as one has to be compared with another."""

from __future__ import annotations

import re
from typing import Final

_VERSION: Final = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,5})(?:[-+].*)?", re.ASCII)


def version_of(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a version like 2.4.0, or None; `2.4`, `v2.4.0` and `2.4.0-beta.1` are the same here."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    numbers = [int(one) for one in found[1].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def is_older(version: str, minimum: str) -> bool:
    """Tell whether a version is below a minimum; one that cannot be read is."""
    numbers, least = version_of(version), version_of(minimum)
    return numbers is None or (least is not None and numbers < least)
