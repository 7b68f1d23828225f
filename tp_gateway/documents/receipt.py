"""A receipt for one payment, as Medicare and health funds take it for proof.

Sources: Services Australia, "Proof of payment for Medicare claims" (what was paid, when, to whom, with a receipt
number) and Health Insurance Regulations 2018 s 51 (patient, service, amount charged, total paid, amount owing,
practitioner); the funds' own lists add the ABN and each service's cost.
"""

from __future__ import annotations

from tp_gateway.documents import wording
from tp_gateway.documents.lines import party, practitioners, services
from tp_gateway.documents.sheet import Fact, Sheet, Stamp, letterhead
from tp_gateway.documents.values import Receipt

_PROOF = (
    "Please keep this receipt: it is your proof of payment for Medicare or a health fund. A service that was claimed "
    "from Medicare cannot be claimed from a fund as well."
)
_ASSIGNED = (
    "These services were bulk billed: Medicare's benefit was accepted as full payment. Nothing can be claimed for them."
)


def receipt_sheet(receipt: Receipt) -> Sheet:
    return Sheet(
        kind="Receipt",
        number=receipt.number,
        issued_on=receipt.received_on,
        letterhead=letterhead(receipt.clinic, receipt.lines),
        stamp=_stamp(receipt),
        party=party(receipt.patient),
        facts=[
            Fact("Receipt number", receipt.number),
            Fact("Received on", wording.day(receipt.received_on)),
            Fact("Paid by", receipt.method),
            Fact("Amount received", wording.amount(receipt.amount, receipt.currency), strong=True),
        ],
        grids=[services(receipt.lines, receipt.currency, _totals(receipt)), *practitioners(receipt.lines)],
        notice=_notice(receipt),
        notes=_notes(receipt),
    )


def _notes(receipt: Receipt) -> list[str]:
    """Of treatment, which is what is GST-free here, somebody may pay a part back."""
    if receipt.assigned:
        return [_ASSIGNED]
    return [] if all(line.taxable for line in receipt.lines) else [_PROOF]


def _stamp(receipt: Receipt) -> Stamp | None:
    if receipt.refunded >= receipt.amount:
        return Stamp("Refunded", "plain")
    return None if receipt.amount_owing else Stamp("Paid in full", "good")


def _notice(receipt: Receipt) -> str:
    invoice = f"For invoice {receipt.invoice_number}." if receipt.invoice_number else ""
    confirmation = f"Confirmation number {receipt.reference}." if receipt.reference else ""
    return " ".join(part for part in (invoice, confirmation) if part)


def _totals(receipt: Receipt) -> list[Fact]:
    money, currency = wording.amount, receipt.currency
    kept = receipt.amount - receipt.refunded - receipt.counted
    return [
        Fact(f"Amount charged ({currency})", money(sum(line.total for line in receipt.lines), currency)),
        Fact("Paid by this payment", money(-receipt.counted, currency)),
        *([Fact("Paid by other payments", money(-receipt.paid_otherwise, currency))] if receipt.paid_otherwise else []),
        *([Fact("No longer charged", money(-receipt.deducted, currency))] if receipt.deducted else []),
        Fact("Amount owing", money(receipt.amount_owing, currency), strong=True),
        *([Fact("Of this payment refunded", money(receipt.refunded, currency))] if receipt.refunded else []),
        *([Fact("Of this payment kept for other services", money(kept, currency))] if kept > 0 else []),
    ]
