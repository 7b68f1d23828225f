"""The states of a payment and of a refund, and every move between them that is legal. The table is the whole truth:
`services.settlement` moves payments only along it, and a test compares it with the history of every test run."""

from __future__ import annotations

from enum import StrEnum


class PaymentState(StrEnum):
    CREATED = "created"
    """The row is durable and the amount reserved; nothing that can move money was sent."""
    SUBMITTING = "submitting"
    """The provider's reference is durable; money may move from here on."""
    AWAITING_CUSTOMER = "awaiting_customer"
    """Waits for the customer: 3-D Secure, or card entry in the browser."""
    PROCESSING = "processing"
    """The provider accepted; the result comes later."""
    UNKNOWN = "unknown"
    """Asked, and not known. Looked up until it is."""
    AUTHORIZED = "authorized"
    """The amount is held with the customer's bank; staff capture it or let it go."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Nothing was taken and the provider's object is closed or never existed."""
    REFUNDED = "refunded"
    """Everything that was captured went back."""


P = PaymentState

OPEN_STATES = (P.CREATED, P.SUBMITTING, P.AWAITING_CUSTOMER, P.PROCESSING, P.UNKNOWN, P.AUTHORIZED)

RANK = {
    P.CREATED: 0,
    P.SUBMITTING: 1,
    P.UNKNOWN: 2,
    P.AWAITING_CUSTOMER: 3,
    P.PROCESSING: 4,
    P.AUTHORIZED: 5,
    P.FAILED: 6,
    P.SUCCEEDED: 7,
}
"""A look at the provider that began before the last one that was applied may only raise the rank."""

TRANSITIONS: frozenset[tuple[PaymentState | None, PaymentState]] = frozenset(
    {
        (None, P.CREATED),
        (None, P.SUCCEEDED),  # the reverse sweep adopts proven money that has no row (a restored backup)
        (P.CREATED, P.SUBMITTING),
        (P.CREATED, P.AWAITING_CUSTOMER),
        (P.CREATED, P.PROCESSING),
        (P.CREATED, P.FAILED),
        (P.SUBMITTING, P.SUCCEEDED),
        (P.SUBMITTING, P.PROCESSING),
        (P.SUBMITTING, P.AWAITING_CUSTOMER),
        (P.SUBMITTING, P.UNKNOWN),
        (P.SUBMITTING, P.FAILED),
        (P.AWAITING_CUSTOMER, P.AWAITING_CUSTOMER),  # an attempt failed in the browser; the customer may try again
        (P.AWAITING_CUSTOMER, P.SUBMITTING),  # what it waited for is there (evidence), and it is carried out
        (P.AWAITING_CUSTOMER, P.PROCESSING),
        (P.AWAITING_CUSTOMER, P.SUCCEEDED),
        (P.AWAITING_CUSTOMER, P.FAILED),
        (P.AWAITING_CUSTOMER, P.UNKNOWN),
        (P.UNKNOWN, P.AWAITING_CUSTOMER),
        (P.UNKNOWN, P.PROCESSING),
        (P.UNKNOWN, P.SUCCEEDED),
        (P.UNKNOWN, P.FAILED),
        (P.PROCESSING, P.SUCCEEDED),
        (P.PROCESSING, P.FAILED),
        (P.PROCESSING, P.UNKNOWN),
        (P.PROCESSING, P.AWAITING_CUSTOMER),  # it failed after all, and the customer may try again in the browser
        (P.SUBMITTING, P.AUTHORIZED),
        (P.AWAITING_CUSTOMER, P.AUTHORIZED),
        (P.PROCESSING, P.AUTHORIZED),
        (P.UNKNOWN, P.AUTHORIZED),
        (P.AUTHORIZED, P.SUBMITTING),  # staff ordered the capture
        (P.AUTHORIZED, P.SUCCEEDED),  # captured at the provider, by somebody
        (P.AUTHORIZED, P.FAILED),  # let go, or expired
        (P.AUTHORIZED, P.UNKNOWN),
        (P.SUCCEEDED, P.REFUNDED),
        (P.REFUNDED, P.SUCCEEDED),  # a refund failed after all
        (P.FAILED, P.SUCCEEDED),  # late success: the provider's own API shows captured money
        (P.CREATED, P.SUCCEEDED),  # late success of an object whose reference was never stored; staff's match of a line
        (P.SUCCEEDED, P.PROCESSING),  # staff un-matched the lines of a bank statement that had paid it
    }
)

