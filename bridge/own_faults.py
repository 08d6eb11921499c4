"""Whether a failure is the server's own fault, or something that a client can bring about whenever it likes.

The rollout goes by this, so no client must be able to make it look bad: codes and statuses do not tell, for the wire
and the old endpoints answer some mistakes as if the database had failed (contract ws-protocol section 4).
"""

from __future__ import annotations

from typing import Final

from bridge.errors import ActionError, ErrorCode, StoreError, StoreRefused

_OF_THE_VALUES: Final = frozenset({"22", "23"})
"""Classes of SQLSTATE, data exception and integrity violation: the database works, and says no to these values."""
_OWN: Final = frozenset({ErrorCode.SERVER_ERROR, ErrorCode.AUTH_ERROR})
"""Not CONFIG_ERROR: where tokens are signed with keys, any stranger gets it by a token that claims a shared secret."""


def is_own_fault(error: Exception) -> bool:
    """Tell whether the server, the database or the Auth server has failed."""
    if isinstance(error, StoreRefused):
        return error.sqlstate[:2] not in _OF_THE_VALUES
    if isinstance(error, StoreError):
        return True
    if isinstance(error.__cause__, StoreError):
        return is_own_fault(error.__cause__)
    return not isinstance(error, ActionError) or error.fault.code in _OWN
