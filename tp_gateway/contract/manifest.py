"""What a provider says of itself, and where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import colander

CONTRACT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this provider can do. Each true flag promises the member of that name; nothing undeclared is ever called.

    `two_step` promises `prepare` and `close`: money can then move only through a reference that the core has stored
    first. Without it, `execute` is called once per payment, and again only inside `repeat_horizon` seconds (how long
    the provider answers the same idempotency key with the same result). `browser` promises that `prepare` serves
    `Flow.BROWSER`. `off_session` that saved methods can be charged by staff. `fetch`, `refund`, `list_since` promise
    the member of that name, `webhooks` promises `parse_webhook`, `save_method` also `list_methods` and `drop_method`.
    `partial_refund` that a refund may be less than what was taken, and that there may be several. `capture` promises
    that `Order.manual_capture` only holds the amount, and `capture` and `void`. `disputes` promises `fetch_dispute`.
    `refund_files` promises that `refund` only accepts (PENDING) what then waits in a queue, and `write_refunds`.
    `remittances` promises `list_remittances`.

    `local` promises that nobody is called: every member is a pure function of what it is told (and of the provider's
    settings), so that its answer is the truth and the core may ask for it again at any time. For what is only written
    down (cash at the desk), and for what only promises (transfer instructions): such a payment says NEEDS_ACTION with
    `waits_until`, ends by itself after that day, and is settled by evidence from elsewhere (a bank statement).

    `statements` promises `read_statement` and `recogniser`: payments by this provider are settled by lines of the
    bank's statements, which staff import.

    `screens` promises `screen`. Such a provider, and no other, is told what is paid for (`Order.service`) and what else
    the same patient has with it (`Order.earlier`).

    `resumable` promises that `execute` may be repeated under one reference at any time, because at most one of the
    calls ever has an effect. `fetch` says UNKNOWN with `Reason.NO_SUCH_OBJECT` while nothing was carried out and
    `execute` could do it, and the core then executes again: what was cut off, and what the customer has approved since
    `execute` said NEEDS_ACTION (a wallet, a loan: he approves first, and the clinic takes the money then). While he has
    not, `fetch` says NEEDS_ACTION.

    `evidence` promises `read_evidence`, for what only people can find out (a letter, a portal). `rebates` promises
    `prepare_rebate`, `lodge_rebate` and `delete_rebate` (see `rebates.py`).

    `keeps_deadline` promises that every call is over by its deadline whatever the other side does: name look-up,
    connecting, TLS and each read are bounded together. Such calls run on the request's own thread, which is cheaper.
    Without it a call runs on a thread of the provider's, and nobody waits for it beyond its deadline.
    """

    two_step: bool = False
    fetch: bool = False
    browser: bool = False
    off_session: bool = False
    refund: bool = False
    partial_refund: bool = False
    save_method: bool = False
    webhooks: bool = False
    list_since: bool = False
    capture: bool = False
    disputes: bool = False
    refund_files: bool = False
    remittances: bool = False
    local: bool = False
    statements: bool = False
    screens: bool = False
    resumable: bool = False
    evidence: bool = False
    rebates: bool = False
    keeps_deadline: bool = False
    repeat_horizon: int = 0

    def members(self) -> list[str]:
        """Names of the members that the declared capabilities promise."""
        promised = {
            "prepare": self.two_step,
            "close": self.two_step,
            "fetch": self.fetch,
            "refund": self.refund,
            "save_method": self.save_method,
            "list_methods": self.save_method,
            "drop_method": self.save_method,
            "parse_webhook": self.webhooks,
            "list_since": self.list_since,
            "capture": self.capture,
            "void": self.capture,
            "fetch_dispute": self.disputes,
            "write_refunds": self.refund_files,
            "list_remittances": self.remittances,
            "read_statement": self.statements,
            "recogniser": self.statements,
            "screen": self.screens,
            "read_evidence": self.evidence,
            "prepare_rebate": self.rebates,
            "lodge_rebate": self.rebates,
            "delete_rebate": self.rebates,
        }
        return [name for name, declared in promised.items() if declared]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A provider's description of itself.

    `slug` is its name in the ini, in URLs and in the ledger (lower-case letters, digits, underscore). `method` is what
    the frontend sends as `payment_method`. `display_name` is for people, one line of at most 100 characters.
    `currencies` are upper-case ISO 4217 codes: an order in another one is never sent. `capabilities` say what it can
    do. `contract_version` is the version that it was written for; 1 where it names none, for ever.

    `settings_schema` reads `tp_gateway.<slug>.*` of the ini (and the environment: `<SLUG>_<NAME>`), texts; nodes with
    `secret=True` are never shown, nodes with `public=True` are told to frontends. `parameters_schema` reads the fields
    of a payment request that are this provider's own; it must not reuse the core's names (`amount`, `currency`, …), and
    must give values that JSON can hold. With a node that is `secret=True` in it, a payment's parameters are encrypted
    at rest. `evidence_schema` and `rebate_schema` do the same for the capabilities of these names. `examples` are
    parameter objects for the documentation.

    `method_required`: a payment must name a payment method (`payment_method_id`). `single_flight`: at most one open
    payment of such methods per payable (true unless the method is a mere promise). `staff_only`: only staff may take
    such payments (cash at the desk). `totals_by`: the parameter by which a day's takings are told apart. `sole_payer`:
    nothing else may pay the same service, and what settles pays it in full (a bulk bill): the rest is given up.
    `settles_exactly`: what settles is what was asked.
    """

    slug: str
    method: str
    display_name: str
    currencies: frozenset[str]
    capabilities: Capabilities
    settings_schema: colander.SchemaNode
    parameters_schema: colander.SchemaNode
    contract_version: int = 1
    method_required: bool = False
    single_flight: bool = True
    staff_only: bool = False
    totals_by: str | None = None
    sole_payer: bool = False
    settles_exactly: bool = True
    evidence_schema: colander.SchemaNode | None = None
    rebate_schema: colander.SchemaNode | None = None
    examples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the provider runs. `id` names this installation; label your objects with it, and ignore events of another.
    In `production`, refuse test keys and stand-ins."""

    id: str
    production: bool
