"""The bank's 3-D Secure page, and what the customer's answer does to the intent. It decides nothing about money."""

from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

from sandbox.stripe import intent_flow, setup_intents
from sandbox.stripe.books import Object
from sandbox.stripe.messages import Answer, Request
from sandbox.stripe.world import World

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox bank: confirm your payment</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f4f5f7; color: #1c2430; }}
main {{ max-width: 26rem; margin: 10vh auto; padding: 2rem; background: #fff; border-radius: 12px;
        box-shadow: 0 2px 12px rgb(0 0 0 / 12%); }}
h1 {{ font-size: 1.25rem; margin-top: 0; }}
button {{ font: inherit; padding: .6rem 1.4rem; border-radius: 8px; border: 1px solid #2b50c8; cursor: pointer; }}
button[value=complete] {{ background: #2b50c8; color: #fff; }}
button[value=fail] {{ background: #fff; color: #2b50c8; }}
</style></head><body><main><h1>{title}</h1><p>{text}</p>{form}</main></body></html>"""
FORM = """<form method="post"><button name="outcome" value="complete">Complete</button>
<button name="outcome" value="fail">Fail</button></form>"""


def page(world: World, key: str) -> Answer:
    intent = _find(world, key)
    if intent is None:
        return Answer.html(404, PAGE.format(title="Not found", text="There is no such authentication.", form=""))
    if intent["status"] != "requires_action":
        return Answer.html(
            200,
            PAGE.format(
                title="Nothing to confirm", form="", text=f"This authentication is over: {escape(intent['status'])}."
            ),
        )
    what = f"A${intent['amount'] / 100:,.2f}" if intent["object"] == "payment_intent" else "keeping your card on file"
    return Answer.html(
        200,
        PAGE.format(
            title="3D Secure test page",
            form=FORM,
            text=f"This page stands in for your bank. Do you confirm {escape(what)}?",
        ),
    )


def _find(world: World, key: str) -> Object | None:
    return world.books.get("payment_intent", key) or world.books.get("setup_intent", key)


def decide(world: World, request: Request, key: str) -> Answer:
    """The customer's answer; a posted form is sent back to the return_url, a JSON caller gets the intent."""
    outcome = request.json().get("outcome")
    if outcome not in ("complete", "fail"):
        return Answer.json(400, {"error": "outcome must be complete or fail"})
    with world.books.transaction():
        intent = _find(world, key)
        if intent is None:
            return Answer.json(404, {"error": f"no such intent: {key}"})
        if intent["status"] != "requires_action":
            return Answer.json(409, {"error": f"the intent is {intent['status']}, not requires_action"})
        world.cause = {"id": None, "idempotency_key": None}
        _carry_out(world, intent, outcome == "complete")
    world.on_delivery()
    back = world.note("_intent", key).get("return_url")
    if request.is_json:
        with world.books.lock:
            return Answer.json(200, intent)
    if back:
        return Answer(303, b"", {"Location": _with_result(back, intent, outcome == "complete")})
    return page(world, key)


def _carry_out(world: World, intent: Object, complete: bool) -> None:
    method = world.find("payment_method", intent["payment_method"])
    payment = intent["object"] == "payment_intent"
    if not complete:
        (intent_flow if payment else setup_intents).fail_authentication(world, intent, method)
    elif payment:
        # A refusal after the challenge has nobody to be raised to; the intent and the events tell of it.
        intent_flow.settle(world, intent, method, world.note("_intent", intent["id"]).get("off_session", False), True)
    else:
        setup_intents.settle(world, intent, method, authenticated=True)


def _with_result(url: str, intent: Object, complete: bool) -> str:
    """docs.stripe.com/payments/accept-a-payment: what is added to the return_url."""
    name = intent["object"]
    done = complete and intent["status"] in ("succeeded", "processing", "requires_capture")
    added = urlencode(
        {
            name: intent["id"],
            f"{name}_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if done else "failed",
        }
    )
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))