_PUBLIC = {P.SUCCEEDED: "succeeded", P.FAILED: "failed", P.REFUNDED: "refunded"}


def public_status(state: str) -> str:
    """The frontend's word: `pending`, `succeeded`, `failed` or `refunded`."""
    return _PUBLIC.get(PaymentState(state), "pending")


class RefundState(StrEnum):
    CREATED = "created"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


R = RefundState

OPEN_REFUND_STATES = (R.CREATED, R.SUBMITTING, R.UNKNOWN, R.PENDING)

REFUND_TRANSITIONS: frozenset[tuple[RefundState | None, RefundState]] = frozenset(
    {
        (None, R.CREATED),
        (None, R.PENDING),  # made outside, in the provider's dashboard
        (R.CREATED, R.SUBMITTING),
        (R.SUBMITTING, R.UNKNOWN),
        (R.SUBMITTING, R.PENDING),
        (R.SUBMITTING, R.SUCCEEDED),
        (R.SUBMITTING, R.FAILED),
        (R.UNKNOWN, R.SUBMITTING),  # sent again with the same key
        (R.UNKNOWN, R.PENDING),
        (R.UNKNOWN, R.SUCCEEDED),
        (R.UNKNOWN, R.FAILED),
        (R.PENDING, R.SUCCEEDED),
        (R.PENDING, R.FAILED),
        (R.FAILED, R.PENDING),  # the provider shows one that we had given up
        (R.FAILED, R.SUCCEEDED),
        (R.SUCCEEDED, R.FAILED),  # the bank sent it back (docs.stripe.com/refunds#failed-refunds)
    }
)


class InvoiceStatus(StrEnum):
    """`overdue` is not stored: it is a pending or partly paid invoice past its due date in clinic time."""

    PENDING = "pending"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    VOID = "void"
    REFUNDED = "refunded"


class GstTreatment(StrEnum):
    """A property of an invoice's line. Treatment by a registered psychologist is GST-free (GST Act s 38-10)."""

    GST_FREE = "gst_free"
    TAXABLE = "taxable"


class OperationKind(StrEnum):
    """What staff do to an invoice after it was made."""

    VOID = "void"
    CREDIT_NOTE = "credit_note"
    """The clinic takes (a part of) what it has charged back."""
    WRITE_OFF = "write_off"
    """The clinic gives up what is due."""
    CREDIT_APPLIED = "credit_applied"
    """The patient's credit pays."""
    CREDIT_RETURNED = "credit_returned"
    """Credit that has paid becomes the patient's credit again."""


class AppointmentStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class InboxState(StrEnum):
    RECEIVED = "received"
    APPLIED = "applied"
    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    """Names a payment that is not here (yet)."""


class StatementState(StrEnum):
    IMPORTING = "importing"
    IMPORTED = "imported"
    """Every line of the file is here."""
    INTERRUPTED = "interrupted"
    """The import died; the same file once more brings the rest."""


class LineState(StrEnum):
    NEW = "new"
    """It names a payment and is not applied yet: the worker does it where the import died."""
    MATCHED = "matched"
    """All of it has paid something."""
    SUGGESTED = "suggested"
    """It seems to be for something, and a person decides."""
    UNMATCHED = "unmatched"
    """Nothing here fits it, or not all of it is matched."""
    IGNORED = "ignored"
    """Money that went out, and lines that moved none."""
    EXPLAINED = "explained"
    """No patient's payment: a provider paid it out, or refunds went or came back by it."""

    @classmethod
    def undecided(cls, amount: int) -> LineState:
        """What a line of this signed amount is when nothing (any more) is said of it."""
        return cls.UNMATCHED if amount > 0 else cls.IGNORED


class MatchLayer(StrEnum):
    """By what a line was matched."""

    REFERENCE = "reference"
    """A reference in a field of its own."""
    TEXT = "text"
    """Our reference in the text."""
    REPAIRED = "repaired"
    """The same with one character wrong, or two that had changed places."""
    STAFF = "staff"
