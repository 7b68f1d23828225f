"""Who referred the patient, or why there is no referral. A local look at its dates can warn; Medicare decides (9617,
9628).

Fields and codes: docs.rebateright.com.au (bulk-bill-claim) and other public copies of the claiming interface agree on
them; the period codes have one source. A referral under a mental health treatment plan is for a number of services and
does not expire by itself (servicesaustralia.gov.au, allied health referrals for mental health treatment services).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import colander

from tp_gateway.contract import fields
from tp_gateway.providers.medicare import identifiers
from tp_gateway.providers.medicare.dates import add_months
from tp_gateway.providers.medicare.nodes import Choice, Identifier


class PeriodCode(StrEnum):
    STANDARD = "S"
    NON_STANDARD = "N"
    """For a stated number of months."""
    INDEFINITE = "I"


class OverrideCode(StrEnum):
    """Why there is no referral."""

    HOSPITAL = "H"
    LOST = "L"
    EMERGENCY = "E"
    NOT_REQUIRED = "N"


@dataclass(frozen=True, slots=True)
class Referral:
    """`provider_number` is the referrer's. `period_months` is there with NON_STANDARD only."""

    provider_number: str
    issued_on: date
    period_code: PeriodCode
    period_months: int | None = None

    def last_day(self, first_service_day: date | None = None) -> date | None:
        """The last day it covers; None where only its number of services ends it. Months are counted from the first
        service under it, or from the issue where there was none: inferred, and the longer reading."""
        if self.period_months is None:
            return None
        return add_months(max(self.issued_on, first_service_day or self.issued_on), self.period_months)

    def is_valid_on(self, service_day: date, first_service_day: date | None = None) -> bool:
        """Whether its dates cover a service of that day. For a standard period only the issue date is looked at: how
        long that is for an allied health service was not found."""
        last = self.last_day(first_service_day)
        return self.issued_on <= service_day and (last is None or service_day <= last)


class ReferralSchema(fields.Schema):
    """Either the details of a referral, or an `override_code` alone."""

    provider_number = colander.SchemaNode(Identifier(identifiers.provider_number), missing=None)
    issued_on = colander.SchemaNode(fields.Day(), missing=None)
    period_code = colander.SchemaNode(Choice(PeriodCode), missing=None)
    period_months = colander.SchemaNode(fields.Integer(), validator=colander.Range(1, 99), missing=None)
    override_code = colander.SchemaNode(Choice(OverrideCode), missing=None)

    def validator(self, node: colander.SchemaNode, value: Mapping[str, Any]) -> None:
        invalid = colander.Invalid(node)
        if value["override_code"] is not None:
            if any(value[name] is not None for name in value if name != "override_code"):
                invalid["override_code"] = "Not together with the details of a referral"
        else:
            for name in ("provider_number", "issued_on", "period_code"):
                if value[name] is None:
                    invalid[name] = "Required"
            if (value["period_code"] is PeriodCode.NON_STANDARD) != (value["period_months"] is not None):
                invalid["period_months"] = "Given with the period code N, and only with it"
        if invalid.children:
            raise invalid


def read(value: Mapping[str, Any]) -> Referral | OverrideCode:
    """What `ReferralSchema` accepted, as one or the other."""
    if value["override_code"] is not None:
        return OverrideCode(value["override_code"])
    return Referral(value["provider_number"], value["issued_on"], value["period_code"], value["period_months"])
