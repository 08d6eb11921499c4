"""Frames written down against frames of the wire: ids, times, codes and tokens are placeholders, the rest is literal.

A uuid written down stands for the same actual one wherever it occurs. `"…"` at the end of a list or as a field stands
for further elements or fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

REST: Final = "…"
_PLACEHOLDER: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9A-F]{8}\b")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|\+00:00)")


class Differs(AssertionError):
    """A frame is not as written; the text says where."""


class Transcript:
    """What the placeholders of a written conversation stand for, learnt frame by frame."""

    def __init__(self, known: Iterable[str] = (), tokens: Mapping[str, str] | None = None) -> None:
        self._actual = {one: one for one in known}
        self._tokens = dict(tokens or {})

    def spoken(self, written: str) -> str:
        """Return a command to be sent as it is written; an id not heard of yet is meant literally."""
        text = _PLACEHOLDER.sub(lambda found: self._actual.setdefault(found[0], found[0]), written)
        for placeholder, token in self._tokens.items():
            text = text.replace(placeholder, token)
        return text

    def compare(self, written: str, actual: str) -> None:
        """See that a frame is as written, and learn what its placeholders stand for.

        Raises:
            Differs: it is not.

        """
        self._compare(json.loads(written), json.loads(actual), "$")

    def _compare(self, written: Any, actual: Any, path: str) -> None:
        if isinstance(written, dict) and isinstance(actual, dict):
            self._compare_fields(written, actual, path)
        elif isinstance(written, list) and isinstance(actual, list):
            self._compare_elements(written, actual, path)
        elif isinstance(written, str) and isinstance(actual, str):
            self._compare_texts(written, actual, path)
        elif written != actual or type(written) is not type(actual):
            raise Differs(f"{path}: {actual!r} instead of {written!r}")

    def _compare_fields(self, written: dict[str, Any], actual: dict[str, Any], path: str) -> None:
        named = written.keys() - {REST}
        if not named <= actual.keys() or (REST not in written and named != actual.keys()):
            raise Differs(f"{path}: fields {sorted(actual)} instead of {sorted(written)}")
        for name in written:
            if name != REST:
                self._compare(written[name], actual[name], f"{path}.{name}")

    def _compare_elements(self, written: list[Any], actual: list[Any], path: str) -> None:
        if written[-1:] == [REST]:
            for one in written[:-1]:
                self._find(one, actual, path)
            return
        if len(written) != len(actual):
            raise Differs(f"{path}: {len(actual)} elements instead of {len(written)}")
        for number, pair in enumerate(zip(written, actual, strict=True)):
            self._compare(*pair, f"{path}[{number}]")

    def _find(self, written: Any, actual: list[Any], path: str) -> None:
        """Compare with whichever element is as written."""
        for one in actual:
            before = dict(self._actual)
            try:
                self._compare(written, one, path)
            except Differs:
                self._actual = before
            else:
                return
        raise Differs(f"{path}: no element like {written!r}")

    def _compare_texts(self, written: str, actual: str, path: str) -> None:
        if _TIME.fullmatch(written):
            is_same = bool(_TIME.fullmatch(actual)) and written.endswith("Z") == actual.endswith("Z")
        elif _PLACEHOLDER.fullmatch(written):
            is_same = self._stands_for(written, actual)
        else:
            is_same = written == actual
        if not is_same:
            raise Differs(f"{path}: {actual!r} instead of {written!r}")

    def _stands_for(self, written: str, actual: str) -> bool:
        """Bind a placeholder, one actual id to one written; it must look alike."""
        if written not in self._actual and actual in self._actual.values():
            return False
        is_alike = len(written) == len(actual) and bool(_PLACEHOLDER.fullmatch(actual))
        return is_alike and self._actual.setdefault(written, actual) == actual
