"""The page shows every type and code under an anchor of its own, and needs nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from bridge.errors import CloseCode, ErrorCode
from bridge.specification.commands import COMMANDS
from bridge.specification.messages import PUSHES_BY_NAME, Shapes
from bridge.specification.page import protocol_page

PAGE = protocol_page().html
OBJECTS = Shapes(COMMANDS.values(), PUSHES_BY_NAME.values()).objects()
VOID = {"meta", "link", "input", "br"}
OPTIONAL_END = {"td", "th"}


class Reader(HTMLParser):
    """Collects what can be linked to, what is linked, what is loaded, and whether tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        if tag not in VOID | OPTIONAL_END:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.anchors.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in {"href", "src", "action", "data"}:
                self.loaded.append(value or "")
            elif name.startswith("on") or name == "style":
                self.handlers.append(name)

    def handle_endtag(self, tag: str) -> None:
        """Note its end."""
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def read() -> Reader:
    """Read the page."""
    reader = Reader()
    reader.feed(PAGE)
    return reader


@pytest.mark.parametrize(
    "name", [*COMMANDS, *PUSHES_BY_NAME, *OBJECTS, "error", *ErrorCode, *(str(int(one)) for one in CloseCode)]
)
def test_everything_has_its_anchor(read: Reader, name: str) -> None:
    """A link to it can be passed on, and the contents list it."""
    assert read.anchors.count(name) == 1
    assert f"#{name}" in read.links


def test_every_link_leads_somewhere(read: Reader) -> None:
    """Within the page, or to the document beside it."""
    assert {link for link in read.links if link.removeprefix("#") not in read.anchors} == {"asyncapi.json"}


def test_nothing_is_loaded_from_elsewhere(read: Reader) -> None:
    """The page works from a file, and under a policy that allows no inline handlers."""
    assert read.loaded == ["data:,"]
    assert read.handlers == []
    assert re.findall(r"https?:|@import|url\(|//[a-z]", PAGE) == []


def test_the_page_is_well_formed(read: Reader) -> None:
    """Every tag that has to be closed is."""
    assert read.open == []


def test_texts_are_escaped() -> None:
    """The examples hold angle brackets."""
    assert "&lt;bob&#x27;s access token&gt;" in PAGE
    assert "access token>" not in PAGE


def test_a_push_shows_what_a_client_has_to_ask_for() -> None:
    """Beside its name."""
    assert '<a href="#messages_read">messages_read</a><span class="badge">capability receipts</span>' in PAGE
