"""Measures how busy one hour of the day is."""

from dataclasses import dataclass

import pyarrow.compute as pc
from perennial.step import Context, Table, step


@dataclass
class Profile:
    hour: int
    working: float
    free: float


@step
def profile(hours: Table, hour: int, ctx: Context) -> Profile:
    rows = hours.arrow(["hr", "workingday", "bikers"])
    own = rows.filter(pc.equal(rows["hr"], hour))
    ctx.log("hours read", hour=hour, rows=own.num_rows)

    def mean(workingday: int) -> float:
        some = own.filter(pc.equal(own["workingday"], workingday))
        return round(pc.mean(some["bikers"]).as_py() or 0.0, 1)

    return Profile(hour=hour, working=mean(1), free=mean(0))
