"""An environment that knows nothing of this tree: the gateway as its wheel is, plugins as pip installs them, servers in
processes of their own. What all of them depend on is borrowed from the tests' environment: no network is needed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from uv import find_uv_bin

ROOT = Path(__file__).parents[1]
SOURCES = ("tp_gateway", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
_INSTALL = ["--offline", "--no-cache", "--no-deps", "--no-build-isolation", "--quiet"]
_UNWANTED = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")


class Separate:
    """`pip` in it installs without dependencies, and never asks a network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "environment" / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.bin.parent], check=True)
        [packages] = self.bin.parent.glob("lib/python*/site-packages")
        # Lines of a .pth only lengthen the path: that of an editable install there is not read again.
        borrowed = dict.fromkeys(sysconfig.get_paths()[name] for name in ("purelib", "platlib"))
        (packages / "borrowed.pth").write_text("\n".join(borrowed))
        self._script(
            "pip", f'shift; exec {find_uv_bin()} pip install --python "{self.bin}/python" {" ".join(_INSTALL)}'
        )
        self._script("pytest", f'exec "{self.bin}/python" -m pytest -p no:cacheprovider')
        self._script("pserve", f'exec "{self.bin}/python" -m pyramid.scripts.pserve')

    def copy(self, *sources: str, to: str) -> Path:
        """Files and folders of the tree, where building may leave its traces."""
        there = self.folder / to
        there.mkdir()
        for source in sources:
            path = ROOT / source
            if path.is_dir():
                shutil.copytree(path, there / path.name, ignore=_UNWANTED)
            else:
                shutil.copy(path, there)
        return there

    def install_gateway(self, *others: Path) -> None:
        self.run("pip", "install", str(self.copy(*SOURCES, to="gateway")), *map(str, others))

    def environ(self, **more: str) -> dict[str, str]:
        """As in a shell in which it was activated. Nothing of the tests' own path."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "TP_"))}
        return {**mine, "PATH": f"{self.bin}:{mine['PATH']}", "VIRTUAL_ENV": str(self.bin.parent), **more}

    def start(self, *command: str, cwd: Path | None = None, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd or self.folder,
            env=self.environ(**environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, code: int = 0, cwd: Path | None = None, **environ: str) -> str:
        """What it says, on both streams."""
        process = self.start(*command, cwd=cwd, **environ)
        said = process.communicate(timeout=120)[0]
        assert process.returncode == code, f"{command} ended with {process.returncode}:\n{said}"
        return said

    @contextmanager
    def running(self, *command: str, cwd: Path | None = None, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """Until the block ends."""
        process = self.start(*command, cwd=cwd, **environ)
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)

    def _script(self, name: str, line: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\n{line} "$@"\n')
        path.chmod(0o755)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def call(url: str, body: Any = None, token: str = "", method: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    method = method or ("GET" if body is None else "POST")
    answer = urllib3.request(method, url, json=body, headers=headers, timeout=30, retries=False)
    return answer.status, answer.json()


def until_up(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if call(url)[0] == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError(process.communicate()[0])
