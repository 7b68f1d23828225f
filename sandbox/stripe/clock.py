"""The sandbox's time: real time plus what the control API has advanced it by. Nothing else reads the system clock."""

import time


class Clock:
    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def seconds(self) -> int:
        return int(self.now())

    def advance(self, seconds: float) -> None:
        self.offset += seconds
