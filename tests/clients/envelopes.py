"""What each generation takes for a frame, and what it drops without a word (contract ws-protocol sections 2 and 3)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.emulated_w1 import KNOWN_TYPES

Json = dict[str, Any]

_LATER_TYPES = """
    key_share key_request key_response key_init call_offer call_answer call_decline call_end call_ice_candidate
    call_sdp_offer call_sdp_answer call_status ml_kem_call_offer ml_kem_call_answer ml_kem_key_rotation
    ml_kem_key_rotation_response ml_kem_key_rotation_complete
"""
KNOWN_TO_W3 = KNOWN_TYPES | frozenset(_LATER_TYPES.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """One generation's isValidMessage."""

    known_types: frozenset[str] = KNOWN_TYPES
    takes_null_request_id: bool

    def accepted(self, text: str) -> Json | None:
        """Return the envelope, or None for what this generation drops."""
        try:
            envelope = json.loads(text)
        except ValueError:
            return None
        if not isinstance(envelope, dict) or envelope.get("type") not in self.known_types:
            return None
        payload, timestamp = envelope.get("payload"), envelope.get("timestamp")
        is_whole = isinstance(payload, dict | list) and isinstance(timestamp, str) and timestamp != ""
        return envelope if is_whole and self._takes_request_id(envelope) else None

    def _takes_request_id(self, envelope: Mapping[str, object]) -> bool:
        request_id = envelope.get("requestId", 0)  # an absent one is as bad as a number
        if self.takes_null_request_id:
            return request_id is None or isinstance(request_id, str)
        return isinstance(request_id, str) and request_id != ""


OF_W1 = Validator(takes_null_request_id=False)
OF_W2 = Validator(takes_null_request_id=True)
OF_W3 = Validator(takes_null_request_id=True, known_types=KNOWN_TO_W3)


def new_request(frame_type: str, payload: object) -> tuple[str, str]:
    """Return a request's id and its frame."""
    request_id = str(uuid.uuid4())
    envelope = {
        "type": frame_type,
        "payload": payload,
        "requestId": request_id,
        "timestamp": "2026-11-25T12:00:00.000Z",
    }
    return request_id, json.dumps(envelope)
