"""From a request to its answer: the order of checks that all old endpoints share (contract legacy-rest section 2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from msgspec import DecodeError, json
from quart import Quart, Response, request
from structlog.contextvars import bound_contextvars
from werkzeug.exceptions import HTTPException

from bridge.actions.context import Context
from bridge.errors import ConfigError, StoreError
from bridge.models import UserId
from bridge.pages import document, serve_documents
from bridge.usage.programs import Program, family_of, program_of
from compat import openapi
from compat.bodies import patient_requests
from compat.deprecation import NOTHING_ENDS, Deprecations
from compat.endpoint import Asked, Endpoint
from compat.endpoints import ENDPOINTS
from compat.errors import INTERNAL, RETIRED, TOO_FAST, NotNow, Refused, has_failed, of_http, refusal_of
from compat.session import Sessions, Visitor

DOCUMENT_PATH = "/openapi.json"
_PREFIX = "/api/"
_WWW = "www."
_HEADERS = {"Cache-Control": "private, no-store"}
"""What is somebody's own belongs into no cache."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """The old endpoints of one bridge; those that are retired answer that they are."""

    context: Context
    sessions: Sessions
    max_body_bytes: int
    retired: Collection[str] = ()
    deprecations: Deprecations = NOTHING_ENDS

    def mount(self, app: Quart) -> None:
        """Add them to an application, and what describes them.

        A WebSocket handshake at the same address still opens the socket.
        """
        by_path: dict[str, dict[str, Endpoint]] = {}
        for one in ENDPOINTS.values():
            by_path.setdefault(one.path, {})[one.method] = one
        for path, methods in by_path.items():
            app.add_url_rule(
                path.replace("{", "<").replace("}", ">"),
                path,
                self._view(methods),
                methods=[*methods],
                provide_automatic_options=False,  # OPTIONS is one more method that they do not know
            )
        described = openapi.encoded(self.sessions.cookie_name, {*self.deprecations.deprecated, *self.retired})
        serve_documents(app, {DOCUMENT_PATH: document(described, "application/json")})
        app.request_class = patient_requests(_PREFIX, self.max_body_bytes)
        app.register_error_handler(HTTPException, _explain)

    def _view(self, methods: Mapping[str, Endpoint]) -> Callable[..., Awaitable[Response]]:
        async def answer(conversation_id: str = "") -> Response:
            one, began = methods["GET" if request.method == "HEAD" else request.method], self.context.clock.monotonic()
            with bound_contextvars(endpoint=one.name):
                response = _redirect(_bare_host(request.host)) or await self._answer(one, conversation_id)
            response.headers.extend(self.deprecations.headers(one.name))
            self._count(one, response.status_code, began)
            return response

        return answer

    def _count(self, one: Endpoint, status: int, began: float) -> None:
        measures = self.context.measures
        measures.old_requests.add(one.name, str(status))
        measures.old_request_seconds.observe(self.context.clock.monotonic() - began, one.name)

    async def _answer(self, one: Endpoint, conversation_id: str) -> Response:
        """Turn whatever happens into an answer."""
        user_id: UserId | None = None
        try:
            asked = await self._asked(one, conversation_id)
            user_id = asked.caller.identity.user_id if asked.caller else None
            return _response(await one.handle(asked, self.context))
        except Exception as error:  # noqa: BLE001  # refusal_of logs it
            if has_failed(error):
                self.context.measures.old_requests_failed.add(one.name)
            refused = refusal_of(error, one.wording)
            return _response(refused.body, refused.status, refused.headers)
        finally:
            self.context.usage.asked(one.name, _program(user_id), user_id)

    async def _asked(self, one: Endpoint, conversation_id: str) -> Asked:
        """Find out what is asked and by whom; POST reads its body first, PUT asks first who is there.

        Raises:
            Refused: retired, switched off, no JSON, nobody the endpoint could work for, or somebody who asks too fast.
            ActionError: the token cannot be judged now.
            StoreError: the users cannot be read.

        """
        if one.name in self.retired:
            raise Refused(*RETIRED)
        self.deprecations.check_open(one.name, self.context.clock.now())
        body = await _body() if one.takes_body_first else None
        visitor = await self._visitor(one)
        if visitor.caller is not None:
            self._check_haste(visitor.caller.identity.user_id)
        if one.takes_body and not one.takes_body_first:
            body = await _body()
        return Asked(caller=visitor.caller, conversation_id=conversation_id, query=request.args.get("q", ""), body=body)

    def _check_haste(self, user_id: UserId) -> None:
        guests = self.context.guests
        if not guests.may_send(user_id):
            raise NotNow(TOO_FAST, guests.seconds_until_next(user_id))

    async def _visitor(self, one: Endpoint) -> Visitor:
        try:
            return await self.sessions.of(request, one.kind)
        except StoreError as error:
            if one.wording.user_unknown is None:
                raise
            log.warning("request.user_unknown", cause=type(error).__name__, detail=str(error))
            raise Refused(500, one.wording.user_unknown) from error


def known_names(text: str | None) -> frozenset[str]:
    """Read a list of endpoints, separated by commas.

    Raises:
        ConfigError: one of the names is none.

    """
    names = frozenset(name.strip() for name in (text or "").split(",") if name.strip())
    unknown = names - ENDPOINTS.keys()
    if unknown:
        raise ConfigError(f"BRIDGE_COMPAT_DISABLED must name endpoints: {', '.join(ENDPOINTS)}.")
    return names


async def _body() -> object:
    """Read the body as JSON, whatever it says it is.

    Raises:
        Refused: it is none; the original answered so.
        HTTPException: it is too large, or did not come in time.

    """
    try:
        return json.decode(await request.get_data(cache=False))
    except (DecodeError, ValueError, RecursionError) as error:
        raise Refused(*INTERNAL) from error


def _program(user_id: UserId | None) -> Program:
    """Return what asks; the word of strangers counts for nothing, or they could fill the ledger with names."""
    return family_of(request.headers.get("User-Agent", "")) if user_id is None else program_of(request.headers)


def _response(shown: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Response:
    said = {**_HEADERS, **dict(headers)}
    return Response(json.encode(shown), status=status, headers=said, content_type="application/json")


def _redirect(host: str | None) -> Response | None:
    """Send a visitor to this host, if to any; as a reference without scheme, for TLS may end before the bridge."""
    return None if host is None else Response(status=301, headers={**_HEADERS, "Location": f"//{host}{_target()}"})


def _bare_host(host: str) -> str | None:
    """Return the host that visitors of `www.` are sent to, None where they are right."""
    return host[len(_WWW) :] if host.lower().startswith(_WWW) else None


def _target() -> str:
    """Return path and query as they were sent."""
    query = request.query_string.decode("ascii", errors="replace")
    return f"{quote(request.path)}?{query}" if query else quote(request.path)


async def _explain(error: HTTPException) -> HTTPException | Response:
    """Answer in JSON below /api, for the old clients parse whatever comes from there."""
    if not request.path.startswith(_PREFIX):
        return error
    refused = of_http(error)
    response = _response(refused.body, refused.status)
    response.headers.extend([(name, value) for name, value in error.get_headers() if name == "Allow"])
    return response
