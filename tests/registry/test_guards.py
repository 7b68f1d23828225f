"""The guards around a provider: whatever it does, the answer is an `Outcome` in time, and only its own lanes suffer."""

import gc
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from tp_gateway import contract
from tp_gateway.contract import (
    Capabilities,
    CaptureOrder,
    Flow,
    Health,
    InvalidSignature,
    Manifest,
    MethodOrder,
    Observation,
    Order,
    Outcome,
    OutcomeState,
    Payer,
    Prepared,
    Reason,
    RefundFact,
    RefundOrder,
    RefundState,
    SavedMethod,
    Subject,
)
from tp_gateway.contract import fields as nodes
from tp_gateway.database import Database
from tp_gateway.errors import GatewayError, ValidationError
from tp_gateway.money import MAX_MINOR_UNITS
from tp_gateway.registry import Breaker, GuardedProvider, ProviderFailed

EVERYTHING = Capabilities(
    two_step=True,
    fetch=True,
    refund=True,
    partial_refund=True,
    save_method=True,
    webhooks=True,
    list_since=True,
    capture=True,
    disputes=True,
    remittances=True,
)
SUCCESS: dict[str, Any] = {"reference": "pi_1", "settled": 18000, "currency": "AUD", "evidence": "ch_1"}
NOW = datetime(2025, 1, 19, tzinfo=UTC)


class Scripted:
    """A provider all of whose members do what the test says."""

    manifest: ClassVar[Manifest] = Manifest(
        slug="scripted",
        method="scripted",
        display_name="Scripted",
        currencies=frozenset({"AUD"}),
        capabilities=EVERYTHING,
        settings_schema=nodes.Schema(),
        parameters_schema=nodes.Schema(),
    )

    def __init__(self) -> None:
        self.answer: Callable[..., Any] = lambda *_: Outcome(OutcomeState.SUCCEEDED, **SUCCESS)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        if name not in ("build", "check", "execute", *EVERYTHING.members()):
            raise AttributeError(name)

        def member(*arguments: Any) -> Any:
            self.calls.append((name, arguments))
            return self.answer(*arguments)

        return member


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Scripted:
    return Scripted()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guarded(provider: Scripted, clock: Clock) -> Iterator[GuardedProvider]:
    made = guard(provider, clock)
    yield made
    made.shut_down()


def guard(provider: Scripted, clock: Clock, lanes: int = 2, **more: Any) -> GuardedProvider:
    values = {"require_no_transaction": lambda: None, "public_settings": {}, "breaker": Breaker(3, 30, clock)}
    return GuardedProvider(provider, manifest=provider.manifest, lanes=lanes, **{"waiting": 2} | values | more)  # type: ignore[arg-type]


def order(seconds: float = 5) -> Order:
    return Order("id-1", Flow.DIRECT, 18000, "AUD", "key-1", time.monotonic() + seconds)


def capture_order() -> CaptureOrder:
    return CaptureOrder("p", "pi_1", 18000, "AUD", "k", time.monotonic() + 5)


def refund_order() -> RefundOrder:
    return RefundOrder("id-2", "pi_1", 5000, "AUD", "key-2", time.monotonic() + 5)


CALLS: dict[str, Callable[[GuardedProvider], Any]] = {
    "prepare": lambda guarded: guarded.prepare(order()),
    "execute": lambda guarded: guarded.execute(order(), "pi_1"),
    "fetch": lambda guarded: guarded.fetch(order(), None),
    "close": lambda guarded: guarded.close(order(), "pi_1"),
    "refund": lambda guarded: guarded.refund(refund_order()),
    "capture": lambda guarded: guarded.capture(capture_order()),
    "void": lambda guarded: guarded.void("pi_1", time.monotonic() + 5),
    "save_method": lambda guarded: guarded.save_method(MethodOrder(Payer("p"), "pm_1", time.monotonic() + 5)),
}
LOOK_UPS: dict[str, Callable[[GuardedProvider], Any]] = {
    "check": lambda guarded: guarded.check(5),
    "list_methods": lambda guarded: guarded.list_methods("cus_1", time.monotonic() + 5),
    "drop_method": lambda guarded: guarded.drop_method("pm_1", time.monotonic() + 5),
    "list_since": lambda guarded: guarded.list_since(NOW, NOW, time.monotonic() + 5),
    "fetch_dispute": lambda guarded: guarded.fetch_dispute("du_1", time.monotonic() + 5),
}


