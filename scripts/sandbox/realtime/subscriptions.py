"""What a channel asked to hear of, and who is to hear of a table: bindings, their hashed ids, the registry; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from scripts.sandbox.realtime.faults import Trace
from scripts.sandbox.realtime.filters import Condition
from scripts.sandbox.realtime.pgoutput import Action
from scripts.sandbox.realtime.tokens import Bearer

EVERYTHING = "*"
_ID_BITS = 27  # the recorded ids are Erlang phash2 values, which have so many
_ENCODER = msgspec.json.Encoder(order="deterministic")


class MalformedBinding(Exception):
    """The entry of `postgres_changes` cannot be subscribed to, now or later."""


class _Parameters(msgspec.Struct):
    event: str = EVERYTHING
    schema: str | None = None
    table: str | None = None
    filter: str | None = None
    select: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One entry of a join's `postgres_changes`, with the parameters as they came."""

    id: int
    parameters: Mapping[str, object] = field(hash=False)

    @classmethod
    def of(cls, parameters: Mapping[str, object]) -> Binding:
        """Give the parameters an id: equal parameters, equal id, on every connection (supabase.md 2.3)."""
        digest = hashlib.blake2b(_ENCODER.encode(parameters), digest_size=4).digest()
        return cls(id=int.from_bytes(digest) % (1 << _ID_BITS) or 1, parameters=parameters)

    def echo(self) -> dict[str, object]:
        """Return the entry of the join reply: what was asked for, and the id."""
        return {**self.parameters, "id": self.id}

    def wanted(self) -> Wanted:
        """Read the parameters with Realtime's defaults.

        Raises:
            MalformedBinding: neither schema nor table, a wrong type, or `select` without a table.

        """
        try:
            given = msgspec.convert(dict(self.parameters), _Parameters)
        except msgspec.ValidationError as error:
            raise MalformedBinding(f"Error parsing subscription params: {error}") from error
        if given.schema is None and given.table is None:
            shown = ", ".join(f"{name}: {value}" for name, value in self.parameters.items())
            hint = "Please provide at least a `schema` or `table` to subscribe to"
            raise MalformedBinding(f"No subscription params provided. {hint}: {shown}")
        table = given.table or EVERYTHING
        if given.select is not None and table == EVERYTHING:
            raise MalformedBinding("Error parsing `select` params: an explicit `table` is required")
        return Wanted(
            event=given.event.upper(),
            schema=given.schema or "public",
            table=table,
            filter=given.filter,
            select=None if given.select is None else frozenset(given.select),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A binding's parameters, read."""

    event: str
    schema: str
    table: str
    filter: str | None
    select: frozenset[str] | None


class Receiver(Protocol):
    """The channel a subscription belongs to."""

    def receive_change(self, encoded: bytes, ids: Sequence[int], trace: Trace | None) -> None:
        """Send an event to the client."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subscription:
    """A binding that the database accepted, for one table."""

    binding_id: int
    table_oid: int
    event: str
    conditions: tuple[Condition, ...]
    select: frozenset[str] | None
    bearer: Bearer
    receiver: Receiver

    def wants(self, action: Action) -> bool:
        """Tell whether it asked for this kind of change."""
        return self.event in (EVERYTHING, action.value)


class Registry:
    """Every subscription in force, by table."""

    def __init__(self) -> None:
        self._by_table: dict[int, list[Subscription]] = {}

    def replace(self, receiver: Receiver, subscriptions: Iterable[Subscription]) -> None:
        """Put these in the place of whatever the channel had."""
        self.remove(receiver)
        for subscription in subscriptions:
            self._by_table.setdefault(subscription.table_oid, []).append(subscription)

    def remove(self, receiver: Receiver) -> None:
        """Forget a channel."""
        for oid, found in list(self._by_table.items()):
            kept = [subscription for subscription in found if subscription.receiver is not receiver]
            if kept:
                self._by_table[oid] = kept
            else:
                del self._by_table[oid]

    def clear(self) -> None:
        """Forget everything, as a restarting poller does."""
        self._by_table.clear()

    def of_table(self, oid: int, action: Action) -> list[Subscription]:
        """Return who is to be asked about a change, in the order of subscription."""
        return [found for found in self._by_table.get(oid, ()) if found.wants(action)]
