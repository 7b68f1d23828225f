"""What hostile providers hand over. Each by its name; `answer` makes it for an order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from tp_gateway.contract import Order, Outcome, OutcomeState, Prepared, Reason, RefundFact, RefundState, SavedMethod

_NUMBERS = itertools.count(1)
NOW = datetime(2026, 1, 5, tzinfo=UTC)


class Evil:
    """Whatever is done to it raises, and mostly not an Exception."""

    def _raise(self, *_: Any, **__: Any) -> Any:
        raise SystemExit("hunter2")

    __eq__ = __ne__ = __bool__ = __str__ = __repr__ = __hash__ = __len__ = __iter__ = __index__ = __float__ = _raise
    __lt__ = __gt__ = __le__ = __ge__ = __int__ = __getattr__ = __getitem__ = __format__ = __call__ = _raise


class EvilText(str):
    """Looks like a text, and says something else of itself each time."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __str__(self) -> str:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        return 1

    __repr__ = __str__
    __hash__ = str.__hash__


class EvilNumber(int):
    def __le__(self, other: object) -> bool:
        return True

    __lt__ = __ge__ = __gt__ = __eq__ = __le__
    __hash__ = int.__hash__


class EvilZone(tzinfo):
    def utcoffset(self, _: Any) -> timedelta:
        raise MemoryError

    tzname = dst = utcoffset  # type: ignore[assignment]


class Masked:
    """Says that it is an Outcome."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise RecursionError


class Endless(Mapping[str, Any]):
    """A mapping that never comes to its end."""

    def __getitem__(self, key: str) -> Any:
        return key

    def __iter__(self) -> Iterator[str]:
        return (str(number) for number in itertools.count())

    def __len__(self) -> int:
        return 1


class Cheap(Outcome):
    """A class of its own, whose amount is another one at each look."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        return next(_NUMBERS) if name == "settled" else object.__getattribute__(self, name)


@dataclass
class Lookalike:
    state: OutcomeState
    reference: str
    settled: int


def _itself() -> dict[str, Any]:
    found: dict[str, Any] = {"shown": {}}
    found["shown"]["again"] = found
    return found


def _deep() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(100_000):
        found = {"deeper": found}
    return found


def _laughs() -> dict[str, Any]:
    """Small, and endless when it is written out."""
    found: Any = "ha"
    for _ in range(60):
        found = [found] * 10
    return {"laughs": found}


