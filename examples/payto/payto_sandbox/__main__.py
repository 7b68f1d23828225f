"""python -m payto_sandbox [--port 12113] [--deliver-to URL]: until it is stopped."""

from __future__ import annotations

import argparse
import sys

from payto_sandbox.server import API_KEY, WEBHOOK_SECRET, PayToSandbox


def main() -> None:
    parser = argparse.ArgumentParser(prog="payto_sandbox", description="A stand-in for a PayTo service.")
    parser.add_argument("--port", type=int, default=12113, help="0: any that is free")
    parser.add_argument("--deliver-to", default="", metavar="URL", help="where webhooks go; without it there are none")
    parser.add_argument("--webhook-secret", default=WEBHOOK_SECRET)
    given = parser.parse_args()
    server = PayToSandbox(given.port, given.deliver_to, given.webhook_secret)
    sys.stdout.write(f"{server.url} takes the key {API_KEY}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
