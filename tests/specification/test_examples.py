"""The examples are true: the bridge answers as they show, and they look as the schemas say."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from bridge.specification.commands import COMMANDS
from bridge.specification.examples import EXAMPLES, SOURCE, Example, read_examples
from bridge.specification.messages import PUSHES_BY_NAME
from tests.emulated_w1 import Frame
from tests.specification.causes import CAUSES
from tests.specification.stage import TALK, Stage, stage
from tests.specified import check_from_bridge, check_from_client
from tests.transcript import Differs
from tests.world import Client

PLAYED = [(name, example) for name, examples in EXAMPLES.items() for example in examples]
ANSWERED = [(name, example) for name, example in PLAYED if example.command is not None]


def title(value: object) -> str:
    """Name a test case after its example."""
    return value.title if isinstance(value, Example) else str(value)


def text_of(frame: Frame) -> str:
    """Return a frame as it was on the wire."""
    fields = asdict(frame)
    return json.dumps({"requestId": fields.pop("request_id"), **fields})


@pytest.mark.parametrize("name", [*COMMANDS, "error"])
def test_every_command_has_an_example(name: str) -> None:
    """With the command itself."""
    examples = EXAMPLES.get(name, ())
    assert examples, f"{SOURCE.name} has no example of {name}: add a block with what is sent (>) and answered (<)"
    assert all(one.command is not None for one in examples)


@pytest.mark.parametrize("name", PUSHES_BY_NAME)
def test_every_push_has_an_example_and_a_cause(name: str) -> None:
    """The frame alone; what brings it about is in causes.py."""
    examples = EXAMPLES.get(name, ())
    assert examples, f"{SOURCE.name} has no example of {name}: add a block with the frame that is received (<)"
    assert all(one.command is None for one in examples)
    assert name in CAUSES, f"causes.py does not say how a test makes the bridge send {name}"


def test_every_example_is_of_something() -> None:
    """None is left of a type that is gone."""
    assert set(EXAMPLES) == {*COMMANDS, *PUSHES_BY_NAME, "error"}
    assert set(CAUSES) == set(PUSHES_BY_NAME)


@pytest.mark.parametrize(("name", "example"), PLAYED, ids=title)
def test_every_example_looks_as_the_schemas_say(name: str, example: Example) -> None:
    """Whole frames, without a field that the schemas do not know."""
    if example.command is not None:
        check_from_client(example.command)
    check_from_bridge(example.answer)


@pytest.mark.parametrize(("name", "example"), ANSWERED, ids=title)
async def test_the_bridge_answers_as_the_example_shows(name: str, example: Example) -> None:
    """Each begins anew: bob is here, nobody else has done anything."""
    async with stage() as s:
        bob = s.world.client() if name == "auth" else await s.enter("bob")
        await play(example, bob, s)


async def play(example: Example, client: Client, s: Stage) -> None:
    """Send an example's command and compare what answers it."""
    transcript = s.transcript()
    assert example.command is not None
    command = transcript.spoken(example.command)
    client.send_text(command)
    transcript.compare(example.answer, text_of(await client.reply(json.loads(command)["requestId"])))


@pytest.mark.parametrize("name", PUSHES_BY_NAME)
async def test_the_bridge_pushes_as_the_example_shows(name: str) -> None:
    """Bob has the conversation on his screen."""
    async with stage() as s:
        asked = PUSHES_BY_NAME[name].capability
        bob = await s.enter("bob", *([] if asked is None else [asked]))
        await bob.ask("join_conversation", conversationId=TALK)
        await CAUSES[name](s)
        await bob.settle()
        pushed = [frame for frame in bob.frames if frame.type == name]
        assert pushed, f"what causes.py does brings bob no {name}"
        s.transcript().compare(EXAMPLES[name][0].answer, text_of(pushed[0]))


async def test_an_answer_that_is_not_as_shown_is_noticed() -> None:
    """The tests above can fail."""
    [example] = EXAMPLES["join_conversation"]
    wrong = Example(title="", command=example.command, answer=example.answer.replace("joined", "left"))
    async with stage() as s:
        with pytest.raises(Differs, match=r"\$\.type: 'conversation_joined' instead of 'conversation_left'"):
            await play(wrong, await s.enter("bob"), s)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ping\n> {}\n< {}", "a heading like"),
        ("ping: x\n> {}", "ping is not one answer"),
        ("ping: x\n> {}\n> {}\n< {}", "ping is not one answer"),
        ("ping: x\n< {}\n< {}", "ping is not one answer"),
        ("ping: x\nnoise\n< {}", "ping is not one answer"),
    ],
)
def test_a_block_that_is_no_example_is_refused(text: str, complaint: str) -> None:
    """At import, with its name."""
    with pytest.raises(ValueError, match=complaint):
        read_examples(text)
