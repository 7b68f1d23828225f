"""Tens of thousands of payments: packed, found by index, forgotten when told to."""

from pathlib import Path

import pytest
import stripe

from sandbox.stripe import StripeSandbox
from sandbox.stripe.books import Books
from sandbox.stripe.catalogue import Catalogue
from sandbox.stripe.shelf import LIVE, Shelf
from tests.sandbox.helpers import Raw, client, paid


def test_a_shelf_packs_what_nobody_uses() -> None:
    shelf = Shelf()
    for number in range(LIVE + 50):
        shelf[f"ch_{number}"] = {"id": f"ch_{number}", "amount": number, "more": {"nested": [None, True, "é"]}}
    shelf.tidy()
    assert (len(shelf), next(iter(shelf))) == (LIVE + 50, "ch_0")
    assert shelf.peek("ch_0") == {"id": "ch_0", "amount": 0, "more": {"nested": [None, True, "é"]}}
    assert shelf.peek("ch_0") is not shelf.peek("ch_0")  # packed, and stays so
    assert shelf["ch_0"] is shelf["ch_0"]  # unpacked by use, until the next tidying
    shelf["ch_0"]["amount"] = 7
    for number in range(LIVE):
        shelf[f"re_{number}"] = {"id": f"re_{number}"}
    shelf.tidy()
    assert shelf["ch_0"]["amount"] == 7
    assert [one["id"] for one in shelf.walk()][:2] == ["ch_0", "ch_1"]
    del shelf["ch_0"]
    assert "ch_0" not in shelf


def test_what_is_packed_can_be_changed_and_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.stripe.shelf.LIVE", 2)
    books = Books()
    for number in range(9):
        with books.transaction():
            books.put("refund", f"re_{number}", {"id": f"re_{number}", "created": 1, "charge": "ch_1", "amount": 1})
    with pytest.raises(RuntimeError), books.transaction():
        books.touch("refund", "re_0")["charge"] = "ch_2"
        raise RuntimeError
    assert [one["id"] for one in books.having("refund", "charge", "ch_1")] == [f"re_{number}" for number in range(9)]
    with books.transaction():
        books.touch("refund", "re_0")["charge"] = "ch_2"
        assert [one["id"] for one in books.having("refund", "charge", "ch_2")] == ["re_0"]
    assert len(books.having("refund", "charge", "ch_1")) == 8
    assert books.get("refund", "re_0")["charge"] == "ch_2"


def test_a_catalogue_finds_by_field_and_time() -> None:
    catalogue = Catalogue("charge")
    for number in range(10):
        catalogue.note(f"ch_{number}", None, {"created": 100 + number // 2, "customer": f"cus_{number % 3}"})
    assert list(catalogue.among({"customer": ["cus_0"]}, None, None)) == [0, 3, 6, 9]
    assert list(catalogue.among({"customer": ["cus_0"]}, 101, 103)) == [3, 6]
    assert list(catalogue.among({"customer": ["cus_2", "cus_0"]}, None, None)) == [0, 2, 3, 5, 6, 8, 9]
    assert list(catalogue.among({"colour": ["red"]}, 104, None)) == [8, 9]
    catalogue.note("ch_3", {"created": 101, "customer": "cus_0"}, {"created": 101, "customer": "cus_1"})
    catalogue.note("ch_0", {"created": 100, "customer": "cus_0"}, None)
    assert list(catalogue.among({"customer": ["cus_0"]}, None, None)) == [6, 9]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, api: stripe.StripeClient) -> None:
    """Nearly everything is packed at once."""
    monkeypatch.setattr("sandbox.stripe.shelf.LIVE", 1)


def test_a_life_among_packed_objects(small: None, api: stripe.StripeClient, raw: Raw) -> None:
    customer = api.v1.customers.create({}).id
    asked = {"capture_method": "manual", "customer": customer, "setup_future_usage": "off_session"}
    held = paid(api, "pm_card_authenticationRequired", **asked)
    for _ in range(5):
        paid(api)
    raw.control("POST", f"challenge/{held.id}", {"outcome": "complete"})
    for _ in range(5):
        paid(api)
    api.v1.payment_intents.capture(held.id)
    api.v1.refunds.create({"payment_intent": held.id, "amount": 100, "expand": ["charge.refunds"]})
    charge = api.v1.charges.list({"payment_intent": held.id, "expand": ["data.refunds"]}).data[0]
    assert (charge.amount_refunded, len(charge.refunds.data)) == (100, 1)
    kept = api.v1.payment_methods.list({"customer": customer}).data
    assert [one.id for one in kept] == [charge.payment_method]
    api.v1.customers.delete(customer)
    assert api.v1.payment_methods.retrieve(charge.payment_method).customer is None
    assert len(list(api.v1.charges.list({"limit": 3}).auto_paging_iter())) == 11


def test_settings_bound_what_is_remembered() -> None:
    with StripeSandbox(requests_kept=3) as sandbox:
        api, raw = client(sandbox.url), Raw(sandbox.url)
        raw.control("POST", "settings", {"events_kept": 2})
        made = [api.v1.customers.create({}).id for _ in range(5)]
        assert [one.data.object["id"] for one in api.v1.events.list().data] == made[:2:-1]
        assert len(raw.control("GET", "requests")["requests"]) == 3


def test_a_restart_finds_everything_again(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with StripeSandbox(state_file=state) as sandbox:
        api = client(sandbox.url)
        gone, kept = api.v1.customers.create({}).id, api.v1.customers.create({"email": "a@b.example"}).id
        api.v1.customers.delete(gone)
        intent = paid(api, customer=kept)
    with StripeSandbox(state_file=state) as sandbox:
        api = client(sandbox.url)
        assert [one.id for one in api.v1.customers.list().data] == [kept]
        assert [one.id for one in api.v1.customers.list({"email": "a@b.example"}).data] == [kept]
        assert [one.id for one in api.v1.charges.list({"payment_intent": intent.id}).data] == [intent.latest_charge]
        assert api.v1.balance.retrieve().pending[0].amount == 9800


def test_some_of_the_books(api: stripe.StripeClient, raw: Raw) -> None:
    paid(api)
    books = raw.control("GET", "books?only=charges,refunds")
    assert (sorted(books), len(books["charges"])) == (["charges", "refunds"], 1)
    assert raw.call("GET", "/_sandbox/books?only=colours")[0] == 400
