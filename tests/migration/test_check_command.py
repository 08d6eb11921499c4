"""`python -m migration check`: what it says, how it ends, what it keeps, and that it can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psycopg
import pytest

from migration.checking import REPORT, STATE
from migration.database import connected
from migration.findings import Exit, Report, Severity
from migration.state import RunState, alone_in
from scripts.stack import ROOT
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import FAST, Crowd, execute

PATIENCE_SECONDS = 60.0


def without_times(report: Report) -> Report:
    """Return what two runs must have in common."""
    return msgspec.structs.replace(report, as_of=report.as_of.min, ended_at=report.ended_at.min)


def test_findings_are_told_to_programs(crowd_of: CrowdOf, tools: Tools) -> None:
    """One JSON document on standard output; it is also kept, for `fix` and for reports."""
    crowd = crowd_of("db1")
    ended = tools("check", "--database-url", crowd.url, "--json", "--samples", "2", *FAST)
    assert ended.status == Exit.FOUND
    report = ended.report
    assert (tools.directory / REPORT).read_text() == ended.out
    assert not (tools.directory / STATE).exists()
    assert report.rows["messages"] == crowd.manifest.rows["messages"]
    (creators,) = [finding for finding in report.findings if finding.check == "creators_missing"]
    assert creators.severity is Severity.ERROR
    assert creators.fix == "python -m migration fix --only creators_missing"
    assert creators.count == len(crowd.expected("creators_missing"))
    assert list(creators.samples) == crowd.expected("creators_missing")[:2]
    ranks = [list(Severity).index(finding.severity) for finding in report.findings]
    assert ranks == sorted(ranks)


def test_findings_are_told_to_people(crowd_of: CrowdOf, tools: Tools) -> None:
    """What it is, how many, what happens, what to do, some keys; and what does not apply."""
    ended = tools("check", "--database-url", crowd_of("db1").url, *FAST)
    assert ended.status == Exit.FOUND
    for part in (
        "ERROR creators_missing: ",
        "  if ignored: ",
        "  fix: python -m migration fix --only ",
        "  for example: ",
    ):
        assert part in ended.out
    assert "does not apply (8): " in ended.out
    assert ended.out.splitlines()[-1].endswith("rows looked at")


def test_no_content_is_ever_told(crowd_of: CrowdOf, tools: Tools) -> None:
    """Keys and numbers only (contract F11)."""
    ended = tools("check", "--database-url", crowd_of("db1").url, "--json", "--samples", "10000", *FAST)
    for text in ("planted", "back\\\\slash", "see you at eight", "Crowd 1", "+4916"):
        assert text not in ended.out + ended.err


def test_a_clean_database_is_status_0(crowd: Crowd, tools: Tools) -> None:
    """Notices alone do not count: they ask for nothing."""
    keep = "select u.id from users u where u.username ~ '^crowd[0-9]{1,5}$'"
    execute(crowd, f"delete from users where id not in ({keep})", "delete from conversations where true")
    chosen = ("--only", "users_without_auth_id", "--only", "accounts_without_user")
    ended = tools("check", "--database-url", crowd.url, *chosen, "--share", "1", "--json")
    assert ended.status == Exit.CLEAN
    assert [one.check for one in ended.report.findings] == ["accounts_without_user"]


def test_only_and_skip_choose(crowd_of: CrowdOf, tools: Tools) -> None:
    """By name; an unknown one is refused."""
    chosen = ("--only", "typing_stale", "--only", "presence_stale", "--skip", "presence_stale")
    ended = tools("check", "--database-url", crowd_of("db1").url, "--json", *chosen)
    assert [one.check for one in ended.report.findings] == ["typing_stale"]
    refused = tools("check", "--database-url", crowd_of("db1").url, "--only", "typing_fast")
    assert refused.status == Exit.REFUSED
    assert refused.err.startswith("migration: There is no typing_fast; there are: ")


def test_what_could_not_be_compared_is_said(crowd_of: CrowdOf, tools: Tools) -> None:
    """Nothing else was found, but not everything was looked at: that is no success."""
    ended = tools("check", "--database-url", crowd_of("db1").url, "--only", "unread_counts", "--json")
    assert ended.status == Exit.INCOMPLETE
    assert [(one.check, one.applies) for one in ended.report.not_run] == [("unread_counts", True)]


def wait_for_progress(state: Path) -> None:
    """Wait until a run has written down that it is in the middle of a table."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        places = msgspec.json.decode(state.read_bytes(), type=RunState).places if state.exists() else {}
        if not all(place.done for place in places.values()):
            return
        time.sleep(0.02)  # it happens in another process
    pytest.fail("the run wrote no state")


