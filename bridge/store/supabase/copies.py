"""The sealed copies of the port, through PostgREST."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from supabase import AsyncClient

from bridge.content import printed_copy, read_copy
from bridge.errors import StoreRefused
from bridge.models import Identity, Message, MessageId, UserId
from bridge.schema import Dialect
from bridge.sealed import Copies, lacking, opened
from bridge.store.supabase.query import in_chunks, rows
from bridge.tables import moment

_TABLE = "message_recipients"
_UNDEFINED_TABLE = "42P01"


class _CopyRecord(Struct, frozen=True):
    message_id: MessageId
    recipient_user_id: UserId
    encrypted_content: str | None
    expires_at: str | None

    def is_expired(self, now: datetime) -> bool:
        expires_at = moment(self.expires_at)
        return expires_at is not None and expires_at <= now


class SupabaseCopies:
    """Sealed copies; see the port."""

    def __init__(self, client: AsyncClient, dialect: Dialect) -> None:
        self._client = client
        self._dialect = dialect

    @property
    def available(self) -> bool:
        """See the port."""
        return self._dialect.schema.copies is not None

    async def of(self, ids: Collection[MessageId], now: datetime) -> Copies:
        """See the port."""
        return self._by_message([one for one in await self._read(ids, ()) if not one.is_expired(now)])

    async def seal(self, message_id: MessageId, copies: Mapping[UserId, str]) -> None:
        """See the port. One statement for all of them."""
        column = self._dialect.schema.copies
        if column is None:
            raise StoreRefused(_UNDEFINED_TABLE)
        sealed = [
            {"message_id": message_id, "recipient_user_id": user_id, "encrypted_content": printed_copy(copy, column)}
            for user_id, copy in copies.items()
        ]
        query = self._client.table(_TABLE).upsert(
            sealed, on_conflict="message_id,recipient_user_id", ignore_duplicates=True
        )
        await rows(query, dict[str, object], repeatable=True)

    async def opened(self, page: Sequence[Message], viewer: Identity, now: datetime) -> Sequence[Message]:
        """Return the messages with the viewer's copies, without those whose copy is expired.

        A left join of our own (contract F46), with no question where nothing is sealed: embeds three levels deep are
        not everywhere filtered, and unfiltered they would bring everybody's copies.
        """
        ids = dict.fromkeys(one for message in page for one in lacking(message))
        found = await self._read(ids, sorted(viewer.ids)) if ids else []
        expired = {one.message_id for one in found if one.is_expired(now)}
        copies = self._by_message([one for one in found if one.message_id not in expired])
        return [opened(message, copies, viewer) for message in page if message.id not in expired]

    async def _read(self, ids: Collection[MessageId], recipients: Sequence[str]) -> list[_CopyRecord]:
        """Read copies; of everybody where no recipient is named."""
        found: list[_CopyRecord] = []
        if not self.available:
            return found
        for chunk in in_chunks(sorted(ids)):
            query = (
                self._client.table(_TABLE)
                .select("message_id,recipient_user_id,encrypted_content,expires_at")
                .in_("message_id", chunk)
            )
            found += await rows(query.in_("recipient_user_id", recipients) if recipients else query, _CopyRecord)
        return found

    def _by_message(self, records: Sequence[_CopyRecord]) -> Copies:
        column = self._dialect.schema.copies
        copies: dict[MessageId, dict[UserId, str]] = {}
        for one in records:
            if column is not None and one.encrypted_content:
                text = read_copy(one.encrypted_content, column)
                copies.setdefault(one.message_id, {})[one.recipient_user_id] = text
        return copies
