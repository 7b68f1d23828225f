"""What was found out about a provider: for people a capability sheet, for machines JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from typing import Any

from tp_gateway.contract import CONTRACT_VERSION, Capabilities
from tp_gateway.testing.checking import GROUPS
from tp_gateway.testing.subject import Subject

KEPT, BROKEN, NOT_RUN = "kept", "broken", "not run"
_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Result:
    """`found` is the explanation of a broken promise, or why the check was not run."""

    check: str
    result: str
    found: str = ""
    seconds: float = 0.0


@dataclass
class Report:
    """`card` is who the provider says it is."""

    card: Mapping[str, Any]
    results: dict[str, Result] = field(default_factory=dict)

    @classmethod
    def of(cls, subject: Subject) -> Report:
        manifest, able = subject.manifest, subject.manifest.capabilities
        flags = {one.name: getattr(able, one.name) for one in fields(Capabilities)}
        return cls(
            {
                "provider": manifest.slug,
                "method": manifest.method,
                "display_name": manifest.display_name,
                "class": f"{subject.provider.__module__}.{subject.provider.__qualname__}",
                "contract_version": CONTRACT_VERSION,
                "tp_gateway": metadata.version("tp-gateway"),
                "currencies": sorted(manifest.currencies),
                "capabilities": flags,
            }
        )

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Report:
        """As `as_json` wrote it."""
        report = cls({name: value for name, value in told.items() if name not in ("summary", "checks")})
        for one in told["checks"]:
            report.add(Result(**one))
        return report

    def add(self, result: Result) -> None:
        self.results[result.check] = result

    def names(self, result: str) -> list[str]:
        return [one.check for one in self.results.values() if one.result == result]

    @property
    def ok(self) -> bool:
        return not self.names(BROKEN)

    def as_json(self) -> dict[str, Any]:
        counts = {result.replace(" ", "_"): len(self.names(result)) for result in (KEPT, BROKEN, NOT_RUN)}
        return {**self.card, "summary": counts, "checks": [asdict(one) for one in self.results.values()]}

    def lines(self) -> list[str]:
        """The sheet."""
        able = self.card["capabilities"]
        declared = [name if value is True else f"{name}={value}" for name, value in able.items() if value]
        lines = [
            _row("takes", ", ".join(self.card["currencies"])),
            _row("declares", ", ".join(declared) or "nothing beyond `execute`"),
        ]
        for group in GROUPS:
            mine = [one for one in self.results.values() if one.check.startswith(f"{group}-")]
            counts = {result: sum(one.result == result for one in mine) for result in (KEPT, BROKEN, NOT_RUN)}
            if counts[KEPT] or counts[BROKEN]:
                lines.append(_row(group, ", ".join(f"{count} {result}" for result, count in counts.items() if count)))
        for name in self.names(BROKEN):
            lines.append(_row("BROKEN", name))
        reasons: dict[str, int] = {}
        for one in self.results.values():
            if one.result == NOT_RUN:
                reasons[one.found] = reasons.get(one.found, 0) + 1
        for reason, count in sorted(reasons.items()):
            lines.append(_row(reason, f"{count} not run", wide=True))
        return lines

    @property
    def title(self) -> str:
        kept, broken = len(self.names(KEPT)), len(self.names(BROKEN))
        return f"provider {self.card['provider']} ({self.card['method']}): {kept} kept, {broken} broken"


def blank(subject: Subject) -> Report:
    """Before anything was tried: which checks will not be run, and why."""
    from tp_gateway.testing.runner import all_checks

    report = Report.of(subject)
    for one in all_checks():
        if reason := one.not_run(subject):
            report.add(Result(one.id, NOT_RUN, reason))
    return report


def _row(name: str, text: str, *, wide: bool = False) -> str:
    return f"{name}: {text}" if wide else f"{name:<{_WIDTH}}{text}"
