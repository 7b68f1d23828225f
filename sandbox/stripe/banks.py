"""The test accounts of BECS direct debit: one data table (docs.stripe.com/payments/au-becs-debit). No behaviour here.

All belong to the test bank, whose BSB is 000-000.
"""

from dataclasses import dataclass

BSB = "000000"


@dataclass(frozen=True)
class Account:
    failure: str | None = None  # the code with which the debit fails after all
    mandate_ends: bool = False  # whether that failure makes the mandate inactive
    delayed: bool = False  # three minutes longer than usual
    disputed: bool = False  # it succeeds, and the customer has the bank take the money back
    declined: bool = False  # refused at once, before any processing


ACCOUNTS: dict[str, Account] = {
    "000123456": Account(),
    "900123456": Account(delayed=True),
    "111111113": Account("account_closed", mandate_ends=True),
    "111111116": Account("no_account", mandate_ends=True),
    "222222227": Account("refer_to_customer"),
    "922222227": Account("refer_to_customer", delayed=True),
    "333333335": Account("debit_not_authorized", mandate_ends=True),
    # guess: these three numbers, from the tables of the other bank debits.
    "666666660": Account(disputed=True),
    "343434343": Account("charge_exceeds_source_limit", declined=True),
    "121212121": Account("charge_exceeds_weekly_limit", declined=True),
}

# docs.stripe.com/error-codes; guess: the sentences.
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "no_account": "The bank account could not be located.",
    "refer_to_customer": "The customer's bank refused the debit. Contact the customer.",
    "debit_not_authorized": "The customer has told the bank that this debit was not authorised.",
    "charge_exceeds_source_limit": "This payment is more than can be debited in a rolling window.",
    "charge_exceeds_weekly_limit": "This payment is more than can be debited in a week.",
}
