"""The page: everything is in it, nothing comes from outside, nothing breaks out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

from msgspec.structs import replace

from migration.findings import NotRun, Series
from migration.report.charts import Bar, Column, bars, columns
from migration.report.evidence import Evidence
from migration.report.page import page
from migration.report.verdict import Limits, judge
from tests.migration.report.known import NOW, endpoints, evidence, finding, rehearsal, report

LIMITS = Limits()
VOID = frozenset({"meta", "br"})
HOSTILE = '<script>alert("1")</script>'


def shown(known: Evidence, subject: str = "chat") -> str:
    """Return the page about this evidence."""
    return page(known, judge(known, LIMITS), LIMITS, subject)


class Balance(HTMLParser):
    """Sees that every element that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, _: object) -> None:
        """Take an element's beginning."""
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: object) -> None:
        """Take an element without contents."""
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """Take an element's end."""
        assert self.open.pop() == tag


def balanced(text: str) -> Balance:
    """Parse a page, and see that it is well formed."""
    found = Balance()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


def test_the_page_says_go_and_shows_everything() -> None:
    """Tiles, charts, tables and findings."""
    text = shown(evidence())
    balanced(text)
    assert "<strong>GO</strong>" in text
    for part in ("50 of 120", "load_conversations", "100.00%", "ramp 25 %", "list_groups", "back", "1.50 s", "18.8%"):
        assert part in text, part


def test_the_page_says_no_go_with_its_reasons() -> None:
    """Also where nothing is known at all."""
    text = shown(Evidence(as_of=NOW))
    balanced(text)
    assert "<strong>NO-GO</strong>" in text
    assert "doctor was never run." in text
    assert text.count("Nothing is known yet.") == 6


def test_nothing_comes_from_outside_and_nothing_runs() -> None:
    """One file, to be sent by mail and opened anywhere."""
    text = shown(evidence())
    assert not re.search(r"(src|href)=|url\(|@import|https?://(?!bridge-1)", text)
    assert "script" not in balanced(text).seen


def test_what_is_shown_cannot_break_out() -> None:
    """Names of programs and evidence come from outside."""
    known = replace(evidence(), doctor=report("doctor", finding(evidence=HOSTILE)))
    text = shown(known, subject=HOSTILE)
    assert "script" not in balanced(text).seen
    assert "&lt;app&gt;" in text


def test_what_was_not_looked_at_is_shown_with_its_reason() -> None:
    """The reasons above point to it; what does not apply is nothing that is missing."""
    left_out = (
        NotRun(check="realtime", reason="it was <busy>"),
        NotRun(check="change", reason="not asked for", applies=False),
    )
    text = shown(replace(evidence(), doctor=replace(report("doctor"), not_run=left_out)))
    balanced(text)
    assert "<b>realtime</b>: it was &lt;busy&gt;" in text
    assert "1 not looked at" in text
    assert "not asked for" not in text


def test_what_went_wrong_in_the_rehearsal_is_shown() -> None:
    """That it failed is not enough to go on with."""
    assert "A connection is still open." in shown(replace(evidence(), drill=rehearsal("A connection is still open.")))


def test_charts_are_well_formed_and_stay_inside() -> None:
    """Whatever the numbers."""
    rows = [Bar(label="a<b" * 30, share=share, value="&") for share in (-1.0, 0.0, 0.5, 7.0)]
    drawn = ElementTree.fromstring(bars("title", rows))
    widths = [float(one.attrib["width"]) for one in drawn.iter("rect") if one.attrib["class"].startswith("bar")]
    assert widths == [0, 0, 170, 340]
    for count in (0, 1, 90):
        days = [Column(label=str(number), lower=0, upper=number) for number in range(count)]
        ElementTree.fromstring(columns("t", days))


def test_both_old_ways_are_shown() -> None:
    """Each with whom it asked."""
    text = shown(replace(evidence(), parity_rest=endpoints(0.5)))
    balanced(text)
    assert "Beside what legacy clients ask of the project." in text
    assert "Beside the app&#x27;s endpoints at app.example.org." in text
    assert "50.00%" in text


def test_an_audit_that_goes_on_says_how_far() -> None:
    """Beside its findings."""
    so_far = Series(
        runs=1200,
        failed=2,
        windows=1198,
        messages=40_000,
        missing=0,
        gaps=1,
        gap_seconds=95.4,
        is_last_complete=True,
    )
    text = shown(replace(evidence(), audit=replace(report("audit"), series=so_far)))
    assert (
        "1,200 runs (2 failed), 1,198 windows proven, 40,000 messages compared, 0 missing;"
        " gaps that cannot be proven any more: 1, 95 s" in text
    )
