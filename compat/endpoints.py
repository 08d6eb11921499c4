"""Every old endpoint, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from compat.conversations import list_conversations, make_conversation
from compat.endpoint import Endpoint
from compat.groups import list_groups
from compat.participants import let_people_in, list_participants
from compat.profile import change_profile
from compat.retention import read_retention, write_retention
from compat.search import find_people
from compat.timers import read_timer, write_timer

ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    one.name: one
    for one in (
        list_conversations,
        make_conversation,
        list_participants,
        let_people_in,
        list_groups,
        find_people,
        read_timer,
        write_timer,
        read_retention,
        write_retention,
        change_profile,
    )
}
"""By name."""
