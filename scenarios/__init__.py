"""The gateway's Stripe provider, driven through its contract: against the sandbox, or against Stripe's own test mode.

    make scenarios                              # a sandbox of its own
    STRIPE_TEST_KEY=sk_test_… make scenarios    # Stripe

The same file for both, so it assumes nothing that only the sandbox has: no control API, no look into books, no clock.
"""
