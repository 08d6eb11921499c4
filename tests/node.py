"""A script of scripts/sandbox/node as a child process that answers one JSON line with one JSON line."""

from __future__ import annotations

import json
import subprocess
from itertools import count
from typing import Any

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.npm import node_command


class NodeScript:
    """Runs until `close`; the script gets the sandbox's address and publishable key."""

    def __init__(self, script: str, sandbox: SandboxAddress) -> None:
        self._process = subprocess.Popen(
            node_command(script, sandbox.url, sandbox.publishable_key),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._numbers = count()

    def ask(self, line: dict[str, object]) -> dict[str, Any]:
        """Pass one line in and take one line out."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        number = next(self._numbers)
        self._process.stdin.write(json.dumps({"id": number, **line}).encode() + b"\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert told["id"] == number
        return told

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)
