"""Reports and payment runs: a bulk bill is assessed after a while, paid in a run with others of its payee, and its
reports are gone after six months."""

from itertools import groupby
from typing import Any

from sandbox.medicare.books import Books, Claim, Run, State
from sandbox.medicare.calls import Call
from sandbox.medicare.clock import DAY, Clock, day_of
from sandbox.medicare.refusals import TEXTS

KEPT = 183 * DAY  # guess: "six months" to the day


class Reports:
    def __init__(self, books: Books, clock: Clock) -> None:
        self.books, self.clock = books, clock
        self.paid_after: float | None = DAY  # after the assessment; None: by the control path only

    def run_due(self) -> None:
        """Assess what is due, and pay what is due, in one run for each payee and day."""
        for claim in self.books.claims.values():
            if claim.state is State.LODGED and claim.ready <= self.clock.now():
                claim.state = State.ASSESSED
        if self.paid_after is not None:
            self.pay(self.paid_after)

    def pay(self, after: float = 0.0) -> list[Run]:
        """A run for each payee and day of every claim that was assessed so long ago and has something to pay."""
        due = [
            claim
            for claim in self.books.claims.values()
            if claim.function == "bulk_bill" and claim.state is State.ASSESSED and claim.benefit
            if claim.ready + after <= self.clock.now()
        ]

        def when(claim: Claim) -> tuple[str, str]:
            return str(day_of(claim.ready + after) if after else self.clock.today()), claim.payee

        made = []
        for (on, payee), group in groupby(sorted(due, key=when), when):
            claims = list(group)
            amount = sum(claim.benefit for claim in claims)
            run = Run(f"{len(self.books.runs) + 1:04}", on, payee, [claim.correlation_id for claim in claims], amount)
            for claim in claims:
                claim.state, claim.run = State.PAID, run.number
            self.books.runs.append(run)
            made.append(run)
        return made

    def processing(self, call: Call) -> dict[str, Any]:
        claim = self._found(call)
        if isinstance(claim, str):
            return {"status": claim}
        if claim.state is State.LODGED:
            return {"status": "REPORT_NOT_READY"}
        return {"status": "COMPLETE", "claimAssessment": _assessment(claim)}

    def payment(self, call: Call) -> dict[str, Any]:
        claim = self._found(call)
        if isinstance(claim, str):
            return {"status": claim}
        if claim.state is State.ASSESSED and not claim.benefit:
            return {"status": "REPORT_NOT_AVAILABLE"}
        run = next((run for run in self.books.runs if run.number == claim.run), None)
        if run is None:
            return {"status": "REPORT_NOT_READY"}
        return {
            "status": "COMPLETE",
            "paymentRun": {"payerName": "Medicare", "runDate": run.date, "runNumber": run.number},
            "paymentInfo": {
                "depositAmount": str(run.amount),
                "paymentReference": f"M{run.number}",
                "accountInfo": {"accountName": "THE CLINIC", "accountNumber": "*****1234", "bsbCode": "000000"},
            },
            "claimSummary": [_summary(self.books.claims[one]) for one in run.claims],
        }

    def _found(self, call: Call) -> Claim | str:
        """The claim, or the status that stands in for its report."""
        payee, claim_id = call.body["payeeProvider"]["providerNumber"], call.body.get("claimId")
        claim = self.books.claims.get(call.correlation_id)
        if claim is None and claim_id is not None:
            claim = next((one for one in self.books.claims.values() if one.claim_id == claim_id), None)
        if claim is None or claim.function != "bulk_bill" or claim_id not in (None, claim.claim_id):
            return "REPORT_NOT_FOUND"
        if (claim.payee, claim.location) != (payee, call.location):
            return "REPORT_NOT_FOUND"
        return "REPORT_EXPIRED" if self.clock.now() > claim.lodged + KEPT else claim


def _assessment(claim: Claim) -> dict[str, Any]:
    return {
        "claimId": claim.claim_id,
        "benefitPaid": str(claim.benefit),
        "chargeAmount": str(claim.charge),
        "serviceProvider": {"providerNumber": claim.provider},
        "medicalEvent": [
            {
                "id": event.id,
                "eventDate": event.date,
                "patient": {
                    "status": {"code": 0, "text": "OK"},
                    "currentMembership": event.patient["medicare"],
                    "currentMember": {
                        name: event.patient["identity"][name].upper() for name in ("familyName", "givenName")
                    },
                },
                "service": [
                    {
                        "id": one.id,
                        "itemNumber": one.item.zfill(5),
                        "chargeAmount": str(one.charge),
                        "benefitPaid": str(one.benefit),
                    }
                    | _reason(one.code, one.text)
                    for one in event.services
                ],
            }
            for event in claim.events
        ],
    }


def _reason(code: str, text: str | None) -> dict[str, Any]:
    """A reason code for what was not simply paid."""
    if not code.isdecimal():
        return {}
    words = TEXTS.get(code, "Not paid") if text is None else text
    return {"assessmentCode": code, "error": {"code": int(code), "text": words}}


def _summary(claim: Claim) -> dict[str, Any]:
    return {
        "claimId": claim.claim_id,
        "transactionId": claim.correlation_id.removeprefix("urn:uuid:"),
        "benefit": str(claim.benefit),
        "chargeAmount": str(claim.charge),
        "lodgementDate": str(day_of(claim.lodged)),
        "claimChannelCode": "E",
    }
