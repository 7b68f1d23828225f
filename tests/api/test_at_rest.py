"""What lies in the store: secrets and stored answers only as ciphertext."""

from __future__ import annotations

import sqlalchemy as sa

from tests.api.conftest import Api

METHODS = "/api/billing/payment-methods/"


def everything(api: Api) -> str:
    """Every value of every row of every table, as text."""
    engine = api.database.engine
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        return "\n".join(
            repr(tuple(row)) for table in tables.sorted_tables for row in connection.execute(sa.select(table))
        )


def test_no_secret_lies_in_the_store_as_plain_text(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    paid = api.pay_by_http(status=201, headers=key)
    api.appointment(124)
    waiting = api.pay_by_http(appointment_id=124, payment_method_id="pm_card_threeDSecureRequired", status=201).json
    account = {"bank_name": "CBA", "account_name": "Casey", "bsb": "062-000", "account_number": "87654321"}
    shown = api.post(METHODS, {"type": "bank_account", "bank_account": account}, status=201)
    stored = everything(api)
    for secret in (waiting["next_action"]["client_secret"], "87654321", paid.json["message"]):
        assert secret not in stored
    assert "****4321" in stored and "87654321" not in shown.text
    again = api.pay_by_http(status=201, headers=key)
    assert (again.body, again.headers["Idempotent-Replayed"]) == (paid.body, "true")
