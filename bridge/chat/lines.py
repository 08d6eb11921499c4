"""What is shown, as values: styled heads with plain bodies, laid out for a width. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from bridge.chat.text import isolated, width, wrapped

Fragment = tuple[str, str]
"""A style class and its text, which is plain."""
Row = tuple[Fragment, ...]


class Line(Struct, frozen=True):
    """A head (number, time, name) and a body that continues under itself, so that it cannot pretend to be a head."""

    head: Row
    body: str = ""
    style: str = ""

    def rows(self, columns: int | None) -> Iterator[Row]:
        """Lay the line out; None means: as wide as it takes."""
        indent = sum(width(text) for _, text in self.head)
        if columns is None:
            bodies = self.body.split("\n")
        else:
            # One column stays free: terminals differ in what they do at the last one.
            bodies = wrapped(self.body, max(columns - 1 - indent, columns // 3))
        head = ((style, isolated(text)) for style, text in self.head)
        yield (*head, (self.style, isolated(bodies[0])))
        for body in bodies[1:]:
            yield (("", " " * indent), (self.style, isolated(body)))


def notice(text: str) -> Line:
    """Return a line that says what happened."""
    return Line((("class:notice", "\N{MIDDLE DOT} "),), text, "class:notice")


def complaint(text: str) -> Line:
    """Return a line that says what went wrong."""
    return Line((("class:complaint", "! "),), text, "class:complaint")


def rule(text: str) -> Line:
    """Return a line that divides."""
    return Line((("class:rule", "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 2 + " "),), text, "class:rule")


def title(text: str) -> Line:
    """Return a line that begins something new."""
    return Line((("class:title", "\N{BOX DRAWINGS DOUBLE HORIZONTAL}" * 2 + " "),), text, "class:title")


def text_of(row: Row) -> str:
    """Return a row without its styles."""
    return "".join(text for _, text in row).rstrip()
