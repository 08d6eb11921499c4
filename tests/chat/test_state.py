"""The chat without a terminal and without a wire: events in, lines and wishes out."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.chat.effects import LoadList, LoadNewest, LoadOlder
from bridge.chat.lines import text_of
from tests.chat.chats import TWO, chat, online_chat, open_chat, wishes
from tests.chat.rows import BOB, conversation, message, page, shown


def test_coming_online_greets_and_asks_for_the_list() -> None:
    """The first connection says who one is and reads the conversations."""
    effects = chat().online(BOB)
    assert shown(effects) == ["· You are Bob (bob). /help explains."]
    assert wishes(effects) == [LoadList()]


def test_a_display_name_that_differs_is_shown_with_the_username() -> None:
    """A display name alone could be anybody's."""
    user = replace(BOB, display_name="Bobby \x1b[31m")
    assert shown(chat().online(user)) == ["· You are Bobby ␛[31m (bob). /help explains."]


def test_the_list_shows_numbers_and_unread_counts() -> None:
    """Conversations come in the server's order with their unread counts; the open one is marked."""
    ready = chat()
    ready.online(BOB)
    assert shown(ready.listed(TWO)) == ["  1  Weekend  (2 unread)", "  2  Work"]
    ready.typed("/open 2")
    ready.typed("/list")
    assert shown(ready.listed(TWO)) == ["  1  Weekend  (2 unread)", "* 2  Work"]


def test_a_list_that_was_not_asked_for_is_not_shown() -> None:
    """Reading the list again after a reconnect only refreshes the counts."""
    ready = online_chat()
    ready.online(BOB)
    assert ready.listed(TWO) == []


def test_nobody_to_talk_to() -> None:
    """An empty list is said in words."""
    ready = chat()
    ready.online(BOB)
    assert shown(ready.listed([])) == ["· You are in no conversation yet."]


def test_opening_shows_the_newest_messages() -> None:
    """Opening joins and reads; messages have number, local time, sender; own ones too; the day stands above."""
    ready = online_chat()
    assert wishes(ready.typed("/open week")) == [LoadNewest("c1")]
    lines = shown(ready.newest("c1", page(message(1), message(2, content="mine", sender="bob"), has_more=True)))
    assert lines == [
        "── Thu 01 Jan 2026",
        "#1   10:01 Alice: hello",
        "#2   10:02 Bob: mine",
        "· /more shows older messages.",
    ]
    assert ready.prompt() == "Weekend> "


def test_an_empty_conversation() -> None:
    """A conversation without messages says so."""
    ready = online_chat()
    ready.typed("/open 1")
    assert shown(ready.newest("c1", page())) == ["· Nobody has written here yet."]


def test_a_conversation_without_a_name_is_described() -> None:
    """Rooms need no name, and the other person of a direct conversation may have left."""
    ready = chat()
    ready.online(BOB)
    nameless = replace(conversation("c1", "x"), name=None)
    left = replace(conversation("c2", "x"), name=None, participant_count=1)
    assert shown(ready.listed([nameless, left])) == ["  1  (group of 2)", "  2  (nobody else)"]


def test_a_conversation_can_be_asked_for_at_the_start() -> None:
    """--open opens as soon as the list is there."""
    ready = chat(first="Work")
    ready.online(BOB)
    assert wishes(ready.listed(TWO)) == [LoadNewest("c2")]


def test_an_unknown_or_ambiguous_name_is_explained() -> None:
    """A name that fits none or several is answered with what to type instead."""
    ready = online_chat()
    assert shown(ready.typed("/open w")) == ["! More than one conversation is called w: /open 1, /open 2."]
    assert shown(ready.typed("/open 9")) == ["! There is no conversation 9. /list shows yours."]
    assert shown(chat().typed("/open 1")) == ["! The list of conversations is not here yet."]


def test_a_message_elsewhere_is_a_notice_with_the_count() -> None:
    """Messages of other conversations take one line; opening them clears the count."""
    ready = online_chat()
    there = message(5, conversation="c1", content="secret")
    assert shown(ready.arrived(there)) == ["· Alice in Weekend (3 unread)  /open 1"]
    assert ready.arrived(there) == []
    assert text_of(ready.toolbar(0)) == " connected  |  Bob  |  3 unread  |  /help"
    ready.typed("/open 1")
    assert text_of(ready.toolbar(0)) == " connected  |  Bob  |  Weekend  |  /help"


