"""Card payments through the services, against the sandbox over its socket."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.clinic import Clinic, Key, admin, manager, other_patient, patient, refused, sandbox
from tests.invariants import check_invariants
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError

KEY = Key(user_id=45, route="payments", key="k1", body_hash="a")


def test_a_card_payment_succeeds_and_is_booked_once(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    assert (paid.status, paid.body["status"]) == (201, "succeeded")
    entries = {row.kind: (row.debit, row.credit, row.amount) for row in clinic.rows("SELECT * FROM ledger_entries")}
    assert entries == {
        "charge": ("clearing:stripe", "receivable", 18000),
        "fee": ("fees:stripe", "clearing:stripe", 336),  # 1.7 % + 30 cents (stripe.com/au/pricing)
    }
    assert [charge["amount"] for charge in clinic.books()["charges"]] == [18000]
    assert refused(clinic.pay).code == "already_paid"
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(33)
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined"),
    ],
)
def test_a_decline_is_final_and_leaves_nothing_chargeable(clinic: Clinic, token: str, reason: str) -> None:
    clinic.appointment()
    paid = clinic.pay(method_id=token)
    assert (paid.body["status"], paid.body["reason"]) == ("failed", reason)
    assert [intent["status"] for intent in clinic.books()["payment_intents"]] == ["canceled"]
    assert clinic.pay().body["status"] == "succeeded"
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(30)
def test_three_d_secure_waits_for_the_customer(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay(method_id="pm_card_authenticationRequired")
    assert paid.body["state"] == "awaiting_customer"
    assert paid.body["action"]["client_secret"].startswith(paid.body["reference"])
    # A second click gets the same attempt; the browser's word alone changes nothing.
    assert clinic.pay(method_id="pm_card_authenticationRequired").body == paid.body
    assert confirm(clinic, paid.body["reference"]).body["status"] == "pending"
    sandbox(clinic.sandbox_url, "POST", f"challenge/{paid.body['reference']}", {"outcome": "complete"})
    assert confirm(clinic, paid.body["reference"]).body["status"] == "succeeded"
    check_invariants(clinic.database.engine, clinic.books())


def test_a_failed_challenge_is_a_decline(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay(method_id="pm_card_authenticationRequired")
    sandbox(clinic.sandbox_url, "POST", f"challenge/{paid.body['reference']}", {"outcome": "fail"})
    assert confirm(clinic, paid.body["reference"]).body["status"] == "failed"
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(109)
def test_a_browser_intent_is_one_object_however_often_it_is_asked_for(clinic: Clinic) -> None:
    clinic.appointment()
    first = clinic.pay(flow=Flow.BROWSER, amount=18000)
    again = clinic.pay(flow=Flow.BROWSER, amount=18000)
    assert first.body == again.body and first.body["action"]["status"] == "requires_payment_method"
    assert len(clinic.books()["payment_intents"]) == 1


@pytest.mark.catalogue(109)
def test_an_abandoned_browser_intent_gives_way_to_a_card(clinic: Clinic) -> None:
    clinic.appointment()
    abandoned = clinic.pay(flow=Flow.BROWSER, amount=18000)
    assert clinic.pay().body["status"] == "succeeded"
    assert clinic.payment(abandoned.id).state == "failed"
    assert Counter(intent["status"] for intent in clinic.books()["payment_intents"]) == {"canceled": 1, "succeeded": 1}
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(109)
def test_a_browser_intent_that_was_finished_meanwhile_wins(clinic: Clinic) -> None:
    clinic.appointment()
    first = clinic.pay(flow=Flow.BROWSER, amount=18000)
    finish_in_browser(clinic, first.body)
    error = refused(clinic.pay)
    assert (error.code, error.payment_id) == ("already_paid", first.id)
    assert clinic.payment(first.id).state == "succeeded"
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(5)
def test_a_double_click_without_a_key_charges_once(clinic: Clinic) -> None:
    clinic.appointment()
    answers = in_parallel(2, clinic.pay)
    assert sorted(answers) in (["payment_in_progress", "succeeded"], ["already_paid", "succeeded"])
    check_invariants(clinic.database.engine, clinic.books())


def test_two_hundred_submissions_of_one_payable_charge_once(clinic: Clinic) -> None:
    clinic.appointment()
    answers = Counter(in_parallel(200, clinic.pay, threads=32))
    assert answers["succeeded"] == 1
    assert set(answers) <= {"succeeded", "payment_in_progress", "already_paid"}
    assert len([charge for charge in clinic.books()["charges"] if charge["paid"]]) == 1
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(2)
def test_the_same_key_fifty_times_at_once(clinic: Clinic) -> None:
    clinic.appointment()
    answers = Counter(in_parallel(50, lambda: clinic.pay(key=KEY), threads=25))
    assert answers["succeeded"] == 1
    assert set(answers) <= {"succeeded", "replayed succeeded", "idempotency_in_progress"}
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(1)
def test_a_repeat_gets_the_same_bytes(clinic: Clinic) -> None:
    clinic.appointment()
    first, second = clinic.pay(key=KEY), clinic.pay(key=KEY)
    assert (first.text, first.replayed, second.replayed) == (second.text, False, True)
    assert len(clinic.books()["payment_intents"]) == 1


@pytest.mark.catalogue(3)
def test_a_key_does_not_fit_another_request(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay(key=KEY)
    assert refused(clinic.pay, key=replace(KEY, body_hash="b")).code == "idempotency_key_reuse"


@pytest.mark.catalogue(4)
def test_keys_are_scoped_to_the_user(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.appointment(124, 46)
    clinic.pay(key=KEY)
    other = clinic.pay(other_patient, key=replace(KEY, user_id=46), appointment_id=124)
    assert (other.body["status"], other.replayed) == ("succeeded", False)


@pytest.mark.catalogue(8)
def test_a_repeat_after_a_decline_does_not_ask_the_provider(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay(key=KEY, method_id="pm_card_visa_chargeDeclined")
    again = clinic.pay(key=KEY, method_id="pm_card_visa_chargeDeclined")
    assert again.replayed and again.body["status"] == "failed"
    assert len(clinic.books()["payment_intents"]) == 1
    assert clinic.pay(key=replace(KEY, key="k2")).body["status"] == "succeeded"


@pytest.mark.catalogue(6)
def test_two_tabs_pay_one_invoice(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    answers = in_parallel(2, lambda: clinic.pay(invoice_id=invoice.id, permission="pay_invoice", amount=None))
    assert Counter(answers)["succeeded"] == 1
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["paid"]


@pytest.mark.catalogue(55)
def test_an_invoice_is_paid_in_parts(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    for status in ("partially_paid", "partially_paid", "paid"):
        clinic.pay(invoice_id=invoice.id, amount=Decimal("60.00"))
        assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == [status]
    assert refused(clinic.pay, invoice_id=invoice.id, amount=Decimal("60.00")).code == "already_paid"
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.catalogue(12)
def test_two_parts_at_once_never_exceed_what_is_due(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    answers = in_parallel(2, lambda: clinic.pay(invoice_id=invoice.id, amount=Decimal("100.00")))
    assert Counter(answers)["succeeded"] == 1
    error = refused(clinic.pay, invoice_id=invoice.id, amount=Decimal("100.00"))
    assert error.code == "validation_error" and "80.00" in str(error.details)


def test_an_appointment_and_its_invoice_are_one_door(clinic: Clinic) -> None:
    appointment = clinic.appointment()
    invoice = clinic.invoice(appointment_id=appointment)
    paid = clinic.pay(appointment_id=appointment)
    assert clinic.payment(paid.id).invoice_id == invoice.id
    assert refused(clinic.pay, invoice_id=invoice.id).code == "already_paid"


def test_staff_charge_a_saved_card_off_session(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay(save_method=True)
    saved = clinic.gateway.payment_methods.list(45)[0]
    assert saved.details["last4"] == "4242" and saved.is_default
    invoice = clinic.invoice(9000)
    paid = clinic.pay(manager, permission="pay_invoice", invoice_id=invoice.id, amount=None, method_id=saved.id)
    assert paid.body["status"] == "succeeded"
    assert clinic.payment(paid.id).flow == "off_session"
    sent = [r for r in sandbox(clinic.sandbox_url, "GET", "requests")["requests"] if r["path"].endswith("/confirm")]
    assert sent[-1]["form"]["off_session"] == "true"


@pytest.mark.catalogue(65)
def test_another_patients_saved_card_is_not_there(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay(save_method=True)
    saved = clinic.gateway.payment_methods.list(45)[0]
    clinic.appointment(124, 46)
    for method_id in (saved.id, saved.reference):
        assert refused(clinic.pay, other_patient, appointment_id=124, method_id=method_id).code == "not_found"
    assert refused(clinic.gateway.payment_methods.add, other_patient, "card", saved.reference).code == "not_found"
    assert len(clinic.books()["charges"]) == 1


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amount": Decimal("1.00")}, "validation_error"),
        ({"amount": Decimal("180.001")}, "validation_error"),
        ({"amount": Decimal("200.00")}, "validation_error"),
        ({"currency": "USD"}, "validation_error"),
        ({"method": "medicare"}, "validation_error"),
        ({"method_id": None}, "validation_error"),
        ({"method_id": 999}, "not_found"),
        ({"parameters": {"status": "paid"}}, "validation_error"),
        ({"appointment_id": 999}, "not_found"),
    ],
)
def test_what_may_not_be_paid_changes_nothing(clinic: Clinic, more: dict[str, Any], code: str) -> None:
    clinic.appointment()
    assert refused(clinic.pay, **more).code == code
    assert not clinic.rows("SELECT 1 FROM payments") and not clinic.books()["payment_intents"]


@pytest.mark.catalogue(69)
def test_the_directory_is_asked_whatever_the_token_says(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.push_users([clinic.user(45, "patient", active=False)])
    assert refused(clinic.pay).code == "not_authenticated"
    clinic.push_users([clinic.user(8, "psychologist")])
    invoice = clinic.invoice()
    assert refused(clinic.pay, manager, invoice_id=invoice.id, permission="pay_invoice").code == "permission_denied"


def test_a_cancelled_appointment_closes_its_open_intent(clinic: Clinic) -> None:
    clinic.appointment()
    waiting = clinic.pay(flow=Flow.BROWSER, amount=18000)
    clinic.appointment(status="cancelled")
    clinic.work()
    assert clinic.payment(waiting.id).state == "failed"
    assert [intent["status"] for intent in clinic.books()["payment_intents"]] == ["canceled"]
    assert refused(clinic.pay).code == "not_payable"


@pytest.mark.parametrize("with_invoice", [False, True])
def test_an_open_card_form_follows_the_appointment(clinic: Clinic, with_invoice: bool) -> None:
    """A lowered fee, or a cancelled appointment that has an invoice: nobody pays what is not asked any more."""
    clinic.appointment()
    if with_invoice:
        clinic.invoice(appointment_id=123)
    waiting = clinic.pay(flow=Flow.BROWSER, amount=18000)
    clinic.appointment(**({"status": "cancelled"} if with_invoice else {"fee": 10000}))
    clinic.work()
    assert clinic.payment(waiting.id).state == "failed"
    assert [intent["status"] for intent in clinic.books()["payment_intents"]] == ["canceled"]
    paid = clinic.pay(amount=None)
    assert clinic.payment(paid.id).captured == (18000 if with_invoice else 10000)


def test_a_policy_can_veto_before_anything_is_written(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook's own behaviour; that plugins are found and loaded is tested with the registry."""
    clinic.appointment()
    seen: list[Any] = []

    def veto(order: Any, method: str) -> None:
        seen.append((order.amount, method, clinic.database.require_no_transaction()))
        raise GatewayError("not_payable", "Please call the clinic")

    monkeypatch.setattr(clinic.gateway.registry, "has_policies", lambda: True)
    monkeypatch.setattr(clinic.gateway.registry, "before_submit", veto)
    assert refused(clinic.pay).code == "not_payable"
    assert seen == [(18000, "card", None)] and not clinic.rows("SELECT 1 FROM payments")


