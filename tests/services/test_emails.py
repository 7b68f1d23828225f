"""Patients get receipts, refunds and reminders by e-mail, from a real SMTP server's point of view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import OTHER_PATIENT, PATIENT, Clinic, admin, manager, sandbox
from tests.mailing import Mails, make_certificate
from tp_gateway.errors import ConfigurationError
from tp_gateway.identity import Identity
from tp_gateway.services import history
from tp_gateway.services.invoices import Item
from tp_gateway.services.notices import Wording

CLINIC = {"name": "Müller & Söhne <b>Rooms</b>", "address": "1 A St\nMelbourne", "email": "info@clinic.example"}
SENDER = "accounts@clinic.example"
Start = Callable[..., Clinic]


@pytest.fixture
def mails() -> Iterator[Mails]:
    server = Mails()
    yield server
    server.stop()


@pytest.fixture
def start(database_url: str, stripe_sandbox: StripeSandbox, mails: Mails) -> Iterator[Start]:
    """A clinic that sends e-mails, with what else its ini says."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    made: list[Clinic] = []

    def make(**more: str) -> Clinic:
        smtp = {"host": "127.0.0.1", "port": str(mails.port), "tls": "none", "from": SENDER} | more
        ini = {f"tp_gateway.smtp.{name}": value for name, value in smtp.items() if "." not in name}
        ini |= {name: value for name, value in more.items() if "." in name}
        made.append(Clinic(database_url, stripe_sandbox.url, **ini).open())
        tell(made[-1], name="Zoë <i>Tester</i>", email="zoe@patient.example")
        made[-1].gateway.practice_settings.update(admin, {"clinic": CLINIC})
        return made[-1]

    yield make
    for one in made:
        one.close()


def tell(clinic: Clinic, user_id: int = PATIENT, **more: Any) -> None:
    clinic.push_users([clinic.user(user_id, "patient") | more])


def relay(clinic: Clinic, rounds: int = 2) -> None:
    for _ in range(rounds):
        clinic.pass_time()
        clinic.gateway.outbox.relay()


