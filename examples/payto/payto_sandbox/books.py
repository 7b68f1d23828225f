"""The service's own books: agreements, payments, refunds, and the events that tell of them. Amounts are cents."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable
from typing import Any

FEE = 35
NOT_REGISTERED = "nobody@example.com"
TOO_POOR = "poor@example.com"
"""PayIDs that behave in a way of their own; every other one is registered, and has the money."""

Agreement = dict[str, Any]
Event = dict[str, Any]


class Refused(Exception):
    """What the service answers with a status of its own."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


class Books:
    """Not for several threads at once: the server has a lock. `told` hears of each event."""

    def __init__(self, told: Callable[[Event], None]) -> None:
        self._told = told
        self.reset()

    def reset(self) -> None:
        self.agreements: dict[str, Agreement] = {}
        self.events: list[Event] = []
        self._numbers = itertools.count(1)

    # --- the clinic's side --------------------------------------------------------------------------------------------

    def draft(self, client_id: str, asked: dict[str, Any]) -> Agreement:
        """The same id again is the same agreement."""
        known = self._by_client_id(client_id)
        if known is not None:
            return known
        if asked["payid"] == NOT_REGISTERED:
            raise Refused(422, "unknown_payid")
        if type(asked["amount"]) is not int or asked["amount"] <= 0 or asked["currency"] != "AUD":
            raise Refused(422, "invalid_amount")
        number = next(self._numbers)
        made: Agreement = {"id": f"agr_{number:06}_{client_id[:8]}", "client_id": client_id, "state": "draft"}
        wanted = ("payid", "amount", "currency", "payee", "description", "approve_by", "labels")
        self.agreements[made["id"]] = made | {name: asked[name] for name in wanted} | {"refunds": []}
        return self.agreements[made["id"]]

    def find(self, reference: str) -> Agreement:
        if reference not in self.agreements:
            raise Refused(404, "no_such_agreement")
        return self.agreements[reference]

    def find_by_client_id(self, client_id: str) -> Agreement:
        found = self._by_client_id(client_id)
        if found is None:
            raise Refused(404, "no_such_agreement")
        return found

    def submit(self, reference: str) -> Agreement:
        """Put to the patient's bank, once."""
        found = self.find(reference)
        if found["state"] == "draft":
            self._becomes(found, "submitted")
        return found

    def cancel(self, reference: str) -> Agreement:
        """Also by a patient's change of mind. What was paid stays paid."""
        found = self.find(reference)
        if found["state"] in ("draft", "submitted"):
            self._becomes(found, "cancelled")
        return found

    def refund(self, reference: str, client_id: str, amount: int) -> dict[str, Any]:
        """The same id again is the same refund."""
        found = self.find(reference)
        for one in found["refunds"]:
            if one["client_id"] == client_id:
                return dict(one)
        left = found["amount"] - sum(one["amount"] for one in found["refunds"])
        if found["state"] != "paid":
            raise Refused(409, "not_paid")
        if type(amount) is not int or not 0 < amount <= left:
            raise Refused(409, "too_much")
        made = {"id": f"rfd_{next(self._numbers):06}", "client_id": client_id, "amount": amount, "currency": "AUD"}
        found["refunds"].append(made | {"state": "sent"})
        self._tell(found, "agreement.refunded")
        return dict(found["refunds"][-1])

    # --- the patient's side -------------------------------------------------------------------------------------------

    def answer(self, reference: str, answer: str) -> Agreement:
        """What happens in the banking app, or does not: `approve`, `reject`, `expire`. Over is over."""
        found = self.find(reference)
        if found["state"] != "submitted":
            return found
        if answer == "approve" and found["payid"] == TOO_POOR:
            found["failure"] = "AM04"
            self._becomes(found, "failed")
        elif answer == "approve":
            number = f"npp_{next(self._numbers):06}"
            found["payment"] = {"id": number, "amount": found["amount"], "currency": found["currency"], "fee": FEE}
            self._becomes(found, "paid")
        elif answer in ("reject", "expire"):
            self._becomes(found, "rejected" if answer == "reject" else "expired")
        else:
            raise Refused(422, "approve, reject or expire")
        return found

    # --- events -------------------------------------------------------------------------------------------------------

    def between(self, since: float, until: float) -> list[Event]:
        """Each with the agreement as it stands now."""
        found = [one for one in self.events if since <= one["at"] < until]
        return [{**one, "agreement": self.agreements[one["agreement"]["id"]]} for one in found]

    def _becomes(self, agreement: Agreement, state: str) -> None:
        agreement["state"] = state
        self._tell(agreement, f"agreement.{state}")

    def _tell(self, agreement: Agreement, kind: str) -> None:
        made = {"id": f"evt_{next(self._numbers):06}_{agreement['id']}", "type": kind, "at": time.time()}
        self.events.append(made | {"agreement": copy.deepcopy(agreement)})
        self._told(self.events[-1])

    def _by_client_id(self, client_id: str) -> Agreement | None:
        return next((one for one in self.agreements.values() if one["client_id"] == client_id), None)
