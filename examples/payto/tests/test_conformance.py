"""Every promise of the contract, tried on the provider and its stand-in."""

from payto_subject import PayToSubject
from tp_gateway.testing import ProviderTests


class TestPayTo(ProviderTests):
    subject = PayToSubject
