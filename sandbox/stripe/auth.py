"""Who may ask: test keys only (docs.stripe.com/api/authentication, docs.stripe.com/keys). Keys are never stored."""

import base64
import binascii

from sandbox.stripe.errors import Unauthorized

_LIVE = ("sk_live_", "rk_live_", "pk_live_")


def key_of(headers: dict[str, str]) -> str:
    """The API key of a request; a live key is refused, whatever else is right."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    elif scheme.lower() != "bearer":
        value = ""
    if not value:
        raise Unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    if value.startswith(_LIVE):
        raise Unauthorized("This is a sandbox: live keys are refused and must never be sent here.")
    if not value.startswith(("sk_test_", "rk_test_", "pk_test_")):
        raise Unauthorized(f"Invalid API Key provided: {value[:8]}****")
    return value


def check_scope(key: str, browser: bool) -> bool:
    """Whether the key is a publishable one, which is good only for what a browser may do."""
    if not key.startswith("pk_test_"):
        return False
    if not browser:
        raise Unauthorized(
            "This API call cannot be made with a publishable API key. Please use a secret API key. You "
            "can find a list of your API keys at https://dashboard.stripe.com/account/apikeys."
        )
    return True
