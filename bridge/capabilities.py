"""What a client says it understands beyond the old clients' types (design decision 9).

The old clients refuse a type they do not know, so a new push goes only to a client that asked for it in `auth`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Capability(StrEnum):
    """The capabilities there are; each names the pushes it brings."""

    RECEIPTS = "receipts"
    """messages_read"""
    PRESENCE = "presence"
    """presence_changed, in place of user_online and user_offline"""
    CONNECTION_STATUS = "connection_status"
    """connection_status"""
    MESSAGE_CHANGES = "message_changes"
    """message_updated, message_deleted"""
    CONVERSATIONS = "conversations"
    """conversation_added, conversation_changed, conversation_removed"""
    MEMBERS = "members"
    """member_added, member_removed"""
    RESUME = "resume"
    """nothing is told again unless `auth` shows a cursor"""
    ROLLOUT = "rollout"
    """rollout_changed; `auth_success` says which path the client is to take"""


def known_capabilities(asked: Iterable[object]) -> frozenset[Capability]:
    """Return those we know; unknown ones are ignored, for a newer client may ask an older bridge."""
    names = {str(one) for one in asked}
    return frozenset(one for one in Capability if one.value in names)
