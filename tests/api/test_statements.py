"""Bank statements over HTTP: staff upload a file, its lines settle what they name, and staff decide about the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.banking import ACCOUNT, anz, cba
from tests.clinic import ADMIN, MANAGER, OTHER_PATIENT, PATIENT, sandbox
from tests.invariants import check_invariants

STATEMENTS = "/api/billing/statements/"
LINES = f"{STATEMENTS}lines/"
PAY = "/api/billing/payments/"


class Bank(Api):
    def promise(self, amount: str | None = None, **invoice: Any) -> dict[str, Any]:
        """A transfer that is promised for a new invoice of 180.00 (or of `invoice`)."""
        made = self.invoice(**invoice)
        return self.promise_for(made.id, amount, as_user=made.patient_id)

    def promise_for(self, invoice_id: int, amount: str | None = None, as_user: int = PATIENT) -> dict[str, Any]:
        body = {"payment_method": "bank_transfer"} | ({"amount": amount} if amount else {})
        answer = self.post(f"/api/billing/invoices/{invoice_id}/pay/", body, as_user=as_user, status=200).json
        return dict(answer["payment"])

    def upload(self, data: bytes, status: int = 201, name: str = "March.csv", **more: Any) -> dict[str, Any]:
        as_user = more.pop("as_user", MANAGER)
        headers = {"Content-Type": "text/csv", **more.pop("headers", {})}
        path = f"{STATEMENTS}?filename={name}"
        return dict(self.post(path, data, as_user=as_user, headers=headers, status=status, **more).json)

    def lines(self, query: str = "") -> list[dict[str, Any]]:
        return list(self.get(f"{LINES}{query}", as_user=MANAGER, status=200).json["lines"])

    def line(self) -> dict[str, Any]:
        [found] = self.lines()
        return found

    def match(self, line_id: int, *allocations: dict[str, Any], status: int = 200, **more: Any) -> dict[str, Any]:
        body = {"allocations": list(allocations)}
        return dict(self.post(f"{LINES}{line_id}/match/", body, as_user=MANAGER, status=status, **more).json)

    def unmatch(self, line_id: int, status: int = 200) -> dict[str, Any]:
        return dict(self.post(f"{LINES}{line_id}/unmatch/", as_user=MANAGER, status=status).json)

    def shown(self, payment_id: int) -> dict[str, Any]:
        return dict(self.get(f"{PAY}{payment_id}/", as_user=MANAGER, status=200).json)

    def due(self, invoice_id: int) -> int:
        query = "SELECT y.amount - y.amount_paid FROM payables y WHERE y.invoice_id = :id"
        return int(self.rows(query, id=invoice_id)[0][0])

    def credit(self, patient_id: int = PATIENT) -> int:
        signed = "CASE WHEN credit = 'patient_credit' THEN amount WHEN debit = 'patient_credit' THEN -amount ELSE 0 END"
        query = f"SELECT COALESCE(SUM({signed}), 0) FROM ledger_entries WHERE patient_id = :id"
        return int(self.rows(query, id=patient_id)[0][0])


@pytest.fixture
def bank(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Bank]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Bank(database_url, stripe_sandbox.url, **ACCOUNT)
    made.open()
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


# --- a file -----------------------------------------------------------------------------------------------------------


def test_a_file_is_uploaded_and_pays_what_it_names(bank: Bank) -> None:
    made = bank.promise()
    reference = made["payment_intent_id"]
    rows = [(18000, f"Transfer from J DOE {reference}"), (-5000, "Rent"), (123, "Interest")]
    told = bank.upload(cba(rows))
    assert {name: told[name] for name in ("name", "format", "lines", "new", "duplicate", "state")} == {
        **{"name": "March.csv", "format": "CBA CSV", "lines": 3, "new": 3, "duplicate": 0, "state": "imported"}
    }
    counts = {name: told[name] for name in ("matched", "suggested", "unmatched", "ignored", "waiting")}
    assert counts == {"matched": 1, "suggested": 0, "unmatched": 1, "ignored": 1, "waiting": 0}
    shown = bank.shown(made["id"])
    assert (shown["status"], shown["amount"]) == ("succeeded", "180.00")
    assert bank.due(made["invoice_id"]) == 0
    interest, rent, deposit = bank.lines()
    assert (deposit["state"], deposit["amount"], deposit["amount_left"]) == ("matched", "180.00", "0.00")
    assert reference in deposit["why"] and deposit["matches"][0]["by"] == "text"
    assert deposit["matches"][0]["payment_id"] == made["id"] and deposit["matches"][0]["made_by"] == "import"
    assert (rent["state"], rent["amount"], rent["why"]) == ("ignored", "-50.00", "Money that went out")
    assert (interest["state"], interest["suggestions"]) == ("unmatched", [])
    [seen] = bank.get(STATEMENTS, as_user=ADMIN, status=200).json["statements"]
    assert seen == told
    topics = [row.topic for row in bank.rows("SELECT topic FROM outbox_messages ORDER BY id")]
    assert topics == ["payment.succeeded", "payment.received"], "each once"


@pytest.mark.catalogue(94)
def test_the_same_file_again_adds_nothing(bank: Bank) -> None:
    made = bank.promise()
    data = cba([(18000, made["payment_intent_id"]), (123, "Interest")])
    bank.upload(data)
    again = bank.upload(data, name="copy.csv")
    assert (again["new"], again["duplicate"], again["matched"]) == (0, 2, 0)
    assert len(bank.lines()) == 2 and bank.credit() == 0
    assert bank.shown(made["id"])["amount"] == "180.00"


@pytest.mark.catalogue(94)
def test_overlapping_files_add_what_is_new(bank: Bank) -> None:
    """Also of lines that are alike to the last letter: as many as there are in the file that has most of them."""
    made = bank.promise()
    alike = [(500, "COFFEE", "", "")] * 3
    first = bank.upload(anz([(18000, "DEPOSIT", made["payment_intent_id"], "J DOE"), *alike[:2]]))
    assert (first["new"], first["matched"]) == (3, 1)
    second = bank.upload(anz([*alike, (18000, "DEPOSIT", made["payment_intent_id"], "J DOE"), (700, "TEA", "", "")]))
    assert (second["new"], second["duplicate"], second["unmatched"]) == (2, 3, 2)
    assert sorted(line["description"] for line in bank.lines()) == ["COFFEE", "COFFEE", "COFFEE", "DEPOSIT", "TEA"]


@pytest.mark.catalogue(95)
def test_a_malformed_line_refuses_the_whole_file(bank: Bank) -> None:
    made = bank.promise()
    rows = cba([(18000, made["payment_intent_id"])] + [(100, f"line {n}") for n in range(999)]).decode().splitlines()
    rows[899] = '05/03/2026,"abc","broken","+1.00"'
    answer = bank.upload("\n".join(rows).encode(), status=400)
    assert answer["code"] == "validation_error"
    assert answer["details"] == {"file": ["line 900: an amount is not a number"]}
    for table in ("statements", "statement_lines", "statement_matches", "ledger_entries"):
        assert not bank.rows(f"SELECT id FROM {table}")
    assert bank.shown(made["id"])["status"] == "pending"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"hello", b"\xff\xfe1", b"{}", b"a,b,c\n1,2,3\n", b"\0" * 99])
def test_what_is_no_statement_is_refused(bank: Bank, data: bytes) -> None:
    answer = bank.upload(data, status=400)
    assert list(answer["details"]) == ["file"] and not bank.rows("SELECT id FROM statements")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "Application/JSON"])
def test_the_body_is_the_file_itself(bank: Bank, kind: str) -> None:
    assert bank.upload(cba([(1, "x")]), headers={"Content-Type": kind}, status=415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "query", ["", "?filename=", "?filename=a&provider=stripe", "?filename=a&x=1", "?filename=a&provider=%00"]
)
def test_what_goes_with_a_file_is_checked(bank: Bank, query: str) -> None:
    headers = {"Content-Type": "text/csv"}
    answer = bank.post(f"{STATEMENTS}{query}", cba([(1, "x")]), as_user=MANAGER, headers=headers, status=400).json
    assert answer["code"] == "validation_error" and set(answer["details"]) <= {"filename", "provider", "x"}


def test_a_files_name_is_its_own(bank: Bank) -> None:
    assert bank.upload(cba([(1, "x")]), name="..%2F..%2Fetc%2Fpasswd")["name"] == "passwd"
    assert bank.upload(cba([(2, "x")]), name="C:%5Cbank%5CM%C3%A4rz.csv")["name"] == "März.csv"


def test_a_file_has_a_limit_of_its_own(database_url: str, stripe_sandbox: StripeSandbox) -> None:
    small = Bank(database_url, stripe_sandbox.url, **ACCOUNT, **{"tp_gateway.statement_megabytes": "1"})
    small.open()
    line = cba([(1, "x" * 80)])
    fits = (1 << 20) // len(line)
    try:
        assert small.upload(line * fits)["lines"] == fits
        assert small.upload(line * (fits + 1), status=413)["code"] == "payload_too_large"
    finally:
        small.close()


def test_nobody_reads_statements_where_no_provider_does(api: Api) -> None:
    headers = {"Content-Type": "text/csv"}
    answer = api.post(f"{STATEMENTS}?filename=a", b"x", as_user=MANAGER, headers=headers, status=400).json
    assert answer["details"] == {"provider": ["No provider here reads statements"]}


# --- what a line pays -------------------------------------------------------------------------------------------------


def test_too_little_leaves_the_rest_to_come(bank: Bank) -> None:
    made = bank.promise()
    reference = made["payment_intent_id"]
    bank.upload(cba([(10000, reference)]))
    shown = bank.shown(made["id"])
    assert (shown["status"], shown["amount"], shown["amount_requested"]) == ("succeeded", "100.00", "180.00")
    assert bank.due(made["invoice_id"]) == 8000 and "80.00 is still to come" in bank.line()["why"]
    bank.upload(cba([(8000, reference)], start=10000))
    assert bank.due(made["invoice_id"]) == 0 and bank.shown(made["id"])["amount"] == "180.00"
    status = bank.rows("SELECT status FROM invoices")[0].status
    assert (status, bank.credit()) == ("paid", 0)


def test_too_much_is_credit(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18500, made["payment_intent_id"])]))
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 500)
    assert "5.00 more than was due is the patient's credit" in bank.line()["why"]


def test_an_invoice_paid_twice_is_credit_the_second_time(bank: Bank) -> None:
    """Two lines that are the same but for the balance."""
    made = bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"]), (18000, made["payment_intent_id"])]))
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 18000)
    assert [line["state"] for line in bank.lines()] == ["matched", "matched"]


@pytest.mark.parametrize("end", ["expired", "canceled"])
def test_money_after_the_end_still_counts(bank: Bank, end: str) -> None:
    """What is too much by then stays credit: a transfer cannot be given back by itself."""
    made = bank.promise()
    if end == "canceled":
        bank.post(f"{PAY}{made['id']}/cancel/", status=200)
    else:
        with bank.database.transaction() as session:
            session.execute(sa.text("UPDATE payments SET expires_at = created_at, next_check_at = created_at"))
        bank.gateway.recovery.sweep()
    assert bank.shown(made["id"])["failure"] == {"code": end}
    card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    bank.post(f"/api/billing/invoices/{made['invoice_id']}/pay/", card | {"amount": "100.00"}, status=200)
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    assert bank.shown(made["id"])["status"] == "succeeded" and "had ended" in bank.line()["why"]
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 10000)
    assert not bank.rows("SELECT id FROM refunds")


def test_a_wrong_currency_is_for_nobody(bank: Bank) -> None:
    made = bank.promise()
    ofx = (
        "OFXHEADER:100\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><ACCTID>1</BANKACCTFROM><BANKTRANLIST>"
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260305<TRNAMT>180.00<FITID>1<MEMO>{made['payment_intent_id']}</STMTTRN>"
        "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    )
    told = bank.upload(ofx.encode(), name="march.ofx")
    assert (told["format"], told["unmatched"]) == ("OFX", 1)
    line = bank.line()
    assert line["why"] == f"It came in USD, and payment {made['id']} is in AUD"
    assert bank.shown(made["id"])["status"] == "pending"


def test_a_bpay_number_pays_too(bank: Bank) -> None:
    made = bank.promise()
    number = made["next_action"]["bpay"]["crn"]
    bank.upload(anz([(18000, "BPAY", number, "")]))
    assert bank.line()["matches"][0]["by"] == "reference" and bank.due(made["invoice_id"]) == 0


def test_a_mistyped_reference_is_repaired_and_said(bank: Bank) -> None:
    made = bank.promise()
    written = made["payment_intent_id"].replace("T", "X", 1)
    bank.upload(cba([(18000, written)]))
    line = bank.line()
    assert line["state"] == "matched" and line["matches"][0]["by"] == "repaired" and written in line["why"]


@pytest.mark.catalogue(96)
@pytest.mark.parametrize("cents", [17999, 18001])
def test_a_mistyped_reference_and_another_amount_is_for_a_person(bank: Bank, cents: int) -> None:
    made = bank.promise()
    bank.upload(cba([(cents, made["payment_intent_id"].replace("T", "X", 1))]))
    line = bank.line()
    assert (line["state"], line["matches"]) == ("suggested", [])
    assert line["suggestions"][0]["payment_id"] == made["id"] and line["suggestions"][0]["because"] == "reference"
    assert bank.shown(made["id"])["status"] == "pending"


@pytest.mark.catalogue(96)
def test_a_line_never_chooses_between_two(bank: Bank) -> None:
    first, second = bank.promise(), bank.promise()
    bank.upload(cba([(18000, f"{first['payment_intent_id']} {second['payment_intent_id']}")]))
    assert bank.line()["state"] == "unmatched"
    assert {bank.shown(one["id"])["status"] for one in (first, second)} == {"pending"}


@pytest.mark.catalogue(96)
@pytest.mark.parametrize("said", ["J DOE", "DOE JANE", "MRS JANE DOE", "J & T DOE", "OSKO Jané Doe 123"])
def test_an_amount_and_a_name_are_a_guess(bank: Bank, said: str) -> None:
    bank.push_users([{**bank.user(PATIENT, "patient"), "name": "Jane Doe"}])
    first, second = bank.invoice(), bank.promise()
    bank.upload(cba([(18000, f"Transfer from {said}"), (17999, f"Transfer from {said}")]))
    off_by_a_cent, line = bank.lines()
    assert (line["state"], off_by_a_cent["state"]) == ("suggested", "unmatched")
    assert not off_by_a_cent["suggestions"]
    found = {(one["invoice_id"], one["payment_id"]) for one in line["suggestions"]}
    assert found == {(first.id, None), (second["invoice_id"], second["id"])}
    assert bank.shown(second["id"])["status"] == "pending"
    bank.match(line["id"], {"invoice_id": first.id, "amount": "180.00"})
    assert not bank.lines("?state=suggested")


@pytest.mark.parametrize("said", ["JOHN SMITH", "T DOE", "DOEJ", "DO E JANE", ""])
def test_another_name_is_no_guess(bank: Bank, said: str) -> None:
    bank.push_users([{**bank.user(PATIENT, "patient"), "name": "Jane Doe"}])
    bank.promise()
    bank.upload(cba([(18000, f"Transfer from {said}")]))
    assert bank.line()["state"] == "unmatched"


def test_a_reversal_matches_nothing(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18000, f"REVERSAL OF {made['payment_intent_id']}"), (-18000, made["payment_intent_id"])]))
    assert [line["state"] for line in bank.lines()] == ["ignored", "unmatched"]
    assert bank.shown(made["id"])["status"] == "pending"


# --- staff decide -----------------------------------------------------------------------------------------------------


@pytest.mark.catalogue(96)
def test_a_deposit_for_two_invoices_is_split(bank: Bank) -> None:
    first, second = bank.promise(), bank.invoice()
    bank.upload(cba([(36000, "Transfer from J DOE")]))
    line = bank.line()
    wanted = {"payment_id": first["id"], "amount": "180.00"}, {"invoice_id": second.id, "amount": "180.00"}
    told = bank.match(line["id"], *wanted)
    assert (told["state"], told["amount_left"]) == ("matched", "0.00")
    assert [one["by"] for one in told["matches"]] == ["staff", "staff"]
    assert (bank.due(first["invoice_id"]), bank.due(second.id)) == (0, 0)
    assert (
        bank.match(line["id"], {"payment_id": first["id"], "amount": "0.01"}, status=400)["code"] == "validation_error"
    )


def test_a_part_of_a_line_is_matched_and_the_rest_waits(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(20000, "Transfer")]))
    line = bank.line()
    told = bank.match(line["id"], {"payment_id": made["id"], "amount": "150.00"})
    assert (told["state"], told["amount_left"], told["why"]) == ("unmatched", "50.00", "50.00 of it is not matched")
    told = bank.match(line["id"], {"payment_id": made["id"], "amount": "30.00"}, {"patient_id": PATIENT, "amount": 20})
    assert (told["state"], bank.due(made["invoice_id"]), bank.credit()) == ("matched", 0, 2000)


def test_credit_without_an_invoice(bank: Bank) -> None:
    bank.upload(cba([(5000, "Thank you")]))
    line = bank.line()
    told = bank.match(line["id"], {"patient_id": OTHER_PATIENT, "amount": "50.00"})
    assert bank.credit(OTHER_PATIENT) == 5000
    paid = bank.shown(told["matches"][0]["payment_id"])
    assert (paid["status"], paid["amount"], paid["invoice_id"]) == ("succeeded", "50.00", None)
    bank.unmatch(line["id"])
    assert bank.credit(OTHER_PATIENT) == 0
    assert bank.shown(paid["id"])["status"] == "failed", "nobody was ever told to transfer it"


def test_the_transfer_that_was_promised_for_an_invoice_is_used(bank: Bank) -> None:
    invoice = bank.invoice()
    first, wanted = bank.promise_for(invoice.id, "100.00"), bank.promise_for(invoice.id, "80.00")
    bank.promise_for(invoice.id, "50.00")
    bank.upload(cba([(8000, "Transfer")]))
    told = bank.match(bank.line()["id"], {"invoice_id": invoice.id, "amount": "80.00"})
    assert told["matches"][0]["payment_id"] == wanted["id"] and bank.shown(first["id"])["status"] == "pending"


def test_what_staff_say_is_checked(bank: Bank) -> None:
    made, paid = bank.promise(), bank.invoice()
    card = bank.post(
        f"/api/billing/invoices/{paid.id}/pay/", {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    ).json["payment"]
    void = bank.invoice()
    with bank.database.transaction() as session:
        session.execute(sa.text("UPDATE invoices SET status = 'void' WHERE id = :id").bindparams(id=void.id))
        session.execute(sa.text("UPDATE payables SET invoice_id = NULL WHERE invoice_id = :id").bindparams(id=void.id))
    bank.upload(cba([(18000, "Transfer"), (-100, "Fee")]))
    fee, line = bank.lines()
    good = {"payment_id": made["id"], "amount": "180.00"}
    refused: list[tuple[list[Any], int, str]] = [
        ([good | {"amount": "180.01"}], 400, "validation_error"),
        ([good, {"patient_id": PATIENT, "amount": "0.01"}], 400, "validation_error"),
        ([good | {"amount": "1.005"}], 400, "validation_error"),
        ([good | {"amount": "0"}], 400, "validation_error"),
        ([good | {"invoice_id": paid.id}], 400, "validation_error"),
        ([{"amount": "1.00"}], 400, "validation_error"),
        ([], 400, "validation_error"),
        ([good | {"x": 1}], 400, "validation_error"),
        ([{"payment_id": 999, "amount": "1.00"}], 400, "validation_error"),
        ([{"payment_id": card["id"], "amount": "1.00"}], 400, "validation_error"),
        ([{"invoice_id": 999, "amount": "1.00"}], 400, "validation_error"),
        ([{"patient_id": MANAGER, "amount": "1.00"}], 400, "validation_error"),
        ([{"invoice_id": void.id, "amount": "1.00"}], 409, "not_payable"),
        ([{"invoice_id": paid.id, "amount": "1.00"}], 409, "already_paid"),
    ]
    for allocations, status, code in refused:
        assert bank.match(line["id"], *allocations, status=status)["code"] == code, allocations
    assert bank.match(fee["id"], good | {"amount": "1.00"}, status=409)["code"] == "not_payable"
    assert bank.match(999, good, status=404)["code"] == "not_found"
    assert bank.unmatch(999, status=404)["code"] == "not_found"
    assert bank.unmatch(line["id"], status=409)["code"] == "not_payable"
    assert not bank.rows("SELECT id FROM statement_matches") and bank.shown(made["id"])["status"] == "pending"


def test_a_repeated_match_is_one_match(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18000, "Transfer")]))
    line, key = bank.line(), {"Idempotency-Key": "k1"}
    wanted = {"payment_id": made["id"], "amount": "90.00"}
    first = bank.post(
        f"{LINES}{line['id']}/match/", {"allocations": [wanted]}, as_user=MANAGER, headers=key, status=200
    )
    again = bank.post(
        f"{LINES}{line['id']}/match/", {"allocations": [wanted]}, as_user=MANAGER, headers=key, status=200
    )
    assert again.body == first.body and again.headers["Idempotent-Replayed"] == "true"
    assert (
        bank.match(line["id"], wanted | {"amount": "80.00"}, headers=key, status=422)["code"] == "idempotency_key_reuse"
    )
    assert bank.due(made["invoice_id"]) == 9000


# --- and take it back -------------------------------------------------------------------------------------------------


def test_an_unmatched_payment_waits_again_and_a_match_settles_it_again(bank: Bank) -> None:
    made, other = bank.promise(), bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    line = bank.line()
    told = bank.unmatch(line["id"])
    assert (told["state"], told["amount_left"], told["why"]) == ("unmatched", "180.00", "Un-matched by staff")
    assert told["matches"][0]["undone_by"] == f"user:{MANAGER}"
    assert bank.due(made["invoice_id"]) == 18000
    assert bank.rows("SELECT status FROM invoices ORDER BY id")[0].status == "pending"
    shown = bank.get(f"{PAY}{made['id']}/", status=200).json
    assert (shown["status"], shown["state"]) == ("pending", "awaiting_customer")
    assert shown["next_action"]["reference"] == made["payment_intent_id"]
    bank.match(line["id"], {"payment_id": other["id"], "amount": "180.00"})
    bank.unmatch(line["id"])
    again = bank.match(line["id"], {"payment_id": made["id"], "amount": "180.00"})
    assert [one["undone_at"] is None for one in again["matches"]] == [False, False, True]
    assert bank.due(made["invoice_id"]) == 0 and bank.due(other["invoice_id"]) == 18000
    entries = bank.rows("SELECT kind, evidence FROM ledger_entries ORDER BY id")
    assert [entry.kind for entry in entries] == ["charge", "unmatch", "charge", "unmatch", "charge"]
    assert len({entry.evidence for entry in entries}) == 3
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    assert bank.due(made["invoice_id"]) == 0 and bank.credit() == 0


def test_one_that_is_too_late_ends(bank: Bank) -> None:
    made = bank.promise()
    with bank.database.transaction() as session:
        session.execute(
            sa.text("UPDATE payments SET created_at = :old"), {"old": bank.gateway.clock() - timedelta(days=60)}
        ) if bank.database.engine.dialect.name == "postgresql" else session.execute(
            sa.text("UPDATE payments SET created_at = datetime('now', '-60 days')")
        )
        session.execute(sa.text("UPDATE invoices SET due_date = '2025-01-01'"))
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    bank.unmatch(bank.line()["id"])
    for _ in range(2):
        bank.gateway.recovery.sweep()
    assert bank.shown(made["id"])["failure"] == {"code": "expired"}


def test_money_of_other_lines_stays(bank: Bank) -> None:
    """Two lines, one of them for somebody else: what is left pays what is due, not the patient's credit."""
    made = bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"]), (18000, made["payment_intent_id"])]))
    second, first = bank.lines()
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 18000)
    bank.unmatch(first["id"])
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 0)
    assert bank.shown(made["id"])["status"] == "succeeded" and bank.shown(made["id"])["amount"] == "180.00"
    bank.unmatch(second["id"])
    assert (bank.due(made["invoice_id"]), bank.credit()) == (18000, 0)
    taken = bank.get("/api/billing/takings/", as_user=MANAGER).json["takings"]
    assert [(one["payment_method"], one["taken"]) for one in taken] == [("bank_transfer", "0.00")]


