"""Scores shops by their orders."""

from dataclasses import dataclass

import pyarrow.compute as pc
from perennial.step import Context, Table, step


@dataclass
class Score:
    shop: str
    orders: int
    revenue: float


@step
def score_shop(shop: str, orders: Table, ctx: Context, currency: str = "EUR") -> Score:
    rows = orders.arrow(["shop", "amount"])
    own = rows.filter(pc.equal(rows["shop"], shop))
    ctx.log("orders read", shop=shop, orders=own.num_rows, currency=currency)
    revenue = pc.sum(own["amount"]).as_py() or 0.0
    ctx.report("revenue", revenue)
    return Score(shop=shop, orders=own.num_rows, revenue=revenue)


@step
def keep_large(orders: Table, least: float) -> Table:
    rows = orders.arrow()
    return Table.of(rows.filter(pc.greater_equal(rows["amount"], least)))
