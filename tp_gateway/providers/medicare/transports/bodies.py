"""From our values to the JSON objects of the public shapes: strings of cents, `yyyy-MM-dd`, provider numbers of eight
characters. No I/O, and nothing is checked here that Medicare checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from tp_gateway.providers.medicare.transports.values import (
    BulkBill,
    BulkBillEvent,
    Claimant,
    DeleteReason,
    MedicalEvent,
    PatientClaim,
    Person,
    Referral,
    ReportQuery,
    Service,
    Verification,
)

Json = dict[str, Any]


def verification(asked: Verification) -> Json:
    return _given({"patient": _person(asked.patient), "typeCode": "PVM", "dateOfService": asked.on})


def bulk_bill(claim: BulkBill) -> Json:
    return {
        "claim": _given(
            {
                "serviceTypeCode": claim.kind,
                "serviceProvider": _provider(claim.provider_number),
                "payeeProvider": _provider(claim.payee_number),
                "medicalEvent": [_bulk_bill_event(at, event) for at, event in enumerate(claim.events, 1)],
            }
        )
    }


def patient_claim(claim: PatientClaim) -> Json:
    return {
        "patientClaimInteractive": _given(
            {
                "patient": _person(claim.patient),
                "claimant": _claimant(claim.claimant),
                "serviceProvider": _provider(claim.provider_number),
                "payeeProvider": _provider(claim.payee_number),
                "referral": _referral(claim.referral),
                "referralOverrideCode": claim.referral_override,
                "accountPaidInd": "Y" if claim.paid else "N",
                "accountReferenceId": claim.account_reference,
                "submissionAuthorityInd": "Y",
                "authorisationDate": claim.authorised_on,
                "medicalEvent": [_event(f"{at:02}", event) for at, event in enumerate(claim.events, 1)],
            }
        )
    }


def report(query: ReportQuery) -> Json:
    return _given({"payeeProvider": _provider(query.payee_number), "claimId": query.claim_id})


def same_day_delete(patient: Person, reason: DeleteReason) -> Json:
    return {"sameDayDelete": {"patient": _person(patient), "reasonCode": reason.value}}


def padded(provider_number: str) -> str:
    """Eight characters, with leading zeros (docs.rebateright.com.au, `payeeProvider.providerNumber`)."""
    return provider_number.strip().upper().rjust(8, "0")


def cents(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _given(fields: Mapping[str, Any]) -> Json:
    """Without what is absent; dates, times and enumerations as text."""
    return {
        name: value if isinstance(value, str | dict | list) else value.isoformat()
        for name, value in fields.items()
        if value is not None
    }


def _provider(number: str | None) -> Json | None:
    return None if number is None else {"providerNumber": padded(number)}


def _person(person: Person) -> Json:
    return {
        "identity": _given(
            {
                "familyName": person.family_name,
                "givenName": person.given_name,
                "secondInitial": person.second_initial,
                "dateOfBirth": person.born,
                "sex": person.sex,
            }
        ),
        "medicare": {"memberNumber": person.card.number, "memberRefNumber": person.card.reference},
    }


def _claimant(claimant: Claimant) -> Json:
    account, address = claimant.account, claimant.address
    eft = account and {"accountName": account.name, "accountNumber": account.number, "bsbCode": account.bsb}
    home = address and _given(
        {
            "addressLineOne": address.line_one,
            "addressLineTwo": address.line_two,
            "locality": address.locality,
            "postcode": address.postcode,
        }
    )
    contact = {"phoneNumber": claimant.phone} if claimant.phone else None
    more = _given({"eftDetails": eft, "residentialAddress": home, "contactDetails": contact})
    return {**_person(claimant.person), **more}


def _referral(referral: Referral | None) -> Json | None:
    if referral is None:
        return None
    return _given(
        {
            "provider": _provider(referral.provider_number),
            "issueDate": referral.issued,
            "typeCode": referral.kind,
            "periodCode": referral.period_code,
            "period": cents(referral.period),
        }
    )


def _bulk_bill_event(at: int, event: BulkBillEvent) -> Json:
    return _event(f"{at:02}", event.event) | _given(
        {
            "authorisationDate": event.authorised_on,
            "createDateTime": event.created_at.astimezone(UTC).replace(microsecond=0).isoformat(),
            "patient": _person(event.patient),
            "referral": _referral(event.referral),
            "referralOverrideCode": event.referral_override,
            "submissionAuthorityInd": "Y",
        }
    )


def _event(number: str, event: MedicalEvent) -> Json:
    return _given(
        {
            "id": number,
            "medicalEventDate": event.on,
            "medicalEventTime": event.at,
            "service": list(_services(event.services)),
        }
    )


def _services(services: Iterable[Service]) -> Iterable[Json]:
    for at, service in enumerate(services, 1):
        yield _given(
            {
                "id": f"{at:04}",
                "itemNumber": service.item,
                "chargeAmount": cents(service.charge),
                "patientContribAmount": cents(service.contribution),
                "timeDuration": None if service.minutes is None else f"{service.minutes:03}",
                "numberOfPatientsSeen": cents(service.patients_seen),
                "duplicateServiceOverrideInd": "Y" if service.duplicate else None,
                "text": service.text,
            }
        )
