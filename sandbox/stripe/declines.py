"""The bank's refusals: for each decline code its error code and message. A data table, no behaviour.

docs.stripe.com/declines/codes and docs.stripe.com/testing#declined-payments. guess: the exact sentences.
"""

from typing import NamedTuple

_PLAIN = "Your card was declined."


class Decline(NamedTuple):
    code: str
    message: str
    advice: str | None = None
    blocked: bool = False  # by Stripe's own rules, before the bank was asked


DECLINES: dict[str, Decline] = {
    "generic_decline": Decline("card_declined", _PLAIN, "try_again_later"),
    "insufficient_funds": Decline("card_declined", "Your card has insufficient funds.", "try_again_later"),
    "lost_card": Decline("card_declined", _PLAIN, "do_not_try_again"),
    "stolen_card": Decline("card_declined", _PLAIN, "do_not_try_again"),
    "expired_card": Decline("expired_card", "Your card has expired.", "do_not_try_again"),
    "incorrect_cvc": Decline("incorrect_cvc", "Your card's security code is incorrect.", "confirm_card_data"),
    "processing_error": Decline(
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
        "try_again_later",
    ),
    "card_velocity_exceeded": Decline(
        "card_declined",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        "try_again_later",
    ),
    "fraudulent": Decline("card_declined", _PLAIN, "do_not_try_again", blocked=True),
    "authentication_required": Decline(
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        "try_again_later",
    ),
}
