"""What all old endpoints have in common: redirects, retirement, caches, and whatever is none of theirs."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest
from quart import request
from werkzeug.exceptions import RequestEntityTooLarge

from bridge.errors import ConfigError, StoreDown, StoreError, StoreRefused
from compat.answering import known_names
from compat.bodies import PATIENCE, PatientBody
from compat.endpoints import ENDPOINTS
from compat.errors import INTERNAL, Refused, has_failed
from tests.compat.good_requests import GOOD, Request
from tests.compat.shims import CONVERSATIONS, GROUPS, MAX_BODY_BYTES, SEARCH, is_for_cookies, participants, shims
from tests.people import B, C, X

EACH = pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
RETIRED = (410, "This endpoint is retired; the WebSocket protocol has its action")


def test_the_matrix_knows_every_endpoint() -> None:
    """By the names that operators use."""
    assert GOOD.keys() == ENDPOINTS.keys()


@EACH
async def test_answers_are_json_and_in_no_cache(good: Request) -> None:
    """For they are somebody's own; errors too."""
    async with shims() as s:
        for headers in (s.known(B, good.path), {}):
            response = await s.send(good.method, good.path, headers, good.content)
            assert response.content_type == "application/json"
            assert response.headers["Cache-Control"] == "private, no-store"
            assert isinstance(await response.get_json(), dict)


@EACH
@pytest.mark.parametrize("host", ["www.example.org", "WWW.example.org:8080"])
async def test_visitors_of_www_are_sent_to_the_bare_host(good: Request, host: str) -> None:
    """With path and query, whoever they are (contract legacy-rest section 2)."""
    async with shims() as s:
        response = await s.send(good.method, good.path, {"Host": host}, good.content)
        assert response.status_code == 301
        assert response.headers["Location"] == f"//{host[4:]}{good.path}"
        assert (await s.send(good.method, good.path, {"Host": host[1:]}, good.content)).status_code != 301


@pytest.mark.parametrize(
    ("path", "location"),
    [
        (f"{SEARCH}?q=%0D%0ASet-Cookie:%20a=b", f"{SEARCH}?q=%0D%0ASet-Cookie:%20a=b"),
        (participants("%0D%0Aa%3A%20b"), participants("%0D%0Aa%3A%20b")),
        (participants("%E2%98%BA %2E"), participants("%E2%98%BA%20.")),
        (f"{GROUPS}?", GROUPS),
    ],
)
async def test_a_redirect_adds_no_header(path: str, location: str) -> None:
    """Whatever is in the address stays in it."""
    async with shims() as s:
        response = await s.send("GET", path, {"Host": "www.example.org"})
        assert response.headers["Location"] == f"//example.org{location}"
        assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("name", GOOD)
async def test_one_endpoint_can_be_retired(name: str) -> None:
    """It says so to everybody, before anything else; the others go on."""
    async with shims(retired={name}) as s:
        good = GOOD[name]
        for headers in (s.known(B, good.path), {}):
            assert (await s.told(good.method, good.path, headers, good.content)).error == RETIRED
        assert (await s.told(good.method, good.path, {}, b"nonsense")).error == RETIRED
        others = [one for one in GOOD.values() if one is not good]
        assert {(await s.ask(*one)).status for one in others} == {200}


async def test_requests_are_counted_by_endpoint_and_status() -> None:
    """Whatever the answer is: what is retired, redirected and refused too; a method that is none is nobody's."""
    async with shims(retired={"list_groups"}) as s:
        await s.ask(*GOOD["find_people"])
        await s.send("GET", SEARCH, {})
        await s.send("HEAD", GROUPS, {})
        await s.send("GET", SEARCH, {"Host": "www.example.org"})
        await s.send("DELETE", GROUPS, {})
        measures = s.world.context.measures
    counted = {("find_people", "200"), ("find_people", "401"), ("find_people", "301"), ("list_groups", "410")}
    assert measures.old_requests.values == dict.fromkeys(counted, 1)
    assert measures.old_request_seconds.number == len(counted)


