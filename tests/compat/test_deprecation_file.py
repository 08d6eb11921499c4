"""The file about the end of old endpoints: what it may say, and the one sentence that answers what it may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from compat.deprecation import NOTHING_ENDS, Brownout
from compat.deprecation_file import read_deprecations
from compat.endpoints import ENDPOINTS

WHOLE = """
[every]
deprecated = 2026-12-01T00:00:00Z
sunset = 2027-06-01T00:00:00+02:00
deprecation-page = "https://chat.example/moving?from=rest#top"
successor = "/protocol"

[endpoints.list_groups]
sunset = 2027-03-01T00:00:00Z
successor = "/protocol#load_groups"

[[brownouts]]
begins = 2027-02-15T10:00:00Z
minutes = 15
endpoints = ["list_groups"]

[[brownouts]]
begins = 2027-02-22T10:00:00Z
minutes = 60
"""


def in_file(tmp_path: Path, text: str) -> str:
    """Write the file and return its path."""
    path = tmp_path / "deprecation.toml"
    path.write_text(text)
    return str(path)


def test_without_a_file_nothing_ends() -> None:
    """By default nobody is told anything."""
    assert read_deprecations(None, with_brownouts=False) == NOTHING_ENDS


def test_an_empty_name_is_no_file() -> None:
    """As with other settings: whoever composes an environment may leave a variable empty."""
    assert read_deprecations("", with_brownouts=False) == NOTHING_ENDS


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    """Like none."""
    assert read_deprecations(in_file(tmp_path, ""), with_brownouts=False) == NOTHING_ENDS


@pytest.mark.parametrize("path", [None, ""])
def test_brownouts_without_a_file_are_wished_for_in_vain(path: str | None) -> None:
    """A rehearsal that never takes place would look as if nobody needed the endpoints."""
    with pytest.raises(ConfigError) as raised:
        read_deprecations(path, with_brownouts=True)
    assert str(raised.value) == (
        "BRIDGE_COMPAT_BROWNOUTS is true, and BRIDGE_COMPAT_DEPRECATION_FILE names no file that lists them."
    )


@pytest.mark.parametrize("text", ["", "brownouts = []", "[every]\nsunset = 2027-01-01T00:00:00Z"])
def test_brownouts_that_the_file_does_not_list_are_wished_for_in_vain(tmp_path: Path, text: str) -> None:
    """The switch is turned, and there is no window."""
    with pytest.raises(ConfigError) as raised:
        read_deprecations(in_file(tmp_path, text), with_brownouts=True)
    assert str(raised.value) == (
        "BRIDGE_COMPAT_BROWNOUTS is true, and the file of BRIDGE_COMPAT_DEPRECATION_FILE lists none."
    )
    assert not read_deprecations(in_file(tmp_path, text), with_brownouts=False).brownouts


def test_dates_are_read_for_all_and_for_each(tmp_path: Path) -> None:
    """What is said of one endpoint goes before what is said of every one."""
    found = read_deprecations(in_file(tmp_path, WHOLE), with_brownouts=True)
    assert found.notices.keys() == ENDPOINTS.keys() == found.deprecated
    groups, people = found.notices["list_groups"], found.notices["find_people"]
    assert (groups.sunset, groups.successor) == (datetime(2027, 3, 1, tzinfo=UTC), "/protocol#load_groups")
    assert (people.sunset, people.successor) == (datetime(2027, 5, 31, 22, tzinfo=UTC), "/protocol")
    assert groups.deprecated == people.deprecated == datetime(2026, 12, 1, tzinfo=UTC)
    first, second = found.brownouts
    begins = datetime(2027, 2, 15, 10, tzinfo=UTC)
    assert first == Brownout(begins_at=begins, ends_at=begins + timedelta(minutes=15), endpoints={"list_groups"})
    assert second.endpoints == ENDPOINTS.keys()


def test_brownouts_wait_for_the_operators_word(tmp_path: Path) -> None:
    """The notices do not; and a window that cannot be is refused all the same."""
    found = read_deprecations(in_file(tmp_path, WHOLE), with_brownouts=False)
    assert (len(found.notices), found.brownouts) == (len(ENDPOINTS), ())
    with pytest.raises(ConfigError):
        read_deprecations(in_file(tmp_path, WHOLE.replace("minutes = 60", "minutes = 61")), with_brownouts=False)


LATE = "[every]\nsunset = 2027-01-01T00:00:00Z\n[[brownouts]]\nbegins = 2026-12-31T23:30:00Z\nminutes = 31\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", " is no TOML: "),
        (
            "[every]\nsunset = 2027-01-01",
            "got `date` - at `$.every.sunset`; times are like 2027-06-01T00:00:00Z.",
        ),
        (
            "[every]\nsunset = 2027-01-01T00:00:00",
            "Expected `datetime` with a timezone component",
        ),
        ("[every]\nsunset = 'soon'", "cannot be understood: "),
        ("[every]\nsunrise = 2027-01-01T00:00:00Z", "unknown field `sunrise` - at `$.every`;"),
        ("[endpoints.list_group]", ": endpoints must name endpoints: list_conversations, "),
        ("[endpoints.list_groups]\nsuccessor = 'a b'", ": the successor-version link of list_groups is no address."),
        ("[every]\nsunset-page = '>'", ": the sunset link of list_conversations is no address."),
        ("[every]\ndeprecation-page = ''", ": the deprecation link of list_conversations is no address."),
        (
            "[every]\ndeprecated = 2027-01-01T00:00:00Z\nsunset = 2026-01-01T00:00:00Z",
            ": the sunset of list_conversations is before its deprecation.",
        ),
        (
            "[[brownouts]]\nbegins = 2027-01-01T00:00:00Z\nminutes = 0",
            "Expected `int` >= 1 - at `$.brownouts[0].minutes`;",
        ),
        (
            "[[brownouts]]\nbegins = 2027-01-01T00:00:00Z\nminutes = 5\nendpoints = ['list_groups']",
            ": the brownout of 2027-01-01T00:00:00+00:00 does not end before list_groups has its sunset.",
        ),
        (
            "[[brownouts]]\nbegins = 2027-01-01T00:00:00Z\nminutes = 5\nendpoints = ['x']",
            ": brownouts must name endpoints: list_conversations, ",
        ),
        (
            "[[brownouts]]\nbegins = 2027-01-01T00:00:00Z\nminutes = 5",
            ": the brownout of 2027-01-01T00:00:00+00:00 is of no endpoint: name some, with a sunset.",
        ),
        (
            "[[brownouts]]\nbegins = 2027-01-01T00:00:00Z\nminutes = 5\nendpoints = []",
            ": the brownout of 2027-01-01T00:00:00+00:00 is of no endpoint: ",
        ),
        ("[every]\nsunset = 9999-12-31T23:59:59-01:00", ": a time is beyond the years 1 to 9999."),
        (
            "[every]\nsunset = 9999-12-31T23:59:59Z\n[[brownouts]]\nbegins = 9999-12-31T23:59:00Z\nminutes = 5",
            ": a time is beyond the years 1 to 9999.",
        ),
        (LATE, ": the brownout of 2026-12-31T23:30:00+00:00 does not end before list_conversations has its sunset."),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """Before the bridge starts, by the variable's name."""
    with pytest.raises(ConfigError) as raised:
        read_deprecations(in_file(tmp_path, text), with_brownouts=False)
    said = str(raised.value)
    assert said.startswith("BRIDGE_COMPAT_DEPRECATION_FILE")
    assert sentence in said
    assert said.endswith(".")
    assert "\n" not in said


def test_a_window_may_end_with_the_sunset(tmp_path: Path) -> None:
    """But not after it."""
    found = read_deprecations(in_file(tmp_path, LATE.replace("= 31", "= 30")), with_brownouts=True)
    assert len(found.brownouts) == 1


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With what the system says."""
    with pytest.raises(
        ConfigError, match=r"^BRIDGE_COMPAT_DEPRECATION_FILE cannot be read: No such file or directory\.$"
    ):
        read_deprecations(str(tmp_path / "none"), with_brownouts=True)
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"^BRIDGE_COMPAT_DEPRECATION_FILE is no TOML: "):
        read_deprecations(str(tmp_path / "bytes"), with_brownouts=True)
