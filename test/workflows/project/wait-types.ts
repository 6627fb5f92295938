/** Not executed: the compiler checks what approvals and children take and return. */
import type { ProjectRun } from '../../../workflows/project/lifecycle';

export async function takesWhatPeopleNeed(run: ProjectRun<object>): Promise<readonly string[]> {
  const { approvedBy } = await run.approve({ reason: 'send it', timeout: '7d', role: 'admin' });
  // @ts-expect-error: people must know what they approve.
  await run.approve({ timeout: '7d' });
  // @ts-expect-error: an approval needs a time limit.
  await run.approve({ reason: 'send it' });
  // @ts-expect-error: an operator may not approve.
  await run.approve({ reason: 'send it', timeout: '7d', role: 'operator' });
  // @ts-expect-error: code cannot allow the starter, only the configuration can.
  await run.approve({ reason: 'send it', timeout: '7d', allowStarter: true });
  return approvedBy;
}

export async function returnsTheEndOfTheChild(run: ProjectRun<object>): Promise<number | null> {
  const child = await run.child('region', { region: 'north' });
  const status: 'succeeded' | 'stopped' = child.status;
  // @ts-expect-error: parameters have names.
  await run.child('region', 'north');
  // @ts-expect-error: a child that failed throws instead.
  const failed: boolean = child.status === 'failed';
  return status === 'succeeded' && !failed ? child.version : null;
}
