"""The example plugin, found by its entry point as an installed package would be."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, refused, sandbox

EXAMPLE = Path(__file__).parents[2] / "examples" / "clinic_rules"


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip leaves behind: the module on the path, and a dist-info folder that names its entry point."""
    info = tmp_path / "tp_gateway_clinic_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tp-gateway-clinic-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tp_gateway]\nclinic_rules = clinic_rules\n")
    for path in (tmp_path, EXAMPLE):
        monkeypatch.syspath_prepend(str(path))


def test_a_plugin_refuses_what_is_too_much_and_hears_what_was_paid(
    database_url: str,
    stripe_sandbox: StripeSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install(tmp_path, monkeypatch)
    monkeypatch.setenv("CLINIC_RULES_CEILING", "150")
    sandbox(stripe_sandbox.url, "POST", "reset")
    clinic = Clinic(database_url, stripe_sandbox.url, **{"tp_gateway.providers": "stripe clinic_rules"}).open()
    try:
        clinic.appointment(123)
        error = refused(clinic.pay)
        assert (error.code, error.details) == ("not_payable", "Please call the clinic to pay more than $150")
        assert not clinic.rows("SELECT 1 FROM payments") and not clinic.books()["payment_intents"]
        clinic.appointment(124, fee=9000)
        paid = clinic.pay(appointment_id=124, amount=Decimal("90.00"))
        with caplog.at_level(logging.INFO, "front_desk"):
            clinic.work()
        assert f"payment {paid.id} of 90.00 AUD arrived" in caplog.text
    finally:
        clinic.close()
