"""Whatever comes as a frame gets one answer, and the connection stays usable."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.trying import thoroughly, tried
from tests.people import ROOM, B
from tests.world import world

GOOD = json.dumps(
    {
        "type": "send_message",
        "payload": {"conversationId": ROOM, "content": "hello", "metadata": {"a": [1, None, "\u00e9"]}},
        "requestId": "r",
        "timestamp": "2026-11-26T09:30:00Z",
    }
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Return a good frame with a piece cut out, put in or said twice."""
    start = draw(st.integers(0, len(GOOD)))
    end = draw(st.integers(start, min(len(GOOD), start + 20)))
    instead = draw(st.text(max_size=5) | st.just(GOOD[start:end] * 2) | st.sampled_from('"{}[]:,\\'))
    return GOOD[:start] + instead + GOOD[end:]


frames: st.SearchStrategy[object] = (
    damaged()
    | st.text()
    | st.binary()
    | st.none()
    | json_values.map(json.dumps)
    | st.text(max_size=3).map(GOOD.__add__)
)


@given(st.lists(frames, min_size=1, max_size=20))
@thoroughly
async def test_every_frame_is_answered_once(sent: list[object]) -> None:
    """By an error, or by whatever a damaged frame still means; then a good command works."""
    async with world() as w:
        client = await w.signed_in(B)
        before = len(client.frames)
        for frame in sent:
            client.send_text(frame)
        loaded: Any = await client.ask("load_messages", conversationId=ROOM)
        assert loaded.type == "messages_loaded"
        answers = [frame for frame in client.frames[before:] if frame.type != "message_received"]
        assert len(answers) == len(sent) + 1
    tried["frames"] += len(sent)
