"""The conformance kit: every promise of the contract, checked on a provider and on its own sandbox, offline.

    from tp_gateway.testing import ProviderTests
    from voucher_sandbox import VoucherSubject

    class TestVoucher(ProviderTests):
        subject = VoucherSubject

`Subject` is what a provider's author supplies: its settings, its sandbox, and how to make a payment. Without pytest,
`run(VoucherSubject)` gives the same results. Nothing in here is needed to take payments, and nothing imports it: pytest
is an extra (`pip install tp-gateway[testing]`). Names are loaded when they are asked for, because pytest loads the
plugin in every session where this package is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tp_gateway.testing.checking import CHECKS, Broken, Check
    from tp_gateway.testing.report import Report
    from tp_gateway.testing.runner import run
    from tp_gateway.testing.subject import Ask, Subject, Taken, Waiting
    from tp_gateway.testing.suite import ProviderTests

_WHERE = {
    "CHECKS": "checking",
    "Broken": "checking",
    "Check": "checking",
    "Report": "report",
    "run": "runner",
    "Ask": "subject",
    "Subject": "subject",
    "Taken": "subject",
    "Waiting": "subject",
    "ProviderTests": "suite",
}
__all__ = ["CHECKS", "Ask", "Broken", "Check", "ProviderTests", "Report", "Subject", "Taken", "Waiting", "run"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
