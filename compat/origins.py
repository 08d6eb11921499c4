"""Whether a request that changes something, and is known by a cookie only, comes from a page of ours.

Browsers attach cookies to what other sites' pages send; SameSite=Lax stops most of it, but not sister domains
(supabase.md 1.4). Programs send neither header and have no pages that could be tricked.
"""

from __future__ import annotations

from collections.abc import Set

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})  # none: the address bar


def comes_from_own_page(*, origin: str | None, fetch_site: str | None, host: str, trusted: Set[str]) -> bool:
    """Judge by the headers Origin, Sec-Fetch-Site and Host; `trusted` are origins that count as ours.

    Sec-Fetch-Site is believed before Host, which a proxy may have replaced: no page can set either.
    """
    if origin is not None and origin in trusted:
        return True
    if fetch_site is not None:
        return fetch_site in _OWN_SITES
    if origin is None:
        return True
    authority = origin.lower().partition("://")[2]
    return bool(authority) and authority == host.lower()
