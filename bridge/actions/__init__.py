"""Every action of the protocol, on one screen."""

from __future__ import annotations

from typing import Final, cast

from msgspec import Struct

from bridge.actions.account import load_retention, set_retention, update_profile
from bridge.actions.adding import add_participants
from bridge.actions.conversations import join_conversation, leave_conversation, load_conversations
from bridge.actions.creating import create_conversation
from bridge.actions.groups import create_group, join_group, load_groups
from bridge.actions.loading import load_messages, load_more_messages
from bridge.actions.participants import load_participants
from bridge.actions.presence import load_presence, set_presence
from bridge.actions.receipts import mark_as_read
from bridge.actions.registry import Action, table
from bridge.actions.searching import search_users
from bridge.actions.sending import send_message
from bridge.actions.timers import load_conversation_timer, set_conversation_timer, set_own_timer
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
            load_participants,
            add_participants,
            search_users,
            load_conversation_timer,
            set_conversation_timer,
            set_own_timer,
            load_retention,
            set_retention,
            update_profile,
        ],
    )
)
"""By wire type. `auth` and `ping` are not here: they work without a session (bridge.session)."""