def raising(error: BaseException) -> Callable[..., Any]:
    def raise_it(*_: Any) -> Any:
        raise error

    return raise_it


def unclear(outcome: Outcome, code: str) -> bool:
    return (outcome.state, outcome.reason, outcome.provider_code) == (OutcomeState.UNKNOWN, Reason.UNCLEAR, code)


# --- what a provider raises -------------------------------------------------------------------------------------------


class Rude(BaseException):
    pass


RAISED = [
    ValueError("no"),
    TimeoutError(),
    RecursionError(),
    MemoryError(),
    StopIteration(),
    GatewayError("card_declined"),
    InvalidSignature(),
    SystemExit(1),
    KeyboardInterrupt(),
    GeneratorExit(),
    Rude(),
]


@pytest.mark.catalogue(97)
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("member", CALLS)
def test_whatever_a_provider_raises_is_unknown_and_the_process_lives(
    guarded: GuardedProvider, provider: Scripted, logged: Any, member: str, error: BaseException
) -> None:
    provider.answer = raising(error)
    outcome = CALLS[member](guarded)
    assert outcome.state is OutcomeState.UNKNOWN and outcome.reason is Reason.UNCLEAR
    assert [(event["provider"], event["member"]) for event in logged] == [("scripted", member)]
    provider.answer = lambda *_: Outcome(OutcomeState.SUCCEEDED, **SUCCESS)
    assert CALLS[member](guarded).state is OutcomeState.SUCCEEDED
    guarded.require_available()


@pytest.mark.catalogue(97)
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("member", LOOK_UPS)
def test_a_look_up_that_raises_has_failed(
    guarded: GuardedProvider, provider: Scripted, member: str, error: BaseException
) -> None:
    provider.answer = raising(error)
    with pytest.raises(ProviderFailed, match=f"scripted.{member}"):
        LOOK_UPS[member](guarded)


@pytest.mark.parametrize(
    "error", [error for error in RAISED if not isinstance(error, KeyboardInterrupt | GeneratorExit | Rude)]
)
def test_a_parser_that_raises_anything_has_not_seen_a_signature(
    guarded: GuardedProvider, provider: Scripted, error: BaseException
) -> None:
    provider.answer = raising(error)
    with pytest.raises(InvalidSignature):
        guarded.parse_webhook(b"{}", {})


@pytest.mark.catalogue(99)
@pytest.mark.parametrize("garbage", [None, 5, "text", [None], ["evt_1"], [{"event_id": "1"}], object()])
def test_a_parser_that_returns_garbage_has_not_seen_a_signature(
    guarded: GuardedProvider, provider: Scripted, garbage: Any
) -> None:
    provider.answer = lambda *_: garbage
    with pytest.raises(InvalidSignature):
        guarded.parse_webhook(b"{}", {})


@pytest.mark.catalogue(99)
def test_a_delivery_that_is_too_large_has_not_been_seen(guarded: GuardedProvider, provider: Scripted) -> None:
    """Each event of it may be possible: all of them are kept."""
    long = {"a": "x" * 7000}
    for events in (
        [Observation(str(number), "k", Subject.PAYMENT) for number in range(1001)],
        [Observation(str(number), "k", Subject.PAYMENT, labels=long) for number in range(150)],
        [Observation(str(number), "k", Subject.PAYMENT, note="x" * 7000) for number in range(150)],
    ):
        provider.answer = lambda *_, events=events: events
        with pytest.raises(InvalidSignature):
            guarded.parse_webhook(b"{}", {})
        provider.answer = lambda *_, events=events: events[:140]
        assert len(guarded.parse_webhook(b"{}", {})) == 140


