"""The code on docs/providers.md, installed as pip would and run in a real gateway against a small voucher service."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.clinic import Clinic
from tests.docs.pages import ROOT, blocks
from tests.docs.vouchers import BALANCE, Vouchers
from tp_gateway.testing import CHECKS, run
from tp_gateway.testing.checking import GROUPS

PAGE = ROOT / "docs/providers.md"
NAMES = ("clinic_voucher", "front_desk")
TESTS = ("test_clinic_voucher", "voucher_sandbox")
Desk = Any


@pytest.fixture
def vouchers() -> Iterator[Vouchers]:
    server = Vouchers(BALANCE)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Both modules of the page, with the entry points that their setup.py would make."""
    info = tmp_path / "clinic_voucher-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clinic-voucher\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tp_gateway]\n" + "".join(f"{name} = {name}\n" for name in NAMES))
    modules = {block.split("\n", 1)[0]: block for block in blocks(PAGE, "python")}
    for name in (*NAMES, TESTS[0]):
        (tmp_path / f"{name}.py").write_text(modules[f"# {name}.py"])
    (tmp_path / f"{TESTS[1]}.py").write_text("from tests.docs.vouchers import Vouchers\n")
    compile(modules["# setup.py"], "setup.py", "exec")
    monkeypatch.syspath_prepend(str(tmp_path))
    import front_desk  # type: ignore[import-not-found]

    yield front_desk
    for name in (*NAMES, *TESTS):
        sys.modules.pop(name, None)


@pytest.fixture
def clinic(sqlite_database_url: str, vouchers: Vouchers, desk: Desk) -> Iterator[Clinic]:
    lines = blocks(PAGE, "ini")[1].strip().split("\n")
    more = {name: value for name, _, value in (line.partition(" = ") for line in lines)}
    more["tp_gateway.providers"] += " front_desk"
    more["tp_gateway.voucher.base_url"] = f"http://127.0.0.1:{vouchers.server_port}"
    clinic = Clinic(sqlite_database_url, "http://127.0.0.1:9", **more).open()
    clinic.appointment(123)
    yield clinic
    clinic.close()


REQUEST = json.loads(blocks(PAGE, "json")[2])


def pay(clinic: Clinic, code: str = REQUEST["voucher_code"]) -> Any:
    asked = {"appointment_id": REQUEST["appointment_id"], "amount": Decimal(REQUEST["amount"])}
    return clinic.pay(method=REQUEST["payment_method"], method_id=None, parameters={"voucher_code": code}, **asked)


def test_every_block_of_python_is_a_module_that_this_test_knows() -> None:
    assert [block.split("\n", 1)[0] for block in blocks(PAGE, "python")] == [
        "# clinic_voucher.py",
        "# setup.py",
        "# test_clinic_voucher.py",
        "# front_desk.py",
    ]


def test_the_voucher_keeps_every_promise_of_the_page(desk: Desk) -> None:
    import test_clinic_voucher as page  # type: ignore[import-not-found]

    report = run(page.VoucherSubject)
    assert report.ok, "\n".join(report.results[name].found for name in report.names("broken"))
    shown = next(text for text in blocks(PAGE, "text") if "kept" in text)
    lines = {without_counts(line) for line in (report.title, *report.lines())}
    assert {without_counts(line.strip("= ")) for line in shown.splitlines() if line != "…"} <= lines


def without_counts(line: str) -> str:
    """The page need not change with each further check."""
    return re.sub(r"\d+ (kept|not run)", r"some \1", line)


def test_the_page_explains_a_broken_promise_as_the_kit_does() -> None:
    [shown] = [text for text in blocks(PAGE, "text") if text.startswith("expected: ")]
    told = {word: text.strip() for word, _, text in (line.partition(":") for line in shown.splitlines())}
    explained = CHECKS["truth-a_lost_answer_is_unknown"].explained(told["found"], told["last"])
    assert explained == shown.rstrip("\n")


def test_every_group_of_checks_is_on_the_page() -> None:
    assert re.findall(r"^\| `(\w+)` \| \w", PAGE.read_text("utf-8").partition("## Prove it")[2], re.MULTILINE)[
        : len(GROUPS)
    ] == list(GROUPS)


def test_a_voucher_pays_and_the_front_desk_hears_of_it(clinic: Clinic, vouchers: Vouchers, desk: Desk) -> None:
    paid = pay(clinic)
    assert paid.body["state"] == "succeeded"
    assert vouchers.balance["ABCDEF"] == 12000
    clinic.work()
    assert [(payment, amount) for _, payment, amount in desk.seen] == [(paid.id, "180.00")]


def test_a_voucher_without_enough_on_it_is_declined(clinic: Clinic, vouchers: Vouchers) -> None:
    declined = pay(clinic, "NOSUCH")
    assert (declined.body["state"], declined.body["reason"]) == ("failed", "insufficient_funds")


def test_a_lost_answer_is_looked_up(clinic: Clinic, vouchers: Vouchers) -> None:
    vouchers.lose = 1
    assert pay(clinic).body["state"] == "succeeded"
    assert vouchers.balance["ABCDEF"] == 12000


def test_a_service_that_stays_silent_leaves_the_payment_open_until_it_speaks(
    clinic: Clinic, vouchers: Vouchers
) -> None:
    vouchers.lose = 2
    unclear = pay(clinic)
    assert unclear.body["status"] == "pending"
    clinic.pass_time()
    clinic.work()
    assert clinic.payment(unclear.id).state == "succeeded"
    assert vouchers.balance["ABCDEF"] == 12000


def test_the_policy_refuses_before_anything_is_sent(clinic: Clinic, vouchers: Vouchers) -> None:
    clinic.appointment(124, fee=60000)
    with pytest.raises(Exception) as caught:
        clinic.pay(
            method="voucher",
            method_id=None,
            parameters={"voucher_code": "ABCDEF"},
            appointment_id=124,
            amount=Decimal("600.00"),
        )
    assert getattr(caught.value, "code", None) == "not_payable"
    assert not vouchers.ids
