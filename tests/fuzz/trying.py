"""How many bad inputs are tried, and the count of them."""

from __future__ import annotations

import os
from collections import Counter
from typing import Final

from hypothesis import settings

EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "30"))
"""For each kind; `scripts/soak` asks for many more."""

thoroughly: Final = settings(max_examples=EXAMPLES, deadline=None)

tried: Counter[str] = Counter()
