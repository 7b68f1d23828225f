"""A clinic that bulk bills: the gateway with its Medicare provider, and the stand-in for Medicare over its socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import urllib3

from sandbox.medicare import MedicareSandbox
from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, admin, manager, patient, render, sandbox
from tests.invariants import check_invariants, read_store
from tests.invariants_of_claims import claims_agree
from tests.providers.medicare.transports import claims as samples
from tp_gateway.identity import Identity
from tp_gateway.services.facts import Key

ZONE = ZoneInfo("Australia/Melbourne")
CARD, IRN = "2123456701", "1"
BENEFIT = 10_155
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def consent(**more: Any) -> dict[str, Any]:
    given = {
        "type": "post",
        "assigned_at": (YESTERDAY + timedelta(hours=1)).isoformat(),
        "assignor_name": "Canaryfamily Canarygiven",
        "relationship": "patient",
        "method": "signature",
        "document_ref": "files/consent-1.pdf",
    }
    return given | more


def bulk_bill(**more: Any) -> dict[str, Any]:
    """The provider's own fields of a payment request; None leaves one out."""
    asked: dict[str, Any] = {
        "item": "80110",
        "patient": {
            "family_name": "Canaryfamily",
            "given_name": "Canarygiven",
            "date_of_birth": "1980-02-03",
            "medicare_number": CARD,
            "irn": IRN,
        },
        "referral": {"provider_number": "2426591T", "issued_on": "2026-01-05", "period_code": "S"},
        "consent": consent(),
        **more,
    }
    return {name: value for name, value in asked.items() if value is not None}


def settings_for(medicare: str) -> dict[str, str]:
    return {
        "tp_gateway.providers": "stripe bank_transfer in_person medicare",
        "tp_gateway.bank_transfer.account_name": "Sample Clinic",
        "tp_gateway.bank_transfer.bsb": "062-000",
        "tp_gateway.bank_transfer.account_number": "12345678",
        "tp_gateway.medicare.transport": "aggregator",
        "tp_gateway.medicare.base_url": f"{medicare}/Medicare",
        "tp_gateway.medicare.minor_id": samples.MINOR_ID,
        "tp_gateway.medicare.api_key": samples.API_KEY,
        "tp_gateway.medicare.provider_numbers": f"7:{samples.PROVIDER}",
    }


class Surgery(Clinic):
    """`medicare` is the stand-in's address. Appointments were yesterday, by a practitioner with a provider number."""

    def __init__(self, database_url: str, sandbox_url: str, medicare: str, **more: str) -> None:
        self.medicare, self.more = medicare, settings_for(medicare) | more
        super().__init__(database_url, sandbox_url, **self.more)

    def open(self) -> Surgery:
        """What a session asks for is said by the tests: none gets an invoice by itself."""
        super().open()
        self.gateway.practice_settings.update(admin, {"billing": {"auto_generate_invoices": False}})
        return self

    def session(self, appointment_id: int = 123, **more: Any) -> int:
        return self.appointment(appointment_id, **{"starts_at": YESTERDAY, "status": "completed", **more})

    def bulk_bill(
        self, appointment_id: int = 123, who: Identity = patient, key: Key | None = None, **more: Any
    ) -> dict[str, Any]:
        """Pay by a bulk bill, with `more` of the provider's own fields. What is in the answer."""
        wanted = self.wanted(
            appointment_id=appointment_id, method="medicare", method_id=None, amount=None, parameters=bulk_bill(**more)
        )
        answer: dict[str, Any] = json.loads(self.gateway.payments.pay(who, wanted, render, key).text)
        return answer

    def evidence(self, payment_id: int, key: Key | None = None, **said: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.gateway.review.record(manager, payment_id, said, render, key).text)
        return answer

    def claim(self, payment_id: int) -> dict[str, Any]:
        """As people are shown it."""
        shown: dict[str, Any] = self.gateway.payments.get(manager, payment_id).provider_state["shown"]["claim"]
        return shown

    def warnings(self, payment_id: int) -> list[str]:
        found: list[str] = self.gateway.payments.get(manager, payment_id).provider_state["shown_to_staff"]["warnings"]
        return found

    def state(self, payment_id: int) -> tuple[str, str]:
        """(the payment's state, the claim's)."""
        payment = self.gateway.payments.get(manager, payment_id)
        return payment.state, payment.provider_state["shown"]["claim"]["state"]

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The stand-in's control path."""
        url = f"{self.medicare}/_sandbox/{path}"
        answer = _HTTP.request("GET", url) if body is None else _HTTP.request("POST", url, json=body)
        assert answer.status == 200, answer.data
        return answer.json()

    def rule(self, kind: str, **more: Any) -> None:
        self.ask("rules", {"kind": kind, **more})

    def clear_rules(self) -> None:
        assert _HTTP.request("DELETE", f"{self.medicare}/_sandbox/rules").status == 200

    def there(self) -> list[dict[str, Any]]:
        """The claims in Medicare's books."""
        found: list[dict[str, Any]] = self.ask("books")["claims"]
        return found

    def lodgements(self) -> list[str]:
        """The correlation ids under which bulk bills were sent, each as often as it was."""
        calls = self.ask("books")["calls"]
        return [call["correlation_id"] for call in calls if call["function"] == "bulk_bill"]

    def nights(self, count: int = 1) -> None:
        """Medicare's clock moves on, and everything of ours is due."""
        for _ in range(count):
            self.ask("clock", {"advance": 86_400})
            self.pass_time()
            self.work()

    def entries(self, payment_id: int) -> dict[str, int]:
        rows = self.rows("SELECT kind, amount FROM ledger_entries WHERE payment_id = :id ORDER BY id", id=payment_id)
        return {row.kind: row.amount for row in rows}

    def check(self) -> None:
        check_invariants(self.database.engine, self.books(), at_rest=False)
        problems = claims_agree(read_store(self.database.engine), self.there())
        assert not problems, "\n".join(problems)


