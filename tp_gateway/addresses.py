"""Addresses of mailboxes and hosts, by their form; whether they exist is not known here."""

from __future__ import annotations

import re

# As browsers check it (HTML standard, "valid e-mail address"), with a domain that has a dot.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+", re.ASCII)
_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)


def is_email(text: str) -> bool:
    """One address and nothing else: no name, no line break, no second address."""
    mailbox, at, host = text.rpartition("@")
    return bool(at and len(mailbox) <= 64 and len(text) <= 254 and _MAILBOX.fullmatch(mailbox) and HOST.fullmatch(host))
