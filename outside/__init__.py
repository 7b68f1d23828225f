"""Others' tools look at the sandbox: Stripe's own command line, and a fuzzer with Stripe's own document.

Run by `make outside`; `make test` needs none of it.
"""