def test_what_was_read_here_stays_read_when_the_server_still_counts_it() -> None:
    """Reading the list again brings back only what has come since; a server that learns of the reading is followed."""
    ready = open_chat()
    ready.arrived(message(3))
    ready.typed("/open 2")
    ready.newest("c2", page())

    def unread(count: int) -> str:
        ready.typed("/list")
        return shown(ready.listed((conversation("c1", "Weekend", unread=count), TWO[1])))[0]

    assert unread(3) == "  1  Weekend"
    assert unread(5) == "  1  Weekend  (2 unread)"
    assert unread(0) == "  1  Weekend"
    assert unread(1) == "  1  Weekend  (1 unread)"


def test_ones_own_message_from_another_device_is_not_unread() -> None:
    """What one has written oneself elsewhere does not count."""
    ready = open_chat()
    assert ready.arrived(message(9, conversation="c2", sender="bob")) == []
    assert "unread" not in text_of(ready.toolbar(0))


def test_a_message_in_an_unknown_conversation_loads_the_list() -> None:
    """Being added to a conversation shows with its first message."""
    ready = online_chat()
    assert ready.arrived(message(5, conversation="c3")) == [LoadList()]
    assert shown(ready.listed((*TWO, conversation("c3", "New", unread=1)))) == ["· Alice in New (1 unread)  /open 3"]


def test_messages_that_come_while_a_page_is_read_are_shown_once_and_after_it() -> None:
    """A push between asking and answer waits for the page, which may hold the same message."""
    ready = online_chat()
    ready.typed("/open 1")
    assert ready.arrived(message(2)) == []
    assert ready.arrived(message(3)) == []
    lines = shown(ready.newest("c1", page(message(1), message(2))))
    assert [line[:4] for line in lines[1:]] == ["#1  ", "#2  ", "#3  "]


def test_a_page_of_a_conversation_left_meanwhile_is_ignored() -> None:
    """Only the open conversation's pages are shown."""
    ready = online_chat()
    ready.typed("/open 1")
    ready.typed("/open 2")
    assert ready.newest("c1", page(message(1))) == []
    assert ready.older("c1", page(message(1))) == []


def test_older_messages_are_marked_off() -> None:
    """/more asks for what is before the oldest shown, and puts rules around it; at the end it says so."""
    ready = online_chat()
    ready.typed("/open 1")
    ready.newest("c1", page(message(30), has_more=True))
    assert ready.typed("/more") == [LoadOlder("c1", "m30")]
    lines = shown(ready.older("c1", page(message(29), has_more=False)))
    assert lines == [
        "── older messages",
        "── Thu 01 Jan 2026",
        "#2   10:29 Alice: hello",
        "── end of the older messages; there are no more",
    ]
    assert shown(ready.typed("/more")) == ["· There are no older messages."]


def test_a_server_that_does_not_say_whether_there_is_more() -> None:
    """Without hasMore a full page means that there may be more."""
    ready = online_chat()
    ready.typed("/open 1")
    ready.newest("c1", page(*(message(number) for number in range(30)), has_more=None))
    assert ready.typed("/more") == [LoadOlder("c1", "m0")]
    assert shown(ready.older("c1", page(has_more=None))) == ["── there is nothing older"]


def test_others_cannot_pretend_or_take_over_the_terminal() -> None:
    """Escape sequences in contents, names and conversations are signs; a second line cannot look like a message."""
    ready = chat()
    ready.online(BOB)
    lines = shown(ready.listed([conversation("c1", "W\x1b[5mork\n  2  Fake")]))
    assert lines == ["  1  W␛[5mork 2 Fake"]
    ready.typed("/open 1")
    forged = message(1, content="hi\n#2   10:02 Bob: I agree\x1b]0;x\x07")
    assert forged.sender is not None
    forged = replace(forged, sender=replace(forged.sender, display_name="Al\x1b[2Jice\u202e"))
    assert shown(ready.newest("c1", page(forged)))[1:] == [
        "#1   10:01 Al␛[2Jice: hi",
        "                      #2   10:02 Bob: I agree␛]0;x␇",
    ]


def test_long_messages_wrap_under_themselves() -> None:
    """In a terminal of some width the text goes on under its beginning."""
    ready = open_chat()
    lines = shown(ready.arrived(message(3, content="one two three four five six seven")), columns=40)
    assert lines == ["#3   10:03 Alice: one two three four", "                  five six seven"]


def test_help_names_the_commands() -> None:
    """/help explains, mistakes are answered, empty lines do nothing."""
    ready = online_chat()
    assert any(line.strip().startswith("/reply N text") for line in shown(ready.typed("/help")))
    assert shown(ready.typed("/dance"))[0].startswith("! There is no command /dance.")
    assert ready.typed(" ") == []
    assert "/open Weekend" in ready.words()
