"""Patient verification and same day delete."""

from typing import Any

from sandbox.medicare.books import Books, State
from sandbox.medicare.calls import Call
from sandbox.medicare.clock import Clock, day_of
from sandbox.medicare.refusals import Refusal, note
from sandbox.medicare.rules import Rule
from sandbox.medicare.shapes import card_is_possible


def verify(books: Books, clock: Clock, call: Call, rule: Rule | None) -> dict[str, Any]:
    if call.correlation_id in books.used:
        raise Refusal("9777")
    card = call.body["patient"]["medicare"]
    if not card_is_possible(card["memberNumber"]):
        raise Refusal("9202", "memberNumber")
    books.used[call.correlation_id] = call.function
    told: dict[str, Any] = {"status": {"code": 0, "text": "OK"}, "processDate": str(clock.today())}
    if rule is not None and rule.kind == "verified" and rule.code:
        told["status"] = note(rule.code, rule.text)
        if rule.code == "9633":  # a new card was issued: the same number with the next issue digit
            issue = int(card["memberNumber"][9]) % 9 + 1
            told["currentMembership"] = card | {"memberNumber": f"{card['memberNumber'][:9]}{issue}"}
    return {"medicareStatus": told}


def delete(books: Books, clock: Clock, call: Call) -> dict[str, Any]:
    """Only an assessed claim of today, of this location and this patient (which code means which is a guess)."""
    claim = books.claims.get(call.correlation_id)
    if claim is None or claim.function != "patient_claim" or claim.location != call.location:
        raise Refusal("9775")
    if claim.events[0].patient["medicare"] != call.body["sameDayDelete"]["patient"]["medicare"]:
        raise Refusal("9646")
    if claim.state is State.DELETED:
        raise Refusal("9647")
    if claim.state is not State.ASSESSED or day_of(claim.lodged) != clock.today():
        raise Refusal("9645")
    claim.state = State.DELETED
    return {"status": "SUCCESS"}