@EACH
@pytest.mark.parametrize("failing", [StoreDown(), StoreRefused("42501")], ids=repr)
async def test_failures_of_our_own_are_counted(good: Request, failing: StoreError) -> None:
    """Whatever the endpoint's words for them are."""
    async with shims() as s:
        headers, measures = s.known(B, good.path), s.world.context.measures
        assert (await s.told(good.method, good.path, headers, good.content)).status == 200
        s.world.tables.failing = failing
        assert (await s.told(good.method, good.path, headers, good.content)).status == 500
        assert measures.failed_old_requests() == (1, 2)


def test_a_defect_is_a_failure_of_our_own() -> None:
    """Though its answer is that to a body that is no JSON; what Quart refuses is the client's."""
    assert has_failed(RuntimeError("a defect"))
    assert not any(map(has_failed, [Refused(*INTERNAL), RequestEntityTooLarge()]))


@pytest.mark.parametrize(
    ("path", "known", "body", "status"),
    [
        (CONVERSATIONS, False, b"nonsense", 500),
        (CONVERSATIONS, True, b'{"type": "group", "participant_ids": ["no uuid"]}', 500),
        (CONVERSATIONS, True, b'{"type": "group", "participant_ids": ["%s"]}' % str(UUID(int=9)).encode(), 400),
        (CONVERSATIONS, True, b'{"type": "direct", "participant_ids": []}', 400),
        (participants(), True, b'{"user_ids": ["no uuid"]}', 500),
        (participants(), False, b'{"user_ids": ["no uuid"]}', 401),
    ],
)
async def test_nobody_can_make_the_bridge_look_bad(path: str, known: bool, body: bytes, status: int) -> None:  # noqa: FBT001
    """For the next step of the rollout goes by failures: mistakes that are answered with 500 are none."""
    async with shims() as s:
        told = await s.told("POST", path, s.known(B, path) if known else {}, body)
        assert told.status == status
        assert s.world.context.measures.failed_old_requests() == (0, 0)


@EACH
async def test_who_asks_too_fast_is_told_so(good: Request) -> None:
    """Requests count like the frames of the user's sockets, and one user's haste costs another nothing."""
    async with shims() as s:
        while s.world.context.guests.may_send(B.user_id):
            pass
        refused = await s.told(good.method, good.path, s.known(B, good.path), good.content)
        assert refused.error == (429, "Too many requests")
        response = await s.send(good.method, good.path, s.known(B, good.path), good.content)
        assert response.headers["Retry-After"] == "1"
        s.world.clock.advance(1)
        assert (await s.told(good.method, good.path, s.known(B, good.path), good.content)).status == 200
        another = await s.told(good.method, good.path, s.known(C, good.path), good.content)
        assert another.status != 429


def test_endpoints_to_be_retired_are_named() -> None:
    """Separated by commas; a name of none is an error that lists them all."""
    assert known_names("") == known_names(" , ") == frozenset()
    assert known_names(" list_groups,find_people ,") == {"list_groups", "find_people"}
    with pytest.raises(ConfigError) as caught:
        known_names("list_groups,nonsense")
    sentence = str(caught.value)
    assert sentence.startswith("BRIDGE_COMPAT_DISABLED must name endpoints: ")
    assert all(name in sentence for name in ENDPOINTS)
    assert "nonsense" not in sentence


@pytest.mark.parametrize("path", ["/api", "/apis/x", "/nothing", "/healthz"])
async def test_what_is_not_below_api_is_answered_as_before(path: str) -> None:
    """This is about the old endpoints only."""
    async with shims() as s:
        response = await s.send("GET", path, {})
        assert (response.status_code, response.content_type) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["/api/", "/api/chat", f"{GROUPS}/", "/api/auth/send-sms", participants("a/b")])
