"""Text is text in every frame, whatever the column is (contract F40, F45)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.content import JUNK, NOTHING, ColumnType, printed_content, printed_copy, read_content, read_copy
from bridge.ids import new_message_id, written_by_bridge
from bridge.models import ContentState
from tests.people import BIRTH, message_id

OURS, LEGACY = new_message_id(BIRTH), message_id(1)
TEXTS = [
    "back\\slash C:\\new",
    r"\x4142",
    "\\\\",
    "\\x",
    "\\xzz",
    "☺ 👩‍👩‍👧 é",
    JUNK,
    '{"a": 1}',
    "x" * 100_000,
    "\n\t",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("column", ColumnType)
def test_a_text_comes_back_as_it_was_written(column: ColumnType, text: str) -> None:
    """Through the bridge, into either column."""
    assert read_content(printed_content(text, column), column, OURS) == (text, ContentState.PLAIN)


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(ColumnType))
def test_any_text_comes_back_as_it_was_written(text: str, column: ColumnType) -> None:
    """Whatever characters it has."""
    assert read_content(printed_content(text, column), column, OURS).text == text


@pytest.mark.parametrize("text", [one for one in TEXTS if one != JUNK], ids=range(len(TEXTS) - 1))
def test_a_legacy_text_is_what_somebody_typed(text: str) -> None:
    """In a text column nothing is decoded; in bytea PostgREST shows hex."""
    assert read_content(text, ColumnType.TEXT, LEGACY).text == text
    assert read_content("\\x" + text.encode().hex(), ColumnType.BYTEA, LEGACY).text == text


def test_the_apps_junk_is_never_shown() -> None:
    """A sealed row of the app; where nothing can be sealed, the same characters in text were typed by somebody."""
    hexed = "\\x" + JUNK.encode().hex()
    assert read_content(hexed, ColumnType.BYTEA, LEGACY) == NOTHING
    assert read_content(JUNK, ColumnType.TEXT, LEGACY, sealing=True) == NOTHING
    assert read_content(JUNK, ColumnType.TEXT, OURS, sealing=True).text == JUNK
    assert read_content(JUNK, ColumnType.TEXT, LEGACY).text == JUNK


def test_an_empty_row_of_ours_is_sealed_and_one_of_a_legacy_writer_is_empty() -> None:
    """The wire refuses empty texts, so the bridge writes none; a legacy picture may come without words."""
    assert read_content("", ColumnType.TEXT, OURS) == read_content("\\x", ColumnType.BYTEA, OURS) == NOTHING
    assert read_content("", ColumnType.TEXT, LEGACY) == ("", ContentState.PLAIN)
    assert read_content("\\x", ColumnType.BYTEA, LEGACY) == ("", ContentState.PLAIN)


def test_bytes_that_are_no_utf_8_are_shown_as_far_as_they_can() -> None:
    """A cast of the app's own made them; the row stays visible (data-model section 7)."""
    assert read_content("\\x41ff42", ColumnType.BYTEA, LEGACY).text == "A\ufffdB"


def test_what_is_no_hex_is_taken_as_it_is() -> None:
    """An answer that was read before the column's type changed."""
    assert read_content("\\xyz", ColumnType.BYTEA, LEGACY).text == "\\xyz"
    assert read_content("plain", ColumnType.BYTEA, LEGACY).text == "plain"


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(ColumnType))
def test_a_copy_comes_back_as_it_was_written(copy: str, column: ColumnType) -> None:
    """Opaque to us."""
    assert read_copy(printed_copy(copy, column), column) == copy


def test_a_copy_is_stored_as_the_app_stores_it() -> None:
    """Base64 in text from step 12c on, bytes before (contract README section 2)."""
    assert printed_copy('{"v":1}', ColumnType.TEXT) == base64.b64encode(b'{"v":1}').decode()
    assert printed_copy("A", ColumnType.BYTEA) == "\\x41"


def test_a_copy_that_was_stored_as_it_is_comes_back_as_it_is() -> None:
    """Not everything in the column is base64."""
    assert read_copy('{"v":1}', ColumnType.TEXT) == '{"v":1}'
    assert read_copy("/w==", ColumnType.TEXT) == "/w=="


def test_the_ids_of_the_examples_are_of_the_kinds_they_stand_for() -> None:
    """Otherwise the tests above say nothing."""
    assert written_by_bridge(OURS)
    assert not written_by_bridge(LEGACY)
