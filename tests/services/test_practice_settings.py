"""The practice's settings: merged under a lock, kept with their history, and acting at once wherever they are read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.banking import ACCOUNT
from tests.clinic import Clinic, admin, refused, sandbox, settings
from tp_gateway import config, make_database, make_registry
from tp_gateway.crypto import Vault
from tp_gateway.identity import Identity
from tp_gateway.models import PracticeSettings as Row
from tp_gateway.registry import GuardedProvider
from tp_gateway.services import build_gateway
from tp_gateway.services.practice_settings import PracticeSettings, PracticeSettingsStore, System

MIDNIGHT = datetime(2024, 12, 31, 13, 30, tzinfo=UTC)
"""Half past midnight of New Year's Day in Melbourne, half past nine the evening before in Perth."""
NEW_YEAR, OLD_YEAR = date(2025, 1, 1), date(2024, 12, 31)
PERTH = {"system": {"timezone": "Australia/Perth"}}


@pytest.fixture
def store(clinic: Clinic) -> PracticeSettingsStore:
    return clinic.gateway.practice_settings


# --- defaults and merging ---------------------------------------------------------------------------------------------


def test_what_nobody_has_set_is_the_default(store: PracticeSettingsStore, clinic: Clinic) -> None:
    found = store.read()
    assert found == PracticeSettings()
    assert (found.system.gst_rate, found.billing.invoice_terms_days) == (Decimal("0.10"), 30)
    assert (found.notifications.sms_enabled, found.notifications.whatsapp_enabled) == (True, False)
    assert not clinic.rows("SELECT id FROM practice_settings") and not store.history(limit=10)


def test_only_what_was_named_changes(store: PracticeSettingsStore) -> None:
    store.update(admin, {"clinic": {"name": "A", "phone": "1800 000 000"}, "billing": {"invoice_terms_days": 14}})
    after, doubts = store.update(admin, {"clinic": {"name": "B"}})
    assert after == store.read() and doubts == {}
    assert (after.clinic.name, after.clinic.phone, after.billing.invoice_terms_days) == ("B", "1800 000 000", 14)
    assert after.system == System() and after.notifications == PracticeSettings().notifications


def test_a_rate_is_kept_exactly(store: PracticeSettingsStore) -> None:
    for rate in ("0", "1", "0.1", "0.125", "0.0001", "0.3333"):
        store.update(admin, {"system": {"gst_rate": Decimal(rate)}})
        assert store.read().system.gst_rate == Decimal(rate)
    assert store.read().system.gst_rate * 3 == Decimal("0.9999")


def test_only_what_differs_from_the_defaults_is_kept(store: PracticeSettingsStore, clinic: Clinic) -> None:
    store.update(admin, {"billing": {"invoice_terms_days": 14}, "clinic": {"name": "A"}})
    store.update(admin, {"billing": {"invoice_terms_days": 30}})
    with clinic.database.read() as session:
        assert session.execute(sa.select(Row.data)).scalar_one() == {"clinic": {"name": "A"}, "billing": {}}


def test_what_a_newer_version_has_put_there_stays(store: PracticeSettingsStore, clinic: Clinic) -> None:
    """In a rolling update, or after going back."""
    newer = {"clinic": {"logo": "x"}, "ledger": {"closed_until": "2025-06-30"}, "system": {"gst_rate": "0.125"}}
    with clinic.database.transaction() as session:
        session.execute(sa.insert(Row), {"id": 1, "data": newer, "version": 3, "updated_at": MIDNIGHT})
    assert store.read().system.gst_rate == Decimal("0.125")
    store.update(admin, {"clinic": {"name": "A"}})
    with clinic.database.read() as session:
        kept, version = session.execute(sa.select(Row.data, Row.version)).one()
    assert kept == {**newer, "clinic": {"logo": "x", "name": "A"}} and version == 4


# --- what cannot be ---------------------------------------------------------------------------------------------------


def test_a_way_to_pay_must_be_switched_on(store: PracticeSettingsStore) -> None:
    wrong = {"clinic": {"name": "A"}, "billing": {"default_payment_method": "medicare"}}
    error = refused(store.update, admin, wrong)
    assert error.details == {"billing": {"default_payment_method": ["Not one of: card"]}}
    assert store.read() == PracticeSettings() and not store.history(limit=1)


def test_a_way_to_pay_that_was_switched_off_since_hinders_nothing(
    database_url: str, stripe_sandbox: StripeSandbox
) -> None:
    with_bank = Clinic(database_url, stripe_sandbox.url, **ACCOUNT)
    with_bank.gateway.practice_settings.update(admin, {"billing": {"default_payment_method": "bank_transfer"}})
    without = Clinic(database_url, stripe_sandbox.url)
    store = without.gateway.practice_settings
    shown = store.read().tree()
    store.update(admin, {**shown, "clinic": {"name": "A"}})
    assert (store.read().clinic.name, store.read().billing.default_payment_method) == ("A", "bank_transfer")
    with_bank.close()
    without.close()


