"""Codes and texts of the wire are those of the contract, and exceptions tell no secrets."""

from __future__ import annotations

from bridge import errors
from bridge.errors import (
    ActionError,
    CloseCode,
    ConfigError,
    Disconnect,
    ErrorCode,
    Fault,
    StoreDown,
    StoreError,
    StoreRefused,
    StoreUnreadable,
)

CONTRACT_TEXTS = {
    ("AUTH_REQUIRED", "Authentication required"),
    ("UNAUTHORIZED", "Authentication required"),
    ("ACCESS_DENIED", "Access denied to conversation"),
    ("INVALID_TOKEN", "Invalid or expired token"),
    ("INVALID_MESSAGE", "Invalid message format"),
    ("SERVER_ERROR", "Internal server error"),
    ("INVALID_DATA", "Conversation ID required"),
    ("MISSING_CONVERSATION_ID", "Conversation ID is required"),
    ("MISSING_TOKEN", "Authentication token is required"),
    ("USER_NOT_FOUND", "User profile not found"),
    ("AUTH_ERROR", "Authentication failed"),
    ("CONFIG_ERROR", "Server configuration error"),
}
"""contract ws-protocol section 4."""


def test_the_shared_faults_are_the_contracts() -> None:
    """Every fixed code and text is one that the old servers sent."""
    shared = {value for value in vars(errors).values() if isinstance(value, Fault)}
    assert {(fault.code.value, fault.text) for fault in shared} == CONTRACT_TEXTS


def test_a_code_is_its_own_name_on_the_wire() -> None:
    """No second spelling of a code exists."""
    assert all(code.value == code.name for code in ErrorCode)


def test_close_codes_tell_clients_whether_to_come_back() -> None:
    """Our own codes are in the private range, the standard ones keep their meaning."""
    assert {code for code in CloseCode if code < 4000} == {CloseCode.INTERNAL_ERROR, CloseCode.SERVICE_RESTART}
    ours = [code for code in CloseCode if code >= 4000]
    assert all(code < 5000 for code in ours)
    assert {code for code in ours if code >= 4500} == {
        CloseCode.REPLACED,
        CloseCode.SIGNED_OUT,
        CloseCode.LEGACY_PATH,
    }
    assert [code.name for code in ours if code.advice.startswith("Come back") != (code < 4500)] == []


def test_an_unknown_type_is_named() -> None:
    """The text ends with the type, as the old servers' did."""
    assert errors.unknown_type("load_groups") == Fault(
        ErrorCode.UNKNOWN_MESSAGE_TYPE, "Unknown message type: load_groups"
    )


def test_exceptions_carry_what_their_catcher_needs() -> None:
    """Their texts are fit for a log: codes and causes only."""
    assert str(ActionError(errors.ACCESS_DENIED)) == "ACCESS_DENIED"
    assert ActionError(errors.ACCESS_DENIED).fault is errors.ACCESS_DENIED
    disconnect = Disconnect(CloseCode.TOO_SLOW, "too slow")
    assert (disconnect.code, disconnect.reason, str(disconnect)) == (4008, "too slow", "TOO_SLOW: too slow")
    refused = StoreRefused("23514")
    assert (refused.sqlstate, str(refused)) == ("23514", "refused with 23514")
    assert str(StoreRefused("")) == "refused, and no code says why"
    assert isinstance(refused, StoreError)
    assert isinstance(StoreDown(), StoreError)
    assert isinstance(StoreUnreadable(), StoreDown)
    assert not isinstance(ConfigError(), StoreError)
