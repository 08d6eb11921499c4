"""`python -m migration doctor` over a direct connection: each finding, and that its SQL, when run, ends it."""

from __future__ import annotations

from typing import Final

import pytest

from bridge.feed.changes import OPTIONAL_TABLES, TABLES
from migration.doctor import LOOKS, indexes, limits
from migration.findings import Exit, Severity
from scripts.sandbox.generations import GENERATIONS, Generation
from scripts.sandbox.schema import PUBLISH_ALL
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import Crowd, dump, execute
from tests.migration.doctoring import examined, found, mend

OVER_SQL: Final = [name for name in LOOKS if name not in {"keys", "signing", "realtime", "change"}]


def test_a_stock_project_has_its_findings(crowd_of: CrowdOf, tools: Tools) -> None:
    """What the app's own migrations leave is told, worst first; what needs the API is said to be missing."""
    ended = tools("doctor", "--database-url", crowd_of("db1").url, "--json")
    assert ended.status == Exit.FOUND
    report = ended.report
    told = [finding.check for finding in report.findings]
    assert {name: told.count(name) for name in told} == {
        "open_tables": 4,
        "strangers": 3,
        "indexes": 4,
        "closed_tables": 5,
        "functions": 2,
    }
    assert {one.check for one in report.not_run if one.applies} == {"keys", "signing", "realtime"}
    assert {one.check for one in report.passed} == set(OVER_SQL) - set(told)
    assert (tools.directory / "doctor.json").read_text() == ended.out


def test_people_see_the_same(crowd_of: CrowdOf, tools: Tools) -> None:
    """In sentences, with the evidence of what is well."""
    said = tools("doctor", "--database-url", crowd_of("db1").url).out
    for part in (
        "ERROR open_tables: The anon key reads messages.",
        "ok generation: DB-1",
        "not looked at:",
        "6 errors",
    ):
        assert part in said


def test_a_look_writes_nothing(crowd_of: CrowdOf, tools: Tools) -> None:
    """Although functions of the app are called that would."""
    crowd = crowd_of("db1")
    before = dump(crowd)
    examined(tools, crowd)
    assert dump(crowd) == before


@pytest.mark.parametrize("look", ["open_tables", "strangers", "indexes", "closed_tables", "functions"])
def test_the_sql_of_a_finding_ends_it(look: str, crowd: Crowd, tools: Tools) -> None:
    """It can be pasted as it is (contract F44)."""
    findings = found(tools, crowd, look)
    assert findings
    mend(crowd, findings)
    assert found(tools, crowd, look) == ()


@pytest.mark.parametrize(
    ("generation", "evidence"),
    [
        ("db1", "DB-1: encrypted_content is text"),
        ("db2", "DB-2: encrypted_content is bytea"),
        ("db3", "DB-3: encrypted_content is bytea"),
    ],
)
def test_a_whole_generation_is_named(generation: Generation, evidence: str, crowd_of: CrowdOf, tools: Tools) -> None:
    """By its signs."""
    (passed,) = examined(tools, crowd_of(generation), "generation").passed
    assert passed.evidence == evidence


@pytest.mark.parametrize("generation", [name for name in GENERATIONS if name not in {"db1", "db2", "db3"}])
def test_an_upgrade_that_stopped_is_told(generation: Generation, crowd_of: CrowdOf, tools: Tools) -> None:
    """With what is there, what is not, and where the cast failed what to look for."""
    (finding,) = found(tools, crowd_of(generation), "generation")
    assert finding.severity is Severity.WARNING
    assert ("contents_that_stop_the_cast" in finding.fix) == generation.endswith("-text")


