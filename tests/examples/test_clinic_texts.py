"""The example plugin for SMS, found by its entry point as an installed package would be; and what a text is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import PATIENT, Clinic, admin, sandbox
from tests.listening import Backend
from tp_gateway.services.notices.texts import mobile

EXAMPLE = Path(__file__).parents[2] / "examples" / "clinic_texts"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """The service that sends; and what pip leaves behind: the module on the path, its entry point in a dist-info."""
    info = tmp_path / "tp_gateway_clinic_texts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tp-gateway-clinic-texts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tp_gateway]\nclinic_texts = clinic_texts\n")
    for path in (tmp_path, EXAMPLE):
        monkeypatch.syspath_prepend(str(path))
    server = Backend()
    monkeypatch.setenv("CLINIC_TEXTS_URL", server.url)
    monkeypatch.setenv("CLINIC_TEXTS_KEY", "of the service")
    yield server
    server.stop()


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox, service: Backend) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url, **{"tp_gateway.providers": "stripe clinic_texts"}).open()
    made.gateway.practice_settings.update(admin, {"clinic": {"name": "Müller & Söhne"}})
    reach(made, "0491 570 156")
    yield made
    made.close()


def reach(clinic: Clinic, phone: str | None) -> None:
    clinic.push_users([clinic.user(PATIENT, "patient") | {"phone": phone}])


def relay(clinic: Clinic) -> None:
    for _ in range(2):
        clinic.pass_time()
        clinic.gateway.outbox.relay()


def notes(clinic: Clinic) -> dict[str, str]:
    return {row.destination: row.note for row in clinic.rows("SELECT destination, note FROM outbox_deliveries")}


def test_a_receipt_goes_out_once(clinic: Clinic, service: Backend) -> None:
    clinic.gateway.practice_settings.update(admin, {"notifications": {"whatsapp_enabled": True}})
    clinic.appointment(service="trauma_therapy")
    clinic.pay()
    service.status = 503
    relay(clinic)
    failed = len(service.calls)
    assert notes(clinic)["sms"] == "HTTPError" and failed == 2
    service.status = 200
    relay(clinic)
    headers, body = service.calls[-1]
    today = clinic.gateway.today()
    text = f"Müller & Söhne: we have received your payment of $180.00 on {today.day} {today:%B %Y}. Thank you."
    assert json.loads(body) == {"to": "+61491570156", "text": text}
    assert headers["authorization"] == "Bearer of the service"
    [message] = clinic.rows("SELECT uuid FROM outbox_messages")
    assert {one["idempotency-key"] for one, _ in service.calls} == {message.uuid}
    assert len(service.calls) == failed + 1
    assert notes(clinic) == {"sms": "", "whatsapp": "no plugin sends whatsapp"}


def test_the_switches_of_the_settings_are_honoured(clinic: Clinic, service: Backend) -> None:
    clinic.gateway.practice_settings.update(admin, {"notifications": {"sms_enabled": False}})
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    assert not service.calls
    assert notes(clinic) == {"sms": "sms is switched off", "whatsapp": "whatsapp is switched off"}


@pytest.mark.parametrize("phone", [None, "", "03 9000 0000", "call me", "+61 491 570 15"])
def test_only_mobiles_are_written_to(clinic: Clinic, service: Backend, phone: str | None) -> None:
    reach(clinic, phone)
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    assert not service.calls and notes(clinic)["sms"] == "no mobile number"


@pytest.mark.parametrize(
    ("written", "number"),
    [("0491 570 156", "+61491570156"), ("+64 21 123 4567", "+64211234567"), ("(03) 9000 0000", None), ("", None)],
)
def test_a_mobile_in_one_form(written: str, number: Any) -> None:
    assert mobile(written) == number
