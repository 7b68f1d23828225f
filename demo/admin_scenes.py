"""Scenes of the clinic's admin: settings, and how the practice is doing."""

from decimal import Decimal

from demo.stage import Stage

SETTINGS, ANALYTICS = "/api/auth/admin/settings/", "/api/auth/admin/analytics/"


def settings(stage: Stage) -> None:
    admin = stage.callers.admin()
    wrong = {"system": {"ahpra_registration_number": "PSY123"}}
    refused = stage.client.call(admin, "PUT", SETTINGS, wrong)
    stage.expect(refused, 400, code="validation_error")
    stage.screen.line("  Only what is sent changes, and it counts at once:")
    terms = stage.client.call(admin, "GET", SETTINGS, show=False).body["billing"]["invoice_terms_days"]
    fewer = 14 if terms != 14 else 21
    changed = stage.client.call(admin, "PUT", SETTINGS, {"billing": {"invoice_terms_days": fewer}})
    stage.expect(
        changed, 200, settings__billing__invoice_terms_days=fewer, settings__billing__default_payment_method="card"
    )
    told = stage.client.call(admin, "GET", f"{SETTINGS}history/?limit=1")
    stage.expect(told, 200)
    [change] = told.body["history"][0]["changes"]
    stage.screen.check("the history has both values", (change["before"], change["after"]) == (terms, fewer), change)


def analytics(stage: Stage) -> None:
    admin = stage.callers.admin()
    found = stage.client.call(admin, "GET", f"{ANALYTICS}?period=year")
    stage.expect(found, 200, period__type="year")
    revenue, trends = found.body["revenue"], found.body["appointments"]["trends"]
    total = Decimal(revenue["total"])
    parts = {
        "by way to pay": revenue["by_payment_method"].values(),
        "by service": revenue["by_service"].values(),
        "of the chart": (point["revenue"] for point in trends),
    }
    for name, amounts in parts.items():
        there = sum(map(Decimal, amounts))
        stage.screen.check(f"the amounts {name} come to the total, {total}", there == total, there)
