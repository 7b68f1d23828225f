"""The books in a file, so that a sandbox that is started again knows what it was told: claims, correlation ids, payment
runs and its time. Devices, tokens and rules are not kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sandbox.medicare.books import Books, Claim, Event, Run, Service, State
from sandbox.medicare.clock import Clock


class StateFile:
    """The caller holds the books' lock."""

    def __init__(self, path: Path, books: Books, clock: Clock) -> None:
        self._path, self._books, self._clock = path, books, clock

    def read(self) -> None:
        """Nothing, if there is no such file yet."""
        if not self._path.exists():
            return
        kept = json.loads(self._path.read_text("utf-8"))
        self._clock.offset = kept["offset"]
        self._books.claims = {key: _claim(claim) for key, claim in kept["claims"].items()}
        self._books.runs = [Run(**run) for run in kept["runs"]]
        self._books.used, self._books.numbers = kept["used"], kept["numbers"]

    def write(self) -> None:
        """Whole or not at all: a sandbox that is killed leaves the file of the call before."""
        kept = {
            "offset": self._clock.offset,
            "claims": {key: asdict(claim) for key, claim in self._books.claims.items()},
            "runs": [asdict(run) for run in self._books.runs],
            "used": self._books.used,
            "numbers": self._books.numbers,
        }
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(kept), "utf-8")
        new.replace(self._path)


def _claim(kept: dict[str, Any]) -> Claim:
    events = [Event(**event | {"services": [Service(**one) for one in event["services"]]}) for event in kept["events"]]
    return Claim(**kept | {"state": State(kept["state"]), "events": events})
