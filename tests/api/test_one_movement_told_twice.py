"""One deposit that two files tell in different words: it pays once by itself, and a person sees it the second time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from tests.api.conftest import Bank
from tests.banking import TODAY, anz, cba


def ofx(cents: int, memo: str, day: date = TODAY) -> bytes:
    return (
        "OFXHEADER:100\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>AUD<BANKACCTFROM><ACCTID>1</BANKACCTFROM><BANKTRANLIST>"
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>{day:%Y%m%d}<TRNAMT>{cents / 100:.2f}<FITID>1<MEMO>{memo}</STMTTRN>"
        "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    ).encode()


@pytest.mark.parametrize("day", [TODAY, date(2026, 3, 2), date(2026, 3, 9)])
def test_another_format_of_the_same_account_pays_nothing_again(bank: Bank, day: date) -> None:
    """Two formats can date a movement a few days apart, over a weekend for instance."""
    made = bank.promise()
    bank.upload(cba([(18000, f"Transfer J DOE {made['payment_intent_id']}")]))
    again = bank.upload(ofx(18000, f"OSKO {made['payment_intent_id']}", day), name="a.ofx")
    assert (again["new"], again["matched"], again["suggested"]) == (1, 0, 1)
    assert (bank.shown(made["id"])["amount"], bank.credit()) == ("180.00", 0)
    [line] = bank.lines("?state=suggested")
    [first] = bank.lines("?state=matched")
    assert f"line {first['id']}" in line["why"] and line["suggestions"][0]["payment_id"] == made["id"]
    bank.match(line["id"], {"payment_id": made["id"], "amount": "180.00"})
    assert bank.credit() == 18000, "a person may say that it was paid twice"


def test_a_second_payment_in_the_next_file_of_the_same_format_is_one(bank: Bank) -> None:
    """However a day is cut into files, it comes to the same."""
    made = bank.promise()
    bank.upload(cba([(9000, made["payment_intent_id"])]))
    assert bank.upload(cba([(9000, made["payment_intent_id"])], start=9000))["matched"] == 1
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 0)


def test_another_day_another_amount_and_what_was_undone_are_payments(bank: Bank) -> None:
    made = bank.promise()
    reference = made["payment_intent_id"]
    bank.upload(cba([(18000, reference)]))
    bank.upload(anz([(18100, "DEPOSIT", reference, "J DOE")]))
    bank.upload(ofx(18000, reference, date(2026, 3, 20)), name="a.ofx")
    assert bank.credit() == 18100 + 18000
    [first] = [line for line in bank.lines() if line["description"] == reference and line["booked_on"] == "2026-03-05"]
    bank.unmatch(first["id"])
    assert bank.upload(ofx(18000, f"AGAIN {reference}"), name="b.ofx")["matched"] == 1


def test_two_formats_at_the_same_time_pay_once(bank: Bank) -> None:
    for _ in range(5):
        made = bank.promise()
        files = (cba([(18000, made["payment_intent_id"])]), ofx(18000, f"OSKO {made['payment_intent_id']}"))
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(bank.upload, files))
        assert sorted((one["matched"], one["suggested"]) for one in told) == [(0, 1), (1, 0)]
    assert bank.credit() == 0
