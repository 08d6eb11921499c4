"""How the clients of old endpoints are told of their end, and the windows in which they rehearse it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from compat import openapi
from compat.deprecation import Brownout, Deprecations, Notice
from compat.endpoints import ENDPOINTS
from tests.compat.good_requests import GOOD, Request
from tests.compat.shims import CONVERSATIONS, GROUPS, shims
from tests.people import B

EACH = pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 7, 1, 2, tzinfo=timezone(timedelta(hours=2)))
NOTICE = Notice(
    deprecated=SINCE,
    sunset=UNTIL,
    deprecation_page="https://chat.example/moving",
    sunset_page="/dates",
    successor="/protocol",
)
SAID = {
    "Deprecation": "@1767225600",
    "Sunset": "Wed, 01 Jul 2026 00:00:00 GMT",
    "Link": (
        '<https://chat.example/moving>; rel="deprecation", </dates>; rel="sunset", </protocol>; rel="successor-version"'
    ),
}
ALL = Deprecations(notices=dict.fromkeys(ENDPOINTS, NOTICE))
SWITCHED_OFF = (503, "This endpoint is switched off for a short time, for it will be retired")


@EACH
async def test_every_answer_tells_of_the_end(good: Request) -> None:
    """The good ones and the others (RFC 9745 section 2, RFC 8594 section 3)."""
    async with shims(deprecations=ALL) as s:
        known = s.known(B, good.path)
        for headers in (known, {}, {**known, "Host": "www.example.org"}):
            response = await s.send(good.method, good.path, headers, good.content)
            assert {name: response.headers.getlist(name) for name in SAID} == {name: [SAID[name]] for name in SAID}


async def test_what_has_no_end_says_nothing() -> None:
    """Each endpoint for itself, also where another method of its address ends."""
    async with shims(deprecations=Deprecations(notices={"make_conversation": NOTICE})) as s:
        response = await s.send("GET", CONVERSATIONS, s.known(B, CONVERSATIONS))
        assert response.status_code == 200
        assert not {*SAID} & {name for name, _ in response.headers}


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (Notice(), {}),
        (Notice(sunset=UNTIL), {"Sunset": SAID["Sunset"]}),
        (Notice(successor="/protocol"), {"Link": '</protocol>; rel="successor-version"'}),
        (Notice(deprecated=SINCE + timedelta(milliseconds=999)), {"Deprecation": SAID["Deprecation"]}),
    ],
    ids=str,
)
def test_only_what_is_known_is_said(notice: Notice, said: dict[str, str]) -> None:
    """Nothing is made up; times are told to the second."""
    assert dict(notice.headers) == said


def test_what_is_said_of_one_goes_before_what_is_said_of_all() -> None:
    """Field by field."""
    own = Notice(sunset=SINCE, successor="/elsewhere")
    merged = own.over(NOTICE)
    assert (merged.sunset, merged.successor) == (SINCE, "/elsewhere")
    assert (merged.deprecated, merged.sunset_page) == (NOTICE.deprecated, NOTICE.sunset_page)


async def test_a_brownout_begins_and_ends() -> None:
    """With 503 and the seconds that are left of it, before anything is looked at; the other endpoints go on."""
    async with shims() as standing:
        now = standing.world.clock.now()
    window = Brownout(
        begins_at=now + timedelta(seconds=10), ends_at=now + timedelta(seconds=20), endpoints={"list_groups"}
    )
    async with shims(deprecations=Deprecations(notices={"list_groups": NOTICE}, brownouts=[window])) as s:
        seen = []
        for seconds in (9.5, 0.5, 9.5, 0.5):
            s.world.clock.advance(seconds)
            response = await s.send("GET", GROUPS, s.known(B, GROUPS))
            seen.append((response.status_code, response.headers.get("Retry-After")))
            assert response.headers["Sunset"] == SAID["Sunset"]
            assert (await s.ask("GET", CONVERSATIONS)).status == 200
        assert seen == [(200, None), (503, "10"), (503, "1"), (200, None)]


@EACH
async def test_in_a_brownout_every_request_is_answered_alike(good: Request) -> None:
    """In JSON, whoever asks and whatever is sent; nothing is done."""
    async with shims() as standing:
        now = standing.world.clock.now()
    window = Brownout(begins_at=now, ends_at=now + timedelta(minutes=1), endpoints={*ENDPOINTS})
    async with shims(deprecations=Deprecations(brownouts=[window])) as s:
        for headers, content in ((s.known(B, good.path), good.content), ({}, b"nonsense")):
            assert (await s.told(good.method, good.path, headers, content)).error == SWITCHED_OFF
        assert s.world.tables.asked == []


async def test_overlapping_brownouts_end_with_the_last() -> None:
    """So that nobody comes back into the next one."""
    async with shims() as standing:
        now = standing.world.clock.now()
    windows = [
        Brownout(begins_at=now, ends_at=now + timedelta(minutes=minutes), endpoints={"list_groups"})
        for minutes in (5, 3)
    ]
    async with shims(deprecations=Deprecations(brownouts=windows)) as s:
        response = await s.send("GET", GROUPS, {})
        assert response.headers["Retry-After"] == "300"


async def test_the_document_marks_what_is_retired() -> None:
    """Whoever reads it should begin nothing with that."""
    async with shims({"list_groups"}) as s:
        document = await (await s.send("GET", "/openapi.json", {})).get_json()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert [one["operationId"] for one in operations if one["deprecated"]] == ["list_groups"]


async def test_the_document_says_what_is_deprecated() -> None:
    """Where tools look for it."""
    async with shims(
        deprecations=Deprecations(notices={"list_groups": NOTICE, "find_people": Notice(sunset=UNTIL)})
    ) as s:
        document = await (await s.send("GET", "/openapi.json", {})).get_json()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert [one["operationId"] for one in operations if one["deprecated"]] == ["list_groups"]
    assert "503" in document["paths"][GROUPS]["get"]["responses"]
    assert json.loads(openapi.encoded("x"))["paths"][GROUPS]["get"]["deprecated"] is False
