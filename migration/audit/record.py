"""What has been proven of one bridge so far, window after window, and what never can be any more. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from migration.audit import LOST
from migration.audit.window import Proof
from migration.findings import Finding, NotRun, Passed, Severity

GAPS_SHOWN = 20


class Gap(Struct, frozen=True, kw_only=True):
    """A time between two proven windows of which the bridge does not know any more what it told."""

    since: datetime
    until: datetime


class Record(Struct, kw_only=True):
    """One bridge; windows follow each other without gap or overlap as long as it knows what it told."""

    address: str
    sample_size: int
    since: datetime | None = None
    """Where the proof begins; None: nothing is proven yet."""
    until: datetime | None = None
    """Up to where it is proven, or never can be: where the next window begins."""
    windows: int = 0
    messages: int = 0
    told: int = 0
    lost: int = 0
    samples: tuple[str, ...] = ()
    gaps: list[Gap] = []
    gap_number: int = 0
    gap_seconds: float = 0.0
    trouble: str | None = None
    """Why the last run proved nothing, or not all of its window."""

    def next_since(self, until: datetime, first: timedelta) -> datetime:
        """Return where the window that ends there begins: where the last one ended, or so long before the end."""
        return until - first if self.until is None else self.until

    def take(self, proof: Proof, asked: datetime) -> None:
        """Take in what a look has shown that was to begin at `asked`."""
        self.trouble = None
        begins = min(proof.since, proof.until)
        if self.until is not None and begins > asked:
            self._miss(asked, begins)
        if proof.is_empty:
            self.trouble = f"{self.address} knows only since {proof.since:%H:%M:%S} what it has told"
            if self.until is None:
                return  # no claim was made before, so nothing is missing in it
        else:
            self._add(proof)
        self.until = proof.until

    def _add(self, proof: Proof) -> None:
        self.since = self.since or proof.since
        self.windows += 1
        self.messages += proof.messages
        self.told += proof.told
        self.lost += len(proof.lost)
        self.samples = (*self.samples, *proof.lost)[: self.sample_size]

    def _miss(self, since: datetime, until: datetime) -> None:
        self.gap_seconds += (until - since).total_seconds()
        if self.gaps and self.gaps[-1].until == since:  # it goes on
            since = self.gaps.pop().since
        else:
            self.gap_number += 1
        self.gaps = [*self.gaps, Gap(since=since, until=until)][-GAPS_SHOWN:]
        self.trouble = _missed(self.address, self.gaps[-1])

    def fail(self, sentence: str) -> None:
        """Note that a look could not be made; the next one begins where this one would have."""
        proven = "nothing is proven yet" if self.until is None else f"proven until {self.until:%H:%M:%S}"
        self.trouble = f"{sentence.removesuffix('.')}; {proven}"

    def outcomes(self) -> Iterator[Finding | Passed | NotRun]:
        """Yield what a report says of this bridge."""
        if self.lost:
            yield self._finding()
        elif self.windows:
            silent = self.messages - self.told
            rest_of = f"; {silent:,} are deleted, or of strangers" if silent else ""
            yield Passed(check=LOST, evidence=f"{self._seen}{rest_of}")
        reasons = dict.fromkeys(_missed(self.address, gap) for gap in self.gaps)
        for reason in (*reasons, *((self.trouble,) if self.trouble and self.trouble not in reasons else ())):
            yield NotRun(check=LOST, reason=reason)

    @property
    def _seen(self) -> str:
        since = "" if self.since is None else _moment(self.since, self.until)
        return f"{self.address} has told {self.told:,} of {self.messages:,} messages since {since}"

    def _finding(self) -> Finding:
        return Finding(
            check=LOST,
            severity=Severity.ERROR,
            evidence=f"{self._seen}; {self.lost:,} are missing.",
            fix="Look at /status and at the log of that bridge for these ids: feed.*, relay.*, hub.event_lost.",
            consequence=(
                "Clients that were connected have not seen them; they find them when they load the conversation."
            ),
            count=self.lost,
            samples=self.samples,
        )


def _missed(address: str, gap: Gap) -> str:
    since, until = _moment(gap.since, gap.until), f"{gap.until:%H:%M:%S}"
    return f"{address} does not know any more what it told from {since} to {until}"


def _moment(moment: datetime, beside: datetime | None) -> str:
    """Say a moment, with its day where that is another one."""
    is_same_day = beside is None or moment.date() == beside.date()
    return f"{moment:%H:%M:%S}" if is_same_day else f"{moment:%Y-%m-%d %H:%M:%S}"
