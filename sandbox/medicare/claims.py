"""Lodging: what is checked of a claim, and what becomes of it. Assessment here knows no fees: a bulk bill is worth its
charge, a patient claim 85 % of it, unless a rule says otherwise."""

from datetime import date, timedelta
from typing import Any

from sandbox.medicare.books import Books, Claim, Event, Service, State
from sandbox.medicare.calls import Call
from sandbox.medicare.clock import Clock
from sandbox.medicare.refusals import Refusal, note
from sandbox.medicare.rules import Rule
from sandbox.medicare.shapes import card_is_possible

PENDABLE_SECONDS = 3600
LIMITS = {"bulk_bill": 365, "patient_claim": 2 * 365}  # days since the service
NOT_COUNTED = frozenset({State.EXPIRED, State.DELETED, State.REJECTED, State.PENDABLE})
ENDED = frozenset({State.ASSESSED, State.PAID})
ACCEPTED = Rule("benefit")


class Claims:
    def __init__(self, books: Books, clock: Clock) -> None:
        self.books, self.clock = books, clock
        self.ready_after: float = 24 * 3600

    def submit(self, call: Call, rule: Rule | None) -> dict[str, Any]:
        """Raises `Refusal`; otherwise the claim is in the books and the answer is what Medicare says of it."""
        earlier = self._earlier(call)
        holder = call.body["claim" if call.function == "bulk_bill" else "patientClaimInteractive"]
        self._check(call, holder)
        if rule is not None and rule.kind == "refuse":
            raise Refusal(str(rule.code), text=rule.text)
        if earlier is not None and rule is not None and rule.kind == "pendable":
            rule = None  # accepted by being sent again
        claim = self._made(call, holder, rule, earlier)
        self.books.used[call.correlation_id] = call.function
        self.books.claims[call.correlation_id] = claim
        if call.function == "bulk_bill":
            return {"claimId": claim.claim_id, "status": "SUCCESS"}
        return _answer(claim)

    def expire(self) -> None:
        for claim in self.books.claims.values():
            if claim.state is State.PENDABLE and self.clock.now() > claim.lodged + PENDABLE_SECONDS:
                claim.state = State.EXPIRED

    def _earlier(self, call: Call) -> Claim | None:
        """The pendable claim that this one is sent again for."""
        if call.correlation_id not in self.books.used:
            return None
        earlier = self.books.claims.get(call.correlation_id)
        if earlier is None or earlier.state is not State.PENDABLE or earlier.function != call.function:
            raise Refusal("9777")
        return earlier

    def _check(self, call: Call, holder: dict[str, Any]) -> None:
        if call.function == "bulk_bill" and holder["serviceTypeCode"] != call.kind:
            raise Refusal("9202", "serviceTypeCode")
        if holder.get("payeeProvider") == holder["serviceProvider"]:
            raise Refusal("2017", text="The payee provider is the servicing provider")
        today = self.clock.today()
        for event in holder["medicalEvent"]:
            whose = event if call.function == "bulk_bill" else holder
            if not card_is_possible(whose["patient"]["medicare"]["memberNumber"]):
                raise Refusal("9202", "memberNumber")
            if call.kind == "S" and not ("referral" in whose or "referralOverrideCode" in whose):
                raise Refusal("9628")
            if "referral" in whose and "referralOverrideCode" in whose:
                raise Refusal("9202", "referralOverrideCode")
            self._check_date(event["medicalEventDate"], today, LIMITS[call.function])
            for service in event["service"]:
                self._check_service(call, service, event, whose, holder)

    def _check_date(self, text: str, today: date, limit: int) -> None:
        try:
            on = date.fromisoformat(text)
        except ValueError:
            raise Refusal("9202", "medicalEventDate") from None
        if on > today:
            raise Refusal("9204")
        if on < today - timedelta(days=limit):
            raise Refusal("9203")

    def _check_service(
        self, call: Call, service: dict[str, Any], event: dict[str, Any], whose: dict[str, Any], holder: dict[str, Any]
    ) -> None:
        contribution = service.get("patientContribAmount")
        if contribution is not None:
            if holder["accountPaidInd"] == "Y":
                raise Refusal("2055", text="A contribution with a claim that is paid")
            if int(contribution) >= int(service["chargeAmount"]):
                raise Refusal("2053", text="The contribution is not below the charge")
        if service.get("duplicateServiceOverrideInd") == "Y":
            return
        wanted = (whose["patient"]["medicare"], event["medicalEventDate"], service["itemNumber"].lstrip("0"))
        for claim in self.books.claims.values():
            if claim.state in NOT_COUNTED or claim.correlation_id == call.correlation_id:
                continue
            for one in claim.events:
                counted = [made.item for made in one.services if made.benefit or claim.state not in ENDED]
                if any((one.patient["medicare"], one.date, item) == wanted for item in counted):
                    raise Refusal("9632")

    def _made(self, call: Call, holder: dict[str, Any], rule: Rule | None, earlier: Claim | None) -> Claim:
        provider = holder["serviceProvider"]["providerNumber"]
        now = self.clock.now()
        return Claim(
            claim_id=earlier.claim_id if earlier else _claim_id(self.books.next_number()),
            correlation_id=call.correlation_id,
            location=call.location,
            function=call.function,
            provider=provider,
            payee=holder.get("payeeProvider", holder["serviceProvider"])["providerNumber"],
            lodged=now,
            state=_state(call.function, rule),
            events=[
                Event(
                    event["id"],
                    event["medicalEventDate"],
                    event.get("patient") or holder["patient"],
                    [_assessed(call.function, service, rule) for service in event["service"]],
                )
                for event in holder["medicalEvent"]
            ],
            ready=now + self.ready_after,
            body=call.body,
            account_reference=holder.get("accountReferenceId"),
        )


