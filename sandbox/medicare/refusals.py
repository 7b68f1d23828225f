"""How Medicare says no, and its words for the codes that this stand-in uses. The texts are paraphrases: the real ones
are at servicesaustralia.gov.au, "Medicare Online and ECLIPSE return codes" and "Medicare reason codes"."""

from sandbox.medicare.wire import Answer

TEXTS = {
    "160": "Maximum number of services for this item already paid",
    "162": "Benefit has been paid for this service",
    "3004": "The system is unavailable",
    "3039": "A transmission error has occurred",
    "8005": "The patient was matched, and details differ",
    "9201": "Invalid format for data item",
    "9202": "Invalid value for data item",
    "9203": "Date of service is too old",
    "9204": "Date of service is in the future",
    "9601": "Claim referred to an operator",
    "9605": "The card number does not match the patient",
    "9628": "Referral details are required",
    "9632": "The service has already been paid",
    "9633": "A new Medicare card has been issued",
    "9645": "The claim cannot be deleted in its present state",
    "9646": "The claim to delete was not found",
    "9647": "The claim has already been deleted",
    "9775": "No matching claim",
    "9777": "The correlation id has been used before",
}


class Refusal(Exception):
    """HTTP 400 with one message."""

    def __init__(self, code: str, about: str = "", text: str | None = None, severity: str = "Error") -> None:
        super().__init__(code)
        words = TEXTS.get(code, "Refused") if text is None else text
        self.message = {"code": code, "severity": severity, "reason": f"{words}: {about}" if about else words}

    def answer(self) -> Answer:
        return Answer(400, {"highestSeverity": self.message["severity"], "serviceMessage": [self.message]})


def note(code: str, text: str | None = None) -> dict[str, object]:
    """A code inside an assessment: a number there."""
    return {"code": int(code), "text": TEXTS.get(code, "Refused") if text is None else text}
