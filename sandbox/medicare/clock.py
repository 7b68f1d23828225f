"""The sandbox's time: real time plus what the control path has advanced it by. Days are those of the claiming system's
seat (guess: Australia/Sydney)."""

import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Australia/Sydney")
DAY = 24 * 3600


class Clock:
    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def today(self) -> date:
        return day_of(self.now())

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self.offset += seconds


def day_of(moment: float) -> date:
    return datetime.fromtimestamp(moment, ZONE).date()
