"""What the clinic's admins decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import orm


@dataclass(frozen=True, slots=True)
class ClinicDetails:
    """As they stand on invoices; "" is unknown."""

    name: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    abn: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """`timezone` is an IANA name, `gst_rate` a part of 1 (0.1 is 10 %)."""

    timezone: str = "Australia/Melbourne"
    language: str = "en-au"
    gst_rate: Decimal = Decimal("0.10")
    medicare_provider_number: str = ""
    ahpra_registration_number: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's calendar."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class Notifications:
    email_enabled: bool = True
    sms_enabled: bool = True
    whatsapp_enabled: bool = False


@dataclass(frozen=True, slots=True)
class Billing:
    """`invoice_terms_days`: an invoice without a due date of its own is due so many days after it was made."""

    default_payment_method: str = "card"
    invoice_terms_days: int = 30
    auto_generate_invoices: bool = True


@dataclass(frozen=True, slots=True)
class PracticeSettings:
    clinic: ClinicDetails = field(default_factory=ClinicDetails)
    system: System = field(default_factory=System)
    notifications: Notifications = field(default_factory=Notifications)
    billing: Billing = field(default_factory=Billing)


class PracticeSettingsStore:
    def __init__(self, time_zone: ZoneInfo) -> None:
        self._defaults = PracticeSettings(system=System(timezone=time_zone.key))

    def current(self, session: orm.Session) -> PracticeSettings:
        return self._defaults

    def read(self) -> PracticeSettings:
        return self._defaults
