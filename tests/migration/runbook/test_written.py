"""How a runbook is read, and that a difference is noticed."""

from __future__ import annotations

import pytest

from scripts.documents import DOCS
from tests.migration.runbook.written import Command, Differs, File, Part, parts

BOOK = """# Title

## 1. Look

```console
$ look twice  # exit status 1
2 things …
…
the end
$ go
```

```toml
# plan.toml
stage = "off"
```

## 2. Rehearse

<!-- not run here: it takes long -->

```console
$ rehearse
```
"""
LOOK = Command(text="look twice", status=1, lines=("2 things …", "  the … end"))


def test_a_book_is_read_in_its_order() -> None:
    """Parts, commands with their ends, files by their names; what is not to be run is not there."""
    look = Command(text="look twice", status=1, lines=("2 things …", "the end"))
    go = Command(text="go", status=0, lines=())
    assert parts(BOOK) == [
        Part(title="1. Look", steps=(look, go, File(name="plan.toml", text='# plan.toml\nstage = "off"\n'))),
        Part(title="2. Rehearse", steps=()),
    ]


def test_what_is_seen_may_stand_between_other_lines() -> None:
    """And `…` is whatever there is."""
    LOOK.compare(1, "looking\n2 things here\nmore\n  the very end\n")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "2 things here\n  the very end\n"),
        (1, "2 things here\n"),
        (1, "  the very end\n2 things here\n"),
        (1, "22 things here\n  the very end\n"),
        (1, "2 things here\n the very end\n"),
    ],
)
def test_a_difference_is_noticed(status: int, said: str) -> None:
    """Another status, a line that is missing, in another place, or different."""
    with pytest.raises(Differs, match=r"^`look twice` "):
        LOOK.compare(status, said)


def test_only_the_drill_is_left_to_another_test() -> None:
    """Everything else in docs/migration.md is run."""
    text = (DOCS / "migration.md").read_text(encoding="utf-8")
    run = [step.text for part in parts(text) for step in part.steps if isinstance(step, Command)]
    typed = [line.removeprefix("$ ").partition("  #")[0] for line in text.splitlines() if line.startswith("$ ")]
    assert [one for one in typed if one not in run] == ["python -m migration rollout drill --plan rollout.toml"]
