"""The recorded exchanges with a real Realtime server, and what must be made equal before comparing with them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

Json = dict[str, object]
FILE = Path(__file__).with_name("recorded") / "frames.jsonl"
_DIGIT = re.compile(r"\d")
_EXPIRED = re.compile(r"has expired \d+ seconds")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded frame."""

    by_client: bool
    frame: Json

    @property
    def topic(self) -> str:
        """Return the topic."""
        return str(self.frame["topic"])

    @property
    def event(self) -> str:
        """Return the event."""
        return str(self.frame["event"])

    @property
    def payload(self) -> Json:
        """Return the payload."""
        return cast("Json", self.frame["payload"])

    @property
    def change(self) -> Json:
        """Return the `data` of a change event."""
        return cast("Json", self.payload["data"])


def recorded_frames() -> list[Recorded]:
    """Return all frames in order."""
    lines = (json.loads(line) for line in FILE.read_text().splitlines())
    return [Recorded(line["dir"] == "client", line["frame"]) for line in lines]


class Normaliser:
    """Gives what no two runs share a name that they do: ids after their binding, phx_refs after their key."""

    def __init__(self) -> None:
        self._names: dict[object, str] = {}

    def learn(self, frames: Iterable[Mapping[str, object]]) -> None:
        """Take the names from join replies and presence joins."""
        for frame in frames:
            payload = cast("Json", frame["payload"])
            response = payload.get("response")
            if isinstance(response, dict):
                for binding in response.get("postgres_changes", ()):
                    asked = {key: value for key, value in binding.items() if key != "id"}
                    self._names[binding["id"]] = json.dumps(asked, sort_keys=True)
            if frame["event"] == "presence_diff":
                for key, entry in cast("dict[str, dict[str, list[Json]]]", payload["joins"]).items():
                    self._names[entry["metas"][0]["phx_ref"]] = f"ref of {key}"

    def frame(self, frame: Mapping[str, object]) -> Json:
        """Return a frame that compares."""
        return cast("Json", self._value(frame, ""))

    def _value(self, value: object, field: str) -> object:
        if isinstance(value, dict):
            return {key: self._value(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, field) for each in value]
        if field in ("id", "ids", "phx_ref"):
            return self._names.get(value, value)
        if field == "commit_timestamp":
            return _DIGIT.sub("0", str(value))
        return _EXPIRED.sub("has expired 0 seconds", value) if isinstance(value, str) else value


def is_interleaving(whole: Sequence[object], parts: Sequence[Sequence[object]]) -> bool:
    """Tell whether the recorded sequence can be what several clients received, each in its own order."""

    @cache
    def possible(taken: tuple[int, ...]) -> bool:
        at = sum(taken)
        if at == len(whole):
            return True
        return any(
            possible((*taken[:number], taken[number] + 1, *taken[number + 1 :]))
            for number, part in enumerate(parts)
            if taken[number] < len(part) and part[taken[number]] == whole[at]
        )

    return sum(map(len, parts)) == len(whole) and possible((0,) * len(parts))