@pytest.mark.parametrize(
    ("generation", "broken"),
    [
        ("db1", ["get_user_conversations(uuid)", "join_group_by_invite(text,uuid)"]),
        (
            "db2",
            [
                "get_user_conversations_enhanced(uuid)",
                "get_group_rooms(uuid,uuid)",
                "join_group_by_invite(text,uuid)",
                "create_direct_conversation(uuid,uuid)",
                "create_group_with_default_room(text,uuid,text,boolean)",
            ],
        ),
    ],
)
def test_functions_that_never_work_are_named(
    generation: Generation, broken: list[str], crowd_of: CrowdOf, tools: Tools
) -> None:
    """Ambiguous names, results of another type, what collides with the creator's trigger (contract F3, F41, F42)."""
    findings = found(tools, crowd_of(generation), "functions")
    assert [finding.evidence.split(" ")[0] for finding in findings] == broken


def test_missing_columns_and_tables_are_named(crowd: Crowd, tools: Tools) -> None:
    """With the statement that adds each."""
    execute(
        crowd,
        "alter table conversations drop column is_private",
        "alter table messages drop column edited_at, drop column metadata",
        "drop table user_presence",
    )
    (finding,) = found(tools, crowd, "tables")
    assert finding.evidence == (
        "The bridge needs, and does not find: the table user_presence, conversations.is_private, messages.metadata, "
        "messages.edited_at."
    )
    statements = [line for line in finding.fix.split(" alter ") if "user_presence" not in line]
    execute(crowd, *(f"alter {statement}" for statement in statements))
    (finding,) = found(tools, crowd, "tables")
    assert finding.evidence == "The bridge needs, and does not find: the table user_presence."


def test_content_of_another_type_is_told(crowd: Crowd, tools: Tools) -> None:
    """The bridge reads text and bytea."""
    execute(crowd, "alter table messages alter column encrypted_content type jsonb using to_jsonb(encrypted_content)")
    (finding,) = found(tools, crowd, "tables")
    assert "as text or bytea (it is jsonb)" in finding.evidence


PUBLICATIONS = {
    "alter publication supabase_realtime drop table messages": Severity.ERROR,
    "alter publication supabase_realtime drop table user_presence": Severity.WARNING,
    "alter publication supabase_realtime set (publish = 'insert')": Severity.ERROR,
    "drop publication supabase_realtime": Severity.ERROR,
    "alter publication supabase_realtime set table messages where (message_type = 'text')": Severity.WARNING,
}


@pytest.mark.parametrize(("damage", "severity"), PUBLICATIONS.items())
def test_a_publication_is_looked_at_and_mended(damage: str, severity: Severity, crowd: Crowd, tools: Tools) -> None:
    """Each way in which a table can be silent (contract F44)."""
    execute(crowd, damage)
    findings = found(tools, crowd, "publication")
    assert severity in {finding.severity for finding in findings}
    mend(crowd, findings)
    assert found(tools, crowd, "publication") == ()


def test_an_empty_publication_names_every_table(crowd: Crowd, tools: Tools) -> None:
    """As in a project where nobody has switched anything on."""
    execute(crowd, "drop publication supabase_realtime", "create publication supabase_realtime")
    execute(crowd, "alter publication supabase_realtime owner to postgres")
    assert [finding.fix for finding in found(tools, crowd, "publication")] == [
        f"alter publication supabase_realtime add table public.{table};" for table in (*TABLES, *OPTIONAL_TABLES)
    ]
    execute(crowd, PUBLISH_ALL.read_text())
    assert found(tools, crowd, "publication") == ()


@pytest.mark.parametrize(("kind", "severity"), [("nothing", Severity.ERROR), ("full", Severity.NOTICE)])
def test_replica_identity_is_looked_at_and_mended(kind: str, severity: Severity, crowd: Crowd, tools: Tools) -> None:
    """Without any, every UPDATE of a published table fails."""
    execute(crowd, f"alter table messages replica identity {kind}")
    findings = found(tools, crowd, "replica_identity")
    assert [finding.severity for finding in findings] == [severity]
    mend(crowd, findings)
    assert found(tools, crowd, "replica_identity") == ()


