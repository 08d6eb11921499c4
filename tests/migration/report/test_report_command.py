"""`python -m migration report`: from files and bridges to a page."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from bridge.usage import Batch
from bridge.usage.sqlite import SqliteUsage
from migration.__main__ import main
from migration.findings import printed
from tests.contract.usage import row
from tests.e2e.routing.servers import telling
from tests.migration.report.known import finding, parity, report


def leave(directory: Path, **documents: msgspec.Struct) -> None:
    """Put down what other commands leave."""
    for name, document in documents.items():
        (directory / f"{name}.json").write_bytes(printed(document))


async def fill(ledger: Path, day: date) -> None:
    """Count a legacy writer's message."""
    store = SqliteUsage.open(ledger)
    await store.add(Batch(rows=[row("1", day=day)]))
    await store.close()


def run(directory: Path, *arguments: str) -> int:
    """Run the command there."""
    return main(["report", "--directory", str(directory), *arguments])


def test_in_an_empty_folder_it_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NO-GO, status 1, and a page all the same."""
    assert run(tmp_path) == 1
    told = capsys.readouterr().out
    assert told.startswith("NO-GO\n")
    assert "doctor was never run." in told
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_with_json_one_document_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verdict, limits and evidence."""
    leave(tmp_path, doctor=report("doctor"), check=report("check", finding()), parity=parity())
    assert run(tmp_path, "--json", "--output", str(tmp_path / "page.html")) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"]["go"] is False
    assert document["evidence"]["check"]["findings"][0]["check"] == "orphans"
    assert (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("doctor.json", b"{}"),
        ("check.json", b"not json"),
        ("parity.json", b'{"format":2}'),
        ("rollout-drill.json", b"[]"),
    ],
)
def test_a_broken_document_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    """One sentence, status 2, no page."""
    (tmp_path / name).write_bytes(content)
    assert run(tmp_path) == 2
    assert name in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_a_ledger_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As any other file that cannot be read."""
    (tmp_path / "usage").write_bytes(b"nothing like a ledger")
    assert run(tmp_path, "--usage-file", str(tmp_path / "usage")) == 2
    assert "usage ledger" in capsys.readouterr().err


def test_a_ledger_is_found_by_the_settings_of_a_bridge(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, or a project; what is named on the command line comes first. One that cannot be read is an error."""
    ledger, today = tmp_path / "usage.sqlite", datetime.now(UTC).date()
    asyncio.run(fill(ledger, today))
    for arguments in ((), ("--usage-file", str(ledger))):
        monkeypatch.setenv("BRIDGE_USAGE_FILE", "/nowhere/at/all" if arguments else str(ledger))
        assert run(tmp_path, "--json", *arguments) == 1
        assert json.loads(capsys.readouterr().out)["evidence"]["usage"]["writes"][0]["by_legacy"] == 1
    assert run(tmp_path) == 2
    assert "The usage ledger cannot be read: unable to open database file." in capsys.readouterr().err
    monkeypatch.setenv("BRIDGE_USAGE", "sometimes")
    assert run(tmp_path) == 2
    assert "BRIDGE_USAGE must be" in capsys.readouterr().err


def test_bridges_are_asked_as_an_operator_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the token that is refused at once."""
    monkeypatch.delenv("BRIDGE_OPERATOR_TOKEN", raising=False)
    assert run(tmp_path, "--bridge", "http://127.0.0.1:1") == 2
    assert "BRIDGE_OPERATOR_TOKEN" in capsys.readouterr().err


def test_a_bridge_that_does_not_answer_or_is_none_is_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is made all the same."""
    monkeypatch.setenv("BRIDGE_OPERATOR_TOKEN", "operators only, 32 characters long")
    with telling("something else") as port:
        assert run(tmp_path, "--bridge", f"http://127.0.0.1:{port}", "--bridge", "http://127.0.0.1:1") == 1
    told = capsys.readouterr().out
    assert "does not answer" in told
    assert "answers something else" in told


def test_what_is_no_address_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence."""
    monkeypatch.setenv("BRIDGE_OPERATOR_TOKEN", "operators only, 32 characters long")
    assert run(tmp_path, "--bridge", "no address") == 2
    assert "is no address of a bridge" in capsys.readouterr().err
