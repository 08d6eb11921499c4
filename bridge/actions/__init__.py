"""Every action of the protocol, on one screen."""

from __future__ import annotations

from typing import Final, cast

from msgspec import Struct

from bridge.actions.conversations import join_conversation, leave_conversation, load_conversations
from bridge.actions.creating import create_conversation
from bridge.actions.groups import create_group, join_group, load_groups
from bridge.actions.loading import load_messages, load_more_messages
from bridge.actions.presence import load_presence, set_presence
from bridge.actions.receipts import mark_as_read
from bridge.actions.registry import Action, table
from bridge.actions.sending import send_message
from bridge.actions.typing import typing_start, typing_stop

ACTIONS: Final = table(
    *cast(
        "list[Action[Struct]]",
        [
            load_conversations,
            join_conversation,
            leave_conversation,
            create_conversation,
            send_message,
            load_messages,
            load_more_messages,
            create_group,
            join_group,
            load_groups,
            typing_start,
            typing_stop,
            mark_as_read,
            load_presence,
            set_presence,
        ],
    )
)
"""By wire type. `auth` and `ping` are not here: they work without a session (bridge.session)."""
