"""Who talks to which bridge: sample people, files, variables, and sentences for what is missing."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from bridge.chat import add_arguments, main
from bridge.chat.sign_in import DEFAULT_URL, SignIn, SignInError, Wish, sign_in
from bridge.client import NoToken

PEOPLE = {"alice": {"token": "a-token"}, "bob": {"token": "b-token"}}


def sandbox(directory: Path, *, url: str = "ws://127.0.0.1:9/ws", people: object = PEOPLE) -> Path:
    """Leave what scripts/run leaves."""
    path = directory / ".sandbox" / "session.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"bridge_url": url, "people": people}))
    return path


def seen(who: SignIn) -> tuple[str, str]:
    """Return address and token."""
    return who.url(), who.token()


def test_a_sample_person_of_the_sandbox(tmp_path: Path) -> None:
    """--as finds address and token in the project, from any directory below it."""
    sandbox(tmp_path)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert seen(sign_in(Wish(person="bob"), below)) == ("ws://127.0.0.1:9/ws", "b-token")
    assert seen(sign_in(Wish(person="bob", url="ws://127.0.0.1:7"), below)) == ("ws://127.0.0.1:7", "b-token")


def test_a_restarted_sandbox_is_found(tmp_path: Path) -> None:
    """Address and token are read again; while the sandbox is down the last ones stay."""
    path = sandbox(tmp_path)
    who = sign_in(Wish(person="bob"), tmp_path)
    sandbox(tmp_path, url="ws://127.0.0.1:5/ws", people={"bob": {"token": "new"}})
    assert seen(who) == ("ws://127.0.0.1:5/ws", "new")
    path.unlink()
    assert seen(who) == ("ws://127.0.0.1:5/ws", "new")
    sandbox(tmp_path, people={})
    assert seen(who) == ("ws://127.0.0.1:5/ws", "new")


def test_a_token_file_is_read_for_each_login(tmp_path: Path) -> None:
    """A renewed token in the file is used; a file that is gone is said to be."""
    file = tmp_path / "token"
    file.write_text("one\n")
    who = sign_in(Wish(token_file=file, url="wss://chat.example/ws"), tmp_path)
    assert seen(who) == ("wss://chat.example/ws", "one")
    file.write_text("two")
    assert who.token() == "two"
    file.unlink()
    with pytest.raises(NoToken, match="cannot be read"):
        who.token()


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"\xff", "holds no token")])
def test_a_file_without_a_token(tmp_path: Path, content: bytes, words: str) -> None:
    """A file with nothing usable is refused at once."""
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(NoToken, match=words):
        sign_in(Wish(token_file=file), tmp_path)


def test_a_token_given_or_in_the_environment(tmp_path: Path) -> None:
    """The argument wins over the variable; the address is the sandbox's, or the usual one."""
    assert seen(sign_in(Wish(token="t", environment_token="e"), tmp_path)) == (DEFAULT_URL, "t")
    assert seen(sign_in(Wish(environment_token="e"), tmp_path)) == (DEFAULT_URL, "e")
    sandbox(tmp_path)
    assert seen(sign_in(Wish(environment_token="e"), tmp_path)) == ("ws://127.0.0.1:9/ws", "e")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(person="zoe"), "nobody called zoe; it has alice, bob"),
        (Wish(), r"Say who you are: --as NAME \(alice, bob\)"),
        (Wish(token="t", url="http://x"), "must begin with ws:// or wss://"),
    ],
)
def test_what_is_missing_is_one_sentence(tmp_path: Path, wish: Wish, words: str) -> None:
    """With a sandbox, its people are named."""
    sandbox(tmp_path)
    with pytest.raises(SignInError, match=words):
        sign_in(wish, tmp_path)


def test_without_a_sandbox(tmp_path: Path) -> None:
    """Without a sandbox the sentence says how to start one."""
    with pytest.raises(SignInError, match="start scripts/run first"):
        sign_in(Wish(person="bob"), tmp_path)
    with pytest.raises(SignInError, match="BRIDGE_TOKEN"):
        sign_in(Wish(), tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"bridge_url": 1}', '{"bridge_url": "ws://x", "people": {"bob": {}}}'])
def test_a_session_file_of_another_shape(tmp_path: Path, content: str) -> None:
    """A broken file is named."""
    sandbox(tmp_path).write_text(content)
    with pytest.raises(SignInError, match=r"session\.json is not what scripts/run writes"):
        sign_in(Wish(person="bob"), tmp_path)


def test_the_program_ends_with_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When it is not clear who is to talk, a sentence goes to standard error and nothing is connected."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BRIDGE_TOKEN", raising=False)
    assert main(_arguments("--as", "bob")) == 2
    assert main(_arguments("--token-file", "nowhere")) == 2
    told = capsys.readouterr()
    assert told.out == ""
    first, second = told.err.splitlines()
    assert first.startswith("chat: --as bob needs the sandbox, and there is no .sandbox/session.json here or above")
    assert second == "chat: nowhere cannot be read: No such file or directory."


def test_two_ways_to_say_who_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody can be two people at once."""
    with pytest.raises(SystemExit):
        _arguments("--as", "bob", "--token", "x")
    assert "not allowed with" in capsys.readouterr().err


def _arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(given)
