"""The example with rebate claims, and with what staff find out: capabilities that few providers have."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import colander

from tests.conformance.example.provider import NotSent, Tally, Unclear
from tests.conformance.example.subject import TallySubject
from tp_gateway.contract import (
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    PreparedRebate,
    Reason,
    RebateFact,
    RebateOrder,
    RebateState,
    Veto,
    fields,
)
from tp_gateway.testing import Ask

_UNKNOWN = RebateFact(RebateState.UNKNOWN)


class Member(fields.Schema):
    member = colander.SchemaNode(fields.Text(), validator=colander.Length(max=40))


class Letter(fields.Schema):
    result = colander.SchemaNode(fields.Text(), validator=colander.OneOf(["came", "refused"]))
    benefit = colander.SchemaNode(fields.Amount(), missing=None)


class Claiming(Tally):
    manifest = replace(
        Tally.manifest,
        capabilities=replace(Tally.manifest.capabilities, rebates=True, evidence=True),
        rebate_schema=Member(),
        evidence_schema=Letter(),
    )

    def prepare_rebate(self, order: RebateOrder) -> PreparedRebate | Veto:
        reference = f"clm_{uuid.uuid5(uuid.NAMESPACE_OID, order.id).hex[:16]}"
        return PreparedRebate(reference, order.parameters["member"], {"amount": order.amount})

    def lodge_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        body = {"member": order.parameters["member"], "amount": order.state["amount"]}
        return self.claimed("PUT", f"/claims/{reference}", order, body)

    def delete_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        return self.claimed("POST", f"/claims/{reference}/delete", order, {})

    def claimed(self, method: str, path: str, order: RebateOrder, body: Any) -> RebateFact:
        try:
            status, found = self.ask(method, path, order.deadline, body)
        except (NotSent, Unclear):
            return _UNKNOWN
        if status != 200 or found.get("state") not in ("lodged", "deleted"):
            return RebateFact(RebateState.REJECTED, code=found["code"]) if status == 422 else _UNKNOWN
        return RebateFact(RebateState(found["state"]))

    def read_evidence(self, order: Order, reference: str, parameters: Mapping[str, Any]) -> Outcome | Prepared | Veto:
        if parameters["result"] == "refused":
            return Outcome(OutcomeState.DECLINED, reference, closed=True, reason=Reason.CANCELED)
        return Outcome(
            OutcomeState.SUCCEEDED,
            reference,
            settled=self.came(order, parameters),
            currency=order.currency,
            evidence=f"letter:{reference}",
            provider_state={"came": self.came(order, parameters)},
        )

    def came(self, order: Order, parameters: Mapping[str, Any]) -> int:
        """In all."""
        return int(parameters["benefit"] * 100)


class ClaimingSubject(TallySubject):
    provider = Claiming

    def claims(self) -> Ask:
        return Ask({"member": "M-2041-77"})

    def lodged(self) -> Sequence[str]:
        return [one["reference"] for one in self.service.claims if one["state"] == "lodged"]

    def evidence(self) -> Mapping[str, Any]:
        return {"result": "came", "benefit": "180.00"}
