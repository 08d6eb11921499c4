r"""Checks of what messages say, without ever reading it here: PostgreSQL looks, keys come back (contract F40, F45).

A cast from text to bytea takes a leading `\x` for hex and every other backslash for an escape; `\\` and `\ooo` are the
only ones there are.
"""

from __future__ import annotations

from typing import Final

from bridge.content import ColumnType
from migration.checks.definition import Check
from migration.findings import Severity

_CASTS: Final = (
    r"case when left(t.encrypted_content, 2) = '\x'"
    r" then t.encrypted_content ~ '^\\x([ \n\t\r]|[0-9a-fA-F]{{2}})*$'"
    r" else t.encrypted_content ~ '^([^\\]|\\\\|\\[0-3][0-7]{{2}})*$' end"
)
_HAS_BACKSLASH: Final = r"strpos(t.encrypted_content, '\') > 0"
# UTF-8 as hex: no surrogates, nothing written longer than need be (RFC 3629, section 4). NUL is a character like any.
_UTF_8: Final = (
    "^([0-7].|c[2-9a-f][89ab].|d.[89ab].|e0[ab].[89ab].|e[1-9abcef][89ab].[89ab].|ed[89].[89ab]."
    "|f0[9ab].[89ab].[89ab].|f[1-3][89ab].[89ab].[89ab].|f48.[89ab].[89ab].)*$"
)
_BUFFER: Final = '{"type":"Buffer","data":['
_BUFFER_AS_TEXT: Final = _BUFFER.replace("{", "{{")
_IS_BUFFER: Final = f"substring({{bytes}} from 1 for {len(_BUFFER)}) = convert_to('{_BUFFER_AS_TEXT}', 'UTF8')"

CHECKS: Final = (
    Check(
        name="contents_that_stop_the_cast",
        meaning="messages with a backslash that is no bytea escape",
        severity=Severity.WARNING,
        consequence="The app's migration from text to bytea (steps 4 and 5) fails on them, and the database stays"
        " half-way.",
        fix="Do not cast: alter column … type bytea using convert_to(encrypted_content, 'UTF8').",
        table="messages",
        content=ColumnType.TEXT,
        sql=f"select t.id from {{rows}} t where {{page}} and {_HAS_BACKSLASH} and not {_CASTS}",
    ),
    Check(
        name="contents_changed_by_the_cast",
        meaning="messages that a cast to bytea turns into other bytes without an error",
        severity=Severity.WARNING,
        consequence=r"After the app's migration they say something else: `\x4142` becomes AB, `\\` becomes one"
        r" backslash.",
        fix="Do not cast: alter column … type bytea using convert_to(encrypted_content, 'UTF8').",
        table="messages",
        content=ColumnType.TEXT,
        sql=f"select t.id from {{rows}} t where {{page}} and {_HAS_BACKSLASH} and {_CASTS}",
    ),
    Check(
        name="contents_not_utf8",
        meaning="messages whose bytes are no UTF-8 text",
        severity=Severity.WARNING,
        consequence="Damage of an earlier cast; they are shown with replacement characters.",
        fix="None: what they said before is not in the database. A backup from before the cast has it.",
        table="messages",
        content=ColumnType.BYTEA,
        # Only what encode() has to escape can be wrong: a quick look that most texts pass.
        sql=r"select t.id from {rows} t where {page} and strpos(encode(t.encrypted_content, 'escape'), '\') > 0"
        f" and encode(t.encrypted_content, 'hex') !~ '{_UTF_8}'",
    ),
    Check(
        name="buffers_without_copies",
        meaning="messages that hold a serialised buffer and have no sealed copy for anybody",
        severity=Severity.ERROR,
        consequence="Nobody can read them; every client shows an empty message.",
        fix="None: the text was never stored.",
        table="messages",
        needs=("message_recipients.message_id",),
        sql=f"select t.id from {{rows}} t where {{page}} and {_IS_BUFFER}"
        " and not exists (select from message_recipients r where r.message_id = t.id)",
    ),
    Check(
        name="buffers_as_content",
        meaning="messages that hold a serialised buffer where the database knows no sealed copies",
        severity=Severity.WARNING,
        consequence="A writer of a later generation is at work: what it sends cannot be read by anybody.",
        fix="Find the writer: a server of the app from step 12 or later in front of this database.",
        table="messages",
        needs=("!message_recipients",),
        content=ColumnType.BYTEA,
        sql=f"select t.id from {{rows}} t where {{page}} and {_IS_BUFFER}",
    ),
)
