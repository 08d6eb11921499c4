"""The wire client of these tests: what it is sent has to be what the specification says (contract F18)."""

from __future__ import annotations

from bridge.client import RequestRefused, WireClient
from bridge.client.frames import Frame
from tests.specified import check_from_bridge, check_refusal


class CheckedClient(WireClient):
    """A client that fails its test when a frame is not as specified, or an error is not one that the action names."""

    def _take(self, text: str | bytes) -> None:
        check_from_bridge(text)
        super()._take(text)

    async def _exchange(self, action: str, payload: object, timeout_seconds: float | None = None) -> Frame:
        try:
            return await super()._exchange(action, payload, timeout_seconds)
        except RequestRefused as refused:
            check_refusal(action, refused.code, refused.text)
            raise
