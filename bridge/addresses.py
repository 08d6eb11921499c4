"""From which address somebody comes: the peer's, or what trusted proxies say of it (contract F14)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ONE_IPV6_CUSTOMER: Final = 64
"""Bits of an IPv6 address that say whose it is; the rest is chosen by each device, as often as it likes."""


def read_networks(listed: str) -> tuple[Network, ...]:
    """Read addresses and networks in CIDR notation, separated by commas.

    Raises:
        ValueError: one of them is neither.

    """
    return tuple(ip_network(one.strip()) for one in listed.split(",") if one.strip())


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """Return where a request came from; None if the peer has no address.

    `forwarded` are the values of X-Forwarded-For as they came. Each proxy appends the peer that it saw, so the list is
    read from the right, and only as long as the one who wrote an entry is trusted: what stands further left was
    written by strangers.
    """
    at = _read(peer or "")
    hops = [hop for value in forwarded for hop in value.split(",")]
    while at is not None and hops and _is_among(at, trusted):
        before = _read(hops.pop())
        if before is None:
            break  # not an address: who knows what a proxy meant by that
        at = before
    return at


def who_counts(address: Address) -> Address | Network:
    """Return what connections are counted by: the address, or the network that one customer has all of."""
    if isinstance(address, IPv6Address):
        return ip_network((address, ONE_IPV6_CUSTOMER), strict=False)
    return address


def _read(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]  # some proxies add the port
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
