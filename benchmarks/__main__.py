"""Runs the peers, the limit and the gateway in turn, and prints the harness's own tables.

    make bench BENCH=<folder of the harness>                  everything
    make bench BENCH=<folder> ARGS="instructions"              one part: instructions, quick, slow, reads, webhooks
    make bench ARGS=statements                                importing bank statements: needs no harness
    make bench ARGS=invoices                                  listing a million invoices: needs none either
    make bench ARGS=verify                                    verifying a million payments: needs none either
    make bench ARGS=analytics                                 analytics over a million payments: nor does this

Environments and PostgreSQL are made in var/bench at the first run. Exits with 1 when a check of the books failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var" / "bench"
PEERS = {
    "tools": "requirements.txt",
    "django": "peers/django_peer/requirements.txt",
    "fastapi": "peers/fastapi_peer/requirements.txt",
    "probe": "probes/requirements.txt",
}
BOTH = ["targets/django.toml", "targets/fastapi.toml"]
AT_ONCE = ["-c", "16", "--threads", "16", "--workers", "2"]


def scenarios(*names: str) -> list[str]:
    return [word for name in names for word in ("--scenario", name)]


_SLOW = ["-c", "128", "--delay-ms", "300", "--workers", "2", "--threads", "64", "--count", "1280", "--limit", "lean"]
_FLOWS = ("invoice", "double", "hot", "declined", "lost", "intent", "confirm")
_COUNTED = ("payments", "invoice", "declined", "intent", "methods", "forged")
PARTS: dict[str, list[tuple[str, list[str], list[str]]]] = {
    # part: (tool, peers, arguments)
    "instructions": [("instructions", BOTH, scenarios(*_COUNTED))],
    "quick": [
        ("bench", BOTH, [*scenarios("payments"), *AT_ONCE, "--count", "1000", "--rounds", "5", "--limit", "lean"]),
        ("bench", BOTH[:1], [*scenarios(*_FLOWS), *AT_ONCE]),
    ],
    "webhooks": [("bench", BOTH[:1], [*scenarios("webhook"), *AT_ONCE, "--rounds", "5"])],
    "reads": [("bench", BOTH[:1], [*scenarios("methods", "forged"), *AT_ONCE])],
    "slow": [("bench", BOTH[:1], [*scenarios("payments"), *_SLOW])],
}


def main(harness: Path, parts: list[str]) -> int:
    python = {name: environment(name, harness / file) for name, file in PEERS.items()}
    env = {**os.environ, "BENCH_PYTHON_TP_GATEWAY": sys.executable}
    env |= {f"BENCH_PYTHON_{name.upper()}": str(path) for name, path in python.items()}
    target = VAR / "tp-gateway.toml"
    target.write_text((ROOT / "benchmarks" / "target.toml").read_text().replace("{root}", str(ROOT)))
    failed = 0
    with postgresql(harness, python["tools"]) as url:
        for part in parts or PARTS:
            for tool, peers, arguments in PARTS[part]:
                print(f"\n== {part}", flush=True)
                command = [python["tools"], ROOT / "benchmarks" / "drive.py", harness, tool, *peers, target, *arguments]
                where = ["--work", VAR / "logs"] if tool == "bench" else []
                given = {**env, "BENCH_POSTGRES": url}
                words = [str(word) for word in [*command, *where]]
                done = subprocess.run(words, cwd=harness, env=given, check=False)
                failed |= done.returncode
    return failed


def environment(name: str, requirements: Path) -> Path:
    """The Python of a peer's own environment, made once."""
    folder = VAR / "environments" / name
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        print(f"making the environment of {name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", str(requirements)]
        subprocess.run(install, check=True)
        ready.touch()
    return python


@contextmanager
def postgresql(harness: Path, python: Path) -> Iterator[str]:
    """The harness's own server; its URL."""
    control = ["sh", str(harness / "pg.sh")]
    env = {**os.environ, "PYTHON": str(python)}
    folder = str(VAR / "postgresql")
    started = subprocess.run([*control, "start", folder], env=env, check=True, capture_output=True, text=True)
    try:
        yield started.stdout.split()[-1]
    finally:
        subprocess.run([*control, "stop", folder], env=env, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1:2] == ["statements"]:
        from benchmarks import statement_import

        sys.exit(statement_import.main(sys.argv[2:]))
    if sys.argv[1:2] == ["invoices"]:
        from benchmarks import invoices

        sys.exit(invoices.main(sys.argv[2:]))
    if sys.argv[1:2] == ["verify"]:
        from benchmarks import verification

        sys.exit(verification.main(sys.argv[2:]))
    if sys.argv[1:2] == ["analytics"]:
        from benchmarks import analytics

        sys.exit(analytics.main(sys.argv[2:]))
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("Name the folder of the harness: make bench BENCH=<folder>")
    unknown = set(sys.argv[2:]) - set(PARTS)
    if unknown:
        sys.exit(f"No such part: {', '.join(sorted(unknown))}. There are: {', '.join(PARTS)}")
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
