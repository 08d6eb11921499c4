"""A bridge as its operators reach it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import httpx
import msgspec

from migration.errors import Refused

TIMEOUT_SECONDS: Final = 10.0

T = TypeVar("T")


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
            raise Refused(f"{self.address} is no address of a bridge, like http://127.0.0.1:8080.") from None
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
