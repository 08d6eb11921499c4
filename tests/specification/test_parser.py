"""The official AsyncAPI parser reads the document and has nothing against it; installed when this file asks for it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.specification import specification
from bridge.specification.commands import COMMANDS
from bridge.specification.messages import PUSHES_BY_NAME
from scripts.sandbox.npm import Packages, ensure_node_packages, node_command

PARSER: Final = Packages(folder=Path(__file__).parent / "node", megabytes=55)
PARSER_SECONDS: Final = 120

# 3.1 adds nothing that this document needs, and fewer tools read it.
ACCEPTED: Final = {"asyncapi-latest-version"}

DOCUMENT: Final = json.dumps(specification(), separators=(",", ":"))
WRONG: Final = {
    "no schema": ('"const":"pong"', '"const":"pong","type":"nonsense"'),
    "no such message": ('{"$ref":"#/components/messages/pong"}', '{"$ref":"#/components/messages/nowhere"}'),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Any]:
    """Let one run of the parser read the document, and what it would be if something were wrong."""
    asyncio.run(ensure_node_packages(print, PARSER))
    documents = {"": DOCUMENT, **{name: DOCUMENT.replace(*change) for name, change in WRONG.items()}}
    told = subprocess.run(
        node_command("parse.mjs", packages=PARSER),
        input=json.dumps([*documents.values()]).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=PARSER_SECONDS,
    ).stdout
    return dict(zip(documents, json.loads(told), strict=True))


def test_the_parser_accepts_the_document(verdicts: dict[str, Any]) -> None:
    """Every schema is one, every reference leads somewhere; not even a hint."""
    found = verdicts[""]
    assert [one for one in found["diagnostics"] if one["code"] not in ACCEPTED] == []
    assert found["operations"] == len(COMMANDS) + len(PUSHES_BY_NAME) + 1


@pytest.mark.parametrize("name", WRONG)
def test_the_parser_sees_what_is_wrong(verdicts: dict[str, Any], name: str) -> None:
    """The test above can fail."""
    assert WRONG[name][0] in DOCUMENT
    assert any(one["severity"] == 0 for one in verdicts[name]["diagnostics"])
