"""Answers of the old endpoints, held to the document that describes them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from msgspec import json

from compat import openapi

HTTP_ERRORS = frozenset({404, 405})
"""Answers to addresses and methods that are no endpoint's."""


@cache
def document() -> Any:
    """Return the document as tools read it."""
    return json.decode(openapi.encoded("sb-project-auth-token"))


def check_answer(method: str, path: str, status: int, body: object) -> None:
    """Fail the test if a request is answered with what the document does not say."""
    operation = _operation(method, path.partition("?")[0])
    if operation is None:
        assert status in HTTP_ERRORS
        return
    described = operation["responses"].get(str(status))
    assert described is not None, f"{operation['operationId']} answers with {status}, which is not described"
    schema = described["content"]["application/json"]["schema"]
    whole = {**schema, "components": document()["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(body)


def _operation(method: str, path: str) -> Any:
    for template, methods in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return methods.get("get" if method == "HEAD" else method.lower())
    return None
