"""The tables through PostgREST: supabase-py over one shared HTTP client, with the secret key.

Queries use only what is right on a real PostgREST 16 and on the sandbox's Data API alike, and none of the app's own
functions (contract F41). Nothing here filters by rights: the actions have done that.
"""

from __future__ import annotations

import httpx
import structlog
from msgspec.structs import asdict
from supabase import AsyncClient, AsyncClientOptions

from bridge.schema import Dialect, Schema
from bridge.store.supabase.accounts import SupabaseAccounts
from bridge.store.supabase.change_log import SupabaseChangeLog
from bridge.store.supabase.conversations import SupabaseConversations
from bridge.store.supabase.copies import SupabaseCopies
from bridge.store.supabase.detection import detect
from bridge.store.supabase.groups import SupabaseGroups
from bridge.store.supabase.messages import SupabaseMessages
from bridge.store.supabase.participants import SupabaseParticipants
from bridge.store.supabase.presence import SupabasePresence
from bridge.store.supabase.receipts import SupabaseReceipts
from bridge.store.supabase.traits import SupabaseTraits
from bridge.store.supabase.typing import SupabaseTyping
from bridge.store.supabase.usage import SupabaseUsage
from bridge.store.supabase.users import SupabaseUsers

log = structlog.get_logger(__name__)


class SupabaseStore:
    """The nouns of the port over one PostgREST."""

    def __init__(self, *, url: str, key: str, http: httpx.AsyncClient) -> None:
        options = AsyncClientOptions(httpx_client=http, persist_session=False, auto_refresh_token=False)
        self._client = AsyncClient(url, key, options)
        self._client.postgrest.retry_enabled = False  # see bridge.store.supabase.attempts
        self.dialect = Dialect()
        self.copies = SupabaseCopies(self._client, self.dialect)
        self.users = SupabaseUsers(self._client)
        self.conversations = SupabaseConversations(self._client, self.dialect, self.copies)
        self.traits = SupabaseTraits(self._client)
        self.participants = SupabaseParticipants(self._client, self.dialect)
        self.accounts = SupabaseAccounts(self._client)
        self.messages = SupabaseMessages(self._client, self.dialect, self.copies)
        self.receipts = SupabaseReceipts(self._client)
        self.groups = SupabaseGroups(self._client)
        self.typing = SupabaseTyping(self._client)
        self.presence = SupabasePresence(self._client)
        self.change_log = SupabaseChangeLog(self._client, self.dialect)
        self.usage = SupabaseUsage(self._client, self.dialect)

    @property
    def schema(self) -> Schema:
        """See the port."""
        return self.dialect.schema

    async def check(self) -> None:
        """See the port."""
        schema = await detect(self._client)
        if schema != self.dialect.schema:
            log.info("store.schema", **{name: str(value) for name, value in asdict(schema).items()})
        self.dialect.schema = schema

    async def close(self) -> None:
        """Keep the shared HTTP client open: whoever made it closes it."""
