import type { ModelLifecycleSpec } from '../../domain/lifecycle/lifecycle';
import type { LifecycleSpec } from '../../domain/lifecycle/revision';
/** A lifecycle with every kind of section, small enough to refer to its lines. */
export const lifecycleText = `apiVersion: perennial.dev/v1
kind: ModelLifecycle
metadata: { name: late-orders, owner: ops@shop.example }
spec:
  data:
    sources:
      orders: { uri: "s3://lake/orders.csv", contract: contracts/orders.yaml }
      stock: { uri: "sample://stock", time: seen_at }
    assemble: sql/assemble.sql
    features: sql/features.sql
    label: { column: late, availableAfter: 6h }
    time: { column: ordered_at, window: 6mo }
    entity: customer
    split: { by: time, tuning: 30d, confirm: 15d, holdout: 30d }
    limits: { size: 4GiB }
  train:
    trainer: lightgbm
    params: { num_leaves: 63 }
    compute: { backend: local }
  evaluate:
    metrics: [logloss, auc]
    slices: { columns: [region], metric: logloss }
    gates:
      - { name: useful, kind: threshold, metric: auc, min: 0.62 }
      - { name: no-worse, kind: nonInferiority, metric: logloss, margin: 0.004 }
      - { name: slices, kind: slice, maxIncrease: 0.03 }
      - { name: parity, kind: parity }
`;

export const contractText = `apiVersion: perennial.dev/v1
kind: Contract
otherColumns: allow
columns:
  region: { type: string, maxNullShare: 0, values: [north, south] }
  amount: { type: number, min: 0, max: 10000 }
  ordered_at: { type: timestamp, min: "2012-01-01T00:00:00Z" }
  customer: { type: string, pattern: "C[0-9]{6}" }
unique: [[customer, ordered_at]]
distribution: { columns: [region], maxPsi: 0.2 }
`;

export const lifecycleFiles: Readonly<Record<string, string>> = {
  'sql/assemble.sql': 'SELECT * FROM orders',
  'sql/features.sql': 'SELECT region, amount FROM request',
  'contracts/orders.yaml': contractText,
};

/** The text with one part replaced; the part must occur exactly once. */
export function replaceOnce(text: string, part: string, otherwise: string): string {
  if (text.split(part).length !== 2)
    throw new Error(`${JSON.stringify(part)} is not there exactly once`);
  return text.replace(part, () => otherwise);
}

/** The spec of a lifecycle of kind ModelLifecycle; throws for another kind. */
export function requireModelSpec(spec: LifecycleSpec): ModelLifecycleSpec {
  if (spec.kind === 'ModelLifecycle') return spec;
  throw new Error(`${spec.name} is a ${spec.kind}`);
}
