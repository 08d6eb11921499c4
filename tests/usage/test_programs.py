"""Which program asks: its own word, or the family of its user agent."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from bridge.usage.programs import OTHER, UNKNOWN, Program, family_of, named, program_of

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "program"),
    [
        (CHROME, Program("Chrome", "131")),
        (f"{CHROME} Edg/131.0.2903.70", Program("Edge", "131")),
        (f"{CHROME} OPR/116.0.0.0", Program("Opera", "116")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", Program("Firefox", "133")),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Mobile/15E148 Safari/604.1",
            Program("Safari", "18"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
            Program("Chrome", "131"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.6 Safari/605.1.15",
            Program("Safari", "17"),
        ),
        ("okhttp/4.12.0", Program("okhttp", "4")),
        ("Dart/3.5 (dart:io)", Program("Dart", "3")),
        ("ChatApp/77 CFNetwork/1568.200.51 Darwin/24.1.0", Program("CFNetwork", "1568")),
        ("curl/8.11.0", Program("curl", "8")),
        ("python-httpx/0.28.0", Program("python", "0")),
        ("node", Program("node", "")),
        ("axios/1.7.9", Program("node", "1")),
        ("", UNKNOWN),
        ("MyOwnProgram/12", OTHER),
        ("Chrome/99999999999", Program("Chrome", "9999")),
    ],
)
def test_user_agents_have_families(user_agent: str, program: Program) -> None:
    """A few of them, in their major versions, whatever strangers send."""
    assert family_of(user_agent) == program


@pytest.mark.parametrize(
    ("headers", "program"),
    [
        ({"X-Client-Name": "web", "X-Client-Version": "2.1.0"}, Program("web", "2.1.0")),
        ({"x-client-name": " Chat for iOS ", "X-Client-Info": "supabase-js/1"}, Program("Chat for iOS", "")),
        ({"X-Client-Info": "supabase-js-web/2.39.0"}, Program("supabase-js-web", "2.39.0")),
        (
            {"X-Client-Info": "supabase-ssr/0.7.0 createBrowserClient"},
            Program("supabase-ssr", "0.7.0 createBrowserClient"),
        ),
        ({"X-Client-Name": "", "User-Agent": "curl/8.1"}, Program("curl", "8")),
        ({"X-Client-Name": "<script>", "User-Agent": "curl/8.1"}, UNKNOWN),
        ({"X-Client-Info": "/1", "User-Agent": CHROME}, Program("Chrome", "131")),
        ({"User-Agent": CHROME}, Program("Chrome", "131")),
        ({}, UNKNOWN),
    ],
    ids=str,
)
def test_its_own_word_goes_first(headers: dict[str, str], program: Program) -> None:
    """In the header fields of ours, then in that of supabase-js."""
    assert program_of(Headers(headers)) == program


@pytest.mark.parametrize(
    ("name", "version", "program"),
    [
        ("web", "1", Program("web", "1")),
        ("w" * 50, "1" * 50, Program("w" * 40, "1" * 40)),
        ("name\nwith a line", "1\x00", Program("name", "1")),
        ("", "1", UNKNOWN),
        ("☺", "1", UNKNOWN),
        ("web", "☺", Program("web", "")),
    ],
)
def test_names_are_short_and_plain(name: str, version: str, program: Program) -> None:
    """They are printed in terminals and tables."""
    assert named(name, version) == program
