"""Reads `claimAssessment`, which processing reports and interactive patient claims share: totals that do not add up,
a benefit above the charge, or a service told twice are nonsense."""

from __future__ import annotations

from tp_gateway.providers.medicare.transports import fields
from tp_gateway.providers.medicare.transports.fields import Json, Nonsense
from tp_gateway.providers.medicare.transports.results import AssessedEvent, AssessedService, Assessment, Message
from tp_gateway.providers.medicare.transports.values import Card


def assessment(found: Json) -> Assessment:
    """A claim-level total is in reports only. A claim that has an error for the whole of it may tell no events."""
    error = fields.optional(fields.note, found, "error")
    told = fields.optional(fields.several, found, "medicalEvent")
    if told is None and error is None:
        raise Nonsense("medicalEvent")
    events = tuple(_event(one) for one in told or ())
    if len({event.id for event in events}) < len(events):
        raise Nonsense("medicalEvent")
    services = [service for event in events for service in event.services]
    benefit = sum(service.benefit or 0 for service in services)
    if fields.optional(fields.cents, found, "benefitPaid") not in (None, benefit):
        raise Nonsense("benefitPaid")
    charge = fields.optional(fields.cents, found, "chargeAmount")
    charges = [service.charge for service in services if service.charge is not None]
    if charge is not None and services and len(charges) == len(services) and charge != sum(charges):
        raise Nonsense("chargeAmount")
    return Assessment(fields.text(found, "claimId", 6), charge, benefit, events, error)


def card(holder: Json) -> Card | None:
    """`currentMembership`: the card that Medicare has for the person now."""
    found = fields.optional(fields.inner, holder, "currentMembership")
    if found is None:
        return None
    number, reference = fields.text(found, "memberNumber", 10), fields.text(found, "memberRefNumber", 1)
    try:
        return Card(number, reference)
    except ValueError:
        raise Nonsense("currentMembership") from None


def _event(found: Json) -> AssessedEvent:
    services = tuple(_service(one) for one in fields.several(found, "service"))
    if len({service.id for service in services}) < len(services):
        raise Nonsense("service")
    patient = fields.optional(fields.inner, found, "patient") or {}
    status: Message | None = fields.optional(fields.note, patient, "status")
    on = fields.optional(fields.day, found, "eventDate")
    return AssessedEvent(fields.code(found, "id"), on, services, card(patient), status)


def _service(found: Json) -> AssessedService:
    charge = fields.optional(fields.cents, found, "chargeAmount")
    benefit = fields.optional(fields.cents, found, "benefitPaid")
    if charge is not None and benefit is not None and benefit > charge:
        raise Nonsense("benefitPaid")
    return AssessedService(
        fields.code(found, "id"),
        fields.code(found, "itemNumber").lstrip("0"),
        charge,
        benefit,
        fields.optional(fields.code, found, "assessmentCode"),
        fields.optional(fields.note, found, "error"),
    )
