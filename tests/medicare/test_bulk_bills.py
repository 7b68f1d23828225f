"""A bulk bill from lodging to payment, through the services, against the stand-in for Medicare."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.stripe import StripeSandbox
from tests.banking import as_file, cba
from tests.clinic import admin, manager, patient, refused
from tests.documents.samples import text
from tests.medicare.conftest import BENEFIT, CARD, YESTERDAY, Surgery, by_proda, consent, events, open_surgery


def test_lodged_assessed_paid(surgery: Surgery) -> None:
    surgery.rule("benefit", benefit=BENEFIT)
    lodged = surgery.bulk_bill(surgery.session())
    assert (lodged["status"], lodged["state"]) == ("pending", "processing")
    assert surgery.claim(lodged["id"])["claim_id"]
    surgery.nights()
    assert surgery.state(lodged["id"]) == ("processing", "assessed")
    surgery.nights()
    paid = surgery.payment(lodged["id"])
    claim = surgery.claim(paid.id)
    assert (paid.state, paid.captured, claim["state"], claim["benefit"]) == ("succeeded", BENEFIT, "paid", "101.55")
    assert claim["paid_with"]["number"] == "0001" and paid.transaction_id == "M0001"
    assert paid.next_check_at is None, "nothing is left to ask"
    assert claim["card"] == "**** ***70 1" and CARD not in str(claim)


@pytest.mark.parametrize(("zone", "days"), [(None, 1), ("Australia/Perth", 0), ("Australia/Hobart", 1)])
def test_the_day_of_the_service_is_the_clinics_as_it_is_set_now(surgery: Surgery, zone: str | None, days: int) -> None:
    evening = (YESTERDAY - timedelta(days=2)).replace(hour=14, minute=30)  # past midnight already in Melbourne
    surgery.session(starts_at=evening)
    if zone is not None:
        surgery.gateway.practice_settings.update(admin, {"system": {"timezone": zone}})
    told = surgery.bulk_bill()
    day = (evening + timedelta(days=days)).date().isoformat()
    assert surgery.claim(told["id"])["service_date"] == day


def test_the_rest_of_the_fee_is_given_up_and_the_invoice_is_paid(surgery: Surgery) -> None:
    surgery.rule("benefit", benefit=BENEFIT)
    invoice = surgery.invoice(18000, appointment_id=surgery.session())
    lodged = surgery.bulk_bill()
    surgery.nights(2)
    assert surgery.entries(lodged["id"]) == {"charge": BENEFIT, "write_off": 18000 - BENEFIT}
    rows = surgery.rows("SELECT status FROM invoices WHERE id = :id", id=invoice.id)
    assert [row.status for row in rows] == ["paid"]
    assert surgery.payment(lodged["id"]).amount == 18000
    assert refused(surgery.pay, appointment_id=123).code == "already_paid"
    given_up = f"No longer charged \N{MINUS SIGN}${(18000 - BENEFIT) / 100:.2f} Amount due $0.00"
    assert given_up in text(surgery.gateway.documents.invoice(patient, invoice.id).content)
    receipt = text(surgery.gateway.documents.receipt(patient, lodged["id"]).content)
    assert f"Paid by Medicare bulk bill Amount received ${BENEFIT / 100:.2f}" in receipt
    assert "PAID IN FULL" in receipt and "Nothing can be claimed" in receipt


def test_by_the_direct_line_too(
    database_url: str, stripe_sandbox: StripeSandbox, medicare_sandbox: str, tmp_path: Path
) -> None:
    surgery = open_surgery(database_url, stripe_sandbox.url, medicare_sandbox, **by_proda(tmp_path, medicare_sandbox))
    surgery.rule("benefit", benefit=BENEFIT)
    lodged = surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    assert surgery.state(lodged["id"]) == ("succeeded", "paid")
    [provider] = [one for one in surgery.gateway.registry if one.slug == "medicare"]
    assert provider.check(10).ok
    surgery.check()
    surgery.close()


def test_a_report_that_is_not_ready_is_asked_for_again(surgery: Surgery) -> None:
    surgery.ask("settings", {"ready_after": 3 * 86_400, "paid_after": 0})
    lodged = surgery.bulk_bill(surgery.session())
    for _ in range(2):
        surgery.nights()
        assert surgery.state(lodged["id"]) == ("processing", "with_medicare")
        waits = surgery.payment(lodged["id"]).next_check_at
        assert waits is not None and waits > surgery.gateway.clock(), "the next look has its time"
    surgery.nights(2)
    assert surgery.state(lodged["id"]) == ("succeeded", "paid")


@pytest.mark.parametrize("code", ["9202", "9628", "9632"])
def test_a_refusal_is_told_with_its_code_and_words(surgery: Surgery, code: str) -> None:
    surgery.rule("refuse", code=code, text="In Medicare's own words")
    answer = surgery.bulk_bill(surgery.session())
    claim = surgery.claim(answer["id"])
    assert (answer["status"], claim["state"]) == ("failed", "rejected")
    assert (claim["code"], claim["text"]) == (code, "In Medicare's own words")
    assert surgery.payment(answer["id"]).provider_code == code and not surgery.there()
    assert surgery.pay(appointment_id=123).body["status"] == "succeeded", "the patient can pay another way"


def test_assessed_at_nothing_is_a_rejection(surgery: Surgery) -> None:
    surgery.rule("reject", code="160")
    answer = surgery.bulk_bill(surgery.session())
    assert answer["status"] == "pending"
    surgery.nights()
    claim = surgery.claim(answer["id"])
    assert (surgery.payment(answer["id"]).state, claim["state"], claim["code"]) == ("failed", "rejected", "160")
    assert not surgery.entries(answer["id"])


def test_what_an_operator_there_works_on_stays_open(surgery: Surgery) -> None:
    surgery.rule("reject", code="9601")
    answer = surgery.bulk_bill(surgery.session())
    surgery.nights(3)
    assert surgery.state(answer["id"]) == ("processing", "with_medicare")


@pytest.mark.parametrize("code", ["3004", "3039"])
def test_an_answer_that_hides_an_acceptance_is_found_out(surgery: Surgery, code: str) -> None:
    surgery.rule("code", code=code)
    answer = surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    assert surgery.state(answer["id"]) == ("succeeded", "paid")
    assert len(surgery.there()) == len(surgery.lodgements()) == 1


@pytest.mark.parametrize("kind", ["lost", "garbage", "status"])
@pytest.mark.parametrize("accepted", [True, False])
def test_a_broken_answer_leaves_exactly_one_claim(surgery: Surgery, kind: str, accepted: bool) -> None:
    surgery.rule(kind, accepted=accepted)
    answer = surgery.bulk_bill(surgery.session())
    assert answer["status"] == "pending"
    surgery.pass_time()
    surgery.work()
    assert surgery.state(answer["id"]) == ("processing", "with_medicare")
    surgery.nights(2)
    assert surgery.state(answer["id"]) == ("succeeded", "paid")
    assert len(surgery.there()) == 1
    assert len(set(surgery.lodgements())) == 1, "one correlation id for ever"


def test_a_second_claim_for_the_service_finds_the_first_that_was_given_up(surgery: Surgery) -> None:
    """Staff were told that it is not there, and it was."""
    surgery.rule("lost")
    for function in ("processing_report", "payment_report"):
        surgery.rule("lost", function=function, times=3)
    first = surgery.bulk_bill(surgery.session())
    assert surgery.state(first["id"])[0] == "unknown"
    assert surgery.evidence(first["id"], result="not_lodged")["status"] == "failed"
    surgery.clear_rules()
    second = surgery.bulk_bill()
    assert (second["status"], surgery.claim(second["id"])["code"]) == ("pending", "9632")
    surgery.nights(2)
    assert surgery.state(second["id"]) == ("succeeded", "paid")
    assert surgery.state(first["id"]) == ("failed", "rejected") and len(surgery.there()) == 1


def test_nobody_there_means_later(surgery: Surgery) -> None:
    """PRODA or the network is down: the claim is kept, and lodged when the line is back."""
    surgery.rule("status", accepted=False, status=503, times=2)
    for function in ("processing_report", "payment_report"):
        surgery.rule("status", function=function, status=503, times=2)
    answer = surgery.bulk_bill(surgery.session())
    assert answer["status"] == "pending" and not surgery.there()
    for _ in range(4):
        surgery.pass_time()
        surgery.work()
    assert surgery.state(answer["id"]) == ("processing", "with_medicare")
    assert len(surgery.there()) == 1


def test_some_services_paid_is_partly_paid(surgery: Surgery) -> None:
    items = [{"item": "80110", "charge": "120.00"}, {"item": "80123", "charge": "60.00"}]
    surgery.rule("reject", code="160", item="80123")
    lodged = surgery.bulk_bill(surgery.session(), item=None, items=items)
    surgery.nights(2)
    assert surgery.state(lodged["id"]) == ("succeeded", "partly_paid")
    assert surgery.entries(lodged["id"]) == {"charge": 12000, "write_off": 6000}
    assert surgery.claim(lodged["id"])["code"] == "160"


def test_a_reversal_is_a_refund(surgery: Surgery) -> None:
    lodged = surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    surgery.evidence(lodged["id"], result="reversed")
    assert surgery.state(lodged["id"]) == ("refunded", "reversed")
    assert refused(surgery.evidence, lodged["id"], result="reversed").code == "not_payable"
    assert refused(surgery.pay, appointment_id=123).code == "already_paid", "given up, unless staff reopen it"


def test_a_reversal_can_make_the_whole_fee_due_again(surgery: Surgery) -> None:
    surgery.rule("benefit", benefit=BENEFIT)
    invoice = surgery.invoice(18000, appointment_id=surgery.session())
    lodged = surgery.bulk_bill()
    surgery.nights(2)
    surgery.evidence(lodged["id"], result="reversed", reopen=True)
    assert surgery.state(lodged["id"]) == ("refunded", "reversed")
    assert surgery.entries(lodged["id"])["write_off_returned"] == 18000 - BENEFIT
    rows = surgery.rows("SELECT status FROM invoices WHERE id = :id", id=invoice.id)
    assert [row.status for row in rows] == ["pending"]
    assert surgery.pay(appointment_id=123).body["status"] == "succeeded", "all of it is due"


def test_more_from_medicare_takes_the_place_of_what_was_given_up(by_hand: Surgery) -> None:
    made = by_hand.bulk_bill(by_hand.session())
    by_hand.evidence(made["id"], result="lodged", claim_id="A0001@")
    by_hand.evidence(made["id"], result="paid", benefit="80.00", paid_on="2026-11-20", run="0007")
    by_hand.evidence(made["id"], result="paid", benefit="101.55", paid_on="2026-11-21", run="0008")
    rows = by_hand.rows("SELECT kind, amount FROM ledger_entries ORDER BY id")
    assert [(row.kind, row.amount) for row in rows] == [
        ("charge", 8000),
        ("write_off", 10000),
        ("write_off_returned", 2155),
        ("charge", 2155),
    ]
    assert by_hand.payment(made["id"]).captured == BENEFIT


def test_staff_may_not_refund_a_bulk_bill(surgery: Surgery) -> None:
    lodged = surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    assert refused(surgery.refund, lodged["id"]).code == "not_payable"


def test_facts_are_told_once(surgery: Surgery) -> None:
    surgery.bulk_bill(surgery.session())
    surgery.nights(4)
    assert events(surgery).count("payment.succeeded") == 1


def test_consent_is_kept_with_the_day_until_which(surgery: Surgery) -> None:
    lodged = surgery.bulk_bill(surgery.session(), consent=consent(type="pre", assigned_at=YESTERDAY.isoformat()))
    kept = surgery.claim(lodged["id"])["consent_kept_until"]
    assert kept is not None and int(kept[:4]) == surgery.gateway.today().year + 2
    assert surgery.gateway.payments.get(manager, lodged["id"]).provider_state["claim"]["consent"]["type"] == "pre"


def test_one_deposit_for_three_claims_is_found_on_the_banks_statement(surgery: Surgery) -> None:
    """Each claim is settled by the run that paid it; the run is one sum on the statement, explained to the cent."""
    for _ in range(3):
        surgery.rule("benefit", benefit=BENEFIT)
    days = {123: YESTERDAY, 124: YESTERDAY - timedelta(days=1), 125: YESTERDAY - timedelta(days=2)}
    lodged = [surgery.bulk_bill(surgery.session(number, starts_at=day))["id"] for number, day in days.items()]
    surgery.nights(2)
    assert [surgery.state(one)[0] for one in lodged] == ["succeeded"] * 3
    [run] = surgery.gateway.remittances.list()
    assert (run.provider, run.reference, run.amount, run.explained) == ("medicare", "M0001", 3 * BENEFIT, True), (
        run.note
    )
    shown, items = surgery.gateway.remittances.get(run.id)
    assert sorted(item.payment_id or 0 for item in items) == sorted(lodged)
    assert (shown.sums.gross, shown.sums.fees, shown.sums.unknown) == (3 * BENEFIT, 0, 0)
    statement = cba([(3 * BENEFIT, "MCARE BENEFITS 1234567")], day=run.arrives_on)
    surgery.gateway.statements.importing.run(as_file(statement), "a.csv", manager.actor)
    [line] = surgery.gateway.statements.reading.lines()
    assert (line.state, line.why) == ("explained", "medicare paid out M0001")
    assert surgery.gateway.remittances.list()[0].statement_line_id == line.id
