"""Bank transfer: a promise to pay. The patient is told where to transfer to and with which reference; no call is made
and no money moves here. What arrives is found on a bank statement, days later and perhaps for another amount."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, BinaryIO, ClassVar

from tp_gateway.contract import (
    Capabilities,
    Environment,
    Health,
    Manifest,
    Order,
    Outcome,
    OutcomeState,
    PaymentFile,
    QueuedRefund,
    Reason,
    Recogniser,
    RefundOrder,
    Statement,
    account_number,
    bsb,
    fields,
    money,
)
from tp_gateway.providers.bank_transfer import recognition, references, refund_files, statements
from tp_gateway.providers.bank_transfer.crn import Rule, customer_number
from tp_gateway.providers.bank_transfer.settings import Settings

_MESSAGE = "Please transfer the amount, and give the reference exactly as it is shown."


class Parameters(fields.Schema):
    """None of its own."""


class BankTransferProvider:
    manifest: ClassVar[Manifest] = Manifest(
        slug="bank_transfer",
        method="bank_transfer",
        display_name="Bank transfer",
        currencies=frozenset({"AUD"}),
        capabilities=Capabilities(
            local=True, refund=True, partial_refund=True, refund_files=True, statements=True, keeps_deadline=True
        ),
        settings_schema=Settings(),
        parameters_schema=Parameters(),
        single_flight=False,
        settles_exactly=False,
        examples=({},),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._account = {
            "account_name": settings["account_name"],
            "bsb": bsb(settings["bsb"]),
            "account_number": account_number(settings["account_number"]),
        }

    @classmethod
    def build(cls, settings: Mapping[str, Any], environment: Environment) -> BankTransferProvider:
        return cls(settings)

    def check(self, deadline: float) -> Health:
        return Health(True)

    def execute(self, order: Order, reference: str | None) -> Outcome:
        """The instructions. The same order gives the same ones, except where an operator has changed the account: then
        the new one is told from now on, and the reference stays."""
        reference = reference or references.make(self._settings["reference_prefix"], order.number, order.id)
        due = order.due_on or order.made_on + timedelta(days=self._settings["terms_days"])
        instructions = {
            "type": "bank_transfer",
            **self._account,
            "reference": reference,
            "amount": money.to_decimal_text(order.amount, order.currency),
            "currency": order.currency,
            "due_date": due.isoformat(),
            "message": _MESSAGE,
        }
        if self._settings["payid"]:
            instructions["payid"] = self._settings["payid"]
        if self._settings["bpay_biller_code"]:
            customer = customer_number(reference, Rule(self._settings["bpay_rule"]))
            instructions["bpay"] = {"biller_code": self._settings["bpay_biller_code"], "crn": customer}
        return Outcome(
            OutcomeState.NEEDS_ACTION,
            reference,
            action=instructions,
            waits_until=max(due, order.made_on) + timedelta(days=self._settings["grace_days"]),
        )

    def refund(self, order: RefundOrder) -> Outcome:
        """Nothing is sent: it waits until staff have the bank pay a file. Its reference is one that the patient's bank
        shows, and never looks like a payment's."""
        if order.account is None:
            return Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.REJECTED, provider_code="no_account")
        if not refund_files.can_be_paid(order.account, order.amount):
            code = "account_cannot_be_paid"
            return Outcome(OutcomeState.DECLINED, closed=True, reason=Reason.REJECTED, provider_code=code)
        return Outcome(OutcomeState.PENDING, refund_files.reference(order.id))

    def write_refunds(self, refunds: Sequence[QueuedRefund], title: str, made_on: date) -> PaymentFile:
        return refund_files.write(self._settings, refunds, title, made_on)

    def read_statement(self, stream: BinaryIO, name: str) -> Statement:
        return statements.parse(stream, name)

    def recogniser(self, references: Collection[str]) -> Recogniser:
        """Customer numbers of BPAY are recognised by either rule, also of a biller code that is told no more: a patient
        may have kept one."""
        return recognition.recogniser(self._settings["reference_prefix"], references)
