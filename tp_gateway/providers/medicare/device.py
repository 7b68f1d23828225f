"""The key of a PRODA device, by hand: `python -m tp_gateway.providers.medicare.device new-key|activate|refresh`. A
problem is one line on standard error and exit code 1. It reads no settings, and prints no key."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tp_gateway.contract import ConfigurationError
from tp_gateway.providers.medicare.settings import make_key_file
from tp_gateway.providers.medicare.transports import DeviceLogin, KeyTaken, ProdaSettings, Refused

_SECONDS = 30.0
_PRODA = "https://proda.humanservices.gov.au"


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        return int(given.command(given))
    except FileExistsError:
        print("device: there is a file of that name; a key in use must not be lost", file=sys.stderr)
    except OSError as error:
        print(f"device: {error.strerror}", file=sys.stderr)
    except ConfigurationError as error:
        print(f"device: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tp_gateway.providers.medicare.device", description=__doc__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    new = commands.add_parser("new-key", help="make a key file")
    new.add_argument("file", type=Path)
    new.set_defaults(command=_new_key)
    for name, function, what, help in (
        ("activate", _activate, "code", "give a new device its key, with the one-time activation code"),
        (
            "refresh",
            _refresh,
            "new_key",
            "put another key file (made before, and kept) in the place of the present one",
        ),
    ):
        sub = commands.add_parser(name, help=help)
        sub.add_argument(what)
        sub.add_argument("--org", required=True, help="the organisation's RA number")
        sub.add_argument("--device", required=True)
        sub.add_argument("--key", type=Path, required=True, help="the device's key file")
        sub.add_argument("--client-id", default="-", help="needed by refresh")
        sub.add_argument("--token-audience", default="-", help="needed by refresh")
        sub.add_argument("--product-id", default="TP Gateway 0.1", help="as on the Notice of Integration")
        sub.add_argument("--proda-url", default=_PRODA)
        sub.set_defaults(command=function)
    return parser


def _new_key(given: argparse.Namespace) -> int:
    make_key_file(given.file)
    print(f"{given.file} has a new key. Activate a device with it, or refresh one.")
    return 0


def _activate(given: argparse.Namespace) -> int:
    return _told(_login(given).activate(given.code, time.monotonic() + _SECONDS))


def _refresh(given: argparse.Namespace) -> int:
    new = Path(given.new_key).read_text("ascii")
    done = _told(_login(given).refresh_key(new, time.monotonic() + _SECONDS))
    if done == 0:
        print(f"Name {given.new_key} in tp_gateway.medicare.private_key_file and restart.")
    return done


def _login(given: argparse.Namespace) -> DeviceLogin:
    return DeviceLogin(
        ProdaSettings(
            url=given.proda_url,
            org_id=given.org,
            device=given.device,
            client_id=given.client_id,
            token_audience=given.token_audience,
            product_id=given.product_id,
            private_key=given.key.read_text("ascii"),
        )
    )


def _told(answer: KeyTaken | Any) -> int:
    if isinstance(answer, KeyTaken):
        print(f"PRODA has the key. It expires: {answer.expires or 'PRODA did not say when'}")
        return 0
    why = " ".join(answer.codes) if isinstance(answer, Refused) else answer.why
    print(f"device: PRODA did not take the key: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
