"""Requests that a machine thinks up from the OpenAPI document, good ones and bad ones, at a running bridge."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from compat.endpoints import ENDPOINTS
from tests.e2e.accounts import NAME
from tests.e2e.conftest import RunningBridge
from tests.e2e.database import Database

EXAMPLES = 8
ALWAYS = [
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
CHECKS = {
    GenerationMode.POSITIVE: [*ALWAYS, ignored_auth, positive_data_acceptance],
    GenerationMode.NEGATIVE: [*ALWAYS, negative_data_rejection],
}
"""Of the server's errors see `is_recorded`."""
NOT_HERE = {(positive_data_acceptance, "write_timer")}
"""One of its bodies is for later databases only."""


def is_recorded(case: Any, response: Any) -> bool:
    """Tell whether a 500 is one with which the contract wants a client's mistake answered; no other is right here."""
    mistakes = case.operation.definition.raw["x-mistakes-answered-with-500"]
    return bool(response.json()["error"] in mistakes)


class Prober:
    """Somebody who tries an endpoint, with whoever and whatever there is to be named in a request."""

    def __init__(self, token: str, room: str, person: str) -> None:
        self._token = token
        self._room = room
        self._person = person

    def probe(self, operation: Any, mode: GenerationMode, *, by_cookie: bool) -> int:
        """Send what is thought up, and return how much of it was done."""
        identity = self._identity(by_cookie=by_cookie)
        checks = [one for one in CHECKS[mode] if (one, operation.definition.raw["operationId"]) not in NOT_HERE]
        done = 0

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def examine(case: Any) -> None:
            nonlocal done
            if mode is GenerationMode.POSITIVE:
                self._name_what_is_there(case)
            response = case.call(**identity)
            assert response.status_code < 500 or is_recorded(case, response), response.text
            case.validate_response(response, checks=checks, transport_kwargs=identity)
            done += response.status_code == 200

        examine()
        return done

    def _identity(self, *, by_cookie: bool) -> dict[str, Any]:
        if by_cookie:
            return {"cookies": {NAME: quote(json.dumps({"access_token": self._token}))}}
        return {"headers": {"Authorization": f"Bearer {self._token}"}}

    def _name_what_is_there(self, case: Any) -> None:
        """Replace ids by those of somebody and something: a machine knows no others than nobody's."""
        if "conversation_id" in case.path_parameters:
            case.path_parameters["conversation_id"] = self._room
        if isinstance(case.body, dict):
            for name in case.body.keys() & {"participant_ids", "user_ids"}:
                case.body[name] = [self._person]
            case.body.pop("group_id", None)


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_no_request_surprises_the_endpoint(bridge: RunningBridge, database: Database, name: str) -> None:
    """Statuses, content types and bodies are those described; a 500 only where the contract records one."""
    one = ENDPOINTS[name]
    user_id, token = await database.new_person()
    room = await database.conversation("carol")
    await database.run(
        "insert into conversation_participants (conversation_id, user_id) values (%s, %s)", room, user_id
    )
    prober = Prober(token, room, database.user("frank"))
    address = bridge.url.replace("ws://", "http://").removesuffix("/ws")

    def probe() -> int:
        operation = schemathesis.openapi.from_url(f"{address}/openapi.json")[one.path][one.method]
        done = [prober.probe(operation, mode, by_cookie=one.kind.takes_cookies) for mode in GenerationMode]
        return done[0]

    assert await asyncio.to_thread(probe) > 0
