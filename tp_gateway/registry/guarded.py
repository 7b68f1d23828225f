"""A provider behind its guards: no open transaction, a hard deadline, a bulkhead, a circuit breaker, and a check of
what came out.

Whatever goes wrong inside a provider ends here as an `Outcome`; it never becomes an exception in a payment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tp_gateway import observability
from tp_gateway.contract import (
    CaptureOrder,
    Manifest,
    MethodOrder,
    Order,
    Outcome,
    OutcomeState,
    Prepared,
    Provider,
    Reason,
    RefundOrder,
    SavedMethod,
)
from tp_gateway.errors import GatewayError
from tp_gateway.registry.breaker import Breaker
from tp_gateway.registry.calls import Calls, NotSent, taking
from tp_gateway.registry.exact import Nonsense, exactly
from tp_gateway.registry.guarded_claims import ClaimCalls
from tp_gateway.registry.local_calls import LocalCalls
from tp_gateway.registry.look_ups import LookUps, ProviderFailed
from tp_gateway.registry.plausible import impossible, impossible_method, impossible_prepared
from tp_gateway.registry.statements import StatementReader
from tp_gateway.registry.threads import Overrun

_START_PATIENCE = 1.0
"""Seconds that something new waits for a lane."""
_CROWD_PATIENCE = 0.1
"""Seconds that it waits for a place, when others took the last ones after it was let in."""
_STARTS = ("prepare", "save_method", "check")
_ALONE = ("save_method", "drop_method", "check")
"""Calls that are no step of a payment: each needs a place of its own."""
log = observability.logger(__name__)

__all__ = ["GuardedProvider", "ProviderFailed"]


class GuardedProvider(LookUps, ClaimCalls, LocalCalls):
    """What the services call. `lanes` is how many calls of this provider may run at once, for at most `waiting` more
    requests than that. Whoever else wants to begin something is refused at once, so a provider that hangs leaves the
    rest of the server's threads free. `manifest` is the one that was checked: what the provider shows later does not
    count."""

    def __init__(
        self,
        provider: Provider,
        *,
        manifest: Manifest,
        lanes: int,
        waiting: int,
        breaker: Breaker,
        require_no_transaction: Callable[[], None],
        public_settings: Mapping[str, Any],
    ) -> None:
        self._provider: Any = provider
        self.manifest, self.slug = manifest, manifest.slug
        self.public_settings = public_settings
        self._breaker = breaker
        self._require_no_transaction = require_no_transaction
        keeps, name = manifest.capabilities.keeps_deadline, f"provider-{manifest.slug}"
        self._calls = Calls(name, lanes=lanes, waiting=waiting, keeps_deadline=keeps)
        self._local = Calls(f"{name}-local", lanes=max(1, lanes // 4), waiting=max(1, lanes // 4), keeps_deadline=keeps)
        self._request = threading.local()
        self.statements = StatementReader(provider, manifest.slug, require_no_transaction)

    def require_available(self) -> None:
        """Before anything is written: 503 in no time while the circuit is open or the bulkhead is full."""
        if self._breaker.is_open():
            raise GatewayError("service_unavailable", retry_after=self._breaker.seconds_left())
        if self._calls.bulkhead.is_full():
            raise GatewayError("service_unavailable", retry_after=1)

    @contextmanager
    def place(self, *, wait: bool = False) -> Iterator[bool]:
        """A request's, from its first call to its last. False while the circuit is open or the bulkhead is full, and
        stays so for a moment if the request may `wait`. What only asks how a payment stands then does without."""
        if self._breaker.is_open():
            yield False
        else:
            with self._calls.bulkhead.place(_CROWD_PATIENCE if wait else 0.0) as taken:
                self._request.has_place = taken
                try:
                    yield taken
                finally:
                    self._request.has_place = False

    def shut_down(self) -> None:
        self._calls.shut_down()
        self._local.shut_down()

    # --- the members that move money or find out about it: always an answer -------------------------------------------

    def prepare(self, order: Order) -> Prepared | Outcome:
        answer = self._outcome("prepare", order.deadline, order, kinds=(Prepared, Outcome))
        if isinstance(answer, Prepared):
            problem = impossible_prepared(answer)
            return self._nonsense("prepare", problem) if problem else answer
        return self._checked("prepare", answer)

    def execute(self, order: Order, reference: str | None) -> Outcome:
        return self._checked("execute", self._outcome("execute", order.deadline, order, reference))

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        return self._checked("fetch", self._outcome("fetch", order.deadline, order, reference))

    def close(self, order: Order, reference: str) -> Outcome:
        return self._checked("close", self._outcome("close", order.deadline, order, reference))

    def refund(self, order: RefundOrder) -> Outcome:
        return self._checked("refund", self._outcome("refund", order.deadline, order))

    def capture(self, order: CaptureOrder) -> Outcome:
        return self._checked("capture", self._outcome("capture", order.deadline, order))

    def void(self, reference: str, deadline: float) -> Outcome:
        return self._checked("void", self._outcome("void", deadline, reference, deadline))

    def save_method(self, order: MethodOrder) -> SavedMethod | Outcome:
        answer = self._outcome("save_method", order.deadline, order, kinds=(SavedMethod, Outcome))
        if isinstance(answer, SavedMethod):
            problem = impossible_method(answer)
            return self._nonsense("save_method", problem) if problem else answer
        return self._checked("save_method", answer)

    # --- the guards -----------------------------------------------------------------------------------------------

    def _outcome(self, member: str, deadline: float, *arguments: Any, kinds: tuple[type, ...] = (Outcome,)) -> Any:
        try:
            return self._call(member, deadline, arguments, lambda answer: exactly(answer, kinds))
        except NotSent as reason:
            return Outcome(OutcomeState.NOT_SENT, reason=Reason.BUSY, provider_code=str(reason))
        except Nonsense as problem:
            return self._nonsense(member, str(problem))
        except Overrun:
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR, provider_code="deadline")
        except Exception as error:
            log.error(
                "provider_raised",
                provider=self.slug,
                member=member,
                error=observability.class_name(error),
                exc_info=error,
            )
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR, provider_code="exception")

    def _call(self, member: str, deadline: float, arguments: tuple[Any, ...], take: Callable[[Any], Any]) -> Any:
        self._require_no_transaction()
        call = taking(getattr(self._provider, member), arguments, take)
        if self._breaker.is_open():  # before waiting for a lane; `admit` below decides who probes
            raise NotSent("circuit_open")
        if member not in _ALONE:
            return self._in_lane(member, deadline, call)
        with self._calls.bulkhead.place(0.0) as taken:
            if not taken:
                raise NotSent("lanes_full")
            return self._in_lane(member, deadline, call)

    def _in_lane(self, member: str, deadline: float, call: Callable[[], Any]) -> Any:
        # What starts something waits a moment for a lane; what was started waits to be finished.
        left = max(0.0, deadline - time.monotonic())
        lane = self._calls.lane(min(left, _START_PATIENCE) if member in _STARTS else left)
        if not self._breaker.admit():
            lane.end()
            raise NotSent("circuit_open")
        started, result, healthy = time.monotonic(), "raised", False
        # Without a request to answer (the sweep) nobody's thread is lent: that one has other payments to look at.
        here = getattr(self._request, "has_place", False)
        try:
            answer = self._calls.carry_out(call, lane, deadline, here=here)
            result = str(answer.state) if type(answer) is Outcome else "answered"
            healthy = type(answer) is not Outcome or answer.reason not in (Reason.UNCLEAR, Reason.UNREACHABLE)
            return answer
        except Nonsense:
            result, healthy = "nonsense", True
            raise
        except Overrun:
            result = "deadline"
            raise
        finally:
            self._breaker.record(healthy)
            observability.BREAKER_OPEN.labels(self.slug).set(self._breaker.is_open())
            observability.PROVIDER_SECONDS.labels(self.slug, member, result).observe(time.monotonic() - started)

    def _checked(self, member: str, outcome: Outcome) -> Outcome:
        problem = impossible(outcome)
        if problem:
            return self._nonsense(member, problem)
        if outcome.reason is Reason.REJECTED:  # a revoked key, a request that is wrong: nobody's card is at fault
            log.error("provider_refused_request", provider=self.slug, member=member, code=outcome.provider_code)
        return outcome

    def _nonsense(self, member: str, what: str) -> Outcome:
        log.error("provider_answered_nonsense", provider=self.slug, member=member, what=what)
        return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR, provider_code="nonsense")
