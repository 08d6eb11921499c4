"""A bridge as its operators reach it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import httpx
import msgspec

from migration.errors import Refused

TIMEOUT_SECONDS: Final = 10.0
_NO_ADDRESS: Final = "{} is no address of a bridge, like http://127.0.0.1:8080."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What one bridge says of itself, or why it says nothing."""

    address: str
    document: T | None = None
    trouble: str | None = None
    """The rest of a sentence that begins with the address."""


def statuses(addresses: Sequence[str], token: str | None, kind: type[T]) -> tuple[Told[T], ...]:
    """Ask every bridge how it is; `kind` is what is needed of its /status.

    Raises:
        Refused: there is no token to show them, or an address is none.

    """
    if addresses and not token:
        raise Refused("Bridges tell operators only: set BRIDGE_OPERATOR_TOKEN as it is set there.")
    with httpx.Client(timeout=TIMEOUT_SECONDS, headers={"Authorization": f"Bearer {token}"}) as http:
        return tuple(_status(http, address, kind) for address in addresses)


def _status(http: httpx.Client, address: str, kind: type[T]) -> Told[T]:
    try:
        answer = http.get(f"{address.rstrip('/')}/status")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise Refused(_NO_ADDRESS.format(address)) from None
    except httpx.HTTPError as error:
        return Told(address, trouble=f"does not answer ({type(error).__name__})")
    if answer.status_code != httpx.codes.OK:
        return Told(address, trouble=f"answers with status {answer.status_code}")
    try:
        return Told(address, msgspec.json.decode(answer.content, type=kind))
    except msgspec.DecodeError:
        return Told(address, trouble="answers something else, as a bridge of another release would")


class BridgeSide:
    """Questions to the audit of one bridge."""

    def __init__(self, http: httpx.Client, address: str) -> None:
        self._http = http
        self.address = address

    def asked(self, kind: type[T], **params: str) -> T:
        """Ask.

        Raises:
            Refused: this is no address, nobody answers, or not as a bridge of this release does.

        """
        try:
            answer = self._http.get("/audit", params=params)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise Refused(_NO_ADDRESS.format(self.address)) from None
        except httpx.HTTPError as error:
            raise Refused(f"The bridge at {self.address} does not answer: {type(error).__name__}.") from None
        if not answer.is_success:
            raise Refused(
                f"The bridge at {self.address} answers with status {answer.status_code}: it needs the same"
                " BRIDGE_OPERATOR_TOKEN."
            )
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError:
            raise Refused(f"{self.address} does not answer as a bridge of this release does.") from None


@contextmanager
def bridge_at(address: str, token: str) -> Iterator[BridgeSide]:
    """Reach a bridge until the block ends."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT_SECONDS) as http:
        yield BridgeSide(http, address)
