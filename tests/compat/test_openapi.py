"""The document of the old endpoints: valid, complete, and nothing in it that is not so."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]  # ships no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from compat import openapi
from compat.endpoints import ENDPOINTS
from compat.errors import INTERNAL
from tests.compat.described import check_answer, document
from tests.compat.good_requests import GOOD
from tests.compat.shims import CONVERSATIONS, GROUPS, shims


def test_the_document_is_valid() -> None:
    """As OpenAPI 3.1."""
    OpenAPIV31SpecValidator(document()).validate()


def test_every_endpoint_is_in_it_and_nothing_else() -> None:
    """With its method, and under its name."""
    described = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }
    assert described == {name: (one.method, one.path) for name, one in ENDPOINTS.items()}


def test_the_cookie_is_called_as_in_the_project() -> None:
    """It follows from the project's address, or from a setting (contract F14)."""
    schemes = json.loads(openapi.encoded("sb-other-auth-token"))["components"]["securitySchemes"]
    assert schemes["session"]["name"] == "sb-other-auth-token"


def test_client_authors_are_not_sent_to_our_papers() -> None:
    """Descriptions say what is so, not where that was decided."""
    text = json.dumps(document())
    assert "contract" not in text
    assert " F2" not in text


@pytest.mark.parametrize("name", ENDPOINTS)
def test_mistakes_answered_with_500_are_among_the_500s(name: str) -> None:
    """So that whoever watches for errors can tell them from others."""
    one = ENDPOINTS[name]
    operation = document()["paths"][one.path][one.method.lower()]
    texts = operation["responses"]["500"]["content"]["application/json"]["schema"]["properties"]["error"]["enum"]
    assert set(operation["x-mistakes-answered-with-500"]) <= set(texts)
    assert (INTERNAL.text in operation["x-mistakes-answered-with-500"]) == one.takes_body


async def test_the_document_is_served() -> None:
    """To whoever asks, beside the endpoints."""
    async with shims() as s:
        response = await s.send("GET", "/openapi.json", {})
        assert (response.status_code, response.content_type) == (200, "application/json")
        assert await response.get_json() == document()


async def test_answers_are_held_to_the_document() -> None:
    """The check that every test of the endpoints makes finds what is wrong."""
    async with shims() as s:
        right = await s.get(GROUPS)
    check_answer("GET", GROUPS, 200, right)
    for status, body in ((200, {"groups": [{}]}), (401, {"error": "Nonsense"}), (500, {"error": "x", "more": 1})):
        with pytest.raises(ValidationError):
            check_answer("GET", GROUPS, status, body)
    with pytest.raises(AssertionError):
        check_answer("GET", GROUPS, 418, {})
    with pytest.raises(AssertionError):
        check_answer("DELETE", CONVERSATIONS, 200, {})


@pytest.mark.parametrize("name", [name for name, one in GOOD.items() if one.body])
def test_good_bodies_are_good_by_the_document(name: str) -> None:
    """The bodies that old pages send."""
    one = ENDPOINTS[name]
    schema = document()["paths"][one.path][one.method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document()["components"]}).validate(GOOD[name].body)