def test_what_a_parser_saw_is_passed_on(guarded: GuardedProvider, provider: Scripted) -> None:
    seen = Observation("evt_1", "kind", Subject.PAYMENT)
    provider.answer = lambda *_: iter([seen])
    assert guarded.parse_webhook(b"{}", {"a": "b"}) == [seen]
    assert provider.calls == [("parse_webhook", (b"{}", {"a": "b"}))]


# --- what a provider answers ------------------------------------------------------------------------------------------

GARBAGE = [
    None,
    "succeeded",
    {"state": "succeeded", "settled": 18000},
    0,
    True,
    b"",
    [],
    Outcome,
    object(),
    Health(True),
]


@pytest.mark.catalogue(99)
@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("member", CALLS)
def test_what_is_no_outcome_is_unknown(guarded: GuardedProvider, provider: Scripted, member: str, garbage: Any) -> None:
    provider.answer = lambda *_: garbage
    assert unclear(CALLS[member](guarded), "nonsense")


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "no amount": {"settled": None},
    "nothing settled": {"settled": 0},
    "a negative amount": {"settled": -18000},
    "a float": {"settled": 18000.0},
    "NaN": {"settled": math.nan},
    "infinity": {"settled": math.inf},
    "a bool": {"settled": True},
    "a text": {"settled": "18000"},
    "too much": {"settled": MAX_MINOR_UNITS + 1},
    "a googol": {"settled": 10**100},
    "no currency": {"currency": None},
    "an empty currency": {"currency": ""},
    "a lower-case currency": {"currency": "aud"},
    "an unknown currency": {"currency": "XXQ"},
    "a long currency": {"currency": "AUD" * 1000},
    "a list of currencies": {"currency": ["AUD"]},
    "no evidence": {"evidence": None},
    "empty evidence": {"evidence": ""},
    "evidence of a megabyte": {"evidence": "x" * 2**20},
    "a number as evidence": {"evidence": 7},
    "no reference": {"reference": None},
    "an empty reference": {"reference": ""},
    "a reference of a megabyte": {"reference": "x" * 2**20},
    "a number as reference": {"reference": 7},
    "bytes as reference": {"reference": b"pi_1"},
    "the state as text": {"state": "succeeded"},
    "another state": {"state": RefundState.SUCCEEDED},
    "no state": {"state": None},
    "a negative fee": {"fee": -1},
    "a fee with a fraction": {"fee": 3.36},
    "a fee that is NaN": {"fee": math.nan},
    "a bool as fee": {"fee": True},
    "refunds that are no list": {"refunds": None},
    "a refund that is none": {"refunds": ({"amount": 1},)},
    "a refund of NaN": {"refunds": (RefundFact("re_1", math.nan, RefundState.SUCCEEDED),)},  # type: ignore[arg-type]
    "a negative refund": {"refunds": (RefundFact("re_1", -1, RefundState.SUCCEEDED),)},
    "a refund of half a cent": {"refunds": (RefundFact("re_1", 0.5, RefundState.SUCCEEDED),)},  # type: ignore[arg-type]
    "a refund without reference": {"refunds": (RefundFact("", 1, RefundState.SUCCEEDED),)},
    "more refunds than a payment has": {
        "refunds": tuple(RefundFact(f"re_{number}", 1, RefundState.FAILED) for number in range(201))
    },
    "a refund's state as text": {"refunds": (RefundFact("re_1", 1, "succeeded"),)},  # type: ignore[arg-type]
}


@pytest.mark.catalogue(99)
@pytest.mark.parametrize("wrong", IMPOSSIBLE)
@pytest.mark.parametrize("member", [name for name in CALLS if name != "save_method"])
def test_a_success_that_cannot_be_is_unknown(
    guarded: GuardedProvider, provider: Scripted, member: str, wrong: str
) -> None:
    values = {"state": OutcomeState.SUCCEEDED, **SUCCESS} | IMPOSSIBLE[wrong]
    provider.answer = lambda *_: Outcome(**values)
    assert unclear(CALLS[member](guarded), "nonsense")


