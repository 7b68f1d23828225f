"""Bank statements over HTTP: staff upload a file, and see what is in it."""

from __future__ import annotations

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.conftest import LINES, STATEMENTS, Api, Bank
from tests.banking import ACCOUNT, anz, cba
from tests.clinic import ADMIN, MANAGER

PAY = "/api/billing/payments/"


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
    assert topics == ["invoice.created", "invoice.paid", "payment.succeeded", "payment.received"], "each once"


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
    assert answer["details"] == {"provider": ["Choose one of: none here reads statements"]}


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
