"""Where `check` looks: addresses, settings and roles that will do, and one sentence for those that will not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from migration.checking import STATE
from migration.checks import CHECKS
from migration.findings import Exit
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.cast import CONVERSATIONS
from tests.conftest import SandboxOf
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import AS_POSTGRES, FAST, PLANTED, Crowd, execute


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
