"""What each bridge says of the rollout, asked over HTTP as an operator."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import msgspec
from msgspec import Struct

from bridge.authentication import ClientName
from bridge.rollout.status import RolloutStatus
from migration.errors import Refused

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
    if addresses and not token:
        raise Refused("Bridges tell operators only: set BRIDGE_OPERATOR_TOKEN as it is set there.")
    with httpx.Client(timeout=ANSWER_SECONDS) as http:
        return tuple(_ask(http, address, token or "") for address in addresses)


def _ask(http: httpx.Client, address: str, token: str) -> BridgeView:
    try:
        answer = http.get(f"{address.rstrip('/')}/status", headers={"Authorization": f"Bearer {token}"})
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise Refused(f"{address} is no address of a bridge, like http://127.0.0.1:8080.") from None
    except httpx.HTTPError as error:
        return BridgeView(address=address, trouble=f"does not answer ({type(error).__name__})")
    if answer.status_code != httpx.codes.OK:
        return BridgeView(address=address, trouble=f"answers with status {answer.status_code}")
    try:
        return BridgeView(address=address, status=msgspec.json.decode(answer.content, type=_StatusDocument).rollout)
    except msgspec.DecodeError:
        return BridgeView(address=address, trouble="answers something else, as a bridge of another release would")


def which_path(address: str, token: str, client: ClientName) -> str:
    """Ask GET /rollout as a user's client; an answer that is none is no path."""
    query = {"client": client.name, "version": client.version}
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = httpx.get(f"{address}/rollout", params=query, headers=headers, timeout=ANSWER_SECONDS)
        return str(answer.raise_for_status().json()["path"])
    except httpx.HTTPError as error:
        return type(error).__name__
