"""The code on docs/providers.md, installed as pip would and run in a real gateway against a small voucher service."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.clinic import Clinic
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs/providers.md"
NAMES = ("clinic_voucher", "front_desk")
BALANCE = {"ABCDEF": 30000}
Desk = Any


class Vouchers(ThreadingHTTPServer):
    """What docs/providers.md says about the service. `lose` answers are dropped after the effect."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.balance, self.ids, self.lose = dict(BALANCE), dict[str, dict[str, Any]](), 0

    def redeem(self, number: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self.ids.get(number)
        if found is None:
            if self.balance.get(asked["code"], 0) < asked["amount"]:
                return 402, {}
            self.balance[asked["code"]] -= asked["amount"]
            money = {"amount": asked["amount"], "currency": asked["currency"]}
            found = self.ids[number] = {"state": "redeemed", "receipt": f"receipt-{number}", **money}
        return 200, found

    def close(self, number: str) -> tuple[int, dict[str, Any]]:
        return 200, self.ids.setdefault(number, {"state": "closed"})


class Handler(BaseHTTPRequestHandler):
    server: Vouchers

    def do_PUT(self) -> None:
        self.reply(*self.server.redeem(self.path.split("/")[2], self.body()))

    def do_POST(self) -> None:
        self.body()
        self.reply(*self.server.close(self.path.split("/")[2]))

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def reply(self, status: int, body: dict[str, Any]) -> None:
        if self.server.lose > 0:
            self.server.lose -= 1
            self.close_connection = True
            return
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def vouchers() -> Iterator[Vouchers]:
    with Vouchers() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Both modules of the page, with the entry points that their setup.py would make."""
    info = tmp_path / "clinic_voucher-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clinic-voucher\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tp_gateway]\n" + "".join(f"{name} = {name}\n" for name in NAMES))
    modules = {block.split("\n", 1)[0]: block for block in blocks(PAGE, "python")}
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(modules[f"# {name}.py"])
    compile(modules["# setup.py"], "setup.py", "exec")
    monkeypatch.syspath_prepend(str(tmp_path))
    import front_desk  # type: ignore[import-not-found]

    yield front_desk
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def clinic(sqlite_database_url: str, vouchers: Vouchers, desk: Desk) -> Iterator[Clinic]:
    more = {
        "tp_gateway.providers": "stripe clinic_voucher front_desk",
        "tp_gateway.voucher.base_url": f"http://127.0.0.1:{vouchers.server_port}",
        "tp_gateway.voucher.api_key": "key",
    }
    clinic = Clinic(sqlite_database_url, "http://127.0.0.1:9", **more).open()
    clinic.appointment(123)
    yield clinic
    clinic.close()


def pay(clinic: Clinic, code: str = "ABCDEF") -> Any:
    return clinic.pay(method="voucher", method_id=None, parameters={"voucher_code": code})


def test_every_block_of_python_is_a_module_that_this_test_knows() -> None:
    assert [block.split("\n", 1)[0] for block in blocks(PAGE, "python")] == [
        "# clinic_voucher.py",
        "# setup.py",
        "# front_desk.py",
    ]


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
