"""What the sandbox remembers: claims with their services, correlation ids, payment runs, tokens asked for. Plain data,
no rules; whoever touches it holds the lock."""

import threading
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    LODGED = "lodged"  # a bulk bill; assessed after a while
    ASSESSED = "assessed"
    PAID = "paid"
    PENDABLE = "pendable"
    EXPIRED = "expired"
    PENDED = "pended"
    REJECTED = "rejected"
    DELETED = "deleted"


@dataclass
class Service:
    id: str
    item: str
    charge: int
    benefit: int
    code: str
    text: str | None = None
    contribution: int = 0


@dataclass
class Event:
    id: str
    date: str
    patient: dict[str, Any]
    services: list[Service]


@dataclass
class Claim:
    """`function` is bulk_bill or patient_claim; moments are seconds on the sandbox's clock."""

    claim_id: str
    correlation_id: str
    location: str
    function: str
    provider: str
    payee: str
    lodged: float
    state: State
    events: list[Event]
    ready: float = 0.0  # from when there is a processing report
    run: str | None = None
    body: dict[str, Any] = field(default_factory=dict)
    account_reference: str | None = None

    def services(self) -> list[Service]:
        return [service for event in self.events for service in event.services]

    @property
    def charge(self) -> int:
        return sum(service.charge for service in self.services())

    @property
    def benefit(self) -> int:
        return sum(service.benefit for service in self.services())


@dataclass
class Run:
    number: str
    date: str
    payee: str
    claims: list[str]
    amount: int


class Books:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        self.claims: dict[str, Claim] = {}  # by correlation id
        self.runs: list[Run] = []
        self.used: dict[str, str] = {}  # correlation id -> function
        self.tokens_given = 0
        self.calls: list[dict[str, Any]] = []
        self.numbers = 0

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def shown(self) -> dict[str, Any]:
        claims = [asdict(claim) | {"charge": claim.charge, "benefit": claim.benefit} for claim in self.claims.values()]
        return {
            "claims": claims,
            "correlation_ids": dict(self.used),
            "payment_runs": [asdict(run) for run in self.runs],
            "tokens_given": self.tokens_given,
            "calls": list(self.calls),
        }
