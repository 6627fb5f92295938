/**
 * A small lifecycle for tests that run the whole product many times, by default with 120 days of 60
 * rows.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TinyOptions {
  readonly name: string;
  /** false: the label is random, so nothing can be learnt and no gate should pass. */
  readonly learnable?: boolean;
  /** Replaces the spec's evaluate block. */
  readonly evaluate?: string;
  readonly canary?: string;
  readonly monitor?: string;
  readonly promote?: string;
  /** The spec's webhooks. */
  readonly notify?: string;
  readonly tune?: string;
  /** The spec's caps on jobs. */
  readonly budget?: string;
  readonly trainer?: string;
  readonly params?: string;
  readonly compute?: string;
  readonly assembleSql?: string;
  readonly featuresSql?: string;
  /** Replaces the data file's content. */
  readonly csv?: string | Uint8Array;
  /** Replaces the source's URI. */
  readonly uri?: string;
  readonly format?: 'csv' | 'parquet' | 'ndjson';
  /** Time limits for reading the source and for the SQL. */
  readonly timeout?: string;
  readonly contract?: string;
  readonly rowsPerDay?: number;
  /** Other seeds give other rows, so that no stage of another lifecycle is reused. */
  readonly seed?: number;
}

const days = 120;

/** Writes the lifecycle's folder and returns its path. */
export function writeTinyLifecycle(parent: string, options: TinyOptions): string {
  const folder = join(parent, options.name);
  mkdirSync(join(folder, 'sql'), { recursive: true });
  writeFileSync(join(folder, 'data.csv'), options.csv ?? tinyCsv(options));
  writeFileSync(join(folder, 'lifecycle.yaml'), yaml(options));
  writeFileSync(join(folder, 'contract.yaml'), options.contract ?? contract);
  writeFileSync(
    join(folder, 'sql', 'assemble.sql'),
    options.assembleSql ?? 'SELECT seen_at, entity, kind, x, y, label = 1 AS late FROM visits\n',
  );
  writeFileSync(
    join(folder, 'sql', 'features.sql'),
    options.featuresSql ?? 'SELECT kind, x, y, x * y AS xy FROM request\n',
  );
  return folder;
}

export const lenientGates = `{ metrics: [auc, logloss], gates: [{ name: useful, kind: threshold, metric: auc, min: 0.6 }] }`;

const gates = `
    metrics: [logloss, auc]
    gates:
      - { name: useful, kind: threshold, metric: auc, min: 0.6 }
      - { name: no-worse, kind: nonInferiority, metric: logloss, against: champion, whenAbsent: baseline, margin: 0.02, confidence: 0.95 }
      - { name: parity, kind: parity, rows: 200, tolerance: 0.005, minShare: 0.999 }`;

function yaml({
  name,
  evaluate = gates,
  canary,
  monitor,
  promote = '{ approval: { required: 0 } }',
  notify = '[]',
  trainer = 'logistic',
  params = '{}',
  compute,
  uri = 'file://./data.csv',
  format = 'csv',
  timeout = '5m',
  tune,
  budget,
}: TinyOptions): string {
  return `apiVersion: perennial.dev/v1
kind: ModelLifecycle
metadata: { name: ${name}, owner: ops@example.org }
spec:
  data:
    sources:
      visits: { uri: "${uri}", format: ${format}, contract: contract.yaml }
    assemble: sql/assemble.sql
    features: sql/features.sql
    label: { column: late, availableAfter: 1h, dependsOnPrediction: false }
    time: { column: seen_at, window: 120d, until: "2024-04-30T00:00:00Z" }
    entity: entity
    split: { by: time, tuning: 10d, confirm: 10d, holdout: 30d }
    limits: { timeout: ${timeout} }
  train:
    trainer: ${trainer}
    params: ${params}
    compute: ${compute ?? '{ backend: local, cpus: 1, memory: 1GiB, timeout: 5m, retries: 3 }'}
${tune === undefined ? '' : `  tune: ${tune}\n`}  evaluate: ${evaluate}
${canary === undefined ? '' : `  canary: ${canary}\n`}  promote: ${promote}
${monitor === undefined ? '' : `  monitor: ${monitor}\n`}${budget === undefined ? '' : `  budget: ${budget}\n`}  notify: ${notify}
`;
}

const contract = `apiVersion: perennial.dev/v1
kind: Contract
columns:
  seen_at: { type: timestamp, maxNullShare: 0 }
  entity: { type: string }
  kind: { type: string, values: [a, b, c] }
  x: { type: number, min: -10, max: 10 }
  y: { type: number }
  label: { type: integer, values: [0, 1] }
rows: { min: 100 }
`;

function tinyCsv({ learnable = true, rowsPerDay = 60, seed = 7 }: TinyOptions): string {
  const random = mulberry32(seed);
  const lines = ['seen_at,entity,kind,x,y,label'];
  const start = Date.UTC(2024, 0, 1);
  for (let day = 0; day < days; day += 1) {
    for (let row = 0; row < rowsPerDay; row += 1) {
      const at = new Date(start + day * 86_400_000 + (row * 72_000_000) / rowsPerDay).toISOString();
      const kind = 'abc'[Math.floor(random() * 3)] ?? 'a';
      const x = random() * 4 - 2;
      const y = random() * 4 - 2;
      const score = learnable ? 1.5 * x - y + (kind === 'a' ? 1 : 0) - 0.5 : 0;
      const label = random() < 1 / (1 + Math.exp(-score)) ? 1 : 0;
      lines.push(
        `${at},e${Math.floor(random() * 200)},${kind},${x.toFixed(4)},${y.toFixed(4)},${label}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Tommy Ettinger's mulberry32: a seed gives the same rows on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
