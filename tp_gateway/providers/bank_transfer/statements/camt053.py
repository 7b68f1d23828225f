"""ISO 20022 CAMT.053 statements of every version, read one entry at a time; what an entry means is in `camt053_entry`.
A document type is refused, and with it every entity that a file could declare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import ParseError, XMLParser  # type: ignore[import-untyped]

from tp_gateway.contract.statements import MalformedStatement, StatementLine
from tp_gateway.providers.bank_transfer.statements.camt053_entry import Fields, movements
from tp_gateway.providers.bank_transfer.statements.cells import Unreadable, words
from tp_gateway.providers.bank_transfer.statements.source import Source

_ENCODING = re.compile(rb"<\?xml\b[^>]*\bencoding\s*=\s*[\"']([^\"']*)")
_ENCODINGS = (b"utf-8", b"us-ascii", b"iso-8859-1", b"windows-1252")
# Texts and elements. A collective entry of ten thousand transactions has about a tenth of it.
_LARGEST_ENTRY = 20_000_000
_DEEPEST = 100
_ACCOUNT = ("Acct/Id/IBAN", "Acct/Id/Othr/Id")
_DETAILS = "NtryDtls/TxDtls"
_Texts = dict[str, list[str]]


def read(source: Source) -> Iterator[StatementLine]:
    """The booked movements of all statements in a file. MalformedStatement at the first entry that makes no sense (its
    line is where the entry begins), for broken XML and for a document type."""
    declared = _ENCODING.search(source.head)
    if declared and declared[1].lower() not in _ENCODINGS:
        raise MalformedStatement(1, "the XML declares an encoding that we do not read")
    entries = _Entries()
    parser = XMLParser(target=entries, forbid_dtd=True)
    entries.expat = parser.parser
    try:
        for block in source.blocks():
            parser.feed(block)
            yield from entries.take()
        parser.close()
        yield from entries.take()
    except ParseError as error:
        raise MalformedStatement(error.position[0], "the XML is broken") from None
    except DefusedXmlException:
        raise MalformedStatement(parser.parser.CurrentLineNumber, "the XML declares a document type") from None


class _Entries:
    """What the XML parser tells. Keeps the account, and the movements of the entries that ended since the last `take`.
    Names lose their name space: each version of the message has its own."""

    def __init__(self) -> None:
        self.expat: Any = None
        self._path: list[str] = []
        self._text: list[str] = []
        self._account: _Texts = {}
        self._entry: _Texts | None = None
        self._details: list[_Texts] = []
        self._line = self._statement = self._depth = self._size = 0
        self._found: list[StatementLine] = []

    def take(self) -> list[StatementLine]:
        found, self._found = self._found, []
        return found

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        self._path.append(name)
        self._text.clear()
        if name == "Stmt":
            self._account, self._statement = {}, len(self._path)
        elif name == "Ntry":
            self._entry, self._details, self._depth, self._size = {}, [], len(self._path), 0
            self._line = self.expat.CurrentLineNumber
        elif name == "TxDtls":
            self._details.append({})
        elif "Ccy" in attributes:
            self._note("@Ccy", attributes["Ccy"])
        self._grow(1)

    def data(self, text: str) -> None:
        self._text.append(text)
        self._grow(len(text))

    def end(self, tag: str) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        if text:
            self._note("", text)
        if self._entry is not None and len(self._path) == self._depth:
            account = words(*(text for key in _ACCOUNT for text in self._account.get(key, ())))
            details = [_joined(detail) for detail in self._details]
            try:
                self._found += movements(self._line, account, _joined(self._entry), details)
            except Unreadable as error:
                raise MalformedStatement(self._line, str(error)) from None
            self._entry = None
        self._path.pop()

    def close(self) -> None:
        """The parser asks for what was built: nothing, it was taken."""

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > _LARGEST_ENTRY or len(self._path) > _DEEPEST:
            line = self.expat.CurrentLineNumber
            raise MalformedStatement(line, "an entry, or what is between entries, is too large or too deep")

    def _note(self, suffix: str, text: str) -> None:
        if self._entry is None:
            key, fields = "/".join(self._path[self._statement :]), self._account
            if key not in _ACCOUNT:
                return
        else:
            key, fields = "/".join(self._path[self._depth :]), self._entry
            if key.startswith(_DETAILS) and self._details:
                key, fields = key[len(_DETAILS) + 1 :], self._details[-1]
        fields.setdefault(key + suffix, []).append(text)


def _joined(texts: _Texts) -> Fields:
    """Joined once, at the end: a million repeated elements are as many steps, and not their square."""
    return {key: " ".join(parts) for key, parts in texts.items()}
