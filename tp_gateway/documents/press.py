"""Sets a document and gives its PDF. Typst does the setting: its template is a file of ours, what people wrote reaches
it as data (JSON) and is never read as its markup.

Tagged PDF/UA-1: title, language, headings, tables and reading order are there for who listens to a document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from importlib.resources import as_file, files
from pathlib import Path
from threading import Lock
from typing import Any, Final

import typst

from tp_gateway.documents.credit_note import credit_note_sheet
from tp_gateway.documents.invoice import invoice_sheet
from tp_gateway.documents.receipt import receipt_sheet
from tp_gateway.documents.sheet import Sheet
from tp_gateway.documents.typeface import Typeface
from tp_gateway.documents.values import CreditNote, Invoice, Receipt

STANDARD: Final = "ua-1"
"""PDF/UA-1 (ISO 14289-1), which also refuses a document in which a character could not be set."""
_LACKING = "Characters that this document's typeface lacks are shown by their Unicode numbers."


class Press:
    """One for a process, safe for threads: one document is set at a time (some 20 ms), which bounds memory too. Fonts
    are read when the first one is."""

    def __init__(self, font_folders: Sequence[Path] = ()) -> None:
        self._folders, self._lock = font_folders, Lock()
        self._typeface: Typeface | None = None

    def print(self, document: Invoice | CreditNote | Receipt) -> bytes:
        """The PDF. The same document gives the same bytes."""
        with self._lock:
            self._typeface = self._typeface or Typeface(self._folders)
            return _set(_sheet(document), self._typeface)


def _sheet(document: Invoice | CreditNote | Receipt) -> Sheet:
    match document:
        case Invoice():
            return invoice_sheet(document)
        case CreditNote():
            return credit_note_sheet(document)
        case Receipt():
            return receipt_sheet(document)


def _set(sheet: Sheet, typeface: Typeface) -> bytes:
    texts = asdict(sheet, dict_factory=_plain)
    if any(typeface.lacks(text) for text in _each(texts)):
        texts["notes"] = [*texts["notes"], _LACKING]
    inputs = {"sheet": json.dumps(_changed(texts, typeface.printable)), "families": json.dumps(typeface.families)}
    with as_file(files("tp_gateway.documents") / "sheet.typ") as template:
        return typst.compile(
            template,
            font_paths=typeface.fonts,
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=[STANDARD],
            timestamp=datetime.combine(sheet.issued_on, time(), UTC),
        )


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in items}


def _each(value: Any) -> Iterator[str]:
    """Every text in `value`."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _each(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _each(one)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _changed(one, change) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_changed(one, change) for one in value]
    return value
