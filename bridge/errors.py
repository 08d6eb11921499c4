"""What can go wrong, as types.

ActionError      one command is refused; becomes an error reply, the connection stays
Disconnect       the connection ends with a close code
StoreError       the tables could not be asked; the action says which fault its client sees
  StoreRefused   the database said no and would say it again (a constraint, a right)
  StoreDown      no answer: network, overload, restart; a retry may help
    StoreUnreadable  an answer, but one that cannot be read: because of one row, perhaps
SchemaUnusable   the database is no chat that the bridge could serve; it does not start
LoginUndecided   the Auth server could not say whether a login goes on
ConfigError      the settings are unusable; the program ends with exit status 2
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple, Self

_COME_BACK = re.compile(r"come back in ([0-9]{1,4}) s$")


class ErrorCode(StrEnum):
    """The codes of the wire, none invented (contract ws-protocol section 4)."""

    when: str
    """When it is answered."""
    advice: str
    """What a client should do."""

    def __new__(cls, value: str, when: str, advice: str) -> Self:
        """Make a code with its two sentences."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.when = when
        code.advice = advice
        return code

    ACCESS_DENIED = (
        "ACCESS_DENIED",
        "The user is no active member of the conversation or group, or there is none with that id: not told apart.",
        "Do not repeat it; load the conversations again, for the user may have been removed.",
    )
    AUTH_ERROR = (
        "AUTH_ERROR",
        "The token could not be judged, or an old client not be told what it missed: signing keys or tables cannot be "
        "reached.",
        "The token may be good; authenticate with it again after a pause.",
    )
    AUTH_REQUIRED = (
        "AUTH_REQUIRED",
        "An action about conversations or groups came before `auth` had succeeded.",
        "Authenticate, then repeat the command.",
    )
    CONFIG_ERROR = (
        "CONFIG_ERROR",
        "The bridge lacks the secret that a token of this kind is verified with.",
        "Tell the operator; repeating helps only after the setting has changed.",
    )
    DATABASE_ERROR = (
        "DATABASE_ERROR",
        "The tables could not be read or written, or they refused what was to be written.",
        "Repeat it a few times after a pause, a send only with its `clientMessageId`; a refusal stays one.",
    )
    INVALID_DATA = (
        "INVALID_DATA",
        "A field is missing or its value cannot be used; the text says which.",
        "Correct the payload; the same one is refused again.",
    )
    INVALID_ENCRYPTED_CONTENTS = (
        "INVALID_ENCRYPTED_CONTENTS",
        "`encryptedContents` is no object of sealed copies by user id, or none of them is for a member.",
        "Load the members again and seal for them.",
    )
    INVALID_MESSAGE = (
        "INVALID_MESSAGE",
        "The frame is no envelope: not JSON, binary, a field missing or of the wrong kind, a type that is not listed.",
        "Correct the client; the connection stays usable.",
    )
    INVALID_TOKEN = (
        "INVALID_TOKEN",
        "The token is not valid, or it has expired since `auth`.",
        "Get a new token, send `auth` on the same connection, then repeat the command.",
    )
    MESSAGE_NOT_FOUND = (
        "MESSAGE_NOT_FOUND",
        "The message that older ones were asked for is not in this conversation.",
        "Load the newest page instead.",
    )
    MISSING_CONVERSATION_ID = (
        "MISSING_CONVERSATION_ID",
        "`conversationId` is missing, or another field is of the wrong kind.",
        "Correct the payload; the same one is refused again.",
    )
    MISSING_REQUIRED_FIELDS = (
        "MISSING_REQUIRED_FIELDS",
        "A required field is missing, empty or of the wrong kind; the text names the fields.",
        "Correct the payload; the same one is refused again.",
    )
    MISSING_TOKEN = (
        "MISSING_TOKEN",
        "`auth` came without a token.",
        "Send `auth` with the access token of the user's login.",
    )
    SERVER_ERROR = (
        "SERVER_ERROR",
        "Something failed that is the server's own fault.",
        "Repeat it a few times after a pause, a send only with its `clientMessageId`.",
    )
    UNAUTHORIZED = (
        "UNAUTHORIZED",
        "An action about messages, receipts or typing came before `auth` had succeeded.",
        "Authenticate, then repeat the command.",
    )
    UNKNOWN_MESSAGE_TYPE = (
        "UNKNOWN_MESSAGE_TYPE",
        "The type is known to clients but no action of this bridge; the text names it.",
        "Do not send it to this bridge.",
    )
    USER_NOT_FOUND = (
        "USER_NOT_FOUND",
        "The token is valid, but its account has no user in the chat.",
        "Let the user finish signing up; another token of the same account changes nothing.",
    )


class CloseCode(IntEnum):
    """Why a connection ends; 4000-4499: come back after a pause, 4500-4999: do not come back by yourself."""

    when: str
    """Why the bridge closes with it."""
    advice: str
    """What a client should do."""

    def __new__(cls, value: int, when: str, advice: str) -> Self:
        """Make a code with its two sentences."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.when = when
        code.advice = advice
        return code

    INTERNAL_ERROR = (
        1011,
        "The connection's handling failed, or the bridge had to end before it could say more.",
        "Come back after a pause.",
    )
    SERVICE_RESTART = (
        1012,
        "The bridge is being restarted; its reason says in how many seconds to come back, to each client another.",
        "Come back then, not at once: everybody else does too.",
    )
    NOT_AUTHENTICATED_IN_TIME = (
        4003,
        "No `auth` succeeded in time.",
        "Come back when there is a token.",
    )
    TOO_SLOW = (
        4008,
        "The client did not read what was waiting for it.",
        "Come back after a pause and load again: pushes are lost.",
    )
    TOO_FAST = (
        4028,
        "The connection, or all connections of its user together, sent frames faster than is allowed.",
        "Come back after a pause and send more slowly.",
    )
    TOO_MANY_COMMANDS = (
        4029,
        "Too many commands were waiting for their turn.",
        "Come back after a pause and wait for answers before sending more.",
    )
    REPLACED = (
        4500,
        "The user has opened more connections than are allowed; this was the oldest.",
        "Stay away until the user wants this one: coming back would push out another.",
    )
    SIGNED_OUT = (
        4501,
        "The login of the token has ended: the user has signed out, or the account is gone. Seen after minutes.",
        "Stay away until the user has logged in anew; the tokens of this login are refused.",
    )
    LEGACY_PATH = (
        4510,
        "The rollout sends this user, or this version of the client, to the legacy path.",
        "Go on by the legacy path; ask `GET /rollout` before connecting again.",
    )


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


def service_restart(come_back_in_seconds: int) -> Disconnect:
    """Say that the bridge ends, and when this client is to come back; see `come_back_in`."""
    return Disconnect(CloseCode.SERVICE_RESTART, f"service restart, come back in {come_back_in_seconds} s")


def come_back_in(reason: str) -> int | None:
    """Read from a close reason after how many seconds to come back, if it says so."""
    found = _COME_BACK.search(reason)
    return int(found[1]) if found else None


class StoreError(Exception):
    """The tables could not be read or written."""


class StoreRefused(StoreError):
    """The database refused; asking again would be refused again."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"refused with {sqlstate}" if sqlstate else "refused, and no code says why")
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


class LoginUndecided(Exception):
    """Whether a login has ended could not be found out."""


class ConfigError(Exception):
    """The settings are unusable; the text is one sentence that names the variable."""
