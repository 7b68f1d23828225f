"""What an operator may set (`tp_gateway.bank_transfer.*`): the clinic's account as patients see it, and how long a
promise to pay is waited for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import colander

from tp_gateway.contract import account_number, bsb, fields
from tp_gateway.providers.bank_transfer import references
from tp_gateway.providers.bank_transfer.crn import Rule

_BILLER_CODE = re.compile(r"[0-9]{3,10}", re.ASCII)


def _accepted_by(check: Callable[[str], object], message: str) -> Any:
    def validate(node: colander.SchemaNode, value: str) -> None:
        try:
            accepted = check(value)
        except ValueError:
            accepted = False
        if accepted is None or accepted is False:
            raise colander.Invalid(node, message)

    return validate


class Days(colander.SchemaType):
    """A number of days from an ini."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        if not re.fullmatch(r"[0-9]{1,3}", str(cstruct), re.ASCII):
            raise colander.Invalid(node, "Not a number of days from 0 to 999")
        return int(cstruct)


class Settings(fields.Schema):
    account_name = colander.SchemaNode(
        fields.Text(), validator=colander.Length(1, 32), description="As the bank has it, at most 32 characters"
    )
    bsb = colander.SchemaNode(fields.Text(), validator=_accepted_by(bsb, 'Not a BSB such as "062-000"'))
    account_number = colander.SchemaNode(
        fields.Text(), validator=_accepted_by(account_number, "Not an account number of 4 to 10 digits")
    )
    payid = colander.SchemaNode(fields.Text(), missing="", validator=colander.Length(max=256))
    bpay_biller_code = colander.SchemaNode(
        fields.Text(), missing="", validator=_accepted_by(_BILLER_CODE.fullmatch, "Not a biller code of 3 to 10 digits")
    )
    bpay_rule = colander.SchemaNode(
        fields.Text(),
        missing=str(Rule.MOD10V01),
        validator=colander.OneOf([str(rule) for rule in Rule]),
        description="The check digit that the biller agreement names: MOD10V01 or MOD10V05",
    )
    reference_prefix = colander.SchemaNode(
        fields.Text(),
        missing="TP",
        validator=_accepted_by(references.is_prefix, "Not two different upper-case letters"),
    )
    terms_days = colander.SchemaNode(Days(), missing=14, description="When it is due, where no invoice says so")
    aba_bank = colander.SchemaNode(
        fields.Text(),
        missing="",
        validator=_accepted_by(re.compile("[A-Z]{3}").fullmatch, "Not a bank's abbreviation such as CBA"),
        description="For files of refunds: the bank that takes them",
    )
    aba_user_id = colander.SchemaNode(
        fields.Text(),
        missing="",
        validator=_accepted_by(re.compile("[0-9]{1,6}").fullmatch, "Not 1 to 6 digits"),
        description="For files of refunds: the number that the bank has given the clinic (APCA user id)",
    )
    aba_balanced = colander.SchemaNode(
        fields.Text(),
        missing="no",
        validator=colander.OneOf(["yes", "no"]),
        description="yes: the bank wants a line that takes the total from the clinic's account",
    )
    grace_days = colander.SchemaNode(Days(), missing=14, description="How long after that it is waited for")