@pytest.mark.parametrize(
    ("section", "field", "wrong", "right"),
    [
        ("clinic", "abn", "12 345 678 901", "51 824 753 556"),
        ("system", "medicare_provider_number", "1234567A", "1234567X"),
    ],
)
def test_what_can_only_be_mistyped_is_warned_of_or_refused(
    database_url: str, stripe_sandbox: StripeSandbox, section: str, field: str, wrong: str, right: str
) -> None:
    lenient = Clinic(database_url, stripe_sandbox.url)
    strict = Clinic(database_url, stripe_sandbox.url, **{"tp_gateway.identifier_checks": "refuse"})
    change = strict.gateway.practice_settings.update
    error = refused(change, admin, {section: {field: wrong}})
    assert list(error.details[section]) == [field]  # type: ignore[index]
    after, doubts = lenient.gateway.practice_settings.update(admin, {section: {field: wrong}})
    assert after.tree()[section][field] == wrong and doubts == error.details
    assert wrong not in str(doubts)
    # It is there by now: whoever saves the whole page does not fail on it.
    assert change(admin, {**after.tree(), "billing": {"invoice_terms_days": 1}})[1] == error.details
    assert change(admin, {section: {field: right}})[1] == {} == change(admin, {section: {field: ""}})[1]
    lenient.close()
    strict.close()


# --- at once ----------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(16)
def test_many_admins_at_once_all_win(database_url: str, stripe_sandbox: StripeSandbox) -> None:
    """Each changes another field, from two processes' worth of connections, the first of them before there is a row."""
    clinics = [Clinic(database_url, stripe_sandbox.url) for _ in range(2)]
    wanted: list[dict[str, dict[str, Any]]] = [
        *({"clinic": {name: name}} for name in asdict(PracticeSettings().clinic) if name != "abn"),
        *({"notifications": {name: value}} for name, value in (("email_enabled", False), ("whatsapp_enabled", True))),
        *({"billing": {name: value}} for name, value in (("invoice_terms_days", 7), ("auto_generate_invoices", False))),
        *({"system": {name: value}} for name, value in (("language", "vi"), ("timezone", "Australia/Perth"))),
    ]
    ready = threading.Barrier(len(wanted))

    def save(number: int) -> None:
        ready.wait(30)
        clinics[number % 2].gateway.practice_settings.update(Identity(100 + number, "admin"), wanted[number])

    with ThreadPoolExecutor(len(wanted)) as pool:
        list(pool.map(save, range(len(wanted))))
    for clinic in clinics:
        after = clinic.gateway.practice_settings.read().tree()
        assert all(
            after[section][name] == value for one in wanted for section in one for name, value in one[section].items()
        )
    changes = clinics[0].gateway.practice_settings.history(limit=100)
    assert [one.version for one in changes] == list(range(len(wanted), 0, -1))
    assert {one.actor for one in changes} == {f"user:{100 + number}" for number in range(len(wanted))}
    for clinic in clinics:
        clinic.close()


