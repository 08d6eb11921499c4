"""What of a request is passed on, what of an answer is returned, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from quart import Quart
from quart.typing import TestClientProtocol as Visitor

from compat.counting import Counting
from compat.passthrough import Passthrough
from tests.compat.test_counting import counting_in
from tests.parts import Parts

PATIENCE_SECONDS = 10.0
Handler = Callable[[httpx.Request], httpx.Response]


def streamed(status: int = 200, headers: dict[str, str] | None = None, *parts: bytes) -> httpx.Response:
    """Return an answer whose body has not been read yet."""

    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return httpx.Response(status, headers=headers, content=body())


class Upstream:
    """A project's PostgREST that remembers what reached it."""

    def __init__(self, answer: Handler = lambda _: streamed()) -> None:
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self._answer = answer

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take one request."""
        self.requests.append(request)
        self.bodies.append(await request.aread())
        return self._answer(request)


def visitor(upstream: Upstream, counting: Counting | None = None, **config: object) -> Visitor:
    """Return a client of a bridge before it."""
    app = Quart(__name__)
    app.config.update(config)
    http = httpx.AsyncClient(transport=httpx.MockTransport(upstream))
    Passthrough("https://project.example", http, counting or counting_in(Parts())).mount(app)
    return app.test_client()


async def test_only_the_listed_headers_are_passed_on() -> None:
    """Cookies, addresses and what else a client says stay here; no key of ours is added."""
    upstream = Upstream()
    listed = {
        "apikey": "public",
        "authorization": "Bearer theirs",
        "prefer": "count=exact",
        "range": "0-9",
        "range-unit": "items",
        "accept": "application/vnd.pgrst.object+json",
        "accept-profile": "public",
        "x-client-info": "supabase-js/2",
    }
    kept = {"cookie": "sb-project-auth-token=secret", "x-forwarded-for": "203.0.113.9", "x-forwarded-host": "evil"}
    await visitor(upstream).get("/rest/v1/messages?select=*&id=eq.1", headers={**listed, **kept})
    [request] = upstream.requests
    assert str(request.url) == "https://project.example/rest/v1/messages?select=*&id=eq.1"
    assert {name: request.headers[name] for name in listed} == listed
    assert not kept.keys() & request.headers.keys()


async def test_without_the_clients_keys_there_are_none() -> None:
    """The bridge's own secret key is nobody else's."""
    upstream = Upstream()
    await visitor(upstream).get("/rest/v1/messages")
    assert not {"apikey", "authorization"} & upstream.requests[0].headers.keys()


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_method_and_body_arrive_as_they_were(method: str) -> None:
    """Byte for byte."""
    upstream = Upstream()
    body = b'{"a":"\xc3\xa9"}'
    ask = getattr(visitor(upstream), method.lower())
    await ask("/rest/v1/rpc/some_function", data=body, headers={"Content-Length": str(len(body))})
    assert upstream.requests[0].method == method
    assert upstream.bodies == [body]


async def test_only_the_listed_headers_are_returned() -> None:
    """Those that PostgREST's clients read and those of CORS; no cookie of the project's."""
    returned = {
        "Content-Type": "application/json",
        "Content-Range": "0-1/7",
        "Preference-Applied": "count=exact",
        "Location": "/messages?id=eq.1",
        "Vary": "Origin",
        "Access-Control-Allow-Origin": "*",
    }
    dropped = {"Set-Cookie": "a=b", "Server": "postgrest", "CF-Ray": "1"}
    upstream = Upstream(lambda _: streamed(206, {**returned, **dropped}, b"[]"))
    answer = await visitor(upstream).get("/rest/v1/messages")
    assert answer.status_code == 206
    assert {name: answer.headers[name] for name in returned} == returned
    assert not {"Set-Cookie", "CF-Ray"} & set(answer.headers.keys())


async def test_an_answer_is_passed_on_while_it_comes() -> None:
    """The first part is there before the last has been said."""
    rest = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"[1,"
        await rest.wait()
        yield b"2]"

    upstream = Upstream(lambda _: httpx.Response(200, content=parts()))
    async with asyncio.timeout(PATIENCE_SECONDS), visitor(upstream).request("/rest/v1/messages", method="GET") as asked:
        await asked.send_complete()
        assert await asked.receive() == b"[1,"
        rest.set()
        assert await asked.receive() == b"2]"


@pytest.mark.parametrize(
    ("failure", "status"), [(httpx.ConnectError("no route to 10.0.0.1"), 502), (httpx.ReadTimeout("slow"), 504)]
)
async def test_a_project_out_of_reach_is_said_in_postgrests_shape(failure: httpx.HTTPError, status: int) -> None:
    """Its clients parse that; the cause is for our log."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise failure

    answer = await visitor(Upstream(fail)).get("/rest/v1/messages")
    assert answer.status_code == status
    assert (await answer.get_json()) == {
        "code": "PGRST000",
        "details": None,
        "hint": None,
        "message": "The Data API cannot be reached",
    }


async def test_a_body_that_says_it_is_too_large_is_refused_at_once() -> None:
    """Before the project is asked."""
    upstream = Upstream()
    answer = await visitor(upstream, MAX_CONTENT_LENGTH=10).post(
        "/rest/v1/messages", data=b"x" * 11, headers={"Content-Length": "11"}
    )
    assert (answer.status_code, (await answer.get_json())["message"]) == (413, "Request body too large")
    assert upstream.requests == []


async def test_a_body_that_never_ends_holds_nothing_for_ever() -> None:
    """It has the time that bodies have at the old endpoints."""
    headers = {"Content-Length": "11"}
    asking = visitor(Upstream(), BODY_TIMEOUT=0).request("/rest/v1/messages", method="POST", headers=headers)
    async with asyncio.timeout(PATIENCE_SECONDS), asking as asked:
        await asked.send(b"x")
        assert b"Request body did not come in time" in await asked.receive()
        assert (await asked.as_response()).status_code == 408


@pytest.mark.parametrize("path", ["messages/1", "..", "%2e%2e/auth/v1/settings", "rpc/a/b", "a%2Fb", "a%00", "rpc/"])
async def test_a_path_that_is_no_relation_is_refused_here(path: str) -> None:
    """Nothing reaches the project."""
    upstream = Upstream()
    assert (await visitor(upstream).get(f"/rest/v1/{path}")).status_code == 404
    assert upstream.requests == []


async def test_what_is_passed_through_is_counted() -> None:
    """Whatever the answer; what is refused here is not."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    parts = Parts()
    for upstream, path in ((Upstream(), "messages"), (Upstream(fail), "rpc/some_function"), (Upstream(), "../auth")):
        await visitor(upstream, counting_in(parts)).get(f"/rest/v1/{path}")
    assert [one.endpoint for one in parts.usage.take().requests] == ["rest_v1 GET messages", "rest_v1 GET rpc"]
