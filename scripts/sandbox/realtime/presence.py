"""Who is present on each topic: keys, metas and the joins and leaves between two states; pure (supabase.md 2.6)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

Meta = Mapping[str, object]
State = dict[str, dict[str, list[Meta]]]


def random_ref() -> str:
    """Return a fresh phx_ref: 16 characters of url-safe base64, as recorded."""
    return base64.urlsafe_b64encode(secrets.token_bytes(12)).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one call changed; the wire's presence_diff."""

    joins: State
    leaves: State


@dataclass(frozen=True, slots=True)
class _Present:
    key: str
    meta: Meta


class Board:
    """The presences of all topics; an address is (topic, private), a bearer of a presence is one channel."""

    def __init__(self, new_ref: Callable[[], str] = random_ref) -> None:
        self._new_ref = new_ref
        self._present: dict[Hashable, dict[Hashable, _Present]] = {}

    def track(self, address: Hashable, channel: Hashable, key: str, state: Meta) -> Difference:
        """Enter or replace a channel's presence; a second track is a leave and a join whose meta names the old ref."""
        channels = self._present.setdefault(address, {})
        before = channels.get(channel)
        meta = {**state, "phx_ref": self._new_ref()}
        if before is not None:
            meta["phx_ref_prev"] = before.meta["phx_ref"]
        channels[channel] = _Present(key, meta)
        return Difference(joins=_single(channels[channel]), leaves=_single(before))

    def untrack(self, address: Hashable, channel: Hashable) -> Difference | None:
        """Take a channel's presence away; None when it had none."""
        channels = self._present.get(address, {})
        before = channels.pop(channel, None)
        if before is None:
            return None
        if not channels:
            del self._present[address]
        return Difference(joins={}, leaves=_single(before))

    def state(self, address: Hashable) -> State:
        """Return everybody present, by key; several channels may share one."""
        found: State = {}
        for present in self._present.get(address, {}).values():
            found.setdefault(present.key, {"metas": []})["metas"].append(present.meta)
        return found


def _single(present: _Present | None) -> State:
    return {} if present is None else {present.key: {"metas": [present.meta]}}
