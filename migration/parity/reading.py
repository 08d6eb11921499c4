"""Reading the answer of an action as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from bridge.client import WireClient
from bridge.comparison.answers import Answer
from bridge.comparison.differing import flat

T = TypeVar("T")


async def told(client: WireClient, action: str, asked: Mapping[str, object], kind: type[T]) -> T:
    """Send a command and return what of its reply is needed.

    Raises:
        ClientError: it was refused, or there is no answer.

    """
    return msgspec.json.decode(await client.request(action, asked), type=kind)


async def replied(
    client: WireClient, action: str, asked: Mapping[str, object], *, rows: str, key: str, moment: str | None = None
) -> Answer:
    """Send a command and return the rows that its reply holds under a name.

    Raises:
        ClientError: it was refused, or there is no answer.

    """
    reply = await told(client, action, asked, dict[str, object])
    found = msgspec.convert(reply[rows], list[dict[str, object]])
    return Answer(rows={str(row[key]): flat(row) for row in found}, moment=moment)
