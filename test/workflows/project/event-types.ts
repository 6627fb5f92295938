/** Not executed: the compiler checks that a wait returns the data of its event. */
import { z } from 'zod';
import type { ProjectRun } from '../../../workflows/project/lifecycle';

export const events = {
  labels_ready: z.object({ rows: z.number() }),
  go: z.null(),
};

export async function returnsTheDataOfItsEvent(
  run: ProjectRun<object, typeof events>,
  without: ProjectRun<object>,
): Promise<number> {
  const received = await run.waitFor('labels_ready', { timeout: '7d' });
  const rows: number | undefined = received?.data.rows;
  const by: string | undefined = received?.sentBy;
  // @ts-expect-error: no event may have arrived in time.
  const certain: number = received.data.rows;
  // @ts-expect-error: the lifecycle declares no such event.
  await run.waitFor('label_ready', { timeout: '7d' });
  // @ts-expect-error: a wait needs a time limit.
  await run.waitFor('labels_ready', {});
  // @ts-expect-error: the data has no such field.
  const columns: unknown = received?.data.columns;
  // @ts-expect-error: a lifecycle without events has nothing to wait for.
  await without.waitFor('labels_ready', { timeout: '7d' });
  return (rows ?? 0) + certain + (by?.length ?? 0) + Number(columns);
}
