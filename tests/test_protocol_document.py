"""docs/protocol.md has a section for whatever is on the wire, and what is made from the code is as the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.specification.commands import COMMANDS
from bridge.specification.messages import PUSHES_BY_NAME
from scripts.documents import DOCUMENTS, PROTOCOL, NoSuchPart, main, with_parts

TEXT = PROTOCOL.read_text(encoding="utf-8")
HEADINGS = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
LINKS = sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT)))


def section(name: str) -> str:
    """Return what stands under a heading of the third level."""
    found = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def anchor(heading: str) -> str:
    """Return the anchor that readers of Markdown make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    ("kind", "name"), [*(("command", name) for name in COMMANDS), *(("push", name) for name in PUSHES_BY_NAME)]
)
def test_everything_on_the_wire_has_its_section(kind: str, name: str) -> None:
    """With words, and with the parts that scripts/docs fills in."""
    text = section(name)
    assert text, f"docs/protocol.md has no section for the {kind} {name}: add '### {name}'"
    for part in (f"about {name}", f"{kind} {name}"):
        begin = f"<!-- made by scripts/docs: {part} -->"
        assert begin in text, f"the section of {name} lacks '{begin}' and '<!-- end -->'; then run scripts/docs"
    by_hand = re.sub(r"<!-- made by.*?<!-- end -->", "", text, flags=re.DOTALL).strip()
    assert by_hand, f"the section of {name} says nothing but what is made from the code"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_up_to_date(document: Path) -> None:
    """Tables, fields, errors, examples."""
    text = document.read_text(encoding="utf-8")
    assert with_parts(text) == text, f"docs/{document.name} is behind the code: run scripts/docs"


def test_a_document_that_is_behind_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once: the second time there is nothing to do."""
    path = tmp_path / "protocol.md"
    path.write_text(TEXT.replace("| `content`", "| `text`"), encoding="utf-8")
    assert (main(path), main(path)) == (0, 0)
    assert path.read_text(encoding="utf-8") == TEXT
    assert capsys.readouterr().out == "wrote protocol.md\n"


@pytest.mark.parametrize("what", ["command gone", "push gone", "about gone", "nothing"])
def test_a_part_that_nothing_makes_is_refused(what: str) -> None:
    """No section is left of a type that is gone."""
    with pytest.raises(NoSuchPart, match=what):
        with_parts(f"<!-- made by scripts/docs: {what} -->\n<!-- end -->")


def test_a_part_is_replaced_and_the_rest_stays() -> None:
    """The comparison above can fail."""
    before = "one\n<!-- made by scripts/docs: push typing_update -->\nold\n<!-- end -->\ntwo\n"
    after = with_parts(before)
    assert after.startswith("one\n<!-- made by")
    assert after.endswith("<!-- end -->\ntwo\n")
    assert "old" not in after
    assert "`isTyping`" in after


@pytest.mark.parametrize("link", LINKS)
def test_every_link_leads_somewhere(link: str) -> None:
    """To a heading, or to a file of the repository."""
    if link.startswith("#"):
        assert link.removeprefix("#") in {anchor(heading) for heading in HEADINGS}
    else:
        assert (PROTOCOL.parent / link).exists()
