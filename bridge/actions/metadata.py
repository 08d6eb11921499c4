"""What a client may attach to a message (contract F21)."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from bridge.errors import ActionError, ErrorCode, Fault

MAX_METADATA_BYTES = 16_384
MAX_METADATA_DEPTH = 50

METADATA_MALFORMED = Fault(
    ErrorCode.INVALID_DATA,
    f"Metadata must be an object of at most {MAX_METADATA_BYTES} bytes and {MAX_METADATA_DEPTH} levels",
)


def read_metadata(raw: Raw) -> dict[str, object]:
    """Return the object that a client sent; none sent is an empty one.

    Raises:
        ActionError: INVALID_DATA, for anything else than an object, and for one too large or too deep.

    """
    text = bytes(raw)
    if text == b"null":
        return {}
    if len(text) > MAX_METADATA_BYTES:
        raise ActionError(METADATA_MALFORMED)
    try:
        metadata = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ActionError(METADATA_MALFORMED) from error
    if _is_deeper(metadata, MAX_METADATA_DEPTH):
        raise ActionError(METADATA_MALFORMED)
    return metadata


def _is_deeper(value: object, levels: int) -> bool:
    """Tell whether a value is nested so deep that a reader could fail on it, and with it on the whole page."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)
