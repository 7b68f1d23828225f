"""Fills the gateway with the sample clinic through its API, as the clinic's backend and its staff do, and says what of
it is still unpaid."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

import tp_gateway
from demo import clinic
from demo.client import Caller, Client
from demo.processes import DemoFailed
from tp_gateway.config import Settings
from tp_gateway.models import Appointment, InboxEvent, Invoice, Payable, Payment
from tp_gateway.models.states import InboxState

A, V, Y, P, E = (model.__table__ for model in (Appointment, Invoice, Payable, Payment, InboxEvent))
DOZEN = 12
NOTHING_LEFT = "Everything in the sample clinic has been paid: remove the folder var/ to begin anew."


class Seeding:
    def __init__(self, settings: Settings, client: Client, backend: Caller, manager: Caller) -> None:
        self._gateway = tp_gateway.make_gateway(settings)
        self._client, self._backend, self._manager = client, backend, manager
        self._weeks = 26

    def close(self) -> None:
        self._gateway.close()

    def push(self) -> dict[str, int]:
        """The whole clinic, as often as one likes: what is there already stays. Returns how many of each there are."""
        users, appointments = clinic.users(), clinic.appointments(datetime.now(UTC), weeks_ahead=self._weeks)
        pushed = {"users": users, "appointments": appointments}
        pushed |= {"progress_notes": clinic.progress_notes(appointments)}
        pushed |= {"availability": clinic.availability(appointments)}
        for name, rows in pushed.items():
            path = f"/api/practice/{name.replace('_', '-')}/"
            answer = self._client.call(self._backend, "PUT", path, {name: rows}, show=False)
            if answer.status != 200 or answer.body["errors"]:
                raise DemoFailed(f"The gateway did not take the sample {name}: {answer.status} {answer.body}")
        return {"users": len(users), "appointments": len(appointments)}

    def unpaid_appointment(self) -> sa.Row:
        """The next one to come: id, patient_id, fee in cents."""
        return self._unpaid_appointments(1)[0]

    def unbilled_session(self) -> sa.Row:
        """One that took place some days ago and that nobody has paid: id, patient_id, fee in cents, starts_at."""
        query = (
            sa.select(A.c.id, A.c.patient_id, A.c.fee, A.c.starts_at)
            .join(Y, Y.c.appointment_id == A.c.id)
            .where(A.c.status == "completed", A.c.service == "individual_therapy")
            .where(A.c.starts_at < datetime.now(UTC) - timedelta(days=2))
            .where(Y.c.amount_paid == 0, Y.c.invoice_id.is_(None), ~_had_payment())
            .order_by(A.c.starts_at.desc())
            .limit(1)
        )
        rows = self._rows(query)
        if not rows:
            raise DemoFailed(NOTHING_LEFT)
        return rows[0]

    def unpaid_pair(self) -> list[sa.Row]:
        """Two coming appointments of one patient."""
        return self._unpaid_appointments(2)

    def _unpaid_appointments(self, count: int) -> list[sa.Row]:
        """Of one patient. When they run out, another half year is booked."""
        query = (
            sa.select(A.c.id, A.c.patient_id, A.c.fee)
            .join(Y, Y.c.appointment_id == A.c.id)
            .where(A.c.status == "confirmed", A.c.starts_at > datetime.now(UTC))
            .where(Y.c.amount_paid == 0, Y.c.invoice_id.is_(None), ~_had_payment())
            .order_by(A.c.starts_at, A.c.id)
        )
        while True:
            by_patient: dict[int, list[sa.Row]] = {}
            for row in self._rows(query):
                theirs = by_patient.setdefault(row.patient_id, [])
                theirs.append(row)
                if len(theirs) == count:
                    return theirs
            if self._weeks > 520:
                raise DemoFailed(NOTHING_LEFT)
            self._weeks += 26
            self.push()

    def unpaid_invoices(self, count: int) -> list[sa.Row]:
        """Invoices (id, patient_id, amount in cents) without a payment. A dozen more are made when they run out."""
        query = (
            sa.select(V.c.id, V.c.patient_id, V.c.amount)
            .join(Y, Y.c.invoice_id == V.c.id)
            .where(V.c.status == "pending", Y.c.amount_paid == 0, ~_had_payment())
            .order_by(V.c.id)
        )
        if len(_one_a_patient(self._rows(query), count)) < count:
            self._make_invoices()
        found = _one_a_patient(self._rows(query), count)
        if len(found) < count:
            raise DemoFailed(NOTHING_LEFT)
        return found

    def make_due(self, payment_id: int) -> None:
        """The worker looks at this payment in its next round, and not when it had meant to."""
        with self._gateway.database.transaction() as session:
            session.execute(sa.update(P).where(P.c.id == payment_id).values(next_check_at=datetime.now(UTC)))

    def has_unapplied_events(self) -> bool:
        """Does a webhook wait to be worked off?"""
        waiting = sa.select(E.c.id).where(E.c.state == InboxState.RECEIVED).limit(1)
        return bool(self._rows(waiting))

    def _make_invoices(self) -> None:
        """For completed appointments that nobody paid; the older half is overdue."""
        query = (
            sa.select(A.c.id, A.c.patient_id, A.c.fee, A.c.service, A.c.starts_at)
            .join(Y, Y.c.appointment_id == A.c.id)
            .where(A.c.status == "completed", Y.c.amount_paid == 0, Y.c.invoice_id.is_(None), ~_had_payment())
            .order_by(A.c.starts_at.desc())
        )
        for appointment in _one_a_patient(self._rows(query), DOZEN):
            title = appointment.service.replace("_", " ").capitalize()
            due = (appointment.starts_at + timedelta(days=14)).date()
            body = {"patient_id": appointment.patient_id, "appointment_id": appointment.id, "description": title}
            body |= {"due_date": due.isoformat(), "items": [{"description": f"{title} session"}]}
            body |= {"amount": f"{appointment.fee / 100:.2f}"}
            answer = self._client.call(self._manager, "POST", "/api/billing/create-invoice/", body, show=False)
            if answer.status != 201:
                raise DemoFailed(f"The gateway did not make a sample invoice: {answer.status} {answer.body}")

    def _rows(self, query: sa.Select) -> list[sa.Row]:
        with self._gateway.database.read() as session:
            return list(session.execute(query))


def _had_payment() -> sa.Exists:
    return sa.exists().where(P.c.payable_id == Y.c.id)


def _one_a_patient(rows: list[sa.Row], count: int) -> list[sa.Row]:
    found = {row.patient_id: row for row in reversed(rows)}
    return [row for row in rows if found[row.patient_id] is row][:count]
