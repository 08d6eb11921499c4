"""`python -m migration fix`: what is mended and what is left alone, and on what evidence."""

from __future__ import annotations

import msgspec
import pytest

from migration.checking import REPORT
from migration.checks import CHECKS
from migration.findings import Exit, printed, read_report
from migration.fixing import FixReport
from migration.repairs import REPAIRS
from migration.state import alone_in
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import Crowd, copied, dump, execute
from tests.migration.fixing import LEFT_ALONE, checked, counts, fixed


def test_without_apply_nothing_is_changed(crowd: Crowd, tools: Tools) -> None:
    """It says what it would do, and status 1 that there is something to do."""
    before = dump(crowd)
    found = counts(checked(tools, crowd))
    ended = tools("fix", "--database-url", crowd.url, "--share", "1")
    assert ended.status == Exit.FOUND
    assert "nothing is changed without --apply" in ended.out
    report = fixed(tools, crowd)
    assert {one.check: one.found for one in report.repairs} == found
    assert not report.applied
    assert dump(crowd) == before
    assert [path.name for path in tools.directory.iterdir()] == [REPORT]


@pytest.mark.parametrize("generation", ["db1", "db3"])
def test_what_is_found_is_mended(generation: str, crowd_of: CrowdOf, tools: Tools) -> None:
    """Afterwards the checks find only what is left alone; a second run finds nothing to write."""
    with copied(crowd_of(generation)) as crowd:  # type: ignore[arg-type]  # a str that is one of them
        checked(tools, crowd)
        report = fixed(tools, crowd, "--apply")
        assert not any(one.refused for one in report.repairs)
        assert {one.check: one.left_alone for one in report.repairs if one.left_alone} == LEFT_ALONE
        assert counts(checked(tools, crowd)) == LEFT_ALONE
        again = fixed(tools, crowd, "--apply")
        assert (sum(one.changes for one in again.repairs), again.undo) == (0, None)
        assert [str(path) for path in tools.directory.glob("undo-*")] == [report.undo]


def test_the_dry_run_says_what_is_then_written(crowd: Crowd, tools: Tools) -> None:
    """Row by row, but for repairs that depend on earlier ones."""
    checked(tools, crowd)
    would, did = fixed(tools, crowd), fixed(tools, crowd, "--apply")
    assert [(one.check, one.changes) for one in would.repairs] == [(one.check, one.changes) for one in did.repairs]


def evidence(tools: Tools, **changes: object) -> None:
    """Change what the last check has left."""
    path = tools.directory / REPORT
    path.write_bytes(printed(msgspec.structs.replace(read_report(path.read_bytes()), **changes)))


def test_old_or_foreign_evidence_is_refused(crowd: Crowd, crowd_of: CrowdOf, tools: Tools) -> None:
    """And so is none; nothing is changed."""
    apply = ("fix", "--database-url", crowd.url, "--apply")
    before = dump(crowd)
    assert "run `python -m migration check` first" in tools(*apply).err
    checked(tools, crowd, "typing_stale")
    whole = (tools.directory / REPORT).read_bytes()
    ended = tools("fix", "--database-url", crowd_of("db3").url, "--apply")
    assert (ended.status, "was of another database" in ended.err) == (Exit.REFUSED, True)
    ended = tools(*apply, "--max-age", "0.000001")
    assert (ended.status, "too old to act on" in ended.err) == (Exit.REFUSED, True)
    evidence(tools, fingerprint=None)  # a check over REST
    assert "check` first" in tools(*apply).err
    (tools.directory / REPORT).write_bytes(whole[:100])
    assert "cannot be read" in tools(*apply).err
    assert dump(crowd) == before


def test_only_what_was_found_is_mended(crowd: Crowd, tools: Tools) -> None:
    """Whatever has no finding in the evidence is not even looked at."""
    checked(tools, crowd, "typing_stale")
    report = fixed(tools, crowd, "--apply")
    assert [one.check for one in report.repairs] == ["typing_stale"]


