"""One of every defect of conversations, groups and messages. The names are those of the checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from scripts.sandbox.crowd.defects import Plant
from scripts.sandbox.crowd.rows import BUFFER
from scripts.sandbox.crowd.stage import Stage


def memberships(stage: Stage, turn: int) -> None:
    """Plant conversations with the wrong people in them."""
    maker = stage.person()
    stage.expect("creators_missing", stage.conversation(stage.people(2), made_by=maker.id))
    stage.conversation([maker.auth_id, *stage.people(1)], made_by=maker.id)  # he is in it, by his other id
    stage.expect("participants_by_auth_id", str(stage.rows["conversation_participants"][-2][0]))
    three = stage.people(3)
    stage.expect("directs_with_three_members", stage.conversation(three, kind="direct", made_by=three[0]))
    pair = stage.people(2)
    stage.conversation(pair, kind="direct", made_by=pair[0])
    for _ in range(2):
        stage.expect("directs_twice", stage.conversation(pair[::-1], kind="direct", made_by=pair[1]))
    left = stage.conversation(pair[:1], kind="direct", made_by=pair[0])  # one of them left: no defect
    stage.seat(left, pair[1], left_at=stage.as_of - timedelta(days=3))
    twice = stage.person()
    place = stage.conversation([twice.id, *stage.people(1)], made_by=twice.id)
    seat = stage.seat(place, twice.auth_id)
    stage.expect("participants_twice", seat)
    stage.expect("participants_by_auth_id", seat)
    empty = stage.conversation([], made_by=None)
    stage.expect("conversations_empty", empty)
    stage.expect("conversations_without_creator", empty)
    stage.expect("conversations_without_creator", stage.conversation(stage.people(3), made_by=None))


def half_directs(stage: Stage, turn: int) -> None:
    """Plant what the old REST endpoint made: direct conversations with only the other person in them."""
    there, missing, stranger = stage.people(3)
    made_by = missing if turn % 4 == 3 else None
    half = stage.conversation([there], kind="direct", made_by=made_by)
    stage.expect("directs_with_one_member", half)
    stage.expect("creators_missing" if made_by else "conversations_without_creator", half)
    senders = ([missing], [], [missing, stranger], [missing])[turn % 4]
    for sender in senders:
        stage.expect("messages_by_non_members", stage.message(half, sender))
    stage.message(half, there)


def groups(stage: Stage, turn: int) -> None:
    """Plant groups without rooms, and members who are not in the rooms of theirs."""
    members = stage.people(3)
    stage.expect("groups_without_room", stage.group(members[:2]))
    group = stage.group(members)
    room = stage.conversation(members[:2], kind="room", made_by=members[0], group=group)
    stage.expect("members_without_seat", str(stage.rows["group_members"][-1][0]))
    stage.conversation(members[:1], kind="room", made_by=members[0], group=group)
    # The second room lacks the second member, too; whoever left a room is no defect.
    stage.expect("members_without_seat", str(stage.rows["group_members"][-2][0]))
    leaver = stage.people(1)[0]
    stage.group_member(group, leaver)
    for place in (room, str(stage.rows["conversations"][-1][0])):
        stage.seat(place, leaver, left_at=stage.as_of - timedelta(days=2))


def messages(stage: Stage, turn: int) -> None:
    """Plant messages in the wrong place or at the wrong time."""
    place, members = stage.healthy()
    elsewhere, others = stage.healthy()
    stage.expect("messages_by_non_members", stage.message(place, others[0]))
    leaver = stage.people(1)[0]
    left_at = stage.as_of - timedelta(days=25)
    stage.seat(place, leaver, left_at=left_at)
    stage.expect("messages_by_non_members", stage.message(place, leaver))
    stage.message(place, leaver, at=left_at + timedelta(minutes=4))  # his clock was fast
    foreign = stage.message(elsewhere, others[0])
    stage.expect("replies_across_conversations", stage.message(place, members[0], reply_to=foreign))
    ahead = stage.as_of + timedelta(days=1 + turn)
    stage.expect("messages_in_the_future", stage.message(place, members[0], at=ahead))
    at = stage.as_of - timedelta(days=3, microseconds=turn)
    tied = sorted(stage.message(place, member, at=at) for member in members)
    stage.message(elsewhere, others[0], at=at)  # the same moment somewhere else is no tie
    stage.expect("messages_tied", *tied[1:])
    past = stage.as_of - timedelta(hours=1)
    stage.expect("messages_expired", stage.message(place, members[0], expires_at=past))
    receipt = stage.fresh()
    stage.add("message_status", receipt, foreign, members[0], "read", stage.as_of)
    stage.expect("receipts_by_non_members", receipt)
    if stage.layout.copies:
        sealed = stage.message(place, members[0], content=BUFFER)
        for member in members[:2]:
            stage.copy(sealed, member)
        stage.expect("copies_missing", sealed)


PLANTS: Final[Mapping[str, Plant]] = MappingProxyType(
    {"memberships": memberships, "half directs": half_directs, "groups": groups, "messages": messages}
)
