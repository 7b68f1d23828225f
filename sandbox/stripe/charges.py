"""Charges are made by payment intents only; here they are read and annotated (docs.stripe.com/api/charges)."""

from sandbox.stripe.api_call import Call
from sandbox.stripe.books import Object
from sandbox.stripe.common import fields
from sandbox.stripe.lists import page, where


def retrieve(call: Call) -> Object:
    return call.world.find("charge", call.ids[0])


def update(call: Call) -> Object:
    charge = call.world.find("charge", call.ids[0])
    facts = fields(charge, call.params, "description", "receipt_email", "shipping", "transfer_group")
    call.world.change(charge, **facts)
    call.world.emit("charge.updated", charge)
    return charge


def every(call: Call) -> Object:
    return page(call.world, "charge", call.params, "/v1/charges", where(call.params, "customer", "payment_intent"))