def parts(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


def notes(clinic: Clinic) -> list[str]:
    return [row.note for row in clinic.rows("SELECT note FROM outbox_deliveries ORDER BY message_id")]


def test_a_receipt_and_a_refund(start: Start, mails: Mails) -> None:
    clinic = start()
    clinic.appointment(service="trauma_therapy")
    payment_id = clinic.pay().id
    clinic.refund(payment_id, "30.00")
    relay(clinic)
    (to, receipt), (_, refund) = mails.taken
    assert to == ["zoe@patient.example"] == [receipt["To"]]
    assert receipt["Subject"] == "Receipt from Müller & Söhne <b>Rooms</b>"
    assert refund["Subject"] == "Refund from Müller & Söhne <b>Rooms</b>"
    assert receipt["From"].addresses[0].display_name == CLINIC["name"]
    assert receipt["From"].addresses[0].addr_spec == SENDER and receipt["Reply-To"] == CLINIC["email"]
    assert receipt["Auto-Submitted"] == "auto-generated" and receipt["Date"]
    plain, html = parts(receipt)
    today = clinic.gateway.today()
    for text in (plain, html):
        assert "$180.00" in text and f"{today.day} {today:%B %Y}" in text and str(payment_id) in text and "Card" in text
    assert plain.startswith("Dear Zoë <i>Tester</i>,\n") and "Müller & Söhne <b>Rooms</b>\n1 A St\nMelbourne" in plain
    assert "Zoë &lt;i&gt;Tester&lt;/i&gt;" in html and "Müller &amp; Söhne &lt;b&gt;" in html
    assert "$30.00" in parts(refund)[0] and "$30.00" in parts(refund)[1]
    assert "<i>" not in html and "<script" not in html and "http" not in html
    for told in mails.raw:
        assert b"trauma" not in told and b"herap" not in told, "nothing of the service"
    ids = [row.uuid for row in clinic.rows("SELECT uuid FROM outbox_messages ORDER BY id")]
    assert [receipt["Message-ID"], refund["Message-ID"]] == [f"<{one}@clinic.example>" for one in ids]
    relay(clinic)
    assert len(mails.taken) == 2


def test_a_receipt_names_its_invoice_and_nothing_of_its_lines(start: Start, mails: Mails) -> None:
    clinic = start()
    invoice = clinic.invoice()
    clinic.pay(invoice_id=invoice.id)
    relay(clinic)
    [(_, receipt)] = mails.taken
    assert invoice.number in parts(receipt)[0] and invoice.number in parts(receipt)[1]
    assert b"Individual" not in mails.raw[0]


def overdue(clinic: Clinic) -> int:
    items, day = [Item("Individual Therapy", 1, 18000)], date(2025, 1, 2)
    made = clinic.gateway.invoices.create(manager, PATIENT, items, currency="AUD", due_date=day)
    with clinic.database.transaction() as session:
        history.tell_invoice(session, "invoice.overdue", made.id, clinic.gateway.clock(), days_overdue=7)
    return made.id


def test_a_reminder_says_what_is_due_when_it_is_sent(start: Start, mails: Mails) -> None:
    clinic = start()
    invoice_id = overdue(clinic)
    clinic.pay(invoice_id=invoice_id, amount=Decimal("80.00"))
    relay(clinic, 4)
    [reminder] = [message for _, message in mails.taken if "overdue" in message["Subject"]]
    plain, html = parts(reminder)
    assert "INV-" in reminder["Subject"] and "was due on 2 January 2025, and $100.00 of it" in plain
    assert "$100.00" in html and "Therapy" not in plain + html


def test_what_was_paid_meanwhile_is_not_reminded_of(start: Start, mails: Mails) -> None:
    clinic = start()
    clinic.pay(invoice_id=overdue(clinic))
    relay(clinic, 4)
    assert ["Receipt" in message["Subject"] for _, message in mails.taken] == [True]
    assert "nothing is due any more" in notes(clinic)


def test_the_admins_switch_counts_at_once(start: Start, mails: Mails) -> None:
    clinic = start()
    clinic.gateway.practice_settings.update(admin, {"notifications": {"email_enabled": False}})
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    clinic.gateway.practice_settings.update(admin, {"notifications": {"email_enabled": True}})
    relay(clinic)
    assert not mails.taken and notes(clinic) == ["e-mails are switched off"], "and is not made up for"


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "nobody",
        "a@b.example\r\nBcc: all@evil.example",
        "a@b.example, all@evil.example",
        "a@b.example\nSubject: x",
        "<a@b.example>",
        "a b@c.example",
        "Zoë@b.example",
    ],
)
def test_only_one_plain_address_is_written_to(start: Start, mails: Mails, address: str | None) -> None:
    clinic = start()
    tell(clinic, email=address)
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    assert not mails.taken and notes(clinic) == ["not an e-mail address" if address else "no e-mail address"]


def test_no_name_gets_into_a_header(start: Start, mails: Mails) -> None:
    clinic = start()
    evil = "Evil\r\nBcc: all@evil.example\r\n\r\n<script>"
    tell(clinic, name=evil, email="zoe@patient.example")
    clinic.gateway.practice_settings.update(admin, {"clinic": {"name": evil}})
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    [(to, message)] = mails.taken
    assert to == ["zoe@patient.example"] and message["Bcc"] is None
    assert sorted(message.keys()) == sorted(
        ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
        + [name for name in message.keys() if name.startswith("X-")]  # noqa: SIM118 - of a message, not of a dict
    )
    assert "<script>" not in parts(message)[1]


def test_who_is_not_active_is_not_written_to(start: Start, mails: Mails) -> None:
    clinic = start()
    clinic.appointment()
    clinic.pay()
    tell(clinic, email="zoe@patient.example", active=False)
    relay(clinic)
    assert not mails.taken and notes(clinic) == ["the patient is not active"]


