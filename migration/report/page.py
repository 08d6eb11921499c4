"""Evidence and verdict as one HTML file: no scripts, no outside resources, prints well. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Final

from bridge.usage.reading import UsageRead, programs_of
from migration.findings import Exit, Report
from migration.parity.tally import ParityReport
from migration.report.charts import Bar, Column, bars, columns
from migration.report.evidence import BridgeSeen, Evidence
from migration.report.verdict import Limits, Verdict
from migration.rollout.drilling import DrillReport

NOT_KNOWN: Final = '<p class="quiet">Nothing is known yet. {}</p>'
MAX_ROWS: Final = 25
UNKNOWN: Final = "?"


def page(evidence: Evidence, verdict: Verdict, limits: Limits, subject: str) -> str:
    """Return the whole page."""
    style = files("migration.report").joinpath("style.css").read_text()
    parts = [
        f"<header><h1>Migration report: {escape(subject)}</h1>"
        f'<p class="quiet">As of {evidence.as_of:%Y-%m-%d %H:%M} UTC</p></header>',
        _verdict(verdict),
        _tiles(evidence),
        _reasons(verdict),
        '<div class="two">',
        _section("Agreement of the old and the new way", _parity(evidence.comparisons, limits)),
        _section("Rows written past the bridge", _shares(evidence.usage)),
        _section("How soon bridges hear of legacy writes", _lag(evidence.bridges, limits)),
        _section("Where the rollout sends people", _paths(evidence.bridges)),
        "</div>",
        _section("The way back, rehearsed", _drill(evidence.drill)),
        _section("Who still uses the old endpoints", _programs(evidence.usage)),
        *(_findings(report) for report in (evidence.doctor, evidence.check, evidence.audit) if report is not None),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Migration report: {escape(subject)}</title><style>{style}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _verdict(verdict: Verdict) -> str:
    stopping = sum(reason.weight == "stops" for reason in verdict.reasons)
    said = "Nothing that is known speaks against the next step." if verdict.go else f"{_counted(stopping)} against it."
    kind, word = ("verdict go", "GO") if verdict.go else ("verdict", "NO-GO")
    return f'<div class="{kind}"><strong>{word}</strong><p>{said}</p></div>'


def _counted(number: int) -> str:
    return "One reason speaks" if number == 1 else f"{number} reasons speak"


def _tiles(evidence: Evidence) -> str:
    states = [seen.state for seen in evidence.bridges if seen.state]
    tiles = [
        ("people connected", f"{sum(state.sockets.people for state in states)}" if states else UNKNOWN),
        ("messages rescued", f"{sum(state.feed.rescued_messages for state in states)}" if states else UNKNOWN),
        ("legacy share of writes", _legacy_share(evidence.usage)),
        ("people compared", _people(evidence.comparisons)),
        ("findings", str(sum(len(one.findings) for one in (evidence.doctor, evidence.check, evidence.audit) if one))),
    ]
    shown = "".join(f'<div class="tile"><b>{escape(value)}</b><span>{name}</span></div>' for name, value in tiles)
    return f'<div class="tiles">{shown}</div>'


def _legacy_share(usage: UsageRead | None) -> str:
    if usage is None:
        return UNKNOWN
    legacy = sum(share.by_legacy for share in usage.shares)
    everything = legacy + sum(share.by_bridge for share in usage.shares)
    return f"{legacy / everything:.1%}" if everything else UNKNOWN


def _reasons(verdict: Verdict) -> str:
    if not verdict.reasons:
        return ""
    shown = "".join(
        f'<li><span class="tag {reason.weight}">{reason.weight}</span> {escape(reason.sentence)}'
        f'<br><span class="quiet">{escape(reason.remedy)}</span></li>'
        for reason in verdict.reasons
    )
    return _section("Reasons", f'<ul class="reasons">{shown}</ul>', kind="long")


def _people(comparisons: Sequence[ParityReport]) -> str:
    most = max(comparisons, key=lambda one: one.people, default=None)
    return UNKNOWN if most is None else f"{most.people} of {most.everybody}"


def _parity(comparisons: Sequence[ParityReport], limits: Limits) -> str:
    if not comparisons:
        return NOT_KNOWN.format("Run python -m migration parity.")
    return "".join(_agreement(one, limits) for one in comparisons)


def _agreement(parity: ParityReport, limits: Limits) -> str:
    rows = [
        Bar(
            label=rate.action,
            share=rate.consistency or 0.0,
            value="no verdict" if rate.consistency is None else f"{rate.consistency:.2%}",
            is_bad=rate.consistency is None or rate.consistency < limits.consistency,
        )
        for rate in parity.actions
    ]
    old = (
        f"the app's endpoints at {parity.old_server}" if parity.old_server else "what legacy clients ask of the project"
    )
    asked = (
        f"Beside {old}. Asked for: {limits.consistency:.2%}. {sum(rate.trials for rate in parity.actions)} comparisons."
    )
    return bars("Share of comparisons that agree, by action", rows) + f'<p class="quiet">{escape(asked)}</p>'


def _shares(usage: UsageRead | None) -> str:
    if usage is None or not usage.shares:
        return NOT_KNOWN.format("Give the usage ledger with --usage-file, or the settings of a bridge that keeps one.")
    days: dict[str, tuple[int, int]] = {}
    for share in reversed(usage.shares):
        bridge, legacy = days.get(f"{share.day:%m-%d}", (0, 0))
        days[f"{share.day:%m-%d}"] = (bridge + share.by_bridge, legacy + share.by_legacy)
    rows = [Column(label=day, lower=bridge, upper=legacy) for day, (bridge, legacy) in days.items()]
    key = '<p class="quiet key"><i></i>by the bridge<i class="old"></i>by legacy writers, past it</p>'
    return columns("Rows written by day, by the bridge and past it", rows) + key


def _lag(bridges: Sequence[BridgeSeen], limits: Limits) -> str:
    rows = []
    for seen in bridges:
        lags = seen.state.feed.lag_seconds_at_most if seen.state else {}
        rows += [
            Bar(label=f"{name} {seen.address.partition('//')[2]}", share=lag / limits.lag_seconds,
                value=f"≤ {lag:g} s", is_bad=lag > limits.lag_seconds)
            for name, lag in lags.items()
            if lag is not None
        ]  # fmt: skip
    if not rows:
        return NOT_KNOWN.format("No bridge that was asked has heard of a legacy write.")
    return bars("Seconds from a legacy write to the bridge", rows) + (
        f'<p class="quiet">The full width is {limits.lag_seconds:g} s, the most that is allowed for p99.</p>'
    )


def _paths(bridges: Sequence[BridgeSeen]) -> str:
    found: dict[str, int] = {}
    for seen in bridges:
        for path, number in (seen.state.rollout.connections if seen.state else {}).items():
            found[path] = found.get(path, 0) + number
    whole = sum(found.values())
    if not whole:
        return NOT_KNOWN.format("No bridge that was asked has a rollout and connections.")
    places = {seen.state.rollout.plan.place for seen in bridges if seen.state and seen.state.rollout.plan}
    rows = [Bar(label=path, share=number / whole, value=str(number)) for path, number in sorted(found.items())]
    return bars("Connections by path", rows) + f'<p class="quiet">Stage: {escape(", ".join(sorted(places)))}</p>'


def _drill(drill: DrillReport | None) -> str:
    if drill is None:
        return NOT_KNOWN.format("Run python -m migration rollout drill.")
    longest = max((step.seconds for step in drill.steps), default=0.0) or 1.0
    rows = [
        Bar(
            label=f"{step.what}: {step.before} → {step.now}",
            share=step.seconds / longest,
            value=f"{step.seconds:.2f} s",
            is_bad=bool(step.trouble),
        )
        for step in drill.steps
    ]
    trouble = [one for step in drill.steps for one in step.trouble]
    said = f"On {drill.as_of:%Y-%m-%d}: {'it worked.' if drill.exit is Exit.CLEAN else 'it failed.'} "
    said += escape(" ".join(trouble[:MAX_ROWS]))
    return bars("Seconds until every connection was where it should be", rows) + f'<p class="quiet">{said}</p>'


def _programs(usage: UsageRead | None) -> str:
    uses = programs_of(usage.requests) if usage else ()
    if not uses:
        return NOT_KNOWN.format("No request to an old endpoint is in the usage ledger.")
    rows = [
        (use.endpoint, use.client, use.version, f"{use.count}", f"{use.users}", f"{use.last_seen:%Y-%m-%d %H:%M}")
        for use in uses[:MAX_ROWS]
    ]
    more = f'<p class="quiet">and {len(uses) - MAX_ROWS} more</p>' if len(uses) > MAX_ROWS else ""
    return _table(("endpoint", "client", "version", "requests", "users", "last seen"), rows) + more


def _findings(report: Report) -> str:
    left_out = [one for one in report.not_run if one.applies]
    about = f'<p class="quiet">{escape(report.subject)}, as of {report.as_of:%Y-%m-%d %H:%M}; '
    about += f"{len(report.passed)} in order, {len(left_out)} not looked at"
    about += f"; {report.series.words}</p>" if report.series else "</p>"
    rows = "".join(
        f'<li><span class="tag {one.severity}">{one.severity}</span> <b>{escape(one.check)}</b>: {escape(one.evidence)}'
        f'<br><span class="quiet">{escape(one.consequence)}</span><br><code>{escape(one.fix)}</code></li>'
        for one in report.findings
    ) + "".join(
        f'<li><span class="tag quiet">not seen</span> <b>{escape(one.check)}</b>: {escape(one.reason)}</li>'
        for one in left_out
    )
    said = "" if report.findings else "<p>Nothing found.</p>"
    return _section(report.command, f'{about}{said}<ul class="reasons">{rows}</ul>', kind="long")


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _section(title: str, body: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{body}</section>'