@pytest.mark.catalogue(99)
@pytest.mark.parametrize("state", list(OutcomeState))
@pytest.mark.parametrize("reference", ["", 7, "x" * 256, b"pi_1"])
def test_no_outcome_has_a_reference_that_cannot_be_stored(
    guarded: GuardedProvider, provider: Scripted, state: OutcomeState, reference: Any
) -> None:
    provider.answer = lambda *_: Outcome(state, **SUCCESS | {"reference": reference})
    assert unclear(guarded.fetch(order(), None), "nonsense")
    assert unclear(guarded.execute(order(), None), "nonsense")


@pytest.mark.parametrize("reference", ["", None, 7, "x" * 256])
def test_what_was_prepared_has_a_reference(guarded: GuardedProvider, provider: Scripted, reference: Any) -> None:
    provider.answer = lambda *_: Prepared(reference)
    assert unclear(guarded.prepare(order()), "nonsense")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(OutcomeState.SUCCEEDED, **SUCCESS, fee=0),
        Outcome(OutcomeState.SUCCEEDED, **SUCCESS | {"settled": MAX_MINOR_UNITS}),
        Outcome(OutcomeState.SUCCEEDED, **SUCCESS, refunds=(RefundFact("re_1", 1, RefundState.PENDING),)),
        Outcome(OutcomeState.DECLINED, reason=Reason.CARD_DECLINED),
        Outcome(OutcomeState.PENDING, "x" * 255),
        Outcome(OutcomeState.NOT_SENT),
    ],
)
def test_what_is_possible_is_passed_on_as_it_is(guarded: GuardedProvider, provider: Scripted, outcome: Outcome) -> None:
    provider.answer = lambda *_: outcome
    assert guarded.execute(order(), None) is outcome


@pytest.mark.catalogue(99)
@pytest.mark.parametrize("member", ["check", "list_methods", "drop_method", "fetch_dispute"])
def test_a_look_up_that_answers_garbage_has_failed(guarded: GuardedProvider, provider: Scripted, member: str) -> None:
    provider.answer = lambda *_: "garbage"
    with pytest.raises(ProviderFailed):
        LOOK_UPS[member](guarded)


def test_the_reverse_sweep_gets_only_observations_with_possible_evidence(
    guarded: GuardedProvider, provider: Scripted
) -> None:
    good = Observation("1", "k", Subject.PAYMENT, evidence=Outcome(OutcomeState.SUCCEEDED, **SUCCESS))
    bad = Observation("2", "k", Subject.PAYMENT, evidence=Outcome(OutcomeState.SUCCEEDED, **SUCCESS | {"settled": -1}))
    provider.answer = lambda *_: (one for one in [None, bad, "text", good])
    assert guarded.list_since(NOW, NOW, time.monotonic() + 5) == [good]


@pytest.mark.catalogue(97)
def test_a_list_that_breaks_half_way_has_failed(guarded: GuardedProvider, provider: Scripted) -> None:
    def half(*_: Any) -> Any:
        yield Observation("1", "k", Subject.PAYMENT)
        raise SystemExit

    provider.answer = half
    with pytest.raises(ProviderFailed):
        guarded.list_since(NOW, NOW, time.monotonic() + 5)


# --- deadline and lanes -----------------------------------------------------------------------------------------------


