"""Guards of bank statements: that a line is here once, pays once, and pays nothing by guessing."""

from __future__ import annotations

from tests.ablation.guard import guard
from tests.ablation.removals import text

_API, _LINES, _STAFF = (f"tests/api/test_{name}.py" for name in ("statements", "statement_lines", "matching_by_staff"))
_IMPORTS = "tests/services/test_statement_imports.py"

STATEMENTS = (
    guard(
        "whole-file",
        "a statement is checked to its end before any of it is written",
        text("services.statements.importing", "in statement.lines:", "in (next(statement.lines) for _ in range(500)):"),
        f"{_API}::test_a_malformed_line_refuses_the_whole_file",
    ),
    guard(
        "fingerprint",
        "a line of a statement is known by what the bank says of it",
        text("services.statements.fingerprints", 'f"{day}:', 'f"{id(self)}:'),
        f"{_API}::test_the_same_file_again_adds_nothing",
    ),
    guard(
        "line-is-new",
        "a line is applied only while it is new",
        text("services.statements.matching", "row.id, L.c.state == LineState.NEW).with", "row.id).with"),
        f"{_IMPORTS}::test_a_line_that_another_process_has_applied",
    ),
    guard(
        "line-is-left",
        "no more of a line is matched than is left of it",
        text("services.statements.allocating", "if left < 0:", "if False:"),
        f"{_STAFF}::test_a_deposit_for_two_invoices_is_split",
    ),
    guard(
        "repaired-exactly",
        "a reference with a mistake settles only exactly what is due",
        text("services.statements.matching", "if not fits:", "if False:"),
        f"{_LINES}::test_a_mistyped_reference_and_another_amount_is_for_a_person",
    ),
    guard(
        "line-in-the-books",
        "a line that the books have is not settled again, whatever the statements say",
        text("services.statements.booking", "raise AlreadyBooked", "pass"),
        f"{_IMPORTS}::test_what_the_books_have_already_is_not_settled_again",
    ),
    guard(
        "unmatch-refunded",
        "what was given back meanwhile is not un-matched",
        text(
            "services.statements.undoing", "if session.execute(given_back.limit(1)).first() is not None:", "if False:"
        ),
        f"{_STAFF}::test_what_was_given_back_is_not_unmatched",
    ),
)
