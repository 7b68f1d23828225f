"""What the clinic's admins decide: who the clinic is, its calendar, its terms, whom to notify.

One row holds what differs from the defaults. Whoever needs a setting reads that row there and then, so that a change
acts in every process at once:

    settings = self._settings.current(session)
    due = today + timedelta(days=settings.billing.invoice_terms_days)

A change is merged into the row under its lock: two admins who change different fields at once both get what they want.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import identifiers
from tp_gateway.database import Database, InsertOnce
from tp_gateway.errors import ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import PracticeSettings as Row
from tp_gateway.models import SettingsChange, table
from tp_gateway.registry import Registry
from tp_gateway.services.clock import Clock

S, H = table(Row), table(SettingsChange)
_FIRST = InsertOnce(S, ["id"])
_CHOSEN = sa.select(S.c.data).where(S.c.id == 1)
_LOCKED = sa.select(S.c.data, S.c.version).where(S.c.id == 1).with_for_update()
ZONE_NAME = sa.select(S.c.data["system", "timezone"].as_string()).where(S.c.id == 1).scalar_subquery()
"""The time zone that was chosen, or NULL, as a part of a statement that is made anyway; `zone` reads it."""
_CHECKED = {("clinic", "abn"): identifiers.abn, ("system", "medicare_provider_number"): identifiers.provider_number}
Tree = Mapping[str, Mapping[str, Any]]
"""Section -> field -> value."""


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

    def tree(self) -> dict[str, dict[str, Any]]:
        return asdict(self)

    def merged(self, chosen: Tree) -> PracticeSettings:
        """With the fields that `chosen` names; what nobody here knows (of a newer version) does not count."""
        known = {
            section: {name: value for name, value in chosen.get(section, {}).items() if name in values}
            for section, values in self.tree().items()
        }
        return replace(self, **{section: replace(getattr(self, section), **known[section]) for section in known})


@dataclass(frozen=True, slots=True)
class Changed:
    """One field, as it was and as it is since."""

    section: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class SettingsChangeFacts:
    id: int
    version: int
    changes: list[Changed]
    actor: str
    at: datetime


def clinic_zone(database: Database, otherwise: ZoneInfo) -> ZoneInfo:
    """The clinic's calendar, for what needs no provider; `otherwise` until an admin has chosen one."""
    with database.read() as session:
        name = session.execute(sa.select(ZONE_NAME)).scalar()
    return ZoneInfo(name) if name is not None else otherwise


class PracticeSettingsStore:
    """`time_zone` counts until an admin chooses another. `strict`: refuse identifiers with a wrong check digit."""

    def __init__(
        self, database: Database, registry: Registry, time_zone: ZoneInfo, clock: Clock, *, strict: bool
    ) -> None:
        self._database, self._registry, self._clock, self._strict = database, registry, clock, strict
        self._default_zone = time_zone
        self._defaults = PracticeSettings(system=System(timezone=time_zone.key))

    def current(self, session: orm.Session) -> PracticeSettings:
        """As they are now, in the caller's transaction."""
        return self._defaults.merged(_typed(session.execute(_CHOSEN).scalar() or {}))

    def read(self) -> PracticeSettings:
        """As they are now, in a look of its own."""
        with self._database.read() as session:
            return self.current(session)

    def zone(self, name: str | None) -> ZoneInfo:
        """The clinic's calendar, from what `ZONE_NAME` has brought."""
        return ZoneInfo(name) if name is not None else self._default_zone

    def update(self, who: Identity, wanted: Tree) -> tuple[PracticeSettings, dict[str, dict[str, list[str]]]]:
        """Change the fields that `wanted` names, each valid by itself. Returns the settings and, by section and field,
        what is doubtful in `wanted`. ValidationError for a change that cannot be made here."""
        now = self._clock()
        with self._database.transaction() as session:
            _FIRST.new(session, {"id": 1, "data": {}, "version": 0, "updated_at": now})
            row = session.execute(_LOCKED).one()
            before = self._defaults.merged(_typed(row.data))
            after = before.merged(wanted)
            changes = _changes(before, after)
            doubts = _doubts(wanted)
            self._require_possible(changes, doubts)
            if changes:
                version = row.version + 1
                values = {"data": self._to_keep(row.data, changes), "version": version, "updated_at": now}
                session.execute(sa.update(S).where(S.c.id == 1), values)
                told = [asdict(one) | {"before": _plain(one.before), "after": _plain(one.after)} for one in changes]
                session.execute(sa.insert(H), {"version": version, "changes": told, "actor": who.actor, "at": now})
        return after, doubts

    def history(self, *, limit: int, before_id: int | None = None) -> list[SettingsChangeFacts]:
        """Newest first."""
        query = sa.select(H).order_by(H.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(H.c.id < before_id)
        with self._database.read() as session:
            rows = session.execute(query).all()
        return [
            SettingsChangeFacts(row.id, row.version, [_changed(one) for one in row.changes], row.actor, row.at)
            for row in rows
        ]

    def _require_possible(self, changes: list[Changed], doubts: Tree) -> None:
        """What stays as it is may stay: a way to pay that was switched off since must not hinder the rest."""
        refused: dict[str, dict[str, list[str]]] = {}
        methods = self._registry.methods
        for one in changes:
            if one.field == "default_payment_method" and one.after not in methods:
                refused.setdefault(one.section, {})[one.field] = [f"Not one of: {', '.join(methods)}"]
            elif self._strict and one.field in doubts.get(one.section, {}):
                refused.setdefault(one.section, {})[one.field] = doubts[one.section][one.field]
        if refused:
            raise ValidationError(refused)

    def _to_keep(self, data: Tree, changes: list[Changed]) -> dict[str, dict[str, Any]]:
        """What differs from the defaults, and what a newer version of this service has put there."""
        kept = {section: dict(values) for section, values in data.items()}
        defaults = self._defaults.tree()
        for one in changes:
            values = kept.setdefault(one.section, {})
            values[one.field] = _plain(one.after)
            if one.after == defaults[one.section][one.field]:
                del values[one.field]
        return kept


def _changes(before: PracticeSettings, after: PracticeSettings) -> list[Changed]:
    new = after.tree()
    return [
        Changed(section, name, value, new[section][name])
        for section, values in before.tree().items()
        for name, value in values.items()
        if new[section][name] != value
    ]


def _doubts(wanted: Tree) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for (section, name), read in _CHECKED.items():
        text = wanted.get(section, {}).get(name)
        try:
            if text:
                read(text)
        except identifiers.InvalidIdentifier as doubt:
            found.setdefault(section, {})[name] = [str(doubt)]
    return found


def _plain(value: Any) -> Any:
    """As JSON keeps it: 0.10 is "0.1"."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _typed(data: Tree) -> Tree:
    """What JSON kept, with its decimals."""
    rate = data.get("system", {}).get("gst_rate")
    return data if rate is None else {**data, "system": {**data["system"], "gst_rate": Decimal(rate)}}


def _changed(kept: Mapping[str, Any]) -> Changed:
    made = Changed(**kept)
    if made.field == "gst_rate":
        return replace(made, before=Decimal(made.before), after=Decimal(made.after))
    return made
