"""Invoices over HTTP: the frontend's sample, what is derived and what is refused, lists, and what staff do to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import LINES, Api, Bank
from tests.api.test_contract import check, sample
from tests.banking import cba
from tests.clinic import ADMIN, MANAGER, NOON, OTHER_PATIENT, PATIENT, PSYCHOLOGIST, admin
from tests.invariants import check_invariants
from tests.services.clocks import at
from tests.verified import assert_verified
from tp_gateway.services.invoices import listing

CREATE, INVOICES = "/api/billing/create-invoice/", "/api/billing/invoices/"


def create(api: Api, status: int = 201, as_user: int = MANAGER, **body: Any) -> dict[str, Any]:
    asked = {"patient_id": PATIENT, **body}
    return dict(api.post(CREATE, asked, as_user=as_user, status=status).json)


def do(api: Api, invoice_id: int, what: str, status: int = 200, **body: Any) -> dict[str, Any]:
    return dict(api.post(f"{INVOICES}{invoice_id}/{what}/", body or None, as_user=MANAGER, status=status).json)


def listed(api: Api, query: str = "", as_user: int = MANAGER) -> dict[str, Any]:
    return dict(api.get(f"{INVOICES}?{query}", as_user=as_user, status=200).json)


def ids(found: dict[str, Any]) -> list[int]:
    return [invoice["id"] for invoice in found["invoices"]]


# --- making one -------------------------------------------------------------------------------------------------------


def test_the_frontends_sample(api: Api) -> None:
    at(api, NOON)
    api.appointment()
    check(api.post(CREATE, sample("create_invoice")["request"], as_user=ADMIN), "create_invoice")


def test_an_appointment_is_enough(api: Api) -> None:
    """What treatment is for is free of GST, on its day in Melbourne, by its practitioner."""
    at(api, NOON)
    api.appointment(starts_at=datetime(2025, 1, 18, 13, 30, tzinfo=UTC))
    api.pay_by_http(status=201)
    made = create(api, appointment_id=123)
    assert (made["amount"], made["amount_paid"], made["status"], made["due_date"]) == (
        *("180.00", "180.00", "paid"),
        "2025-02-18",
    )
    assert made["items"] == [
        {
            "line": 1,
            "description": "Individual therapy",
            "quantity": 1,
            "unit_price": "180.00",
            "total": "180.00",
            "gst_treatment": "gst_free",
            "gst_rate": 0.0,
            "gst": "0.00",
            "amount_credited": "0.00",
            "service_date": "2025-01-19",
            "item_number": None,
            "practitioner_id": PSYCHOLOGIST,
            "practitioner_name": None,
        }
    ]
    assert not made["is_tax_invoice"] and made["payments"][0]["amount_counted"] == "180.00"
    assert create(api, 409, appointment_id=123)["code"] == "not_payable"


@pytest.mark.catalogue(60)
def test_what_is_missing_is_derived(api: Api) -> None:
    line = {"description": "Report", "item_number": "80110", "service_date": "2025-01-02"}
    made = create(api, items=[line | {"quantity": 3, "unit_price": "36.67"}, line | {"quantity": 2, "total": "100.00"}])
    assert [item["total"] for item in made["items"]] == ["110.01", "100.00"]
    assert [item["unit_price"] for item in made["items"]] == ["36.67", "50.00"]
    assert [item["gst"] for item in made["items"]] == ["10.00", "9.09"] and made["gst"] == "19.09"
    assert (made["amount"], made["is_tax_invoice"]) == ("210.01", True)
    assert create(api, amount="55.00", description="Room")["items"][0]["gst"] == "5.00"
    assert create(api, amount=55, items=[{"description": "Room", "gst_treatment": "gst_free"}])["gst"] == "0.00"


@pytest.mark.catalogue(60)
def test_contradictions_are_refused_by_line(api: Api) -> None:
    def details(**body: Any) -> Any:
        refusal = create(api, 400, **body)
        assert refusal["code"] == "validation_error"
        return refusal["details"]

    good, three = {"description": "A", "total": "20.00"}, {"description": "A", "quantity": 3}
    assert details(items=[good, three | {"unit_price": "33.33", "total": "100.00"}]) == {
        "items": {"1": {"total": ["3 times 33.33 is 99.99"]}}
    }
    assert details(items=[three | {"total": "100.00"}, good, three]) == {
        "items": {"0": {"total": ["3 times 33.33 is 99.99"]}, "2": {"unit_price": ["Required, or a total"]}}
    }
    assert details(amount="40.01", items=[good, good]) == {"amount": ["The items add up to 40.00"]}
    assert details(items=[good | {"total": "20.001"}]) == {"items": {"0": {"total": ["AUD has 2 decimal places"]}}}
    assert details(items=[good | {"practitioner_id": PATIENT}]) == {
        "items": {"0": {"practitioner_id": ["No such practitioner"]}}
    }
    for wrong in ({"quantity": 0}, {"quantity": 1.5}, {"gst_treatment": "none"}, {"item_number": "8-0"}, {"id": 1}):
        assert list(details(items=[good | wrong])["items"]["0"]) == [*wrong]
    assert set(details()) == {"amount"} and set(details(amount="5.00")) == {"description"}
    assert set(details(items=[])) == {"items"} == set(details(items=[good | {"total": "99999999.99"}, good]))
    for name in ("id", "status", "amount_paid", "created_at", "invoice_number"):
        body = {"patient_id": PATIENT, "amount": "5.00", "description": "A", name: 1}
        assert api.post(CREATE, body, as_user=MANAGER, status=400).json["details"] == {name: ["Unknown field"]}
    api.appointment()
    api.pay_by_http(status=201)
    assert details(appointment_id=123, currency="NZD") == {"currency": ["Must be AUD"]}
    assert details(appointment_id=123, amount="100.00") == {"amount": ["180.00 was paid for this appointment already"]}
    assert not api.rows("SELECT id FROM invoices") and not api.rows("SELECT value FROM counters WHERE name LIKE 'inv%'")


@pytest.mark.catalogue(63)
def test_what_is_not_there_and_what_is_anothers(api: Api) -> None:
    api.appointment()
    absent = create(api, 404, patient_id=999, amount="5.00", description="A")
    for body in ({"appointment_id": 999}, {"appointment_id": 123, "patient_id": OTHER_PATIENT}):
        assert create(api, 404, **body) == absent
    assert create(api, 404, patient_id=MANAGER, amount="5.00", description="A") == absent
    mine, others = create(api, appointment_id=123)["id"], api.invoice(patient_id=OTHER_PATIENT).id
    for path in ("", "explain/"):
        api.get(f"{INVOICES}{mine}/{path}", as_user=PATIENT, status=200)
        seen = [api.get(f"{INVOICES}{one}/{path}", status=404).body for one in (others, 999)]
        assert seen[0] == seen[1]
    assert ids(listed(api, as_user=PATIENT)) == [mine]
    assert listed(api, f"patient_id={OTHER_PATIENT}", as_user=PATIENT) == {"invoices": [], "next": None, "credit": None}


@pytest.mark.catalogue(1)
@pytest.mark.catalogue(3)
def test_each_is_done_once_however_often_it_is_sent(api: Api) -> None:
    key = {"Idempotency-Key": "k"}

    def twice(path: str, body: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        first, again = (api.post(path, body, as_user=MANAGER, headers=key) for _ in range(2))
        assert first.status_code < 300 and first.body == again.body
        assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
        reused = api.post(path, other, as_user=MANAGER, headers=key, status=422)
        assert reused.json["code"] == "idempotency_key_reuse"
        return dict(first.json)

    wanted = {"patient_id": PATIENT, "amount": "180.00", "description": "A"}
    invoice = f"{INVOICES}{twice(CREATE, wanted, wanted | {'amount': '181.00'})['id']}/"
    twice(f"{invoice}credit/", {"amount": "60.00"}, {"amount": "61.00"})
    twice(f"{invoice}write-off/", {"amount": "20.00"}, {"amount": "21.00"})
    found = api.get(invoice, as_user=MANAGER, status=200).json
    assert (found["amount_due"], found["amount_credited"], found["amount_written_off"]) == ("100.00", "60.00", "20.00")
    assert [len(api.rows(f"SELECT id FROM {table}")) for table in ("invoices", "invoice_operations")] == [1, 2]


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(89)
def test_overdue_is_by_the_clinics_calendar(api: Api) -> None:
    """Due on New Year's Eve: until midnight in Melbourne, which is 13:00 in UTC, or in Perth once that is the clock."""
    at(api, datetime(2024, 12, 1, tzinfo=UTC))
    invoice = create(api, amount="180.00", description="A", due_date="2024-12-31")["id"]
    eve, new_year = datetime(2024, 12, 31, 12, 59, tzinfo=UTC), datetime(2024, 12, 31, 13, 0, tzinfo=UTC)
    for moment, status in ((eve, "pending"), (new_year, "overdue")):
        at(api, moment)
        assert api.get(f"{INVOICES}{invoice}/", as_user=MANAGER).json["status"] == status
        assert ids(listed(api, f"status={status}")) == [invoice]
        assert ids(listed(api, f"status={'overdue' if status == 'pending' else 'pending'}")) == []
    api.gateway.practice_settings.update(admin, {"system": {"timezone": "Australia/Perth"}})
    assert api.get(f"{INVOICES}{invoice}/", as_user=MANAGER).json["status"] == "pending"
    card = {"amount": "80.00", "payment_method": "card", "payment_method_id": "pm_card_visa"}
    paid = api.post(f"{INVOICES}{invoice}/pay/", card, status=200).json["invoice"]
    assert (paid["status"], paid["amount_due"]) == ("overdue", "100.00"), "today it is long past"


