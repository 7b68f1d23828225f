"""The contract check: all traffic under /v1 against Stripe's document and key lists, after the answer was given.

It records what is wrong and never changes an answer.
"""

import json
import queue
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sandbox.stripe.messages import Answer, Request
from sandbox.stripe.shapes import skeletons

if TYPE_CHECKING:
    pass

_Seen = tuple[str, str, str, int, bytes]  # method, target, form, status, answer


def missing_keys(value: Any, where: str = "") -> Iterator[str]:
    """Stripe sends whole objects: every key of the example of its kind must be there, at any depth."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from missing_keys(item, f"{where}/{index}")
    elif isinstance(value, dict):
        kind = value.get("object")
        if isinstance(kind, str) and not value.get("deleted"):
            for key in sorted(_expected(value) - value.keys()):
                yield f"{where}/{key}: every {kind} of Stripe has it"
        for key, item in value.items():
            yield from missing_keys(item, f"{where}/{key}")


def _expected(value: dict[str, Any]) -> set[str]:
    """The keys of the example of its kind, all of which are about cards."""
    expected = set(skeletons().get(value["object"], {}))
    if value["object"] == "payment_method" and value.get("type") != "card":
        return (expected - {"card"}) | {str(value.get("type"))}
    if value["object"] == "dispute":
        return expected - {"payment_method_details"}
    return expected


class ContractCheck:
    def __init__(self) -> None:
        self._queue: queue.Queue[_Seen | None] = queue.Queue()
        self._found: list[dict[str, Any]] = []
        self._checked = 0
        # Here, and not in the thread: an import beside the ones of a starting test run can fail.
        from sandbox.stripe.document import Checker

        self._checker = Checker()
        self._thread = threading.Thread(target=self._work, name="contract", daemon=True)
        self._thread.start()

    def saw(self, request: Request, answer: Answer) -> None:
        self._queue.put(
            (request.method, request.target, request.body.decode("utf-8", "replace"), answer.status, answer.body)
        )

    def violations(self) -> list[dict[str, Any]]:
        """What was found, once everything seen so far has been checked."""
        self._queue.join()
        return list(self._found)

    def checked(self) -> int:
        self._queue.join()
        return self._checked

    def clear(self) -> None:
        self._queue.join()
        self._found.clear()

    def stop(self) -> None:
        self._queue.put(None)
        self._thread.join(5)

    def _work(self) -> None:
        while (seen := self._queue.get()) is not None:
            try:
                self.examine(*seen)
            except Exception as error:  # a broken check must show up as a violation, not end the checking
                self._note(seen[0], seen[1], seen[3], "check", [f"{type(error).__name__}: {error}"])
            finally:
                self._checked += 1
                self._queue.task_done()
        self._queue.task_done()

    def examine(self, method: str, target: str, form: str, status: int, body: bytes) -> None:
        """Check one exchange. A request is judged only if the sandbox took it: tests send wrong ones on purpose."""
        if status < 300 or status == 402:
            self._note(method, target, status, "request", self._checker.request(method, target, form))
        try:
            value = json.loads(body)
        except ValueError:
            self._note(method, target, status, "answer", ["not JSON"])
            return
        errors = self._checker.answer(method, target, status, value) + list(missing_keys(value))
        for event in _events(value):
            inner = event["data"]["object"]
            if not inner.get("deleted"):
                errors += [f"data/object/{error}" for error in self._checker.object(inner["object"], inner)]
        self._note(method, target, status, "answer", errors)

    def _note(self, method: str, target: str, status: int, side: str, errors: list[str]) -> None:
        if errors:
            self._found.append({"method": method, "path": target, "status": status, "side": side, "errors": errors})


def _events(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        return []
    found = value["data"] if value.get("object") == "list" else [value]
    return [one for one in found if isinstance(one, dict) and one.get("object") == "event"]