def test_what_the_last_check_left_out_is_named(crowd: Crowd, tools: Tools) -> None:
    """Or a check of one thing would look like a chat in which nothing else is wrong."""
    checked(tools, crowd, "typing_stale")
    assert set(fixed(tools, crowd).not_checked) == REPAIRS.keys() - {"typing_stale"}
    assert fixed(tools, crowd, "--only", "typing_stale").not_checked == ()
    told = tools("fix", "--database-url", crowd.url, "--share", "1").out
    assert "The last check was of some checks only. Not looked at: participants_by_auth_id, " in told
    checked(tools, crowd)
    assert fixed(tools, crowd).not_checked == ()


def test_nothing_to_mend_is_status_0(crowd: Crowd, tools: Tools) -> None:
    """And leaves no undo file."""
    execute(crowd, "update typing_indicators set is_typing = false")
    checked(tools, crowd, "typing_stale")
    ended = tools("fix", "--database-url", crowd.url, "--apply")
    assert ended.status == Exit.CLEAN
    assert "has a repair" in ended.out
    assert not list(tools.directory.glob("undo-*"))


def test_what_no_longer_fits_is_refused_by_the_database(crowd: Crowd, tools: Tools) -> None:
    """A constraint that knows more than we do stops one change, not the others."""
    checked(tools, crowd, "creators_missing")
    kept, *_ = crowd.expected("creators_missing")
    execute(
        crowd,
        f"alter table conversation_participants add check (conversation_id <> '{kept}' or role <> 'admin') not valid",
    )
    ended = tools("fix", "--database-url", crowd.url, "--json", "--share", "1", "--apply", "--only", "creators_missing")
    assert ended.status == Exit.FOUND
    (report,) = msgspec.json.decode(ended.out, type=FixReport).repairs
    assert report.refused == 1
    assert report.changes == report.found - 1


def test_half_a_schema_is_mended_as_far_as_it_goes(crowd: Crowd, tools: Tools) -> None:
    """A repair that needs a column that is missing says so, and the others mend what they can."""
    execute(crowd, "alter table conversations drop column created_by cascade")
    checked(tools, crowd)
    ended = tools("fix", "--database-url", crowd.url, "--share", "1", "--apply")
    assert (ended.status, ended.err) == (Exit.FOUND, "")
    assert "refused, for PostgreSQL refused the question with 42703" in ended.out
    assert "typing_stale" not in counts(checked(tools, crowd))


def test_two_at_once_do_not_share_a_directory(crowd: Crowd, tools: Tools) -> None:
    """Neither fix nor undo; one that only looks disturbs nobody."""
    checked(tools, crowd, "typing_stale")
    report = fixed(tools, crowd, "--apply")
    with alone_in(tools.directory):
        for more in ((), ("--undo", str(report.undo))):
            ended = tools("fix", "--database-url", crowd.url, "--apply", *more)
            assert (ended.status, "is at work in" in ended.err) == (Exit.REFUSED, True)
            assert tools("fix", "--database-url", crowd.url, *more).status != Exit.REFUSED


def test_a_role_that_may_only_read_is_told_so(crowd: Crowd, tools: Tools) -> None:
    """One sentence and status 3, no trace of Python's."""
    execute(
        crowd,
        "drop role if exists reader",
        "create role reader login bypassrls password 'hush'",
        "grant usage on schema public, auth to reader",
        "grant select on all tables in schema public, auth to reader",
    )
    url = f"postgresql://reader:hush@{crowd.superuser.rpartition('@')[2]}"
    try:
        assert tools("check", "--database-url", url, "--only", "typing_stale").status == Exit.CLEAN
        dry = tools("fix", "--database-url", url)
        ended = tools("fix", "--database-url", url, "--apply")
    finally:
        execute(crowd, "drop owned by reader", "drop role reader")
    assert dry.status == Exit.FOUND
    assert ended.status == Exit.INCOMPLETE
    assert ended.err == (
        "migration: The database did not do what it was asked: the role may not read or write what it is about."
        " What was committed until then stays.\n"
    )


def test_a_database_is_needed(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over REST nothing is ever mended."""
    monkeypatch.setenv("SUPABASE_URL", "https://project.supabase.co")
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_x")
    ended = tools("fix", "--apply")
    assert (ended.status, ended.err.startswith("migration: This needs a database")) == (Exit.REFUSED, True)


@pytest.mark.parametrize("name", REPAIRS)
def test_every_repair_belongs_to_a_check(name: str) -> None:
    """Whose finding names it as the way to mend."""
    assert name in CHECKS
    assert REPAIRS[name].why_safe.endswith(".")
