"""The table of services, which all documents share, and who gave them.

A column is there only where it says something, so that a plain account stays plain.
"""

from __future__ import annotations

from collections.abc import Sequence

from tp_gateway.documents import wording
from tp_gateway.documents.sheet import Cell, Column, Fact, Grid
from tp_gateway.documents.values import Clinic, Line, Patient

BUYER_NAMED_FROM = 1_000_00
"""Minor units (AUD)."""
_DOT = " \N{MIDDLE DOT} "


def is_taxable(lines: Sequence[Line]) -> bool:
    return any(line.taxable for line in lines)


def lacks(clinic: Clinic, patient: Patient, total: int) -> list[str]:
    """What keeps a document about taxable services from being a tax invoice (GST Act s 29-70) or an adjustment note of
    one (F2022L01272 s 5): of each the supplier's ABN, and the buyer's identity from a price of $1,000 on."""
    missing = []
    if not clinic.abn:
        missing.append("the clinic's ABN is not known")
    if not patient.name and total >= BUYER_NAMED_FROM:
        missing.append("the name of who is billed is not known")
    return missing


def services(lines: Sequence[Line], currency: str, totals: Sequence[Fact]) -> Grid:
    """What Medicare and health funds want of a service: its date (and time: there can be several in a day), its item
    number and description, who gave it, and what it cost (Health Insurance Regulations 2018 s 51, as Services Australia
    quotes it)."""
    columns = [
        (Column("Date"), any(line.service_date for line in lines), _date),
        (Column("Service", width=1), True, _what),
        (Column("Item"), any(line.item_number for line in lines), lambda line: Cell(line.item_number)),
        (Column("Qty", right=True), any(line.quantity != 1 for line in lines), lambda line: Cell(str(line.quantity))),
        (
            Column("Price", right=True),
            any(line.quantity != 1 for line in lines),
            lambda line: Cell(wording.amount(line.unit_price, currency)),
        ),
        (Column("GST", right=True), is_taxable(lines), lambda line: Cell(_gst(line, currency))),
        (Column("Amount", right=True), True, lambda line: Cell(wording.amount(line.total, currency))),
    ]
    shown = [(column, write) for column, wanted, write in columns if wanted]
    rows = [[write(line) for _, write in shown] for line in lines]
    return Grid("Services", [column for column, _ in shown], rows, totals)


def practitioners(lines: Sequence[Line]) -> list[Grid]:
    """Each one once, with the numbers that a claim needs."""
    found = {line.practitioner: None for line in lines if line.practitioner}
    if not any(one.provider_number or one.ahpra_number for one in found):
        return []
    columns = [Column("Practitioner", 2), Column("Provider number", 1), Column("AHPRA registration", 1)]
    shown = [column for column in columns if column.title != "AHPRA registration" or any(o.ahpra_number for o in found)]
    rows = [[Cell(one.name), Cell(one.provider_number), Cell(one.ahpra_number)][: len(shown)] for one in found]
    return [Grid("Practitioners", shown, rows)]


def gst_totals(lines: Sequence[Line], currency: str) -> list[Fact]:
    """The extent to which the services are taxable, and the GST in them: what a tax invoice must tell."""
    free = sum(line.total for line in lines if not line.taxable)
    taxable = sum(line.total for line in lines if line.taxable)
    return [
        *([Fact("GST-free", wording.amount(free, currency))] if free else []),
        Fact("Taxable, including GST", wording.amount(taxable, currency)),
        Fact("GST included", wording.amount(sum(line.gst for line in lines), currency)),
    ]


def party(patient: Patient) -> Fact:
    return Fact("Patient and account holder", patient.name or f"Patient {patient.number}")


def _date(line: Line) -> Cell:
    time = wording.clock(line.service_time) if line.service_time else ""
    return Cell(wording.short_day(line.service_date) if line.service_date else "", time)


def _what(line: Line) -> Cell:
    minutes = f"{line.minutes} minutes" if line.minutes else ""
    given_by = line.practitioner.name if line.practitioner else ""
    return Cell(line.description, _DOT.join(part for part in (given_by, minutes) if part))


def _gst(line: Line, currency: str) -> str:
    return wording.amount(line.gst, currency) if line.taxable else "GST-free"
