"""The whole list of commands. Each is a file here that reads its arguments, and a module beside that does the work.

A new one is its file, its line here and its page in docs/.

`doctor` and `check` keep what they print with `--json` as `<command>.json` in the directory of MIGRATION_DIRECTORY;
whoever makes a report of the whole migration reads those.
"""

from __future__ import annotations

from typing import Final

from migration.commands import audit, check, doctor, fix, parity, report, rollout, sql
from migration.commands.command import Command

__all__ = ["COMMANDS", "Command"]

COMMANDS: Final[tuple[Command, ...]] = (
    doctor.COMMAND,
    check.COMMAND,
    fix.COMMAND,
    parity.COMMAND,
    audit.COMMAND,
    sql.COMMAND,
    rollout.COMMAND,
    report.COMMAND,
)
