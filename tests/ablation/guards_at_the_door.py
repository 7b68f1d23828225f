"""Guards at the door: events, callers, what may come in and what may go out."""

from __future__ import annotations

from tests.ablation.changes import Function
from tests.ablation.guard import ANSWERS, BODIES, CHARGE, EVENTS, TOKENS, VIEWS, guard
from tests.ablation.removals import always, nothing, text

DOOR = (
    # --- webhooks -------------------------------------------------------------------------------------------------
    guard(
        "signature",
        "the signature of an event is compared",
        Function("tp_gateway.providers.stripe.webhooks", "_signed", always(True)),
        f"{EVENTS}::test_forged",
    ),
    guard(
        "signature-age",
        "an old signature is refused",
        text("providers.stripe.webhooks", "abs(self._now() - signed_at) >", "signed_at - self._now() >"),
        f"{EVENTS}::test_neither_stale_nor_from_the_future",
    ),
    guard(
        "signature-future",
        "one from the future too",
        text("providers.stripe.webhooks", "abs(self._now() - signed_at) >", "self._now() - signed_at >"),
        f"{EVENTS}::test_neither_stale_nor_from_the_future",
    ),
    guard(
        "livemode",
        "events of the other mode are not ours",
        text("providers.stripe.webhooks", 'if event["livemode"] is not self._live:', "if False:"),
        f"{EVENTS}::test_of_no_interest",
    ),
    guard(
        "environment",
        "nor are those of another clinic on the same account",
        text("providers.stripe.webhooks", "if label is not None and label != self._environment:", "if False:"),
        f"{EVENTS}::test_of_no_interest",
    ),
    guard(
        "inbox-key",
        "an event is in the inbox once",
        text("services.events", '"event_id": seen.event_id,', '"event_id": __import__("uuid").uuid4().hex,'),
        "tests/services/test_inbox_and_outbox.py::test_the_same_event_a_hundred_times_at_once_is_one",
    ),
    # --- who may --------------------------------------------------------------------------------------------------
    guard(
        "owner-of-payable",
        "patients pay what is theirs",
        text("services.door", "if row.role not in identity.STAFF and row.patient_id != who.user_id:", "if False:"),
        f"{ANSWERS}::test_what_is_anothers_is_as_absent_as_what_is_not_there",
    ),
    guard(
        "owner-of-payment",
        "patients see their own payments",
        text("services.payments", "if not who.is_staff and payment.patient_id != who.user_id:", "if False:"),
        f"{CHARGE}::test_only_the_owner_and_staff_see_a_payment",
    ),
    guard(
        "owner-of-method",
        "a saved card pays for its owner only",
        text("services.door", "row.method_owner != row.patient_id or "),
        f"{CHARGE}::test_another_patients_saved_card_is_not_there",
    ),
    guard(
        "role",
        "a permission belongs to roles",
        Function("tp_gateway.identity", "permits", always(True)),
        "tests/api/test_refund_orders.py::test_refunds_are_staffs_and_the_history_says_whose_and_why",
    ),
    guard(
        "active",
        "an account that was closed pays nothing",
        text("services.door", "if row.role is None or not row.active:", "if row.role is None:"),
        f"{CHARGE}::test_the_directory_is_asked_whatever_the_token_says",
    ),
    guard(
        "active-caller",
        "and sees nothing",
        text("views.security", "if user is None or not user.active:", "if user is None:"),
        "tests/api/test_tokens.py::test_a_user_nobody_knows_and_one_who_was_closed",
    ),
    guard(
        "token-type",
        "a refresh token is no access token",
        text("identity", 'if claims.get("token_type") != "access":', "if False:"),
        f"{TOKENS}::test_a_token_with_a_wrong_claim_is_refused",
    ),
    guard(
        "token-algorithm",
        "the algorithm is ours, not the token's",
        text("identity", "algorithms=[algorithm],", 'algorithms=["HS256", "HS384", "HS512"],'),
        f"{TOKENS}::test_a_changed_signature_payload_or_key_is_refused",
    ),
    guard(
        "client-secret",
        "a client secret is for the patient and for who began the payment",
        text("views.rendering", '(may_see or key == "type")', "True"),
        "tests/views/test_rendering.py::test_a_client_secret_is_for_the_patient_and_for_who_began_it",
    ),
    # --- what may come in, and what may go out --------------------------------------------------------------------
    guard(
        "amount-is-due",
        "an appointment is paid with exactly what is due",
        text(
            "services.door", "if (wanted.invoice_id is None or self.manifest.sole_payer) and asked != due:", "if False:"
        ),
        f"{BODIES}::test_a_client_does_not_choose_its_price",
    ),
    guard(
        "amount-at-most-due",
        "an invoice with no more than is due",
        text("services.door", "if asked > due:", "if False:"),
        f"{CHARGE}::test_two_parts_at_once_never_exceed_what_is_due",
    ),
    guard(
        "key-scope",
        "an idempotency key is its user's own",
        text("views.idempotency", "user_id=request.identity.user_id,", "user_id=45,"),
        "tests/api/test_flows.py::test_keys_are_each_users_own",
    ),
    guard(
        "key-fingerprint",
        "and fits one request",
        text("services.idempotency", "if record.body_hash != key.body_hash:", "if False:"),
        f"{CHARGE}::test_a_key_does_not_fit_another_request",
    ),
    guard(
        "json-keys",
        "a JSON object has each key once",
        text("views.jsontext", 'raise _invalid("An object has the same key twice")', "pass"),
        f"{BODIES}::test_bodies_that_are_not_a_json_object",
    ),
    guard(
        "json-nan",
        "NaN is no JSON",
        text("views.jsontext", 'raise _invalid("NaN and Infinity are not JSON")', "return 180"),
        f"{BODIES}::test_bodies_that_are_not_a_json_object",
    ),
    guard(
        "body-limit",
        "a body has a limit before it is read",
        text("views.body", "if declared is not None and declared > limit:", "if False:"),
        f"{ANSWERS}::test_bodies_have_a_limit_for_each_route",
    ),
    guard(
        "card-data",
        "card numbers are refused wherever they are",
        Function(f"{VIEWS}.card_data", "refuse_in_body", nothing),
        f"{ANSWERS}::test_card_data_is_refused_wherever_it_is_and_leaves_no_trace",
    ),
    guard(
        "scrubber",
        "secrets are cut out of the log",
        Function("tp_gateway.observability", "scrub_text", lambda _: lambda text: text),
        "tests/bottom/test_observability.py::test_a_secret_is_hidden_whatever_stands_around_it",
    ),
    guard(
        "origins",
        "other pages may not read answers (CORS)",
        text("views.http", "if origin in origins:", "if True:"),
        f"{ANSWERS}::test_cors_for_anyone_else",
    ),
    guard(
        "development-keys",
        "production does not start with the keys of development.ini",
        text("config", "if DEVELOPMENT_MARK in value:", "if False:"),
        "tests/bottom/test_config.py::test_the_keys_of_the_development_ini_are_refused_in_production",
    ),
)
