"""A browser as far as cookies go."""

from __future__ import annotations

from collections.abc import Iterable

from compat import cookies

NAME = "sb-project-auth-token"


class Browser:
    """Keeps the cookies that responses set, and sends them."""

    def __init__(self, **kept: str) -> None:
        self.cookies: dict[str, str] = {"theme": "dark", **kept}

    @property
    def header(self) -> str:
        """Return the Cookie header of the next request."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def session(self) -> dict[str, str]:
        """Return the session's cookies by name."""
        return {name: value for name, value in self.cookies.items() if name != "theme"}

    def take(self, set_cookies: Iterable[str]) -> Browser:
        """Do what Set-Cookie headers say."""
        for one in set_cookies:
            pair, *attributes = one.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return self

    def read(self, name: str = NAME) -> cookies.StoredSession | None:
        """Return the session that the bridge sees in them."""
        return cookies.read(cookies.select(self.header, name), name)
