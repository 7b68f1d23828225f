"""By which calendar and in which currency the roll-ups count, and the one turn that everybody takes who writes them."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import InsertOnce, rows_changed
from tp_gateway.models import AnalyticsBasis, table
from tp_gateway.services.counters import raised

B = table(AnalyticsBasis)
_STANDING = sa.select(B.c.time_zone, B.c.currency, B.c.complete).where(B.c.id == 1)
_NEXT = InsertOnce(B, ["id"])


@dataclass(frozen=True, slots=True)
class Basis:
    zone: ZoneInfo
    currency: str
    complete: bool = True


def standing(session: orm.Session) -> Basis | None:
    """None while nothing was ever counted."""
    row = session.execute(_STANDING).first()
    return Basis(ZoneInfo(row.time_zone), row.currency, row.complete) if row is not None else None


def begin_recount(session: orm.Session, wanted: Basis) -> int:
    """From now on changes are noted by this basis, and not added until `complete`d. The sums go on counting, unless
    they are by another basis. Returns its number."""
    values = {"time_zone": wanted.zone.key, "currency": wanted.currency, "complete": standing(session) == wanted}
    values["counting"] = True
    _NEXT.new(session, {"id": 1, "recount": 0, **values})
    begun = sa.update(B).where(B.c.id == 1).values(recount=B.c.recount + 1, **values).returning(B.c.recount)
    return int(session.execute(begun).scalar_one())


def complete(session: orm.Session, number: int) -> bool:
    """False if another recount was begun since."""
    return rows_changed(session, sa.update(B).where(B.c.recount == number).values(complete=True, counting=False)) == 1


def may_add(session: orm.Session) -> Basis | None:
    """By which basis what is noted is to be added now; None if it is not."""
    there = standing(session)
    counting = session.execute(sa.select(B.c.counting)).scalar()
    return there if there is not None and there.complete and not counting else None


def take_turn(session: orm.Session) -> None:
    """Until the end of the transaction nobody else writes what the clinic's backend pushes, or the sums of it: two
    pushes of the same new row would collide, two of the same old rows could wait for each other, and a sum that is
    counted anew would miss what changes meanwhile."""
    raised(session, "practice_push")
