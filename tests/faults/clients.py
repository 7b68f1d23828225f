"""What patients, browsers and staff do in a storm. Each client is a generator: it yields jobs, all of which are done at
once, and gets their answers; None is no answer, because the process that worked on it was killed.

What a client decides comes from its own dice, so from the seed of the run and its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

PATIENTS = range(1000, 1100)
FEE = 18000
_PATIENCE = 12
"""How often a client tries before he leaves the rest to the clinic."""
_CARDS = {
    "pm_card_visa": 70,
    "pm_card_mastercard": 6,
    "pm_card_chargeDeclined": 9,
    "pm_card_chargeDeclinedInsufficientFunds": 5,
    "pm_card_authenticationRequired": 10,
}
WAITING = ("payment_in_progress", "idempotency_in_progress", "service_unavailable")


@dataclass(frozen=True)
class Job:
    """`kind` is a function of `workers`; `after` seconds from now."""

    kind: str
    arguments: dict[str, Any]
    after: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What was said: the body of an answer, or the code of a refusal."""

    body: dict[str, Any]
    code: str = ""

    @property
    def status(self) -> str:
        return str(self.body.get("status", ""))


Jobs = Generator[list[Job], list[Answer | None], None]


class Visitor(Protocol):
    """Whoever comes in a storm."""

    def visit(self) -> Jobs: ...


@dataclass
class Told:
    """What clients were told, to be held against the books at the end."""

    payments: set[int] = field(default_factory=set)
    succeeded: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    rebates: set[tuple[int, str]] = field(default_factory=set)
    by_key: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)

    def hear(self, job: Job, answer: Answer | None) -> None:
        if answer is None or "id" not in answer.body:
            return
        if job.kind == "lodge":
            self.rebates.add((answer.body["id"], answer.body["state"]))
        if job.kind not in ("pay", "start", "bulk_bill"):
            return
        self.payments.add(answer.body["id"])
        if job.kind == "start":
            return
        if answer.status in ("succeeded", "failed"):
            (self.succeeded if answer.status == "succeeded" else self.failed).add(answer.body["id"])
        key = job.arguments["key"]
        if (
            key
            and answer.status == "succeeded"
            and self.by_key.setdefault(key, answer.body["text"]) != answer.body["text"]
        ):
            self.contradictions.append(f"key {key} was answered {self.by_key[key]} and {answer.body['text']}")


@dataclass
class Client:
    """One patient and one thing to pay: an appointment, or an invoice in parts."""

    number: int
    dice: random.Random
    payable: dict[str, int]
    patient: int

    def visit(self) -> Jobs:
        ways: dict[Callable[[], Jobs], int] = {self._pay_all: 70, self._pay_in_browser: 18, self._leave_browser: 12}
        yield from self._choose(ways)()

    def _choose(self, weights: dict[Any, int]) -> Any:
        return self.dice.choices(list(weights), list(weights.values()))[0]

    def _job(self, kind: str, after: float = 0.0, **arguments: Any) -> Job:
        return Job(kind, {"patient": self.patient, **arguments}, after)

    # --- by card, at our API ----------------------------------------------------------------------------------------

    def _pay_all(self) -> Jobs:
        """With a key for each attempt as our documentation asks for, or without any, as a frontend that knows none."""
        parts = 3 if "invoice_id" in self.payable else 1
        for part in range(parts):
            paid: int | None = yield from self._pay(FEE // parts, f"{self.number}-{part}", self.dice.random() < 0.7)
            if paid is None:
                return
            if self.dice.random() < 0.15:
                yield from self._refund(paid)

    def _pay(self, amount: int, name: str, with_key: bool) -> Generator[list[Job], list[Answer | None], int | None]:
        attempt, wait, card = 1, 0.0, self._choose(_CARDS)
        for _ in range(_PATIENCE):
            key = f"{name}-{attempt}" if with_key else None
            job = self._job(
                "pay", wait, **self.payable, amount=amount, card=card, key=key, save=self.dice.random() < 0.05
            )
            answers = yield [job] * (2 if self.dice.random() < 0.1 else 1)  # a double click
            wait = self.dice.uniform(0.05, 1.0)
            heard = [answer for answer in answers if answer is not None]
            succeeded = [answer for answer in heard if answer.status == "succeeded"]
            if succeeded:
                return int(succeeded[0].body["id"])
            if any(answer.code == "already_paid" for answer in heard):
                return None
            waiting = [answer for answer in heard if answer.body.get("action")]
            if waiting:
                yield from self._authenticate(waiting[0])
            elif heard and all(answer.status == "failed" for answer in heard):
                attempt, card = attempt + 1, self._choose(_CARDS)  # told for certain: another card, another key
        return None

    def _authenticate(self, answer: Answer) -> Jobs:
        """3-D Secure: done, refused, cancelled here, or left alone."""
        where = {"payment_id": answer.body["id"], "reference": answer.body["reference"]}
        way = self._choose({"complete": 6, "fail": 1, "cancel": 1, "leave": 2})
        if way in ("complete", "fail"):
            yield [self._job("challenge", **where, outcome=way)]
            yield [self._job("confirm", self.dice.uniform(0, 0.3), **where)]
        elif way == "cancel":
            yield [self._job("cancel", **where)]

    # --- with the card form in the browser --------------------------------------------------------------------------

    def _start(self) -> Generator[list[Job], list[Answer | None], Answer | None]:
        for _ in range(_PATIENCE):
            (answer,) = yield [self._job("start", self.dice.uniform(0, 0.5), **self.payable, amount=FEE)]
            if answer is not None and answer.body.get("reference"):
                return answer
            if answer is not None and answer.code == "already_paid":
                return None
        return None

    def _pay_in_browser(self) -> Jobs:
        started = yield from self._start()
        if started is None:
            return
        where = {"payment_id": started.body["id"], "reference": started.body["reference"]}
        secret = started.body["action"].get("client_secret", "")
        for _ in range(self.dice.randint(1, 3)):
            yield [self._job("enter_card", **where, secret=secret, card=self._choose(_CARDS))]
        for _ in range(_PATIENCE):
            (answer,) = yield [self._job("confirm", self.dice.uniform(0, 0.5), **where)]
            if answer is not None and (answer.status in ("succeeded", "failed") or answer.body.get("action")):
                break
        if self.dice.random() < 0.1:
            yield [self._job("refund_in_dashboard", reference=where["reference"], amount=self.dice.randint(1, FEE))]

    def _leave_browser(self) -> Jobs:
        """Opens the form, perhaps even enters a card there, goes away, and pays otherwise: only one may count."""
        started = yield from self._start()
        if started is not None and self.dice.random() < 0.4:
            where = {"payment_id": started.body["id"], "reference": started.body["reference"]}
            secret = started.body["action"].get("client_secret", "")
            entering = self._job("enter_card", **where, secret=secret, card=self._choose(_CARDS))
            paying = self._job("pay", **self.payable, amount=FEE, card="pm_card_visa", key=None, save=False)
            yield [entering, paying]
        yield from self._pay_all()

    # --- staff ------------------------------------------------------------------------------------------------------

    def _refund(self, payment_id: int) -> Jobs:
        amount = self.dice.choice((None, None, self.dice.randint(1, FEE // 3)))
        job = self._job("refund", payment_id=payment_id, amount=amount, key=f"refund-{payment_id}")
        for _ in range(_PATIENCE):
            (answer,) = yield [job]
            if answer is not None and answer.code not in WAITING:
                return