def test_a_payment_that_was_made_for_a_line_ends_with_it(bank: Bank) -> None:
    invoice = bank.invoice()
    bank.upload(cba([(18000, "Transfer")]))
    line = bank.line()
    told = bank.match(line["id"], {"invoice_id": invoice.id, "amount": "180.00"})
    payment_id = told["matches"][0]["payment_id"]
    assert bank.shown(payment_id)["status"] == "succeeded" and bank.due(invoice.id) == 0
    bank.unmatch(line["id"])
    assert (bank.shown(payment_id)["status"], bank.due(invoice.id)) == ("failed", 18000)


def test_what_was_given_back_is_not_unmatched(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    with bank.database.transaction() as session:
        session.execute(
            sa.text(
                "INSERT INTO refunds (uuid, payment_id, provider, amount, currency, state, epoch, checks, reopen,"
                " reason, provider_code, created_by, created_at, updated_at, moved_by)"
                " SELECT 'u', id, provider, 1, currency, 'pending', 1, 0, reopen, '', '', 'user:8', created_at,"
                " created_at, 'user:8'"
                " FROM payments CROSS JOIN (SELECT :no AS reopen) r"
            ).bindparams(sa.bindparam("no", False, type_=sa.Boolean()))
        )
    refused = bank.unmatch(bank.line()["id"], status=409)
    assert (refused["code"], refused["payment_id"]) == ("not_payable", made["id"])
    assert bank.due(made["invoice_id"]) == 0


def test_lists_have_pages(bank: Bank) -> None:
    for start in range(3):
        bank.upload(cba([(100 + start, f"Deposit {start}"), (-1, "Fee")], start=start * 1000))
    page = bank.get(f"{LINES}?state=unmatched&limit=2", as_user=MANAGER).json
    assert [line["amount"] for line in page["lines"]] == ["1.02", "1.01"]
    rest = bank.get(page["next"], as_user=MANAGER).json
    assert [line["amount"] for line in rest["lines"]] == ["1.00"] and rest["next"] is None
    page = bank.get(f"{STATEMENTS}?limit=2", as_user=MANAGER).json
    assert len(page["statements"]) == 2 and len(bank.get(page["next"], as_user=MANAGER).json["statements"]) == 1
    newest = page["statements"][0]["id"]
    assert len(bank.lines(f"?statement_id={newest}")) == 2
    for wrong in ("?state=done", "?limit=0", "?limit=101", "?x=1", "?statement_id=a"):
        bank.get(f"{LINES}{wrong}", as_user=MANAGER, status=400)
