"""`python -m scripts.sandbox.crowd`: fills the empty database of a sandbox, and says what is wrong with it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg

from scripts.sandbox.crowd.healthy import Size
from scripts.sandbox.crowd.writing import Wishes, fill

FEWEST_USERS = 200


def main() -> int:
    """Fill the database that the command line names and return the exit status."""
    given = _arguments()
    # Half of the conversations are direct ones, each of another pair.
    if given.users < FEWEST_USERS or given.conversations > given.users * (given.users - 2) // 2:
        print(f"crowd: at least {FEWEST_USERS} users, and enough of them for so many pairs.", file=sys.stderr)
        return 2
    wishes = Wishes(
        size=Size(users=given.users, conversations=given.conversations, messages=given.messages),
        seed=given.seed,
        as_of=given.as_of,
        defects=given.defects,
    )
    try:
        manifest = asyncio.run(fill(given.database_url, wishes, lambda text: print(text, file=sys.stderr)))
    except psycopg.Error as error:
        print(f"crowd: {error.diag.message_primary or error}", file=sys.stderr)
        return 1
    given.manifest.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.sandbox.crowd", description=__doc__)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="of a superuser")
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--defects", type=int, default=20, help="how many times every kind is planted")
    parser.add_argument("--seed", type=int, default=1, help="the same one makes the same rows")
    now = datetime.now(UTC).replace(microsecond=0)
    parser.add_argument("--as-of", type=datetime.fromisoformat, default=now, help="what rows are dated from (now)")
    parser.add_argument("--manifest", type=Path, default=Path("crowd.json"), help="where to say what was planted")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
