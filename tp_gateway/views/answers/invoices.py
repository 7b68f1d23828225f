"""What patients and staff are answered about invoices. `rendering_invoices.py` makes these."""

from __future__ import annotations

from tp_gateway.models.states import GstTreatment, OperationKind
from tp_gateway.views.answers.payments import INVOICE
from tp_gateway.views.answers.shape import (
    AMOUNT,
    DAY,
    FLAG,
    ID,
    MOMENT,
    NEXT,
    SIGNED,
    SLUG,
    TEXT,
    Shape,
    list_of,
    nullable,
    one_of,
    text,
    told,
    whole,
)

_NOTHING = {**AMOUNT, "examples": ["0.00"]}

ITEM = Shape(
    "InvoiceItem",
    "A line of an invoice. Its total includes its GST.",
    {
        "line": {"type": "integer", "minimum": 1, "examples": [1]},
        "description": text("Individual Therapy Session"),
        "quantity": {"type": "integer", "minimum": 1, "examples": [1]},
        "unit_price": AMOUNT,
        "total": AMOUNT,
        "gst_treatment": one_of(GstTreatment),
        "gst_rate": {"type": "number", "minimum": 0, "maximum": 1, "examples": [0.1]},
        "gst": _NOTHING,
        "amount_credited": _NOTHING,
        "service_date": nullable(DAY),
        "item_number": nullable(text("80110", "Of the Medicare Benefits Schedule, for instance.")),
        "practitioner_id": nullable(ID),
        "practitioner_name": nullable(TEXT),
    },
)
RECEIVED = Shape(
    "InvoicePayment",
    "A payment that has brought money.",
    {
        "payment_id": ID,
        "payment_method": {**SLUG, "examples": ["card"]},
        "amount": told(AMOUNT, "What it has brought in all."),
        "amount_refunded": _NOTHING,
        "amount_counted": told(SIGNED, "What it counts towards this invoice now."),
        "from_credit": told(FLAG, "It was over-paid for something else, and that credit has paid here."),
        "received_on": DAY,
        "transaction_id": nullable(text("txn_1234567890")),
    },
    collection="payments",
)
CREDITED_LINE = Shape(
    "CreditedLine",
    "What was taken back of a line.",
    {"line": whole(1), "description": TEXT, "amount": AMOUNT, "gst": _NOTHING},
)
CREDIT_NOTE = Shape(
    "CreditNote",
    "What the clinic took back of what it had asked for.",
    {
        "id": ID,
        "number": text("CN-2025-001"),
        "amount": AMOUNT,
        "gst": _NOTHING,
        "reason": TEXT,
        "issued_on": DAY,
        "created_at": MOMENT,
        "lines": list_of(CREDITED_LINE),
    },
)
_DETAIL = {
    **INVOICE.always,
    "issued_on": DAY,
    "patient_name": nullable(TEXT),
    "is_tax_invoice": told(FLAG, "Some line is taxable."),
    "gst": told(_NOTHING, "Included in `amount`."),
    "money_paid": told(_NOTHING, "By payments, less refunds, and by credit."),
    "amount_credited": told(_NOTHING, "By credit notes."),
    "amount_written_off": _NOTHING,
    "amount_given_up": told(_NOTHING, "The rest of a bulk bill, and refunds after which nothing became due again."),
    "items": list_of(ITEM),
    "payments": list_of(RECEIVED),
    "credit_notes": list_of(CREDIT_NOTE),
}
DETAIL = Shape("InvoiceDetail", "An invoice with all that belongs to it.", _DETAIL, collection="invoices")
LIST = Shape(
    "Invoices",
    "Invoices, and the next page of them. `credit` is the credit of the one patient whose they are.",
    {
        "invoices": list_of(INVOICE),
        "next": {**NEXT, "examples": ["/api/billing/invoices/?limit=50&before_id=410"]},
        "credit": nullable(_NOTHING),
    },
)
PROPOSED = Shape("ProposedRefund", "What can go back to where it came from.", {"payment_id": ID, "amount": AMOUNT})
CREDITED = Shape(
    "CreditedInvoice",
    "An invoice after a credit note. What was paid of it is credit now; `refunds_proposed` says how it can go back.",
    {**_DETAIL, "credit_note": text("CN-2025-001"), "refunds_proposed": list_of(PROPOSED)},
    collection="invoices",
)
OPERATION = Shape(
    "Operation",
    "What was done.",
    {
        "type": one_of(
            ("invoice", "payment", "refund", "dispute", *OperationKind),
        ),
        "id": ID,
        "number": nullable(text("CN-2025-001")),
    },
)
ENTRY = Shape(
    "LedgerEntry",
    "A movement in the books, from one account to another.",
    {
        "id": ID,
        "kind": text("charge"),
        "debit": text("clearing:stripe"),
        "credit": text("receivable"),
        "amount": AMOUNT,
    },
)
STEP = Shape(
    "ExplainedStep",
    "One thing that changed what is due, or the patient's credit.",
    {
        "at": MOMENT,
        "text": text("180.00 AUD was paid (Card)."),
        "due_change": told(SIGNED, "By how much it changed what is due."),
        "credit_change": told(SIGNED, "By how much it changed the patient's credit."),
        "amount_due": told(SIGNED, "What was due after it."),
        "operation": OPERATION,
        "ledger_entry": nullable(ENTRY),
        "evidence": nullable(text("ch_1234567890", "The id by which whoever moved the money knows it.")),
    },
)
EXPLAINED = Shape(
    "ExplainedInvoice",
    "How what is due came about: the steps' `due_change` add up to it.",
    {"invoice": INVOICE, "steps": list_of(STEP)},
)
