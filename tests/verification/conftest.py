"""`rich` is a store in which everything has happened, made once for each database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.medicare import MedicareSandbox
from sandbox.stripe import StripeSandbox
from tests.api.test_refund_files import ABA
from tests.conftest import ENGINES
from tests.databases import PostgreSQLDatabases, sqlite_url
from tests.medicare.conftest import Surgery, open_surgery
from tests.verification.story import tell


@pytest.fixture(scope="package", params=ENGINES)
def rich(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stripe_sandbox: StripeSandbox
) -> Iterator[Surgery]:
    """Nobody may change it; `damaged` damages it in a transaction that it takes back."""
    with MedicareSandbox() as medicare:
        if request.param == "postgresql":
            databases: PostgreSQLDatabases = request.getfixturevalue("postgresql_databases")
            with databases.database() as url:
                yield from _told(url, stripe_sandbox, medicare.url)
            return
        template: Path = request.getfixturevalue("sqlite_template")
        copy = tmp_path_factory.mktemp("rich") / "gateway.sqlite"
        yield from _told(sqlite_url(Path(shutil.copyfile(template, copy))), stripe_sandbox, medicare.url)


def _told(url: str, stripe: StripeSandbox, medicare: str) -> Iterator[Surgery]:
    surgery = open_surgery(url, stripe.url, medicare, **ABA)
    try:
        tell(surgery)
        yield surgery
    finally:
        surgery.close()
