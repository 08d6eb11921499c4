"""A page of another site cannot use a visitor's cookies to change something."""

from __future__ import annotations

import pytest

from compat.origins import comes_from_own_page

HOST = "chat.example.org"
TRUSTED = frozenset({"https://app.example.net"})


@pytest.mark.parametrize(
    ("origin", "fetch_site", "is_own"),
    [
        # Programs.
        (None, None, True),
        # Browsers of today.
        ("https://chat.example.org", "same-origin", True),
        (None, "same-origin", True),
        (None, "none", True),
        ("https://evil.example", "cross-site", False),
        ("https://sister.example.org", "same-site", False),
        ("null", "cross-site", False),
        (None, "cross-site", False),
        (None, "", False),
        # What the browser says counts more than a Host that may be anybody's.
        ("https://chat.example.org", "cross-site", False),
        ("https://outside.example", "same-origin", True),
        # Origins listed by name.
        ("https://app.example.net", "cross-site", True),
        ("https://app.example.net", None, True),
        ("http://app.example.net", "cross-site", False),
        # Browsers without Sec-Fetch-Site.
        ("https://chat.example.org", None, True),
        ("http://Chat.Example.org", None, True),
        ("https://evil.example", None, False),
        ("https://chat.example.org.evil.example", None, False),
        ("https://chat.example.org:8443", None, False),
        ("null", None, False),
        ("", None, False),
        ("chat.example.org", None, False),
        ("http://[", None, False),
    ],
)
def test_headers_tell_our_pages_from_others(origin: str | None, fetch_site: str | None, *, is_own: bool) -> None:
    """Neither header: a program; else Sec-Fetch-Site, else Origin against Host."""
    assert comes_from_own_page(origin=origin, fetch_site=fetch_site, host=HOST, trusted=TRUSTED) is is_own


@pytest.mark.parametrize("origin", ["null", "", "https://"])
def test_no_host_is_nobodys_origin(origin: str) -> None:
    """HTTP/1.0 needs none."""
    assert not comes_from_own_page(origin=origin, fetch_site=None, host="", trusted=TRUSTED)


def test_ports_are_part_of_both() -> None:
    """Another port is another origin."""
    for host in ("127.0.0.1:8080", "localhost:8080"):
        assert comes_from_own_page(origin=f"http://{host}", fetch_site=None, host=host, trusted=TRUSTED)
        assert not comes_from_own_page(origin=f"http://{host}0", fetch_site=None, host=host, trusted=TRUSTED)
