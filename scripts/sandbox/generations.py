"""Every schema a sandbox can come up with: the app's three generations, and where real databases got stuck between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

SQL: Final = Path(__file__).parent / "sql"

Generation = Literal["db1", "db2-bare", "db2-text", "db2", "db3-bytea-copies", "db3-text", "db3"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a generation is, and its migrations: patterns below `sql`, those with a minus take files away again."""

    meaning: str
    files: str


# Contract README, section 1, and data-model, section 7. What stayed text is where both casts failed on somebody's
# backslash, and the migrations after them were applied all the same.
GENERATIONS: Final[Mapping[Generation, Recipe]] = {
    "db1": Recipe("the base: contents are plain text", "db1/*"),
    "db2-bare": Recipe("step 4, its first minute: bytea, nothing else of DB-2", "db1/* db2/010_cast*"),
    "db2-text": Recipe("DB-2 whose casts failed: contents are still text", "db1/* db2/* -db2/*cast*"),
    "db2": Recipe("step 9: bytea, deliveries, attachments, the creator's trigger", "db1/* db2/*"),
    "db3-bytea-copies": Recipe("step 12: sealed copies, still as bytea", "db1/* db2/* db3/020* db3/021*"),
    "db3-text": Recipe("DB-3 on a DB-2 whose casts failed", "db1/* db2/* -db2/*cast* db3/*"),
    "db3": Recipe("the last state: sealed copies as base64, notes to oneself", "db1/* db2/* db3/*"),
}

LISTED: Final = "; ".join(f"{name} ({recipe.meaning})" for name, recipe in GENERATIONS.items())


def migrations(generation: Generation) -> list[Path]:
    """Return the files of a generation, in the order in which they apply."""
    chosen: set[Path] = set()
    for pattern in GENERATIONS[generation].files.split():
        if pattern.startswith("-"):
            chosen -= set(SQL.glob(pattern.removeprefix("-")))
        else:
            chosen |= set(SQL.glob(pattern))
    return sorted(chosen)
