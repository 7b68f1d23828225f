"""Bank statements: a file's lines come in (`importing`), those that name a payment settle it (`matching`), staff decide
about the others (`allocating`, `explaining`, `undoing`), some are a provider's payout or a refund (`payouts`), and all
of them can be seen (`reading`)."""

from __future__ import annotations

from dataclasses import dataclass

from tp_gateway.crypto import Vault
from tp_gateway.database import Database
from tp_gateway.registry import Registry
from tp_gateway.services.clock import Clock
from tp_gateway.services.idempotency import Idempotency
from tp_gateway.services.refund_files import RefundFiles
from tp_gateway.services.settlement import Settlement
from tp_gateway.services.statements.allocating import Allocating
from tp_gateway.services.statements.booking import StatementBooking
from tp_gateway.services.statements.explaining import Explaining
from tp_gateway.services.statements.importing import Importing
from tp_gateway.services.statements.matching import Matching
from tp_gateway.services.statements.payouts import Payouts
from tp_gateway.services.statements.reading import StatementReading
from tp_gateway.services.statements.undoing import Undoing
from tp_gateway.timing import Timing

__all__ = ["Statements", "build_statements"]


@dataclass(frozen=True, slots=True)
class Statements:
    importing: Importing
    matching: Matching
    allocating: Allocating
    explaining: Explaining
    undoing: Undoing
    payouts: Payouts
    reading: StatementReading


def build_statements(
    database: Database,
    registry: Registry,
    vault: Vault,
    timing: Timing,
    settlement: Settlement,
    idempotency: Idempotency,
    refund_files: RefundFiles,
    clock: Clock,
) -> Statements:
    booking, reading = StatementBooking(settlement), StatementReading(database)
    payouts = Payouts(database, refund_files, clock)
    matching = Matching(database, registry, vault, timing, booking, clock)
    return Statements(
        importing=Importing(database, registry, matching, payouts, reading, clock),
        matching=matching,
        allocating=Allocating(database, registry, vault, booking, idempotency, clock),
        explaining=Explaining(database),
        undoing=Undoing(database, vault, settlement, clock),
        payouts=payouts,
        reading=reading,
    )