@pytest.mark.parametrize(
    ("some", "few"), [(1_000, 3_000), (0, 3_000), (0, 0)], ids=["a rare word", "a less rare word", "a common word"]
)
def test_every_filter_order_and_page(api: Api, monkeypatch: pytest.MonkeyPatch, some: int, few: int) -> None:
    monkeypatch.setattr(listing, "_SOME", some)
    monkeypatch.setattr(listing, "_FEW", few)
    at(api, NOON)
    api.push_users([api.user(47, "patient") | {"name": "Zoë Müller"}])
    due = [date(2025, 1, 18) + timedelta(days=days) for days in (0, 30, 10, 20, 10)]
    made = [
        create(api, patient_id=patient, amount=f"{place + 1}0.00", description=f"Report {place}", due_date=str(day))[
            "id"
        ]
        for place, (day, patient) in enumerate(zip(due, (PATIENT, PATIENT, OTHER_PATIENT, 47, 47), strict=True))
    ]
    a, b, c, d, e = made
    api.pay_by_http(appointment_id=None, invoice_id=b, amount="20.00", status=201)
    api.pay_by_http(appointment_id=None, invoice_id=a, amount="4.00", status=201)
    do(api, e, "void")
    for query, expected in {
        "": [e, d, c, b, a],
        "sort=oldest": [a, b, c, d, e],
        "sort=due_date": [a, c, e, d, b],
        "sort=-due_date": [b, d, e, c, a],
        "status=overdue": [a],
        "status=pending": [c, d],
        "status=pending&sort=-due_date": [d, c],
        "status=partially_paid": [],
        "status=paid": [b],
        "status=void": [e],
        "due_from=2025-01-28&due_to=2025-02-07": [c, e, d],
        "due_to=2025-01-28&status=void": [e],
        f"patient_id={PATIENT}": [b, a],
        f"patient_id={PATIENT}&sort=due_date&due_from=2025-01-19": [b],
        f"patient_id={PATIENT}&status=overdue&sort=oldest": [a],
        "text=mu%CC%88ller": [e, d],
        "text=MULLER+zoe&sort=oldest": [d, e],
        "text=report+3": [d],
        "text=report&status=overdue": [a],
        "text=report&sort=-due_date": [b, d, e, c, a],
        "text=INV-2025-002": [b],
        f"text=2&patient_id={OTHER_PATIENT}": [c],
        "text=mull": [],
    }.items():
        whole = listed(api, query)
        assert ids(whole) == expected and whole["next"] is None, query
        pages, path = [], f"{INVOICES}?{query}&limit=1"
        while path:
            page = api.get(path, as_user=MANAGER, status=200).json
            pages += ids(page)
            path = page["next"]
        assert pages == expected, f"{query}, page by page"
    for query in ("status=pending&sort=newest", "due_to=2025-01-01&sort=oldest", "text=%20-"):
        refused = api.get(f"{INVOICES}?{query}", as_user=MANAGER, status=400).json
        assert set(refused["details"]) == {"text" if query == "text=%20-" else "sort"}
    api.push_users([api.user(47, "patient") | {"name": "Zoë Report"}])
    assert (ids(listed(api, "text=müller")), ids(listed(api, "text=zoe"))) == ([], [e, d])