_HTTP = urllib3.PoolManager(timeout=10, retries=False)


@pytest.fixture(scope="session")
def medicare_sandbox() -> Iterator[str]:
    with MedicareSandbox() as running:
        yield running.url


@pytest.fixture
def surgery(database_url: str, stripe_sandbox: StripeSandbox, medicare_sandbox: str) -> Iterator[Surgery]:
    made = open_surgery(database_url, stripe_sandbox.url, medicare_sandbox)
    yield made
    try:
        made.check()
    finally:
        made.close()


@pytest.fixture
def by_hand(database_url: str, stripe_sandbox: StripeSandbox, medicare_sandbox: str) -> Iterator[Surgery]:
    """Where staff lodge in HPOS: nobody listens where Medicare should be."""
    nobody = {"tp_gateway.medicare.transport": "manual", "tp_gateway.medicare.base_url": "http://127.0.0.1:1"}
    made = open_surgery(database_url, stripe_sandbox.url, medicare_sandbox, **nobody)
    yield made
    try:
        assert not made.ask("books")["calls"]
        made.check()
    finally:
        made.close()


def open_surgery(database_url: str, stripe_url: str, medicare_url: str, **more: str) -> Surgery:
    sandbox(stripe_url, "POST", "reset")
    _HTTP.request("POST", f"{medicare_url}/_sandbox/reset", json={})
    made = Surgery(database_url, stripe_url, medicare_url, **more)
    made.open()
    return made


def by_proda(surgery_folder: Path, medicare_url: str) -> dict[str, str]:
    """Settings of the direct line: a device that was activated, its key in a file."""
    from tests.providers.medicare.transports.conftest import Control

    Control(medicare_url, _HTTP).activate()
    path = surgery_folder / "device.pem"
    path.write_text(samples.key())
    return {
        "tp_gateway.medicare.transport": "services_australia",
        "tp_gateway.medicare.base_url": f"{medicare_url}/claiming/ext-vnd",
        "tp_gateway.medicare.proda_url": medicare_url,
        "tp_gateway.medicare.org_id": samples.ORG,
        "tp_gateway.medicare.device": samples.DEVICE,
        "tp_gateway.medicare.client_id": "sandbox-client",
        "tp_gateway.medicare.token_audience": "https://medicare.sandbox.invalid",
        "tp_gateway.medicare.private_key_file": str(path),
    }


def events(surgery: Surgery) -> list[str]:
    with surgery.database.read() as session:
        return list(session.execute(sa.text("SELECT topic FROM outbox_messages ORDER BY id")).scalars())
