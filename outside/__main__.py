"""Runs both against a sandbox of its own: python -m outside."""

import sys

from outside import fuzz, stripe_cli
from outside.outcomes import Outcomes
from sandbox.stripe import StripeSandbox


def main() -> int:
    outcomes = Outcomes()
    with StripeSandbox(account_version=stripe_cli.ACCOUNT_VERSION, check_contract=True) as sandbox:
        stripe_cli.look(sandbox.url, outcomes)
        outcomes.note("stripe cli: requests and answers keep Stripe's document", _violations(sandbox))
    with StripeSandbox(check_contract=True, requests_kept=1_000_000) as sandbox:
        fuzz.look(sandbox.url, outcomes)
        outcomes.note(
            "schemathesis: nothing was taken that the document forbids, no key is missing", _violations(sandbox)
        )
    return outcomes.finish()


def _violations(sandbox: StripeSandbox) -> str | None:
    if sandbox.contract is None or not sandbox.contract.checked():
        return "nothing was checked"
    found = sandbox.contract.violations()
    return f"{len(found)}, such as {str(found[0])[:1500]}" if found else None


if __name__ == "__main__":
    sys.exit(main())
