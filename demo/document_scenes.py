"""Scenes in which a document is made: it is written to a file, to be looked at."""

from datetime import datetime

from demo import clinic
from demo.client import Caller
from demo.stage import Stage

WHO = {
    "name": "Sample Psychology",
    "address": "Suite 4, 21 Harbour Lane\nFitzroy VIC 3065",
    "phone": "+61 3 9555 0142",
    "email": "accounts@clinic.example",
    "abn": "51 824 753 556",
}


def invoice(stage: Stage) -> None:
    patient = stage.seeding.unpaid_invoices(1)[0].patient_id
    told = stage.client.call(stage.callers.admin(), "PUT", "/api/auth/admin/settings/", {"clinic": WHO})
    stage.expect(told, 200)
    today = datetime.now(clinic.ZONE).date().isoformat()
    session = {"description": "Individual session", "unit_price": "180.00", "gst_treatment": "gst_free"}
    session |= {"item_number": "80110", "service_date": today, "practitioner_id": clinic.PSYCHOLOGISTS[0]}
    report = {"description": "Report for an insurer", "unit_price": "550.00", "gst_treatment": "taxable"}
    body = {"patient_id": patient, "items": [session, report]}
    made = stage.client.call(stage.callers.manager(), "POST", "/api/billing/create-invoice/", body)
    stage.expect(made, 201, amount="730.00", gst="50.00", is_tax_invoice=True)
    _written(stage, stage.callers.patient(patient), f"/api/billing/invoices/{made.body['id']}/pdf/")
    if stage.paid:
        stage.screen.line("  And the receipt of the first payment:")
        _written(stage, stage.callers.manager(), f"/api/billing/payments/{stage.paid['id']}/receipt/")


def _written(stage: Stage, who: Caller, path: str) -> None:
    """The document, in the demo's folder under the name that the gateway gives it."""
    answer = stage.client.call(who, "GET", path)
    stage.expect(answer, 200)
    name = answer.headers["Content-Disposition"].partition('filename="')[2].rstrip('"')
    file = stage.folder / name
    file.write_bytes(answer.content)
    stage.screen.check(f"{file.name} in {stage.folder.name}/ is a PDF", answer.content.startswith(b"%PDF-"))
