"""The account itself, its balance and its balance transactions (docs.stripe.com/api/balance). Read only."""

from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.lists import page, where
from sandbox.stripe.payouts import in_payout
from sandbox.stripe.shapes import copied, skeletons


def account(call: Call) -> Object:
    return copied(skeletons()["account"])


def balance(call: Call) -> Object:
    world, shown = call.world, copied(skeletons()["balance"])
    world.tally.catch_up(world.books)
    for available_on, net in world.tally.nets.items():
        place = shown["available" if available_on <= world.clock.now() else "pending"][0]
        place["amount"] += net
        place["source_types"]["card"] += net
    return shown


def transaction(call: Call) -> Object:
    return call.world.find("balance_transaction", call.ids[0])


def transactions(call: Call) -> Object:
    wanted = where(call.params, "type", "currency", "source")
    if call.params.get("payout"):
        wanted = in_payout(call.world, call.params["payout"], wanted)
    return page(call.world, "balance_transaction", call.params, "/v1/balance_transactions", wanted)
