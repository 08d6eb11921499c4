"""`python -m migration check`: what it says, how it ends, what it keeps, and that it can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psycopg
import pytest

from migration.checking import REPORT, STATE
from migration.checks import CHECKS
from migration.database import connected
from migration.findings import Exit, Report, Severity
from migration.state import RunState, alone_in
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.cast import CONVERSATIONS
from scripts.stack import ROOT
from tests.conftest import SandboxOf
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import AS_POSTGRES, PLANTED, Crowd, execute

FAST = ("--share", "1", "--skip", "unread_counts")
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


def free_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_bad_addresses_are_one_sentence(sandbox: SandboxAddress, tools: Tools) -> None:
    """Exit status 2; the password is never repeated."""
    good = sandbox.database_url
    address = good.rpartition("@")[2]
    cases = {
        "mysql://somebody:hush@localhost/chat": "must begin with postgresql://",
        "postgresql://somebody:hush%zz@localhost/chat": "cannot be read",
        f"postgresql://somebody:hu@sh@{address}": "must be %-encoded",
        f"postgresql://somebody:hush@{address}?pgbouncer=true": "pgbouncer=true does not belong there",
        f"postgresql://somebody:hush@{address}?connect_timeout=hush": "cannot be read",
        f"postgresql://somebody:hush@{address}?sslmode=hush": "sslmode that is none",
        "postgresql://somebody:hush@localhost:70000/chat": "port that is none",
        f"postgresql://supabase_admin:hush@{address}": "refuses the password",
        f"postgresql://supabase_admin@{address}": "wants a password",
        good.replace("/postgres", "/nothing"): "has no such database or role",
        f"postgresql://somebody:hush@127.0.0.1:{free_port()}/chat": "nobody listens",
        "postgresql://somebody:hush@no.such.host.invalid/chat": "no name server knows",
    }
    for url, said in cases.items():
        ended = tools("check", "--database-url", url)
        assert ended.status == Exit.REFUSED
        assert ended.out == ""
        assert ended.err.startswith("migration: ")
        assert said in ended.err
        assert ended.err.count("\n") == 1
        assert "hush" not in ended.err


def test_settings_are_one_sentence(tools: Tools, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither of the two, half of one, an unusable file."""
    assert tools("check").err.startswith("migration: Nothing to look at: set MIGRATION_DATABASE_URL")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert "is empty" in tools("check", "--database-url-file", empty).err
    assert "cannot be read" in tools("check", "--database-url-file", tmp_path / "none").err
    monkeypatch.setenv("SUPABASE_URL", "https://project.supabase.co")
    ended = tools("check")
    assert (ended.status, ended.err) == (Exit.REFUSED, "migration: SUPABASE_SECRET_KEY is not set.\n")