def test_a_table_without_key_has_no_replica_identity(crowd: Crowd, tools: Tools) -> None:
    """The default is the primary key."""
    execute(crowd, "alter table typing_indicators drop constraint typing_indicators_pkey")
    findings = found(tools, crowd, "replica_identity")
    assert findings[0].fix.startswith("alter table public.typing_indicators replica identity full; -- or ")
    mend(crowd, findings)
    (full,) = found(tools, crowd, "replica_identity")
    assert full.severity is Severity.NOTICE


def test_an_index_that_is_not_valid_is_told(crowd: Crowd, tools: Tools) -> None:
    """It does not count as one."""
    execute(crowd, "create index half on messages (conversation_id, created_at)")
    assert "messages" not in {finding.evidence.split()[3] for finding in found(tools, crowd, "indexes")}
    execute(crowd, "update pg_index set indisvalid = false where indexrelid = 'half'::regclass")
    evidence = [finding.evidence for finding in found(tools, crowd, "indexes")]
    assert "The index half is not valid: building it concurrently was broken off." in evidence
    assert "No index on messages begins with (conversation_id, created_at)." in evidence


def test_the_file_of_indexes_has_what_is_wanted(crowd: Crowd, tools: Tools) -> None:
    """Run as it is, it ends all findings of a database of the app's."""
    text = "\n".join(line for line in indexes.SQL.read_text().splitlines() if not line.startswith("--"))
    execute(crowd, *(statement for statement in text.split(";") if statement.strip()))
    assert found(tools, crowd, "indexes") == ()


def test_an_idle_slot_is_told(crowd: Crowd, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that holds back more than is good."""
    monkeypatch.setattr(limits, "WAL_WORRY_BYTES", -1)
    execute(crowd, "select pg_create_logical_replication_slot('forgotten', 'pgoutput')")
    try:
        findings = found(tools, crowd, "limits")
    finally:
        execute(crowd, "select pg_drop_replication_slot('forgotten')")
    assert any("forgotten" in finding.fix for finding in findings)


def test_a_busy_database_is_told(crowd: Crowd, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than half of the smallest plan's rate."""
    monkeypatch.setattr(limits, "SMALLEST_PLAN_PER_SECOND", 0.001)
    assert "messages per second" in found(tools, crowd, "limits")[0].evidence


def test_full_settings_are_told() -> None:
    """And a server that cannot do logical replication at all."""
    assert "max_wal_senders = 20" in limits.exhausted("max_wal_senders", 10).fix
    assert "wal_level = 'logical'" in limits.no_logical_log("replica").fix


def test_what_a_killed_doctor_left_is_told_and_mended(crowd: Crowd, tools: Tools) -> None:
    """A schema of its own, by its name."""
    execute(crowd, "create schema chat_bridge_doctor_12345678 authorization postgres")
    findings = found(tools, crowd, "leftovers")
    assert len(findings) == 1
    mend(crowd, findings)
    assert found(tools, crowd, "leftovers") == ()


def test_unknown_looks_and_other_databases_are_refused(crowd: Crowd, tools: Tools) -> None:
    """One sentence, status 2."""
    assert tools("doctor", "--database-url", crowd.url, "--only", "the_sky").status == Exit.REFUSED
    execute(crowd, "drop table conversation_participants cascade")
    ended = tools("doctor", "--database-url", crowd.url)
    assert ended.status == Exit.REFUSED
    assert "is not a chat" in ended.err


def test_a_question_that_is_refused_is_said(crowd: Crowd, tools: Tools) -> None:
    """The others are asked all the same."""
    execute(
        crowd,
        "alter table users owner to supabase_admin",
        "revoke all on users from postgres, anon, authenticated, service_role",
    )
    report = examined(tools, crowd, "closed_tables", "publication")
    assert [(one.check, one.reason) for one in report.not_run] == [
        ("closed_tables", "the role may not read or write what it is about")
    ]
    assert [one.check for one in report.passed] == ["publication"]
