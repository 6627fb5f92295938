import { fillRegistry, versionsPerModel, type GrowthSize } from '../../bench/growth/fill';
import { readPlaces } from '../../db/audit/verify';
import { idleArtifacts } from '../../db/artifact/repository';
import { findPredictions, waitingLabels } from '../../db/serving/feedback-repository';
import { selectReachable } from '../../db/lineage/repository';
import { selectRoutes } from '../../db/serving/routing-repository';
import { selectUnfinished } from '../../db/run/repository';
import type { Statement } from '../../db/sql';
import type { PredictionId } from '../../domain/ids';
import { explain } from '../support/query-plan';
import { memoryArchive, newSigner, registerFirst } from './audit/fixture';
import { openTestRegistry, tenant, type TestRegistry } from './registry-fixture';

/**
 * Runs each statement on a filled registry, and checks how many rows it reads of growing tables,
 * and which index it uses.
 */
describe('in a large registry', () => {
  const scale = 10;
  const signer = newSigner();
  let test_: TestRegistry;
  let size: GrowthSize;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    await registerFirst(test_.registry, signer);
    const { registry, owner: database } = test_;
    const audit = { signer, archive: memoryArchive() };
    size = await fillRegistry({ database, registry, scale, audit });
  }, 120_000);
  afterAll(() => test_.close());

  const explainPlan = (statement: Statement<object[]>, table: string) =>
    explain(test_.database.sql, statement, table);

  test('lineage follows each edge once, by the index of its direction', async () => {
    const { sql } = test_.database;
    const upstream = {
      tenant,
      node: { kind: 'model', name: 'model-1', version: versionsPerModel },
      direction: 'upstream',
    } as const;
    const up = await explainPlan(selectReachable(sql, upstream), 'lineage_edges');
    expect(up.indexes).toEqual(['lineage_edges_upstream', 'lineage_edges_upstream']);
    // The recursion and the answer each read every reachable edge: four per version. PostgreSQL
    // reports means over the loops, rounded to hundredths.
    expect(Math.abs(up.rowsRead - 2 * (4 * versionsPerModel - 1))).toBeLessThan(5);
    const downstream = {
      tenant,
      node: { kind: 'dataset', name: 'diamond-0-0', version: 1 },
      direction: 'downstream',
    } as const;
    const down = await explainPlan(selectReachable(sql, downstream), 'lineage_edges');
    expect(down.indexes).toEqual(['lineage_edges_pk', 'lineage_edges_pk']);
    expect(Math.abs(down.rowsRead - 2 * 126)).toBeLessThan(5);
  });

  test('garbage collection reads only new rows, not those in use', async () => {
    const { sql } = test_.database;
    await sql`
      insert into artifacts (tenant_id, digest, touched_at)
      select ${tenant}, growth_digest('unused-' || n), now() - interval '30 days' from generate_series(1, 7) n`;
    const plan = await explainPlan(
      idleArtifacts(sql, { tenant, idleSeconds: 86_400, limit: 500 }),
      'artifacts',
    );
    expect(plan).toEqual({ indexes: ['artifacts_to_check'], rowsRead: 7 });
    expect(
      await test_.registry.artifacts.mark({ tenant, idleSeconds: 86_400, limit: 500 }),
    ).toEqual({ marked: 7, inUse: 0 });
    expect(
      (
        await explainPlan(
          idleArtifacts(sql, { tenant, idleSeconds: 86_400, limit: 500 }),
          'artifacts',
        )
      ).rowsRead,
    ).toBe(0);
  });

  test('waiting labels are read after the cursor, and their predictions by full keys', async () => {
    const { sql } = test_.database;
    const all = await waitingLabels(sql, { after: '-infinity', until: 'infinity', limit: 1000 });
    expect(all).toHaveLength(size.waitingLabels);
    const cursor = { after: all[9]?.at ?? '', until: 'infinity', limit: 20 };
    expect(await explainPlan(waitingLabels(sql, cursor), 'feedback')).toEqual({
      indexes: ['feedback_waiting'],
      rowsRead: 21,
    });
    // A label may belong to the day after its id. Today's partition is small after midnight, so
    // that it is scanned.
    const stored = await sql<{ id: PredictionId }[]>`
      select id from predictions where received_at < date_trunc('day', now()) - interval '36 hours'
      order by received_at desc limit 5`;
    const unknown = (stored[0]?.id ?? '').replace(/.{4}$/, 'zzzz') as PredictionId;
    const labels = [...stored, { id: unknown }].map(({ id }) => ({ tenant, id }));
    // Each partition has thousands of rows, so a scan would show.
    expect((await explainPlan(findPredictions(sql, labels), 'predictions')).rowsRead).toBe(5);
  });

  test('reconciliation reads only the unfinished runs of its page', async () => {
    const { sql } = test_.database;
    const first = await selectUnfinished(sql, { olderThanSeconds: 0, limit: 5 });
    const last = first.at(-1);
    if (last === undefined) throw new Error('no run is unfinished');
    const after = { tenant: last.tenantId, id: last.id };
    const statement = () => selectUnfinished(sql, { olderThanSeconds: 0, limit: 5, after });
    expect(await explainPlan(statement(), 'runs')).toEqual({
      indexes: ['runs_unfinished'],
      rowsRead: 5,
    });
    expect((await statement()).map(({ id }) => id).every((id) => id > last.id)).toBe(true);
  });

  test('a batch of the audit log is read by positions', async () => {
    const { sql } = test_.database;
    const statement = () => readPlaces(sql, { tenant, first: 2_001, count: 1_000 });
    expect(await explainPlan(statement(), 'audit_seals')).toEqual({
      indexes: ['audit_seals_pk'],
      rowsRead: 1_000,
    });
    expect(await explainPlan(statement(), 'audit_log')).toEqual({
      indexes: ['audit_log_pk'],
      rowsRead: 1_000,
    });
  });

  test('the routing table reads one version per alias, however many versions a model has', async () => {
    const plan = await explainPlan(selectRoutes(test_.database.sql), 'model_versions');
    expect(plan).toEqual({ indexes: ['model_versions_pk'], rowsRead: 2 * size.models });
  });
});
