"""The counts read from wherever bridges with the same settings keep them, whether or not one runs."""

from __future__ import annotations

from datetime import date

from bridge.app import supabase_store
from bridge.auth_server import http_client
from bridge.clock import SystemClock
from bridge.errors import SchemaUnusable, StoreError
from bridge.measures import Measures
from bridge.settings import Settings, load_settings
from bridge.settings.usage import load_usage_places
from bridge.tracing import NoTracing
from bridge.usage import UsageUnavailable
from bridge.usage.reading import UsageRead, read_usage, read_usage_file


async def read_wherever_kept(since: date) -> UsageRead | None:
    """Read the counts from that day on; None if the settings name no place.

    Raises:
        ConfigError: a setting is missing or unusable.
        UsageUnavailable: the counts cannot be read.

    """
    places = load_usage_places()
    if places.usage == "auto" and places.supabase_url:
        read = await _read_from_database(load_settings(), since)
        if read is not None:
            return read
    if places.usage_file and places.usage != "off":
        return await read_usage_file(places.usage_file, since)
    return None


async def _read_from_database(settings: Settings, since: date) -> UsageRead | None:
    async with http_client(settings, Measures(), NoTracing(), SystemClock()) as http:
        store = supabase_store(settings, http)
        try:
            await store.check()
        except (StoreError, SchemaUnusable) as error:
            raise UsageUnavailable(str(error)) from error
        return await read_usage(store.usage, since) if store.usage.available else None
