/** Kills parts of a whole product during a rollout, and checks what must hold at the end. */
import { randomUUID } from 'node:crypto';
import type { RolloutJson } from '../../../apps/cli/rollout/view';
import type { RunJson } from '../../../apps/cli/run/view';
import type { Database } from '../../../db/connection';
import type { Product } from './product';
import { pause } from './product';
import type { Trials } from '../rollout/trials';
import { readRequests, requestsInFlight } from './run-audit';

/**
 * `mayFail`: requests may fail while the part that serves them is down; for other parts they may
 * not.
 */
export const dyingParts = [
  { part: 'the worker', process: 'main.ts worker', mayFail: false },
  { part: 'the gateway', process: 'main.ts gateway', mayFail: true },
  { part: 'PostgreSQL', process: 'bin/postgres', mayFail: false },
  { part: 'the Temporal server', process: 'temporal server', mayFail: false },
] as const;

/** It may still be restarting after the last kill. */
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
 * kill -9 of a process with requests to a model in flight. It is stopped first, so that none ends
 * between the check and the kill. Returns the requests in flight by the ledger; some may not have
 * been sent yet.
 */
export async function killDuringRequests(
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
      const { attempts } = await readRequests(database, run, stage);
      return attempts.answered >= answered && attempts.sent > 0;
    });
    await killPart(product, process, 'SIGSTOP');
    // Output before the stop is received and recorded.
    await pause(1_000);
    const asked = await requestsInFlight(database, run, stage);
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
  // An end that is not confirmed yet first lists the gateways.
  const rollout = await trials.until(over.lifecycle, ({ endedAt }) => endedAt !== null);
  return { run: over, rollout };
}

/**
 * I2, I5, I6, I7: this champion and no other, nothing open, the end recorded once, and a complete
 * audit log.
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
 * I6. The store with the signed heads may still be restarting; until then the log cannot be
 * verified.
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

/** Champions, newest first. */
export async function listChampions(product: Product, model: string): Promise<readonly number[]> {
  const { body } = await product.call<{ items: { to: number }[] }>(
    'GET',
    `/models/${model}/history`,
  );
  return body.items.map(({ to }) => to);
}

/**
 * Approves what a run waits for, with a second key, because the key that started the run may not.
 * An approval whose response was lost may still count.
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

/** Waits until it holds; the time limit is for a busy machine. */
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
 * Kills exactly before a write: the table is locked from outside until a writer waits for it, and
 * `there` kills. Killing the server that holds the lock also releases it.
 */
export async function killBeforeWrite(
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
          await sql`select from pg_locks l join pg_class c on c.oid = l.relation where not l.granted and l.mode = 'RowExclusiveLock' and c.relname = ${table}`;
        return waits !== undefined;
      });
      await there();
      kills.done = true;
      // The server releases the locks of a dead process once it notices the closed connection.
      await pause(1_000);
    });
  } catch (error) {
    if (!kills.done) throw error;
  }
}
