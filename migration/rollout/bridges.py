"""What each bridge says of the rollout, asked over HTTP as an operator."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
from msgspec import Struct

from bridge.authentication import ClientName
from bridge.rollout.status import RolloutStatus
from migration.bridges import statuses

ANSWER_SECONDS = 10.0


class BridgeView(Struct, frozen=True, kw_only=True):
    """What one bridge says, or why it says nothing."""

    address: str
    status: RolloutStatus | None = None
    trouble: str | None = None
    """One sentence."""


class _StatusDocument(Struct, frozen=True):
    rollout: RolloutStatus


def look_at(addresses: Sequence[str], token: str | None) -> tuple[BridgeView, ...]:
    """Ask every bridge.

    Raises:
        Refused: there is nothing to show them, or an address is none.

    """
    return tuple(
        BridgeView(address=told.address, status=told.document.rollout if told.document else None, trouble=told.trouble)
        for told in statuses(addresses, token, _StatusDocument)
    )


def which_path(address: str, token: str, client: ClientName) -> str:
    """Ask GET /rollout as a user's client; an answer that is none is no path."""
    query = {"client": client.name, "version": client.version}
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = httpx.get(f"{address}/rollout", params=query, headers=headers, timeout=ANSWER_SECONDS)
        return str(answer.raise_for_status().json()["path"])
    except httpx.HTTPError as error:
        return type(error).__name__
