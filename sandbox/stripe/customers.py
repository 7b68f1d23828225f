"""Customers (docs.stripe.com/api/customers). It never touches a payment."""

from typing import Any

from sandbox.stripe import payment_methods
from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.common import fields
from sandbox.stripe.lists import page, where
from sandbox.stripe.shapes import blank, letters

PLAIN = ("balance", "description", "email", "name", "phone", "preferred_locales", "tax_exempt", "shipping")
_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def create(call: Call) -> Object:
    made = blank("customer", call.world.clock.seconds(), invoice_prefix=letters(8).upper())
    made.update(_facts(made, call.params))
    call.world.books.add(made)
    call.world.emit("customer.created", made)
    if call.params.get("payment_method"):
        method = payment_methods.resolve(call.world, call.params["payment_method"])
        payment_methods.attach_to(call.world, method, made["id"])
    return made


def _facts(customer: Object, params: dict[str, Any]) -> dict[str, Any]:
    facts = fields(customer, params, *PLAIN)
    if "address" in params:
        facts["address"] = None if params["address"] == "" else {**_ADDRESS, **params["address"]}
    if isinstance(params.get("invoice_settings"), dict):
        facts["invoice_settings"] = {**customer["invoice_settings"], **params["invoice_settings"]}
    return facts


def retrieve(call: Call) -> Object:
    # docs.stripe.com/api/customers/retrieve: a deleted customer is still found, with little left of it.
    return call.world.books.get("customer", call.ids[0]) or call.world.find("customer", call.ids[0])


def update(call: Call) -> Object:
    customer = call.world.find("customer", call.ids[0])
    call.world.change(customer, **_facts(customer, call.params))
    call.world.emit("customer.updated", customer)
    return customer


def delete(call: Call) -> Object:
    customer = call.world.find("customer", call.ids[0])
    for method in call.world.books.having("payment_method", "customer", customer["id"]):
        payment_methods.detach_from(call.world, method)
    call.world.emit("customer.deleted", customer)
    gone = {"id": customer["id"], "object": "customer", "deleted": True}
    return call.world.books.put("customer", customer["id"], gone)


def every(call: Call) -> Object:
    return page(call.world, "customer", call.params, "/v1/customers", where(call.params, "email"))


def methods(call: Call) -> Object:
    customer = call.world.find("customer", call.ids[0])
    wanted = where({**call.params, "customer": customer["id"]}, "customer", "type")
    return page(call.world, "payment_method", call.params, f"/v1/customers/{customer['id']}/payment_methods", wanted)


def method(call: Call) -> Object:
    found = call.world.find("payment_method", call.ids[1], "payment_method", "PaymentMethod")
    if found["customer"] != call.ids[0]:
        return call.world.find("payment_method", None, "payment_method", "PaymentMethod")
    return found
