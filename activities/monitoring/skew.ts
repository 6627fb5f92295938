import { writeFile } from 'node:fs/promises';
import { rowColumn } from '../../domain/dataset/assembled';
import { failureTypes, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { versionName, type ModelManifest } from '../../domain/model/model';
import { classPredictionIn } from '../../domain/evaluation/class-prediction';
import type { SkewResult } from '../../domain/monitoring/observation/skew';
import { skewTolerance } from '../../domain/monitoring/observation/skew';
import type { ArtifactStore } from '../../data/artifact/store';
import { scoreRows } from '../../data/evaluation/score-rows';
import { openOnnxModel } from '../../data/onnx/session';
import { openScratch, type Scratch } from '../../data/scratch';
import { compileFeatureSql } from '../../data/sql/feature-sql';
import { writeFeatureTables } from '../../data/sql/feature-table';
import { duckDbTypes, quoteName, quoteText, withDuckDb } from '../../data/sql/platform-sql';
import type { SampledPrediction } from '../../db/monitoring/records';
import type { Registry } from '../../db/registry';
import { withHeartbeat } from '../run/heartbeat';

export interface MeasureSkewDeps {
  readonly registry: Pick<Registry, 'monitors' | 'models'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes'>;
  readonly scratchRoot: string;
}

const sqlLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
const featureLimits = { memoryBytes: 512 << 20, seconds: 120 } as const;
const maxModelBytes = 1 << 30;
/** Newest requests of the champion that are computed again. */
const sampled = 500;

export function createMeasureSkewActivities(deps: MeasureSkewDeps) {
  return {
    /**
     * Computes a sample of logged requests again as training does: `features.sql` over Parquet, then
     * the graph. The difference from the logged scores is the training–serving skew. A retry
     * measures again.
     */
    measureSkew(input: { readonly tenant: Tenant; readonly model: string }): Promise<void> {
      return withHeartbeat(async ({ signal }) => {
        const { registry, scratchRoot } = deps;
        const { tenant, model } = input;
        const monitor = await registry.monitors.get(input);
        if (monitor?.status !== 'watching') return;
        const { version, fencing } = monitor;
        const rows = await registry.monitors.sample({ ...input, version, limit: sampled });
        if (rows.length === 0) return;
        const scratch = await openScratch(scratchRoot, `skew-${model}`);
        try {
          const skew = await measureOrExplain(deps, {
            tenant,
            model,
            version,
            rows,
            scratch,
            signal,
          });
          await registry.monitors.noteSkew({ ...input, fencing, skew });
        } finally {
          await scratch.dispose();
        }
      });
    },
  };
}

interface SkewSample {
  readonly tenant: Tenant;
  readonly model: string;
  readonly version: number;
  readonly rows: readonly SampledPrediction[];
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

/** A version whose files are gone, or whose SQL fails on a request, is not measured. */
async function measureOrExplain(deps: MeasureSkewDeps, sample: SkewSample): Promise<SkewResult> {
  const measuredAt = new Date().toISOString();
  const rows = sample.rows.length;
  try {
    return { measuredAt, rows, failure: null, ...(await measure(deps, sample)) };
  } catch (error) {
    sample.signal.throwIfAborted();
    if (!isPerennialError(error) || failureTypes[error.type].retryable) throw error;
    return { measuredAt, rows, compared: 0, agreeing: 0, maxDifference: 0, failure: error.message };
  }
}

async function measure(
  { registry, artifacts }: MeasureSkewDeps,
  { tenant, model, version, rows, scratch, signal }: SkewSample,
): Promise<Pick<SkewResult, 'compared' | 'agreeing' | 'maxDifference'>> {
  const record = await registry.models.get({ tenant, model, version });
  if (record === null) return { compared: 0, agreeing: 0, maxDifference: 0 };
  const manifest = await artifacts.getJson<ModelManifest>(record.manifest);
  const { request, features, classes } = manifest.signature;
  const text = Buffer.from(await artifacts.getBytes(manifest.featuresSql)).toString('utf8');
  const file = `features.sql of ${versionName({ model, version })}`;
  const plan = await compileFeatureSql({ sql: text, request, file });
  const files = {
    lines: scratch.path('rows.ndjson'),
    requestRows: scratch.path('request.parquet'),
    features: scratch.path('features.parquet'),
  };
  const lines = rows.map(({ input }, row) =>
    JSON.stringify({ ...(input as object | null), [rowColumn]: row }),
  );
  await writeFile(files.lines, `${lines.join('\n')}\n`);
  const graph = await openOnnxModel(
    await artifacts.getBytes(manifest.onnx, { maxBytes: maxModelBytes }),
    features,
    classes,
  );
  try {
    return await withDuckDb(
      async (sql) => {
        const columns = [
          `${quoteText(rowColumn)}: 'BIGINT'`,
          ...request.map(({ name, type }) => `${quoteText(name)}: '${duckDbTypes[type]}'`),
        ].join(', ');
        const names = [rowColumn, ...request.map(({ name }) => quoteName(name))].join(', ');
        await sql.run(
          `COPY (SELECT ${names} FROM read_json(${quoteText(files.lines)}, format = 'newline_delimited', columns = {${columns}}))
           TO ${quoteText(files.requestRows)} (FORMAT parquet)`,
        );
        await writeFeatureTables({
          plan,
          tables: [{ requestRows: files.requestRows, features: files.features }],
          carried: [rowColumn],
          limits: featureLimits,
          signal,
        });
        const scores = await scoreRows(sql, files.features, graph, rows.length);
        return compare(rows, scores, classes ?? null);
      },
      { ...sqlLimits, spillDirectory: scratch.path('spill'), signal },
    );
  } finally {
    await graph.close();
  }
}

/** A row of several classes differs by its largest difference. */
function compare(
  rows: readonly SampledPrediction[],
  scores: Float64Array,
  classes: readonly string[] | null,
): Pick<SkewResult, 'compared' | 'agreeing' | 'maxDifference'> {
  let [compared, agreeing, maxDifference] = [0, 0, 0];
  rows.forEach(({ output }, row) => {
    const served = servedScores(output, classes);
    if (served === null) return;
    const difference = served.reduce(
      (most, score, at) =>
        Math.max(most, Math.abs(score - (scores[row * served.length + at] ?? NaN))),
      0,
    );
    compared += 1;
    if (difference <= skewTolerance) agreeing += 1;
    maxDifference = Math.max(maxDifference, Number.isNaN(difference) ? 0 : difference);
  });
  return { compared, agreeing, maxDifference };
}

function servedScores(
  output: unknown,
  classes: readonly string[] | null,
): readonly number[] | null {
  if (classes === null) {
    const score = (output as { readonly score?: unknown } | null)?.score;
    return typeof score === 'number' ? [score] : null;
  }
  const prediction = classPredictionIn(output);
  return prediction && classes.map((name) => prediction.probabilities[name] ?? NaN);
}
