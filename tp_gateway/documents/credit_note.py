"""A credit note on paper; of a tax invoice it is an adjustment note, with what the tax office wants on one.

Source: A New Tax System (Goods and Services Tax) Adjustment Note Information Requirements Determination 2022
(F2022L01272) s 5(1): that it is an adjustment note and in which direction, the supplier's identity and ABN, from $1,000
the recipient's identity, date of issue, the reason, the difference in price, the GST in it.
"""

from __future__ import annotations

from tp_gateway.documents import wording
from tp_gateway.documents.lines import gst_totals, is_taxable, lacks, party, services
from tp_gateway.documents.sheet import Fact, Sheet, Stamp, letterhead
from tp_gateway.documents.values import CreditNote


def credit_note_sheet(note: CreditNote) -> Sheet:
    taken_back = wording.amount(sum(line.total for line in note.lines), note.currency)
    adjusts = is_taxable(note.lines) and not lacks(note.clinic, note.patient, note.invoice_total)
    return Sheet(
        kind="Adjustment note" if adjusts else "Credit note",
        number=note.number,
        issued_on=note.issued_on,
        letterhead=letterhead(note.clinic, note.lines),
        stamp=Stamp("Credit", "plain"),
        party=party(note.patient),
        facts=[
            Fact("Credit note number", note.number),
            Fact("Date of issue", wording.day(note.issued_on)),
            Fact("For invoice", note.invoice_number),
            Fact("Credited", taken_back, strong=True),
        ],
        grids=[services(note.lines, note.currency, _totals(note))],
        notice=f"Reason: {note.reason}" if note.reason else "",
        notes=[
            f"This note reduces what invoice {note.invoice_number} of {wording.day(note.invoice_issued_on)} charges by "
            f"{taken_back}. Nothing is to be paid on it."
        ],
    )


def _totals(note: CreditNote) -> list[Fact]:
    taxable = is_taxable(note.lines)
    total = sum(line.total for line in note.lines)
    label = f"Credited in all ({note.currency}{', including GST' if taxable else ''})"
    return [
        *(gst_totals(note.lines, note.currency) if taxable else []),
        Fact(label, wording.amount(total, note.currency), strong=True),
    ]
