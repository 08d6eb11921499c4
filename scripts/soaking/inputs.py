"""Bad inputs: runs the fuzz tests with many more examples than the test suite has time for, and counts them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT

from scripts.soaking.results import InputsRun, keep
from scripts.stack import ROOT

_COUNT = re.compile(r"^inputs tried: (.+): (\d+)$", re.MULTILINE)


async def measure(examples: int) -> bool:
    """Run them and keep the counts; tell whether all passed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "tests/fuzz"),
        cwd=ROOT,
        env={**os.environ, "FUZZ_EXAMPLES": str(examples)},
        stdout=PIPE,
        stderr=STDOUT,
    )
    said, _ = await process.communicate()
    text = said.decode(errors="replace")
    print("\n".join(text.splitlines()[-20:]), flush=True)
    for kind, count in _COUNT.findall(text):
        keep(InputsRun(kind=kind, tried=int(count)))
    return process.returncode == 0
