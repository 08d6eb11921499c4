"""The doctor looks at who may do what: policies, rights and roles; its SQL, when run, ends what it found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from migration.doctor import rights
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import Crowd, execute
from tests.migration.doctoring import found, mend


@contextmanager
def acting(crowd: Crowd, auth_id: str) -> Iterator[psycopg.Connection]:
    """Begin a transaction as a signed-in person of the API."""
    with psycopg.connect(crowd.superuser) as connection:
        claims = json.dumps({"sub": auth_id, "role": "authenticated"})
        connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        connection.execute("set local role authenticated")
        yield connection
        connection.rollback()


MEMBERS = """
select c.id::text, u.id::text, u.auth_user_id::text from conversations c
join conversation_participants p on p.conversation_id = c.id join users u on u.id = p.user_id
where c.name like 'group %' and c.created_by <> u.id and p.left_at is null order by 1, 2
"""
SEND = "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'hello')"
JOIN = "insert into conversation_participants (conversation_id, user_id) values (%s, %s)"
READ = "insert into message_status (message_id, user_id, status) select id, %s, 'read' from messages limit 1"


def test_the_policies_that_it_proposes_let_members_through_and_nobody_else(crowd: Crowd, tools: Tools) -> None:
    """A member writes and keeps receipts; a stranger neither writes nor lets himself in."""
    for look in ("open_tables", "strangers", "closed_tables"):
        mend(crowd, found(tools, crowd, look))
    with psycopg.connect(crowd.superuser) as connection:
        (place, member, account), *others = connection.execute(MEMBERS).fetchall()
    elsewhere, foreign, _ = next(one for one in others if one[0] != place)
    with acting(crowd, account) as connection:
        connection.execute(SEND, (place, member))
        connection.execute(READ, (member,))
    refused: list[tuple[str, tuple[str, ...]]] = [
        (SEND, (elsewhere, member)),
        (SEND, (place, foreign)),
        (JOIN, (elsewhere, member)),
        (READ, (foreign,)),
    ]
    for statement, values in refused:
        with acting(crowd, account) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement, values)


def test_tables_without_row_level_security_are_open(crowd: Crowd, tools: Tools) -> None:
    """Empty ones, too: what will be in them is meant."""
    execute(crowd, "alter table message_status disable row level security", "truncate message_status")
    findings = [one for one in found(tools, crowd, "open_tables") if "message_status" in one.evidence]
    assert [one.fix.split(" -- ")[0] for one in findings] == [
        "alter table public.message_status enable row level security;"
    ]


def test_a_restrictive_policy_closes_a_table(crowd: Crowd, tools: Tools) -> None:
    """What anon sees counts, not what one policy says."""
    execute(crowd, "create policy nobody on messages as restrictive for select to anon using (false)")
    assert "messages" not in {one.evidence.split()[-1].strip(".") for one in found(tools, crowd, "open_tables")}


def test_a_right_that_was_taken_away_closes_a_table(crowd: Crowd, tools: Tools) -> None:
    """Policies do not matter then."""
    execute(crowd, "revoke select on messages from anon")
    assert "messages" not in {one.evidence.split()[-1].strip(".") for one in found(tools, crowd, "open_tables")}


def test_rights_of_the_secret_key_are_looked_at_and_mended(crowd: Crowd, tools: Tools) -> None:
    """Table by table."""
    execute(crowd, "revoke insert, delete on message_status from service_role")
    findings = found(tools, crowd, "rights")
    assert [one.evidence for one in findings] == ["service_role may not delete, insert on message_status."]
    mend(crowd, findings)
    assert found(tools, crowd, "rights") == ()


@pytest.mark.parametrize(("role", "said"), [("anon", "does not bypass"), ("nobody_at_all", "There is no role")])
def test_a_role_that_cannot_do_its_work_is_told(
    role: str, said: str, crowd_of: CrowdOf, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real one is the whole server's, so another stands in for it."""
    monkeypatch.setattr(rights, "ROLE", role)
    assert any(said in finding.evidence for finding in found(tools, crowd_of("db1"), "rights"))
