"""One payment, driven by hand as the core would: what the provider hands back comes with the next call. A provider that
raises where it has to answer has broken its promise, whatever was asked."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tp_gateway.contract import Flow, Label, Order, Outcome, OutcomeState, PayoutAccount, Prepared, Reason, RefundOrder
from tp_gateway.testing.checking import Broken, expect, shown
from tp_gateway.testing.subject import Waiting

if TYPE_CHECKING:
    from tp_gateway.testing.bench import Bench

OPEN = (OutcomeState.PENDING, OutcomeState.NEEDS_ACTION)
_ROUNDS = 6
SECONDS = 10.0


def answered(member: str, call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except Exception as error:
        raise Broken(f"{member} raised {type(error).__name__} instead of answering") from error


class Attempt:
    """`provider` can be changed on the way: another instance must know as much."""

    def __init__(self, bench: Bench, order: Order, provider: Any) -> None:
        self.bench, self.order, self.provider = bench, order, provider
        self.reference: str | None = None
        self.action: Any = {}
        self.outcome: Outcome | None = None
        self.given = order

    # --- single calls -------------------------------------------------------------------------------------------------

    def prepare(self) -> Any:
        """Prepared (or None for a one-step provider); an Outcome where it refuses."""
        if not self.bench.able.two_step:
            return None
        found = answered("prepare", self.provider.prepare, self._fresh())
        if isinstance(found, Prepared):
            self.reference, self.action = found.reference, found.action
            if found.state is not None:
                self.order = replace(self.order, state=dict(found.state))
        return found

    def execute(self, seconds: float = SECONDS, **changes: Any) -> Outcome:
        order = replace(self._fresh(seconds), **changes)
        return self._took(answered("execute", self.provider.execute, order, self.reference), "execute")

    def fetch(self, seconds: float = SECONDS) -> Outcome:
        if self.bench.able.local:
            return self.execute(seconds)
        return self._took(answered("fetch", self.provider.fetch, self._fresh(seconds), self.reference), "fetch")

    def close(self, seconds: float = SECONDS) -> Outcome:
        return self._took(answered("close", self.provider.close, self._fresh(seconds), self.reference), "close")

    def refund_order(self, amount: int | None = None, seconds: float = SECONDS) -> RefundOrder:
        """For all of it, unless an amount is named."""
        key = str(uuid4())
        account = PayoutAccount("Kit Patient", "062-000", "12345678") if self.bench.able.refund_files else None
        return RefundOrder(
            id=key,
            payment_reference=self.reference or "",
            amount=self.order.amount if amount is None else amount,
            currency=self.order.currency,
            idempotency_key=key,
            deadline=time.monotonic() + seconds,
            labels={Label.REFUND: key, Label.PAYMENT: self.order.id},
            state=self.order.state,
            account=account,
        )

    def refund(self, order: RefundOrder) -> Outcome:
        found = answered("refund", self.provider.refund, order)
        expect(isinstance(found, Outcome), f"refund answered with {type(found).__name__}, not an Outcome")
        return found

    # --- to an end ----------------------------------------------------------------------------------------------------

    def begin(self) -> Any:
        """Prepare and execute. The last answer: an Outcome, or Prepared where the browser goes on."""
        prepared = self.prepare()
        if isinstance(prepared, Outcome):
            self.outcome = prepared
            return prepared
        expect(prepared is None or isinstance(prepared, Prepared), f"prepare answered with {type(prepared).__name__}")
        return prepared if self.order.flow is Flow.BROWSER else self.execute()

    def wait(self, *, pays: bool = True) -> Outcome:
        """Let what is open come to its end, and ask about what is unknown."""
        for _ in range(_ROUNDS):
            state = self.outcome.state if self.outcome is not None else OutcomeState.NEEDS_ACTION
            if state not in OPEN and not (state is OutcomeState.UNKNOWN and self.bench.able.fetch):
                break
            if state in OPEN:
                self.bench.subject.finish(self.waiting, pays=pays)
            found = self.fetch()
            if self.bench.able.resumable and found.reason is Reason.NO_SUCH_OBJECT and self.order.flow is Flow.DIRECT:
                self.execute(repeated=True)  # approved, and not carried out yet
        assert self.outcome is not None
        return self.outcome

    def run(self, *, pays: bool = True) -> Outcome:
        """From nothing to whatever it comes to."""
        self.begin()
        return self.wait(pays=pays)

    def paid(self) -> Outcome:
        """From nothing to SUCCEEDED: everything else is a broken promise, or a subject that cannot pay."""
        found = self.run()
        expect(found.state is OutcomeState.SUCCEEDED, f"what the subject says is paid ended as {shown(found)}")
        return found

    @property
    def waiting(self) -> Waiting:
        return Waiting(self.reference, self.action, self.order.amount, self.order.currency)

    def _fresh(self, seconds: float = SECONDS) -> Order:
        """With mappings of its own, so that what a provider does to them shows, and harms nothing else."""
        self.given = replace(
            self.order,
            deadline=time.monotonic() + seconds,
            parameters=copy.deepcopy(dict(self.order.parameters)),
            labels=dict(self.order.labels),
            state=copy.deepcopy(dict(self.order.state)),
        )
        return self.given

    def _took(self, found: Any, member: str) -> Outcome:
        expect(isinstance(found, Outcome), f"{member} answered with {type(found).__name__}, not an Outcome")
        self.outcome = found
        if found.reference is not None and self.reference is None:
            self.reference = found.reference
        if found.action:
            self.action = found.action
        if found.provider_state is not None:
            self.order = replace(self.order, state=dict(found.provider_state))
        outcome: Outcome = found
        return outcome
