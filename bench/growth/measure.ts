import type { Database } from '../../db/connection';
import type { PredictionFilter } from '../../db/serving/prediction-list';
import type { AuditArchive, AuditSigner } from '../../db/audit/records';
import type { RunRecord } from '../../db/run/repository';
import type { Registry } from '../../db/registry';
import { defaultTenant as tenant } from '../../domain/ids';
import { median, rounded } from '../figures';
import { versionsPerModel } from './fill';

/** Milliseconds by the name of the measurement. */
export type GrowthFigures = Readonly<Record<string, number>>;

export interface MeasureInput {
  readonly database: Database;
  readonly registry: Registry;
  readonly audit: { readonly signer: AuditSigner; readonly archive: AuditArchive };
}

const rounds = 9;

export async function measureGrowth(input: MeasureInput): Promise<GrowthFigures> {
  const figures: Record<string, number> = {};
  const prepare = preparations(input);
  // Handles what the fill left in the queues.
  while (
    !(await input.registry.feedback
      .joinWaiting({ limit: 1000 })
      .then(({ givenUp }) => givenUp === 0))
  );
  for (const [name, task] of Object.entries(await buildTasks(input)))
    figures[name] = await medianMs(task, prepare[name]);
  return figures;
}

/** Creates work for a task; not measured. */
function preparations({
  database: { sql },
}: MeasureInput): Readonly<Record<string, () => Promise<unknown>>> {
  return {
    'garbage collection, 500 never looked at': async () => {
      await sql`
        update artifacts set referenced_at = null where (tenant_id, digest) in (select tenant_id, digest from artifacts where tenant_id = ${tenant} limit 500)`;
    },
    'label join pass, 1,000 never join': async () => {
      await sql`
        insert into feedback (tenant_id, prediction_id, label, labelled_at)
        select ${tenant}, growth_id('pred', now(), nextval('growth_labels')), 'true', now() from generate_series(1, 1000)`;
    },
  };
}

async function medianMs(
  task: () => Promise<unknown>,
  prepare: () => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  // The first call prepares the statement and fills the cache.
  await prepare();
  await task();
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await prepare();
    const startedAt = performance.now();
    await task();
    times.push(performance.now() - startedAt);
  }
  return rounded(median(times), 2);
}

async function buildTasks({
  registry,
  audit,
}: MeasureInput): Promise<Readonly<Record<string, () => Promise<unknown>>>> {
  const { lineage, predictions, artifacts, feedback, runs, routing } = registry;
  const report = await registry.audit.verify({
    tenant,
    trust: { fingerprints: [], ownKey: null },
    archives: [audit.archive],
  });
  const last = report.checkpoint?.batch ?? 0;
  const before = await audit.archive.head({ tenant, batch: last - 1 });
  const lists = Object.entries(filters()).map(
    ([name, filter]) =>
      [`predictions ${name}`, () => predictions.list({ tenant, pageSize: 50, ...filter })] as const,
  );
  return {
    'lineage of diamonds': () =>
      lineage.page({
        tenant,
        node: { kind: 'dataset', name: 'diamond-0-0', version: 1 },
        direction: 'downstream',
        pageSize: 50,
      }),
    'lineage of the newest version': () =>
      lineage.page({
        tenant,
        node: { kind: 'model', name: 'model-1', version: versionsPerModel },
        direction: 'upstream',
        pageSize: 50,
      }),
    ...Object.fromEntries(lists),
    'audit verify, one batch': () =>
      registry.audit.verify({
        tenant,
        trust: { fingerprints: [], ownKey: null },
        archives: [],
        ...(before && { from: { batch: before.batch, digest: before.digest } }),
      }),
    'garbage collection, nothing to find': () =>
      artifacts.mark({ tenant, idleSeconds: 7 * 86_400, limit: 500 }),
    'garbage collection, 500 never looked at': () =>
      artifacts.mark({ tenant, idleSeconds: 7 * 86_400, limit: 500 }),
    'label join pass, nothing new': () => feedback.joinWaiting({ limit: 1000 }),
    'label join pass, 1,000 never join': () => feedback.joinWaiting({ limit: 1000 }),
    'reconciliation, one page of runs': () => runs.unfinished({ olderThanSeconds: 3, limit: 500 }),
    'reconciliation, all pages': () => readUnfinished(runs),
    'routing table': () => routing.table(),
  };
}

async function readUnfinished(runs: Registry['runs']): Promise<void> {
  let after: RunRecord | undefined;
  do {
    const page: readonly RunRecord[] = await runs.unfinished({
      olderThanSeconds: 3,
      limit: 500,
      after,
    });
    after = page.at(-1);
  } while (after !== undefined);
}

function filters(): Readonly<Record<string, PredictionFilter>> {
  const instant = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString();
  return {
    '(no filter)': {},
    '--model': { model: 'model-1' },
    '--model (unknown)': { model: 'silent' },
    '--model --version': { model: 'model-1', version: 3 },
    '--arm probe': { arm: 'probe' },
    '--verdict passed': { verdict: 'passed' },
    '--verdict flagged': { verdict: 'flagged' },
    '--verdict blocked (none)': { verdict: 'blocked' },
    '--blocked': { blocked: true },
    '--not-blocked': { blocked: false },
    '--since --until': { since: instant(20), until: instant(19) },
  };
}
