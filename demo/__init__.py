"""The demo: a gateway, a stand-in for Stripe and a sample clinic on this machine, by `make demo`. It calls
the gateway over HTTP as a frontend does, shows every request and answer, and is never installed.
"""
