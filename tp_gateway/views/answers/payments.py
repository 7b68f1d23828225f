"""What patients and staff are answered about payments. `rendering.py` makes these."""

from __future__ import annotations

from tp_gateway.contract import Reason
from tp_gateway.contract.rebates import RebateState
from tp_gateway.models.states import InvoiceStatus, PaymentState
from tp_gateway.views.answers.shape import (
    ACTOR,
    AMOUNT,
    CURRENCY,
    DAY,
    FLAG,
    ID,
    MOMENT,
    RECEIPT,
    SLUG,
    TEXT,
    URL,
    Shape,
    list_of,
    nullable,
    one_of,
    page_of,
    text,
    told,
)

STATUSES = ("pending", "succeeded", "failed", "refunded")
_PROVIDERS_OWN = "What the payment's provider shows of it, such as `claim` for Medicare and `receipt` at the desk."
_STATE = told(one_of(PaymentState), "The finer one of `status`.") | {"examples": ["succeeded"]}

FAILURE = Shape(
    "Failure",
    "Why the last attempt failed, or what is waited for.",
    {"code": one_of(reason for reason in Reason if reason)},
)
NEXT_ACTION = Shape(
    "NextAction",
    "What the customer must do; what else there is depends on the type.",
    {"type": text("use_stripe_sdk")},
    {
        "client_secret": text("pi_1234567890_secret_abcdef", "For the one who may finish the payment."),
        "redirect_url": URL,
    },
    open="What the provider needs for it: where to transfer to, for instance.",
)
_PAYMENT = {
    "id": ID,
    "appointment_id": nullable({**ID, "examples": [123]}),
    "invoice_id": nullable({**ID, "examples": [None]}),
    "amount": told(AMOUNT, "What was taken, once that is known; what was asked before."),
    "currency": CURRENCY,
    "status": {**one_of(STATUSES), "examples": ["succeeded"]},
    "payment_method": {**SLUG, "examples": ["card"]},
    "payment_intent_id": nullable(text("pi_1234567890", "The provider's id of the payment.")),
    "transaction_id": nullable(text("txn_1234567890", "Filled when the provider reports it.")),
    "created_at": MOMENT,
    "receipt_url": nullable(RECEIPT),
    "message": text("Payment processed successfully", "For people."),
    "state": _STATE,
    "amount_refunded": {**AMOUNT, "examples": ["0.00"]},
    "disputed": told(FLAG, "The customer has disputed it at the bank, now or once."),
    "description": TEXT,
    "metadata": {"type": "object", "additionalProperties": TEXT},
}
_SOMETIMES = {
    "capture": {"type": "string", "const": "manual"},
    "amount_captured": told(AMOUNT, "With `capture` manual."),
    "capture_before": nullable(told(MOMENT, "With `capture` manual: when the hold ends.")),
    "amount_requested": told(AMOUNT, "Where another amount was taken than asked."),
    "failure": FAILURE,
}
_STAFF = {
    "patient_id": ID,
    "provider": SLUG,
    "provider_code": TEXT,
    "needs_review": FLAG,
    "created_by": ACTOR,
}
SUMMARY = Shape(
    "PaymentSummary", "A payment in a list.", _PAYMENT, _SOMETIMES, _STAFF, open=_PROVIDERS_OWN, collection="payments"
)
PAYMENT = Shape(
    "Payment",
    "A payment as it stands, with what its customer must do.",
    _PAYMENT,
    {**_SOMETIMES, "next_action": NEXT_ACTION},
    _STAFF,
    open=_PROVIDERS_OWN,
    collection="payments",
)
PAYMENTS = page_of("Payments", "payments", SUMMARY)

