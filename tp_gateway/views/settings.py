"""The practice's settings, for admins: seen, changed in parts, and who has changed what."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import colander
from pyramid.view import view_config

from tp_gateway import fields, identifiers
from tp_gateway.services.practice_settings import PracticeSettings, SettingsChangeFacts
from tp_gateway.views import rendering
from tp_gateway.views.answers import settings as answers
from tp_gateway.views.responses import next_page
from tp_gateway.views.schemas import Whole, optional, payment_method
from tp_gateway.views.settings_fields import (
    Identifier,
    Language,
    OrBlank,
    Rate,
    SectionMapping,
    TimeZone,
    Website,
)

MOST_TERMS_DAYS = 365


def _text(most: int, kind: colander.SchemaType, description: str) -> colander.SchemaNode:
    """A field that may be left out, and may be blank where `kind` says so."""
    bound = colander.Length(max=most)
    return colander.SchemaNode(kind, missing=colander.drop, validator=bound, description=description)


def _flag(description: str) -> colander.SchemaNode:
    return colander.SchemaNode(fields.Flag(), missing=colander.drop, description=description)


class Section(fields.Schema):
    schema_type = SectionMapping


class ClinicSection(Section):
    name = _text(255, OrBlank(fields.Text()), "The clinic's name")
    address = _text(500, OrBlank(fields.Text()), "Where it is, as on a letter")
    phone = _text(20, OrBlank(fields.AustralianPhone()), "An Australian phone number")
    email = _text(254, OrBlank(fields.Email()), "Where patients can write to")
    website = _text(200, OrBlank(Website()), "http or https")
    abn = _text(20, OrBlank(Identifier(identifiers.abn)), "Australian Business Number: 11 digits")


class SystemSection(Section):
    timezone = _text(50, TimeZone(), "The clinic's calendar, an IANA name")
    language = _text(10, Language(), "Language and region")
    gst_rate = colander.SchemaNode(Rate(), missing=colander.drop, description="A part of 1: 0.1 is 10 %")
    medicare_provider_number = _text(
        20, OrBlank(Identifier(identifiers.provider_number)), "5 or 6 digits, a location and a check character"
    )
    ahpra_registration_number = _text(13, OrBlank(fields.AhpraNumber()), "3 letters followed by 10 digits")


class NotificationsSection(Section):
    email_enabled = _flag("Send e-mails to patients")
    sms_enabled = _flag("Send SMS to patients, if a plugin can")
    whatsapp_enabled = _flag("Send WhatsApp messages to patients, if a plugin can")


class BillingSection(Section):
    default_payment_method = payment_method(
        missing=colander.drop, description="What a form offers first: one of the installed payment methods"
    )
    invoice_terms_days = colander.SchemaNode(
        fields.Integer(),
        missing=colander.drop,
        validator=colander.Range(0, MOST_TERMS_DAYS),
        description="Days until a new invoice is due, unless it names a day",
    )
    auto_generate_invoices = _flag("Make an invoice when an appointment is completed")


class SettingsBody(fields.Schema):
    """What is left out stays as it is."""

    clinic = ClinicSection(missing=colander.drop)
    system = SystemSection(missing=colander.drop)
    notifications = NotificationsSection(missing=colander.drop)
    billing = BillingSection(missing=colander.drop)


class HistoryQuery(fields.Schema):
    limit = colander.SchemaNode(Whole(), missing=50, validator=colander.Range(1, 100))
    before_id = optional(fields.Id())


@view_config(route_name="settings", request_method="GET", permission="see_settings", answers={200: answers.SETTINGS})
def show(request: Any) -> dict[str, Any]:
    """See the practice's settings: each as it was chosen, or its default."""
    return _shown(request.gateway.practice_settings.read())


@view_config(
    route_name="settings",
    request_method="PUT",
    permission="change_settings",
    schema=SettingsBody,
    answers={200: answers.CHANGED},
)
def change(request: Any) -> dict[str, Any]:
    """Change settings, any part of them. It counts at once."""
    settings, doubts = request.gateway.practice_settings.update(request.identity, request.validated)
    return {"message": "Settings updated successfully", "settings": _shown(settings), "warnings": doubts}


@view_config(
    route_name="settings_history",
    request_method="GET",
    permission="see_settings",
    query=HistoryQuery,
    answers={200: answers.HISTORY},
)
def history(request: Any) -> dict[str, Any]:
    """Find who has changed which setting, newest first."""
    limit = request.validated["limit"]
    found = request.gateway.practice_settings.history(limit=limit + 1, before_id=request.validated["before_id"])
    shown = found[:limit]
    return {
        "history": [_change(one) for one in shown],
        "next": next_page(request, {}, limit, shown[-1].id) if len(found) > limit else None,
    }


def _shown(settings: PracticeSettings) -> dict[str, dict[str, Any]]:
    return {
        section: {name: _number(value) for name, value in values.items()} for section, values in settings.tree().items()
    }


def _change(facts: SettingsChangeFacts) -> dict[str, Any]:
    return {
        "id": facts.id,
        "actor": facts.actor,
        "changed_at": rendering.moment(facts.at),
        "changes": [
            {"section": one.section, "field": one.field, "before": _number(one.before), "after": _number(one.after)}
            for one in facts.changes
        ],
    }


def _number(value: Any) -> Any:
    """A decimal of four places as a JSON number: its shortest spelling says the same."""
    return float(value) if isinstance(value, Decimal) else value
