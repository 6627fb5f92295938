/**
 * Parts of a whole product that are killed while a version is tried on traffic, and what must hold
 * when all is over.
 */
import { randomUUID } from 'node:crypto';
import type { RolloutJson } from '../../../apps/cli/rollout/view';
import type { RunJson } from '../../../apps/cli/run/view';
import type { Database } from '../../../db/connection';
import type { Product } from './product';
import { pause } from './product';
import type { Trials } from '../rollout/trials';
import { askedBy, underWay } from './run-audit';

/** `mayFail`: who kills what answers must let requests fail; whoever else dies, none may. */
export const dyingParts = [
  { part: 'the worker', process: 'main.ts worker', mayFail: false },
  { part: 'the gateway', process: 'main.ts gateway', mayFail: true },
  { part: 'PostgreSQL', process: 'bin/postgres', mayFail: false },
  { part: 'the Temporal server', process: 'temporal server', mayFail: false },
] as const;

/** It may be about to come back from the kill before. */
export async function killPart(
  product: Pick<Product, 'kill'>,
  process: string,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<void> {
  for (const deadline = Date.now() + 60_000; product.kill(process, signal).length === 0;) {
    if (Date.now() > deadline) throw new Error(`there is no ${process}`);
    await pause(50);
  }
}

/**
 * kill -9 to who asks or who answers, in the middle of questions for certain: stopped first, so
 * that none of them ends between the look and the kill. Gives the requests that were under way, by
 * the ledger: some may not have been sent yet.
 */
export async function killWhileAsking(
  { product, database }: { readonly product: Pick<Product, 'kill'>; readonly database: Database },
  process: string,
  {
    run,
    stage,
    answered,
  }: { readonly run: string; readonly stage: string; readonly answered: number },
): Promise<readonly string[]> {
  for (;;) {
    await eventually(`${answered} answers, and questions under way`, async () => {
      const { attempts } = await askedBy(database, run, stage);
      return attempts.answered >= answered && attempts.sent > 0;
    });
    await killPart(product, process, 'SIGSTOP');
    // What it had said when it was stopped is heard, and on record.
    await pause(1_000);
    const asked = await underWay(database, run, stage);
    await killPart(product, process, asked.length > 0 ? 'SIGKILL' : 'SIGCONT');
    if (asked.length > 0) return asked;
  }
}

export interface EndedTrial {
  readonly run: RunJson;
  readonly rollout: RolloutJson;
}

export async function endOfTrial(
  product: Product,
  trials: Trials,
  run: RunJson,
  seconds = 150,
): Promise<EndedTrial> {
  const over = await product.waitForEnd(run.id, seconds);
  // An end that no gateway has confirmed yet is told with its gateways' names first.
  const rollout = await trials.until(over.lifecycle, ({ endedAt }) => endedAt !== null);
  return { run: over, rollout };
}

/**
 * I2, I5, I6, I7: this champion and no other, nothing open, the end said once, and the record
 * whole.
 */
export async function expectSettled(
  {
    product,
    trials,
    database: { sql },
  }: { readonly product: Product; readonly trials: Trials; readonly database: Database },
  model: string,
  champion: number,
): Promise<void> {
  expect(await trials.champion(model)).toBe(champion);
  expect(await sql`select id from rollouts where ended_at is null`).toEqual([]);
  expect((await trials.audit(model, 'rollout.end')).length).toBeLessThanOrEqual(1);
  await expectAuditWhole(product);
}

/**
 * I6. The store that keeps the signed heads may be about to come back: until then nobody can say.
 */
export async function expectAuditWhole(product: Product): Promise<void> {
  const verify = () =>
    product.call<{ findings?: unknown }>('GET', '/audit/verify').catch(() => null);
  let said: Awaited<ReturnType<typeof verify>> = null;
  await eventually(
    'the audit log can be looked through',
    async () => (said = await verify())?.status === 200,
  );
  expect(said).toMatchObject({ body: { findings: [] } });
}

/** Champions in their order, newest first. */
export async function championsOf(product: Product, model: string): Promise<readonly number[]> {
  const { body } = await product.call<{ items: { to: number }[] }>(
    'GET',
    `/models/${model}/history`,
  );
  return body.items.map(({ to }) => to);
}

/**
 * Approves what a run waits for, by a key of its own: the key that started the run may not. An
 * approval whose answer was lost may count all the same.
 */
export async function approve(product: Product, id: string): Promise<void> {
  let key: string | null = null;
  await eventually('the run takes the approval', async () => {
    key ??= await approverKey(product).catch(() => null);
    if (key === null) return false;
    const answer = await product
      .call('POST', `/runs/${id}/approve`, { body: {}, key })
      .catch(() => null);
    if (answer?.status === 200 || answer?.status === 202) return true;
    return (await product.run(id).catch(() => null))?.status === 'succeeded';
  });
}

export async function approverKey(product: Product): Promise<string> {
  const body = { name: `approver ${randomUUID()}`, scope: 'approver' };
  const answer = await product.call<{ readonly key?: string }>('POST', '/api-keys', { body });
  if (answer.body.key === undefined)
    throw new Error(`no key was made: ${JSON.stringify(answer.body)}`);
  return answer.body.key;
}

/** Until it is so; the time is for a busy machine. */
export async function eventually(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  seconds = 240,
): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; !(await isSo());) {
    if (Date.now() > deadline) throw new Error(`not in ${seconds} s: ${what}`);
    await pause(50);
  }
}

/**
 * Dies exactly before a write: the table is locked from outside until somebody has come to it, and
 * `there` has killed whom it wants. Who kills the server that holds the lock ends the lock with it.
 */
export async function atTable(
  { sql }: Database,
  table: string,
  begin: () => Promise<void> | void,
  there: () => Promise<void>,
): Promise<void> {
  const kills = { done: false };
  try {
    await sql.begin(async (tx) => {
      await tx`lock table ${tx(table)} in exclusive mode`;
      await begin();
      await eventually(`somebody comes to ${table}`, async () => {
        const [waits] =
          await sql`select from pg_locks l join pg_class c on c.oid = l.relation where not l.granted and c.relname = ${table}`;
        return waits !== undefined;
      });
      await there();
      kills.done = true;
      // The dead process's connection holds nothing any more once the server has noticed.
      await pause(1_000);
    });
  } catch (error) {
    if (!kills.done) throw error;
  }
}
