"""Where the address and the token come from: a sample person of the sandbox, a file, the environment, an argument."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.client import NoToken

DEFAULT_URL = "ws://127.0.0.1:8080/ws"
SESSION_FILE = Path(".sandbox") / "session.json"


class SignInError(Exception):
    """It is not known who is to talk to which bridge; the text is one sentence that says what to give."""


class ChatEnvironment(BaseSettings):
    """The variables that the terminal client reads, for its user and not for a server (those: bridge.settings)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    token: SecretStr | None = Field(default=None, validation_alias="BRIDGE_TOKEN")
    terminal: str = Field("", validation_alias="TERM")


class Wish(Struct, frozen=True, kw_only=True):
    """What was asked for on the command line and in the environment."""

    person: str | None = None
    url: str | None = None
    token: str | None = None
    token_file: Path | None = None
    environment_token: str | None = None


class SignIn(Struct, frozen=True):
    """Both are asked again for each connection, so that a renewed token or a restarted sandbox is found."""

    url: Callable[[], str]
    token: Callable[[], str]


class _Person(Struct, frozen=True):
    token: str


class _Session(Struct, frozen=True):
    bridge_url: str
    people: dict[str, _Person]


def sign_in(wish: Wish, start: Path) -> SignIn:
    """Find out who is meant, looking for a sandbox from the given directory upwards.

    Raises:
        SignInError: nobody, or somebody unknown, or an address that is none.

    """
    if wish.url is not None and urlsplit(wish.url).scheme not in {"ws", "wss"}:
        raise SignInError(f"{wish.url} is no WebSocket address; it must begin with ws:// or wss://.")
    if wish.person is not None:
        return _as_person(wish.person, wish.url, start)
    url = wish.url or _sandbox_url(start) or DEFAULT_URL
    if wish.token_file is not None:
        path = wish.token_file
        _read_token(path)
        return SignIn(lambda: url, lambda: _read_token(path))
    token = wish.token or wish.environment_token
    if not token:
        raise SignInError(_who(start))
    return SignIn(lambda: url, lambda: token)


def _as_person(name: str, url: str | None, start: Path) -> SignIn:
    path = _session_path(start)
    if path is None:
        raise SignInError(
            f"--as {name} needs the sandbox, and there is no {SESSION_FILE} here or above: start scripts/run first."
        )
    known = _Known(path, name, _read_session(path))
    return SignIn(lambda: url or known.session().bridge_url, lambda: known.session().people[name].token)


class _Known:
    """A sandbox and one of its people; as last seen while the sandbox is down."""

    def __init__(self, path: Path, name: str, session: _Session) -> None:
        if name not in session.people:
            names = ", ".join(sorted(session.people))
            raise SignInError(f"The sandbox has nobody called {name}; it has {names or 'nobody at all'}.")
        self._path = path
        self._name = name
        self._session = session

    def session(self) -> _Session:
        """Return the session as it is now, or as it was when it could last be read."""
        try:
            found = _read_session(self._path)
        except SignInError:  # quiet: the file is just being written, or gone; what was read before may serve
            return self._session
        if self._name in found.people:
            self._session = found
        return self._session


def _session_path(start: Path) -> Path | None:
    places = (directory / SESSION_FILE for directory in (start, *start.parents))
    return next((path for path in places if path.is_file()), None)


def _sandbox_url(start: Path) -> str | None:
    path = _session_path(start)
    return _read_session(path).bridge_url if path else None


def _read_session(path: Path) -> _Session:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Session)
    except OSError as error:
        raise SignInError(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise SignInError(f"{path} is not what scripts/run writes; start scripts/run again.") from error


def _read_token(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise NoToken(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NoToken(f"{path} holds no token") from error
    if not token:
        raise NoToken(f"{path} is empty")
    return token


def _who(start: Path) -> str:
    path = _session_path(start)
    if path is None:
        return "Say who you are: --as NAME with the sandbox running, or --token-file FILE, or BRIDGE_TOKEN."
    return f"Say who you are: --as NAME ({', '.join(sorted(_read_session(path).people))})."
