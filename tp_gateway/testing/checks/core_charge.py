"""Payments through the real core: taken, declined, cut off, recovered, and the books compared."""

from __future__ import annotations

from tp_gateway.testing import faults, rules
from tp_gateway.testing.bench import Bench
from tp_gateway.testing.books import expect_books_agree, expect_nothing_taken, expect_one
from tp_gateway.testing.checking import check, expect
from tp_gateway.testing.checks.privacy import expect_hidden
from tp_gateway.testing.core import Core

_STEPS = ("before `execute`", "after `execute`")


@check("core", rule=rules.MEMBERS, needs="!promise")
def a_payment_is_booked(bench: Bench) -> None:
    """A payment through the gateway ends succeeded, and the ledger has what the sandbox's books have.

    Everything below leans on this.
    """
    with Core(bench) as core:
        core.pay()
        core.rest()
        expect_one(core)


@check("core", rule=rules.CLOSED, needs="declining !promise")
def a_declined_payment_makes_room(bench: Bench) -> None:
    """A declined payment ends failed, nothing is booked, and the same appointment can be paid by another try.

    A payment that neither fails nor succeeds keeps the patient from paying at all.
    """
    with Core(bench) as core:
        ask = bench.subject.declines()
        appointment = core.appointment(ask)
        core.pay(ask, appointment)
        core.rest(pays=False)
        states = [one.state for one in core.payments()]
        expect(states == ["failed"], f"what is declined ended as {states}")
        expect_nothing_taken(core)
        bench.subject.reset()
        if ask.amount is None and ask.service is None:
            core.pay(None, appointment)
            core.rest()
            expect_one(core)


@check("core", rule=rules.TWO_STEPS, needs="!promise")
def a_process_that_dies_at_the_charge_takes_once(bench: Bench) -> None:
    """A process that dies just before or just after `execute` leaves a payment that ends by itself, and never takes
    twice: what was taken is booked, what was not taken fails or is finished.

    `kill -9`, a deployment, a power cut: the patient has seen an error page.
    """
    for after, step in zip((False, True), _STEPS, strict=True):
        bench.reset()
        with Core(bench) as core:
            with core.cut_off("execute", after=after):
                core.pay()
            core.rest()
            states = [one.state for one in core.payments()]
            if not bench.able.fetch and not bench.able.local:
                _stays_open(core, states, step)
                continue
            expect(states in (["succeeded"], ["failed"]), f"it died {step}, and the payment is {states}")
            done = states == ["succeeded"]
            expect(done or not after, f"it died {step}, which had paid, and the payment is {states}")
            expect_books_agree(core)


def _stays_open(core: Core, states: list[str], step: str) -> None:
    expect(states == ["unknown"], f"nobody can be asked; it died {step}, and the payment is {states}")


@check("core", rule=rules.TWO_STEPS, needs="two_step")
def a_process_that_dies_while_preparing_takes_nothing(bench: Bench) -> None:
    """A process that dies around `prepare` leaves a payment that fails, with nothing taken, and room for another.

    No reference is on our disk, so nobody could ever find out.
    """
    for after in (False, True):
        bench.reset()
        with Core(bench) as core:
            ask = bench.subject.pays()
            appointment = core.appointment(ask)
            with core.cut_off("prepare", after=after):
                core.pay(ask, appointment)
            core.rest()
            expect([one.state for one in core.payments()] == ["failed"], "what was never sent did not fail")
            expect_nothing_taken(core)
            core.pay(None, appointment)
            core.rest()
            expect_one(core)


@check("core", rule=rules.NEVER_GUESS, needs="fetch !local")
def a_lost_answer_is_found_out(bench: Bench) -> None:
    """A payment whose answer was lost is found out, at once or later, and is booked once.

    A time-out is not a failure.
    """
    last = max(0, bench.requests_of("execute") + bench.requests_of("prepare") * bench.able.two_step - 1)
    bench.reset()
    with Core(bench) as core:
        with bench.proxy.fault(faults.lost, first=last):
            core.pay()
        expect(core.payments()[0].status in ("pending", "succeeded"), f"at first it is {core.payments()[0].state}")
        core.rest()
        expect_one(core)


@check("core", rule=rules.NEVER_GUESS, needs="!local")
def a_service_that_is_down_takes_nothing(bench: Bench) -> None:
    """While the service answers 500 nothing is booked, and nothing is called failed that could still be taken; when it
    is back, every payment ends and the books agree.

    An outage is the moment at which money is lost.
    """
    with Core(bench) as core:
        with bench.proxy.fault(faults.answers(500)):
            core.pay()
            core.work()
            expect(not core.payments()[0].captured, "the service only answered 500, and something is booked")
        core.rest()
        open_ = [one.state for one in core.payments() if one.state not in ("succeeded", "failed")]
        expect(not open_ or not bench.able.fetch, f"the service is back, and a payment is still {open_}")
        expect_books_agree(core)


@check("core", rule=rules.KEY, needs="!promise")
def the_same_request_again_is_one_payment(bench: Bench) -> None:
    """The same request with the same Idempotency-Key gives the first payment again.

    Frontends repeat what they got no answer to.
    """
    with Core(bench) as core:
        ask = bench.subject.pays()
        appointment = core.appointment(ask)
        first = core.pay(ask, appointment, key="kit-1")
        core.rest()
        again = core.pay(ask, appointment, key="kit-1")
        expect(first.id == again.id, f"two payments, {first.id} and {again.id}")
        expect_one(core)


@check("core", rule=rules.CAPABILITIES)
def what_is_not_declared_is_refused(bench: Bench) -> None:
    """A request for what is not declared (a refund, a hold, a webhook, a statement) is refused with a clear code, and
    leaves nothing behind.

    A frontend offers what the list of providers says; the rest must end before anything is sent.
    """
    able = bench.able
    with Core(bench) as core:
        if not able.webhooks:
            core.refused(lambda: core.gateway.inbox.receive(bench.manifest.slug, b"{}", {}), "a webhook came")
        if not able.capture:
            core.refused(lambda: core.pay(manual_capture=True), "an amount was to be held only")
        if not able.statements:
            core.refused(lambda: core.import_statement(b""), "a statement was imported")
        expect(not core.payments(), "a refused request has left a payment behind")
        if not able.refund and not bench.manifest.single_flight:
            return
        if not able.refund:
            paid = core.pay()
            core.rest()
            core.refused(lambda: core.refund(paid), "a refund was ordered")
            expect_books_agree(core)


@check("privacy", rule=rules.MANIFEST)
def no_secret_is_stored_in_clear(bench: Bench) -> None:
    """After a payment, and one whose service repeats what it was sent, neither the gateway's database nor anything
    beside it has a secret of the provider's, or a card number, in clear.

    A stolen backup must be of no use for paying.
    """
    with Core(bench) as core:
        core.pay()
        core.rest()
        if not bench.able.local:
            with bench.proxy.fault(faults.echo):
                core.pay()
                core.work()
        path = core.path
        texts = {beside.name: beside.read_bytes() for beside in path.parent.glob(f"{path.name}*")}
    for name, data in texts.items():
        expect_hidden(bench, data.decode("latin-1"), f"{name.split('.')[-1]} file of the database")
