"""The providers that ship with the gateway keep the promises that anybody's have to keep."""

from __future__ import annotations

from tests.conformance import subjects
from tp_gateway.testing import ProviderTests


class TestStripe(ProviderTests):
    subject = subjects.StripeSubject


class TestMedicare(ProviderTests):
    subject = subjects.MedicareSubject


class TestBankTransfer(ProviderTests):
    subject = subjects.BankTransferSubject


class TestInPerson(ProviderTests):
    subject = subjects.InPersonSubject
