"""What was looked at and how it ended: one line each, and a last line that counts."""

from dataclasses import dataclass, field


@dataclass
class Outcomes:
    passed: int = 0
    failed: list[str] = field(default_factory=list)

    def note(self, what: str, trouble: str | None) -> None:
        """One thing looked at; `trouble` says what was wrong with it."""
        if trouble is None:
            self.passed += 1
            print(f"PASS  {what}", flush=True)
        else:
            self.failed.append(what)
            print(f"FAIL  {what}\n      {trouble}", flush=True)

    def finish(self) -> int:
        """The exit status. Nothing looked at is a failure too."""
        print(f"{self.passed} passed, {len(self.failed)} failed")
        return 0 if self.passed and not self.failed else 1
