"""Brings everything up, from nothing or from what the last run left: folder, schema, stand-in, gateway."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from demo.processes import ROOT, DemoFailed, Process, require_free, wait_until
from demo.screen import Screen

INI = ROOT / "development.ini"
SECRET = "whsec_sandbox"  # as in development.ini
_END_SECONDS = 30.0  # longer than the gateway's own patience with requests in progress


@dataclass(frozen=True)
class Place:
    """Where the demo runs."""

    folder: Path
    port: int
    sandbox_port: int
    medicare_port: int

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def medicare(self) -> str:
        return f"http://127.0.0.1:{self.medicare_port}"

    def environment(self) -> dict[str, str]:
        """What development.ini has, but for the place, and with claims that go to the stand-in for Medicare as to an
        aggregator. Settings of the person's shell (a live key!) must not get in."""
        theirs = ("DATABASE_URL", "PROMETHEUS_MULTIPROC_DIR")
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in theirs
            and not name.startswith(("TP_GATEWAY_", "STRIPE_", "MEDICARE_", "BANK_TRANSFER_", "IN_PERSON_"))
        }
        database = self.folder / "tp-gateway.sqlite"
        return kept | {
            "DATABASE_URL": f"sqlite:///{database}",
            "STRIPE_API_BASE": self.sandbox,
            "MEDICARE_TRANSPORT": "aggregator",
            "MEDICARE_BASE_URL": f"{self.medicare}/Medicare",
            "MEDICARE_MINOR_ID": "DEMO0001",
            "MEDICARE_API_KEY": "sandbox-key",
            "PYTHONUNBUFFERED": "1",
        }


@contextmanager
def running(place: Place, screen: Screen) -> Iterator[tuple[Process, Process]]:
    """The gateway and the stand-in, ready; ended when the block ends, however it ends."""
    started: list[Process] = []
    try:
        yield from _start(place, screen, started)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if started:
            screen.line("\nEnding what was started ...")
        for process in reversed(started):  # the gateway before the stand-in, which it may be talking to
            process.end(_END_SECONDS)


def _start(place: Place, screen: Screen, started: list[Process]) -> Iterator[tuple[Process, Process]]:
    def process(name: str, log: str, *command: str) -> Process:
        found = Process(name, [sys.executable, "-m", *command], place.folder / log, place.environment())
        started.append(found)
        return found

    with screen.step(f"Preparing {_short(place.folder)}/ and the database (tp-gateway migrate)"):
        _prepare(place)
        process("The migration", "migrate.log", "tp_gateway.cli", "-c", str(INI), "migrate").finish(120)
    with screen.step(f"Starting the stand-in for Stripe on {place.sandbox}"):
        books, hook = str(place.folder / "sandbox.sqlite"), f"{place.gateway}/api/webhooks/stripe/"
        options = ("--state", books, "--deliver-to", hook, "--webhook-secret", SECRET)
        sandbox = process("The stand-in", "sandbox.log", "sandbox.stripe", "--port", str(place.sandbox_port), *options)
        wait_until(lambda: _answers(f"{place.sandbox}/_sandbox/clock"), 30, "Starting the stand-in", sandbox)
    with screen.step(f"Starting the stand-in for Medicare on {place.medicare}"):
        options = ("--port", str(place.medicare_port), "--state", str(place.folder / "medicare.json"))
        medicare = process("The stand-in for Medicare", "medicare.log", "sandbox.medicare", *options)
        wait_until(lambda: _answers(f"{place.medicare}/_sandbox/rules"), 30, "Starting the stand-in", medicare)
    with screen.step(f"Starting the gateway on {place.gateway}"):
        ini = str(ROOT / "demo" / "demo.ini")
        gateway = process("The gateway", "gateway.log", "pyramid.scripts.pserve", ini, f"port={place.port}")
        wait_until(lambda: _answers(f"{place.gateway}/readyz"), 60, "Starting the gateway", gateway)
    yield gateway, sandbox


def _prepare(place: Place) -> None:
    require_free(place.port, "PORT")
    require_free(place.sandbox_port, "SANDBOX_PORT")
    require_free(place.medicare_port, "MEDICARE_PORT")
    place.folder.mkdir(parents=True, exist_ok=True)
    if (place.folder / "sandbox.sqlite").exists() and not (place.folder / "tp-gateway.sqlite").exists():
        raise DemoFailed(
            f"{_short(place.folder)}/ has the stand-in's books but not the gateway's database: they belong together.\n"
            f"Remove {_short(place.folder)}/sandbox.sqlite to begin anew."
        )


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=1, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
