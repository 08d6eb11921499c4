"""Lost connections, refused logins and refused reads, as the chat shows them."""

from __future__ import annotations

from bridge.chat.effects import LoadList, LoadNewest, LoadOlder, LogInAgain, Quit
from bridge.chat.lines import text_of
from tests.chat.chats import chat, online_chat, open_chat, wishes
from tests.chat.rows import BOB, message, page, shown


def test_after_a_reconnect_only_what_is_new_is_shown() -> None:
    """Coming back reads list and open conversation again and shows nothing twice."""
    ready = open_chat()
    assert shown(ready.offline("the connection broke", 10.0)) == [
        "· connection lost: the connection broke; trying to come back"
    ]
    assert ready.offline("cannot be reached", 20.0) == []
    effects = ready.online(BOB)
    assert shown(effects) == ["· connected again"]
    assert wishes(effects) == [LoadList(), LoadNewest("c1")]
    assert shown(ready.newest("c1", page(message(1), message(2), message(3)))) == ["#3   10:03 Alice: hello"]


def test_a_gap_after_a_long_absence_is_marked_and_can_be_filled() -> None:
    """When more came than a page holds, that is said, and /more reads on from there."""
    ready = open_chat()
    lines = shown(ready.newest("c1", page(message(40), message(41), has_more=True)))
    assert lines[0] == "── some that came meanwhile may be missing; /more shows them"
    assert ready.typed("/more") == [LoadOlder("c1", "m40")]


def test_a_first_connection_that_fails_ends_the_program() -> None:
    """A wrong address or a bridge that is not running is one sentence and status 1, not endless waiting."""
    end = chat().offline("ws://x cannot be reached: Connection refused", 5.0)
    assert end[0] == Quit(1, end[0].lines) if isinstance(end[0], Quit) else False
    assert shown(end) == ["! ws://x cannot be reached: Connection refused."]


def test_a_refused_login_waits_for_a_person_and_ends_a_script() -> None:
    """With somebody there, /login tries again; a script ends with status 1."""
    present = chat()
    assert shown(present.refused("Invalid or expired token")) == [
        "! Not logged in: Invalid or expired token.",
        "· /login reads the token again and tries once more.",
    ]
    assert text_of(present.toolbar(0)) == " not authenticated: Invalid or expired token  |  /help"
    assert present.typed("/login") == [LogInAgain()]
    assert shown(online_chat().typed("/login")) == ["· You are connected."]
    end = chat(is_present=False).refused("Invalid or expired token")
    assert [effect.status for effect in end if isinstance(effect, Quit)] == [1]


def test_the_toolbar_counts_down() -> None:
    """Away, the toolbar tells when the next attempt comes."""
    ready = online_chat()
    ready.offline("broke", retry_at=103.2)
    assert text_of(ready.toolbar(100.0)).startswith(" reconnecting in 4 s (/login: now)")
    assert text_of(ready.toolbar(200.0)).startswith(" reconnecting  ")
    assert text_of(chat().toolbar(0)).startswith(" connecting")


def test_what_could_not_be_read_is_said_unless_it_is_read_again_anyway() -> None:
    """A refusal is told; a loss is told only for what the next connection does not repeat."""
    ready = open_chat()
    assert shown(ready.not_loaded(LoadList(), "Failed (X)", is_lost=False)) == ["! Failed (X)."]
    assert ready.not_loaded(LoadList(), "broke", is_lost=True) == []
    assert shown(ready.not_loaded(LoadOlder("c1", "m1"), "not connected", is_lost=True)) == ["! Not connected."]


def test_pushes_held_for_a_page_that_never_comes_are_shown() -> None:
    """When the page is refused, what came live is not lost."""
    ready = online_chat()
    ready.typed("/open 1")
    ready.arrived(message(2))
    lines = shown(ready.not_loaded(LoadNewest("c1"), "Failed to load messages", is_lost=False))
    assert lines[1:] == ["#1   10:02 Alice: hello", "! Failed to load messages."]


def test_a_page_that_reaches_only_what_was_pushed_may_hide_a_gap() -> None:
    """While the bridge looks for what it has missed, newer messages overtake older ones."""
    ready = open_chat()
    ready.arrived(message(40))
    lines = shown(ready.newest("c1", page(message(40), message(41), has_more=True)))
    assert lines[0] == "── some that came meanwhile may be missing; /more shows them"
    assert shown(ready.newest("c1", page(message(41), message(42), has_more=True))) == ["#5   10:42 Alice: hello"]
