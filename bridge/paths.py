"""Which way somebody's client takes to the chat, and why: what the rollout decides."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Path(StrEnum):
    """The two ways to the chat."""

    BRIDGE = "bridge"
    """The WebSocket of the bridge."""
    LEGACY = "legacy"
    """The old REST endpoints and Supabase itself."""


class Stage(StrEnum):
    """How far the rollout is, in this order."""

    OFF = "off"
    """Everybody takes the legacy path."""
    SHADOW = "shadow"
    """The same; the bridge answers besides, and the answers are compared."""
    CANARY = "canary"
    """Those on the allow list take the bridge."""
    RAMP = "ramp"
    """And a percentage of all others."""
    FULL = "full"
    """Everybody but those on the deny list takes the bridge."""
    RETIRED = "retired"
    """Everybody does; the legacy path is gone."""


class Reason(StrEnum):
    """What decided."""

    STAGE = "stage"
    """The stage: it sends everybody the same way."""
    KILL_SWITCH = "kill_switch"
    """The kill switch: everybody takes the legacy path until it is off."""
    DENIED = "denied"
    """The user is on the deny list."""
    ALLOWED = "allowed"
    """The user is on the allow list."""
    CLIENT_TOO_OLD = "client_too_old"
    """The client is older than the bridge is meant for."""
    COHORT = "cohort"
    """The user's place among all users, against the percentage."""
    PROVIDER = "provider"
    """A provider of the team's own."""
    FALLBACK = "fallback"
    """The team's provider did not answer, so the plan counts."""
    NO_USER = "no_user"
    """The account has no user in the chat."""


class Decision(Struct, frozen=True, kw_only=True):
    """The way that somebody's client is to take."""

    path: Path
    reason: Reason
    stage: Stage | None
    """None where no plan is in force."""