class Hanging:
    """An answer that comes when the test says so."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Semaphore(0), threading.Event()

    def __call__(self, *_: Any) -> Outcome:
        self.entered.release()
        assert self.released.wait(20)
        return Outcome(OutcomeState.SUCCEEDED, **SUCCESS)


@pytest.fixture
def hanging(provider: Scripted) -> Iterator[Hanging]:
    provider.answer = made = Hanging()
    yield made
    made.released.set()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def is_available(guarded: GuardedProvider) -> bool:
    try:
        guarded.require_available()
    except GatewayError:
        return False
    return True


@pytest.mark.catalogue(98)
@pytest.mark.parametrize("member", ["prepare", "execute", "fetch"])
def test_the_deadline_is_kept_and_the_lane_stays_taken_until_the_call_ends(
    provider: Scripted, clock: Clock, hanging: Hanging, member: str
) -> None:
    guarded = guard(provider, clock, lanes=1)
    arguments = () if member == "prepare" else (None,)
    started = time.monotonic()
    assert unclear(getattr(guarded, member)(order(0.05), *arguments), "deadline")
    assert time.monotonic() - started < 3
    assert_every_lane_is_taken(guarded)
    assert len(provider.calls) == 1
    hanging.released.set()
    wait_for(lambda: is_available(guarded))
    assert guarded.execute(order(), None).state is OutcomeState.SUCCEEDED
    guarded.shut_down()


def assert_every_lane_is_taken(guarded: GuardedProvider) -> None:
    """Nothing new is begun after a moment's patience; what was begun waits for a lane, but not past its deadline."""
    started = time.monotonic()
    refused = guarded.prepare(order())
    assert isinstance(refused, Outcome)
    assert (refused.state, refused.reason, refused.provider_code) == (OutcomeState.NOT_SENT, Reason.BUSY, "lanes_full")
    with pytest.raises(GatewayError) as refusal:
        guarded.require_available()
    assert (refusal.value.code, refusal.value.retry_after) == ("service_unavailable", 1)
    assert time.monotonic() - started < 10
    for outcome in (guarded.execute(order(0.02), None), guarded.fetch(order(0.02), None)):
        assert (outcome.state, outcome.provider_code) == (OutcomeState.NOT_SENT, "lanes_full")
    with pytest.raises(ProviderFailed):
        guarded.check(0.02)
    assert time.monotonic() - started < 10


@pytest.mark.catalogue(98)
def test_a_hanging_provider_takes_only_its_own_lanes(provider: Scripted, clock: Clock, hanging: Hanging) -> None:
    slow, other = guard(provider, clock, lanes=2), guard(Scripted(), clock, lanes=2)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(slow.prepare, order()) for _ in range(8)]
        hanging.entered.acquire(timeout=5)
        hanging.entered.acquire(timeout=5)
        wait_for(lambda: sum(call.done() for call in waiting) == 6)
        assert other.execute(order(), None).state is OutcomeState.SUCCEEDED
        assert {getattr(call.result(), "state", None) for call in waiting if call.done()} == {OutcomeState.NOT_SENT}
        hanging.released.set()
        states = [getattr(call.result(), "state", None) for call in waiting]
        assert states.count(OutcomeState.SUCCEEDED) == 2
    slow.shut_down()
    other.shut_down()


