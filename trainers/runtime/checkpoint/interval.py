"""Tells when to save again."""

from __future__ import annotations

import time


class Interval:
    def __init__(self, seconds: float):
        self._seconds = seconds
        self._since = time.monotonic()

    def is_over(self) -> bool:
        if time.monotonic() - self._since < self._seconds:
            return False
        self._since = time.monotonic()
        return True
