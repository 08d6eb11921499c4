"""`python -m migration fix`: what is mended and what is left alone, on what evidence, and that it can be taken back."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import psycopg
import pytest

from migration.checking import REPORT
from migration.checks import CHECKS
from migration.errors import Interrupted
from migration.findings import Exit, Report, printed, read_report
from migration.fixing import STATE, FixReport
from migration.repairs import REPAIRS, Change
from migration.state import RunState, alone_in
from migration.undo import Header, UndoFile, read_undo
from migration.undoing import Undone
from scripts.stack import ROOT
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import TURNS, Crowd, copied, dump, execute

CHECKED = ("--share", "1", "--skip", "unread_counts", "--json")
PATIENCE_SECONDS = 60.0

# Of what is planted in each turn, this much has no safe repair; see the page about `fix`.
LEFT_ALONE = {
    "participants_by_auth_id": TURNS,  # those beside which there is a row by users.id
    "directs_with_one_member": 3,  # turns 1, 2 and 5: no sender, two, none; in turn 3 the creator is known
}


def checked(tools: Tools, crowd: Crowd, *only: str) -> Report:
    """Run the checks, or these only."""
    chosen = [part for name in only for part in ("--only", name)]
    return tools("check", "--database-url", crowd.url, *CHECKED, *chosen).report


def fixed(tools: Tools, crowd: Crowd, *arguments: str) -> FixReport:
    """Run the repairs."""
    ended = tools("fix", "--database-url", crowd.url, "--json", "--share", "1", *arguments)
    return msgspec.json.decode(ended.out, type=FixReport)


def undone(tools: Tools, crowd: Crowd, path: str, *arguments: str) -> Undone:
    """Take repairs back."""
    ended = tools("fix", "--database-url", crowd.url, "--json", "--undo", path, *arguments)
    return msgspec.json.decode(ended.out, type=Undone)


def counts(report: Report) -> Mapping[str, int]:
    """Return what was found of that which has a repair."""
    return {one.check: one.count or 0 for one in report.findings if one.check in REPAIRS}


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


@pytest.mark.parametrize("generation", ["db1", "db3"])
def test_undo_restores_everything(generation: str, crowd_of: CrowdOf, tools: Tools) -> None:
    """Every row and every time, in any number of attempts."""
    with copied(crowd_of(generation)) as crowd:  # type: ignore[arg-type]  # a str that is one of them
        before = dump(crowd)
        checked(tools, crowd)
        report = fixed(tools, crowd, "--apply")
        after = dump(crowd)
        assert after != before
        assert report.undo is not None
        dry = undone(tools, crowd, report.undo)
        assert (dry.applied, dump(crowd)) == (False, after)
        did = undone(tools, crowd, report.undo, "--apply")
        assert (did.restored, did.times_restored) == (did.changes, True)
        assert dump(crowd) == before
        assert undone(tools, crowd, report.undo, "--apply").restored == 0
        again = tools("fix", "--database-url", crowd.url, "--undo", report.undo, "--apply")
        assert (again.status, f"0 of {did.changes:,} changes taken back" in again.out) == (Exit.CLEAN, True)
        assert f"{did.changes:,} left alone: taken back before" in again.out
        assert dump(crowd) == before


def test_undo_leaves_what_somebody_has_changed_since(crowd: Crowd, tools: Tools) -> None:
    """Their change counts; the rest is restored."""
    checked(tools, crowd, "typing_stale")
    report = fixed(tools, crowd, "--apply", "--only", "typing_stale")
    kept, *_ = crowd.expected("typing_stale")
    execute(crowd, f"update typing_indicators set is_typing = true where id = '{kept}'")
    assert report.undo is not None
    did = undone(tools, crowd, report.undo, "--apply")
    assert did.restored == did.changes - 1


def test_without_the_right_undo_says_that_times_differ(crowd: Crowd, tools: Tools) -> None:
    """The trigger sets updated_at, whatever is written."""
    checked(tools, crowd, "presence_stale")
    report = fixed(tools, crowd, "--apply", "--only", "presence_stale")
    execute(crowd, "revoke set on parameter session_replication_role from postgres")
    try:
        ended = tools("fix", "--database-url", crowd.url, "--undo", str(report.undo), "--apply")
    finally:
        execute(crowd, "grant set on parameter session_replication_role to postgres")
    assert ended.status == Exit.CLEAN
    assert "but for updated_at" in ended.out
    with psycopg.connect(crowd.superuser) as connection:
        statement = "select count(*) from user_presence where status <> 'offline'"
        assert connection.execute(statement).fetchone() == (2 * TURNS,)


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


def wait_for_undo(directory: Path) -> Path:
    """Wait until a run has noted its first change."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = [path for path in directory.glob("undo-*") if path.read_bytes().count(b"\n") > 1]
        if found:
            return found[0]
        time.sleep(0.01)  # it happens in another process
    pytest.fail("the run noted no change")


