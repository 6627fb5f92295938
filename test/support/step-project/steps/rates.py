"""Converts amounts with rates that are looked up once."""

from cachetools import LRUCache, cached
from perennial.step import step


@cached(LRUCache(maxsize=8))
def rate(currency: str) -> float:
    return {"EUR": 1.0, "USD": 0.92}[currency]


@step
def to_euro(amounts: list[float], currency: str) -> list[float]:
    return [amount * rate(currency) for amount in amounts]
