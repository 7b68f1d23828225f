"""Fees and balance transactions: what each movement costs and leaves. It never changes a payment's state."""

from datetime import UTC, datetime, timedelta

from sandbox.stripe.books import Object
from sandbox.stripe.shapes import blank
from sandbox.stripe.world import World, action

# stripe.com/au/pricing (docs.stripe.com/pricing leads there): domestic cards 1.7 % + A$0.30, cards from abroad
# 3.5 % + A$0.30, a dispute A$25.00.
# In tenths of a percent, so that all sums stay whole numbers.
DOMESTIC, INTERNATIONAL, FIXED, DISPUTE_FEE = 17, 35, 30, 2500
BANK_DEBIT, BANK_DEBIT_CAP = 10, 350  # BECS: 1 % + A$0.30, at most A$3.50
OWN_CURRENCY = "aud"
# docs.stripe.com/currencies/conversions: a charge in another currency settles in the account's own. guess: the rates,
# which never change here; Stripe's fee for the conversion (stripe.com/au/pricing: 2 %) is left out. They are between
# smallest units: a yen, which has no smaller one (docs.stripe.com/currencies#zero-decimal), is worth a cent.
EXCHANGE_RATES = {"aud": 1.0, "eur": 1.7, "gbp": 2.0, "jpy": 1.0, "nzd": 0.9, "usd": 1.5}


def processing_fee(amount: int, rate: int = DOMESTIC) -> int:
    """Rounded half up to the cent."""
    return (amount * rate * 2 + 1000) // 2000 + FIXED


def balance_transaction(
    world: World,
    *,
    amount: int,
    kind: str,
    category: str,
    source: Object,
    fee: int = 0,
    at_once: bool = False,
    description: str | None = None,
) -> Object:
    """docs.stripe.com/api/balance_transactions/object; the categories: docs.stripe.com/reports/reporting-categories.

    `amount` is in the currency of `source`, `fee` in the account's own, which all that is made here is in.
    """
    now = world.clock.seconds()
    foreign = source["currency"] != OWN_CURRENCY
    amount = settled(amount, source["currency"])
    what = "Dispute fee" if kind == "adjustment" else "Stripe processing fees"
    details = [
        {"amount": fee, "application": None, "currency": OWN_CURRENCY, "description": what, "type": "stripe_fee"}
    ]
    return world.books.add(
        blank(
            "balance_transaction",
            now,
            amount=amount,
            fee=fee,
            net=amount - fee,
            fee_details=details if fee else [],
            currency=OWN_CURRENCY,
            exchange_rate=EXCHANGE_RATES[source["currency"]] if foreign else None,
            type=kind,
            reporting_category=category,
            source=source["id"],
            available_on=now if at_once else _settlement_day(world),
            status="available" if at_once else "pending",
            description=description,
        )
    )


def settled(amount: int, currency: str) -> int:
    """What an amount of this currency is in the account's own, in minor units."""
    return round(amount * EXCHANGE_RATES[currency])


def _settlement_day(world: World) -> int:
    return midnight(world.clock.seconds(), world.settings["settlement_days"])


def midnight(now: int, days: int) -> int:
    """The first second (UTC) of the day so many days from now."""
    day = datetime.fromtimestamp(now, UTC) + timedelta(days=days)
    return int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())


def settle_charge(world: World, charge: Object) -> None:
    """Give a captured charge its balance transaction: now, later, or when told.

    docs.stripe.com/payments/payment-intents/asynchronous-capture: it may be null at first, `charge.updated` follows.
    """
    late = world.settings["balance_late_seconds"]
    if late == 0:
        post_charge(world, charge)
    elif late is None:
        world.note("_unposted", charge["id"], waits=True)
    else:
        world.note("_unposted", charge["id"], waits=True)
        world.later(late, post_late_charge, charge_id=charge["id"])


def post_charge(world: World, charge: Object) -> None:
    note = world.note("_card", charge["payment_method"])
    taken = settled(charge["amount_captured"], charge["currency"])
    made = balance_transaction(
        world,
        amount=charge["amount_captured"],
        kind="charge",
        category="charge",
        source=charge,
        fee=_fee(world, charge, taken),
        at_once=note.get("bypass_pending", False),
        description=charge["description"],
    )
    world.change(charge, balance_transaction=made["id"])


def _fee(world: World, charge: Object, taken: int) -> int:
    if charge["payment_method_details"]["type"] != "card":
        return min(processing_fee(taken, BANK_DEBIT), BANK_DEBIT_CAP)
    abroad = charge["payment_method_details"]["card"]["country"] != "AU"
    # guess: the sandbox prices every test card as domestic unless asked to look at the card's country, because
    # `pm_card_visa` is an American card and nearly every test uses it.
    rate = INTERNATIONAL if abroad and world.settings["pricing"] == "by_card" else DOMESTIC
    return processing_fee(taken, rate)


@action
def post_late_charge(world: World, charge_id: str) -> None:
    charge = world.books.get("charge", charge_id)
    if charge and charge["balance_transaction"] is None and world.books.get("_unposted", charge_id):
        world.books.remove("_unposted", charge_id)
        post_charge(world, charge)
        world.emit("charge.updated", charge)


def post_all(world: World) -> int:
    """Post every charge that still waits; how many there were."""
    waiting = list(world.books.all("_unposted"))
    for charge_id in waiting:
        post_late_charge(world, charge_id)
    return len(waiting)


def as_of(transaction: Object, now: float) -> Object:
    """The balance transaction as it stands now: pending funds become available by themselves."""
    if transaction["status"] == "pending" and transaction["available_on"] <= now:
        return {**transaction, "status": "available"}
    return transaction
