"""Which account of the clinic's accounting software each account of the ledger is, and which tax code goes with it.

The ledger knows of money only when it moves (invoices are not in it), so what comes off `receivable` is the income of
treatment, on a cash basis. Treatment by a registered psychologist is GST-free (GST Act s 38-10), and so are fees for
missed sessions; what was given up of them (`adjustments`) takes income back. All else is no supply at all: money on its
way, money owed, fees of providers as they were charged, whose GST is claimed by the provider's own tax invoice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tp_gateway.errors import ConfigurationError
from tp_gateway.models import ledger

SOFTWARE = ("xero", "myob")
_OF_PROVIDERS = (ledger.CLEARING.rstrip(":"), ledger.FEES.rstrip(":"))
_INCOME = (ledger.RECEIVABLE, ledger.ADJUSTMENTS)
_NAMES = (
    *(ledger.RECEIVABLE, ledger.ADJUSTMENTS, *_OF_PROVIDERS),
    *(ledger.PATIENT_CREDIT, ledger.SUSPENSE, ledger.DISPUTED, ledger.CHARGEBACKS),
)
_CODES: Mapping[str, tuple[str, ...]] = {
    # Of Xero's own chart: 200 Sales, 404 Bank Fees, 850 Suspense. The others are to be made: neither of the two lets a
    # journal move its bank accounts or its own receivables.
    "xero": ("200", "205", "615", "404", "835", "850", "616", "405"),
    "myob": ("4-1000", "4-1900", "1-1290", "6-1280", "2-1290", "2-1295", "1-1295", "6-1290"),
}
_TAX = {"xero": ("GST Free Income", "BAS Excluded"), "myob": ("FRE", "N-T")}
_CODE = {
    "xero": re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-/]{0,9}"),
    # help.myob.com/wiki/x/8YFk: five digits, and possibly a separator after the first.
    "myob": re.compile(r"[0-9]-?[0-9]{4}"),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """`codes` by the ledger's account: the whole name (`clearing:stripe`), or what is before the colon."""

    software: str
    codes: Mapping[str, str]
    income_tax: str
    other_tax: str

    def code(self, account: str) -> str:
        """KeyError for an account that the ledger does not have."""
        return self.codes.get(account) or self.codes[account.partition(":")[0]]

    def tax(self, account: str) -> str:
        return self.income_tax if account in _INCOME else self.other_tax


def make_chart(software: str, words: Iterable[str], income_tax: str | None, other_tax: str | None) -> Chart:
    """The chart with the clinic's own `words` (`clearing:stripe=615`) and tax codes in place of the defaults.
    ConfigurationError for an account that there is not, or a code that the software cannot have."""
    codes = dict(zip(_NAMES, _CODES[software], strict=True))
    for word in words:
        name, _, code = word.partition("=")
        kind, colon, slug = name.partition(":")
        if name not in _NAMES and not (kind in _OF_PROVIDERS and colon and slug):
            raise ConfigurationError(f"tp_gateway.accounting.accounts: {name} is none of {', '.join(_NAMES)}")
        if not _CODE[software].fullmatch(code):
            raise ConfigurationError(f"tp_gateway.accounting.accounts: {name} = {code} is no account of {software}")
        codes[name] = code
    income, other = _TAX[software]
    return Chart(software, codes, income_tax or income, other_tax or other)