# --- what staff do to them --------------------------------------------------------------------------------------------


def test_from_the_desk_to_the_last_cent(api: Api) -> None:
    """Paid, credited, its credit paid with, given up: each answer says what is due, and the list what the credit is."""
    first, second = (create(api, amount="180.00", description="A")["id"] for _ in range(2))
    card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    payment = api.post(f"{INVOICES}{first}/pay/", card, status=200).json["payment"]["id"]
    credited = do(api, first, "credit", 201, lines=[{"line": 1, "amount": "60.00"}], reason="Shorter session")
    assert credited["refunds_proposed"] == [{"payment_id": payment, "amount": "60.00"}]
    assert (credited["amount_credited"], credited["money_paid"], credited["status"]) == ("60.00", "120.00", "paid")
    [note] = credited["credit_notes"]
    assert (note["number"], note["reason"], note["gst"]) == (credited["credit_note"], "Shorter session", "5.45")
    assert listed(api, as_user=PATIENT)["credit"] == "60.00" == listed(api, f"patient_id={PATIENT}")["credit"]
    applied = do(api, second, "apply-credit")
    assert (applied["amount_due"], applied["status"]) == ("120.00", "partially_paid")
    assert applied["payments"][0] | {"from_credit": True, "amount_counted": "60.00"} == applied["payments"][0]
    assert do(api, second, "return-credit", reason="Too early")["amount_due"] == "180.00"
    assert do(api, second, "apply-credit", amount="10.00")["amount_due"] == "170.00"
    written_off = do(api, second, "write-off", reason="Hardship")
    assert (written_off["amount_written_off"], written_off["status"]) == ("170.00", "paid")
    assert do(api, second, "void", 409)["code"] == "not_payable"
    assert do(api, second, "credit", 201)["amount_credited"] == "10.00", "what was given up is not credited"
    third = create(api, amount="5.00", description="A")["id"]
    assert do(api, third, "void", reason="Twice")["status"] == "void"
    for what in ("void", "credit", "write-off", "apply-credit", "return-credit"):
        assert do(api, third, what, 409)["code"] == "not_payable"
    both = do(api, first, "credit", 400, amount="1.00", lines=[{"line": 1}])
    assert both["details"] == {"amount": ["Not together with lines"]}
    assert do(api, first, "credit", 400, lines=[{"line": 1}] * 2)["details"] == {"lines": ["A line is named twice"]}
    told = [row.topic for row in api.rows("SELECT topic FROM outbox_messages WHERE topic LIKE 'inv%' ORDER BY id")]
    assert told[:4] == ["invoice.created", "invoice.created", "invoice.paid", "invoice.credited"]
    check_invariants(api.database.engine, api.books())
    assert_verified(api.database)


def test_a_line_whose_over_payment_has_paid_another_invoice_stays_matched_until_it_is_returned(bank: Bank) -> None:
    promised = bank.promise()
    bank.upload(cba([(23_000, f"Transfer {promised['payment_intent_id']}")]))
    other = create(bank, amount="40.00", description="A")["id"]
    assert do(bank, other, "apply-credit")["status"] == "paid" and bank.credit() == 1_000
    line = bank.line()["id"]
    refused = bank.post(f"{LINES}{line}/unmatch/", as_user=MANAGER, status=409).json
    assert (refused["code"], refused["payment_id"]) == ("not_payable", promised["id"])
    assert do(bank, other, "return-credit")["amount_due"] == "40.00"
    bank.unmatch(line)
    assert (bank.credit(), bank.due(promised["invoice_id"])) == (0, 18_000)
    assert_verified(bank.database)