def _state(function: str, rule: Rule | None) -> State:
    if function == "bulk_bill":
        return State.LODGED
    kinds = {"pendable": State.PENDABLE, "pended": State.PENDED, "reject": State.REJECTED}
    return kinds.get(rule.kind if rule else "", State.ASSESSED)


def _assessed(function: str, service: dict[str, Any], rule: Rule | None) -> Service:
    if rule is not None and rule.item not in (None, service["itemNumber"]):
        rule = None  # of this claim, but about another service
    charge, kind = int(service["chargeAmount"]), rule.kind if rule else ""
    benefit, code, text = charge, "ASSESSED", None
    if function == "patient_claim":
        benefit = _most(charge)
    if kind == "benefit" and rule is not None:
        benefit = _most(charge) if rule.benefit is None else min(rule.benefit, charge)
    if kind in ("reject", "pendable", "pended") and rule is not None:
        default = {"reject": "160", "pendable": "162", "pended": "9601"}[kind]
        benefit, code, text = 0, rule.code or default, rule.text
    contribution = int(service.get("patientContribAmount", "0"))
    return Service(service["id"], service["itemNumber"].lstrip("0"), charge, benefit, code, text, contribution)


def _most(charge: int) -> int:
    """85 % of the charge, up to the next five cents, and never more than it."""
    return min(charge, -(-charge * 85 // 500) * 5)


def _claim_id(number: int) -> str:
    return f"{chr(ord('A') + number // 10000 % 26)}{number % 10000:04}@"


def _answer(claim: Claim) -> dict[str, Any]:
    words = {State.PENDABLE: "ACCEPTABLE_ERROR", State.PENDED: "PENDED", State.REJECTED: "REJECTED"}
    services = [
        {
            "id": one.id,
            "itemNumber": one.item,
            "chargeAmount": str(one.charge),
            "benefitPaid": str(one.benefit),
            "assessmentCode": words.get(claim.state, "ASSESSED"),
        }
        | ({"error": note(one.code, one.text)} if claim.state in words else {})
        for event in claim.events
        for one in event.services
    ]
    return {
        "status": f"MEDICARE_{claim.state.upper()}",
        "claimAssessment": {
            "claimId": claim.claim_id,
            "medicalEvent": [
                {
                    "id": event.id,
                    "eventDate": event.date,
                    "service": [services.pop(0) for _ in event.services],
                }
                for event in claim.events
            ],
        },
    }
