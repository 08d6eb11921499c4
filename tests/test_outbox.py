"""What waits for one socket: in order, bounded, and never waited for."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import CloseCode, Disconnect
from bridge.outbox import Outbox
from tests.gated import Gate

RESTART = Disconnect(CloseCode.SERVICE_RESTART, "service restart")


class Socket:
    """The far end, with a gate for a peer that does not read."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.gate: Gate | None = None

    async def send(self, frame: str) -> None:
        """Take a frame, when the peer reads."""
        if self.gate is not None:
            await self.gate()
        self.sent.append(frame)


def outbox(*, max_frames: int = 100, max_bytes: int = 1000) -> Outbox:
    """Return an empty outbox."""
    return Outbox(max_frames=max_frames, max_bytes=max_bytes)


class Through:
    """A fast path into the same far end, which at times cannot take a frame at once."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self.is_free = True

    def __call__(self, frame: str) -> bool:
        """Take a frame now, or not."""
        if self.is_free:
            self._socket.sent.append(frame)
        return self.is_free


async def written(box: Outbox) -> list[str]:
    """End the outbox and return what still goes out."""
    socket = Socket()
    box.disconnect(RESTART)
    await box.write(socket.send)
    return socket.sent


async def test_frames_go_out_in_order() -> None:
    """Those queued before the writer began, and those queued while it waits."""
    box, socket = outbox(), Socket()
    box.put("1")
    box.put("2")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(box.write(socket.send))
        await asyncio.sleep(0)
        box.put("3")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert socket.sent == ["1", "2", "3"]
        box.put("4")
        box.disconnect(RESTART)
    assert socket.sent == ["1", "2", "3", "4"]


@given(st.lists(st.text(max_size=5), max_size=50))
async def test_nothing_is_lost_or_doubled(frames: list[str]) -> None:
    """Whatever is put within the limits arrives, in order."""
    box = outbox()
    for frame in frames:
        box.put(frame)
    assert await written(box) == frames


async def test_the_end_comes_after_what_is_queued() -> None:
    """A refusal reaches the client before the close; nothing follows it."""
    box = outbox()
    box.put("last words")
    assert not box.is_closing
    box.disconnect(RESTART)
    assert box.is_closing
    box.put("too late")
    assert await written(box) == ["last words"]


async def test_only_the_first_reason_counts() -> None:
    """A socket closes once."""
    box = outbox()
    box.disconnect(RESTART)
    box.disconnect(Disconnect(CloseCode.TOO_SLOW, "too slow"))
    assert await box.closing() is RESTART


async def test_closing_waits_for_the_end() -> None:
    """Whoever owns the socket waits here."""
    box = outbox()
    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(box.closing())
        await asyncio.sleep(0)
        assert not closing.done()
        box.disconnect(RESTART)
    assert closing.result() is RESTART


async def test_too_many_frames_end_the_connection() -> None:
    """A client that does not read is not silently robbed: what waits is dropped with the connection (contract F34)."""
    box = outbox(max_frames=3)
    for number in range(3):
        box.put(str(number))
    assert not box.is_closing
    box.put("one too many")
    assert (await box.closing()).code is CloseCode.TOO_SLOW
    assert await written(box) == []


async def test_too_much_text_ends_the_connection() -> None:
    """Counted in characters waiting."""
    box = outbox(max_bytes=10)
    box.put("12345")
    box.put("67890")
    assert not box.is_closing
    box.put("1")
    assert (await box.closing()).code is CloseCode.TOO_SLOW
    assert await written(box) == []


async def test_one_large_frame_does_not_make_a_client_slow() -> None:
    """A page of long messages may exceed the limit by itself; it is what waits before it that tells a slow client."""
    box = outbox(max_bytes=10)
    box.put("x" * 100)
    assert await written(box) == ["x" * 100]


async def test_behind_a_large_frame_nothing_more_is_taken() -> None:
    """So the memory of one socket is the limit and one frame."""
    box = outbox(max_bytes=10)
    box.put("x" * 100)
    box.put("1")
    assert (await box.closing()).code is CloseCode.TOO_SLOW


async def test_what_was_sent_no_longer_counts() -> None:
    """A client that reads may receive any amount."""
    box, socket = outbox(max_frames=2, max_bytes=4), Socket()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(box.write(socket.send))
        for _ in range(100):
            box.put("12")
            box.put("34")
            await asyncio.sleep(0)
        assert not box.is_closing
        box.disconnect(RESTART)
    assert len(socket.sent) == 200


async def test_the_frame_being_sent_still_goes_when_the_rest_is_dropped() -> None:
    """The writer ends after it."""
    box, socket = outbox(max_frames=1), Socket()
    socket.gate = Gate()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(box.write(socket.send))
        box.put("on its way")
        await socket.gate.reached()
        box.put("waiting")
        box.put("one too many")
        socket.gate.open()
    assert socket.sent == ["on its way"]


async def test_an_error_of_the_socket_ends_the_writer() -> None:
    """Its owner hears of it."""
    box = outbox()
    box.put("1")

    async def send(_: str) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await box.write(send)


async def test_an_end_without_reason_is_a_bug() -> None:
    """It cannot happen; if it did, it would be seen."""
    box = outbox()
    box._closing.set()
    with pytest.raises(AssertionError, match="without a reason"):
        await box.closing()


async def test_a_frame_goes_out_where_it_is_put_if_nothing_is_before_it() -> None:
    """No task has to have its turn first."""
    box, socket = outbox(), Socket()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(box.write(socket.send, Through(socket)))
        box.put("queued before the writer begins")
        await asyncio.sleep(0)
        box.put("at once")
        assert socket.sent == ["queued before the writer begins", "at once"]
        box.disconnect(RESTART)
        box.put("too late")
    assert socket.sent == ["queued before the writer begins", "at once"]


async def test_a_frame_waits_behind_one_that_has_to_wait() -> None:
    """Also while the writer has it in its hands, and though there would be a way past it."""
    box, socket = outbox(), Socket()
    through, socket.gate = Through(socket), Gate()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(box.write(socket.send, through))
        await asyncio.sleep(0)
        through.is_free = False
        box.put("has to wait")
        through.is_free = True
        box.put("behind it in the queue")
        await socket.gate.reached()
        box.put("behind it, though the queue is shorter by now")
        assert socket.sent == []
        socket.gate.open()
        await asyncio.sleep(0)
        box.disconnect(RESTART)
    assert socket.sent == ["has to wait", "behind it in the queue", "behind it, though the queue is shorter by now"]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
async def test_whichever_way_frames_go_they_stay_in_order(steps: list[tuple[bool, bool]]) -> None:
    """With a fast path that is free or not, and a writer that has its turn now and then."""
    box, socket = outbox(), Socket()
    through = Through(socket)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(box.write(socket.send, through))
        for number, (is_free, has_turn) in enumerate(steps):
            through.is_free = is_free
            box.put(str(number))
            if has_turn:
                await asyncio.sleep(0)
        box.disconnect(RESTART)
    assert socket.sent == [str(number) for number in range(len(steps))]
