"""`python -m migration`: the tools that look at a chat before, while and after its clients move."""

from __future__ import annotations

import sys
from collections.abc import Sequence

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 all is well, 1 something was found, 2 refused, 3 incomplete."""
    try:
        # Only here: a server is installed without the extra that brings the tools' packages.
        from migration.commands import COMMANDS
        from migration.line import run
    except ModuleNotFoundError as error:
        print(
            f"migration: {error.name} is not installed; pip install 'chat-bridge[migration]' brings it.",
            file=sys.stderr,
        )
        return REFUSED
    return run(COMMANDS, __doc__ or "", arguments)


if __name__ == "__main__":
    sys.exit(main())
