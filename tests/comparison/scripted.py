"""An old way that answers as a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.comparison.old_way import OldWayFailed, Rows
from bridge.models import AuthId, Identity, UserId

ME = Identity(user_id=UserId("user-of-mine"), auth_id=AuthId("auth-of-mine"))

Printed = Sequence[Mapping[str, object]]


class ScriptedWay:
    """Tables and functions by name; what is not there fails as in PostgREST."""

    def __init__(self, **answers: Printed) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, object]]] = []

    async def rows(self, table: str, **filters: str) -> Rows:
        """See the port."""
        self.asked.append((table, filters))
        wanted = filters.get("id", "")
        found = self._answer(table, "42P01")
        if wanted.startswith("in.("):
            among = wanted[len("in.(") : -1].split(",")
            return [row for row in found if row["id"] in among]
        return found

    async def call(self, function: str, **arguments: object) -> Rows:
        """See the port."""
        self.asked.append((function, arguments))
        return self._answer(function, "PGRST202")

    def _answer(self, name: str, code: str) -> Printed:
        if name not in self.answers:
            raise OldWayFailed(code)
        return self.answers[name]
