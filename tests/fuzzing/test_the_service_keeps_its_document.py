"""Whatever is sent by whomever, the live service answers as its document says: no 5xx, nothing outside of its schema,
every refusal in the one shape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.medicare import MedicareSandbox
from sandbox.stripe import StripeSandbox
from tests.api.test_servers import WAITRESS, Server, running
from tests.clinic import Clinic, sandbox
from tests.conftest import SHORT
from tests.fuzzing import play

REQUESTS = 20_000
"""On each database."""
ONE_BY_ONE = ("--phases", "examples,coverage,fuzzing")
IN_CHAINS = ("--phases", "stateful", "--mode", "positive")
"""Each request with what the answer before it has linked. One run ends when a chain ends otherwise than before, which a
service that remembers cannot help; so there are many."""


@pytest.fixture
def server(database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path) -> Iterator[Server]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    clinic = Clinic(database_url, stripe_sandbox.url).open()
    play.furnish(clinic)
    with (
        MedicareSandbox() as medicare,
        running(WAITRESS, clinic, tmp_path, **play.environ(clinic, medicare.url)) as started,
    ):
        yield started
    clinic.close()


@pytest.mark.long
@pytest.mark.parametrize("database_url", SHORT, indirect=True)
def test_in_short(server: Server, tmp_path: Path) -> None:
    """The same cases every time, with requests as the document has them; `test_bad_input.py` sends the others."""
    play.fuzz(server, tmp_path, "--generation-deterministic", "--mode", "positive", "--max-examples", "1")
    _every_caller_was_answered(server)


@pytest.mark.soak
def test_at_length(server: Server, tmp_path: Path) -> None:
    """New cases every time; the seed is printed."""
    seed = 0
    while sum(play.callers(server).values()) < REQUESTS:
        seed += 1
        print("seed", seed)
        play.fuzz(server, tmp_path, *ONE_BY_ONE, "--max-examples", "40", seed=seed, seconds=1800)
        for more in range(5):
            play.fuzz(server, tmp_path, *IN_CHAINS, "--max-examples", "200", seed=10 * seed + more, seconds=600)
    _every_caller_was_answered(server)


def _every_caller_was_answered(server: Server) -> None:
    assert set(play.callers(server)) == {"nobody", "user:45", "user:7", "user:8", "user:9", "service:django"}
    wrong = [one for one in play.requests(server) if one["status"] >= 500]
    assert not wrong, f"{wrong[:5]} {play.faults(server)}"
