"""What can go wrong, as types.

ActionError      one command is refused; becomes an error reply, the connection stays
Disconnect       the connection ends with a close code
StoreError       the tables could not be asked; the action says which fault its client sees
  StoreRefused   the database said no and would say it again (a constraint, a right)
  StoreDown      no answer: network, overload, restart; a retry may help
    StoreUnreadable  an answer, but one that cannot be read: because of one row, perhaps
SchemaUnusable   the database is no chat that the bridge could serve; it does not start
ConfigError      the settings are unusable; the program ends with exit status 2
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple


class ErrorCode(StrEnum):
    """The codes of the wire, none invented (contract ws-protocol section 4)."""

    ACCESS_DENIED = "ACCESS_DENIED"
    AUTH_ERROR = "AUTH_ERROR"
    AUTH_REQUIRED = "AUTH_REQUIRED"
    CONFIG_ERROR = "CONFIG_ERROR"
    DATABASE_ERROR = "DATABASE_ERROR"
    INVALID_DATA = "INVALID_DATA"
    INVALID_ENCRYPTED_CONTENTS = "INVALID_ENCRYPTED_CONTENTS"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    INVALID_TOKEN = "INVALID_TOKEN"
    MESSAGE_NOT_FOUND = "MESSAGE_NOT_FOUND"
    MISSING_CONVERSATION_ID = "MISSING_CONVERSATION_ID"
    MISSING_REQUIRED_FIELDS = "MISSING_REQUIRED_FIELDS"
    MISSING_TOKEN = "MISSING_TOKEN"
    SERVER_ERROR = "SERVER_ERROR"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNKNOWN_MESSAGE_TYPE = "UNKNOWN_MESSAGE_TYPE"
    USER_NOT_FOUND = "USER_NOT_FOUND"


class CloseCode(IntEnum):
    """Why a connection ends; 4000-4499: come back after a pause, 4500-4999: do not come back by yourself."""

    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    NOT_AUTHENTICATED_IN_TIME = 4003
    TOO_SLOW = 4008
    TOO_MANY_COMMANDS = 4029


class Fault(NamedTuple):
    """A code with its fixed text: all that a client ever learns about an error (contract F11)."""

    code: ErrorCode
    text: str


AUTH_REQUIRED = Fault(ErrorCode.AUTH_REQUIRED, "Authentication required")
UNAUTHORIZED = Fault(ErrorCode.UNAUTHORIZED, "Authentication required")
ACCESS_DENIED = Fault(ErrorCode.ACCESS_DENIED, "Access denied to conversation")
INVALID_TOKEN = Fault(ErrorCode.INVALID_TOKEN, "Invalid or expired token")
INVALID_MESSAGE = Fault(ErrorCode.INVALID_MESSAGE, "Invalid message format")
INTERNAL_ERROR = Fault(ErrorCode.SERVER_ERROR, "Internal server error")
CONVERSATION_ID_REQUIRED = Fault(ErrorCode.INVALID_DATA, "Conversation ID required")
MISSING_CONVERSATION_ID = Fault(ErrorCode.MISSING_CONVERSATION_ID, "Conversation ID is required")
MISSING_TOKEN = Fault(ErrorCode.MISSING_TOKEN, "Authentication token is required")
USER_NOT_FOUND = Fault(ErrorCode.USER_NOT_FOUND, "User profile not found")
AUTH_FAILED = Fault(ErrorCode.AUTH_ERROR, "Authentication failed")
SERVER_CONFIG = Fault(ErrorCode.CONFIG_ERROR, "Server configuration error")


def unknown_type(name: str) -> Fault:
    """Say that a listed type is no action of this server."""
    return Fault(ErrorCode.UNKNOWN_MESSAGE_TYPE, f"Unknown message type: {name}")


class ActionError(Exception):
    """One command is refused; the session lives on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code.value)
        self.fault = fault


class Disconnect(Exception):
    """The connection has to end."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason


class StoreError(Exception):
    """The tables could not be read or written."""


class StoreRefused(StoreError):
    """The database refused; asking again would be refused again."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"refused with {sqlstate}")
        self.sqlstate = sqlstate


class StoreDown(StoreError):
    """The database or the way to it did not answer; whether a write happened is unknown."""


class StoreUnreadable(StoreDown):
    """Rows came, and at least one of them cannot be read; fewer rows at once may help."""


class SchemaUnusable(Exception):
    """Tables or columns are missing without which the bridge cannot work; the text names them (contract F41)."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"the database lacks {', '.join(missing)}")
        self.missing = tuple(missing)


class ConfigError(Exception):
    """The settings are unusable; the text is one sentence that names the variable."""
