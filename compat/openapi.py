"""The OpenAPI document of the old endpoints, made from the types that they read and answer with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from bridge import __version__
from bridge.specification.schemas import JsonObject, payload_schemas
from bridge.specification.wording import first_sentence
from compat.endpoint import Endpoint
from compat.endpoints import ENDPOINTS
from compat.errors import INTERNAL, NOT_IN_TIME, RETIRED, SWITCHED_OFF, TOO_FAST, TOO_LARGE, Refusal
from compat.origins import SAFE_METHODS
from compat.session import FOREIGN_PAGE

INTRODUCTION: Final = """\
The REST endpoints of the chat as its old clients know them, for as long as there are such clients. Each does what an
action of the WebSocket protocol does; new clients use that. What is kept and what is mended is in docs/rest.md.

Errors are `{"error": text}`. A visitor of `www.` is sent to the bare host with 301, and a method that an address does
not know is answered with 405. What is deprecated says in each answer since when, until when it works and what to use
instead: the header fields Deprecation (RFC 9745), Sunset (RFC 8594) and Link."""

_STATUSES: Final = {
    200: "Done",
    400: "Something is wrong with the request",
    401: "Nobody is signed in",
    403: "This is not for the caller",
    404: "It is not there",
    408: "The body did not come in time",
    410: "The operator has retired this endpoint",
    413: "The body is too large",
    429: "The user asks faster than is allowed",
    500: "The server failed",
    503: "The operator has switched this endpoint off for a short time",
}
_RETRY_AFTER: Final[JsonObject] = {
    "Retry-After": {"description": "In how many seconds to ask again.", "schema": {"type": "integer", "minimum": 1}}
}
_PASSING: Final = frozenset({TOO_FAST.status, SWITCHED_OFF.status})
"""What is all right later."""
_CONVERSATION: Final[JsonObject] = {
    "name": "conversation_id",
    "in": "path",
    "required": True,
    "description": "A uuid; whatever else it is, it is answered like one that is nobody's.",
    "schema": {"type": "string", "minLength": 1},
}
_QUERY: Final[JsonObject] = {
    "name": "q",
    "in": "query",
    "required": False,
    "description": "A part of a username, a display name or a phone number; every character stands for itself.",
    "schema": {"type": "string"},
}


def specification(cookie_name: str, deprecated: Collection[str] = ()) -> JsonObject:
    """Return the document; the cookie's name depends on the project, what is deprecated on the operator."""
    types = [shape for one in ENDPOINTS.values() for shape in (*one.bodies, one.result)]
    _, schemas = payload_schemas(types)
    paths: dict[str, JsonObject] = {}
    for one in ENDPOINTS.values():
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, deprecated=one.name in deprecated)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chat bridge: the old REST endpoints",
            "version": __version__,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": _security_schemes(cookie_name),
        },
    }


def _security_schemes(cookie_name: str) -> JsonObject:
    return {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name,
            "description": "The session as @supabase/ssr keeps it; if it is long, in numbered cookies.",
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of the user's login.",
        },
    }


def encoded(cookie_name: str, deprecated: Collection[str] = ()) -> bytes:
    """Return the document as JSON text."""
    return msgspec.json.format(msgspec.json.encode(specification(cookie_name, deprecated)), indent=2)


def refusals_of(one: Endpoint) -> Collection[Refusal]:
    """Return every refusal that an endpoint ever answers with, each once."""
    return dict.fromkeys(_refusals(one))


def _refusals(one: Endpoint) -> Iterator[Refusal]:
    yield RETIRED
    yield SWITCHED_OFF
    if one.takes_body:
        yield from (TOO_LARGE, NOT_IN_TIME)
    yield Refusal(401, one.kind.without_token)
    yield Refusal(401, one.kind.with_bad_token)
    if one.kind.takes_cookies and one.method not in SAFE_METHODS:
        yield Refusal(403, FOREIGN_PAGE)
    yield TOO_FAST
    yield from one.refusals
    wording = one.wording
    yield from (refusal for refusal in (wording.denied, wording.not_looked_up, wording.nobody_meant) if refusal)
    yield from (Refusal(500, text) for text in (wording.user_unknown, wording.failed) if text)
    yield INTERNAL


def _operation(one: Endpoint, *, deprecated: bool) -> JsonObject:
    made: JsonObject = {
        "operationId": one.name,
        "deprecated": deprecated,
        "summary": first_sentence(one.description),
        "description": one.description,
        "security": [{"session": []}, {"token": []}] if one.kind.takes_cookies else [{"token": []}],
        "responses": _responses(one),
        "x-mistakes-answered-with-500": [*one.wording.mistakes, *([INTERNAL.text] if one.takes_body else [])],
    }
    parameters = [*([_CONVERSATION] if "{conversation_id}" in one.path else []), *([_QUERY] if one.takes_query else [])]
    if parameters:
        made["parameters"] = parameters
    if one.takes_body:
        shapes = [_reference(body) for body in one.bodies]
        schema: JsonObject = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return made


def _responses(one: Endpoint) -> JsonObject:
    by_status: dict[int, list[str]] = {}
    for status, text in refusals_of(one):
        by_status.setdefault(status, []).append(text)
    made: JsonObject = {"200": _response(200, _reference(one.result))}
    for status in sorted(by_status):
        names_nobody = one.wording.nobody_meant is not None and one.wording.nobody_meant.status == status
        made[str(status)] = _response(status, _error(by_status[status], names_nobody=names_nobody))
    return made


def _response(status: int, schema: JsonObject) -> JsonObject:
    made: JsonObject = {"description": _STATUSES[status], "content": {"application/json": {"schema": schema}}}
    return {**made, "headers": _RETRY_AFTER} if status in _PASSING else made


def _error(texts: list[str], *, names_nobody: bool) -> JsonObject:
    properties: JsonObject = {"error": {"type": "string", "enum": texts}}
    if names_nobody:
        properties["invalid_participants"] = {"type": "array", "items": {"type": "string"}}
    return {"type": "object", "required": ["error"], "additionalProperties": False, "properties": properties}


def _reference(shape: type[Struct]) -> JsonObject:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}
