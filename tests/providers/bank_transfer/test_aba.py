"""The payment file against a sample that was written by hand, and against a reader that knows nothing of the writer."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.profiles import fixed
from tp_gateway.providers.bank_transfer.aba import LARGEST_AMOUNT, BalancingDebit, Credit, Header, write
from tp_gateway.providers.bank_transfer.bsb import BankAccount

CLINIC = BankAccount("062-000", "12345678")
HEADER = Header("CBA", "THE CLINIC PTY LTD", "1234", "REFUNDS", date(2026, 3, 5), CLINIC, "THE CLINIC")
FIRST = Credit(BankAccount("033-001", "000123"), 18050, "ACCOUNT HOLDER ONE", "TP957427587139")
SECOND = Credit(BankAccount("732-002", "987654321"), 5, "ACCOUNT HOLDER TWO", "R 7/2")
BALANCING = BalancingDebit(CLINIC, "THE CLINIC PTY LTD", "REFUNDS 5 MARCH")

# One line in pieces: the fields up to the title, the title and the reference, the rest.
HEAD = "0                 01CBA       THE CLINIC PTY LTD        001234REFUNDS     050326" + " " * 40
TRACE = "062-000 12345678THE CLINIC      00000000"
CREDITS = [
    "1033-001   000123 500000018050ACCOUNT HOLDER ONE              TP957427587139    " + TRACE,
    "1732-002987654321 500000000005ACCOUNT HOLDER TWO              R 7/2             " + TRACE,
]
DEBIT = "1062-000 12345678 130000018055THE CLINIC PTY LTD              REFUNDS 5 MARCH   " + TRACE
TOTAL = "7999-999            000001805500000180550000000000                        000002" + " " * 40
BALANCED = "7999-999            000000000000000180550000018055                        000003" + " " * 40


def test_the_sample() -> None:
    assert write(HEADER, [FIRST, SECOND]) == "".join(f"{one}\r\n" for one in [HEAD, *CREDITS, TOTAL]).encode("ascii")


def test_the_sample_with_a_balancing_debit() -> None:
    expected = "".join(f"{one}\r\n" for one in [HEAD, *CREDITS, DEBIT, BALANCED]).encode("ascii")
    assert write(HEADER, iter([FIRST, SECOND]), BALANCING) == expected


def read(written: bytes) -> tuple[list[dict[str, str]], dict[str, str]]:
    """(details, totals) by the positions of the published table, 1-based and inclusive."""

    def fields(line: str, **positions: tuple[int, int]) -> dict[str, str]:
        return {name: line[first - 1 : last] for name, (first, last) in positions.items()}

    assert written.endswith(b"\r\n")
    first, *middle, last = written.decode("ascii").removesuffix("\r\n").split("\r\n")
    assert {len(line) for line in (first, *middle, last)} == {120}
    assert (first[0], {line[0] for line in middle}, last[0]) == ("0", {"1"}, "7")
    details = [
        fields(
            line,
            bsb=(2, 8),
            account=(9, 17),
            indicator=(18, 18),
            code=(19, 20),
            cents=(21, 30),
            title=(31, 62),
            reference=(63, 80),
            trace_bsb=(81, 87),
            trace_account=(88, 96),
            remitter=(97, 112),
            tax=(113, 120),
        )
        for line in middle
    ]
    return details, fields(last, bsb=(2, 8), net=(21, 30), credit=(31, 40), debit=(41, 50), count=(75, 80))


plain = string.ascii_letters + string.digits + "&'()*+,./-"
names = st.from_regex(r"[A-Za-z][A-Za-z'.-]{0,9}( [A-Za-z][A-Za-z'.-]{0,9}){0,1}", fullmatch=True)
account_numbers = st.text(string.digits, min_size=4, max_size=9).filter(lambda text: text.strip("0") != "")
accounts = st.builds(BankAccount, st.from_regex(r"[0-9]{3}-[0-9]{3}", fullmatch=True), account_numbers)
lodgements = st.text(plain, max_size=17).map(lambda text: f"R{text}")
credits_ = st.builds(Credit, accounts, st.integers(1, LARGEST_AMOUNT // 20), names, lodgements)


@fixed(200)
@given(st.lists(credits_, min_size=1, max_size=20), st.booleans())
def test_what_is_written_is_read_back(credits: list[Credit], balanced: bool) -> None:
    details, totals = read(write(HEADER, credits, BALANCING if balanced else None))
    assert len(details) == len(credits) + balanced
    for put, got in zip(credits, details, strict=False):
        assert got["bsb"] == put.account.bsb
        assert got["account"].lstrip(" ") == put.account.account_number
        assert (got["indicator"], got["code"], got["tax"]) == (" ", "50", "00000000")
        assert int(got["cents"]) == put.amount
        assert (got["title"].rstrip(" "), got["reference"].rstrip(" ")) == (put.title, put.reference)
        assert (got["trace_bsb"], got["trace_account"]) == ("062-000", " 12345678")
        assert got["remitter"] == "THE CLINIC      "
    total = sum(one.amount for one in credits)
    debit = total if balanced else 0
    assert [int(totals[name]) for name in ("net", "credit", "debit")] == [total - debit, total, debit]
    assert (totals["bsb"], int(totals["count"])) == ("999-999", len(details))
    assert not balanced or (details[-1]["code"], int(details[-1]["cents"])) == ("13", total)


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("Façade Übergröße", "Facade Ubergrosse"),
        ("Hors d\u2019Œuvre \u2013 Łódź Øre", "Hors d'Oeuvre - Lodz Ore"),
        ("  two\tspaces\r\nand a line ", "two spaces and a line"),
        ("a|b;c", "a b c"),
        ("李 Account", "Account"),
        ("N" * 40, "N" * 32),
        ("N" * 31 + " MORE", "N" * 31),
    ],
)
def test_names_in_the_file_s_characters(title: str, written: str) -> None:
    [detail], _totals = read(write(HEADER, [replace(FIRST, title=title)]))
    assert detail["title"] == f"{written:32}"


@fixed(300)
@given(st.text())
def test_no_name_breaks_a_line(title: str) -> None:
    try:
        credit = replace(FIRST, title=title)
    except ValueError as error:
        assert str(error).startswith("title: ")
    else:
        [detail], _totals = read(write(HEADER, [credit]))
        assert detail["title"].strip() and not detail["title"].startswith(" ")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"amount": 0}, "amount: not between 1 and"),
        ({"amount": -5}, "amount: not between 1 and"),
        ({"amount": LARGEST_AMOUNT + 1}, "amount: not between 1 and"),
        ({"amount": 1.5}, "amount: not between 1 and"),
        ({"amount": True}, "amount: not between 1 and"),
        ({"account": BankAccount("062-000", "1234567890")}, "account: an account number of more than 9 digits"),
        ({"title": ""}, "title: nothing in it"),
        ({"title": " . "}, "title: nothing in it"),
        ({"title": "李"}, "title: nothing in it"),
        ({"title": "." * 32 + "A"}, "title: nothing in it"),
        ({"reference": ""}, "reference: not 1 to 18"),
        ({"reference": "R" * 19}, "reference: not 1 to 18"),
        ({"reference": "0123"}, "reference: not 1 to 18"),
        ({"reference": "-1"}, "reference: not 1 to 18"),
        ({"reference": "R1 "}, "reference: not 1 to 18"),
        ({"reference": "R\r\n1"}, "reference: not 1 to 18"),
        ({"reference": "Ré"}, "reference: not 1 to 18"),
    ],
)
def test_a_refund_that_cannot_stand_in_a_file(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}") as refused:
        replace(FIRST, **changes)
    assert "1234567890" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"bank": "CB"}, "bank: not three"),
        ({"bank": "cba"}, "bank: not three"),
        ({"user_id": ""}, "user_id: not 1 to 6"),
        ({"user_id": "1234567"}, "user_id: not 1 to 6"),
        ({"user_id": "12A"}, "user_id: not 1 to 6"),
        ({"user_name": "N" * 27}, "user_name: more than 26"),
        ({"description": "N" * 13}, "description: more than 12"),
        ({"description": ""}, "description: nothing"),
        ({"remitter": "N" * 17}, "remitter: more than 16"),
        ({"trace": BankAccount("062-000", "1234567890")}, "trace: an account number"),
    ],
)
def test_a_header_that_cannot_stand_in_a_file(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        replace(HEADER, **changes)


def test_a_balancing_debit_is_checked_like_a_credit() -> None:
    for changes in ({"account": BankAccount("062-000", "1234567890")}, {"title": ""}, {"reference": ""}):
        with pytest.raises(ValueError, match=f"^{next(iter(changes))}: "):
            replace(BALANCING, **changes)


def test_a_file_of_nothing_and_a_file_of_too_much() -> None:
    with pytest.raises(ValueError, match=r"^credits: none$"):
        write(HEADER, [])
    largest = replace(FIRST, amount=LARGEST_AMOUNT)
    assert read(write(HEADER, [largest], BALANCING))[1]["credit"] == "9999999999"
    with pytest.raises(ValueError, match=r"^credits: more than 9999999999 cents together$"):
        write(HEADER, [largest, replace(SECOND, amount=1)])


def test_nothing_shows_an_account_number_or_a_patient_s_name() -> None:
    shown = f"{HEADER!r} {FIRST!r} {SECOND!r} {BALANCING!r}"
    for secret in ("12345678", "000123", "987654321", "HOLDER"):
        assert secret not in shown
    assert "***678" in shown
