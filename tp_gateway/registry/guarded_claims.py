"""The guarded calls of providers that screen, read evidence and lodge rebate claims: a part of `GuardedProvider`, whose
guards they use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tp_gateway import observability
from tp_gateway.contract import Order, Outcome, Prepared, PreparedRebate, RebateFact, RebateOrder, RebateState, Veto
from tp_gateway.errors import GatewayError
from tp_gateway.registry.exact import Nonsense, exactly
from tp_gateway.registry.plausible import impossible_rebate, is_reference

log = observability.logger(__name__)


class ClaimCalls:
    """`screen`, `read_evidence` and `prepare_rebate` raise GatewayError `service_unavailable` where no usable answer
    came: nothing was sent, and a rule that cannot be asked must not be skipped. The calls that lodge and delete always
    answer."""

    _provider: Any
    slug: Any
    _nonsense: Any
    _checked: Any
    _call: Any
    _at_once: Any

    def screen(self, order: Order) -> Veto | None:
        found: Veto | None = self._pure("screen", (Veto, type(None)), order)
        return found

    def read_evidence(self, order: Order, reference: str, parameters: Mapping[str, Any]) -> Outcome | Prepared | Veto:
        found = self._pure("read_evidence", (Outcome, Prepared, Veto), order, reference, parameters)
        if isinstance(found, Outcome) and self._checked("read_evidence", found) is not found:
            raise GatewayError("service_unavailable")
        if isinstance(found, Prepared) and found.reference != reference:
            self._nonsense("read_evidence", "another reference")
            raise GatewayError("service_unavailable")
        return found

    def prepare_rebate(self, order: RebateOrder) -> PreparedRebate | Veto:
        found = self._pure("prepare_rebate", (PreparedRebate, Veto), order)
        if isinstance(found, PreparedRebate) and not (is_reference(found.reference) and is_reference(found.subject)):
            self._nonsense("prepare_rebate", "no reference or no subject")
            raise GatewayError("service_unavailable")
        return found

    def lodge_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        return self._rebate("lodge_rebate", order, reference)

    def delete_rebate(self, order: RebateOrder, reference: str) -> RebateFact:
        return self._rebate("delete_rebate", order, reference)

    def _rebate(self, member: str, order: RebateOrder, reference: str) -> RebateFact:
        """Whatever goes wrong: it may have happened."""
        try:
            take = self._exact(RebateFact)
            found: RebateFact = self._call(member, order.deadline, (order, reference), take)
        except Nonsense as what:
            self._nonsense(member, str(what))
            return RebateFact(RebateState.UNKNOWN)
        except Exception as error:
            log.warning("rebate_call_failed", provider=self.slug, member=member, error=observability.class_name(error))
            return RebateFact(RebateState.UNKNOWN)
        problem = impossible_rebate(found)
        if problem:
            self._nonsense(member, problem)
            return RebateFact(RebateState.UNKNOWN)
        return found

    def _pure(self, member: str, kinds: tuple[type, ...], *arguments: Any) -> Any:
        try:
            return self._at_once(member, arguments, self._exact(*kinds))
        except Nonsense as what:
            self._nonsense(member, str(what))
            raise GatewayError("service_unavailable") from what
        except Exception as error:
            log.error(
                "provider_raised",
                provider=self.slug,
                member=member,
                error=observability.class_name(error),
                exc_info=error,
            )
            raise GatewayError("service_unavailable") from error

    @staticmethod
    def _exact(*kinds: type) -> Callable[[Any], Any]:
        return lambda answer: exactly(answer, kinds)
