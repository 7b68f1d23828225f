"""The account itself, its balance and its balance transactions (docs.stripe.com/api/balance). Read only."""

from sandbox.stripe import money
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import copied, skeletons


def account(call: Call) -> Object:
    return copied(skeletons()["account"])


def balance(call: Call) -> Object:
    shown = copied(skeletons()["balance"])
    for transaction in call.world.books.all("balance_transaction").values():
        now = money.as_of(transaction, call.world.clock.now())
        place = shown["available" if now["status"] == "available" else "pending"][0]
        place["amount"] += now["net"]
        place["source_types"]["card"] += now["net"]
    return shown


def transaction(call: Call) -> Object:
    return call.world.find("balance_transaction", call.ids[0])


def transactions(call: Call) -> Object:
    wanted = where(call.params, "type", "currency", "source")
    return page(call.world, "balance_transaction", call.params, "/v1/balance_transactions", wanted)
