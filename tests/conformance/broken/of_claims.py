"""Providers that are wrong about rebate claims or about what staff have found out: each is the good example with one
mistake."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.conformance.broken.marking import broken
from tests.conformance.example.claims import Claiming
from tp_gateway.contract import Order, PreparedRebate, RebateFact, RebateOrder, RebateState, Veto


@broken("purity-naming_a_claim_calls_nobody")
class NamesItAnewEachTime(Claiming):
    def prepare_rebate(self, order: RebateOrder) -> PreparedRebate | Veto:
        found = super().prepare_rebate(order)
        return replace(found, reference=f"clm_{uuid.uuid4().hex}") if isinstance(found, PreparedRebate) else found


@broken("repetition-the_same_claim_again_is_lodged_once")
class LodgesItAgain(Claiming):
    """Its service gives a number of its own to whatever is posted."""

    def lodge_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        body = {"member": order.parameters["member"], "amount": order.state["amount"], "reference": reference}
        return self.claimed("POST", "/claims", order, body)


@broken("truth-a_claim_without_an_answer_is_unknown", "repetition-the_same_claim_again_is_lodged_once")
class TakesSilenceForANo(Claiming):
    def lodge_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        found = super().lodge_rebate(order, reference)
        return RebateFact(RebateState.REJECTED) if found.state is RebateState.UNKNOWN else found


@broken("repetition-a_claim_is_deleted_for_good", "truth-a_claim_without_an_answer_is_unknown")
class DeletesNothing(Claiming):
    """It says so, and leaves it to the night."""

    def delete_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        return RebateFact(RebateState.DELETED)


@broken("purity-what_staff_found_out_is_only_read")
class AddsUpWhatItIsTold(Claiming):
    def came(self, order: Order, parameters: Mapping[str, Any]) -> int:
        return int(order.state.get("came", 0)) + super().came(order, parameters)
