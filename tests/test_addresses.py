"""True client addresses, from those proxies only that are trusted."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from bridge.addresses import client_address, read_networks, who_counts

TRUSTED = read_networks("10.0.0.0/8, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["1.1.1.1"], "203.0.113.9"),  # a stranger may write what it likes
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),  # the client wrote the first itself
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9 ,10.0.0.2"], "203.0.113.9"),  # several headers are one list
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9,"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::9]:4711"], "2001:db8::9"),
        ("10.0.0.1", ["2001:db8::9"], "2001:db8::9"),
        ("fd00::1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),  # one socket for both kinds of addresses
        (None, ["203.0.113.9"], None),
        ("<local>", ["203.0.113.9"], None),
    ],
)
def test_the_list_is_read_from_the_right_as_long_as_its_writer_is_trusted(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    """A forged entry stands left of what the trusted proxy wrote (contract F14)."""
    assert client_address(peer, forwarded, TRUSTED) == (None if client is None else ip_address(client))


def test_without_trusted_proxies_nobody_is_believed() -> None:
    """Not even a peer of this machine."""
    assert client_address("127.0.0.1", ["203.0.113.9"], read_networks("")) == ip_address("127.0.0.1")


def test_ipv6_is_counted_by_the_customer() -> None:
    """One customer has a whole /64 to choose addresses from."""
    assert who_counts(ip_address("2001:db8::1")) == who_counts(ip_address("2001:db8::ffff:1"))
    assert who_counts(ip_address("2001:db8:0:1::1")) == ip_network("2001:db8:0:1::/64")
    assert who_counts(ip_address("203.0.113.9")) == ip_address("203.0.113.9")


@pytest.mark.parametrize("listed", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example", "10.0.0.1 10.0.0.2"])
def test_what_is_no_network_is_refused(listed: str) -> None:
    """Host bits beside a mask, too: a typing error there trusts more than was meant, or less."""
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        read_networks(listed)
