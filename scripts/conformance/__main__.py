"""`scripts/autobahn`: runs the Autobahn test suite's fuzzing client against an echo on the bridge's WebSocket stack.

The suite needs Python 2.7, and is installed with it below .sandbox/autobahn.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from scripts.benchmarks.tables import Row, print_table
from scripts.conformance.echo import echo_server
from scripts.soaking import results
from scripts.soaking.results import AutobahnRun, keep
from scripts.stack import ROOT

PLACE = ROOT / ".sandbox" / "autobahn"
AGENT = "bridge"
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.1", "12.1.2", "13.1.1"]
"""All but the many variants of compression, which is never agreed to: three of them show that."""
FAILED = frozenset({"FAILED", "WRONG CODE", "UNCLEAN"})


class NotInstalled(Exception):
    """The suite cannot be had; the text says what is missing."""


class _Case(Struct):
    behavior: str
    behaviorClose: str  # noqa: N815  # the suite's own name


def main() -> int:
    """Install what is missing, run, print and keep the totals; return 1 if a case failed."""
    parser = argparse.ArgumentParser(prog="scripts/autobahn", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the totals into docs/reliability.md")
    parser.add_argument("--case", action="append", help="this case only, like 1.2.1 or 6.*; may be repeated")
    given = parser.parse_args()
    try:
        python = _installed()
    except NotInstalled as error:
        print(f"autobahn: {error}", file=sys.stderr)
        return 2
    cases = asyncio.run(_run(python, given.case or CASES))
    run = _totals(cases)
    rows = [Row(name, [str(count)]) for name, count in sorted(run.behaviours.items())]
    print_table("Autobahn", ("behaviour", "cases"), rows)
    for name in run.failed:
        print(f"failed: {name}; see {PLACE / 'reports'}")
    if given.case is None:
        keep(run)
        if given.write:
            results.write(results.kept())
    return 1 if run.failed else 0


def _installed() -> Path:
    """Return the Python that has the suite; installed now if need be."""
    python, packages = _python(), PLACE / "packages"
    if not (packages / "autobahntestsuite").exists():
        print(f"autobahn: installing the suite for {python}", file=sys.stderr)
        _check(
            python,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--target",
            packages,
            "autobahntestsuite",
        )
        (packages / "zope" / "__init__.py").touch()  # else Python 2.7 does not see the package
    return python


def _python() -> Path:
    """Return a Python 2.7, by name or from pyenv."""
    by_name = shutil.which("python2.7")
    if by_name and subprocess.run([by_name, "--version"], capture_output=True, check=False).returncode == 0:
        return Path(by_name)
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    if not any(root.glob("versions/2.7.*/bin/python")) and (pyenv := shutil.which("pyenv")):
        _check(Path(pyenv), "install", "2.7.18")
    found = sorted(root.glob("versions/2.7.*/bin/python"))
    if not found:
        raise NotInstalled("Python 2.7 is needed, by the name python2.7 or from pyenv (pyenv install 2.7.18)")
    return found[-1]


def _check(program: Path, *arguments: str | Path) -> None:
    try:
        subprocess.run([program, *arguments], check=True)
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"{program} ended with status {error.returncode}") from error


async def _run(python: Path, cases: list[str]) -> Mapping[str, _Case]:
    reports = PLACE / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    async with echo_server() as port:
        spec = {
            "options": {"failByDrop": False},
            "outdir": str(reports),
            "servers": [{"agent": AGENT, "url": f"ws://127.0.0.1:{port}/echo", "options": {"version": 18}}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        (PLACE / "spec.json").write_bytes(msgspec.json.encode(spec))
        process = await asyncio.create_subprocess_exec(
            *(python, "-m", "autobahntestsuite.wstest", "-m", "fuzzingclient", "-s", PLACE / "spec.json"),
            env={**os.environ, "PYTHONPATH": str(PLACE / "packages")},
            cwd=PLACE,
        )
        await process.wait()
    index = msgspec.json.decode((reports / "index.json").read_bytes(), type=dict[str, dict[str, _Case]])
    return index[AGENT]


def _totals(cases: Mapping[str, _Case]) -> AutobahnRun:
    behaviours = Counter(case.behavior for case in cases.values())
    failed = [name for name, case in cases.items() if FAILED & {case.behavior, case.behaviorClose}]
    return AutobahnRun(behaviours=dict(behaviours), failed=sorted(failed))


if __name__ == "__main__":
    sys.exit(main())
