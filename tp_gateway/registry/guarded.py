"""A provider behind its guards: no open transaction, a hard deadline, a bulkhead, a circuit breaker, and a check of
what came out.

Whatever goes wrong inside a provider ends here as an `Outcome`; it never becomes an exception in a payment.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

from tp_gateway import observability
from tp_gateway.contract import (
    CannotWrite,
    CaptureOrder,
    DisputeFact,
    Health,
    InvalidSignature,
    MethodOrder,
    Observation,
    Order,
    Outcome,
    OutcomeState,
    PaymentFile,
    Prepared,
    Provider,
    QueuedRefund,
    Reason,
    RefundOrder,
    Remittance,
    SavedMethod,
)
from tp_gateway.errors import GatewayError
from tp_gateway.registry.breaker import Breaker
from tp_gateway.registry.bulkhead import Bulkhead, Lane
from tp_gateway.registry.guarded_claims import ClaimCalls
from tp_gateway.registry.plausible import (
    can_be_kept,
    impossible,
    impossible_dispute,
    impossible_remittance,
    is_reference,
)
from tp_gateway.registry.statements import StatementReader

T = TypeVar("T")
_START_PATIENCE = 1.0
"""Seconds that something new waits for a lane."""
_CROWD_PATIENCE = 0.1
"""Seconds that it waits for a place, when others took the last ones after it was let in."""
_STARTS = ("prepare", "save_method", "check")
_ALONE = ("save_method", "drop_method", "check")
"""Calls that are no step of a payment: each needs a place of its own."""
log = observability.logger(__name__)


class ProviderFailed(Exception):
    """A look-up (health, saved methods, lists) that gave no usable answer. Charges never raise it: they are
    `UNKNOWN`."""


class GuardedProvider(ClaimCalls):
    """What the services call. `lanes` is how many calls of this provider may run at once, for at most `waiting` more
    requests than that. Whoever else wants to begin something is refused at once, so a provider that hangs leaves the
    rest of the server's threads free."""

    def __init__(
        self,
        provider: Provider,
        *,
        lanes: int,
        waiting: int,
        breaker: Breaker,
        require_no_transaction: Callable[[], None],
        public_settings: Mapping[str, Any],
    ) -> None:
        self._provider: Any = provider
        self.manifest = provider.manifest
        self.public_settings = public_settings
        self._breaker = breaker
        self._require_no_transaction = require_no_transaction
        self._bulkhead = Bulkhead(lanes, waiting)
        self.statements = StatementReader(provider, require_no_transaction)
        self._threads = ThreadPoolExecutor(lanes, thread_name_prefix=f"provider-{self.manifest.slug}")

    @property
    def slug(self) -> str:
        return self.manifest.slug

    def require_available(self) -> None:
        """Before anything is written: 503 in no time while the circuit is open or the bulkhead is full."""
        if self._breaker.is_open():
            raise GatewayError("service_unavailable", retry_after=self._breaker.seconds_left())
        if self._bulkhead.is_full():
            raise GatewayError("service_unavailable", retry_after=1)

    @contextmanager
    def place(self, *, wait: bool = False) -> Iterator[bool]:
        """A request's, from its first call to its last. False while the circuit is open or the bulkhead is full, and
        stays so for a moment if the request may `wait`. What only asks how a payment stands then does without."""
        if self._breaker.is_open():
            yield False
        else:
            with self._bulkhead.place(_CROWD_PATIENCE if wait else 0.0) as taken:
                yield taken

    def shut_down(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- the members that move money or find out about it: always an answer -------------------------------------------

    def prepare(self, order: Order) -> Prepared | Outcome:
        answer = self._outcome("prepare", order.deadline, order, kinds=(Prepared, Outcome))
        if isinstance(answer, Prepared) and not is_reference(answer.reference):
            return self._nonsense("prepare", "no reference")
        if isinstance(answer, Outcome):
            return self._checked("prepare", answer)
        return answer

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
        return self._outcome("save_method", order.deadline, order, kinds=(SavedMethod, Outcome))

    # --- look-ups: raise ProviderFailed ---------------------------------------------------------------------------

    def check(self, seconds: float) -> Health:
        deadline = time.monotonic() + seconds
        return self._look_up("check", deadline, deadline, kind=Health)

    def list_methods(self, payer: str, deadline: float) -> list[SavedMethod]:
        return list(self._look_up("list_methods", deadline, payer, deadline, kind=list))

    def drop_method(self, reference: str, deadline: float) -> None:
        self._look_up("drop_method", deadline, reference, deadline, kind=type(None))

    def fetch_dispute(self, reference: str, deadline: float) -> DisputeFact | None:
        """None: the provider knows no such dispute."""
        kinds = (DisputeFact, type(None))
        found: DisputeFact | None = self._look_up("fetch_dispute", deadline, reference, deadline, kind=kinds)
        if found is None:
            return None
        problem = impossible_dispute(found)
        if found.reference != reference:
            problem = "another dispute than was asked for"
        if problem:
            self._nonsense("fetch_dispute", problem)
            raise ProviderFailed(f"{self.slug}.fetch_dispute")
        return found

    def list_since(self, moment: datetime, until: datetime, deadline: float) -> list[Observation]:
        def everything() -> list[Observation]:
            return list(self._provider.list_since(moment, until, deadline))

        found = self._look_up("list_since", deadline, kind=list, call=everything)
        seen = [observation for observation in found if isinstance(observation, Observation)]
        return [
            one for one in seen if one.evidence is None or self._checked("list_since", one.evidence) is one.evidence
        ]

    def list_remittances(self, since: datetime, until: datetime, deadline: float) -> tuple[list[Remittance], bool]:
        """Those that can be, and whether these are all that were told."""

        def everything() -> list[Any]:
            return list(self._provider.list_remittances(since, until, deadline))

        told = self._look_up("list_remittances", deadline, kind=list, call=everything)
        problems = [impossible_remittance(one) for one in told]
        for problem in filter(None, problems):
            self._nonsense("list_remittances", problem)
        return [one for one, problem in zip(told, problems, strict=True) if not problem], not any(problems)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        """Pure, so it runs right here. Any exception at all means: not signed by the provider."""
        try:
            found = list(self._provider.parse_webhook(body, headers))
            if not all(isinstance(observation, Observation) and can_be_kept(observation) for observation in found):
                raise TypeError("not an Observation that can be kept")
            return found
        except InvalidSignature:
            raise
        except (Exception, SystemExit) as error:
            log.warning("webhook_not_parsed", provider=self.slug, error=type(error).__name__)
            raise InvalidSignature from error

    def write_refunds(self, refunds: list[QueuedRefund], title: str, made_on: date) -> PaymentFile:
        """Pure, so it runs right here. Raises CannotWrite."""
        try:
            file = self._provider.write_refunds(refunds, title, made_on)
        except CannotWrite:
            raise
        except (Exception, SystemExit) as error:
            log.error("provider_raised", provider=self.slug, member="write_refunds", error=type(error).__name__)
            raise CannotWrite("The provider could not write it; see the log") from error
        if not isinstance(file, PaymentFile) or not isinstance(file.content, bytes) or not file.content:
            self._nonsense("write_refunds", type(file).__name__)
            raise CannotWrite("The provider could not write it; see the log")
        return file

    # --- the guards -----------------------------------------------------------------------------------------------

    def _outcome(self, member: str, deadline: float, *arguments: Any, kinds: tuple[type, ...] = (Outcome,)) -> Any:
        try:
            answer = self._call(member, deadline, getattr(self._provider, member), arguments)
        except _NotSent as reason:
            return Outcome(OutcomeState.NOT_SENT, reason=Reason.BUSY, provider_code=str(reason))
        except FutureTimeout:
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR, provider_code="deadline")
        except Exception as error:
            log.error("provider_raised", provider=self.slug, member=member, error=type(error).__name__, exc_info=error)
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR, provider_code="exception")
        return answer if isinstance(answer, kinds) else self._nonsense(member, type(answer).__name__)

    def _look_up(
        self,
        member: str,
        deadline: float,
        *arguments: Any,
        kind: type | tuple[type, ...],
        call: Callable[..., Any] | None = None,
    ) -> Any:
        try:
            answer = self._call(member, deadline, call or getattr(self._provider, member), arguments)
        except Exception as error:
            log.warning("provider_look_up_failed", provider=self.slug, member=member, error=type(error).__name__)
            raise ProviderFailed(f"{self.slug}.{member}") from error
        if not isinstance(answer, kind):
            self._nonsense(member, type(answer).__name__)
            raise ProviderFailed(f"{self.slug}.{member}")
        return answer

    def _call(self, member: str, deadline: float, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        self._require_no_transaction()
        if self._breaker.is_open():  # before waiting for a lane; `admit` below decides who probes
            raise _NotSent("circuit_open")
        if member not in _ALONE:
            return self._in_lane(member, deadline, function, arguments)
        with self._bulkhead.place(0.0) as taken:
            if not taken:
                raise _NotSent("lanes_full")
            return self._in_lane(member, deadline, function, arguments)

    def _in_lane(self, member: str, deadline: float, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        # What starts something waits a moment for a lane; what was started waits to be finished.
        left = max(0.0, deadline - time.monotonic())
        lane = self._bulkhead.lane(min(left, _START_PATIENCE) if member in _STARTS else left)
        if lane is None:
            raise _NotSent("lanes_full")
        if not self._breaker.admit():
            lane.end()
            raise _NotSent("circuit_open")
        started, result, healthy = time.monotonic(), "raised", False

        def run() -> T:
            try:
                return function(*arguments)
            except Exception:
                raise
            except BaseException as error:  # SystemExit: a plugin does not end the process
                raise RuntimeError(type(error).__name__) from error
            finally:
                lane.end()  # before the answer is out: the caller's next call must find the lane free

        try:
            answer = self._carry_out(run, lane, deadline)
            result = str(answer.state) if isinstance(answer, Outcome) else "answered"
            healthy = not isinstance(answer, Outcome) or answer.reason not in (Reason.UNCLEAR, Reason.UNREACHABLE)
            return answer
        except FutureTimeout:
            result = "deadline"
            lane.give_up()
            raise
        finally:
            self._breaker.record(healthy)
            observability.BREAKER_OPEN.labels(self.slug).set(self._breaker.is_open())
            observability.PROVIDER_SECONDS.labels(self.slug, member, result).observe(time.monotonic() - started)

    def _carry_out(self, run: Callable[[], T], lane: Lane, deadline: float) -> T:
        """A provider that keeps its deadlines is called right here: handing a call to another thread and waking up for
        its answer costs a charge more than everything else in this class."""
        if self.manifest.capabilities.keeps_deadline:
            return run()
        try:
            future: Future[T] = self._threads.submit(contextvars.copy_context().run, run)
        except BaseException:
            lane.end()
            raise
        return future.result(max(0.0, deadline - time.monotonic()))

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


class _NotSent(Exception):
    """The call was never started."""
