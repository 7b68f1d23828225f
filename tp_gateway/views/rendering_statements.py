"""Statements and their lines -> JSON, for staff only. Amounts are decimal text with their sign."""

from __future__ import annotations

from typing import Any

from tp_gateway.models.states import LineState, StatementState
from tp_gateway.money import to_decimal_text
from tp_gateway.services.statements.facts import LineFacts, MatchFacts, StatementFacts, Suggestion
from tp_gateway.views.rendering import moment

_USUAL = {
    LineState.NEW: "It names a payment and is about to be matched",
    LineState.UNMATCHED: "It does not name one payment, and no amount and name that is due fits it",
    LineState.IGNORED: "Money that went out",
}
"""What a line's state says by itself; whatever is beyond that stands in the line."""


def statement(facts: StatementFacts) -> dict[str, Any]:
    """`duplicate` is what other files brought before it; it is not known of an import that is not finished."""
    known = facts.state == StatementState.IMPORTED
    return {
        "id": facts.id,
        "provider": facts.provider,
        "name": facts.name,
        "format": facts.format,
        "sha256": facts.sha256,
        "state": facts.state,
        "lines": facts.lines,
        "new": facts.added,
        "duplicate": facts.lines - facts.added if known else None,
        **{str(state): facts.counts.get(state, 0) for state in LineState if state is not LineState.NEW},
        "waiting": facts.counts.get(LineState.NEW, 0),
        "imported_by": facts.imported_by,
        "imported_at": moment(facts.imported_at),
    }


def line(facts: LineFacts) -> dict[str, Any]:
    usual = "It moved no money" if facts.amount == 0 else _USUAL.get(LineState(facts.state), "")
    return {
        "id": facts.id,
        "statement_id": facts.statement_id,
        "line": facts.line,
        "booked_on": facts.booked_on.isoformat(),
        "amount": to_decimal_text(facts.amount, facts.currency),
        "amount_left": to_decimal_text(facts.left, facts.currency),
        "currency": facts.currency,
        "description": facts.description,
        "reference": facts.reference,
        "payer": facts.payer,
        "balance": to_decimal_text(facts.balance, facts.currency) if facts.balance is not None else None,
        "account": facts.account,
        "bank_id": facts.bank_id,
        "state": facts.state,
        "why": facts.why or usual,
        "decided_by": facts.decided_by,
        "matches": [_match(one, facts.currency) for one in facts.matches],
        "suggestions": [_suggestion(one, facts.currency) for one in facts.suggestions],
    }


def _match(facts: MatchFacts, currency: str) -> dict[str, Any]:
    return {
        "id": facts.id,
        "payment_id": facts.payment_id,
        "invoice_id": facts.invoice_id,
        "patient_id": facts.patient_id,
        "amount": to_decimal_text(facts.amount, currency),
        "by": facts.layer,
        "made_by": facts.made_by,
        "made_at": moment(facts.made_at),
        "undone_by": facts.undone_by,
        "undone_at": moment(facts.undone_at) if facts.undone_at else None,
    }


def _suggestion(facts: Suggestion, currency: str) -> dict[str, Any]:
    return {
        "payment_id": facts.payment_id,
        "invoice_id": facts.invoice_id,
        "invoice_number": facts.invoice_number,
        "patient_id": facts.patient_id,
        "amount_due": to_decimal_text(facts.due, currency),
        "because": facts.because,
    }