def test_nothing_about_a_persons_health_leaves_for_the_provider(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay(save_method=True, description="Individual Therapy Session", metadata={"note": "anxiety"})
    sent = str(sandbox(clinic.sandbox_url, "GET", "requests"))
    assert "Therapy" not in sent and "anxiety" not in sent and "patient_id" not in sent


def test_only_the_owner_and_staff_see_a_payment(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    payments = clinic.gateway.payments
    assert refused(payments.get, other_patient, paid.id).code == "not_found"
    assert payments.get(admin, paid.id).id == payments.get(patient, paid.id).id == paid.id
    assert not payments.list(other_patient) and len(payments.list(manager, patient_id=45, status="succeeded")) == 1


def confirm(clinic: Clinic, reference: str) -> Any:
    from tests.clinic import Paid, render

    return Paid(clinic.gateway.payments.confirm(patient, "stripe", reference, 123, render))


def finish_in_browser(clinic: Clinic, body: dict[str, Any], token: str = "pm_card_visa") -> None:
    """What Stripe.js does with the client secret."""
    import stripe

    browser = stripe.StripeClient("pk_test_clinic", base_addresses={"api": clinic.sandbox_url})
    secret = body["action"]["client_secret"]
    browser.raw_request(
        "post", f"/v1/payment_intents/{body['reference']}/confirm", client_secret=secret, payment_method=token
    )


def in_parallel(times: int, pay: Any, threads: int | None = None) -> list[str]:
    """What each call ended as: a status, or the code of a refusal. All start together."""
    together = threading.Barrier(min(times, threads or times))

    def one(number: int) -> str:
        if number < together.parties:
            together.wait(10)
        try:
            paid = pay()
        except GatewayError as error:
            return error.code
        return ("replayed " if paid.replayed else "") + str(paid.body["status"])

    with ThreadPoolExecutor(together.parties) as pool:
        return list(pool.map(one, range(times)))
