"""What can go wrong on the client's side of the wire, as types.

ClientError
  RequestRefused     the server answered with an error; the connection stays
  RequestTimedOut    no answer in time; whether it was carried out is unknown
  UnexpectedReply    the answer is not the one the protocol promises for this request
  PushesOverflowed   pushes came faster than they were read; some are lost, so what is shown must be read again
  ConnectionLost     there is no connection any more
    Unreachable      there never was one
  NoToken            nothing to authenticate with (raised by sources of tokens)
"""

from __future__ import annotations


class ClientError(Exception):
    """Something about the wire went wrong; the text is a sentence for people and holds no token and no content."""


class RequestRefused(ClientError):
    """The server said no; `code` and `text` are those of its error reply."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} ({code})")
        self.code = code
        self.text = text


class RequestTimedOut(ClientError):
    """The server did not answer in time."""

    def __init__(self, action: str, seconds: float) -> None:
        super().__init__(f"no answer to {action} within {seconds:g} seconds")
        self.action = action


class UnexpectedReply(ClientError):
    """The reply has another type or shape than this request's."""

    def __init__(self, action: str, cause: str) -> None:
        super().__init__(f"unexpected answer to {action}: {cause}")
        self.action = action


class PushesOverflowed(ClientError):
    """Nobody read the pushes while `limit` of them arrived."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} unread pushes; the later ones are lost")


class ConnectionLost(ClientError):
    """The connection is gone; `close_code` is None where the server sent none."""

    def __init__(self, reason: str, close_code: int | None = None, come_back_in_seconds: int | None = None) -> None:
        super().__init__(reason)
        self.close_code = close_code
        self.come_back_in_seconds = come_back_in_seconds
        """After how long the server asked this client to come back, if it did."""

    def again(self) -> ConnectionLost:
        """Return the same news, to be raised in another place."""
        return ConnectionLost(str(self), self.close_code, self.come_back_in_seconds)

    @property
    def is_final(self) -> bool:
        """Tell whether the server asked not to come back (bridge.errors.CloseCode)."""
        return self.close_code is not None and 4500 <= self.close_code <= 4999


class Unreachable(ConnectionLost):
    """No connection could be opened."""


class NoToken(ClientError):
    """There is no token to authenticate with; the text says where it was looked for."""
