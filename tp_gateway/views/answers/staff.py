"""What only staff are answered: disputes, refund files, statements, remittances, takings."""

from __future__ import annotations

from tp_gateway.contract import DisputeStatus, RemittanceKind, RemittanceState
from tp_gateway.models.states import LineState, MatchLayer, StatementState
from tp_gateway.views.answers.payments import REFUND
from tp_gateway.views.answers.shape import (
    ACTOR,
    AMOUNT,
    CURRENCY,
    DAY,
    FLAG,
    ID,
    MOMENT,
    SIGNED,
    SLUG,
    TEXT,
    Shape,
    list_of,
    nullable,
    one_of,
    page_of,
    text,
    told,
    whole,
)

DISPUTE = Shape(
    "Dispute",
    "A customer's demand at the bank for the money of a payment.",
    {
        "id": {**ID, "examples": [3]},
        "payment_id": nullable(ID),
        "patient_id": nullable(ID),
        "appointment_id": nullable(ID),
        "invoice_id": nullable(ID),
        "provider": SLUG,
        "reference": text("du_1234567890"),
        "payment_intent_id": nullable(text("pi_1234567890")),
        "amount": AMOUNT,
        "currency": CURRENCY,
        "status": one_of(DisputeStatus),
        "reason": text("fraudulent"),
        "evidence_due_by": nullable(MOMENT),
        "amount_withdrawn": told(AMOUNT, "Taken back by the provider and not returned."),
        "fee": {**SIGNED, "examples": ["25.00"]},
        "amount_reopened": {**AMOUNT, "examples": ["0.00"]},
        "refundable": FLAG,
        "needs_review": FLAG,
        "review_note": TEXT,
        "opened_at": MOMENT,
        "closed_at": nullable(MOMENT),
    },
    collection="disputes",
)
DISPUTES = page_of("Disputes", "disputes", DISPUTE)

MASKED_ACCOUNT = Shape(
    "MaskedAccount",
    "Where a refund goes.",
    {"name": text("Zoë Müller"), "bsb": text("062-111"), "account_number": text("****321")},
)
QUEUED_REFUND = Shape(
    "QueuedRefund",
    "A refund, with the bank account that it goes to.",
    {**REFUND.always, "bank_account": nullable(MASKED_ACCOUNT)},
    {},
    REFUND.staff,
    collection="refunds",
)
REFUND_QUEUE = page_of("RefundQueue", "refunds", QUEUED_REFUND)
REFUND_FILE = Shape(
    "RefundFile",
    "A file by which the clinic's bank pays refunds.",
    {
        "id": {**ID, "examples": [3]},
        "title": text("RF7Q2MXK4A"),
        "name": text("RF7Q2MXK4A.aba"),
        "refunds": whole(2),
        "total": AMOUNT,
        "currency": CURRENCY,
        "made_by": ACTOR,
        "created_at": MOMENT,
        "confirmed_by": nullable(ACTOR),
        "confirmed_at": nullable(MOMENT),
        "voided_by": nullable(ACTOR),
        "voided_at": nullable(MOMENT),
    },
    collection="refund-files",
)
REFUND_FILES = page_of("RefundFiles", "refund_files", REFUND_FILE)

