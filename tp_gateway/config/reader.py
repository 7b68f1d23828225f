"""One setting after the other, from the ini or the environment. A message names the setting and never its value."""

from __future__ import annotations

from collections.abc import Mapping

from tp_gateway.errors import ConfigurationError

PREFIX = "tp_gateway."


class Reader:
    def __init__(self, ini: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._ini, self._environ = ini, environ

    def find(self, name: str) -> str | None:
        value = self._environ.get((PREFIX + name).upper().replace(".", "_"), self._ini.get(PREFIX + name))
        return value.strip() if value and value.strip() else None

    def text(self, name: str, default: str | None = None) -> str:
        value = self.find(name) or default
        if value is None:
            variable = "DATABASE_URL" if name == "database_url" else (PREFIX + name).upper().replace(".", "_")
            raise ConfigurationError(f"{PREFIX}{name} is not set (nor {variable} in the environment)")
        return value

    def words(self, name: str) -> list[str]:
        return (self.find(name) or "").replace(",", " ").split()

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise ConfigurationError(f"{PREFIX}{name} must be one of: {', '.join(choices)}")
        return value

    def integer(self, name: str, default: int, least: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal() or len(value) > 9 or int(value) < least:
            raise ConfigurationError(f"{PREFIX}{name} must be a whole number of at least {least}")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        try:
            value = float(self.text(name, str(default)))
        except ValueError:
            value = 0.0
        if not 0 < value < 10**9:
            raise ConfigurationError(f"{PREFIX}{name} must be a number greater than zero")
        return value
