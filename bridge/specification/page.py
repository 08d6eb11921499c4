"""The protocol as a page for a browser: everything in one file, readable without scripts, a search with them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Final, cast

import msgspec
from msgspec import Struct

from bridge import __version__
from bridge.errors import CloseCode, ErrorCode, Fault
from bridge.protocol import ErrorPayload
from bridge.specification.commands import COMMANDS, CommandSpec
from bridge.specification.document import INTRODUCTION, SECURITY_NOTE
from bridge.specification.examples import EXAMPLES
from bridge.specification.messages import PUSHES_BY_NAME, REFUSAL, Shapes
from bridge.specification.reading import Field, fields_of
from bridge.specification.schemas import JsonObject
from bridge.specification.wording import for_client_authors

_FOLDER: Final = Path(__file__).parent
_CODE: Final = re.compile(r"`([^`]+)`")


class Page(Struct, frozen=True, kw_only=True):
    """A page, and the style and the script that are part of it."""

    html: str
    style: str
    script: str


class _Article(Struct, frozen=True, kw_only=True):
    """What can be linked to and found: an anchor, its heading, and HTML below it."""

    name: str
    body: str
    badge: str = ""


def protocol_page() -> Page:
    """Return the page of this version's protocol."""
    style, script = _read("page.css"), _read("page.js")
    shapes = Shapes(COMMANDS.values(), PUSHES_BY_NAME.values())
    parts = {
        "Commands": [_command(one, shapes) for one in COMMANDS.values()],
        "Pushes": [_push(name, shapes) for name in PUSHES_BY_NAME],
        "Objects": [_object(name, one) for name, one in shapes.objects().items()],
        "Errors": [_refusal(shapes), *(_code(one.value, one.when, one.advice) for one in ErrorCode)],
        "Close codes": [_code(str(int(one)), one.when, one.advice) for one in CloseCode],
    }
    made = Template(_read("page.html")).substitute(
        version=html.escape(__version__),
        style=style,
        script=script,
        start=_prose(INTRODUCTION) + _prose(SECURITY_NOTE),
        contents="".join(_contents(title, articles) for title, articles in parts.items()),
        sections="".join(_section(title, articles) for title, articles in parts.items()),
    )
    return Page(html=made, style=style, script=script)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def _command(command: CommandSpec, shapes: Shapes) -> _Article:
    refusals = _errors(command.errors) if command.errors else "<p>It is never refused.</p>"
    body = (
        _prose(for_client_authors(command.description))
        + f"<h4>Payload</h4>{_fields(shapes.schema_of(command.request))}"
        + f"<h4>Answer <code>{html.escape(command.reply)}</code></h4>{_fields(shapes.schema_of(command.result))}"
        + f"<h4>Errors, in the order in which they are looked at</h4>{refusals}"
        + _examples(command.name)
    )
    return _Article(name=command.name, body=body)


def _push(name: str, shapes: Shapes) -> _Article:
    push = PUSHES_BY_NAME[name]
    body = (
        _prose(for_client_authors(push.description))
        + f"<h4>Payload</h4>{_fields(shapes.schema_of(push.payload))}"
        + _examples(name)
    )
    return _Article(name=name, body=body, badge="" if push.capability is None else f"capability {push.capability}")


def _refusal(shapes: Shapes) -> _Article:
    body = _prose(REFUSAL) + f"<h4>Payload</h4>{_fields(shapes.schema_of(ErrorPayload))}" + _examples("error")
    return _Article(name="error", body=body)


def _object(name: str, schema: JsonObject) -> _Article:
    text = _prose(str(schema.get("description", "")))
    if "enum" in schema:
        values = ", ".join(f"<code>{_escaped(one)}</code>" for one in cast("list[object]", schema["enum"]))
        return _Article(name=name, body=f"{text}<p>{values}</p>")
    return _Article(name=name, body=text + _fields(schema))


def _code(name: str, when: str, advice: str) -> _Article:
    return _Article(name=name, body=_prose(when) + _prose(advice))


def _contents(title: str, articles: Iterable[_Article]) -> str:
    links = "".join(f'<li><a href="#{_escaped(one.name)}">{_escaped(one.name)}</a></li>' for one in articles)
    return f"<div><h2>{_escaped(title)}</h2><ul>{links}</ul></div>"


def _section(title: str, articles: Iterable[_Article]) -> str:
    return f"<section><h2>{_escaped(title)}</h2>{''.join(map(_article, articles))}</section>"


def _article(article: _Article) -> str:
    name = _escaped(article.name)
    badge = f'<span class="badge">{_escaped(article.badge)}</span>' if article.badge else ""
    return f'<article id="{name}"><h3><a href="#{name}">{name}</a>{badge}</h3>{article.body}</article>'


def _fields(schema: JsonObject) -> str:
    fields = fields_of(schema)
    if not fields:
        return "<p>No fields.</p>"
    return f"<table><tr><th>Field<th>Kind<th>Note</tr>{''.join(map(_field, fields))}</table>"


def _field(field: Field) -> str:
    optional = "" if field.is_required else ' <span class="faint">optional</span>'
    note = _inline(field.note)
    return f"<tr><td><code>{_escaped(field.name)}</code>{optional}<td>{_kind(field.kind)}<td>{note}</tr>"


def _kind(kind: str) -> str:
    """Return a kind with links to the objects that it names, which alone begin with a capital letter."""
    return re.sub(r"\b[A-Z]\w+", lambda found: f'<a href="#{found[0]}">{found[0]}</a>', _inline(kind))


def _errors(faults: Sequence[Fault]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{fault.code.value}"><code>{fault.code.value}</code></a><td>{_escaped(fault.text)}</tr>'
        for fault in faults
    )
    return f"<table><tr><th>Code<th>Text</tr>{rows}</table>"


def _examples(name: str) -> str:
    made = [
        f"<h4>Example: {_inline(one.title)}</h4>{_sent(one.command)}{_told(one.answer)}"
        for one in EXAMPLES.get(name, ())
    ]
    return "".join(made)


def _sent(frame: str | None) -> str:
    return "" if frame is None else f'<pre data-from="the client sends">{_pretty(frame)}</pre>'


def _told(frame: str) -> str:
    return f'<pre data-from="the bridge sends">{_pretty(frame)}</pre>'


def _pretty(frame: str) -> str:
    return _escaped(msgspec.json.format(frame, indent=2))


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", _escaped(text))


def _escaped(text: object) -> str:
    return html.escape(str(text))