@pytest.mark.catalogue(16)
def test_many_changes_of_one_field_are_a_chain(clinic: Clinic, store: PracticeSettingsStore) -> None:
    """Nobody overwrites what he has not seen in the history."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda days: store.update(admin, {"billing": {"invoice_terms_days": days}}), range(1, 25)))
    steps = [one.changes[0] for one in reversed(store.history(limit=100))]
    assert [step.before for step in steps] == [30, *(step.after for step in steps[:-1])]
    assert steps[-1].after == store.read().billing.invoice_terms_days


# --- the history ------------------------------------------------------------------------------------------------------


def test_each_change_is_kept_with_who_made_it(store: PracticeSettingsStore) -> None:
    store.update(admin, {"clinic": {"name": "A"}, "system": {"gst_rate": Decimal("0.125")}})
    store.update(Identity(77, "admin"), {"clinic": {"name": "B", "address": ""}, "system": {"language": "en-au"}})
    second, first = store.history(limit=10)
    assert (first.actor, second.actor) == ("user:9", "user:77")
    assert [asdict(one) for one in second.changes] == [
        {"section": "clinic", "field": "name", "before": "A", "after": "B"}
    ]
    assert [(one.field, one.before, one.after) for one in first.changes] == [
        ("name", "", "A"),
        ("gst_rate", Decimal("0.1"), Decimal("0.125")),
    ]
    assert store.history(limit=1) == [second] and store.history(limit=10, before_id=second.id) == [first]


def test_what_changes_nothing_leaves_no_entry(store: PracticeSettingsStore) -> None:
    store.update(admin, {})
    store.update(admin, PracticeSettings().tree())
    assert store.history(limit=10) == []


# --- who follows them -------------------------------------------------------------------------------------------------


class Stopped(Clinic):
    """A clinic at half past midnight, or half past nine in the evening: it depends on where it is."""

    def __init__(self, database_url: str, sandbox_url: str, **more: str) -> None:
        read = config.load(settings(database_url, sandbox_url, **ACCOUNT | more), {})
        self.database_url, self.sandbox_url, self.database = database_url, sandbox_url, make_database(read)
        self.gateway = build_gateway(
            database=self.database,
            registry=make_registry(read, self.database.require_no_transaction),
            vault=Vault(read.encryption_keys),
            timing=read.timing,
            environment=read.environment,
            time_zone=read.time_zone,
            currency="AUD",
            clock=lambda: MIDNIGHT,
        )


@pytest.fixture
def stopped(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Callable[..., Stopped]]:
    """Makes clinics on one database, each as a process of its own would be."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    made: list[Stopped] = []

    def make(**more: str) -> Stopped:
        made.append(Stopped(database_url, stripe_sandbox.url, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_ini_gives_the_default(stopped: Callable[..., Stopped]) -> None:
    assert stopped().gateway.today() == NEW_YEAR
    assert stopped(**{"tp_gateway.time_zone": "Australia/Perth"}).gateway.today() == OLD_YEAR


def test_a_change_acts_at_once_in_every_process(stopped: Callable[..., Stopped]) -> None:
    here, there = stopped(), stopped(**{"tp_gateway.time_zone": "Pacific/Auckland"})
    there.open()
    first = here.invoice()
    assert (first.number, first.due_date) == ("INV-2025-001", NEW_YEAR + timedelta(days=30))
    here.gateway.practice_settings.update(admin, {**PERTH, "billing": {"invoice_terms_days": 14}})
    assert there.gateway.today() == here.gateway.today() == OLD_YEAR
    for clinic, number in ((there, "INV-2024-001"), (here, "INV-2024-002")):
        invoice = clinic.invoice()
        assert (invoice.number, invoice.due_date) == (number, OLD_YEAR + timedelta(days=14))


def test_takings_count_by_the_calendar_of_now(stopped: Callable[..., Stopped]) -> None:
    clinic = stopped()
    clinic.open()
    clinic.appointment()
    assert clinic.pay().body["status"] == "succeeded"
    totals = clinic.gateway.day_totals
    assert [one.taken for one in totals.of(NEW_YEAR)] == [18000] and not totals.of(OLD_YEAR)
    stopped().gateway.practice_settings.update(admin, PERTH)
    assert [one.taken for one in totals.of(OLD_YEAR)] == [18000] and not totals.of(NEW_YEAR)


@pytest.mark.parametrize(("zone", "today", "utc_hour"), [("Melbourne", NEW_YEAR, 13), ("Perth", OLD_YEAR, 16)])
def test_a_promise_expires_by_the_calendar(
    stopped: Callable[..., Stopped], zone: str, today: date, utc_hour: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the day on which the provider is told that it was made."""
    clinic, orders = stopped(), []
    execute = GuardedProvider.execute

    def seen(provider: GuardedProvider, order: Any, reference: str | None) -> Any:
        orders.append(order)
        return execute(provider, order, reference)

    monkeypatch.setattr(GuardedProvider, "execute", seen)
    clinic.open()
    clinic.appointment()
    stopped().gateway.practice_settings.update(admin, {"system": {"timezone": f"Australia/{zone}"}})
    made = clinic.pay(method="bank_transfer", method_id=None)
    assert (orders[0].made_on, orders[0].time_zone.key) == (today, f"Australia/{zone}")
    assert made.body["action"]["due_date"] == (today + timedelta(days=14)).isoformat()
    expires = clinic.payment(made.id).expires_at
    last = today + timedelta(days=28)
    assert expires == datetime(last.year, last.month, last.day, utc_hour, tzinfo=UTC)
    stopped().gateway.practice_settings.update(admin, {"system": {"timezone": "Pacific/Auckland"}})
    with clinic.database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET next_check_at = created_at"))
    clinic.gateway.recovery.sweep()
    assert orders[-1].time_zone.key == "Pacific/Auckland" and orders[-1].made_on == NEW_YEAR


def test_a_setting_is_read_in_the_transaction_that_uses_it(clinic: Clinic, store: PracticeSettingsStore) -> None:
    with clinic.database.transaction() as session:
        session.execute(
            sa.insert(Row), {"id": 1, "data": {"clinic": {"name": "A"}}, "version": 1, "updated_at": MIDNIGHT}
        )
        assert store.current(session).clinic.name == "A"
