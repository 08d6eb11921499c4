"""The list of conversations: the app's list function, called with the users.id, beside load_conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bridge.comparison.answers import ROW, Answer, Declared, Hints, Place
from bridge.comparison.declaring import HEX, SEALED
from bridge.comparison.differing import is_same
from bridge.comparison.old_way import IDS_AT_ONCE, ROW_CAP, OldWay, OldWayFailed, Rows
from bridge.models import Identity

FUNCTIONS: Final = ("get_user_conversations_enhanced", "get_user_conversations")
"""That of the first clients, and that of the later generations, which left the first behind broken."""
MOMENT: Final = "latest_message_created_at"
"""By what the list is ordered."""
_LATEST: Final = ("latest_message_", "last_message_")


async def listed(way: OldWay, identity: Identity) -> Answer:
    """Ask for the list as the legacy client does.

    Raises:
        OldWayFailed: none of the functions works.
        OldWayUnreachable: nobody answers.

    """
    return answer_of(await _rows(way, identity.user_id))


def answer_of(found: Rows) -> Answer:
    """Return a list as the functions give it, wherever it comes from, for comparing."""
    keys = [str(row.get("conversation_id") or row.get("id")) for row in found]
    hints = {"capped": frozenset({"yes"} if len(found) == ROW_CAP else ())}
    return Answer(rows=dict(zip(keys, found, strict=True)), moment=MOMENT, hints=hints)


async def more_hints(way: OldWay, identity: Identity, old: Answer) -> Hints:
    """Find out, by more requests, what is needed to judge differences that are left.

    Raises:
        OldWayFailed: PostgREST refuses.
        OldWayUnreachable: nobody answers.

    """
    latest = [str(row["latest_message_id"]) for row in old.rows.values() if row.get("latest_message_id")]
    return {"expired": await _expired(way, latest), "by_auth_id": await _by_auth_id(way, identity)}


async def _rows(way: OldWay, user_id: str) -> Rows:
    """Call whichever function works in this generation."""
    failure = OldWayFailed("")
    for function in FUNCTIONS:
        try:
            return await way.call(function, user_uuid=user_id)
        except OldWayFailed as error:
            failure = error
    raise failure


async def _expired(way: OldWay, ids: Sequence[str]) -> frozenset[str]:
    """Return which of these messages are over: the functions do not look."""
    over: set[str] = set()
    for start in range(0, len(ids), IDS_AT_ONCE):
        among = ",".join(ids[start : start + IDS_AT_ONCE])
        found = await way.rows("messages", select="id", id=f"in.({among})", expires_at="lte.now")
        over.update(str(row["id"]) for row in found)
    return frozenset(over)


async def _by_auth_id(way: OldWay, identity: Identity) -> frozenset[str]:
    if str(identity.auth_id) == identity.user_id:
        return frozenset()
    found = await way.rows(
        "conversation_participants", select="conversation_id", user_id=f"eq.{identity.auth_id}", left_at="is.null"
    )
    return frozenset(str(row["conversation_id"]) for row in found)


def _is_latest(place: Place) -> bool:
    return place.field.startswith(_LATEST) and place.old is not None and place.new is not None


def _is_expired(place: Place) -> bool:
    return _is_latest(place) and str((place.old or {}).get("latest_message_id")) in place.hint("expired")


def _is_tied(place: Place) -> bool:
    """Tell whether the two sides show different messages of one moment; of the same one nothing may differ."""
    old, new = place.old or {}, place.new or {}
    ids = old.get("latest_message_id"), new.get("latest_message_id")
    return (
        _is_latest(place) and None not in ids and ids[0] != ids[1] and is_same(MOMENT, old.get(MOMENT), new.get(MOMENT))
    )


def _was_null(place: Place, *fields: str) -> bool:
    return place.field in fields and place.values[0] is None


def _counts_leavers(place: Place) -> bool:
    old, new = place.values
    return place.field == "participant_count" and isinstance(old, int) and isinstance(new, int) and old > new


DECLARED: Final = (
    Declared(
        name="unread",
        why="The functions count every message without a receipt, and receipts were never written; the check"
        " `unread_counts` holds the bridge to its own definition.",
        covers=lambda place: place.field == "unread_count",
    ),
    Declared(
        name="expired_latest",
        why="The functions show a latest message that has expired; the bridge hides it (F48).",
        covers=_is_expired,
    ),
    HEX,
    SEALED,
    Declared(
        name="names",
        why="The functions look for the other person by the wrong id and find nobody (F41).",
        covers=lambda place: _was_null(
            place,
            "conversation_name",
            "conversation_avatar_url",
            "latest_message_sender_username",
            "name",
            "avatar_url",
        ),
    ),
    Declared(
        name="hidden_groups",
        why="Row-level security hides a private group's name from its members.",
        covers=lambda place: _was_null(place, "group_name"),
    ),
    Declared(
        name="leavers",
        why="The functions count people who have left; `load_presence` compares who is there.",
        covers=_counts_leavers,
    ),
    Declared(
        name="nothing_said",
        why="From DB-2 on a conversation without messages shows when it was made as its latest activity.",
        covers=lambda place: place.field == "last_message_at" and place.values[1] is None,
    ),
    Declared(
        name="ties",
        why="Of two messages of one moment the functions show any; the bridge goes by time and id (F25).",
        covers=_is_tied,
    ),
    Declared(
        name="either_id",
        why="Whoever is in a conversation by the auth id is found by the bridge only.",
        covers=lambda place: place.field == ROW and place.key in place.hint("by_auth_id"),
    ),
    Declared(
        name="capped",
        why=f"PostgREST cuts answers off after {ROW_CAP} rows; the bridge reads on.",
        covers=lambda place: place.field == ROW and place.old is None and bool(place.hint("capped")),
    ),
)