def test_a_payment_that_was_begun_gets_the_next_lane(provider: Scripted, clock: Clock, hanging: Hanging) -> None:
    guarded = guard(provider, clock, lanes=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(guarded.prepare, order())
        assert hanging.entered.acquire(timeout=5)
        second = pool.submit(guarded.execute, order(), "pi_1")
        assert isinstance(guarded.prepare(order()), Outcome)
        hanging.released.set()
        assert isinstance(first.result(), Outcome) and second.result().state is OutcomeState.SUCCEEDED
    assert [name for name, _ in provider.calls] == ["prepare", "execute"]
    guarded.shut_down()


def test_a_lane_is_free_again_when_the_answer_is_there(provider: Scripted, clock: Clock) -> None:
    guarded = guard(provider, clock, lanes=1)
    assert {guarded.execute(order(), None).state for _ in range(300)} == {OutcomeState.SUCCEEDED}
    provider.answer = raising(SystemExit())
    for _ in range(2):
        guarded.execute(order(), None)
    guarded.require_available()
    guarded.shut_down()


def test_a_deadline_that_has_passed_is_unknown_because_the_call_may_have_begun(
    guarded: GuardedProvider, hanging: Hanging
) -> None:
    assert guarded.execute(order(-1), None).state is OutcomeState.UNKNOWN
    assert order(-1).seconds_left() == 0


def test_a_provider_that_keeps_its_deadlines_is_called_on_the_thread_of_a_request(clock: Clock) -> None:
    """The sweep's own thread is not lent: it has other providers' payments to look at."""
    threads: list[str] = []

    def answer(*_: Any) -> Outcome:
        threads.append(threading.current_thread().name)
        return Outcome(OutcomeState.SUCCEEDED, **SUCCESS)

    for keeps in (True, False):
        provider = Scripted()
        capabilities = replace(provider.manifest.capabilities, keeps_deadline=keeps)
        provider.manifest = replace(provider.manifest, capabilities=capabilities)  # type: ignore[misc]
        provider.answer = answer
        guarded = guard(provider, clock, lanes=1)
        with guarded.place():
            assert all(guarded.execute(order(), None).state is OutcomeState.SUCCEEDED for _ in range(3))
        guarded.execute(order(), None)
        guarded.shut_down()
    assert threads[:3] == [threading.current_thread().name] * 3
    assert all(name.startswith("provider-") for name in threads[3:]) and len(threads) == 8


# --- the circuit breaker ----------------------------------------------------------------------------------------------


def fail(guarded: GuardedProvider, provider: Scripted, times: int) -> None:
    provider.answer = raising(ConnectionError())
    for _ in range(times):
        guarded.execute(order(), None)


def test_the_circuit_opens_after_failures_in_a_row_and_nothing_is_sent(
    guarded: GuardedProvider, provider: Scripted
) -> None:
    fail(guarded, provider, 2)
    guarded.require_available()
    fail(guarded, provider, 1)
    outcome = guarded.execute(order(), None)
    assert (outcome.state, outcome.provider_code) == (OutcomeState.NOT_SENT, "circuit_open")
    assert len(provider.calls) == 3
    with pytest.raises(GatewayError) as refusal:
        guarded.require_available()
    assert (refusal.value.code, refusal.value.retry_after) == ("service_unavailable", 30)


def test_one_probe_is_let_through_after_the_pause_and_its_success_closes_the_circuit(
    provider: Scripted, clock: Clock
) -> None:
    guarded = guard(provider, clock, lanes=4)
    fail(guarded, provider, 3)
    clock.now = 29.9
    assert not is_available(guarded)
    clock.now = 30.1
    assert is_available(guarded)  # takes no probe
    provider.answer = hanging = Hanging()
    with ThreadPoolExecutor(1) as pool:
        probe = pool.submit(guarded.execute, order(), None)
        assert hanging.entered.acquire(timeout=5)
        assert guarded.execute(order(), None).provider_code == "circuit_open"
        assert not is_available(guarded)
        hanging.released.set()
        assert probe.result().state is OutcomeState.SUCCEEDED
    assert is_available(guarded) and guarded.execute(order(), None).state is OutcomeState.SUCCEEDED
    guarded.shut_down()


def test_a_probe_that_fails_opens_the_circuit_for_another_pause(
    guarded: GuardedProvider, provider: Scripted, clock: Clock
) -> None:
    fail(guarded, provider, 3)
    clock.now = 31
    fail(guarded, provider, 1)
    clock.now = 60
    assert guarded.execute(order(), None).provider_code == "circuit_open"
    clock.now = 62
    provider.answer = lambda *_: Outcome(OutcomeState.DECLINED, reason=Reason.CARD_DECLINED)
    assert guarded.execute(order(), None).state is OutcomeState.DECLINED
    assert is_available(guarded)


def test_declines_are_answers_and_a_success_starts_the_count_again(
    guarded: GuardedProvider, provider: Scripted
) -> None:
    for _ in range(3):
        fail(guarded, provider, 2)
        provider.answer = lambda *_: Outcome(OutcomeState.DECLINED, reason=Reason.INSUFFICIENT_FUNDS)
        guarded.execute(order(), None)
    for _ in range(10):
        guarded.execute(order(), None)
    assert is_available(guarded)


@pytest.mark.parametrize("reason", [Reason.UNREACHABLE, Reason.UNCLEAR])
def test_not_reaching_the_provider_counts_as_a_failure(
    guarded: GuardedProvider, provider: Scripted, reason: Reason
) -> None:
    provider.answer = lambda *_: Outcome(OutcomeState.NOT_SENT, reason=reason)
    for _ in range(3):
        guarded.execute(order(), None)
    assert not is_available(guarded)


def test_calls_that_overrun_open_the_circuit(provider: Scripted, clock: Clock, hanging: Hanging) -> None:
    guarded = guard(provider, clock, lanes=4)
    for _ in range(3):
        guarded.execute(order(0.01), None)
    assert guarded.execute(order(), None).provider_code == "circuit_open"
    guarded.shut_down()


def test_the_breaker_counts_right_under_many_threads() -> None:
    clock = Clock()
    breaker = Breaker(5, 30, clock)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: breaker.record(False), range(200)))
        assert breaker.is_open() and not any(pool.map(lambda _: breaker.admit(), range(50)))
        clock.now = 31
        assert sum(pool.map(lambda _: breaker.admit(), range(50))) == 1
    breaker.record(True)
    assert not breaker.is_open() and breaker.admit()


