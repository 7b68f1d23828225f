"""An invoice on paper: a tax invoice where GST is charged, with everything that the tax office wants on one.

Sources: GST Act s 29-70 and the ATO's "Tax invoices" (intended as a tax invoice; the seller's identity and ABN; date of
issue; what was sold, how many and for how much; the GST; which sales are taxable; from $1,000 the buyer's identity).
Psychological treatment is GST-free (s 38-10): an account of it alone is an invoice and must not call itself more.
"""

from __future__ import annotations

from tp_gateway.documents import wording
from tp_gateway.documents.lines import gst_totals, is_taxable, lacks, party, practitioners, services
from tp_gateway.documents.sheet import Cell, Column, Fact, Grid, Panel, Sheet, Stamp, letterhead
from tp_gateway.documents.values import BankAccount, Invoice, ReceivedPayment, Standing

_STAMPS = {
    Standing.OVERDUE: Stamp("Overdue", "bad"),
    Standing.PAID: Stamp("Paid", "good"),
    Standing.REFUNDED: Stamp("Refunded", "plain"),
    Standing.VOID: Stamp("Void", "bad"),
}


def invoice_sheet(invoice: Invoice) -> Sheet:
    void = invoice.standing is Standing.VOID
    owes = invoice.amount_due > 0 and not void
    taxable = is_taxable(invoice.lines)
    missing = lacks(invoice.clinic, invoice.patient, _total(invoice)) if taxable else []
    return Sheet(
        kind="Tax invoice" if taxable and not missing else "Invoice",
        number=invoice.number,
        issued_on=invoice.issued_on,
        letterhead=letterhead(invoice.clinic, invoice.lines),
        stamp=_STAMPS.get(invoice.standing),
        party=party(invoice.patient),
        facts=[
            Fact("Invoice number", invoice.number),
            Fact("Date of issue", wording.day(invoice.issued_on)),
            Fact("Due by", wording.day(invoice.due_on)),
            Fact("Amount due", wording.amount(invoice.amount_due, invoice.currency), strong=True),
        ],
        grids=[
            services(invoice.lines, invoice.currency, _totals(invoice)),
            *practitioners(invoice.lines),
            *([_payments(invoice)] if invoice.payments else []),
        ],
        notice=_notice(invoice),
        watermark="Void" if void else "",
        panel=_instructions(invoice, invoice.pay_to) if owes and invoice.pay_to else None,
        notes=[f"This is not a tax invoice: {one}." for one in missing],
    )


def _notice(invoice: Invoice) -> str:
    if invoice.standing is Standing.VOID:
        return "This invoice is void. Please do not pay it."
    return invoice.description


def _total(invoice: Invoice) -> int:
    return sum(line.total for line in invoice.lines)


def _totals(invoice: Invoice) -> list[Fact]:
    money, currency = wording.amount, invoice.currency
    taxable = is_taxable(invoice.lines)
    kind = "including GST" if taxable else "GST-free"
    return [
        *(gst_totals(invoice.lines, currency) if taxable else []),
        Fact(f"Total ({currency}, {kind})", money(_total(invoice), currency), strong=True),
        *([Fact("Paid", money(-invoice.paid, currency))] if invoice.paid else []),
        *(Fact(one.label, money(-one.amount, currency)) for one in invoice.deductions),
        Fact("Amount due", money(invoice.amount_due, currency), strong=True),
    ]


def _payments(invoice: Invoice) -> Grid:
    columns = [
        Column("Received"),
        Column("Method", width=1),
        Column("Receipt or confirmation number"),
        Column("Amount", right=True),
    ]
    rows = [
        [
            Cell(wording.short_day(one.received_on)),
            Cell(one.method, _why(one, invoice.currency)),
            Cell(one.reference),
            Cell(wording.amount(one.counted, invoice.currency)),
        ]
        for one in invoice.payments
    ]
    return Grid("Payments received", columns, rows)


def _why(payment: ReceivedPayment, currency: str) -> str:
    """Why another amount counts than was received."""
    elsewhere = payment.amount - payment.refunded - payment.counted
    parts = [f"{wording.amount(payment.amount, currency)} received"]
    if payment.refunded:
        parts.append(f"{wording.amount(payment.refunded, currency)} refunded")
    if elsewhere > 0:
        parts.append(f"{wording.amount(elsewhere, currency)} not for this invoice")
    return ", ".join(parts) if len(parts) > 1 else ""


def _instructions(invoice: Invoice, account: BankAccount) -> Panel:
    bpay = f"Biller code {account.bpay_biller_code}, reference {account.bpay_reference}"
    facts = [
        Fact("Account name", account.account_name),
        Fact("BSB", account.bsb),
        Fact("Account number", account.account_number),
        Fact("Reference", account.reference, strong=True),
        *([Fact("PayID", account.payid)] if account.payid else []),
        *([Fact("BPAY", bpay)] if account.bpay_biller_code else []),
    ]
    due = wording.amount(invoice.amount_due, invoice.currency)
    by = "now" if invoice.standing is Standing.OVERDUE else f"by {wording.day(invoice.due_on)}"
    text = f"Please transfer {due} {by}, and give the reference exactly as it is shown."
    return Panel("How to pay by bank transfer", text, facts)
