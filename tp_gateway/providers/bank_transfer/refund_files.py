"""Refunds by bank transfer: an ABA file that staff give to the clinic's bank."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from tp_gateway.contract import CannotWrite, PaymentFile, PayoutAccount, QueuedRefund
from tp_gateway.providers.bank_transfer import aba
from tp_gateway.providers.bank_transfer.bsb import BankAccount


def reference(refund_id: str) -> str:
    """What the patient's bank shows: 16 characters of letters and digits, the same for the same refund."""
    return f"RF{base64.b32encode(UUID(refund_id).bytes)[:14].decode()}"


def can_be_paid(account: PayoutAccount, amount: int) -> bool:
    """Whether a file has room for it. Asked before a refund is queued: one that does not fit would hold up the
    others."""
    try:
        _credit(QueuedRefund("RF", amount, "AUD", account))
    except CannotWrite:
        return False
    return True


def write(settings: Mapping[str, Any], refunds: Sequence[QueuedRefund], title: str, made_on: date) -> PaymentFile:
    """The file of these refunds. CannotWrite: a setting is missing, or one of them does not fit into such a file."""
    for name in ("aba_bank", "aba_user_id"):
        if not settings[name]:
            raise CannotWrite(f"tp_gateway.bank_transfer.{name} is not set")
    ours = BankAccount(settings["bsb"], settings["account_number"])
    name = settings["account_name"]
    try:
        header = aba.Header(
            bank=settings["aba_bank"],
            user_name=name[:26],
            user_id=settings["aba_user_id"],
            description=title,
            processed_on=made_on,
            trace=ours,
            remitter=name[:16],
        )
        balancing = aba.BalancingDebit(ours, name, title) if settings["aba_balanced"] == "yes" else None
        content = aba.write(header, [_credit(one) for one in refunds], balancing)
    except ValueError as problem:
        raise CannotWrite(str(problem)) from None
    return PaymentFile(f"{title}.aba", "text/plain", content)


def _credit(refund: QueuedRefund) -> aba.Credit:
    try:
        account = BankAccount(refund.account.bsb, refund.account.account_number)
        return aba.Credit(account, refund.amount, refund.account.name, refund.reference)
    except ValueError as problem:
        raise CannotWrite(f"Refund {refund.reference}: {problem}") from None
