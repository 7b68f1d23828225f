"""What is done to take a guard away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from tests.ablation.changes import Change, Function, Text


def nothing(_original: Any) -> Any:
    return lambda *_arguments, **_more: None


def always(answer: Any) -> Any:
    return lambda _original: lambda *_arguments, **_more: answer


def after_migration(sqlite: str, postgresql: str) -> Change:
    """Something of the schema is dropped as soon as it is there."""

    def replace(upgrade: Any) -> Any:
        def upgraded(url: str, revision: str = "head") -> None:
            import sqlalchemy as sa

            upgrade(url, revision)
            engine = sa.create_engine(sa.make_url(url))
            statements = sqlite if engine.dialect.name == "sqlite" else postgresql
            with engine.begin() as connection:
                for statement in statements.split(";"):
                    connection.exec_driver_sql(statement)
            engine.dispose()

        return upgraded

    return Function("tp_gateway.schema", "upgrade", replace)


def fence_open(apply: Any) -> Any:
    """Whoever comes, comes with the epoch that the payment has now."""

    def applied(self: Any, session: Any, payment_id: int, finding: Any) -> Any:
        import sqlalchemy as sa

        if finding.epoch is not None:
            statement = sa.text("SELECT epoch FROM payments WHERE id = :id")
            finding = replace(finding, epoch=session.execute(statement, {"id": payment_id}).scalar_one())
        return apply(self, session, payment_id, finding)

    return applied


def one_row(change: Any) -> Any:
    def changed(self: Any, statement: Any, parameters: Any) -> int:
        change(self, statement, parameters)
        return 1

    return changed


def said_closed(_close: Any) -> Any:
    def close(_self: Any, _order: Any, reference: str) -> Any:
        from tp_gateway.contract import Outcome, OutcomeState

        return Outcome(OutcomeState.DECLINED, reference, closed=True)

    return close


def booked_again(entry: Any) -> Any:
    """No two movements are the same one."""

    def booked(
        self: Any, kind: str, debit: str, credit: str, amount: int, evidence: str, *rest: Any, **more: Any
    ) -> Any:
        return entry(self, kind, debit, credit, amount, f"{evidence}{uuid4()}", *rest, **more)

    return booked


def settled_as_asked(**names: str) -> Any:
    """What was settled is taken for what was asked: `names` of the outcome, as the payment has them."""

    def change(mismatch: Any) -> Any:
        def mismatched(payment: Any, outcome: Any, manifest: Any) -> Any:
            asked = {name: getattr(payment, ours) for name, ours in names.items()}
            return mismatch(payment, replace(outcome, **asked), manifest)

        return mismatched

    return change


def with_many_lanes(init: Any) -> Any:
    def made(self: Any, provider: Any, **more: Any) -> None:
        init(self, provider, **{**more, "lanes": 1000})

    return made


def drive_on(find_out: Any) -> Any:
    """The sweep finishes what nobody has sent."""

    def found_out(self: Any, payment: Any, drive: Any) -> Any:
        if payment.state == "created":
            return self._charge.drive(payment, self._charge.payer(payment), drive)
        return find_out(self, payment, drive)

    return found_out


def triggers(*tables: str) -> Change:
    sqlite = [f"DROP TRIGGER tr_{table}_no_{event}" for table in tables for event in ("update", "delete")]
    return after_migration(
        ";".join(sqlite), ";".join(f"DROP TRIGGER tr_{table}_append_only ON {table}" for table in tables)
    )


def text(module: str, old: str, new: str = "") -> Text:
    return Text(f"tp_gateway.{module}", old, new)
