"""Imports point strictly downward, each library has one home, and no modules import each other in a circle.

Read from the source with ast, so that imports inside functions and under TYPE_CHECKING count too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bridge", "compat", "migration")

LEVELS: dict[str, int] = {
    module: level
    for level, modules in enumerate(
        (
            "bridge bridge.addresses bridge.capabilities bridge.change_log bridge.clock bridge.content bridge.errors "
            "bridge.events bridge.ids bridge.measures bridge.models bridge.paths bridge.rates bridge.recent "
            "bridge.refusals bridge.remedies bridge.schema bridge.sealed bridge.secret_files bridge.settings "
            "bridge.told bridge.tracing",
            "bridge.absent bridge.auth bridge.fast_path bridge.history bridge.keyring bridge.logs bridge.measured_http "
            "bridge.metrics bridge.operators bridge.otel bridge.own_faults bridge.people_rows bridge.protocol "
            "bridge.push_payloads bridge.pushes bridge.rollout bridge.rows bridge.search bridge.send_times "
            "bridge.tables",
            "bridge.store bridge.feed bridge.client bridge.comparison bridge.usage",
            "bridge.auditing bridge.crowd bridge.health bridge.hub bridge.identity bridge.left_rooms bridge.lists "
            "bridge.logins bridge.members bridge.outbox bridge.profiles bridge.quotes bridge.chat "
            "bridge.message_states bridge.presence bridge.receipts bridge.reservations bridge.typing_state",
            "bridge.actions",
            "bridge.authentication bridge.canary_upkeep bridge.change_log_upkeep bridge.dial bridge.elsewhere "
            "bridge.entrance bridge.login_upkeep bridge.presence_upkeep bridge.relay bridge.resuming "
            "bridge.schema_watch bridge.session bridge.shadow bridge.signed_in bridge.stepping_back "
            "bridge.tables_watch bridge.typing_upkeep bridge.usage_upkeep",
            "bridge.pages bridge.specification bridge.websocket compat",
            "bridge.app bridge.wiring bridge.auth_server bridge.endpoints bridge.operations bridge.status "
            "bridge.usage_kept bridge.usage_page migration",
            "bridge.hypercorn_socket bridge.serving bridge.__main__",
        )
    )
    for module in modules.split()
}
"""docs/design.md, "Imports point strictly downward"; a module belongs to its longest prefix here."""

ADAPTERS = frozenset({"bridge.store.supabase", "bridge.feed.supabase"})
MEMORY_ADAPTERS = frozenset({"bridge.store.memory", "bridge.feed.memory"})

HOMES: dict[str, frozenset[str]] = {
    library: frozenset(homes.split())
    for library, homes in {
        "supabase": "bridge.store.supabase",
        "postgrest": "bridge.store.supabase",
        "realtime": "bridge.feed.supabase",
        "sqlite3": "bridge.usage.sqlite",
        "tenacity": "bridge.store.supabase bridge.feed.supabase",
        "httpx": "bridge.store.supabase bridge.app bridge.auth_server bridge.comparison.postgrest bridge.measured_http "
        "compat.passthrough migration.project migration.bridges migration.rollout.bridges "
        "migration.parity.control migration.parity.old_server",
        "httpx_aiohttp": "bridge.auth_server",
        "openfeature": "bridge.rollout",
        "tomlkit": "bridge.rollout",
        "jwt": "bridge.auth bridge.keyring",
        "opentelemetry": "bridge.otel",
        "prometheus_client": "bridge.metrics",
        "quart": "bridge.app bridge.pages bridge.websocket compat bridge.endpoints bridge.operations bridge.usage_page",
        "werkzeug": "bridge.app bridge.websocket compat bridge.endpoints",
        "hypercorn": "bridge.serving bridge.hypercorn_socket",
        "wsproto": "bridge.hypercorn_socket",
        "psycopg": "migration",
        "websockets": "bridge.client migration.doctor.phoenix",
        "prompt_toolkit": "bridge.chat",
        "pydantic": "bridge.settings bridge.secret_files bridge.chat migration.settings",
        "pydantic_settings": "bridge.settings bridge.secret_files bridge.chat migration.settings",
    }.items()
}
ENVIRONMENT_READERS = frozenset({"bridge.settings", "bridge.secret_files", "bridge.chat"})
"""bridge.chat reads one variable, documented there: the token, which has no place in a process list."""


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_files(*packages: str) -> list[Path]:
    """Return every Python file of these packages."""
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


TREES = {module_name(path): ast.parse(path.read_text(), str(path)) for path in source_files(*PACKAGES)}


def imported_names(module: str) -> Iterator[str]:
    """Yield what a module imports, resolved to a module of ours where it is one."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in TREES else node.module


