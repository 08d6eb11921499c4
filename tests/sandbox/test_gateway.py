"""The one address: paths, keys, CORS, and the switches that make things fail, on the running sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest

from scripts.sandbox.address import SandboxAddress
from tests.sandbox.conftest import Room, write_messages


@pytest.fixture
def http(sandbox: SandboxAddress) -> Iterator[httpx.Client]:
    """Yield an HTTP client without any key."""
    with httpx.Client(base_url=sandbox.url) as client:
        yield client


@pytest.fixture
def control(sandbox: SandboxAddress) -> Iterator[httpx.Client]:
    """Yield a client that may steer the sandbox; every switch is put back at the end."""
    with httpx.Client(base_url=f"{sandbox.url}/sandbox", headers={"apikey": sandbox.secret_key}) as client:
        yield client
        client.delete("/faults").raise_for_status()


def test_the_data_api_wants_a_key(http: httpx.Client, sandbox: SandboxAddress) -> None:
    """401 without, the answer with, also in the query, where it is no filter."""
    path = "/rest/v1/users?select=username&username=eq.bob"
    refused = http.get(path)
    assert (refused.status_code, refused.json()["message"]) == (401, "No API key found in request")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    for answer in (
        http.get(path, headers={"apikey": sandbox.publishable_key}),
        http.get(path, headers={"apikey": sandbox.anon_key, "Authorization": f"Bearer {sandbox.anon_key}"}),
        http.get(f"{path}&apikey={sandbox.publishable_key}"),
    ):
        assert answer.json() == [{"username": "bob"}]


def test_keys_of_both_kinds_have_the_same_power(http: httpx.Client, sandbox: SandboxAddress, room: Room) -> None:
    """What only the service role sees, both secret keys show and no public one."""
    receipts = f"/rest/v1/message_status?select=id&user_id=eq.{sandbox.people['alice'].user_id}&limit=1"
    for key, rows in (
        (sandbox.secret_key, 1),
        (sandbox.service_role_key, 1),
        (sandbox.publishable_key, 0),
        (sandbox.anon_key, 0),
    ):
        assert len(http.get(receipts, headers={"apikey": key}).json()) == rows


def test_an_expired_user_token_is_refused(http: httpx.Client, control: httpx.Client, sandbox: SandboxAddress) -> None:
    """401 PGRST303 in the Data API's shape."""
    token = control.post("/token", json={"person": "bob", "lifetime_seconds": -60}).json()["token"]
    headers = {"apikey": sandbox.publishable_key, "Authorization": f"Bearer {token}"}
    refused = http.get("/rest/v1/users", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "PGRST303")


def test_a_project_with_a_shared_secret_publishes_no_keys(http: httpx.Client) -> None:
    """The key set needs no API key, may be kept ten minutes and is empty."""
    answer = http.get("/auth/v1/.well-known/jwks.json")
    assert answer.json() == {"keys": []}
    assert "max-age=600" in answer.headers["Cache-Control"]


