"""What patients and staff do about Medicare in a storm: bulk bills with their consent and before it, changed minds, and
patient claims for what a card has paid. What Medicare makes of a claim is in the cents of its fee
(sandbox/medicare/README.md), so that sending it again comes to the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.faults.clients import WAITING, Answer, Job, Jobs

FIRST = 1000
"""The first client's number; it is his user's and his appointment's too."""
_PATIENCE = 8
BULK_BILLS = {0: 55, 11: 15, 61: 8, 2: 4, 28: 4, 4: 8, 39: 6}
"""Cents: in full, at 85 %, rejected, refused (twice), and accepted behind an answer that does not say so (twice)."""
PATIENT_CLAIMS = {0: 45, 7: 25, 8: 10, 61: 8, 2: 5, 4: 7}
"""In full, pendable, pended, rejected, refused, and accepted behind such an answer."""

Ask = Generator[list[Job], list[Answer | None], Answer | None]


@dataclass
class Claimant:
    """One patient with a Medicare card of his own, and one appointment. `fee` is in cents."""

    number: int
    seed: int
    dice: random.Random = field(init=False)
    way: Callable[[], Jobs] = field(init=False)
    fee: int = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed}/claimant/{self.number}")
        ways = {self._bulk_bill: 45, self._consent_later: 25, self._both_at_once: 5, self._claim_back: 25}
        self.way = self._choose(ways)
        self.fee = 18000 + self._choose(PATIENT_CLAIMS if self.way == self._claim_back else BULK_BILLS)

    @property
    def medicare_number(self) -> str:
        """With a check digit that is right."""
        first = f"{20_000_000 + self.number}"
        weighed = sum(int(digit) * weight for digit, weight in zip(first, (1, 3, 7, 9, 1, 3, 7, 9), strict=True))
        return f"{first}{weighed % 10}1"

    def visit(self) -> Jobs:
        yield from self.way()

    def _choose(self, weights: dict[Any, int]) -> Any:
        return self.dice.choices(list(weights), list(weights.values()))[0]

    def _job(self, kind: str, name: str | int = "", after: float = 0.0, **arguments: Any) -> Job:
        """With `name`, most have a key of that name."""
        key = f"{kind}-{self.number}-{name}" if name != "" and self.dice.random() < 0.7 else None
        return Job(kind, {"patient": self.number, "key": key, **arguments}, after)

    def _ask(self, job: Job) -> Ask:
        """Again and again, some by a double click, until somebody has an answer."""
        for _ in range(_PATIENCE):
            answers = yield [job] * (2 if self.dice.random() < 0.1 else 1)
            heard = [one for one in answers if one is not None and one.code not in WAITING]
            if heard:
                return heard[-1]
            job = replace(job, after=self.dice.uniform(0.02, 0.3))
        return None

    # --- bulk bills ---------------------------------------------------------------------------------------------------

    def _billing(self, name: str | int, *, consented: bool) -> Job:
        about = {"medicare_number": self.medicare_number, "consented": consented}
        return self._job("bulk_bill", name, appointment_id=self.number, **about)

    def _bulk_bill(self) -> Jobs:
        for attempt in range(_PATIENCE):
            answer = yield from self._ask(self._billing(attempt, consented=True))
            if answer is None or answer.status != "failed":
                break  # it is on its way, whoever heard of it
            if answer.body["reason"] == "claim_rejected":
                yield from self._pay_by_card()
                break
        if self.dice.random() < 0.1:
            yield from self._pay_by_card()  # what may be with Medicare bars it

    def _consent_later(self) -> Jobs:
        answer = yield from self._ask(self._billing("first", consented=False))
        if answer is None or answer.body.get("state") != "awaiting_customer":
            return
        way = self._choose({"consent": 55, "with the next request": 10, "cancel": 10, "card": 15, "nothing": 10})
        if way == "consent":
            yield from self._ask(self._job("consent", "given", payment_id=answer.body["id"]))
        elif way == "with the next request":
            yield from self._ask(self._billing("second", consented=True))
        elif way == "cancel":
            which = {"payment_id": answer.body["id"], "reference": answer.body["reference"]}
            yield from self._ask(Job("cancel", {"patient": self.number, **which}))
        elif way == "card":
            yield from self._pay_by_card()

    def _both_at_once(self) -> Jobs:
        yield [self._card("both"), self._billing("both", consented=True)]

    # --- paid by card, and a claim of the patient's own ---------------------------------------------------------------

    def _card(self, name: str | int) -> Job:
        return self._job("pay", name, appointment_id=self.number, amount=self.fee, card="pm_card_visa", save=False)

    def _pay_by_card(self) -> Ask:
        for attempt in range(_PATIENCE):
            answer = yield from self._ask(self._card(attempt))
            if answer is None or answer.status != "failed":
                return answer
        return None

    def _claim_back(self) -> Jobs:
        paid = yield from self._pay_by_card()
        if paid is None or paid.status != "succeeded":
            return
        about = {"payment_id": paid.body["id"], "medicare_number": self.medicare_number}
        claim = yield from self._ask(self._job("lodge", "first", **about))
        state = claim.body.get("state") if claim is not None else None
        decision = self._choose({"accept": 50, "let_go": 30, "": 20})
        if state == "pendable" and decision:
            yield from self._ask(self._job("decide", payment_id=about["payment_id"], decision=decision))
        if state == "lodged" and self.dice.random() < 0.2:
            yield from self._ask(self._job("take_back", payment_id=about["payment_id"]))
        if self.dice.random() < 0.4:
            yield from self._ask(self._job("lodge", "again", **about))
