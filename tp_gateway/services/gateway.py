"""Puts the services together, once per process. Nothing here decides anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from tp_gateway.contract import Channel
from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.documents import Press
from tp_gateway.registry import Registry
from tp_gateway.services.adoption import Adoption
from tp_gateway.services.analytics import Analytics, Rollups
from tp_gateway.services.background import Background
from tp_gateway.services.capture import Capturing
from tp_gateway.services.charge import Charge
from tp_gateway.services.clock import Clock, utc_now
from tp_gateway.services.dispute_settlement import DisputeSettlement
from tp_gateway.services.disputes import Disputes
from tp_gateway.services.documents import Documents
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.inbox import Inbox
from tp_gateway.services.invoices import InvoiceOperations, Invoices
from tp_gateway.services.notices import Email, MailServer, Notices, Reminders, Texts, Wording
from tp_gateway.services.opening import Opening
from tp_gateway.services.outbox import Destination, Endpoint, Outbox, PluginListener, Webhook
from tp_gateway.services.payment_methods import PaymentMethods
from tp_gateway.services.payments import Payments
from tp_gateway.services.practice import Practice
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.rebate_sending import RebateSending
from tp_gateway.services.rebates import Rebates
from tp_gateway.services.recovery import Recovery
from tp_gateway.services.refund_files import RefundFiles
from tp_gateway.services.refund_sending import RefundSending
from tp_gateway.services.refund_settlement import RefundSettlement
from tp_gateway.services.refunds import Refunds
from tp_gateway.services.remittances import Remittances
from tp_gateway.services.reverse_sweep import ReverseSweep
from tp_gateway.services.review import Review
from tp_gateway.services.settlement import Settlement
from tp_gateway.services.statements import Statements, build_statements
from tp_gateway.services.takings import DayTotals
from tp_gateway.timing import Timing


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything the outside may call. `currency` is the practice's own (ISO 4217)."""

    database: Database
    registry: Registry
    timing: Timing
    currency: str
    practice_settings: PracticeSettingsStore
    payments: Payments
    refunds: Refunds
    refund_sending: RefundSending
    refund_files: RefundFiles
    capturing: Capturing
    disputes: Disputes
    payment_methods: PaymentMethods
    invoices: Invoices
    invoice_operations: InvoiceOperations
    documents: Documents
    practice: Practice
    analytics: Analytics
    rollups: Rollups
    day_totals: DayTotals
    remittances: Remittances
    statements: Statements
    inbox: Inbox
    outbox: Outbox
    reminders: Reminders
    recovery: Recovery
    review: Review
    rebates: Rebates
    rebate_sending: RebateSending
    reverse_sweep: ReverseSweep
    idempotency: Idempotency
    clock: Clock

    def ready(self) -> dict[str, str]:
        """Component -> "ok", or what is wrong with it."""
        try:
            self.database.check()
        except Exception as error:
            return {"database": type(error).__name__}
        return {"database": "ok"}

    def today(self) -> date:
        """In the clinic's calendar, as its settings have it now."""
        return self.clock().astimezone(self.practice_settings.read().system.zone).date()

    def today_there(self, zone_name: str | None) -> date:
        """The same for a statement's `practice_settings.ZONE_NAME`, where the settings cannot be read."""
        return self.clock().astimezone(self.practice_settings.zone(zone_name)).date()

    def close(self) -> None:
        self.registry.close()
        self.database.dispose()


def build_gateway(
    *,
    database: Database,
    registry: Registry,
    vault: Vault,
    timing: Timing,
    environment: str,
    time_zone: ZoneInfo,
    currency: str,
    strict_identifiers: bool = False,
    sweep_calls_per_second: float = 5,
    endpoint: Endpoint | None = None,
    mail_server: MailServer | None = None,
    wording: Wording | None = None,
    overdue_days: Sequence[int] = (),
    font_folders: Sequence[Path] = (),
    clock: Clock = utc_now,
) -> Gateway:
    settings = PracticeSettingsStore(database, registry, time_zone, clock, strict=strict_identifiers)
    idempotency = Idempotency(vault)
    refund_settlement = RefundSettlement(vault, timing, clock)
    rollups = Rollups(database, settings, currency, clock)
    settlement = Settlement(registry, vault, timing, refund_settlement, settings, clock)
    background = Background(database, vault)
    charge = Charge(
        database, registry, vault, timing, settlement, idempotency, background, environment, settings, clock
    )
    recovery = Recovery(database, registry, vault, timing, charge, sweep_calls_per_second, clock)
    opening = Opening(vault, registry, timing, idempotency, clock)
    methods = PaymentMethods(database, registry, vault, timing, clock)
    disputes = Disputes(database, registry, vault, timing, DisputeSettlement(vault, timing, environment, clock), clock)
    rebate_sending = RebateSending(database, registry, vault, timing, background, settings, clock)
    sending = RefundSending(database, registry, vault, timing, refund_settlement, recovery, charge, clock)
    refund_files = RefundFiles(database, registry, vault, refund_settlement, settings, clock)
    notices = Notices(database, registry, settings)
    destinations = _destinations(registry, endpoint, mail_server, notices, wording or Wording(), clock)
    return Gateway(
        database=database,
        registry=registry,
        timing=timing,
        currency=currency,
        practice_settings=settings,
        payments=Payments(database, registry, vault, opening, charge, recovery, idempotency, clock),
        refunds=Refunds(database, registry, vault, timing, refund_settlement, sending, idempotency, clock),
        refund_sending=sending,
        refund_files=refund_files,
        capturing=Capturing(database, registry, vault, timing, charge, idempotency, clock),
        disputes=disputes,
        payment_methods=methods,
        invoices=Invoices(database, registry, settings, idempotency, currency, clock),
        invoice_operations=InvoiceOperations(database, registry, settings, idempotency, clock),
        documents=Documents(database, registry, vault, settings, Press(font_folders), clock),
        practice=Practice(database, settings, currency, clock),
        analytics=Analytics(database, registry, rollups, clock),
        rollups=rollups,
        day_totals=DayTotals(database, registry, settings),
        remittances=Remittances(database, registry, timing, clock),
        statements=build_statements(database, registry, vault, timing, settlement, idempotency, refund_files, clock),
        inbox=Inbox(database, registry, vault, timing, recovery, methods, disputes, clock),
        outbox=Outbox(database, destinations, timing, clock),
        reminders=Reminders(database, settings, overdue_days, clock),
        recovery=recovery,
        review=Review(database, registry, vault, timing, charge, settlement, idempotency, clock),
        rebates=Rebates(database, registry, vault, timing, background, rebate_sending, idempotency, settings, clock),
        rebate_sending=rebate_sending,
        reverse_sweep=ReverseSweep(
            database, registry, vault, timing, recovery, charge, Adoption(database, vault, clock), clock
        ),
        idempotency=idempotency,
        clock=clock,
    )


def _destinations(
    registry: Registry,
    endpoint: Endpoint | None,
    mail_server: MailServer | None,
    notices: Notices,
    wording: Wording,
    clock: Clock,
) -> list[Destination]:
    found: list[Destination] = [PluginListener(one) for one in registry.listeners]
    if endpoint is not None:
        found.append(Webhook(endpoint, clock))
    if mail_server is not None:
        found.append(Email(mail_server, notices, wording, clock))
    if registry.sends_texts:
        found += [Texts(channel, registry, notices, wording) for channel in Channel]
    return found
