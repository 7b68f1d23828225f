"""What one entry of a CAMT.053 statement says: a movement, or several when it is a collective entry whose transactions
add up to it. Nothing here reads XML.

iso20022.org, message definition report "Bank-to-Customer Cash Management". `CdtDbtInd` is the direction of the entry
itself, a reversal's too (`RvslInd`: the original went the other way). A reversal's reference and debtor are those of
what it reverses, so they are left out: the money is not paid for that reference again.
"""

from __future__ import annotations

from datetime import date

from tp_gateway.contract.statements import StatementLine
from tp_gateway.providers.bank_transfer.statements.cells import (
    Unreadable,
    calendar_date,
    decimals_of,
    minor_units,
    words,
)

Fields = dict[str, str]
"""The texts below one element by their path, attributes included: `{"Sts/Cd": "BOOK", "Amt@Ccy": "AUD"}`. Repeated
ones are joined."""


def movements(line: int, account: str, entry: Fields, details: list[Fields]) -> list[StatementLine]:
    """The movements of an entry that begins at `line`; none while it is not booked. Unreadable when it makes no
    sense."""
    status = entry.get("Sts/Cd") or entry.get("Sts")  # an element of its own since version 7
    if status is None:
        raise Unreadable("an entry has no status")
    if status != "BOOK":
        return []
    currency = entry.get("Amt@Ccy", "")
    places = decimals_of(currency)
    amount = _signed(entry, entry.get("Amt", ""), places)
    booked_on = _date(entry)
    shares = _shares(entry, details, currency, places)
    if len(details) < 2 or sum(shares) != amount:
        details, shares = [_merged(details)], [amount]
    return [
        _line(line, booked_on, share, currency, account, entry, detail)
        for share, detail in zip(shares, details, strict=True)
        if share
    ]


def _shares(entry: Fields, details: list[Fields], currency: str, places: int) -> list[int]:
    """Each transaction's part of a collective entry; [] if one of them does not say so in the entry's currency."""
    found = []
    for detail in details:
        path = "Amt" if "Amt" in detail else "AmtDtls/TxAmt/Amt"
        if detail.get(f"{path}@Ccy") != currency:
            return []
        direction = detail if "CdtDbtInd" in detail else entry
        found.append(_signed(direction, detail.get(path, ""), places))
    return found


def _merged(details: list[Fields]) -> Fields:
    """One movement for all: what they say, and no one's reference or name when there are several."""
    if len(details) == 1:
        return details[0]
    keys = ("RmtInf/Ustrd", "AddtlTxInf")
    return {key: words(*(detail.get(key) for detail in details)) for key in keys}


def _line(
    line: int, booked_on: date, amount: int, currency: str, account: str, entry: Fields, detail: Fields
) -> StatementLine:
    is_reversal = _is_reversal(entry) or _is_reversal(detail)
    end_to_end = detail.get("Refs/EndToEndId", "")
    structured = detail.get("RmtInf/Strd/CdtrRefInf/Ref")
    references = [text for text in (end_to_end, structured) if text and text != "NOTPROVIDED"]
    payer = detail.get("RltdPties/Dbtr/Nm") or detail.get("RltdPties/Dbtr/Pty/Nm")
    return StatementLine(
        line,
        booked_on,
        amount,
        currency,
        words(
            "REVERSAL" if is_reversal else None,
            detail.get("RmtInf/Ustrd"),
            *references[1:],
            detail.get("AddtlTxInf"),
            entry.get("AddtlNtryInf"),
        ),
        account,
        reference=words(*references[:1]) if not is_reversal else "",
        payer=words(payer) if amount > 0 and not is_reversal else "",
        bank_id=words(detail.get("Refs/AcctSvcrRef") or entry.get("AcctSvcrRef")),
    )


def _is_reversal(fields: Fields) -> bool:
    return fields.get("RvslInd") in ("true", "1")


def _signed(direction: Fields, text: str, places: int) -> int:
    if text.startswith(("+", "-")):
        raise Unreadable("an amount has a sign")
    amount = minor_units(text, places)
    match direction.get("CdtDbtInd"):
        case "CRDT":
            return amount
        case "DBIT":
            return -amount
    raise Unreadable("an entry is neither a credit nor a debit")


def _date(entry: Fields) -> date:
    """When it was booked; the value date where the bank leaves that out. As written, in the bank's own time zone."""
    paths = ("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
    text = next((entry[path] for path in paths if path in entry), "")
    year, month, day = text[:4], text[5:7], text[8:10]
    if text[4:5] + text[7:8] != "--" or text[10:11] not in ("", "T", "Z", "+", "-"):
        raise Unreadable("a date is not YYYY-MM-DD")
    if not all(part.isascii() and part.isdecimal() for part in (year, month, day)):
        raise Unreadable("a date is not YYYY-MM-DD")
    return calendar_date(int(year), int(month), int(day))
