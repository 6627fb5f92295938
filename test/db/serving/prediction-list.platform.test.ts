import { newId } from '../../../db/ids';
import type { PredictionQuery } from '../../../db/serving/prediction-list';
import { selectPredictions } from '../../../db/serving/prediction-list';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { PredictionId } from '../../../domain/ids';
import { explain } from '../../support/query-plan';
import { openTestRegistry, tenant, type TestRegistry } from '../registry-fixture';

const days = 4;
const perDay = 10_000;
const pageSize = 50;

describe('the list of predictions', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    await fill(test_);
  });
  afterAll(() => test_.close());

  const instant = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString();

  const explainPlan = (filter: Partial<PredictionQuery>) =>
    explain(
      test_.database.sql,
      selectPredictions(test_.database.sql, { tenant, pageSize, ...filter }),
      'predictions',
    );

  test.each<[string, Partial<PredictionQuery>]>([
    ['without a filter', {}],
    ['for one model', { model: 'busy' }],
    ['for a model without predictions', { model: 'silent' }],
    ['for a model with old predictions only', { model: 'rare' }],
    ['for one version', { model: 'busy', version: 3 }],
    ['for a version without predictions', { model: 'busy', version: 999 }],
    ['that the policy passed', { verdict: 'passed' }],
    ['that the policy flagged', { verdict: 'flagged' }],
    ['that the policy blocked, of which there are none', { verdict: 'blocked' }],
    ['that were blocked', { blocked: true }],
    ['that were not blocked', { blocked: false }],
    ['for probes', { arm: 'probe' }],
    ['for an arm without predictions', { arm: 'previous' }],
    ['for a time range', { since: instant(2), until: instant(1) }],
  ])('%s reads about as many rows as a page has', async (_name, filter) => {
    const { rowsRead, indexes } = await explainPlan(filter);
    // The plan is part of the comparison so that a failure shows it.
    expect({ indexes, readsFewRows: rowsRead < 4 * pageSize }).toEqual({
      indexes,
      readsFewRows: true,
    });
  });

  test('leaves out probes of the platform unless they are requested', async () => {
    const { predictions } = test_.registry;
    const first = await predictions.list({ tenant, pageSize: 200 });
    expect(first.items.filter(({ arm }) => arm === 'probe')).toEqual([]);
    const probes = await predictions.list({ tenant, pageSize: 200, arm: 'probe' });
    expect(new Set(probes.items.map(({ arm }) => arm))).toEqual(new Set(['probe']));
    expect(probes.items).toHaveLength(Math.ceil((days * perDay) / 1000));
  });

  test('refuses a version without a model, because every model has versions', () => {
    const query = { tenant, pageSize, version: 3 };
    expect(() => selectPredictions(test_.database.sql, query)).toThrow(
      'a version number belongs to a model: name the model as well',
    );
  });
});

/**
 * A log of four days: one busy classical model, an application with a policy, a model with
 * predictions only on the first day, and a few probes.
 */
async function fill({ registry, database, owner }: TestRegistry): Promise<void> {
  // Yesterday and today have their own partitions. Older rows are in the default one.
  await registry.predictions.ensurePartitions({ days: 1 });
  await database.sql`
    insert into predictions (tenant_id, day, id, received_at, model, version, arm, input, output, latency_ms, verdict, blocked)
    select ${tenant}, (at at time zone 'UTC')::date, 'pred_' || lpad(n::text, 26, '0'), at,
      case when n % 100 = 0 then 'application' when n < 5 then 'rare' else 'busy' end, 1 + n % 7,
      case when n % 1000 = 1 then 'probe' when n % 10 = 0 then 'challenger' else 'champion' end, '{}', '{}', 1,
      case when n % 5000 = 0 then 'flagged' when n % 100 = 0 then 'passed' end, case when n % 5000 = 0 then 'output' end
    from generate_series(1, ${days * perDay}) n, lateral (select now() - interval '4 days' + n * interval '4 days' / ${days * perDay}::int as at) t`;
  const row: PredictionRow = {
    tenant,
    id: newId('pred') as PredictionId,
    receivedAt: new Date().toISOString(),
    model: 'busy',
    version: 1,
    arm: 'champion',
    entity: null,
    eventTime: null,
    input: {},
    output: { score: 1 },
    latencyMs: 1,
    rollout: null,
    other: null,
  };
  await registry.predictions.insert([row]);
  await owner.sql.unsafe('analyze predictions');
}
