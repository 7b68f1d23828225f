"""What to do next: lines for a terminal, with a token for every role."""

import json

from demo.processes import ROOT
from demo.stage import Stage, amount

_CURL = "curl -sS -w '\\n'"


def farewell(stage: Stage) -> None:
    base, callers = stage.client.base, stage.callers
    due, other = stage.seeding.unpaid_pair()
    invoice = stage.seeding.unpaid_invoices(1)[0]
    say = stage.screen.line
    say("Everything is up. Paste these into another terminal (the tokens are valid for a day):")
    for name, caller in (
        ("PATIENT", callers.patient(due.patient_id)),
        ("MANAGER", callers.manager()),
        ("ADMIN", callers.admin()),
        ("SERVICE", callers.service()),
    ):
        say(f"\nexport {name}={caller.token}")
    user = {"id": 900, "role": "patient", "name": "Patient 900", "created_at": "2025-01-19T10:30:00Z"}
    by_card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    say(f"\n# patient {due.patient_id}: a card, one with 3-D Secure (see below), and what became of both")
    for appointment, card in ((due, "pm_card_visa"), (other, "pm_card_threeDSecure2Required")):
        body = {"appointment_id": appointment.id, "amount": amount(appointment.fee), "currency": "AUD"}
        body |= {"payment_method": "card", "payment_method_id": card}
        say(_line("PATIENT", base, "/api/billing/payments/", body))
    say(_line("PATIENT", base, "/api/billing/payments/"))
    say("\n# practice manager: who paid, an invoice charged by staff, money back")
    say(_line("MANAGER", base, "/api/billing/payments/?status=succeeded&limit=5"))
    say(_line("MANAGER", base, f"/api/billing/invoices/{invoice.id}/pay/", by_card))
    if stage.paid:
        say(_line("MANAGER", base, f"/api/billing/payments/{stage.paid['id']}/refund/", {"amount": "10.00"}))
    say("\n# admin: what can be offered, how the month goes, the settings and who changed them")
    for path in ("billing/providers/", "auth/admin/analytics/?period=month", "auth/admin/settings/"):
        say(_line("ADMIN", base, f"/api/{path}"))
    say(_line("ADMIN", base, "/api/auth/admin/settings/history/?limit=5"))
    say("\n# the clinic's backend: a new patient")
    say(_line("SERVICE", base, "/api/practice/users/", {"users": [user]}, "PUT"))
    say(
        f"""
The 3-D Secure payment answers with a next_action. Open its stripe_sdk_url
({stage.sandbox}/_sandbox/challenge/pi_...) in a browser, click Complete or Fail, and ask for the payment again:
a webhook has told the gateway. All test cards are in sandbox/stripe/cards.py.

The whole API as a page: {base}/api/docs/"""
    )
    if stage.folder.resolve() == ROOT / "var":  # where development.ini has its database
        say("\n# operator, in this folder (-c, because production.ini would be the default)")
        for command in ("verify", "outbox list --limit 5", "analytics rebuild --check"):
            say(f".venv/bin/tp-gateway -c development.ini {command}")


def _line(who: str, base: str, path: str, body: object = None, method: str = "POST") -> str:
    line = f"{_CURL} -H \"Authorization: Bearer ${who}\" '{base}{path}'"
    if body is None:
        return line
    return f"{line} -X {method} -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
