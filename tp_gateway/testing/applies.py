"""The words by which a check says whom it is for: capabilities of the contract, and some that follow from them or from
what the subject supplies. A `!` before a word turns it round."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from tp_gateway.contract import Capabilities, Manifest

if TYPE_CHECKING:
    from tp_gateway.testing.subject import Subject

FLAGS = frozenset(field.name for field in fields(Capabilities))


def is_promise(manifest: Manifest) -> bool:
    """A mere promise to pay: no call settles it, a bank's statement does."""
    return manifest.capabilities.local and not manifest.single_flight


def can_repeat(manifest: Manifest) -> bool:
    """May `execute` be called again for the same payment?"""
    able = manifest.capabilities
    return able.two_step or able.resumable or able.local or able.repeat_horizon > 0


_DECLARED: dict[str, Callable[[Manifest], bool]] = {
    "promise": is_promise,
    "repeatable": can_repeat,
    "sends_refunds": lambda manifest: manifest.capabilities.refund and not manifest.capabilities.refund_files,
    "secrets": lambda manifest: any(getattr(node, "secret", False) for node in manifest.settings_schema.children),
}
_SUPPLIED = {"declining": "declines", "paying_less": "pays_less"}


def unmet(needs: Iterable[str], subject: Subject) -> str:
    """The first word that this subject does not meet, as the sheet says it; "" if all are met."""
    for word in needs:
        name = word.removeprefix("!")
        if name in _SUPPLIED:
            met, missing = subject.supplies(_SUPPLIED[name]), f"not supplied: {_SUPPLIED[name]}"
        elif name in FLAGS:
            met, missing = bool(getattr(subject.manifest.capabilities, name)), f"not declared: {name}"
        else:
            met, missing = _DECLARED[name](subject.manifest), f"not declared: {name}"
        if met == word.startswith("!"):
            return missing if not word.startswith("!") else f"declared: {name}"
    return ""