IMPORTS = {module: frozenset(imported_names(module)) for module in TREES}
OWN_IMPORTS = {module: names & TREES.keys() for module, names in IMPORTS.items()}


def owner(module: str, places: dict[str, int] | frozenset[str]) -> str | None:
    """Return the longest prefix of a dotted name among `places`."""
    parts = module.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in places), None)


def level(module: str) -> int:
    """Return the level of a module; only bridge/__init__ itself is "bridge"."""
    place = owner(module, LEVELS)
    assert place is not None, f"{module} has no level; give it one in docs/design.md and here"
    assert place != "bridge" or module == "bridge", f"{module} has no level; give it one in docs/design.md and here"
    return LEVELS[place]


@pytest.mark.parametrize("module", sorted(TREES))
def test_imports_never_point_upward(module: str) -> None:
    """A module imports its own level or below; within a package of one level everything goes."""
    upward = {name for name in OWN_IMPORTS[module] if level(name) > level(module)}
    assert not upward


def find_cycle(graph: dict[str, frozenset[str]]) -> list[str] | None:
    """Return some modules that import each other in a circle, or None."""
    finished: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str] | None:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in finished:
            return None
        for imported in sorted(graph[module]):
            cycle = visit(imported, [*path, module])
            if cycle:
                return cycle
        finished.add(module)
        return None

    return next((cycle for module in sorted(graph) if (cycle := visit(module, []))), None)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """The graph of imports, under TYPE_CHECKING and in functions included, has no cycle."""
    assert find_cycle({module: frozenset(names) for module, names in OWN_IMPORTS.items()}) is None


def test_the_search_for_circles_finds_one() -> None:
    """The test above would fail if there were a cycle."""
    ring = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"b"})}
    assert find_cycle(ring) == ["b", "c", "b"]


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
def test_adapters_are_made_by_the_composition_root_only(adapter: str) -> None:
    """Nobody but bridge.app, and the adapter's own package, knows which adapter stands behind a port."""
    assert {module for module, names in OWN_IMPORTS.items() if adapter in names} <= {"bridge.app"}


@pytest.mark.parametrize("adapter", sorted(MEMORY_ADAPTERS))
def test_memory_adapters_are_for_tests_only(adapter: str) -> None:
    """No program runs on a memory adapter."""
    assert not {module for module, names in OWN_IMPORTS.items() if adapter in names}


def test_the_bridge_knows_neither_migration_nor_scripts() -> None:
    """The tools are built on the bridge, never the other way round."""
    for module, names in IMPORTS.items():
        outside = {name.split(".")[0] for name in names} & {"migration", "scripts", "tests"}
        assert not outside or module.split(".")[0] == "migration", f"{module} imports {outside}"


def test_only_the_composition_root_imports_compat() -> None:
    """The old REST endpoints are an add-on; the rest of the bridge does not know that they exist."""
    importers = {
        module
        for module, names in OWN_IMPORTS.items()
        if module.startswith("bridge") and any(name.split(".")[0] == "compat" for name in names)
    }
    assert importers <= {"bridge.app", "bridge.auth_server", "bridge.wiring"}


@pytest.mark.parametrize("library", sorted(HOMES))
def test_each_library_has_its_homes(library: str) -> None:
    """A library is imported in its homes only, so that replacing it touches one place."""
    users = {module for module, names in IMPORTS.items() if any(name.split(".")[0] == library for name in names)}
    strangers = {module for module in users if owner(module, HOMES[library]) is None}
    assert not strangers


def reads_environment(tree: ast.AST) -> bool:
    """Tell whether code touches os.environ or os.getenv, however it is imported."""
    names = {"environ", "getenv", "environb", "getenvb"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {alias.name for alias in node.names} & names)
        for node in ast.walk(tree)
    )


def test_only_the_settings_read_the_environment() -> None:
    """What can be chosen is in bridge.settings (and one documented variable of the terminal client)."""
    readers = {module for module, tree in TREES.items() if reads_environment(tree)}
    assert {module for module in readers if owner(module, ENVIRONMENT_READERS) is None} == set()


def test_reading_the_environment_is_recognised() -> None:
    """The test above sees each way of reading it."""
    assert reads_environment(ast.parse("import os\nos.environ['X']"))
    assert reads_environment(ast.parse("from os import getenv"))
    assert not reads_environment(ast.parse("import os\nos.getpid()"))