def killed(tools: Tools, crowd: Crowd) -> Path:
    """Kill -9 a run in the middle; return the undo file that it has left."""
    command = (sys.executable, "-m", "migration", "fix", "--directory", str(tools.directory), "--apply")
    environment = {"PATH": os.environ["PATH"], "MIGRATION_DATABASE_URL": crowd.url}
    with subprocess.Popen(
        (*command, "--share", "0.1"), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        undo = wait_for_undo(tools.directory)
        run.send_signal(signal.SIGKILL)
        run.wait(PATIENCE_SECONDS)
    state = msgspec.json.decode((tools.directory / STATE).read_bytes(), type=RunState)
    assert state.undo == str(undo)
    return undo


@pytest.mark.parametrize("again", [("--resume",), ()])
def test_a_killed_run_can_be_gone_on_with_and_taken_back(crowd: Crowd, tools: Tools, again: Sequence[str]) -> None:
    """Resumed or begun anew, all is mended; one undo file takes back both halves."""
    before = dump(crowd)
    checked(tools, crowd)
    undo = killed(tools, crowd)
    report = fixed(tools, crowd, "--apply", *again)
    assert report.undo == str(undo)
    assert counts(checked(tools, crowd)) == LEFT_ALONE
    undone(tools, crowd, str(undo), "--apply")
    assert dump(crowd) == before


def test_a_line_that_a_crash_cut_off_does_not_spoil_what_follows(crowd: Crowd, tools: Tools) -> None:
    """A machine that stopped, or a full disk, in the middle of a line: the next one must not be glued to it."""
    before = dump(crowd)
    checked(tools, crowd)
    undo = killed(tools, crowd)
    with undo.open("ab") as file:
        file.write(b'{"table":"typing_ind')
    fixed(tools, crowd, "--apply", "--resume")
    undone(tools, crowd, str(undo), "--apply")
    assert dump(crowd) == before


def test_without_room_for_the_undo_file_nothing_is_changed(tmp_path: Path) -> None:
    """Not even later, when there is room again and the file is closed."""
    path = tmp_path / "undo"
    change = Change(table="typing_indicators", key={"id": "1"}, before={"is_typing": True}, after={"is_typing": False})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with UndoFile(path, "print") as undo:
        undo.note([change])
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
        try:
            with pytest.raises(Interrupted, match=r"cannot be written \(File too large\), so nothing more was changed"):
                undo.note([change])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_undo(path) == (Header(fingerprint="print"), [change])
    with UndoFile(path, "print") as undo:
        undo.note([change])
    assert read_undo(path)[1] == [change, change]


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


def test_an_undo_file_that_a_crash_cut_off_is_read(crowd: Crowd, tools: Tools) -> None:
    """What is not whole was not committed."""
    before = dump(crowd)
    checked(tools, crowd, "typing_stale")
    report = fixed(tools, crowd, "--apply", "--only", "typing_stale")
    assert report.undo is not None
    with Path(report.undo).open("ab") as file:
        file.write(b'{"table":"typing_ind')
    undone(tools, crowd, report.undo, "--apply")
    assert dump(crowd) == before


def test_other_files_are_no_undo_files(crowd: Crowd, crowd_of: CrowdOf, tools: Tools, tmp_path: Path) -> None:
    """Nor are those of another database, or of another version."""
    checked(tools, crowd, "typing_stale")
    report = fixed(tools, crowd, "--apply", "--only", "typing_stale")
    foreign = tools("fix", "--database-url", crowd_of("db3").url, "--undo", str(report.undo), "--apply")
    assert (foreign.status, "belongs to another database" in foreign.err) == (Exit.REFUSED, True)
    other = tmp_path / "other"
    for content, said in (
        (b"hello\n", "is no undo file"),
        (b'{"undo_format":0,"fingerprint":""}\n', "another version"),
    ):
        other.write_bytes(content)
        ended = tools("fix", "--database-url", crowd.url, "--undo", other)
        assert (ended.status, said in ended.err) == (Exit.REFUSED, True)


def test_an_undo_file_holds_no_content(crowd_of: CrowdOf, tools: Tools) -> None:
    """Keys, names of people's ids, roles, times: what was changed and nothing else; and only its owner reads it."""
    with copied(crowd_of("db3")) as crowd:
        checked(tools, crowd)
        report = fixed(tools, crowd, "--apply")
    assert report.undo is not None
    columns = {
        column
        for line in Path(report.undo).read_text().splitlines()[1:]
        for part in ("key", "before", "after")
        for column in (json.loads(line)[part] or {})
    }
    assert not columns & {"encrypted_content", "phone_number", "username", "display_name", "metadata"}
    assert Path(report.undo).stat().st_mode & 0o077 == 0


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
