"""A stand-in for Stripe on loopback, for the demo, the tests and CI. It must never see live keys or real cards."""

from sandbox.stripe.sandbox import StripeSandbox

__all__ = ["StripeSandbox"]