STATEMENT = Shape(
    "Statement",
    "A file of a bank's statement, and how many of its lines are in which state.",
    {
        "id": {**ID, "examples": [3]},
        "provider": {**SLUG, "examples": ["bank_transfer"]},
        "name": text("March.csv"),
        "format": text("CBA CSV"),
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "examples": ["0" * 64]},
        "state": one_of(StatementState),
        "lines": whole(120),
        "new": told(whole(118), "Lines that no other file had brought."),
        "duplicate": nullable(whole(2)),
        **{str(state): whole(1) for state in LineState if state is not LineState.NEW},
        "waiting": whole(0),
        "imported_by": ACTOR,
        "imported_at": MOMENT,
    },
)
STATEMENTS = page_of("Statements", "statements", STATEMENT)
MATCH = Shape(
    "Match",
    "What a part of a line has paid.",
    {
        "id": ID,
        "payment_id": nullable(ID),
        "invoice_id": nullable(ID),
        "patient_id": nullable(ID),
        "amount": AMOUNT,
        "by": one_of(MatchLayer),
        "made_by": ACTOR,
        "made_at": MOMENT,
        "undone_by": nullable(ACTOR),
        "undone_at": nullable(MOMENT),
    },
)
SUGGESTION = Shape(
    "Suggestion",
    "What a line may be for.",
    {
        "payment_id": nullable(ID),
        "invoice_id": nullable(ID),
        "invoice_number": nullable(text("INV-2025-001")),
        "patient_id": ID,
        "amount_due": AMOUNT,
        "because": one_of(("reference", "amount and name")),
    },
)
LINE = Shape(
    "StatementLine",
    "A line of a bank's statement.",
    {
        "id": {**ID, "examples": [17]},
        "statement_id": ID,
        "line": {"type": "integer", "minimum": 1},
        "booked_on": DAY,
        "amount": SIGNED,
        "amount_left": SIGNED,
        "currency": CURRENCY,
        "description": TEXT,
        "reference": TEXT,
        "payer": TEXT,
        "balance": nullable(SIGNED),
        "account": TEXT,
        "bank_id": TEXT,
        "state": one_of(LineState),
        "why": told(TEXT, "Why it is in this state, in words."),
        "decided_by": nullable(ACTOR),
        "matches": list_of(MATCH),
        "suggestions": list_of(SUGGESTION),
    },
    collection="lines",
)
LINES = page_of("StatementLines", "lines", LINE)

TOTALS = Shape(
    "RemittanceTotals",
    "The sums of what it pays.",
    {
        "items": whole(2),
        "unknown": whole(0),
        "gross": SIGNED,
        "fees": SIGNED,
        "net": SIGNED,
        "difference": {**SIGNED, "examples": ["0.00"]},
    },
)
_REMITTANCE = {
    "id": {**ID, "examples": [3]},
    "provider": SLUG,
    "reference": text("po_1234567890"),
    "amount": SIGNED,
    "currency": CURRENCY,
    "state": one_of(RemittanceState),
    "arrives_on": DAY,
    "statement_text": TEXT,
    "statement_line_id": nullable(ID),
    "explained": FLAG,
    "note": TEXT,
    "totals": TOTALS,
    "created_at": MOMENT,
}
REMITTANCE = Shape("Remittance", "What a provider has paid out to the clinic.", _REMITTANCE, collection="remittances")
REMITTANCES = page_of("Remittances", "remittances", REMITTANCE)
REMITTANCE_ITEM = Shape(
    "RemittanceItem",
    "One movement in it.",
    {
        "transaction_id": text("txn_1234567890"),
        "kind": one_of(RemittanceKind),
        "description": text("Payment 789"),
        "payment_id": nullable(ID),
        "reference": nullable(text("pi_1234567890")),
        "gross": SIGNED,
        "fee": SIGNED,
        "net": SIGNED,
    },
)
REMITTANCE_WITH_ITEMS = Shape(
    "RemittanceWithItems",
    "A remittance, with all that it pays.",
    {**_REMITTANCE, "items": list_of(REMITTANCE_ITEM)},
    collection="remittances",
)
DAY_TOTAL = Shape(
    "DayTotal",
    "What was taken in one way.",
    {
        "payment_method": {**SLUG, "examples": ["in_person"]},
        "kind": nullable(text("cash")),
        "currency": CURRENCY,
        "payments": whole(2),
        "taken": SIGNED,
        "refunds": whole(0),
        "returned": SIGNED,
        "net": SIGNED,
    },
)
TAKINGS = Shape("Takings", "What was taken on one day.", {"date": DAY, "takings": list_of(DAY_TOTAL)})
