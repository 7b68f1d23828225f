"""The built-in providers, as the conformance kit is told about them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.medicare import MedicareSandbox
from sandbox.stripe import StripeSandbox
from sandbox.stripe.deliveries import signature
from tests.banking import ACCOUNT, cba
from tests.clinic import sandbox
from tests.medicare.conftest import BENEFIT, bulk_bill, settings_for
from tp_gateway.providers.bank_transfer import BankTransferProvider
from tp_gateway.providers.in_person import InPersonProvider
from tp_gateway.providers.medicare import MedicareProvider
from tp_gateway.providers.medicare.identifiers import card_check_digit
from tp_gateway.providers.stripe import StripeProvider
from tp_gateway.testing import Ask, Subject, Taken, Waiting


class StripeSubject(Subject):
    provider = StripeProvider

    def start(self) -> str:
        self.sandbox = StripeSandbox(check_contract=False).start()
        return self.sandbox.url

    def stop(self) -> None:
        self.sandbox.stop()

    def reset(self) -> None:
        """What is taken can be paid out at once."""
        self.sandbox.reset()
        sandbox(self.sandbox.url, "POST", "settings", {"settlement_days": 0})

    def settings(self) -> Mapping[str, str]:
        return {
            "api_key": "sk_test_conformanceKit123",
            "publishable_key": "pk_test_conformanceKit123",
            "webhook_secret": ",".join(self.webhook_secrets),
            "api_base": self.url,
        }

    def pays(self) -> Ask:
        return Ask(method="pm_card_visa")

    def declines(self) -> Ask:
        return Ask(method="pm_card_visa_chargeDeclinedInsufficientFunds")

    def books(self) -> list[Taken]:
        found = sandbox(self.sandbox.url, "GET", "books?only=charges")["charges"]
        return [
            Taken(one["payment_intent"], one["amount_captured"], one["currency"].upper(), one["amount_refunded"])
            for one in found
            if one["status"] == "succeeded" and one["captured"]
        ]

    def saves(self) -> str:
        return "pm_card_visa"

    def pay_out(self) -> None:
        sandbox(self.sandbox.url, "POST", "payouts")

    def event(self, waiting: Waiting) -> bytes:
        events = sandbox(self.sandbox.url, "GET", "books?only=events")["events"]
        about = [one for one in events if one["data"]["object"]["id"] == waiting.reference]
        return json.dumps(next(one for one in about if one["type"] == "payment_intent.succeeded")).encode()

    def sign(self, body: bytes, secret: str, at: float) -> Mapping[str, str]:
        return {"stripe-signature": signature(body, [secret], int(at))}


class MedicareSubject(Subject):
    """Each patient has a card of his own: the same service on the same day is billed once."""

    provider = MedicareProvider

    def start(self) -> str:
        self.sandbox = MedicareSandbox().start()
        self._cards = itertools.count(21234567)
        return self.sandbox.url

    def stop(self) -> None:
        self.sandbox.stop()

    def reset(self) -> None:
        self.sandbox.reset()

    def settings(self) -> Mapping[str, str]:
        prefix = "tp_gateway.medicare."
        given = settings_for(self.url).items()
        return {name.removeprefix(prefix): value for name, value in given if name.startswith(prefix)}

    def pays(self) -> Ask:
        digits = str(next(self._cards))
        patient = {**bulk_bill()["patient"], "medicare_number": f"{digits}{card_check_digit(digits)}1"}
        return Ask(bulk_bill(patient=patient))

    def declines(self) -> Ask:
        self._rule(kind="refuse", code="9202")
        return self.pays()

    def pays_less(self) -> tuple[Ask, int]:
        self._rule(kind="benefit", benefit=BENEFIT)
        return self.pays(), BENEFIT

    def finish(self, waiting: Waiting, *, pays: bool) -> None:
        """A night passes."""
        sandbox(self.sandbox.url, "POST", "clock", {"advance": 86_400})

    def books(self) -> list[Taken]:
        """What was paid out."""
        found = sandbox(self.sandbox.url, "GET", "books")["claims"]
        sums = [(one["correlation_id"], one["state"], sum(_benefits(one))) for one in found]
        return [Taken(reference, benefit, "AUD") for reference, state, benefit in sums if state == "paid"]

    def claims(self) -> Ask:
        return Ask({name: value for name, value in self.pays().parameters.items() if name != "consent"})

    def lodged(self) -> list[str]:
        found = sandbox(self.sandbox.url, "GET", "books")["claims"]
        return [
            one["correlation_id"]
            for one in found
            if one["function"] == "patient_claim" and one["state"] not in ("deleted", "rejected")
        ]

    def evidence(self) -> Mapping[str, Any]:
        return {"result": "paid", "benefit": "153.00", "paid_on": datetime.now(UTC).date().isoformat()}

    def _rule(self, **rule: Any) -> None:
        sandbox(self.sandbox.url, "POST", "rules", rule)


def _benefits(claim: Mapping[str, Any]) -> list[int]:
    return [service["benefit"] for event in claim["events"] for service in event["services"]]


class BankTransferSubject(Subject):
    provider = BankTransferProvider

    def settings(self) -> Mapping[str, str]:
        prefix = "tp_gateway.bank_transfer."
        more = {"aba_bank": "CBA", "aba_user_id": "301500"}
        return more | {name.removeprefix(prefix): value for name, value in ACCOUNT.items() if name.startswith(prefix)}

    def statement(self, lines: Sequence[tuple[int, str]]) -> bytes:
        return cba(lines)


class InPersonSubject(Subject):
    provider = InPersonProvider

    def pays(self) -> Ask:
        return Ask({"kind": "eftpos", "slip": "004711"})