NO_OUTCOMES: dict[str, Any] = {
    "nothing of it": None,
    "True": True,
    "a text": "succeeded",
    "the class": Outcome,
    "a dict": {"state": "succeeded", "settled": 18000},
    "a generator": (one for one in [1]),
    "an exception": RuntimeError("hunter2"),
    "something evil": Evil(),
    "something masked": Masked(),
    "a look-alike": Lookalike(OutcomeState.SUCCEEDED, "r", 18000),
    "a lambda": lambda: None,
    "a class of its own": Cheap(OutcomeState.SUCCEEDED, "r", currency="AUD", evidence="e"),
}
WRONG: dict[str, dict[str, Any]] = {
    "a state of its own": {"state": "succeeded"},
    "an evil state": {"state": Evil()},
    "an evil reason": {"reason": Evil()},
    "a reason as text": {"reason": "card_declined"},
    "no amount": {"settled": None},
    "a negative amount": {"settled": -18000},
    "NaN": {"settled": math.nan},
    "a number of its own": {"settled": EvilNumber(18000)},
    "an evil amount": {"settled": Evil()},
    "a googol": {"settled": 10**100},
    "another currency's name": {"currency": "XXQ"},
    "an evil currency": {"currency": Evil()},
    "a long reference": {"reference": "r" * 2**20},
    "a NUL in the reference": {"reference": "r\0"},
    "half a character in the reference": {"reference": "r\ud800"},
    "half a character in the evidence": {"evidence": "e\udfff"},
    "a NUL in the code": {"provider_code": "\0"},
    "a number as code": {"provider_code": 7},
    "a code of ten megabytes": {"provider_code": "hunter2" * 1_500_000},
    "an evil code": {"provider_code": Evil()},
    "a message of ten megabytes": {"message": "m" * 10**7},
    "a transaction of three kilobytes": {"transaction": "t" * 3000},
    "a transaction that is a list": {"transaction": ["t"]},
    "half a character in the transaction": {"transaction": "\ud800"},
    "a receipt that runs": {"receipt_url": "javascript:alert(1)"},
    "an evil receipt": {"receipt_url": Evil()},
    "a payer that is a number": {"payer": 7},
    "a fee below zero": {"fee": -1},
    "a fee of NaN": {"fee": math.nan},
    "closed, or not": {"closed": Evil()},
    "closed as text": {"closed": "no"},
    "an action that is a list": {"action": [1]},
    "an action of itself": {"action": _itself()},
    "an endless action": {"action": Endless()},
    "an action with an object": {"action": {"client_secret": object()}},
    "an action with bytes as keys": {"action": {b"a": 1}},
    "an action whose type is a number": {"action": {"type": 5}},
    "an action whose secret is a list": {"action": {"client_secret": [1]}},
    "an action whose message is a mapping": {"action": {"message": {"a": 1}}},
    "an action whose status is nothing": {"action": {"status": None}},
    "a redirect that runs": {"action": {"redirect_url": "javascript:alert(1)"}},
    "a redirect that is a number": {"action": {"redirect_url": 5}},
    "asked again after NaN": {"check_after": math.nan},
    "asked again after an evil while": {"check_after": Evil()},
    "asked again after a text": {"check_after": "soon"},
    "waits for ever": {"waits_until": date.max},
    "waits until a moment": {"waits_until": NOW},
    "captured before an evil zone": {"capture_before": datetime(2026, 1, 1, tzinfo=EvilZone())},
    "captured before a naive moment": {"capture_before": datetime(2026, 1, 1)},
    "captured before the end of time": {"capture_before": datetime.max.replace(tzinfo=UTC)},
    "refunds that are a list": {"refunds": [RefundFact("re_1", 1, RefundState.SUCCEEDED)]},
    "an endless list of refunds": {"refunds": itertools.count()},
    "more given back than came": {"refunds": (RefundFact("re_1", 18001, RefundState.SUCCEEDED),)},
    "one refund twice": {"refunds": (RefundFact("re_1", 1, RefundState.SUCCEEDED),) * 2},
    "an evil refund": {"refunds": (RefundFact("re_1", Evil(), RefundState.SUCCEEDED),)},  # type: ignore[arg-type]
    "a refund with half a character": {"refunds": (RefundFact("\ud800", 1, RefundState.SUCCEEDED),)},
    "a method that is none": {"saved_method": "pm_1"},
    "a method of another kind": {"saved_method": SavedMethod("pm_1", "crypto", {})},
    "a method that shows a card": {"saved_method": SavedMethod("pm_1", "card", {"last4": "4242 4242 4242 4242"})},
    "a method with evil details": {"saved_method": SavedMethod("pm_1", "card", {"brand": Evil()})},
    "a remittance that is none": {"remittance": Evil()},
}
"""Fields of an outcome that otherwise says the truth."""
ANSWERS = [*NO_OUTCOMES, *WRONG]

STATES: dict[str, Any] = {
    "a state of itself": _itself(),
    "a state without bottom": _deep(),
    "a state that is endless": Endless(),
    "a state that laughs": _laughs(),
    "a state of a megabyte": {"shown": {"x": "x" * 2**20}},
    "a state of NaN": {"shown": {"x": math.nan}},
    "a state with half a character": {"shown": {"x": "\ud800"}},
    "a state with a set": {"a": {1}},
    "a state that is evil": Evil(),
    "a state with something evil": {"shown": {"x": Evil()}},
    "a state that shows a list": {"shown": [1]},
    "a state with numbers as keys": {1: 1},
}
FINE: dict[str, dict[str, Any]] = {
    "texts of its own": {"provider_code": EvilText("fine"), "message": EvilText("fine")},
    "a state of tuples": {"provider_state": {"shown": {"list": (1, 2, None, True, 1.5, EvilText("x"))}}},
    "a receipt": {"receipt_url": "https://acme.example/r/1"},
    "an action": {"action": {"type": "x", "redirect_url": "https://acme.example/?" + "x" * 4000, "more": [1]}},
    "asked again at once": {"check_after": 0},
    "a reason beside it": {"reason": Reason.CARD_DECLINED},
}
PREPARED: dict[str, Any] = {
    "something evil": Evil(),
    "a reference with half a character": Prepared("p\ud800"),
    "an action of itself": Prepared("p_2", _itself()),
    "a state without bottom": Prepared("p_4", state=_deep()),
    "a redirect that runs": Prepared("p_5", {"redirect_url": "javascript:alert(1)"}),
}


def answer(what: str, order: Order) -> Any:
    """`what` by its name, as an answer about `order`."""
    number = next(_NUMBERS)
    truth = Outcome(OutcomeState.SUCCEEDED, f"r_{number}", order.amount, order.currency, evidence=f"e_{number}")
    if what in STATES:
        return replace(truth, provider_state=STATES[what])
    return replace(truth, **(FINE | WRONG)[what]) if what in FINE | WRONG else NO_OUTCOMES[what]


def prepared(what: str, order: Order) -> Any:
    return PREPARED[what]
