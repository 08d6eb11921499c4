"""nginx and Caddy running the recipes as they are written, on ports of the test's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

RECIPES = Path(__file__).parents[3] / "examples" / "routing"
START_SECONDS = 30.0
STOP_SECONDS = 10.0

# Only of root is the user asked; else nginx would give up its rights, and the test's folder would be closed to it.
NGINX = """
user root; daemon off; pid {folder}/pid; error_log stderr; events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{recipe}
}}
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One proxy's recipe: its file, the program, and how the two of them write the dial."""

    file: str
    program: str
    dial: str
    positions: dict[int, str]
    changed: tuple[tuple[str, str], ...] = ()

    def text(self, *, old: int, bridge: int, listen: int, share: int) -> str:
        """Return the recipe with other ports, the dial at a share in percent, and what else is changed for a test."""
        text = (RECIPES / self.file).read_text()
        for written, meant in (
            ("127.0.0.1:3000", f"127.0.0.1:{old}"),
            ("127.0.0.1:8000", f"127.0.0.1:{bridge}"),
            ("listen 8080;", f"listen 127.0.0.1:{listen};"),
            ("\n:8080 {", f"\nhttp://127.0.0.1:{listen} {{"),
            (self.dial, self.positions[share]),
            *self.changed,
        ):
            text = text.replace(written, meant)
        return text

    def command(self, folder: Path, text: str) -> tuple[str, ...]:
        """Write the configuration down, and return what runs it in the foreground."""
        configuration = folder / self.file
        if self.program == "nginx":
            configuration.write_text(NGINX.format(folder=folder, recipe=text))
            return ("nginx", "-p", str(folder), "-c", str(configuration))
        configuration.write_text(f"{{\n\tadmin {_admin(folder)}\n}}\n{text}")
        return ("caddy", "run", "--adapter", "caddyfile", "--config", str(configuration))

    def reload(self, folder: Path, text: str) -> None:
        """Let the proxy that runs in this folder take up another configuration, as docs/routing.md says."""
        *_, configuration = self.command(folder, text)
        if self.program == "nginx":
            command = ["nginx", "-p", str(folder), "-c", configuration, "-s", "reload"]
        else:
            command = ["caddy", "reload", "--adapter", "caddyfile", "--config", configuration]
            command += ["--address", _admin(folder)]
        subprocess.run(command, env=_environment(folder), check=True, capture_output=True)


NGINX_RECIPE = Recipe(
    "nginx.conf",
    "nginx",
    "10%     chat_bridge;",
    {0: "# 10%     chat_bridge;", 10: "10%     chat_bridge;", 50: "50%     chat_bridge;"},
)
CADDY_RECIPE = Recipe(
    "Caddyfile",
    "caddy",
    "~^(0|1[0-9]) bridge",
    {0: "~^$ bridge", 10: "~^(0|1[0-9]) bridge", 50: "~^[0-7] bridge"},
)


def require(recipe: Recipe) -> None:
    """Skip where the proxy is not installed; CI says with CHAT_BRIDGE_PROXIES that it is, and then it has to be."""
    if not shutil.which(recipe.program, path=_path()) and not os.environ.get("CHAT_BRIDGE_PROXIES"):
        pytest.skip(f"{recipe.program} is not installed (Debian: apt-get install nginx-light caddy)")


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(recipe: Recipe, folder: Path, *, old: int, bridge: int, share: int = 10) -> Iterator[int]:
    """Run the proxy until the block ends, and yield its port."""
    require(recipe)
    port = free_port()
    command = recipe.command(folder, recipe.text(old=old, bridge=bridge, listen=port, share=share))
    log = folder / "log"
    with (
        log.open("wb") as told,
        subprocess.Popen(command, env=_environment(folder), stdout=told, stderr=told) as process,
    ):
        try:
            _wait_until_it_answers(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _admin(folder: Path) -> str:
    return f"unix/{folder / 'admin'}"


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": _path(), "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def _path() -> str:
    return os.environ["PATH"] + os.pathsep + "/usr/sbin"


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for attempt in Retrying(
        retry=retry_if_exception_type(httpx.TransportError),
        stop=stop_after_delay(START_SECONDS),
        wait=wait_fixed(0.05),
        reraise=True,
    ):
        with attempt:
            if process.poll() is not None:
                pytest.fail(f"the proxy did not start:\n{log.read_text()}", pytrace=False)
            httpx.get(f"http://127.0.0.1:{port}/")
