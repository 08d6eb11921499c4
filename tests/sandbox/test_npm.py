"""Node and its packages are found or installed once, whoever asks at the same time."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from scripts.sandbox import npm
from scripts.sandbox.npm import Node, NodeError, Packages, ensure_node_packages, find_node, node_command

ROOT = Path(__file__).parents[2]
LOCKS = [path for path in ROOT.glob("*/**/package-lock.json") if "node_modules" not in path.parts]


class Workshop:
    """A node folder whose npm is a shell script."""

    def __init__(self, folder: Path, script: str) -> None:
        self.packages = Packages(folder=folder, megabytes=1)
        self.runs = folder / "runs"
        self.write_lock("one")
        program = folder / "npm"
        program.write_text(f'#!/bin/sh\necho "$*" >>{self.runs}\nmkdir -p {self.packages.modules}/a\n{script}\n')
        program.chmod(0o755)
        self.node = Node(node="/nowhere/node", npm=(str(program),), version="v22.0.0")

    def write_lock(self, version: str) -> None:
        """Change what is locked."""
        self.packages.lock.write_text(json.dumps({"packages": {"": {}, "node_modules/a": {"version": version}}}))

    def count(self) -> int:
        """Return how often npm was run."""
        return len(self.runs.read_text().splitlines()) if self.runs.exists() else 0


def set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str = "exit 0") -> Workshop:
    """Let the module work in a folder of the test's own."""
    workshop = Workshop(tmp_path, script)
    monkeypatch.setattr(npm, "ROOT", tmp_path)
    monkeypatch.setattr(npm, "find_node", lambda: workshop.node)
    return workshop


async def test_packages_are_installed_once_per_lock_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A second call is silent and does nothing; a changed lock file installs again."""
    workshop = set_up(monkeypatch, tmp_path)
    told: list[str] = []
    assert await ensure_node_packages(told.append, workshop.packages) == workshop.node
    assert "1 Node packages" in told[0]
    told.clear()
    await ensure_node_packages(told.append, workshop.packages)
    assert (told, workshop.count()) == ([], 1)
    workshop.write_lock("two")
    await ensure_node_packages(told.append, workshop.packages)
    assert workshop.count() == 2


async def test_two_that_start_at_once_install_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second waits for the first and finds everything there."""
    workshop = set_up(monkeypatch, tmp_path, "sleep 0.3")
    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(ensure_node_packages(lambda _: None, workshop.packages))
    assert workshop.count() == 1


async def test_a_failed_installation_is_quoted_and_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names npm's status and last line; nothing is taken for installed."""
    workshop = set_up(monkeypatch, tmp_path, "echo nothing to be had >&2; exit 7")
    for _ in range(2):
        with pytest.raises(NodeError, match=r"npm could not install the packages \(status 7\): nothing to be had"):
            await ensure_node_packages(lambda _: None, workshop.packages)
    assert workshop.count() == 2


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_file_names_no_registry(lock: Path) -> None:
    """Every package has a hash, so it may come from whichever registry a machine uses."""
    packages = json.loads(lock.read_text())["packages"]
    assert all("resolved" not in one for one in packages.values())
    assert all(name == "" or one["integrity"].startswith("sha512-") for name, one in packages.items())


def test_the_machine_s_node_is_used() -> None:
    """It is new enough, and runs the scripts of the node folder."""
    found = find_node()
    assert found is not None
    assert int(found.version.removeprefix("v").partition(".")[0]) >= 20
    assert node_command("x.mjs", "a") == [found.node, str(npm.NODE_FOLDER / "x.mjs"), "a"]


def test_without_any_node_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left with a FileNotFoundError."""
    monkeypatch.setattr(npm, "find_node", lambda: None)
    with pytest.raises(NodeError, match="start the sandbox once"):
        node_command("x.mjs")


def test_an_old_node_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 18 on PATH is passed over, and so is one that does not run."""
    for name, script in (("node", "echo v18.20.0"), ("npm", "exit 0")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    find_node.cache_clear()
    try:
        assert find_node() is None
    finally:
        find_node.cache_clear()
