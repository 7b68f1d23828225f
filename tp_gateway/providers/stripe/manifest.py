"""What the Stripe provider says about itself: a table, no behaviour."""

from tp_gateway.contract import Capabilities, Manifest
from tp_gateway.providers.stripe.settings import Parameters, Settings

MANIFEST = Manifest(
    slug="stripe",
    method="card",
    display_name="Card",
    # Those whose minor unit at Stripe is that of ISO 4217 (docs.stripe.com/currencies#minor-units has exceptions).
    currencies=frozenset({"AUD", "NZD", "USD", "GBP", "EUR", "CAD", "SGD", "HKD", "JPY"}),
    capabilities=Capabilities(
        two_step=True,
        fetch=True,
        browser=True,
        off_session=True,
        refund=True,
        partial_refund=True,
        save_method=True,
        webhooks=True,
        list_since=True,
        capture=True,
        disputes=True,
        remittances=True,
        keeps_deadline=True,  # see sockets.py
        # Stripe forgets idempotency keys after 24 hours (docs.stripe.com/api/idempotent_requests).
        repeat_horizon=23 * 3600,
    ),
    settings_schema=Settings(),
    parameters_schema=Parameters(),
    method_required=True,
    examples=({"payment_method_types": ["card"]}, {"return_url": "https://clinic.example/paid"}),
)
