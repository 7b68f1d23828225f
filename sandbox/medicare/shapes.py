"""What the bodies must look like: the public shapes as far as a psychologist's claims use them. An unknown name or a
missing one is 9201, a value that cannot be is 9202 (the choice of code is a guess)."""

import re
from typing import Any

from sandbox.medicare.refusals import Refusal


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII)


DATE = _pattern(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
MOMENT = _pattern(DATE.pattern + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})")
TIME = _pattern(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
CENTS = _pattern(r"[0-9]{1,9}")
YES = _pattern("Y")
YES_OR_NO = _pattern("[YN]")
NAME = re.compile(r"[^\W_][\w' -]{0,39}")
ANY = re.compile(r".{1,128}")
LETTER = _pattern("[A-Z]")
PROVIDER = {"providerNumber": _pattern(r"[0-9]{6}[0-9A-HJ-NP-RT-Y][A-HJ-NP-RT-Y]")}
PERSON = {
    "identity": {
        "familyName": NAME,
        "givenName": NAME,
        "dateOfBirth": DATE,
        "secondInitial?": LETTER,
        "sex?": LETTER,
    },
    "medicare": {"memberNumber": _pattern("[2-6][0-9]{8}[1-9]"), "memberRefNumber": _pattern("[1-9]")},
}
REFERRAL = {
    "provider": PROVIDER,
    "issueDate": DATE,
    "typeCode": _pattern("[SDP]"),
    "periodCode?": _pattern("[SNI]"),
    "period?": _pattern("[0-9]{1,2}"),
}
OVERRIDE = _pattern("[HLEN]")
SERVICE = {
    "id": _pattern("[0-9]{4}"),
    "itemNumber": _pattern("[0-9]{1,5}"),
    "chargeAmount": CENTS,
    "timeDuration?": _pattern("[0-9]{3}"),
    "numberOfPatientsSeen?": _pattern("[0-9]{1,2}"),
    "duplicateServiceOverrideInd?": YES_OR_NO,
    "text?": ANY,
}
EVENT = {"id": _pattern("[0-9]{2}"), "medicalEventDate": DATE, "medicalEventTime?": TIME, "service": [SERVICE]}
BULK_BILL = {
    "claim": {
        "serviceTypeCode": _pattern("[OS]"),
        "serviceProvider": PROVIDER,
        "payeeProvider?": PROVIDER,
        "medicalEvent": [
            EVENT
            | {
                "authorisationDate": DATE,
                "createDateTime": MOMENT,
                "patient": PERSON,
                "referral?": REFERRAL,
                "referralOverrideCode?": OVERRIDE,
                "submissionAuthorityInd": YES,
            }
        ],
    }
}
PATIENT_CLAIM = {
    "patientClaimInteractive": {
        "patient": PERSON,
        "claimant": PERSON
        | {
            "eftDetails?": {
                "accountName": re.compile(".{1,30}"),
                "accountNumber": _pattern("[0-9]{1,9}"),
                "bsbCode": _pattern("[0-9]{6}"),
            },
            "residentialAddress?": {
                "addressLineOne": re.compile(".{1,40}"),
                "addressLineTwo?": re.compile(".{1,40}"),
                "locality": re.compile(".{1,40}"),
                "postcode": _pattern("[0-9]{4}"),
            },
            "contactDetails?": {"phoneNumber": re.compile(".{8,19}")},
        },
        "serviceProvider": PROVIDER,
        "payeeProvider?": PROVIDER,
        "referral?": REFERRAL,
        "referralOverrideCode?": OVERRIDE,
        "accountPaidInd": YES_OR_NO,
        "accountReferenceId?": _pattern("[A-Za-z0-9]{1,11}"),
        "submissionAuthorityInd": YES,
        "authorisationDate": DATE,
        "medicalEvent": [EVENT | {"service": [SERVICE | {"patientContribAmount?": CENTS}]}],
    }
}
REPORT = {"payeeProvider": PROVIDER, "claimId?": _pattern(r"[A-Z#][0-9]{4}[@#]"), "lodgementDate?": DATE}
DELETE = {"sameDayDelete": {"patient": PERSON, "reasonCode": _pattern("00[1-7]")}}
VERIFICATION = {"patient": PERSON, "typeCode": _pattern("PVM|OPV|PVF"), "dateOfService?": DATE}

SHAPES: dict[str, Any] = {
    "bulk_bill": BULK_BILL,
    "patient_claim": PATIENT_CLAIM,
    "processing_report": REPORT,
    "payment_report": REPORT,
    "same_day_delete": DELETE,
    "patient_verification": VERIFICATION,
}


def check(value: Any, shape: Any, where: str = "body") -> None:
    """Raises `Refusal` for the first thing that is wrong; `where` names a field and never its value."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise Refusal("9201", where)
        allowed = {name.rstrip("?"): name for name in shape}
        for name in value:
            if name not in allowed:
                raise Refusal("9201", f"{where}: an unknown name")
        for name, key in allowed.items():
            if name in value:
                check(value[name], shape[key], name)
            elif not key.endswith("?"):
                raise Refusal("9201", name)
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            raise Refusal("9201", where)
        for one in value:
            check(one, shape[0], where)
    elif not isinstance(value, str) or not shape.fullmatch(value):
        raise Refusal("9202", where)


def card_is_possible(number: str) -> bool:
    """The ninth digit of a card is a check digit (clearwater.com.au, "Medicare number"; other sources agree)."""
    weights = (1, 3, 7, 9, 1, 3, 7, 9)
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False)) % 10 == int(number[8])
