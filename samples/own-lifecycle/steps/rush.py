"""Finds the busiest hours of working days."""

from dataclasses import dataclass

from cachetools import LRUCache
from perennial.step import Context, Table, step


@dataclass
class Rush:
    hours: list[int]
    hired: float


@step
def rush_hours(hours: Table, ctx: Context, most: int = 3) -> Rush:
    rows = hours.arrow(["hr", "workingday", "bikers"]).to_pylist()
    totals: LRUCache[int, list[float]] = LRUCache(maxsize=24)
    for row in rows:
        if row["workingday"] == 1:
            totals.setdefault(int(row["hr"]), []).append(float(row["bikers"]))
    means = {hour: sum(hired) / len(hired) for hour, hired in totals.items()}
    busiest = sorted(means, key=lambda hour: -means[hour])[:most]
    ctx.log("rush hours", hours=busiest)
    return Rush(hours=sorted(busiest), hired=round(max(means.values(), default=0.0), 1))