async def test_what_is_nothing_below_api_is_answered_in_json(path: str) -> None:
    """The old pages parse whatever comes from there."""
    async with shims() as s:
        told = await s.told("POST", path, s.cookie(B), b"{}")
        assert told.error == (404, "Not Found")


@pytest.mark.parametrize("path", [CONVERSATIONS, participants()])
@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_pages_of_others_change_nothing(path: str, header: dict[str, str]) -> None:
    """With a visitor's cookies; reading is left to the browser, which shows them nothing."""
    async with shims() as s:
        before = s.world.tables.contents()
        headers = {**s.cookie(B), **header}
        told = await s.told("POST", path, headers, json.dumps({"user_ids": [X.user_id]}).encode())
        assert told.error == (403, "Cross-origin request refused")
        assert s.world.tables.contents() == before
        assert (await s.told("GET", path, headers)).status == 200


async def test_the_body_of_a_get_is_nobodys_business() -> None:
    """However large it is."""
    async with shims() as s:
        told = await s.told("GET", CONVERSATIONS, s.cookie(B), b"x" * (MAX_BODY_BYTES + 1))
        assert told.status == 200


EXPIRED = {"iat": 1, "exp": 2}


@pytest.mark.parametrize("name", [name for name, one in GOOD.items() if is_for_cookies(one.path)])
async def test_an_expired_session_is_refreshed_on_the_way(name: str) -> None:
    """And handed back with the answer, be it an error; without refreshing it is at its end."""
    good = GOOD[name]
    async with shims(refreshing=True) as s:
        await asyncio.sleep(0)
        for content, status in ((good.content, 200), (b"[]", 400)):
            browser = s.browser(B, **EXPIRED)
            before = browser.read()
            response = await s.send(good.method, good.path, {"Cookie": browser.header}, content)
            assert response.status_code == (status if good.body else 200)
            after = browser.take(response.headers.getlist("Set-Cookie")).read()
            assert after is not None
            assert after != before
            assert response.headers.getlist("Cache-Control") == ["private, no-store"]
            again = await s.told(good.method, good.path, {"Cookie": browser.header}, good.content)
            assert again.status == 200
    async with shims() as s:
        told = await s.told(good.method, good.path, s.cookie(B, **EXPIRED), good.content)
        assert told.error == (401, "Unauthorized")


@pytest.mark.parametrize("name", [name for name, one in GOOD.items() if not is_for_cookies(one.path)])
async def test_where_cookies_do_not_count_nothing_is_refreshed(name: str) -> None:
    """An expired token is at its end there."""
    good = GOOD[name]
    async with shims(refreshing=True) as s:
        headers = {**s.cookie(B, **EXPIRED), **s.bearer(B, **EXPIRED)}
        response = await s.send(good.method, good.path, headers, good.content)
        assert response.status_code == 401
        assert "Set-Cookie" not in response.headers
        assert s.auth.asked == []


@pytest.mark.parametrize("rounds", [2, PATIENCE - 1, PATIENCE + 1])
async def test_a_body_too_large_is_read_but_not_kept(rounds: int) -> None:
    """To its end, so that the answer arrives; without end only up to a point."""
    body = PatientBody(10)
    for _ in range(rounds):
        body.append(b"x" * 10)
        assert len(body._data) <= 10
    if rounds <= PATIENCE:
        body.set_complete()
    async with asyncio.timeout(5):
        with pytest.raises(RequestEntityTooLarge):
            await body


@pytest.mark.parametrize("content", [b"x" * (MAX_BODY_BYTES + 1), b"x" * MAX_BODY_BYTES * 40], ids=len)
async def test_what_others_are_sent_is_theirs_to_limit(content: bytes) -> None:
    """PostgREST, say, to which bodies are passed through as they come."""
    async with shims() as s:

        @s.app.post("/rest/v1/messages")
        async def received() -> dict[str, int]:
            return {"bytes": sum([len(part) async for part in request.body])}

        response = await s.send("POST", "/rest/v1/messages", {}, content)
        assert (response.status_code, await response.get_json()) == (200, {"bytes": len(content)})
