"""The command line of the tools: how each end of a command becomes an exit status and a sentence."""

from __future__ import annotations

import argparse

import msgspec
import pytest
from msgspec import Struct

from bridge.clock import Clock
from migration.commands import COMMANDS
from migration.commands.command import Command, add_output, chosen, count, positive, share
from migration.errors import Interrupted, Refused
from migration.findings import Exit
from migration.line import run
from migration.voice import Voice

ENDS: dict[str, BaseException] = {
    "refuse": Refused("There is nothing there."),
    "lose": Interrupted("The connection was lost."),
    "stop": KeyboardInterrupt(),
    "fail": ZeroDivisionError("nobody thought of it"),
}


class Answer(Struct, frozen=True, kw_only=True):
    """What the command of these tests answers."""

    word: str


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(required=True, metavar="what")
    for word in ("say", *ENDS):
        inner = words.add_parser(word)
        add_output(inner)
        inner.set_defaults(word=word)


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    if given.word in ENDS:
        raise ENDS[given.word]
    voice.tell("half of it")
    voice.document(Answer(word=given.word), ["the word is", given.word])
    return Exit.FOUND


TRY = Command(name="try", purpose="for tests", add_arguments=_add_arguments, run=_run)


def test_a_command_answers_people_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """And tells how far it is on standard error."""
    assert run([TRY], "", ["try", "say"]) == Exit.FOUND
    assert capsys.readouterr() == ("the word is\nsay\n", "half of it\n")


def test_a_command_answers_programs_with_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """The option belongs to the last word."""
    assert run([TRY], "", ["try", "say", "--json"]) == Exit.FOUND
    assert msgspec.json.decode(capsys.readouterr().out, type=Answer) == Answer(word="say")


@pytest.mark.parametrize(
    ("word", "status", "said"),
    [
        ("refuse", Exit.REFUSED, "migration: There is nothing there.\n"),
        ("lose", Exit.INCOMPLETE, "migration: The connection was lost.\n"),
        ("stop", Exit.INCOMPLETE, "migration: stopped; --resume goes on from there, where a command has it.\n"),
    ],
)
def test_a_command_that_did_not_do_its_work_says_why(
    word: str, status: Exit, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, and a status of its own."""
    assert run([TRY], "", ["try", word]) == status
    assert capsys.readouterr() == ("", said)


def test_a_mistake_of_ours_is_not_told_as_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """Python's own status would be 1; the trace is shown, and standard output holds nothing."""
    assert run([TRY], "", ["try", "fail"]) == Exit.INCOMPLETE
    said = capsys.readouterr()
    assert said.out == ""
    assert "nobody thought of it" in said.err
    assert said.err.endswith(
        "migration: this is a mistake of the tools, not of the project; what is above tells where.\n"
    )


@pytest.mark.parametrize("arguments", [[], ["fly"], ["try"], ["try", "say", "--aloud"]])
def test_what_is_not_understood_is_refused(arguments: list[str]) -> None:
    """With the status of what could not begin."""
    with pytest.raises(SystemExit) as ended:
        run([TRY], "", arguments)
    assert ended.value.code == Exit.REFUSED


def test_names_are_chosen_in_their_own_order() -> None:
    """However they were given; none given means all, and an unknown one is refused."""
    known = ("one", "two", "three")
    assert chosen(["three", "one"], None, known) == ("one", "three")
    assert chosen(None, ["two"], known) == ("one", "three")
    with pytest.raises(Refused, match=r"There is no four; there are: one, two, three\."):
        chosen(["four"], None, known)


@pytest.mark.parametrize(("read", "text"), [(positive, "0"), (positive, "inf"), (share, "1.5"), (count, "0")])
def test_numbers_that_make_no_sense_are_refused(read: type[float], text: str) -> None:
    """Before anything is looked at."""
    with pytest.raises(argparse.ArgumentTypeError, match="must be"):
        read(text)


def test_every_command_has_a_word_of_its_own() -> None:
    """And says in one line what it is for."""
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert all("\n" not in command.purpose and command.purpose for command in COMMANDS)
