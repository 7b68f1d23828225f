"""Payouts: what is available goes to the clinic's bank, once a day or when told (docs.stripe.com/payouts,
docs.stripe.com/api/payouts). All of them are automatic ones."""

from sandbox.stripe import money
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.errors import Refused
from sandbox.stripe.lists import Where, page, where
from sandbox.stripe.shapes import blank
from sandbox.stripe.world import World, action

ARRIVES_DAYS = 1  # guess: arrival_date is the day after
_OWN = ("payout",)  # a balance transaction of this type is a payout's own, and in no other payout


def plan(world: World) -> None:
    """The next day's payout, once. guess: they are made at midnight UTC."""
    if not world.note("_payouts", "planned"):
        now = world.clock.seconds()
        due = money.midnight(now, 1)
        world.note("_payouts", "planned", due=due)
        world.later(due - now, pay_daily)


@action
def pay_daily(world: World) -> None:
    if world.settings["payouts"] == "daily":
        pay_out(world)
    world.books.remove("_payouts", "planned")
    plan(world)


def pay_out(world: World) -> Object | None:
    """Everything that is available and in no payout yet. None where that is nothing, or a debt, which waits for what
    comes in."""
    now = world.clock.seconds()
    waiting, seen = _waiting(world)
    ready = [one for one in waiting if money.as_of(one, now)["status"] == "available"]
    amount = sum(one["net"] for one in ready)
    if amount <= 0:
        return None
    made = blank(
        "payout", now, amount=amount, currency=money.OWN_CURRENCY, arrival_date=money.midnight(now, ARRIVES_DAYS)
    )
    world.books.add(made)
    own = money.balance_transaction(
        world, amount=-amount, kind="payout", category="payout", source=made, at_once=True, description="STRIPE PAYOUT"
    )
    world.change(made, balance_transaction=own["id"])
    paid = {one["id"] for one in ready}
    world.note("_payouts", "waiting", seen=seen, ids=[one["id"] for one in waiting if one["id"] not in paid])
    # docs.stripe.com/api/balance_transactions/list#balance_transaction_list-payout; the payout's own is among them.
    inside = [*ready, own]
    world.note("_paid_out", made["id"], ids=[one["id"] for one in inside], sources=[one["source"] for one in inside])
    world.emit("payout.created", made)
    world.later(made["arrival_date"] - now, arrive_in_time, payout_id=made["id"])
    return made


def _waiting(world: World) -> tuple[list[Object], int]:
    """The balance transactions that are in no payout, and how many there have been of all kinds."""
    noted = world.note("_payouts", "waiting") or {"seen": 0, "ids": []}
    new = world.books.catalogue("balance_transaction").since(noted["seen"])
    shelf = world.books.all("balance_transaction")
    found = [shelf.peek(key) for key in [*noted["ids"], *new]]
    return [one for one in found if one["type"] not in _OWN], noted["seen"] + len(new)


@action
def arrive_in_time(world: World, payout_id: str) -> None:
    payout = world.books.get("payout", payout_id)
    if payout is not None and payout["status"] == "in_transit":
        arrive(world, payout)


def arrive(world: World, payout: Object) -> Object:
    if payout["status"] != "in_transit":
        raise Refused(f"This payout is {payout['status']} already.", param="payout")
    world.change(payout, status="paid")
    world.emit("payout.paid", payout)
    return payout


def fail(world: World, payout: Object) -> Object:
    """docs.stripe.com/api/payouts/object#payout_object-status: also one that was paid may fail, within five business
    days. The money comes back to the balance, and goes out with a later payout."""
    if payout["status"] == "failed":
        raise Refused("This payout has failed already.", param="payout")
    back = money.balance_transaction(
        world,
        amount=payout["amount"],
        kind="payout_failure",
        category="payout_reversal",
        source=payout,
        at_once=True,
        description="PAYOUT FAILURE",
    )
    world.change(
        payout,
        status="failed",
        failure_balance_transaction=back["id"],
        failure_code="account_closed",
        failure_message="The bank account has been closed",
    )
    world.emit("payout.failed", payout)
    return payout


def in_payout(world: World, payout_id: str, wanted: Where) -> Where:
    """Of the balance transactions that are wanted, those of one payout."""
    world.find("payout", payout_id, "payout")
    noted = world.note("_paid_out", payout_id)
    return Where({"source": noted["sources"], **wanted.given, "id": noted["ids"]})


def retrieve(call: Call) -> Object:
    return call.world.find("payout", call.ids[0])


def every(call: Call) -> Object:
    wanted = where(call.params, "status", "destination", ranges=("arrival_date",))
    return page(call.world, "payout", call.params, "/v1/payouts", wanted)
