"""Runs the sandbox as a process of its own: python -m sandbox.stripe --port 12111."""

import argparse
import gc
import json
import signal

from sandbox.stripe.request_log import KEPT
from sandbox.stripe.sandbox import StripeSandbox


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description="A stand-in for Stripe on loopback.")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (anything else is refused)")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--state", metavar="FILE", help="keep the books in this file across restarts")
    parser.add_argument("--deliver-to", metavar="URL", help="send every event to this webhook endpoint")
    parser.add_argument(
        "--webhook-secret",
        action="append",
        metavar="whsec_...",
        help="its signing secret; twice while a secret is being rolled",
    )
    parser.add_argument("--check-contract", action="store_true", help="hold all traffic to Stripe's document")
    parser.add_argument("--challenge-base", metavar="URL", help="where browsers reach the 3-D Secure page")
    parser.add_argument("--requests-kept", type=int, default=KEPT, metavar="N", help="how many requests are remembered")
    parser.add_argument("--account-version", metavar="DATE.NAME", help="the account's default API version")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=json.loads,
        metavar="JSON",
        help="""a fault from the start, e.g. '{"match": "POST /v1/refunds", "kind": "lost"}'""",
    )
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    gc.set_threshold(50_000, 50, 100)  # the books only grow: looking through them all the time finds nothing
    sandbox = StripeSandbox(
        host=given.host,
        port=given.port,
        state_file=given.state,
        deliver_to=given.deliver_to,
        webhook_secrets=given.webhook_secret or ("whsec_sandbox",),
        check_contract=given.check_contract,
        challenge_base=given.challenge_base,
        faults=given.fault,
        account_version=given.account_version,
        requests_kept=given.requests_kept,
    )
    # Waited for, not handled: a handler that sets an Event can meet the main thread inside the Event's own lock.
    told_to_stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, told_to_stop)
    with sandbox:
        print(f"Stripe sandbox at {sandbox.url}", flush=True)
        signal.sigwait(told_to_stop)


if __name__ == "__main__":
    main()
