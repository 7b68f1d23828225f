"""The words by which an invoice is found: of its number, its patient's name, its description and its lines. Whole
words, without regard to case and accents ("muller" finds "Müller")."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import InsertOnce
from tp_gateway.models import Invoice, InvoiceItem, InvoiceWord, table

W, V, I = table(InvoiceWord), table(Invoice), table(InvoiceItem)  # noqa: E741 - one letter a table
_WORD = InsertOnce(W, ["word", "invoice_id"])
_NUMBER = re.compile(r"(?:inv-)?(\d{4}-\d{3,})", re.ASCII)
_PART = re.compile(r"[^\W_]+")
_LONGEST, _MOST = 40, 64


def words(*texts: str | None) -> list[str]:
    """The different words of these texts, in order. A number of an invoice is one word, with or without `INV-`."""
    found: dict[str, None] = {}
    for text in " ".join(text for text in texts if text).split():
        folded = _folded(text)
        number = _NUMBER.fullmatch(folded)
        parts = [number[1]] if number else _PART.findall(folded)
        found |= dict.fromkeys(part[:_LONGEST] for part in parts)
    return list(found)[:_MOST]


def remember(session: orm.Session, invoice_id: int, found: Iterable[str]) -> None:
    rows = [{"word": word, "invoice_id": invoice_id} for word in found]
    if rows:
        _WORD.new(session, rows)


def rename(session: orm.Session, patient_id: int, before: str | None, after: str | None) -> None:
    """A patient has another name now: all of the patient's invoices are found by it, and by the old one no more."""
    gone, new = set(words(before)) - set(words(after)), words(after)
    invoices = session.execute(sa.select(V.c.id, V.c.number, V.c.description).where(V.c.patient_id == patient_id)).all()
    for invoice in invoices:
        lines = session.execute(sa.select(I.c.description, I.c.item_number).where(I.c.invoice_id == invoice.id))
        own = words(invoice.number, invoice.description, *(text for line in lines for text in line))
        old = (W.c.invoice_id == invoice.id, W.c.word.in_(gone - set(own)))
        session.execute(sa.delete(W).where(*old))
        remember(session, invoice.id, new)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
