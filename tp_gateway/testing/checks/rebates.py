"""Rebate claims (`Capabilities.rebates`), and what only people can find out (`Capabilities.evidence`)."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tp_gateway.contract import Outcome, Prepared, PreparedRebate, RebateFact, RebateOrder, RebateState, Veto, fields
from tp_gateway.registry.plausible import impossible, impossible_rebate
from tp_gateway.testing import faults, rules
from tp_gateway.testing.attempt import Attempt, answered
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.checking import check, expect
from tp_gateway.testing.watching import NETWORK, PROCESS, STORE, watched

_SILENCE = (
    ("the answer was lost", faults.lost),
    ("the request was lost", faults.swallowed),
    ("the service answered 500", faults.answers(500)),
    ("a page of HTML came", faults.page(200, "Welcome")),
)


class Claim:
    """One that the subject says is lodged, driven as the core does: what is handed back comes with the next call."""

    def __init__(self, bench: Bench) -> None:
        self._bench, ask = bench, bench.subject.claims()
        now = datetime.now(UTC)
        self.order = RebateOrder(
            id=str(uuid4()),
            amount=ask.amount or bench.subject.amount,
            currency=bench.currency,
            paid_on=now.date(),
            deadline=0.0,
            parameters=fields.validate(bench.manifest.rebate_schema, dict(ask.parameters)),
            service=ask.service or bench.subject.appointment(),
        )
        self.reference = ""

    def prepare(self) -> PreparedRebate:
        found = answered("prepare_rebate", self._bench.provider.prepare_rebate, self._fresh())
        said = f"{found.code}: {found.message}" if isinstance(found, Veto) else type(found).__name__
        expect(isinstance(found, PreparedRebate), f"what the subject says is lodged was refused: {said}")
        prepared: PreparedRebate = found
        expect(prepared.reference and prepared.subject, "it has no reference, or no subject")
        self.reference, self.order = prepared.reference, replace(self.order, state=dict(prepared.state))
        return prepared

    def lodge(self, *, repeated: bool = False) -> RebateFact:
        return self._call("lodge_rebate", repeated)

    def delete(self) -> RebateFact:
        return self._call("delete_rebate", True)

    @property
    def in_the_books(self) -> int:
        return list(self._bench.subject.lodged()).count(self.reference)

    def _call(self, member: str, repeated: bool) -> RebateFact:
        order = replace(self._fresh(), repeated=repeated)
        found = answered(member, getattr(self._bench.provider, member), order, self.reference)
        problem = impossible_rebate(found) if isinstance(found, RebateFact) else type(found).__name__
        expect(not problem, f"{member} answered with {problem}")
        fact: RebateFact = found
        if fact.provider_state is not None:
            self.order = replace(self.order, state=dict(fact.provider_state))
        return fact

    def _fresh(self) -> RebateOrder:
        given: Any = copy.deepcopy(dict(self.order.parameters))
        return replace(self.order, deadline=time.monotonic() + 10, parameters=given)


def _lodged(bench: Bench) -> Claim:
    claim = Claim(bench)
    claim.prepare()
    found = claim.lodge()
    expect(found.state is RebateState.LODGED, f"what the subject says is lodged ended as {found.state} {found.code}")
    expect(claim.in_the_books == 1, f"it is LODGED, and {claim.in_the_books} times in the sandbox's books")
    return claim


@check("purity", rule=rules.PROVIDER, needs="rebates")
def naming_a_claim_calls_nobody(bench: Bench) -> None:
    """`prepare_rebate` names the claim and whom it is about without calling anybody; the same order has the same name.

    The name is written down before anything is sent. After a crash it is all that the claim can be found by.
    """
    claim = Claim(bench)
    with watched(*NETWORK, *STORE, *PROCESS) as seen:
        first, again = claim.prepare(), claim.prepare()
    expect(not seen, f"prepare_rebate did {', '.join(seen)}")
    expect(first.reference == again.reference, f"the same order is named {first.reference} and {again.reference}")
    expect(first.subject == again.subject, "the same order is about two")
    expect(first.subject not in repr(first), "whom it is about is in its repr")


@check("repetition", rule=rules.PROVIDER, needs="rebates !local")
def the_same_claim_again_is_lodged_once(bench: Bench) -> None:
    """A claim that is sent again under its reference, also after a lost answer, is lodged once. LODGED is said, or
    UNKNOWN and `final` where the service tells nothing twice.

    The sweep sends it again when nobody knows what became of it. Two claims for one service are fraud.
    """
    claim = Claim(bench)
    claim.prepare()
    with bench.proxy.fault(faults.lost):
        claim.lodge()
    for _ in range(2):
        found = claim.lodge(repeated=True)
        told = found.state is RebateState.LODGED or (found.state is RebateState.UNKNOWN and found.final)
        expect(told, f"sent again, it is {found.state} {found.code}")
    expect(claim.in_the_books == 1, f"it is {claim.in_the_books} times in the sandbox's books")


@check("truth", rule=rules.NEVER_GUESS, needs="rebates !local")
def a_claim_without_an_answer_is_unknown(bench: Bench) -> None:
    """When nobody answers, `lodge_rebate` and `delete_rebate` say UNKNOWN, and not `final`; never REJECTED or LODGED.

    REJECTED lets the patient claim once more, LODGED lets him wait for money that nobody will send.
    """
    for what, fault in _SILENCE:
        claim = Claim(bench)
        claim.prepare()
        with bench.proxy.fault(fault):
            found = claim.lodge()
        expect((found.state, found.final) == (RebateState.UNKNOWN, False), f"{what}, lodge_rebate said {found.state}")
    claim = _lodged(bench)
    for what, fault in _SILENCE[1:]:
        with bench.proxy.fault(fault):
            found = claim.delete()
        expect((found.state, found.final) == (RebateState.UNKNOWN, False), f"{what}, delete_rebate said {found.state}")
    expect(claim.in_the_books == 1, "no request to delete it arrived, and it is not in the books")


@check("repetition", rule=rules.PROVIDER, needs="rebates !local")
def a_claim_is_deleted_for_good(bench: Bench) -> None:
    """A lodged claim that is deleted is DELETED, also the second time, and no longer in the sandbox's books.

    Two people press the button, or one does after a time-out. Only then may the service be claimed anew.
    """
    claim = _lodged(bench)
    for _ in range(2):
        found = claim.delete()
        expect(found.state is RebateState.DELETED, f"delete_rebate said {found.state} {found.code}")
    expect(claim.in_the_books == 0, "it is DELETED, and in the sandbox's books")


@check("purity", rule=rules.PROVIDER, needs="evidence")
def what_staff_found_out_is_only_read(bench: Bench) -> None:
    """`read_evidence` calls nobody. The same words about the same payment settle the same twice, or are refused the
    second time, because totals are cumulative; and it is about the payment's own reference.

    Staff type from a letter, and somebody types it a second time. Added up, the money would be there twice.
    """
    attempt = bench.attempt()
    attempt.begin()
    given = fields.validate(bench.manifest.evidence_schema, dict(bench.subject.evidence()))
    with watched(*NETWORK, *STORE, *PROCESS) as seen:
        first, again = _read(bench, attempt, given), _read(bench, attempt, given)
    expect(not seen, f"read_evidence did {', '.join(seen)}")
    expect(not isinstance(first, Veto), f"what the subject says staff have found out was refused: {first}")
    if isinstance(first, Outcome) and isinstance(again, Outcome):
        expect(first.settled == again.settled, f"told the same twice, it settles {first.settled}, then {again.settled}")


def _read(bench: Bench, attempt: Attempt, given: Any) -> Outcome | Prepared | Veto:
    words = copy.deepcopy(given)
    found = answered("read_evidence", bench.provider.read_evidence, attempt.order, attempt.reference, words)
    if isinstance(found, Veto):
        return found
    expect(isinstance(found, Outcome | Prepared), f"read_evidence answered with {type(found).__name__}")
    expect(found.reference == attempt.reference, f"it is about {found.reference}, not about {attempt.reference}")
    if isinstance(found, Outcome):
        expect(not impossible(found), f"it cannot be believed: {impossible(found)}")
    state = found.provider_state if isinstance(found, Outcome) else found.state
    if state is not None:
        attempt.order = replace(attempt.order, state=dict(state))
    told: Outcome | Prepared = found
    return told
