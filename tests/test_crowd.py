"""How many may be here, and how fast they may send."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from bridge.clock import FakeClock
from bridge.crowd import Doors, Guests, UserLimits
from bridge.errors import CloseCode
from bridge.outbox import Outbox
from bridge.rates import Rate
from bridge.refusals import Refusal

HERE, THERE = ip_address("203.0.113.1"), ip_address("203.0.113.2")


def outbox() -> Outbox:
    """Return the outbox of a new connection."""
    return Outbox(max_frames=1, max_bytes=1)


def test_an_address_that_is_full_is_open_again_when_one_leaves() -> None:
    """And others are not concerned."""
    doors = Doors(max_sockets=100, max_per_address=2)
    with doors.inside(HERE):
        with doors.inside(HERE):
            assert doors.refusal(HERE) is Refusal.ADDRESS_FULL
            assert doors.refusal(THERE) is None
        assert doors.refusal(HERE) is None
    assert len(doors) == 0


def test_the_devices_of_one_ipv6_network_count_together() -> None:
    """Or every socket would come from an address of its own."""
    doors = Doors(max_sockets=100, max_per_address=1)
    with doors.inside(ip_address("2001:db8::1")):
        assert doors.refusal(ip_address("2001:db8::2")) is Refusal.ADDRESS_FULL
        assert doors.refusal(ip_address("2001:db8:0:1::2")) is None


def test_all_sockets_together_are_limited() -> None:
    """Those without an address, too."""
    doors = Doors(max_sockets=2, max_per_address=1)
    with doors.inside(None), doors.inside(None):
        assert doors.refusal(HERE) is Refusal.FULL
    assert doors.refusal(HERE) is None


def test_a_socket_that_fails_is_no_longer_counted() -> None:
    """Whatever ends it."""
    doors = Doors(max_sockets=1, max_per_address=1)
    with pytest.raises(ConnectionResetError), doors.inside(HERE):
        raise ConnectionResetError
    assert doors.refusal(HERE) is None


def guests(*, max_connections: int = 2, burst: int = 100) -> Guests:
    """Return guests of whom none is here."""
    limits = UserLimits(max_connections=max_connections, frames=Rate(per_second=1.0, burst=burst))
    return Guests(limits, FakeClock())


async def test_the_oldest_connection_of_a_user_has_to_go() -> None:
    """With a code that says: do not come back by yourself; of others nobody goes."""
    here, boxes, other = guests(), [outbox() for _ in range(4)], outbox()
    here.arrive("other", other)
    for box in boxes:
        here.arrive("user", box)
    assert [box.is_closing for box in [*boxes, other]] == [True, True, False, False, False]
    assert (await boxes[0].closing()).code is CloseCode.REPLACED
    assert CloseCode.REPLACED >= 4500


def test_who_has_left_makes_room() -> None:
    """Leaving twice changes nothing."""
    here, boxes = guests(), [outbox() for _ in range(3)]
    here.arrive("user", boxes[0])
    here.arrive("user", boxes[1])
    here.leave("user", boxes[0])
    here.leave("user", boxes[0])
    here.arrive("user", boxes[2])
    assert not any(box.is_closing for box in boxes)


def test_a_user_sends_with_all_connections_together() -> None:
    """Opening more of them gives no more frames, and one user's haste costs another nothing."""
    here = guests(burst=3)
    assert [here.may_send("user") for _ in range(4)] == [True, True, True, False]
    assert here.may_send("other")