def test_a_killed_run_is_resumed_with_the_same_result(crowd_of: CrowdOf, tools: Tools) -> None:
    """Kill -9 in the middle; afterwards the report is that of an undisturbed run."""
    crowd = crowd_of("db3")
    slowly = ("--page-rows", "100", "--share", "0.05", "--skip", "unread_counts", "--samples", "50")
    command = (sys.executable, "-m", "migration", "check", "--directory", str(tools.directory), *slowly)
    environment = {"PATH": os.environ["PATH"], "MIGRATION_DATABASE_URL": crowd.url}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        wait_for_progress(tools.directory / STATE)
        run.send_signal(signal.SIGKILL)
        run.wait(PATIENCE_SECONDS)
    state = msgspec.json.decode((tools.directory / STATE).read_bytes(), type=RunState)
    assert not all(place.done for place in state.places.values())
    resumed = tools("check", "--database-url", crowd.url, "--resume", "--json", "--share", "1").report
    undisturbed = tools("check", "--database-url", crowd.url, "--json", "--samples", "50", *FAST).report
    assert without_times(resumed) == without_times(undisturbed)
    assert resumed.as_of == state.as_of


def test_there_may_be_nothing_to_resume(crowd_of: CrowdOf, tools: Tools) -> None:
    """Or a state of another database, of another version, or of none."""
    url = crowd_of("db1").url
    state = tools.directory / STATE
    assert "nothing to resume" in tools("check", "--database-url", url, "--resume").err
    foreign = RunState(fingerprint="another", as_of=crowd_of("db1").manifest.as_of, checks=[], sample_size=1)
    cases = {
        b"not JSON": "cannot be read",
        msgspec.json.encode(foreign): "belongs to another database",
        msgspec.json.encode(msgspec.structs.replace(foreign, format=0)): "written by another version",
    }
    state.parent.mkdir(exist_ok=True)
    for content, said in cases.items():
        state.write_bytes(content)
        ended = tools("check", "--database-url", url, "--resume")
        assert ended.status == Exit.REFUSED
        assert said in ended.err


def test_it_cannot_write(crowd_of: CrowdOf) -> None:
    """The server refuses, in a look of ours as in any other transaction of the connection."""
    with connected(crowd_of("db1").url, timeout_seconds=5, read_only=True) as database:
        database.prove_read_only()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), database.looking() as connection:
            connection.execute("delete from typing_indicators")


def test_a_directory_that_cannot_be_written_is_said(crowd_of: CrowdOf, tools: Tools) -> None:
    """Before anything is looked at."""
    tools.directory.write_text("a file")
    ended = tools("check", "--database-url", crowd_of("db1").url)
    assert ended.status == Exit.REFUSED
    assert "cannot be written" in ended.err


def test_two_at_once_do_not_share_a_directory(crowd_of: CrowdOf, tools: Tools) -> None:
    """Each would write over the other's state; whoever is killed lets go."""
    with alone_in(tools.directory):
        ended = tools("check", "--database-url", crowd_of("db1").url, *FAST)
    assert (ended.status, "is at work in" in ended.err) == (Exit.REFUSED, True)
    assert tools("check", "--database-url", crowd_of("db1").url, "--only", "groups_without_room").status == Exit.FOUND
