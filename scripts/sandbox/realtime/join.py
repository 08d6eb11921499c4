"""What a phx_join asks for, read once; pure (supabase.md 2.3)."""

from __future__ import annotations

import msgspec

from scripts.sandbox.realtime.phoenix import Frame
from scripts.sandbox.realtime.subscriptions import Binding

TOPIC_PREFIX = "realtime:"


class JoinRefused(Exception):
    """A join that gets an error reply; the text is its reason, "Code: text"."""


class Broadcast(msgspec.Struct, frozen=True, rename={"own_copy": "self"}):
    """The config of broadcasts: reply to each, send the sender its own."""

    ack: bool = False
    own_copy: bool = False


class Presence(msgspec.Struct, frozen=True):
    """The config of presence; an empty key asks for a generated one."""

    key: str = ""
    enabled: bool = False


class Config(msgspec.Struct, frozen=True):
    """The `config` object; clients leave out or null whatever they like."""

    broadcast: Broadcast | None = None
    presence: Presence | None = None
    postgres_changes: list[dict[str, object]] | None = None
    private: bool | None = None


class Join(msgspec.Struct, frozen=True):
    """The whole payload of a phx_join."""

    config: Config | None = None
    access_token: str | None = None
    user_token: str | None = None

    @property
    def token(self) -> str | None:
        """The access token the client sent, under either of its names."""
        return self.access_token or self.user_token

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What it wants to hear of the database."""
        asked = self.config.postgres_changes if self.config else None
        return tuple(Binding.of(parameters) for parameters in asked or ())


def read_join(frame: Frame) -> Join:
    """Read a phx_join.

    Raises:
        JoinRefused: no topic name, or a payload of the wrong shape.

    """
    if not frame.topic.removeprefix(TOPIC_PREFIX):
        raise JoinRefused("TopicNameRequired: You must provide a topic name")
    try:
        return msgspec.convert(frame.payload, Join)
    except msgspec.ValidationError as error:
        raise JoinRefused(f"InvalidJoinPayload: {error}") from error
