"""Broadcast over HTTP: the batch endpoint and the one for a single event (supabase.md 2.6)."""

from __future__ import annotations

import msgspec
from aiohttp import web

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime.join import TOPIC_PREFIX
from scripts.sandbox.realtime.phoenix import BinaryBroadcast, Encoding, Frame, MalformedFrame
from scripts.sandbox.realtime.tokens import (
    NEW_KEY_PREFIX,
    SERVICE_ROLE,
    Bearer,
    TokenRefused,
    bearer_of_key,
    bearer_of_token,
)
from scripts.sandbox.realtime.topics import Address, Topics

_BINARY_TYPE = "application/octet-stream"


class Message(msgspec.Struct):
    """One entry of a batch."""

    topic: str
    event: str
    payload: msgspec.Raw
    private: bool = False


class Batch(msgspec.Struct):
    """The body of the batch endpoint."""

    messages: list[Message]


_BATCH = msgspec.json.Decoder(Batch)
_RAW = msgspec.json.Decoder(msgspec.Raw)


def bearer_of_request(keys: Keys, request: web.Request) -> Bearer:
    """Return who sends: a user's token in Authorization, else the API key.

    Raises:
        TokenRefused: neither is good.

    """
    api_key = request.headers.get("x-api-key") or request.headers.get("apikey") or request.query.get("apikey", "")
    by_key = bearer_of_key(keys, api_key)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or token == api_key or token.startswith(NEW_KEY_PREFIX):
        return by_key
    return bearer_of_token(keys, token, now=None)


async def answer(request: web.Request, keys: Keys, topics: Topics) -> web.Response:
    """Answer both forms; the single one is the route that has a `topic` and an `event` in its path."""
    try:
        bearer = bearer_of_request(keys, request)
    except TokenRefused as error:
        return web.json_response({"message": str(error)}, status=401)
    if "topic" in request.match_info:
        return await _single(request, bearer, topics)
    try:
        batch = _BATCH.decode(await request.read())
    except msgspec.DecodeError as error:
        return web.json_response({"errors": {"messages": [str(error)]}}, status=422)
    for message in batch.messages:
        if message.private and bearer.role != SERVICE_ROLE:
            continue  # silently, as the real one does
        _send(topics, Address(message.topic, message.private), message.event, message.payload)
    return web.Response(status=202)


async def _single(request: web.Request, bearer: Bearer, topics: Topics) -> web.Response:
    private = request.query.get("private") == "true"
    if private and bearer.role != SERVICE_ROLE:
        return web.json_response({"message": "Unauthorized"}, status=403)
    address, event = Address(request.match_info["topic"], private), request.match_info["event"]
    body = await request.read()
    if request.content_type == _BINARY_TYPE:
        broadcast = BinaryBroadcast(user_event=event, encoding=Encoding.BINARY, body=body)
        try:
            topics.send(address, Frame(topic=TOPIC_PREFIX + address.name, event="broadcast", payload=broadcast))
        except MalformedFrame as error:
            return web.json_response({"errors": {"event": [str(error)]}}, status=422)
        return web.Response(status=202)
    try:
        _send(topics, address, event, _RAW.decode(body))
    except msgspec.DecodeError as error:
        return web.json_response({"errors": {"payload": [str(error)]}}, status=422)
    return web.Response(status=202)


def _send(topics: Topics, address: Address, event: str, body: msgspec.Raw) -> None:
    payload = {"event": event, "payload": body, "type": "broadcast"}
    topics.send(address, Frame(topic=TOPIC_PREFIX + address.name, event="broadcast", payload=payload))
