"""Each test says on which generation of the schema it plays."""

from __future__ import annotations

import pytest

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.generations import Generation
from tests.conftest import SandboxOf


@pytest.fixture
def sandbox(generation: Generation, sandbox_of: SandboxOf) -> SandboxAddress:
    """Return a sandbox of the generation that the test asks for."""
    return sandbox_of(generation)