def test_the_address_comes_from_a_file_or_the_environment(
    crowd_of: CrowdOf, tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no list of processes shows it."""
    file = tmp_path / "url"
    file.write_text(crowd_of("db1").url + "\n")
    assert tools("check", "--database-url-file", file, "--only", "groups_without_room").status == Exit.FOUND
    monkeypatch.setenv("MIGRATION_DATABASE_URL", crowd_of("db1").url)
    assert tools("check", "--only", "groups_without_room").status == Exit.FOUND


def test_a_database_that_is_no_chat_is_refused(crowd: Crowd, tools: Tools) -> None:
    """It names what a chat would have."""
    execute(crowd, "alter table messages rename to letters")
    ended = tools("check", "--database-url", crowd.url)
    assert ended.status == Exit.REFUSED
    assert ended.err == "migration: This database is not a chat: it has no table messages in schema public.\n"


def test_half_a_schema_is_checked_as_far_as_it_goes(crowd: Crowd, tools: Tools) -> None:
    """Checks of what is missing say so; the others find what they find."""
    execute(crowd, "drop table group_members cascade", "alter table messages drop column reply_to_id")
    report = tools("check", "--database-url", crowd.url, "--json", *FAST).report
    reasons = {one.check: one.reason for one in report.not_run}
    assert reasons["members_without_seat"] == "there is no group_members.id"
    assert reasons["replies_across_conversations"] == "there is no messages.reply_to_id"
    assert "creators_missing" in {one.check for one in report.findings}


def test_a_role_that_does_not_see_every_row_is_refused(crowd: Crowd, tools: Tools) -> None:
    """Row-level security leaves rows out without a word: half the rows would look like damage."""
    execute(
        crowd,
        "drop role if exists half_blind",
        "create role half_blind login password 'hush'",
        "grant usage on schema public to half_blind",
        "grant select on all tables in schema public to half_blind",
    )
    address = crowd.superuser.rpartition("@")[2]
    try:
        ended = tools("check", "--database-url", f"postgresql://half_blind:hush@{address}")
    finally:
        execute(crowd, "drop owned by half_blind", "drop role half_blind")
    assert ended.status == Exit.REFUSED
    assert "The role half_blind does not see all rows of conversation_participants, conversations" in ended.err


def test_a_table_that_may_not_be_read_is_said(crowd: Crowd, tools: Tools) -> None:
    """The other checks go on."""
    execute(crowd, "alter table auth.users owner to supabase_auth_admin", "revoke all on auth.users from postgres")
    ended = tools("check", "--database-url", crowd.url, "--json", "--only", "accounts_without_user")
    assert ended.status == Exit.INCOMPLETE
    (left_out,) = ended.report.not_run
    assert left_out.reason == "the role postgres does not see all rows of auth.users"


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


def use(sandbox: SandboxAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the bridge's settings for a sandbox."""
    monkeypatch.setenv("SUPABASE_URL", sandbox.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", sandbox.secret_key)


def test_over_rest_alone_some_checks_run(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that filters can express find the same; the others say what they need."""
    use(sandbox, monkeypatch)
    ended = tools("check", "--json", "--share", "1", "--samples", "10000")
    over_rest = ended.report
    monkeypatch.delenv("SUPABASE_URL")
    url = sandbox.database_url + AS_POSTGRES
    direct = tools("check", "--database-url", url, "--json", "--samples", "10000", *FAST).report
    asked = {name for name in PLANTED if CHECKS[name].rest is not None}
    assert {one.check for one in over_rest.not_run} == CHECKS.keys() - asked
    assert {one.check: sorted(one.samples) for one in over_rest.findings} == {
        one.check: sorted(one.samples) for one in direct.findings if one.check in asked
    }
    (half,) = [one for one in over_rest.findings if one.check == "conversations_without_creator"]
    assert CONVERSATIONS["damaged"] in half.samples


def test_over_rest_a_wrong_key_or_address_is_one_sentence(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2; the key is never repeated."""
    use(sandbox, monkeypatch)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_hush")
    ended = tools("check")
    assert (ended.status, ended.err) == (
        Exit.REFUSED,
        "migration: The project refuses SUPABASE_SECRET_KEY with status 401.\n",
    )
    monkeypatch.setenv("SUPABASE_URL", f"http://127.0.0.1:{free_port()}")
    ended = tools("check")
    assert (ended.status, ended.err) == (Exit.REFUSED, "migration: SUPABASE_URL does not answer: ConnectError.\n")


def test_unread_counts_are_compared_with_the_project(
    sandbox_of: SandboxOf, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge answers what one SQL statement counts, on each kind of column."""
    for generation in ("db1", "db3"):
        sandbox = sandbox_of(generation)
        use(sandbox, monkeypatch)
        url = sandbox.database_url + AS_POSTGRES
        ended = tools("check", "--database-url", url, "--only", "unread_counts", "--json")
        assert [one.check for one in ended.report.passed] == ["unread_counts"]


def test_unread_counts_of_another_database_are_not_compared(
    sandbox: SandboxAddress, crowd_of: CrowdOf, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two settings that do not belong together are noticed, before hours of work are in vain."""
    use(sandbox, monkeypatch)
    ended = tools("check", "--database-url", crowd_of("db1").url, "--only", "unread_counts")
    assert not (tools.directory / STATE).exists()
    assert ended.status == Exit.REFUSED
    assert ended.err.endswith("migration: SUPABASE_URL and MIGRATION_DATABASE_URL are not the same database.\n")


def test_what_a_serving_bridge_is_set_to_has_no_part_in_it(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is typed where the bridge runs: a wrong plan is no obstacle, and no ledger is made."""
    use(sandbox, monkeypatch)
    monkeypatch.setenv("BRIDGE_ROLLOUT_FILE", str(tmp_path / "nothing.toml"))
    monkeypatch.setenv("BRIDGE_COMPAT_DEPRECATION_FILE", str(tmp_path / "nothing.toml"))
    monkeypatch.setenv("BRIDGE_USAGE_FILE", str(tmp_path / "usage.sqlite"))
    url = sandbox.database_url + AS_POSTGRES
    assert tools("check", "--database-url", url, "--only", "unread_counts").status == Exit.CLEAN
    assert tools("doctor", "--only", "tables").status == Exit.CLEAN
    assert not (tmp_path / "usage.sqlite").exists()
