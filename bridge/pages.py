"""What the bridge shows to browsers and tools: documents made once, with headers under which they can do no harm.

Every page of the bridge gets its headers from `security_headers`; whatever else is answered, errors and refused
handshakes included, gets those that allow nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache

from msgspec import Struct
from quart import Quart, Response, request
from quart.typing import ResponseTypes

from bridge.specification import encoded
from bridge.specification.page import protocol_page


class Document(Struct, frozen=True, kw_only=True):
    """A body that stays the same as long as the process runs, and its headers."""

    body: bytes
    headers: Mapping[str, str]


def security_headers(*, scripts: Sequence[str] = (), styles: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers that let a page run these scripts and styles, given by their texts, and nothing else.

    It may load nothing from anywhere, send nothing anywhere and be framed by nobody, so a text of somebody's that got
    into it by mistake would be harmless (Content Security Policy, level 3).
    """
    policy = {
        "default-src": ["'none'"],
        "script-src": [_hash(one) for one in scripts] or ["'none'"],
        "style-src": [_hash(one) for one in styles] or ["'none'"],
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def document(body: bytes, media_type: str, *, scripts: Sequence[str] = (), styles: Sequence[str] = ()) -> Document:
    """Return a document; whoever has it already is told so by its ETag."""
    return Document(
        body=body,
        headers={
            "Content-Type": media_type,
            "Cache-Control": "no-cache",
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
            **security_headers(scripts=scripts, styles=styles),
        },
    )


def protect_answers(app: Quart) -> None:
    """Give every answer that has no such headers of its own the ones that allow nothing."""
    allowing_nothing = security_headers()

    def protect(response: ResponseTypes) -> ResponseTypes:
        for name, value in allowing_nothing.items():
            response.headers.setdefault(name, value)
        return response

    def protect_refusal(response: ResponseTypes | None) -> ResponseTypes | None:
        return protect(response) if response is not None else None

    app.after_request(protect)
    app.after_websocket(protect_refusal)


def serve_documents(app: Quart, documents: Mapping[str, Document]) -> None:
    """Answer GET for each path; a WebSocket handshake to the same path still opens the socket."""
    for path, one in documents.items():
        app.add_url_rule(path, path, _answering(one), methods=["GET"])


@cache
def protocol_documents() -> Mapping[str, Document]:
    """Return what describes the protocol, by path; made once."""
    page = protocol_page()
    html = page.html.encode()
    return {
        "/asyncapi.json": document(encoded(), "application/json"),
        "/protocol": document(html, "text/html; charset=utf-8", scripts=[page.script], styles=[page.style]),
    }


def _answering(one: Document) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        response = Response(one.body, headers=dict(one.headers))
        await response.make_conditional(request)
        return response

    return answer


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
