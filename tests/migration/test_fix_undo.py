"""What `fix` did can be taken back, whatever happened meanwhile, and goes on where it was killed."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psycopg
import pytest

from migration.errors import Interrupted
from migration.findings import Exit
from migration.fixing import STATE
from migration.repairs import Change
from migration.state import RunState
from migration.undo import Header, UndoFile, read_undo
from scripts.stack import ROOT
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import TURNS, Crowd, copied, dump, execute
from tests.migration.fixing import LEFT_ALONE, PATIENCE_SECONDS, checked, counts, fixed, undone


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
