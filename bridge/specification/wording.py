"""Docstrings as client authors read them: without the references that only this house can look up."""

from __future__ import annotations

import inspect
import re

_HOUSE = r"(?:contract|decisions?|design|style|runtime|supabase|F\d+)\b"
_WHOLE_REMARK = re.compile(rf"\s*\({_HOUSE}[^)]*\)")
_END_OF_REMARK = re.compile(rf",\s+{_HOUSE}[^)]*(?=\))")


def for_client_authors(docstring: str) -> str:
    """Return a docstring's text without references to the contract and the design, lines joined to paragraphs."""
    text = _END_OF_REMARK.sub("", _WHOLE_REMARK.sub("", inspect.cleandoc(docstring)))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def first_sentence(text: str) -> str:
    """Return what a list can show of a text: its first paragraph's first sentence, without the full stop."""
    return text.partition("\n\n")[0].partition(". ")[0].removesuffix(".")
