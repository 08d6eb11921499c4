"""What an old endpoint refuses, with the status and the text that its clients know (contract legacy-rest)."""

from __future__ import annotations


class Refused(Exception):
    """The request is answered with this status and `{"error": text}`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


async def answer(refused: Refused) -> tuple[dict[str, str], int]:
    """Turn a refusal into the answer; errors are JSON because clients parse before they look at the status."""
    return {"error": refused.text}, refused.status