def test_what_is_refused_for_good_is_given_up_and_holds_nothing_back(start: Start, mails: Mails) -> None:
    clinic = start()
    clinic.appointment()
    payment_id = clinic.pay().id
    mails.recipient = "550 No such mailbox: zoe@patient.example"
    relay(clinic)
    mails.recipient, mails.data = None, "554 No, thank you"
    clinic.refund(payment_id)
    relay(clinic)
    expected = "the mail server refused it for good: "
    assert notes(clinic) == [f"{expected}550", f"{expected}554"]
    assert not clinic.rows("SELECT 1 FROM outbox_messages WHERE sent_at IS NULL")


def test_what_is_refused_for_now_is_sent_later_once(start: Start, mails: Mails) -> None:
    clinic = start()
    clinic.appointment()
    clinic.pay()
    for recipient, data in (("451 Greylisted, zoe@patient.example", None), (None, "452 Full")):
        mails.recipient, mails.data = recipient, data
        relay(clinic)
    assert notes(clinic) == ["the mail server refused it for now: 452"]
    mails.recipient = mails.data = None
    relay(clinic)
    assert len(mails.taken) == 1 and notes(clinic) == [""]


def test_a_mail_server_that_is_away_keeps_nobody_waiting(start: Start, mails: Mails) -> None:
    clinic = start()
    mails.stop()
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    assert notes(clinic) == ["the mail server: ConnectionRefusedError"]


def test_it_logs_in_where_it_can_be_sure_whom_it_talks_to(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path / "server.pem")
    server = Mails(certificate=certificate, login=("gateway", "of the server"))
    try:
        smtp = {"port": str(server.port), "tls": "starttls", "user": "gateway"}
        wrong, right = (start(**smtp, password=password) for password in ("wrong", "of the server"))
        right.appointment()
        right.pay()
        relay(right)
        assert notes(right) == ["the mail server: SSLCertVerificationError"]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        relay(wrong)
        assert notes(right) == ["the mail server: SMTPAuthenticationError"] and not server.taken
        relay(right)
        assert notes(right) == [""] and len(server.taken) == 1
    finally:
        server.stop()


def test_without_encryption_nothing_is_said(start: Start, mails: Mails) -> None:
    """A server that does not offer STARTTLS is no server to hand a password or a name to."""
    clinic = start(tls="starttls")
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    assert not mails.taken and notes(clinic) == ["the mail server: SMTPNotSupportedError"]


def test_the_clinics_own_words_win(start: Start, mails: Mails, tmp_path: Path) -> None:
    (tmp_path / "receipt.subject.txt").write_text("Thanks,\n{{ name }}")
    clinic = start(**{"tp_gateway.notifications.templates": str(tmp_path)})
    clinic.appointment()
    clinic.pay()
    relay(clinic)
    [(_, message)] = mails.taken
    assert message["Subject"] == "Thanks, Zoë <i>Tester</i>" and "We have received" in parts(message)[0]


@pytest.mark.parametrize("wrong", ["{{ name", "{% if %}"])
def test_words_that_are_no_template_refuse_to_start(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "refund.html").write_text(wrong)
    with pytest.raises(ConfigurationError, match=r"notifications\.templates: refund\.html, line 1"):
        Wording(str(tmp_path))
    with pytest.raises(ConfigurationError, match="not a folder"):
        Wording(str(tmp_path / "nowhere"))


def test_each_patient_hears_of_their_own(start: Start, mails: Mails) -> None:
    clinic = start()
    tell(clinic, OTHER_PATIENT, email="other@patient.example")
    for number, patient_id in ((301, PATIENT), (302, OTHER_PATIENT)):
        clinic.appointment(number, patient_id)
        clinic.pay(Identity(patient_id, "patient"), appointment_id=number)
    relay(clinic)
    assert [to for to, _ in mails.taken] == [["zoe@patient.example"], ["other@patient.example"]]
