"""Guards of the money: that it moves once, is booked once, and that no provider is believed too much."""

from __future__ import annotations

from tests.ablation.changes import Function
from tests.ablation.guard import CHARGE, CONSTRAINTS, FENCES, GUARDED, HOSTILE, REGISTRY, SERVICES, guard
from tests.ablation.removals import (
    after_migration,
    always,
    booked_again,
    drive_on,
    fence_open,
    nothing,
    one_row,
    said_closed,
    settled_as_asked,
    text,
    triggers,
    with_many_lanes,
)

FACTS = "tests/hostile/test_changing_facts.py"

MONEY = (
    # --- money moves once, and is booked once ---------------------------------------------------------------------
    guard(
        "one-open-payment",
        "the partial unique index: one open payment of a payable",
        after_migration(*["DROP INDEX uq_payments_open_single_flight"] * 2),
        f"{CONSTRAINTS}::test_a_payable_has_at_most_one_open_single_flight_payment",
    ),
    guard(
        "sole-payer",
        "nothing may be charged beside a payment that settles a service alone",
        text("services.opening", "in_the_way(session, self._vault, self._registry, row, manifest)", "None"),
        "tests/medicare/test_sole_payer.py::test_an_invoice_that_asks_for_more_afterwards_cannot_be_paid_either",
    ),
    guard(
        "parameters-sealed",
        "what a request says about a person's health is encrypted at rest",
        text("services.opening", "if kept and _is_secret(manifest):", "if False:"),
        "tests/medicare/test_privacy.py::test_nothing_of_a_person_lies_in_the_store_as_it_is",
    ),
    guard(
        "epoch",
        "T3 asks whether the payment is still ours",
        Function(f"{SERVICES}.settlement", "Settlement.apply", fence_open),
        f"{FENCES}::test_an_outcome_of_one_who_was_overtaken_changes_nothing",
    ),
    guard(
        "t2-stops",
        "T2 that changed no row stops before money can move",
        Function("tp_gateway.database", "Database.change", one_row),
        f"{FENCES}::test_who_was_overtaken_before_t2_sends_nothing",
    ),
    guard(
        "close-before-failed",
        "the provider closes its object before we say failed",
        Function(f"{REGISTRY}.guarded", "GuardedProvider.close", said_closed),
        f"{CHARGE}::test_a_decline_is_final_and_leaves_nothing_chargeable",
    ),
    guard(
        "sweep-starts-nothing",
        "recovery never starts a charge",
        Function(f"{SERVICES}.recovery", "Recovery._find_out", drive_on),
        "tests/faults/test_killed_between_steps.py::test_recovery_never_starts_a_charge",
    ),
    guard(
        "approved-by-name",
        "only a provider that says so executes what its customer has approved",
        text("services.recovery", "return resumable and payment.reference is not None and", "return"),
        "tests/services/test_approved.py::test_of_a_provider_that_does_not_say_so_nothing_is_executed_again",
    ),
    guard(
        "approved-too-late",
        "what was approved too late is closed, not carried out",
        text("services.recovery", "return (waits or approved) and is_late", "return waits and is_late"),
        "tests/services/test_approved.py::test_what_was_approved_too_late_takes_nothing",
    ),
    guard(
        "approved-and-paid",
        "so is what was paid another way meanwhile",
        text("services.recovery", "if approved and payment.payable_due == 0:", "if False:"),
        "tests/services/test_approved.py::test_what_was_paid_another_way_meanwhile_takes_nothing",
    ),
    guard(
        "rank",
        "a look that began earlier may not lower the state",
        text("services.settlement", "and finding.began < payment.observed_at", "and False"),
        f"{FENCES}::test_an_older_look_does_not_undo_a_newer_one",
    ),
    guard(
        "ledger-key",
        "one movement is one entry: payment, kind and evidence are unique",
        Function(f"{SERVICES}.bookkeeping", "Booking._entry", booked_again),
        "tests/services/test_recovery.py::test_money_that_is_not_what_was_asked_goes_to_suspense_and_to_a_person",
    ),
    guard(
        "append-only",
        "the triggers that keep ledger and history as they are",
        triggers("ledger_entries", "transitions"),
        f"{CONSTRAINTS}::test_what_is_in_the_books_stays_there",
    ),
    guard(
        "refund-reserved",
        "a refund that is not decided yet counts against what is left",
        text("services.refunds", " - payment.refunded - int(waiting))", " - payment.refunded)"),
        f"{FENCES}::test_a_refund_that_is_not_decided_yet_is_reserved",
    ),
    guard(
        "provider-key",
        "preparing has a key of its own at the provider",
        text("providers.stripe.provider", 'f"{order.idempotency_key}:prepare"', "None"),
        "tests/providers/stripe/test_charges.py::test_repeating_a_step_changes_nothing",
    ),
    # --- the store ------------------------------------------------------------------------------------------------
    guard(
        "begin-immediate",
        "SQLite's writers take turns from the beginning",
        text("database", '"BEGIN" if reading else "BEGIN IMMEDIATE"', '"BEGIN"'),
        "tests/store/test_transactions.py::test_two_hundred_increments_by_eight_threads_are_two_hundred",
    ),
    guard(
        "foreign-keys",
        "SQLite's PRAGMA foreign_keys, and the check that it took",
        (
            text("database", '"foreign_keys=ON", '),
            text("database", '"foreign_keys": 1, '),
        ),
        f"{CONSTRAINTS}::test_every_foreign_key_is_kept",
    ),
    guard(
        "no-transaction",
        "no transaction is open while a provider is called",
        Function("tp_gateway.database", "Database.require_no_transaction", nothing),
        "tests/store/test_transactions.py::test_a_provider_is_not_called_while_a_transaction_is_open",
    ),
    guard(
        "encryption",
        "what is sealed in the store is encrypted: client secrets, stored answers, account numbers",
        (
            Function("tp_gateway.crypto", "Vault.seal", lambda _: lambda _self, text: text),
            Function("tp_gateway.crypto", "Vault.open", lambda _: lambda _self, sealed: sealed),
        ),
        "tests/api/test_at_rest.py::test_no_secret_lies_in_the_store_as_plain_text",
    ),
    # --- what a provider says -------------------------------------------------------------------------------------
    guard(
        "plausible",
        "an answer that cannot be is not believed",
        Function(f"{REGISTRY}.guarded", "impossible", always("")),
        f"{GUARDED}::test_a_success_that_cannot_be_is_unknown",
    ),
    guard(
        "exact",
        "what a provider hands over is of the contract's own types, all the way down",
        Function(f"{REGISTRY}.guarded", "exactly", lambda _: lambda value, _kinds: value),
        f"{HOSTILE}/test_answers.py::test_garbage_is_never_a_payment_and_never_a_fault",
    ),
    guard(
        "one-name",
        "a provider that answers for another payment has said nothing about this one",
        text("services.settlement", "is_of_another_payment(session, payment, outcome.reference)", "False"),
        f"{HOSTILE}/test_anothers_payment.py::test_another_payments_outcome_is_not_booked_twice",
    ),
    guard(
        "own-context",
        "what a plugin's call does to the decimal context ends with it",
        text("registry.calls", "decimal.setcontext(decimal.getcontext().copy())", "pass"),
        f"{HOSTILE}/test_lies.py::test_what_a_call_does_to_its_context_ends_with_it",
    ),
    guard(
        "settled-amount",
        "the amount that was settled is the one that was asked, on confirm as everywhere",
        Function(f"{SERVICES}.settlement", "_mismatch", settled_as_asked(settled="amount")),
        f"{FENCES}::test_money_that_was_settled_otherwise_is_not_success[sqlite-amount]",
    ),
    guard(
        "settled-currency",
        "the currency likewise",
        Function(f"{SERVICES}.settlement", "_mismatch", settled_as_asked(currency="currency")),
        f"{FENCES}::test_money_that_was_settled_otherwise_is_not_success[sqlite-currency]",
    ),
    guard(
        "settled-reference",
        "and the provider's reference",
        Function(f"{SERVICES}.settlement", "_mismatch", settled_as_asked(reference="reference")),
        f"{FENCES}::test_money_that_was_settled_otherwise_is_not_success[sqlite-reference]",
    ),
    guard(
        "deadline",
        "a call ends for us at its deadline",
        text("registry.calls", "result(future, max(0.0, deadline - time.monotonic()))", "result(future, 3)"),
        f"{GUARDED}::test_the_deadline_is_kept_and_the_lane_stays_taken_until_the_call_ends[execute]",
    ),
    guard(
        "bulkhead",
        "a provider has only its own lanes",
        Function(f"{REGISTRY}.guarded", "GuardedProvider.__init__", with_many_lanes),
        f"{GUARDED}::test_the_deadline_is_kept_and_the_lane_stays_taken_until_the_call_ends[execute]",
    ),
    guard(
        "breaker",
        "after failures in a row nothing is sent for a while",
        (
            Function(f"{REGISTRY}.breaker", "Breaker.admit", always(True)),
            Function(f"{REGISTRY}.breaker", "Breaker.is_open", always(False)),
        ),
        f"{GUARDED}::test_the_circuit_opens_after_failures_in_a_row_and_nothing_is_sent",
    ),
    # --- no provider is believed that contradicts itself -------------------------------------------------------------
    guard(
        "one-patients-customer",
        "a provider's customer is one patient's, and the other's payment is booked all the same",
        text("services.payers", "where(*free, ~taken)", "where(*free)"),
        "tests/hostile/test_anothers_payment.py"
        "::test_one_customer_for_two_patients_is_the_first_ones_and_both_have_paid",
    ),
    guard(
        "more-is-more",
        "more money under an evidence that is in the books is another entry",
        text("services.bookkeeping", "if self.payment.captured:\n", "if False:\n"),
        f"{FACTS}::test_more_money_under_the_same_evidence_is_booked_as_more",
    ),
    guard(
        "suspense-once",
        "what waits for a person is kept apart once, whatever its evidence is called",
        text("services.bookkeeping", "more = amount - self.suspended(currency)[0]", "more = amount"),
        f"{FACTS}::test_money_that_waits_for_a_person_waits_once_however_often_it_is_renamed",
    ),
    guard(
        "one-payments-dispute",
        "a dispute stays with its payment",
        text("services.dispute_settlement", "known or (found.id if found else None)", "found.id if found else known"),
        f"{FACTS}::test_a_dispute_stays_with_the_payment_that_it_was_about_first",
    ),
    guard(
        "dispute-bounds",
        "a dispute moves no more than was paid",
        text("services.dispute_settlement", "if not 0 <= withdrawn <= before.payment.captured:", "if False:"),
        f"{FACTS}::test_a_dispute_takes_and_gives_back_no_more_than_was_paid",
    ),
    guard(
        "refund-bounds",
        "refunds that a provider lists give back no more than was paid",
        text("services.refund_settlement", "if settles and payment.refunded + gives > payment.captured:", "if False:"),
        f"{FACTS}::test_refunds_that_are_renamed_at_each_look_give_back_no_more_than_came",
    ),
)
