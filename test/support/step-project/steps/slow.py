"""Counts slowly, and continues where a killed attempt saved its count."""

import time

from perennial.step import Context, step


@step
def count(to: int, ctx: Context) -> dict[str, int]:
    saved = ctx.restore_checkpoint()
    began = saved[0] if saved else 0
    for done in range(began, to):
        time.sleep(0.05)
        ctx.save_checkpoint(done + 1, {"count": str(done + 1).encode()})
        ctx.progress(done + 1, to)
    return {"began": began, "count": to}