def test_pages_of_any_origin_may_ask(http: httpx.Client, sandbox: SandboxAddress) -> None:
    """Preflights need no key; answers, errors included, may be read and show Content-Range."""
    asked = "authorization,apikey,prefer,x-client-info"
    preflight = http.options(
        "/rest/v1/messages",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked,
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Headers"] == asked
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    for answer in (
        http.get("/rest/v1/users?limit=1", headers={"apikey": sandbox.publishable_key}),
        http.get("/rest/v1/users"),
        http.get("/nonsense"),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]


def test_an_unknown_path_is_a_404_in_json(http: httpx.Client) -> None:
    """In the words of Supabase's gateway."""
    answer = http.get("/nonsense")
    assert (answer.status_code, answer.json()["message"]) == (404, "no Route matched with those values")


def test_large_bodies_pass_in_both_directions(
    http: httpx.Client, sandbox: SandboxAddress, room: Room, database: psycopg.Connection
) -> None:
    """Two megabytes in, and the same out."""
    text = "0123456789abcdef" * 131_072
    row = {"conversation_id": room.id, "sender_id": str(room.bob.user_id), "encrypted_content": text}
    headers = {"apikey": sandbox.secret_key, "Prefer": "return=representation"}
    answer = http.post("/rest/v1/messages?select=encrypted_content", json=row, headers=headers)
    assert answer.json() == [{"encrypted_content": text}]


def test_only_the_secret_key_steers_the_sandbox(http: httpx.Client, sandbox: SandboxAddress) -> None:
    """Neither nobody nor a public key may see or change anything."""
    for headers in ({}, {"apikey": sandbox.publishable_key}, {"apikey": sandbox.anon_key}):
        for answer in (
            http.get("/sandbox/status", headers=headers),
            http.post("/sandbox/token", json={"person": "bob"}, headers=headers),
            http.post("/sandbox/faults", json={}, headers=headers),
            http.post("/sandbox/postgres/crash", headers=headers),
        ):
            assert answer.status_code == 401


def test_the_status_tells_how_it_is(control: httpx.Client, sandbox: SandboxAddress) -> None:
    """Address, health, switches and counts."""
    status = control.get("/status").json()
    assert (status["url"], status["healthy"]) == (sandbox.url, True)
    assert {"settings", "counts", "data_api"} <= set(status)


def test_tokens_can_be_had_for_anybody(control: httpx.Client, sandbox: SandboxAddress) -> None:
    """By name or by auth id, with claims of the test's choice; not for somebody who is not there."""
    mine = control.post("/token", json={"person": "bob", "claims": {"aal": "aal2"}}).json()["token"]
    told = jwt.decode(mine, sandbox.jwt_secret, algorithms=["HS256"], audience="authenticated")
    assert told["sub"] == str(sandbox.people["bob"].auth_id)
    assert (told["iss"], told["aal"]) == (f"{sandbox.url}/auth/v1", "aal2")
    stranger = str(uuid4())
    token = control.post("/token", json={"sub": stranger}).json()["token"]
    assert jwt.decode(token, sandbox.jwt_secret, algorithms=["HS256"], audience="authenticated")["sub"] == stranger
    assert control.post("/token", json={"person": "nobody"}).status_code == 404
    assert control.post("/token", json={}).status_code == 400
    assert control.post("/token", json={"nonsense": 1}).status_code == 400


def test_requests_can_be_made_to_fail(control: httpx.Client, rest: httpx.Client) -> None:
    """So many times with a status of choice, then no more; or until it is switched back on."""
    control.post("/faults", json={"data_api": {"fail_next": 2, "status": 500}}).raise_for_status()
    statuses = [rest.get("/users?limit=1").status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    control.post("/faults", json={"data_api": {"down": True, "status": 503}}).raise_for_status()
    down = rest.get("/users?limit=1")
    assert (down.status_code, down.json()["code"]) == (503, "PGRST000")
    control.delete("/faults")
    assert rest.get("/users?limit=1").status_code == 200


def test_an_answer_can_be_lost_after_the_work_is_done(
    control: httpx.Client, rest: httpx.Client, room: Room, database: psycopg.Connection
) -> None:
    """The client sees a broken connection, the row is there: what idempotent writes are for."""
    control.post("/faults", json={"data_api": {"lose_next": 1, "path": "/rest/"}}).raise_for_status()
    row = {"conversation_id": room.id, "sender_id": str(room.bob.user_id), "encrypted_content": "lost"}
    with pytest.raises(httpx.RemoteProtocolError):
        rest.post("/messages", json=row)
    found = rest.get(f"/messages?select=encrypted_content&conversation_id=eq.{room.id}").json()
    assert found == [{"encrypted_content": "lost"}]


def test_a_fault_concerns_only_its_path(control: httpx.Client, rest: httpx.Client, sandbox: SandboxAddress) -> None:
    """Auth can fail while the Data API works."""
    control.post("/faults", json={"data_api": {"down": True, "path": "/auth/"}}).raise_for_status()
    assert rest.get("/users?limit=1").status_code == 200
    auth = httpx.get(f"{sandbox.url}/auth/v1/settings", headers={"apikey": sandbox.publishable_key})
    assert auth.status_code == 503


def test_a_nonsensical_fault_changes_nothing(control: httpx.Client) -> None:
    """Unknown switches, wrong types and anything but an object are refused as a whole."""
    before = control.get("/faults").json()
    both: dict[str, object] = {"data_api": {"down": True}, "nonsense": 1}
    wrong: tuple[object, ...] = ({"nonsense": 1}, {"data_api": {"down": 1}}, both, [], "x")
    for body in wrong:
        assert control.post("/faults", json=body).status_code == 400
    assert control.post("/faults", content=b"{").status_code == 400
    after = control.get("/faults").json()
    assert (after["data_api"], after["settings"]) == (before["data_api"], before["settings"])


def test_faults_of_realtime_pass_through(control: httpx.Client) -> None:
    """Its switches stand at the top level."""
    changed = control.post("/faults", json={"withhold": ["messages"]}).json()
    assert changed["settings"]["withhold"] == ["messages"]


def test_broadcasts_want_a_key(http: httpx.Client, sandbox: SandboxAddress) -> None:
    """202 with one, 401 without."""
    body = {"messages": [{"topic": "t", "event": "e", "payload": {}}]}
    path = "/realtime/v1/api/broadcast"
    assert http.post(path, json=body).status_code == 401
    assert http.post(path, json=body, headers={"apikey": sandbox.publishable_key}).status_code == 202


def test_a_socket_with_the_secret_key_is_refused_to_browsers(http: httpx.Client, sandbox: SandboxAddress) -> None:
    """401 before any handshake; without the browser's name the handshake is what is missing."""
    path = f"/realtime/v1/websocket?vsn=1.0.0&apikey={sandbox.secret_key}"
    assert http.get(path, headers={"User-Agent": "Mozilla/5.0 (X11)"}).status_code == 401
    assert http.get(path).status_code == 400


def test_a_signed_out_session_is_noticed_by_auth_only(
    http: httpx.Client, sandbox: SandboxAddress, room: Room, database: psycopg.Connection
) -> None:
    """`/user` says session_not_found; the Data API takes the token until it expires (supabase.md 1.1)."""
    write_messages(database, room, room.bob, 1)
    key = {"apikey": sandbox.publishable_key}
    credentials = {"email": room.bob.email, "password": room.bob.password}
    session = http.post("/auth/v1/token?grant_type=password", json=credentials, headers=key).json()
    bearer = {**key, "Authorization": f"Bearer {session['access_token']}"}
    assert http.get("/auth/v1/user", headers=bearer).json()["email"] == room.bob.email
    assert http.post("/auth/v1/logout", headers=bearer).status_code == 204
    gone = http.get("/auth/v1/user", headers=bearer)
    assert (gone.status_code, gone.json()["error_code"]) == (403, "session_not_found")
    assert http.get(f"/rest/v1/messages?conversation_id=eq.{room.id}", headers=bearer).status_code == 200


def test_a_refresh_token_makes_a_new_session(http: httpx.Client, sandbox: SandboxAddress, room: Room) -> None:
    """A new pair for the same user, with timestamps a strict client can read."""
    key = {"apikey": sandbox.publishable_key}
    credentials = {"email": room.bob.email, "password": room.bob.password}
    old = http.post("/auth/v1/token?grant_type=password", json=credentials, headers=key).json()
    refresh = {"refresh_token": old["refresh_token"]}
    new = http.post("/auth/v1/token?grant_type=refresh_token", json=refresh, headers=key).json()
    assert new["refresh_token"] != old["refresh_token"]
    assert new["user"]["created_at"].endswith("+00:00")
