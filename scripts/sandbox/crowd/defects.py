"""One of every defect: of people, of whom columns name, and of what is left over. The names are those of the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from scripts.sandbox.crowd.rows import BUFFER, account_row
from scripts.sandbox.crowd.stage import FIRST_NUMBER, Stage

Plant = Callable[[Stage, int], None]
"""Plants the n-th one of a kind."""

STOPPING: Final = ("back\\slash", "C:\\new", "\\x414", "\\xzz", "\\400 days", "ends with \\")
CHANGING: Final = ("\\x4142", "\\\\", "\\101", "\\x", "two \\\\ of them\nand a line")
NO_TEXT: Final = (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"a\x80b", b"\xf5\x80\x80\x80", b"M\xfcller")


def people(stage: Stage, turn: int) -> None:
    """Plant what can be wrong with users rows and accounts."""
    stage.expect("users_without_auth_id", stage.person(is_linked=False).id)
    first = stage.person()
    stage.expect("users_sharing_an_auth_id", stage.person(auth_id=first.auth_id, has_account=False).id)
    ident = stage.fresh()
    stage.expect("users_with_equal_ids", stage.person(ident=ident, auth_id=ident).id)
    claimed = stage.person()
    stage.person(auth_id=claimed.id)
    stage.expect("users_claimed_by_another", claimed.id)
    stage.expect("users_linked_to_no_account", stage.person(has_account=False).id)
    number = f"49170{FIRST_NUMBER + turn}"
    stage.person(phone=number)
    twice = stage.person(phone=f"+{number}", has_account=False, is_linked=False).id
    stage.expect("phone_numbers_twice", twice)
    stage.expect("users_without_auth_id", twice)
    account = stage.fresh()
    stage.rows["auth.users"].append(account_row(account, f"+49171{FIRST_NUMBER + turn}", stage.as_of))
    stage.expect("accounts_without_user", account)


def references(stage: Stage, turn: int) -> None:
    """Plant auth ids, and ids of nobody, where a users.id belongs."""
    person = stage.person()
    for named, kind in ((person.auth_id, "by_auth_id"), (stage.fresh(), "of_nobody")):
        _in_conversations(stage, person.id, named, kind)
        _in_groups(stage, person.id, named, kind)
        _in_messages(stage, person.id, named, kind)


def _in_conversations(stage: Stage, person: str, named: str, kind: str) -> None:
    place, _ = stage.healthy()
    stage.expect(f"participants_{kind}", stage.seat(place, named))
    made = stage.conversation([person, *stage.people(2)], made_by=named)
    stage.expect(f"conversations_made_{kind}", made)
    typing = stage.fresh()
    stage.add("typing_indicators", typing, place, named, False, stage.as_of)
    stage.expect(f"typing_{kind}", typing)
    stage.add("user_presence", named, "offline", stage.as_of, stage.as_of)
    stage.expect(f"presence_{kind}", named)


def _in_groups(stage: Stage, person: str, named: str, kind: str) -> None:
    members = [person, *stage.people(2)]
    group = stage.group(members[1:])
    stage.conversation(members, kind="room", made_by=person, group=group)
    stage.expect(f"group_members_{kind}", stage.group_member(group, named))
    made, at = stage.fresh(), stage.as_of - timedelta(days=200)
    stage.add("groups", made, "planted", made[:8], named, at)
    stage.conversation(members, kind="room", made_by=person, group=made)
    stage.expect(f"groups_made_{kind}", made)


def _in_messages(stage: Stage, person: str, named: str, kind: str) -> None:
    place = stage.conversation([person, *stage.people(2)], made_by=person)
    message = stage.message(place, named)
    stage.expect(f"messages_{kind}", message)
    receipt = stage.fresh()
    stage.add("message_status", receipt, stage.message(place, person), named, "read", stage.as_of)
    stage.expect(f"receipts_{kind}", receipt)
    if kind == "of_nobody":
        stage.expect("messages_by_non_members", message)
        stage.expect("receipts_by_non_members", receipt)
    if stage.layout.deliveries:
        delivered = stage.message(place, person)
        for recipient in (named, stage.fresh()) if kind == "of_nobody" else (named,):
            stage.add("deliveries", delivered, recipient, stage.as_of)
        stage.expect(f"deliveries_{kind}", delivered)
    if stage.layout.copies:
        other = stage.people(1)[0]
        pair = stage.conversation([person, other], made_by=person)
        sealed = stage.message(pair, person, content=BUFFER)
        stage.copy(sealed, other)
        stage.expect(f"copies_{kind}", stage.copy(sealed, named))
        if kind == "of_nobody":
            stage.copy(sealed, person)


def contents(stage: Stage, turn: int) -> None:
    """Plant texts that a cast breaks or changes, bytes that a cast has broken, and serialised buffers."""
    place, members = stage.healthy()
    if stage.layout.binary_content:
        broken = NO_TEXT[turn % len(NO_TEXT)]
        stage.expect("contents_not_utf8", stage.message(place, members[0], content=broken))
        # Looks suspicious, and is fine; NUL is a character, which bytea holds.
        stage.message(place, members[0], content="Ünïcödé \\x \0 ☺ 👩‍👩‍👧 \\\\ é".encode())
    else:
        for check, texts in (("contents_that_stop_the_cast", STOPPING), ("contents_changed_by_the_cast", CHANGING)):
            stage.expect(check, stage.message(place, members[0], content=texts[turn % len(texts)]))
    if stage.layout.copies:
        stage.expect("buffers_without_copies", stage.message(place, members[0], content=BUFFER))
    elif stage.layout.binary_content:
        stage.expect("buffers_as_content", stage.message(place, members[0], content=BUFFER))
    else:
        stage.message(place, members[0], content=BUFFER)  # somebody typed it (contract F45)


def leftovers(stage: Stage, turn: int) -> None:
    """Plant typing and presence that nobody ended."""
    place, members = stage.healthy()
    typing = stage.fresh()
    stage.add("typing_indicators", typing, place, members[0], True, stage.as_of - timedelta(minutes=6 + turn))
    stage.expect("typing_stale", typing)
    stale = stage.as_of - timedelta(minutes=16 + turn)
    stage.add("user_presence", members[1], ("online", "away", "busy")[turn % 3], stale, stale)
    stage.expect("presence_stale", members[1])
    stage.add("user_presence", members[2], "online", stale, stage.as_of + timedelta(days=1))  # alive


PLANTS: Final[Mapping[str, Plant]] = MappingProxyType(
    {"people": people, "references": references, "contents": contents, "leftovers": leftovers}
)
