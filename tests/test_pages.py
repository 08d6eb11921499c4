"""Documents are served from memory, with headers that let a page do nothing but show itself."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from quart import Quart

from bridge.pages import Document, document, protocol_documents, security_headers, serve_documents
from bridge.specification import encoded

POLICY = "Content-Security-Policy"
PATHS = ["/asyncapi.json", "/protocol"]


@pytest.fixture
def app() -> Quart:
    """Serve what describes the protocol, and nothing else."""
    made = Quart(__name__)
    serve_documents(made, protocol_documents())
    return made


def policy(header: str) -> dict[str, str]:
    """Return the directives of a Content Security Policy."""
    return dict(part.split(" ", 1) for part in header.split("; "))


async def test_the_document_is_served_as_it_is_printed(app: Quart) -> None:
    """As JSON."""
    answer = await app.test_client().get("/asyncapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert await answer.get_data() == encoded()


@pytest.mark.parametrize("path", PATHS)
async def test_what_a_client_has_already_is_not_sent_again(app: Quart, path: str) -> None:
    """By ETag, which is checked each time: after an update the new document shows at once."""
    client = app.test_client()
    first = await client.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, await again.get_data()) == (304, b"")
    other = await client.get(path, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.headers["ETag"]) == (200, first.headers["ETag"])
    assert (await client.head(path)).status_code == 200
    assert (await client.post(path)).status_code == 405


def test_another_body_has_another_etag() -> None:
    """And the same body the same."""
    tags = [document(body, "text/plain").headers["ETag"] for body in (b"one", b"two", b"one")]
    assert tags[0] == tags[2] != tags[1]


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_can_do_nothing_but_show_itself(app: Quart, path: str) -> None:
    """No loading, no sending, no frames, no guessing of types, no telling where one came from."""
    headers = (await app.test_client().get(path)).headers
    directives = policy(headers[POLICY])
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers[POLICY]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


async def test_only_the_pages_own_script_and_style_run(app: Quart) -> None:
    """By the hashes of the very texts between the tags."""
    answer = await app.test_client().get("/protocol")
    text = await answer.get_data(as_text=True)
    directives = policy(answer.headers[POLICY])
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        [inline] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{digest}'"


def test_without_scripts_and_styles_none_run() -> None:
    """A document for tools has neither."""
    directives = policy(security_headers()[POLICY])
    assert directives["script-src"] == directives["style-src"] == "'none'"
    assert policy(security_headers(scripts=["a", "b"])[POLICY])["script-src"].count("sha256-") == 2


def test_a_document_keeps_its_body() -> None:
    """Made once, served often."""
    made = document(b"x", "text/plain")
    assert isinstance(made, Document)
    assert (made.body, made.headers["Content-Type"]) == (b"x", "text/plain")
    assert protocol_documents() is protocol_documents()
