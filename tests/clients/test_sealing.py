"""A copy is opened by whom it was sealed for, and by nobody else."""

from __future__ import annotations

import json

import pytest

from scripts.sandbox.sample_sealed import sealed_copy
from tests.clients.sealing import Keys, KeyServer, NotForUs

TEXT = "back\\slash ☺ {}"


def test_only_the_recipient_opens_a_copy() -> None:
    """Whatever it says."""
    server = KeyServer()
    ann, bob = Keys(server, "ann"), Keys(server, "bob")
    copy = ann.seal(TEXT, "bob")
    assert TEXT not in copy
    assert bob.open(copy) == TEXT
    with pytest.raises(NotForUs):
        ann.open(copy)


@pytest.mark.parametrize("text", ["", "hello", '{"type":"Buffer","data":[]}', "7", "null", '{"v":3}'])
def test_what_is_no_copy_is_not_opened(text: str) -> None:
    """Plain text, above all."""
    with pytest.raises(NotForUs):
        Keys(KeyServer(), "ann").open(text)


def test_copies_look_like_the_sandboxs() -> None:
    """The same fields, as large."""
    ours = json.loads(Keys(KeyServer(), "ann").seal("x", "bob"))
    theirs = json.loads(sealed_copy("m", "bob"))
    assert ours.keys() == theirs.keys() == {"v", "alg", "kem", "s", "n", "c", "t"}
    assert [len(ours[name]) for name in ("kem", "s", "n")] == [len(theirs[name]) for name in ("kem", "s", "n")]
    assert (ours["v"], ours["alg"]) == (theirs["v"], theirs["alg"])
