"""A provider that lists garbage: what can be is kept, what cannot be is asked for again, and nobody else is hurt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, sandbox
from tests.registry.plugins import PROVIDER, installer
from tests.services.test_disputes import paid
from tests.services.test_remittances import look, pay_out, position
from tp_gateway.contract import Remittance, RemittanceItem, RemittanceKind, RemittanceState

PLUGIN = PROVIDER.replace("capabilities=Capabilities()", "capabilities=Capabilities(remittances=True)") + (
    """
TOLD = []

def list_remittances(self, since, until, deadline):
    return (one for one in TOLD)

Acme.list_remittances = list_remittances
"""
)
ITEM = RemittanceItem("run_1/1", RemittanceKind.OTHER, 9895, 0, 9895)
GOOD = Remittance("run_1", 9895, "AUD", date(2025, 1, 21), RemittanceState.PAID, "MCARE BENEFITS", (ITEM,))


@pytest.fixture
def two(
    database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Clinic, list[Any]]]:
    """A clinic with a plugin beside Stripe, and the list of what the plugin tells, whenever it is asked."""
    installer(tmp_path, monkeypatch)("acme", PLUGIN)
    sandbox(stripe_sandbox.url, "POST", "reset")
    sandbox(stripe_sandbox.url, "POST", "settings", {"settlement_days": 0, "payouts": "manual"})
    clinic = Clinic(database_url, stripe_sandbox.url, **{"tp_gateway.providers": "acme stripe"}).open()
    import plugin_acme

    yield clinic, plugin_acme.TOLD
    clinic.close()


@pytest.mark.parametrize(
    "garbage",
    [None, "garbage", object(), Remittance("run_2", 1.5, "AUD", date.today(), RemittanceState.PAID)],  # type: ignore[arg-type]
    ids=["none", "text", "object", "half a cent"],
)
def test_garbage_hurts_only_the_stretch_of_time_it_is_in(two: tuple[Clinic, list[Any]], garbage: Any) -> None:
    clinic, told = two
    paid(clinic)
    payout = pay_out(clinic)["id"]
    told += [garbage, GOOD]
    look(clinic)
    found = {one.reference: one for one in clinic.gateway.remittances.list()}
    assert found.keys() == {"run_1", payout} and found["run_1"].explained and found[payout].explained
    stood = {row.name: row.position for row in clinic.rows("SELECT name, position FROM cursors")}
    assert stood["remittances:acme"] != stood["remittances:stripe"]
    told[:] = [GOOD]
    look(clinic)
    assert len(clinic.gateway.remittances.list()) == 2
    stood = {row.name: row.position for row in clinic.rows("SELECT name, position FROM cursors")}
    assert min(map(_moment, stood.values())) > datetime.now(UTC) - timedelta(hours=2)


def test_a_provider_that_tells_nothing_of_the_kind_is_not_asked(clinic: Clinic) -> None:
    clinic.gateway.remittances.sweep()
    assert [row.name for row in clinic.rows("SELECT name FROM cursors")] == ["remittances:stripe"]
    assert position(clinic) > datetime.now(UTC) - timedelta(hours=2)


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    assert isinstance(found, datetime)
    return found.replace(tzinfo=found.tzinfo or UTC)
