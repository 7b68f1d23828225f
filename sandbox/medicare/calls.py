"""A claiming request taken apart: which function, who sends it, under which correlation id. Two dialects: that of
Services Australia's services (bearer token, `dhs-` headers) and an aggregator's (two headers, the id in the body)."""

import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.medicare.proda import Proda
from sandbox.medicare.refusals import Refusal
from sandbox.medicare.wire import Answer, Request

DIRECT, AGGREGATOR = "/claiming/ext-vnd/mcp/", "/Medicare/"
FUNCTIONS = {
    "bulkbillstoreforward/general/v1": ("bulk_bill", "O"),
    "bulkbillstoreforward/specialist/v1": ("bulk_bill", "S"),
    "patientclaiminteractive/general/v1": ("patient_claim", "O"),
    "patientclaiminteractive/specialist/v1": ("patient_claim", "S"),
    "bulkbillprocessingreport/v1": ("processing_report", ""),
    "bulkbillpaymentreport/v1": ("payment_report", ""),
    "samedaydelete/v1": ("same_day_delete", ""),
    "patientverification/v1": ("patient_verification", ""),
}
ABOUT_A_PATIENT = frozenset({"bulk_bill", "patient_claim", "same_day_delete", "patient_verification"})
ASKS_FOR_A_CLAIM = frozenset({"processing_report", "payment_report", "same_day_delete"})
CORRELATION = re.compile(r"urn:uuid:([A-Z0-9]{8})[0-9a-fA-F]{16}", re.ASCII)
MINOR_ID = re.compile(r"[A-Z0-9]{8}", re.ASCII)


class Denied(Exception):
    """HTTP 401: no token, or a wrong key. Its form is not public."""

    def answer(self) -> Answer:
        return Answer(401, {"httpCode": "401", "httpMessage": "Unauthorized"})


@dataclass
class Call:
    function: str
    kind: str  # serviceTypeCode that the path stands for
    location: str
    correlation_id: str
    body: dict[str, Any]
    echoes: bool  # whether the answer repeats the correlation id
    subject: str | None = None

    def patient(self) -> Any:
        """Of a claim with several, the first."""
        names = ("claim", "patientClaimInteractive", "sameDayDelete")
        holder = next((self.body[name] for name in names if name in self.body), self.body)
        return holder["patient"] if "patient" in holder else holder["medicalEvent"][0]["patient"]


class Caller:
    """Who may call: a PRODA token and an API key, or an aggregator's key."""

    def __init__(self, proda: Proda, api_key: str) -> None:
        self.proda, self.api_key = proda, api_key
        self.messages: set[str] = set()

    def take_apart(self, request: Request) -> Call | None:
        """None when there is no such function. Raises `Denied` and `Refusal`."""
        direct = request.path.startswith(DIRECT)
        found = FUNCTIONS.get(request.path.removeprefix(DIRECT if direct else AGGREGATOR))
        if found is None or request.method != "POST":
            return None
        return self._direct(request, *found) if direct else self._aggregated(request, *found)

    def _direct(self, request: Request, function: str, kind: str) -> Call:
        given = request.headers
        if not self.proda.is_valid(given.get("authorization", "")) or given.get("x-ibm-client-id") != self.api_key:
            raise Denied
        location, correlation_id = given.get("dhs-auditid", ""), given.get("dhs-correlationid", "")
        if given.get("dhs-auditidtype") != "Location Id" or not given.get("dhs-productid"):
            raise Refusal("9201", "dhs-auditIdType or dhs-productId")
        about = ("Medicare Card", given.get("dhs-subjectid")) if function in ABOUT_A_PATIENT else ("N/A", "N/A")
        if (given.get("dhs-subjectidtype"), given.get("dhs-subjectid")) != about:
            raise Refusal("9201", "dhs-subjectIdType or dhs-subjectId")
        self._once(given.get("dhs-messageid", ""))
        _belongs(correlation_id, location)
        subject = about[1] if function in ABOUT_A_PATIENT else None
        return Call(function, kind, location, correlation_id, _body(request), False, subject)

    def _aggregated(self, request: Request, function: str, kind: str) -> Call:
        location = request.headers.get("x-minor-id", "")
        if request.headers.get("x-api-key") != self.api_key or not MINOR_ID.fullmatch(location):
            raise Denied
        body = _body(request)
        correlation_id = body.pop("correlationId", None)
        if correlation_id is None and function not in ASKS_FOR_A_CLAIM:
            correlation_id = f"urn:uuid:{location}{secrets.token_hex(8)}"
        _belongs(correlation_id, location)
        return Call(function, kind, location, str(correlation_id), body, True)

    def _once(self, message: str) -> None:
        """`dhs-messageId` is new for each request."""
        try:
            uuid.UUID(message.removeprefix("urn:uuid:"))
        except ValueError:
            raise Refusal("9201", "dhs-messageId") from None
        if not message.startswith("urn:uuid:") or message in self.messages:
            raise Refusal("9201", "dhs-messageId")
        self.messages.add(message)


def _belongs(correlation_id: Any, location: str) -> None:
    found = CORRELATION.fullmatch(correlation_id) if isinstance(correlation_id, str) else None
    if found is None or found[1] != location:
        raise Refusal("9201", "correlationId")


def _body(request: Request) -> dict[str, Any]:
    try:
        return request.json()
    except ValueError:
        raise Refusal("9201", "body") from None
