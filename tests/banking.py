"""A bank account for tests: the settings of a clinic that takes transfers, and the statements that its bank writes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date, timedelta

ACCOUNT = {
    "tp_gateway.providers": "stripe bank_transfer",
    "tp_gateway.bank_transfer.account_name": "Sample Clinic",
    "tp_gateway.bank_transfer.bsb": "062000",
    "tp_gateway.bank_transfer.account_number": "12345678",
    "tp_gateway.bank_transfer.payid": "pay@clinic.example",
    "tp_gateway.bank_transfer.bpay_biller_code": "123456",
}
TODAY = date(2026, 3, 5)


def cba(lines: Iterable[tuple[int, str]], *, start: int = 0, day: date = TODAY) -> bytes:
    """A CSV as the Commonwealth Bank writes it, of (cents, description) from the oldest to the newest: the balance goes
    on from `start`, and the day after every hundred lines."""
    rows, balance = [], start
    for number, (amount, description) in enumerate(lines):
        balance += amount
        on = day + timedelta(days=number // 100)
        rows.append(f'{on:%d/%m/%Y},"{amount / 100:+.2f}","{description}","{balance / 100:+.2f}"\n')
    return "".join(rows).encode()


def anz(lines: Iterable[tuple[int, str, str, str]], day: date = TODAY) -> bytes:
    """A CSV as ANZ writes it, of (cents, description, reference, payer): without balances."""
    return "".join(
        f'{day:%d/%m/%Y},{cents / 100:.2f},"{text}","{ref}","{who}"\n' for cents, text, ref, who in lines
    ).encode()


def as_file(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)
