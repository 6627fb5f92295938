import type { Database, Transaction } from '../../db/connection';
import { defaultTenant as tenant } from '../../domain/ids';

export interface PagesSize {
  readonly models: number;
  readonly runsPerModel: number;
  readonly predictions: number;
  readonly trials: number;
}

/** One real run, whose rows the fill multiplies. */
export interface Template {
  readonly lifecycle: string;
  readonly run: string;
}

/** Tables whose rows are copied for each model, before those of its runs. */
const ofModel = [
  ['lifecycles', 'name'],
  ['lifecycle_revisions', 'lifecycle'],
  ['models', 'name'],
] as const;

/**
 * Copies of a real run under other names, so that every document in the rows is as the platform
 * writes it. One statement for each table.
 */
export async function fillRegistry(
  { sql }: Pick<Database, 'sql'>,
  template: Template,
  size: PagesSize,
): Promise<void> {
  // A lifecycle and its revision refer to each other.
  await sql.begin((tx) => fillTables(tx, template, size));
  await sql.unsafe('analyze');
}

async function fillTables(
  sql: Transaction,
  { lifecycle, run }: Template,
  { models, runsPerModel, predictions, trials }: PagesSize,
): Promise<void> {
  const others = models - 1;
  const model = `'bench-' || lpad(m::text, 4, '0')`;
  // Run ids sort by their time, and the template is the newest.
  const runId = `'run_00' || lpad((m * ${runsPerModel} + r)::text, 24, '0')`;
  const copy = (
    table: string,
    where: string,
    changes: Readonly<Record<string, string>>,
    series = `generate_series(1, ${others}) m`,
  ) => {
    const changed = Object.entries(changes).map(([column, value]) => `'${column}', ${value}`);
    return sql.unsafe(`
      insert into ${table} select (jsonb_populate_record(null::${table}, to_jsonb(t) || jsonb_build_object(${changed.join(', ')}))).*
      from ${table} t, ${series} where t.tenant_id = '${tenant}' and ${where}`);
  };
  for (const [table, column] of ofModel)
    await copy(table, `t.${column} = '${lifecycle}'`, {
      [column]: model,
      ...(table === 'models' ? { versions: String(runsPerModel) } : {}),
    });
  const perRun = `generate_series(1, ${others}) m, generate_series(1, ${runsPerModel}) r`;
  await copy(
    'runs',
    `t.id = '${run}'`,
    {
      id: runId,
      lifecycle: model,
      workflow_id: `'run/bench/' || m || '/' || r`,
      version: 'r',
      created_at: `now() - (m * ${runsPerModel} + r) * interval '1 minute'`,
    },
    perRun,
  );
  await copy(
    'stage_records',
    `t.run_id = '${run}'`,
    { run_id: runId, lifecycle: model, decision_id: 'null' },
    perRun,
  );
  const digest = `'sha256:' || encode(sha256((m || '@' || r)::bytea), 'hex')`;
  await copy(
    'model_versions',
    `t.run_id = '${run}'`,
    { model, version: 'r', run_id: runId, digest },
    perRun,
  );
  await copy('model_aliases', `t.model = '${lifecycle}' and t.alias = 'champion'`, {
    model,
    version: String(runsPerModel),
  });
  await sql`
    insert into predictions (tenant_id, day, id, received_at, model, version, arm, input, output, latency_ms)
    select ${tenant}, (now() at time zone 'UTC')::date, 'pred_' || lpad(n::text, 26, '0'), now(),
      'bench-' || lpad((1 + n % ${others}::int)::text, 4, '0'), 1, 'champion', '{"x":1}', '{"score":0.25}', 1.5
    from generate_series(1, ${predictions}::int) n`;
  await sql`
    insert into trials (tenant_id, run_id, study, number, params, status, value, started_at, ended_at)
    select ${tenant}, ${run}, 'tune', n, json_build_object('learning_rate', 0.01 + 0.29 * random(), 'num_leaves', 7 + (24 * random())::int),
      'complete', 0.4 + 0.2 * random(), now(), now()
    from generate_series((select coalesce(max(number), -1) + 1 from trials where run_id = ${run}), ${trials - 1}::int) n`;
}
