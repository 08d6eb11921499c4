"""What another process has used, as Linux tells it."""

from __future__ import annotations

import os
import re
from pathlib import Path


def resident_mb(pid: int) -> float:
    """Return how much memory a process holds, in MB; 0 if that is not told."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def cpu_seconds(pid: int) -> float:
    """Return how long a process has kept processors busy so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
