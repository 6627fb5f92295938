import { LRUCache } from 'lru-cache';
import { memoizeUnlessFailed } from '../../../data/share-in-flight';
import type { FeaturePlan } from '../../../data/sql/feature-compiler';
import { openFeatureRunner, type FeatureColumns } from '../../../data/sql/feature-runner';
import { compileFeatureSql } from '../../../data/sql/feature-sql';
import { plainFeatures } from '../../../data/sql/plain-features';
import { failure } from '../../../domain/failure';
import type { ModelSignature } from '../../../domain/model/model';
import type { RequestRow } from './request-codec';

/** Computes the inputs of the graph from request rows. */
export interface Features {
  /** `plain` when every feature is an unchanged request column, so that no SQL runs. */
  readonly kind: 'sql' | 'plain';
  /**
   * Throws SqlTimeout when `deadline` (a `performance.now()`) passes, SqlInvalid when a row makes
   * the SQL fail.
   */
  compute(rows: readonly RequestRow[], deadline: number): FeatureColumns | Promise<FeatureColumns>;
  close(): void;
}

/**
 * A plan is small, and a model that was unloaded needs it again. Compiling takes 50 ms in a process
 * of its own.
 */
const plans = new LRUCache<string, Promise<FeaturePlan>>({ max: 2_000 });

function compilePlan(sql: string, request: ModelSignature['request']): Promise<FeaturePlan> {
  return memoizeUnlessFailed(plans, JSON.stringify([sql, request]), () =>
    compileFeatureSql({ sql, request }),
  );
}

/** Compile the SQL that training used. Throws SqlInvalid, SqlForbidden, ModelUnloadable. */
export async function openFeatures({
  sql,
  signature,
}: {
  readonly sql: string;
  readonly signature: ModelSignature;
}): Promise<Features> {
  const plan = await compilePlan(sql, signature.request);
  const [given, wanted] = [plan.features, signature.features].map((features) =>
    features
      .map(({ name, type }) => `${name} ${type}`)
      .sort()
      .join(', '),
  );
  if (given !== wanted)
    throw failure(
      'ModelUnloadable',
      `the features SQL returns ${given}, but the signature requires ${wanted}`,
    );
  const plain = await plainFeatures(plan);
  if (plain !== null)
    return { kind: 'plain', compute: (rows) => plain.compute(rows), close: () => undefined };
  const runner = await openFeatureRunner(plan);
  return {
    kind: 'sql',
    compute: (rows, deadline) =>
      runner.run(rows, { deadlineMs: Math.max(0, deadline - performance.now()) }),
    close: () => runner.close(),
  };
}
