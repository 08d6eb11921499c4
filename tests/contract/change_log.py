"""What every adapter promises about the change log, where a database has one.

An adapter's test module gives a fixture `scribe`; without others who write meanwhile, or who hold it up.
"""

from __future__ import annotations

import uuid
from typing import Protocol

from bridge.change_log import LogEntry, Mark, Operation, mark_of
from bridge.store.change_log import ChangeLog


class Scribe(Protocol):
    """Something that is recorded."""

    @property
    def log(self) -> ChangeLog:
        """Return the adapter."""
        ...

    async def deed(self) -> tuple[str, str]:
        """Delete a message of a new conversation; return both ids."""
        ...

    async def said(self) -> tuple[str, str, str]:
        """Let somebody write into a new conversation; return the message's id, a member's and a stranger's."""
        ...

    async def canary(self, row_id: str) -> int | None:
        """Return the number in the row of a bridge; None without one."""
        ...

    async def age(self) -> None:
        """Let everything in the log become old enough to be pruned."""
        ...


async def read_on(log: ChangeLog, place: str | None, *, limit: int = 100) -> tuple[list[LogEntry], str]:
    """Return everything after a place, and the end."""
    found: list[LogEntry] = []
    while True:
        page = await log.read(place, limit=limit)
        assert page is not None
        assert page.is_gapless
        assert len(page.entries) <= limit
        found += page.entries
        place = page.end
        if page.is_last:
            return found, place


async def end_of(log: ChangeLog) -> str:
    """Return where the log ends now."""
    page = await log.read(None, limit=10)
    assert page is not None
    assert (page.entries, page.is_gapless, page.is_last) == ((), True, True)
    return page.end


class ChangeLogContract:
    """Reading on, page by page, and what is no longer there."""

    async def test_what_was_recorded_after_a_place_is_read_once(self, scribe: Scribe) -> None:
        """With what finds a deleted row again."""
        assert scribe.log.available
        place = await end_of(scribe.log)
        message_id, conversation_id = await scribe.deed()
        entries, place = await read_on(scribe.log, place)
        deletions = [one for one in entries if one.operation is Operation.DELETE]
        assert [(one.table, one.row_id, one.conversation_id) for one in deletions] == [
            ("messages", message_id, conversation_id)
        ]
        assert await read_on(scribe.log, place) == ([], await end_of(scribe.log))

    async def test_pages_follow_one_another(self, scribe: Scribe) -> None:
        """Whatever their size."""
        place = await end_of(scribe.log)
        for _ in range(3):
            await scribe.deed()
        whole, _ = await read_on(scribe.log, place)
        for limit in (1, 2, len(whole)):
            assert (await read_on(scribe.log, place, limit=limit))[0] == whole

    async def test_whoever_has_not_read_what_was_pruned_has_a_gap(self, scribe: Scribe) -> None:
        """And goes on from the end."""
        behind = await end_of(scribe.log)
        await scribe.deed()
        ahead = await end_of(scribe.log)
        await scribe.age()
        while not await scribe.log.prune():
            pass
        page = await scribe.log.read(behind, limit=100)
        assert page is not None
        assert (page.is_gapless, page.entries, page.is_last) == (False, (), True)
        assert await read_on(scribe.log, page.end) == ([], page.end)
        assert await read_on(scribe.log, ahead) == ([], page.end)

    async def test_what_concerns_somebody_since_a_mark_is_found(self, scribe: Scribe) -> None:
        """In conversations that they are in; of whatever else, their own participant rows."""
        mark = mark_of(await end_of(scribe.log))
        assert mark is not None
        message_id, member, stranger = await scribe.said()
        for person, found in ((member, [message_id]), (stranger, [])):
            entries = await scribe.log.missed(mark, [person], limit=100)
            assert entries is not None
            assert [one.row_id for one in entries if one.table == "messages"] == found
        assert await scribe.log.missed(mark, [member], limit=0) is None
        assert await scribe.log.missed(Mark(mark.xid, mark.check ^ 1), [member], limit=100) is None
        later = mark_of(await end_of(scribe.log))
        assert later is not None
        assert await scribe.log.missed(later, [member], limit=100) == []

    async def test_what_was_pruned_is_not_known_completely(self, scribe: Scribe) -> None:
        """To whoever is further back."""
        behind = mark_of(await end_of(scribe.log))
        _, member, _ = await scribe.said()
        ahead = mark_of(await end_of(scribe.log))
        assert behind is not None
        assert ahead is not None
        await scribe.age()
        while not await scribe.log.prune():
            pass
        assert await scribe.log.missed(behind, [member], limit=100) is None
        assert await scribe.log.missed(ahead, [member], limit=100) == []

    async def test_the_canary_has_the_last_number(self, scribe: Scribe) -> None:
        """A row for each bridge."""
        mine, other = str(uuid.uuid4()), str(uuid.uuid4())
        for row_id, beat in ((mine, 1), (other, 7), (mine, 2)):
            await scribe.log.touch_canary(row_id, beat)
        assert [await scribe.canary(one) for one in (mine, other, str(uuid.uuid4()))] == [2, 7, None]
