"""Ways to pay that the customer approves first and that are carried out afterwards (a wallet, a loan): by the sweep, or
as soon as a webhook says so; once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.clinic import Clinic, patient
from tests.registry.plugins import PROVIDER, installer

SOURCE = """
from tp_gateway.contract import Prepared, Reason

class Wallet(Acme):
    manifest = manifest(
        slug="wallet", method="wallet", capabilities=Capabilities(two_step=True, fetch=True, resumable=RESUMABLE)
    )
    there = {}

    def prepare(self, order):
        self.there.setdefault(order.id, "open")
        return Prepared(order.id)

    def execute(self, order, reference):
        if self.there[reference] == "approved":
            taken.append(reference)
            self.there[reference] = "paid"
        return self.fetch(order, reference)

    def fetch(self, order, reference):
        match self.there[reference]:
            case "open":
                return Outcome(OutcomeState.NEEDS_ACTION, reference, action={"type": "redirect"})
            case "approved":
                return Outcome(OutcomeState.UNKNOWN, reference, reason=Reason.NO_SUCH_OBJECT)
            case "paid":
                settled = order.amount, order.currency
                return Outcome(OutcomeState.SUCCEEDED, reference, *settled, evidence="e-" + reference)
        return Outcome(OutcomeState.DECLINED, reference, closed=True, reason=Reason.CANCELED)

    def close(self, order, reference):
        if self.there[reference] != "paid":
            self.there[reference] = "closed"
        return self.fetch(order, reference)

taken = []

@hookimpl
def tp_gateway_providers():
    yield Wallet
"""


class WithWallet:
    """`plugin.taken` has a reference for each time that money was taken."""

    def __init__(self, clinic: Clinic, plugin: Any) -> None:
        self.clinic, self.plugin = clinic, plugin
        clinic.appointment(123)
        self.id = clinic.pay(method="wallet", method_id=None).id

    @property
    def payment(self) -> Any:
        return self.clinic.payment(self.id)

    def approves(self) -> None:
        assert (self.payment.state, self.plugin.taken) == ("awaiting_customer", [])
        self.plugin.Wallet.there[self.payment.reference] = "approved"


@pytest.fixture(params=[True])
def wallet(request: Any, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WithWallet]:
    installer(tmp_path, monkeypatch)("wallet", PROVIDER + SOURCE.replace("RESUMABLE", str(request.param)))
    clinic = Clinic(database_url, "http://127.0.0.1:9", **{"tp_gateway.providers": "wallet"}).open()
    yield WithWallet(clinic, sys.modules["plugin_wallet"])
    clinic.close()
    del sys.modules["plugin_wallet"]


def test_what_is_approved_is_carried_out_by_the_sweep_and_once(wallet: WithWallet) -> None:
    wallet.approves()
    for _ in range(2):
        wallet.clinic.pass_time()
        wallet.clinic.work()
    assert (wallet.payment.state, wallet.plugin.taken) == ("succeeded", [wallet.payment.reference])


def test_what_is_approved_is_carried_out_as_soon_as_it_is_heard_of(wallet: WithWallet) -> None:
    wallet.approves()
    wallet.clinic.gateway.recovery.look(wallet.payment, "provider:wallet")
    assert (wallet.payment.state, wallet.plugin.taken) == ("succeeded", [wallet.payment.reference])


def test_what_is_not_approved_waits(wallet: WithWallet) -> None:
    wallet.clinic.pass_time()
    wallet.clinic.work()
    assert (wallet.payment.state, wallet.plugin.taken) == ("awaiting_customer", [])


def test_what_was_cancelled_before_it_was_heard_of_takes_nothing(wallet: WithWallet) -> None:
    wallet.approves()
    wallet.clinic.gateway.payments.cancel(patient, wallet.id)
    wallet.clinic.gateway.recovery.look(wallet.payment, "provider:wallet")
    wallet.clinic.pass_time()
    wallet.clinic.work()
    assert (wallet.payment.state, wallet.plugin.taken) == ("failed", [])


def test_what_was_approved_too_late_takes_nothing(wallet: WithWallet) -> None:
    wallet.approves()
    with wallet.clinic.database.transaction() as session:
        late = sa.text("UPDATE payments SET expires_at = :past")
        session.execute(late, {"past": datetime.now(UTC) - timedelta(seconds=1)})
    wallet.clinic.pass_time()
    wallet.clinic.work()
    assert (wallet.payment.state, wallet.payment.reason, wallet.plugin.taken) == ("failed", "expired", [])


def test_what_was_paid_another_way_meanwhile_takes_nothing(wallet: WithWallet) -> None:
    wallet.approves()
    with wallet.clinic.database.transaction() as session:
        session.execute(sa.text("UPDATE payables SET amount_paid = amount"))
    wallet.clinic.pass_time()
    wallet.clinic.work()
    assert (wallet.payment.state, wallet.plugin.taken) == ("failed", [])


@pytest.mark.parametrize("wallet", [False], indirect=True)
def test_of_a_provider_that_does_not_say_so_nothing_is_executed_again(wallet: WithWallet) -> None:
    wallet.approves()
    wallet.clinic.pass_time()
    wallet.clinic.work()
    assert wallet.payment.needs_review and not wallet.plugin.taken