_REFUND = {
    "id": ID,
    "payment_id": ID,
    "amount": AMOUNT,
    "currency": CURRENCY,
    "status": {**one_of(("pending", "succeeded", "failed")), "examples": ["succeeded"]},
    "created_at": MOMENT,
}
_REFUND_FOR_STAFF = {"reason": TEXT, "reopen": FLAG, "provider_code": TEXT, "created_by": ACTOR}
REFUND = Shape("Refund", "Money that goes back.", _REFUND, {}, _REFUND_FOR_STAFF, collection="refunds")
PAYMENT_WITH_REFUNDS = Shape(
    "PaymentWithRefunds",
    "A payment and its refunds.",
    {**_PAYMENT, "refunds": list_of(REFUND)},
    {**_SOMETIMES, "next_action": NEXT_ACTION},
    _STAFF,
    open=_PROVIDERS_OWN,
    collection="payments",
)
REFUNDED = Shape(
    "RefundOfPayment",
    "A refund, and its payment after it.",
    {**_REFUND, "payment": PAYMENT},
    {},
    _REFUND_FOR_STAFF,
    collection="refunds",
)
INTENT = Shape(
    "Intent",
    "What the card form in the browser needs. Minor units and lower case, as Stripe.js has them.",
    {
        "client_secret": nullable(text("pi_1234567890_secret_abcdef")),
        "payment_intent_id": nullable(text("pi_1234567890")),
        "amount": {"type": "integer", "minimum": 1, "examples": [18000]},
        "currency": {"type": "string", "pattern": "^[a-z]{3}$", "examples": ["aud"]},
        "status": text("requires_payment_method"),
        "payment_id": ID,
    },
)
INVOICE = Shape(
    "Invoice",
    "An invoice as it stands.",
    {
        "id": {**ID, "examples": [456]},
        "invoice_number": text("INV-2025-001"),
        "patient_id": {**ID, "examples": [45]},
        "appointment_id": nullable(ID),
        "amount": AMOUNT,
        "amount_paid": AMOUNT,
        "amount_due": {**AMOUNT, "examples": ["0.00"]},
        "currency": CURRENCY,
        "status": {**one_of((*InvoiceStatus, "overdue")), "examples": ["paid"]},
        "description": TEXT,
        "due_date": DAY,
        "created_at": MOMENT,
    },
    collection="invoices",
)
PAID_INVOICE = Shape(
    "PaidInvoice", "The payment, and the invoice after it.", {"payment": PAYMENT, "invoice": nullable(INVOICE)}
)
CARD = Shape(
    "Card",
    "What may be shown of a card.",
    {
        "brand": text("visa"),
        "last4": text("4242"),
        "exp_month": {"type": "integer", "examples": [12]},
        "exp_year": {"type": "integer", "examples": [2030]},
    },
)
BANK_ACCOUNT = Shape(
    "BankAccount",
    "What may be shown of a bank account.",
    {
        "bank_name": text("Sample Bank"),
        "account_name": text("Zoë Müller"),
        "bsb": text("062-000"),
        "account_number": text("****1234"),
    },
)
METHOD = Shape(
    "PaymentMethod",
    "A saved payment method; beside its `type`, a key of that name.",
    {
        "id": {**ID, "examples": [1]},
        "type": one_of(("card", "bank_account")),
        "payment_method_id": nullable(text("pm_1234567890", "The provider's id.")),
        "is_default": FLAG,
        "created_at": MOMENT,
    },
    {"card": CARD, "bank_account": BANK_ACCOUNT},
    collection="payment-methods",
)
METHODS = Shape("PaymentMethods", "The patient's, the default first.", {"payment_methods": list_of(METHOD)})
REBATE = Shape(
    "RebateClaim",
    "A patient's own claim for what a payment has paid.",
    {
        "id": {**ID, "examples": [7]},
        "payment_id": ID,
        "provider": {**SLUG, "examples": ["medicare"]},
        "reference": nullable(text("urn:uuid:TST000010123456789abcdef")),
        "amount": AMOUNT,
        "currency": CURRENCY,
        "state": {**one_of(RebateState), "examples": ["lodged"]},
        "code": TEXT,
        "decide_before": nullable(MOMENT),
        "created_at": MOMENT,
        "lodged_at": nullable(MOMENT),
    },
    {},
    {"patient_id": ID, "created_by": ACTOR},
    open=_PROVIDERS_OWN,
)
