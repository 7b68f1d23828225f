"""Scenes in which money arrives days later: the bank's statement and Medicare's reports say so. Days do not have to be
waited for: the stand-in is told to be quick, and the gateway's next look is made due."""

from datetime import date, datetime, timedelta

from demo import clinic
from demo.client import Answer
from demo.stage import Stage, amount

PAYMENTS, STATEMENTS = "/api/billing/payments/", "/api/billing/statements/"


def bank_transfer(stage: Stage) -> None:
    due = stage.seeding.unpaid_invoices(1)[0]
    patient, path = stage.callers.patient(due.patient_id), f"/api/billing/invoices/{due.id}/pay/"
    told = stage.client.call(patient, "POST", path, {"payment_method": "bank_transfer"})
    stage.expect(told, 200, payment__status="pending", invoice__status="pending")
    payment = told.body["payment"]
    reference = payment["next_action"]["reference"]
    stage.screen.line("  The patient transfers it, and types a space into the reference. Next day, on the statement:")
    typed = f"{reference[:6].lower()} {reference[6:]}"
    brought = _statement(stage, (due.amount, f"Transfer from P{due.patient_id} {typed}"), (-4590, "Coffee beans"))
    stage.expect(brought, 201, format="CBA CSV", matched=1)
    paid = stage.client.call(patient, "GET", f"{PAYMENTS}{payment['id']}/")
    stage.expect(paid, 200, status="succeeded", amount=amount(due.amount))


def bulk_bill(stage: Stage) -> None:
    due = stage.seeding.unbilled_session()
    patient, manager = stage.callers.patient(due.patient_id), stage.callers.manager()
    card = {"family_name": "Sample", "given_name": "Onlyname", "date_of_birth": "1980-02-03"}
    day, signed = due.starts_at.astimezone(clinic.ZONE).date(), due.starts_at + timedelta(hours=1)
    consent = {"type": "post", "method": "signature", "assigned_at": signed.isoformat(), "relationship": "patient"}
    service = {"appointment_id": due.id, "amount": amount(due.fee)}
    body = service | {"payment_method": "medicare", "item": "80110", "provider_number": "2447781L"}
    body |= {"patient": card | {"medicare_number": clinic.medicare_number(due.patient_id), "irn": "1"}}
    body |= {"referral": {"provider_number": "2426591T", "issued_on": day.isoformat(), "period_code": "S"}}
    waiting = stage.client.call(patient, "POST", PAYMENTS, body)
    stage.expect(waiting, 201, status="pending", claim__state="awaiting_consent")
    stage.tell_medicare("settings", {"ready_after": 0, "paid_after": None})
    stage.tell_medicare("rules", {"kind": "benefit", "benefit": 10155})
    stage.screen.line("  The patient signs that Medicare pays the clinic, and the claim is lodged:")
    consent |= {"assignor_name": "Onlyname Sample", "document_ref": "consents/2123.pdf"}
    payment_id = waiting.body["id"]
    lodged = stage.client.call(manager, "POST", f"{PAYMENTS}{payment_id}/evidence/", {"consent": consent})
    stage.expect(lodged, 200, claim__state="with_medicare")
    stage.screen.line("  Nothing else may be charged for the service:")
    by_card = service | {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    stage.expect(stage.client.call(patient, "POST", PAYMENTS, by_card), 409, code="payment_in_progress")
    stage.screen.line("  Next day Medicare's processing report is there, a day later its payment report:")
    assessed = stage.look_again(manager, payment_id, until="assessed")
    stage.expect(assessed, 200, status="pending", claim__benefit="101.55")
    stage.tell_medicare("payment-run", {})
    paid = stage.look_again(manager, payment_id, until="paid")
    stage.expect(paid, 200, status="succeeded", amount="101.55", claim__state="paid")
    stage.screen.line("  One deposit for all claims of the day, and the bank's statement has it:")
    deposit = stage.client.call(manager, "GET", "/api/billing/remittances/?provider=medicare&limit=1")
    stage.expect(deposit, 200)
    run = deposit.body["remittances"][0]
    stage.screen.check("the deposit is explained to the cent", run["explained"] is True, run["note"])
    brought = _statement(stage, (int(run["amount"].replace(".", "")), f"MCARE BENEFITS {run['reference']}"))
    stage.expect(brought, 201, new=1, explained=1)


def _statement(stage: Stage, *lines: tuple[int, str]) -> Answer:
    """The practice manager uploads what the bank gave: a CSV as the Commonwealth Bank writes it, of today."""
    today = datetime.now(clinic.ZONE).date()
    return stage.client.upload(
        stage.callers.manager(), f"{STATEMENTS}?filename={today}.csv", "text/csv", _csv(today, lines)
    )


def _csv(day: date, lines: tuple[tuple[int, str], ...]) -> str:
    balance, rows = 500_000, []
    for cents, text in lines:
        balance += cents
        rows.append(f'{day:%d/%m/%Y},"{cents / 100:+.2f}","{text}","{balance / 100:+.2f}"')
    return "\n".join(rows) + "\n"
