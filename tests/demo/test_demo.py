"""The demo as a person starts it: from nothing, then once more, on free ports and in a folder of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def free_ports() -> list[str]:
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        for one in (first, second, third):
            one.bind(("127.0.0.1", 0))
        return [str(one.getsockname()[1]) for one in (first, second, third)]


def run(folder: Path, ports: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo", "--once", "--folder", str(folder)]
    command += ["--port", ports[0], "--sandbox-port", ports[1], "--medicare-port", ports[2]]
    encoding = {"PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | encoding | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.long
def test_the_demo_runs_from_nothing_and_a_second_time_keeps_what_was_paid(tmp_path: Path) -> None:
    ports = free_ports()
    first = run(tmp_path / "var", ports)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "checks passed" in first.stdout and "✗" not in first.stdout
    assert "7 payments: " in first.stdout
    # A key of the person's own shell must not get into the demo.
    second = run(tmp_path / "var", ports, STRIPE_API_KEY="sk_live_mine", DATABASE_URL="postgresql://mine")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "14 payments: " in second.stdout
    assert not first.stderr and not second.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run(tmp_path / "var", [port, *free_ports()[:2]])
    assert result.returncode == 1
    assert f"Port {port} cannot be used" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
