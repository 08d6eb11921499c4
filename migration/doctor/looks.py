"""What a look is: one thing to find out about a project, with what it needs for that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import Struct

from bridge.clock import Clock
from bridge.settings import Settings
from migration.database import Database
from migration.findings import Finding
from migration.project import Rest
from migration.shape import Shape

NO_DATABASE: Final = "it needs a direct connection; set MIGRATION_DATABASE_URL"
NO_PROJECT: Final = "it needs the project's API; set SUPABASE_URL and SUPABASE_SECRET_KEY"


class NotSeen(Exception):
    """A look could not be taken; the text says why, in a clause."""


class Seen(Struct, frozen=True):
    """What a look saw: findings, or evidence that all is well."""

    findings: Sequence[Finding] = ()
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The side of the database."""

    database: Database
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The side of the API."""

    rest: Rest
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """Everything that a look may look at."""

    stored: Stored | None
    served: Served | None
    clock: Clock
    as_of: datetime
    writes_canary: bool = False

    def of_database(self) -> Stored:
        """Return the database.

        Raises:
            NotSeen: there is only the API.

        """
        if self.stored is None:
            raise NotSeen(NO_DATABASE)
        return self.stored

    def of_project(self) -> Served:
        """Return the API.

        Raises:
            NotSeen: there is only the database.

        """
        if self.served is None:
            raise NotSeen(NO_PROJECT)
        return self.served


class Look(Struct, frozen=True, kw_only=True):
    """One thing to find out."""

    name: str
    meaning: str
    """What it looks at, in one sentence."""
    take: Callable[[Sights], Seen]


def listed(names: Iterable[str]) -> str:
    """Return names as they stand in a sentence."""
    return ", ".join(names)
