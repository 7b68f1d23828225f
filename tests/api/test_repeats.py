"""The same request twice, as clients send it: with a key, without one, from two tabs, and all at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from webtest import TestResponse

from tests.api.conftest import Api
from tests.clinic import OTHER_PATIENT
from tests.invariants import check_invariants
from tp_gateway.registry import GuardedProvider

INTENT = "/api/billing/stripe/create-payment-intent/"
CARD = {"payment_method": "card", "payment_method_id": "pm_card_visa"}


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[Any]]:
    """`meanwhile(call)`: while the first charge is at the provider, `call` is made once. Returns where its result
    will be."""

    def arrange(call: Callable[[], Any]) -> list[Any]:
        execute, results, once = GuardedProvider.execute, list[Any](), threading.Lock()

        def interrupted(provider: GuardedProvider, order: Any, reference: str | None) -> Any:
            if once.acquire(blocking=False):
                results.append(call())
            return execute(provider, order, reference)

        monkeypatch.setattr(GuardedProvider, "execute", interrupted)
        return results

    return arrange


@pytest.mark.catalogue(2)
def test_the_same_key_fifty_times_at_once(api: Api) -> None:
    together = threading.Barrier(25)

    def one(number: int) -> TestResponse:
        if number < together.parties:
            together.wait(30)
        return api.pay_by_http(headers=key("k"))

    with ThreadPoolExecutor(together.parties) as pool:
        answers = list(pool.map(one, range(50)))
    fresh = [one for one in answers if one.status_code == 201 and "Idempotent-Replayed" not in one.headers]
    assert len(fresh) == 1, Counter(one.status for one in answers)
    for answer in answers:
        if answer.status_code == 201:
            assert answer.json["id"] == fresh[0].json["id"]
        else:
            assert (answer.status_code, answer.json["code"]) == (409, "idempotency_in_progress")
            assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert len(api.books()["charges"]) == 1
    check_invariants(api.database.engine, api.books())


@pytest.mark.catalogue(3)
def test_another_amount_under_the_same_key_leaves_the_first_payment_alone(api: Api) -> None:
    api.pay_by_http(status=201, headers=key("k"))
    before = [tuple(row) for row in api.rows("SELECT * FROM payments")]
    refused = api.pay_by_http(status=422, headers=key("k"), amount="90.00")
    assert refused.json["code"] == "idempotency_key_reuse"
    assert [tuple(row) for row in api.rows("SELECT * FROM payments")] == before
    assert len(api.rows("SELECT id FROM idempotency_records")) == 1


@pytest.mark.catalogue(4)
def test_a_key_is_one_users_on_one_route(api: Api) -> None:
    api.appointment(124)
    api.appointment(125, OTHER_PATIENT)
    mine = api.pay_by_http(status=201, headers=key("k"))
    theirs = api.pay_by_http(status=201, headers=key("k"), appointment_id=125, as_user=OTHER_PATIENT)
    intent = api.post(INTENT, {"appointment_id": 124, "amount": 18000}, headers=key("k"), status=200)
    answers = [mine, theirs, intent]
    assert not [one for one in answers if "Idempotent-Replayed" in one.headers]
    references = [one.json["payment_intent_id"] for one in answers]
    for answer, own in zip(answers, references, strict=True):
        assert not [other for other in references if other != own and other in answer.text]


@pytest.mark.catalogue(5)
def test_a_double_click_without_a_key_is_told_which_payment_is_in_the_way(
    api: Api, meanwhile: Callable[[Callable[[], Any]], list[Any]]
) -> None:
    second = meanwhile(api.pay_by_http)
    first = api.pay_by_http(status=201)
    assert (second[0].status_code, second[0].json["code"]) == (409, "payment_in_progress")
    assert second[0].json["payment_id"] == first.json["id"]
    assert len(api.books()["charges"]) == 1


@pytest.mark.catalogue(6)
def test_two_tabs_with_keys_of_their_own(api: Api, meanwhile: Callable[[Callable[[], Any]], list[Any]]) -> None:
    path = f"/api/billing/invoices/{api.invoice().id}/pay/"
    second = meanwhile(lambda: api.post(path, CARD, headers=key("b")))
    first = api.post(path, CARD, headers=key("a"), status=200)
    assert first.json["invoice"]["status"] == "paid"
    assert (second[0].status_code, second[0].json["code"]) == (409, "payment_in_progress")
    assert api.post(path, CARD, headers=key("b"), status=409).json["code"] == "already_paid"
    assert len(api.books()["charges"]) == 1


@pytest.mark.catalogue(12)
def test_two_parts_at_once_of_one_invoice(api: Api, meanwhile: Callable[[Callable[[], Any]], list[Any]]) -> None:
    path, part = f"/api/billing/invoices/{api.invoice().id}/pay/", CARD | {"amount": "100.00"}
    second = meanwhile(lambda: api.post(path, part))
    first = api.post(path, part, status=200)
    assert first.json["invoice"]["amount_due"] == "80.00"
    assert (second[0].status_code, second[0].json["code"]) == (409, "payment_in_progress")
    again = api.post(path, part, status=400)
    assert again.json["details"] == {"amount": ["Exceeds the amount due: 80.00"]}
    check_invariants(api.database.engine, api.books())


@pytest.mark.parametrize("header", ["", '""', "x" * 256, "a\x01b", "a\tb", "\u00e9", "a, b", '"a", "b"'])
@pytest.mark.catalogue(7)
def test_a_malformed_key_is_refused_and_nothing_is_stored(quiet_api: Api, header: str) -> None:
    """Sent twice, a server joins the two with a comma."""
    answer = quiet_api.pay_by_http(status=400, headers=key(header))
    assert (answer.json["code"], list(answer.json["details"])) == ("validation_error", ["idempotency_key"])
    assert not quiet_api.rows("SELECT id FROM payments")
    assert not quiet_api.rows("SELECT id FROM idempotency_records")


@pytest.mark.catalogue(7)
def test_a_key_in_quotes_is_the_same_key(api: Api) -> None:
    first = api.pay_by_http(status=201, headers=key('"k"'))
    again = api.pay_by_http(status=201, headers=key("k"))
    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
