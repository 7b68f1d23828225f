"""The test tokens: what each pretends to be, in one data table (docs.stripe.com/testing). No behaviour here.

A row serves as `pm_card_<name>` for payment methods and `tok_<name>` for card tokens.
"""

from dataclasses import dataclass, replace

# When a card wants 3-D Secure (docs.stripe.com/testing#regulatory-cards):
NEVER = "never"
ALWAYS = "always"  # on and off session, however it was set up
UNLESS_SET_UP = "unless_set_up"  # off session only until it has been set up; on session always
ON_SESSION = "on_session"  # behaves off session as if it had been set up


@dataclass(frozen=True)
class Card:
    brand: str = "visa"
    last4: str = "4242"
    country: str = "US"
    funding: str = "credit"
    authentication: str = NEVER
    decline: str | None = None  # the decline code of every charge
    declines_off_session: str | None = None
    attaches: bool = True  # a card that declines cannot be attached either, except those of which Stripe says so
    dispute: str | None = None  # the reason of the dispute that follows a success
    inquiry: bool = False
    refund: str = "succeeded"  # or "pending" (succeeds later) or "fails" (succeeds, fails later)
    bypass_pending: bool = False  # its funds are available at once
    three_d_secure: bool = True
    cvc_check: str = "pass"
    risk: str = "normal"


def _declining(code: str, last4: str) -> Card:
    return Card(last4=last4, decline=code, attaches=False)


CARDS: dict[str, Card] = {
    # Cards by brand: docs.stripe.com/testing#cards
    "visa": Card(),
    "visa_debit": Card(last4="5556", funding="debit"),
    "mastercard": Card("mastercard", "4444"),
    "mastercard_debit": Card("mastercard", "8210", funding="debit"),
    "mastercard_prepaid": Card("mastercard", "5100", funding="prepaid"),
    "amex": Card("amex", "8431"),
    "discover": Card("discover", "1117"),
    "diners": Card("diners", "3237"),
    "jcb": Card("jcb", "0505"),
    "unionpay": Card("unionpay", "0005"),
    "visa_cartesBancaires": Card(last4="1001", country="FR"),
    # Cards by country: docs.stripe.com/testing#international-cards
    "us": Card(),
    "au": Card(last4="0006", country="AU"),
    "nz": Card(last4="0008", country="NZ"),
    "gb": Card(last4="0000", country="GB"),
    "gb_debit": Card(last4="5556", country="GB", funding="debit"),
    "sg": Card(last4="0003", country="SG"),
    "hk": Card(last4="0004", country="HK"),
    "jp": Card(last4="0003", country="JP"),
    "in": Card(last4="0008", country="IN"),
    "cn": Card(last4="0002", country="CN"),
    "my": Card(last4="0000", country="MY"),
    "ca": Card(last4="0000", country="CA"),
    "de": Card(last4="0016", country="DE"),
    "fr": Card(last4="0003", country="FR"),
    "br": Card(last4="0002", country="BR"),
    # Declined payments: docs.stripe.com/testing#declined-payments
    "visa_chargeDeclined": _declining("generic_decline", "0002"),
    "visa_chargeDeclinedInsufficientFunds": _declining("insufficient_funds", "9995"),
    "visa_chargeDeclinedLostCard": _declining("lost_card", "9987"),
    "visa_chargeDeclinedStolenCard": _declining("stolen_card", "9979"),
    "chargeDeclinedExpiredCard": _declining("expired_card", "0069"),
    "chargeDeclinedIncorrectCvc": _declining("incorrect_cvc", "0127"),
    "chargeDeclinedProcessingError": _declining("processing_error", "0119"),
    "visa_chargeDeclinedVelocityLimitExceeded": _declining("card_velocity_exceeded", "6975"),
    "chargeCustomerFail": Card(last4="0341", decline="generic_decline"),
    # Fraud prevention: docs.stripe.com/testing#fraud-prevention
    "chargeDeclinedFraudulent": replace(_declining("fraudulent", "0019"), risk="highest"),
    "radarBlock": replace(_declining("fraudulent", "0019"), risk="highest", attaches=True),
    "riskLevelHighest": Card(last4="4954", decline="fraudulent", risk="highest"),
    "riskLevelElevated": Card(last4="9235", risk="elevated"),
    "cvcCheckFail": Card(last4="0101", cvc_check="fail"),
    # Disputes: docs.stripe.com/testing#disputes
    "createDispute": Card(last4="0259", dispute="fraudulent"),
    "createDisputeProductNotReceived": Card(last4="2685", dispute="product_not_received"),
    "createDisputeInquiry": Card(last4="1976", dispute="fraudulent", inquiry=True),
    # Refunds: docs.stripe.com/testing#refunds
    "pendingRefund": Card(last4="7726", refund="pending"),
    "refundFail": Card(last4="5126", refund="fails"),
    # Available balance: docs.stripe.com/testing#available-balance
    "bypassPending": Card(last4="0077", bypass_pending=True),
    "bypassPendingInternational": Card(last4="3720", country="GB", bypass_pending=True),
    # 3D Secure and regulation: docs.stripe.com/testing#regulatory-cards
    "authenticationRequiredOnSetup": Card(last4="3155", authentication=UNLESS_SET_UP),
    "authenticationRequired": Card(last4="3184", authentication=ALWAYS),
    "authenticationRequiredSetupForOffSession": Card(last4="0446", authentication=ON_SESSION),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        last4="8260", authentication=ON_SESSION, declines_off_session="insufficient_funds"
    ),
    "threeDSecure2Required": Card(last4="3220", authentication=ALWAYS),
    "threeDSecureRequired": Card(last4="3063", authentication=ALWAYS),
    "threeDSecureRequiredChargeDeclined": Card(last4="1629", authentication=ALWAYS, decline="generic_decline"),
    # The lookup itself fails, so nobody is asked and the payment is declined.
    "threeDSecureRequiredProcessingError": Card(last4="1280", decline="generic_decline"),
    "threeDSecureOptional": Card(last4="3055"),
    "threeDSecureOptionalProcessingError": Card(last4="3097"),
    "amex_threeDSecureNotSupported": Card("amex", "0005", three_d_secure=False),
}


def card(token: str) -> Card | None:
    """The card behind `pm_card_…` or `tok_…`; Stripe takes the declining ones with and without `visa_`."""
    for prefix in ("pm_card_", "tok_"):
        if token.startswith(prefix):
            name = token.removeprefix(prefix)
            return CARDS.get(name) or CARDS.get(f"visa_{name}") or CARDS.get(name.removeprefix("visa_"))
    return None
