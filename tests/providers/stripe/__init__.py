"""The Stripe provider against the stand-in, over a real socket; nothing inside our process is replaced."""
