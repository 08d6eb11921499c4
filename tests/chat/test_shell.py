"""The chat joined to a wire: what is typed reaches the server, what happens there reaches the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest

from bridge.chat.plain import PlainScreen, paced
from bridge.chat.shell import MAX_WAITING_LOADS, Shell
from tests.chat.house import House, shell_at, typed
from tests.client.scripted import Peer, eventually, message, scripted


async def talk(house: House, lines: Sequence[str]) -> tuple[int, str]:
    """Type lines in line mode; return the exit status and what was shown."""
    written: list[str] = []
    async with scripted(house) as server:
        _, shell = shell_at(server.url, PlainScreen(written.append), is_present=False)
        status = await shell.run(partial(paced, typed(lines)))
    return status, "".join(written)


async def test_a_whole_conversation() -> None:
    """Opening, reading, saying, answering and reading older messages, each line after the one before is answered."""
    house = House()
    status, output = await talk(house, ["/open weekend", "hello", "/reply 1 yes", "/more", "/quit"])
    assert status == 0
    assert output.splitlines() == [
        "· You are Bob (bob). /help explains.",
        "  1  Weekend  (1 unread)",
        "  2  Work",
        "══ Weekend",
        "── Thu 01 Jan 2026",
        "#1   10:01 Alice: hello",
        "· /more shows older messages.",
        "#2   10:02 Bob: hello",
        "#3   10:03 Bob: yes",
        "── older messages",
        "── Thu 01 Jan 2026",
        "#4   10:00 Alice: hello",
        "── end of the older messages; there are no more",
    ]
    assert [(sent.payload["content"], sent.payload.get("replyToId")) for sent in house.said] == [
        ("hello", None),
        ("yes", "m1"),
    ]


async def test_the_end_of_input_is_a_quit() -> None:
    """A script that ends leaves the chat, after everything it said was confirmed."""
    house = House()
    assert (await talk(house, ["/open 1", "bye"]))[0] == 0
    assert len(house.said) == 1


async def test_what_was_on_its_way_is_sent_again_after_a_loss_and_shown_once() -> None:
    """A connection that breaks under a send costs nothing: same key, one line on the screen, order kept."""
    house = House()
    house.dropped_on = {"send_message"}
    status, output = await talk(house, ["/open 1", "first", "second"])
    assert status == 0
    contents = [(sent.payload["content"], sent.payload["clientMessageId"]) for sent in house.said]
    assert contents[0] == contents[1]
    assert [content for content, _ in contents] == ["first", "first", "second"]
    assert output.count("Bob: first") == 1
    assert "connection lost" in output
    assert "connected again" in output


async def test_refusals_are_shown_and_the_chat_goes_on() -> None:
    """A refused action is a line; a message not sent makes the exit status 1."""
    house = House()
    house.refusals["send_message"] = ("ACCESS_DENIED", "Access denied to conversation")
    status, output = await talk(house, ["/open 1", "hello", "/list"])
    assert status == 1
    assert "! Not sent: hello\n! Access denied to conversation (ACCESS_DENIED). /retry tries again.\n" in output
    assert output.endswith("! Not confirmed by the server: 1 of your messages.\n")


async def test_a_loss_while_reading_is_made_good_by_the_next_connection() -> None:
    """List and open conversation are read again without a word; older messages are asked for again by the reader."""
    house = House()
    house.dropped_on = {"load_conversations", "load_messages", "load_more_messages"}
    written: list[str] = []

    async def lines() -> AsyncIterator[str]:
        yield "/open 1"
        await eventually(lambda: "Alice: hello" in "".join(written))
        yield "/more"
        await eventually(lambda: "".join(written).count("connected again") == 3)
        yield "/more"

    async with scripted(house) as server:
        _, shell = shell_at(server.url, PlainScreen(written.append))
        assert await shell.run(partial(paced, lines())) == 0
    output = "".join(written)
    assert output.count("Alice: hello") == 2
    assert "! The connection broke.\n" in output


async def test_asking_for_too_much_at_once_is_answered() -> None:
    """What waits for the server is bounded."""

    async def impatient(shell: Shell) -> AsyncIterator[str]:
        for _ in range(MAX_WAITING_LOADS + 1):
            yield "/list"

    written: list[str] = []
    async with scripted(House()) as server:
        _, shell = shell_at(server.url, PlainScreen(written.append))
        assert await shell.run(impatient) == 0
    assert written == ["! The server is still busy with what was asked.\n"]


async def test_logging_in_again() -> None:
    """/login tries once more, and the chat goes on."""
    house = House()

    async def refuse(peer: Peer) -> None:
        await peer.refuse(await peer.command("auth"), "INVALID_TOKEN", "Invalid or expired token")

    written: list[str] = []

    async def lines(_: Shell) -> AsyncIterator[str]:
        await eventually(lambda: "Not logged in" in "".join(written))
        yield "/login"
        await eventually(lambda: "Weekend" in "".join(written))

    async with scripted(refuse, house) as server:
        _, shell = shell_at(server.url, PlainScreen(written.append))
        assert await shell.run(lines) == 0


async def test_a_list_that_cannot_be_read_does_not_stop_a_script() -> None:
    """The script goes on and is told."""
    house = House()
    house.refusals["load_conversations"] = ("DATABASE_ERROR", "Failed to load conversations")
    status, output = await talk(house, ["/open 1"])
    assert status == 0
    assert "! Failed to load conversations (DATABASE_ERROR).\n! The list of conversations is not here yet.\n" in output


async def test_a_refused_login_ends_a_script() -> None:
    """Nobody is there to log in again."""

    async def refuse(peer: Peer) -> None:
        await peer.refuse(await peer.command("auth"), "INVALID_TOKEN", "Invalid or expired token")

    written: list[str] = []
    async with scripted(refuse) as server:
        _, shell = shell_at(server.url, PlainScreen(written.append), is_present=False)
        assert await shell.run(partial(paced, typed([]))) == 1
    assert written == ["! Not logged in: Invalid or expired token.\n"]


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/ws"])
async def test_a_bridge_that_is_not_there_ends_the_program(url: str) -> None:
    """The first connection is not waited for."""
    written: list[str] = []
    _, shell = shell_at(url, PlainScreen(written.append))
    assert await shell.run(partial(paced, typed([]))) == 1
    assert written == [f"! {url} cannot be reached: Connection refused.\n"]


async def test_others_messages_appear_while_nothing_is_typed() -> None:
    """Pushes are shown as they come; types of later protocol versions are passed over."""
    written: list[str] = []
    house = House()
    house.pushes = [message(8, content="psst"), message(9, conversation="c2")]

    async def lines() -> AsyncIterator[str]:
        yield "/open 1"
        await eventually(lambda: "in Work" in "".join(written))

    async with scripted(house) as server:
        _, shell = shell_at(server.url, PlainScreen(written.append))
        assert await shell.run(partial(paced, lines())) == 0
    assert written[-2:] == ["#2   10:08 Alice: psst\n", "· Alice in Work (1 unread)  /open 2\n"]
