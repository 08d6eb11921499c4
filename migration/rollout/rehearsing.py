"""Where a drill is held: a sandbox and a bridge of its own, which a checkout of the project can start."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bridge.clock import Clock
from bridge.ids import fresh_id
from bridge.models import UserId
from bridge.rollout.plan import Plan
from migration.errors import Interrupted, Refused
from migration.findings import printed
from migration.rollout.drilling import DrillReport, Theatre, drill, plan_text

STEPS: Final = (1.0, 5.0, 25.0, 50.0)
SALT: Final = "drill"
FILE: Final = "rollout-drill.json"


async def rehearse(plan: Plan | None, sockets_each: int, clock: Clock, tell: Callable[[str], None]) -> DrillReport:
    """Hold a drill with the steps and the salt of a plan, in a sandbox that ends with it.

    Raises:
        Refused: there is no sandbox to be had.
        Interrupted: it could not be brought to an end.

    """
    try:
        # Only here: the sandbox is part of a checkout, and not of what is installed.
        from scripts.stack import StackError, running_bridge, running_sandbox
    except ModuleNotFoundError:
        raise Refused("The drill needs the sandbox, which is part of a checkout of the project only.") from None
    steps, salt = (plan.steps, plan.salt) if plan else (STEPS, SALT)
    token = f"drill-{fresh_id()}"
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rollout.toml"
        tell("starting a sandbox and a bridge")
        try:
            async with running_sandbox(quiet=True) as (sandbox, _):
                tokens = {
                    UserId(str(one.user_id)): one.token for one in sandbox.people.values() if one.user_id and one.token
                }
                path.write_text(plan_text(steps, salt, next(iter(tokens))))
                environment = {
                    "BRIDGE_ROLLOUT_FILE": str(path),
                    "BRIDGE_ROLLOUT_PROVIDER": "",
                    "BRIDGE_OPERATOR_TOKEN": token,
                }
                async with running_bridge(sandbox, environment=environment, quiet=True) as (socket, _):
                    theatre = Theatre(
                        address=socket.replace("ws://", "http://").removesuffix("/ws"),
                        socket=socket,
                        plan=path,
                        operator_token=token,
                        tokens=tokens,
                        sockets_each=sockets_each,
                    )
                    return await drill(theatre, clock, tell)
        except StackError as error:
            raise Interrupted(str(error)) from error


def keep(report: DrillReport, directory: Path) -> None:
    """Keep a drill's report where whoever makes a report of the whole migration reads it.

    Raises:
        Refused: it cannot be written.

    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / FILE).write_bytes(printed(report))
    except OSError as error:
        raise Refused(f"{directory / FILE} cannot be written: {error.strerror or type(error).__name__}.") from None