# --- commit, call, commit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["transaction", "read"])
@pytest.mark.parametrize("member", [*CALLS, *LOOK_UPS])
def test_no_member_is_called_while_a_transaction_is_open(
    database: Database, provider: Scripted, clock: Clock, member: str, door: str
) -> None:
    guarded = guard(provider, clock, require_no_transaction=database.require_no_transaction)
    with getattr(database, door)():
        try:
            outcome = (CALLS | LOOK_UPS)[member](guarded)
        except ProviderFailed as error:
            assert isinstance(error.__cause__, RuntimeError)
        else:
            assert outcome.state is OutcomeState.UNKNOWN
    assert provider.calls == []
    guarded.shut_down()


@pytest.fixture
def database(sqlite_database_url: str) -> Iterator[Database]:
    made = Database(sqlite_database_url)
    yield made
    made.dispose()


# --- frozen values ----------------------------------------------------------------------------------------------------

VALUES = [
    order(),
    refund_order(),
    Payer("key"),
    MethodOrder(Payer("key"), "pm_1", 0),
    SavedMethod("pm_1", "card", MappingProxyType({})),
    RefundFact("re_1", 1, RefundState.PENDING),
    Prepared("pi_1"),
    Outcome(OutcomeState.PENDING),
    Observation("1", "k", Subject.PAYMENT),
    Health(True),
    contract.Veto("not_payable", ""),
    contract.Event("1", "t", NOW),
    contract.Environment("e", True),
    EVERYTHING,
    Scripted.manifest,
]


@pytest.mark.catalogue(100)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_of_the_contract_cannot_be_changed(value: Any) -> None:
    assert is_dataclass(value) and not hasattr(value, "__dict__")
    for field in fields(value):
        before = getattr(value, field.name)
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)
        with pytest.raises(FrozenInstanceError):
            delattr(value, field.name)
        assert getattr(value, field.name) is before
    with pytest.raises((AttributeError, TypeError)):
        value.something_new = 1


@pytest.mark.catalogue(100)
def test_the_empty_mappings_of_an_order_belong_to_nobody() -> None:
    for name in ("parameters", "labels", "state"):
        with pytest.raises(TypeError):
            getattr(order(), name)["x"] = 1


@pytest.mark.catalogue(100)
def test_nothing_of_the_store_is_reachable_from_an_order(guarded: GuardedProvider, provider: Scripted) -> None:
    guarded.execute(order(), "pi_1")
    seen, todo = set(), list(provider.calls[0][1])
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        assert not type(one).__module__.startswith(("sqlalchemy", "transaction", "zope", "pyramid", "webob")), one
        todo.extend(referent for referent in gc.get_referents(one) if not callable(referent))


def test_no_secret_is_in_what_is_shown_of_a_provider(guarded: GuardedProvider) -> None:
    assert "hunter2" not in repr(guarded) and "Scripted" not in repr(guarded)


@pytest.mark.parametrize("name", ["\ud800", "\0", "x" * 60_000])
def test_a_refusal_may_hold_whatever_the_caller_sent(guarded: GuardedProvider, name: str) -> None:
    with pytest.raises(ValidationError):
        guarded.parameters({name: "y"})
