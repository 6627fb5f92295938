import { failureTypes, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { classPredictionIn } from '../../domain/evaluation/class-prediction';
import type { SkewResult } from '../../domain/monitoring/observation/skew';
import { skewTolerance } from '../../domain/monitoring/observation/skew';
import type { ArtifactStore } from '../../data/artifact/store';
import { openScratch, type Scratch } from '../../data/scratch';
import type { SampledPrediction } from '../../db/monitoring/records';
import type { Registry } from '../../db/registry';
import { withHeartbeat } from '../run/heartbeat';
import { scoreLogged, type LoggedScores } from './score-logged';

export interface MeasureSkewDeps {
  readonly registry: Pick<Registry, 'monitors' | 'models'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes'>;
  readonly scratchRoot: string;
}

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
        // An answer is text, and training computes no such thing.
        if (monitor?.status !== 'watching' || monitor.settings?.task === 'chat') return;
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
  const newest = Math.max(...sample.rows.map(({ at }) => Date.parse(at)));
  const of = { measuredAt, sampledUntil: new Date(newest).toISOString() };
  const rows = sample.rows.length;
  try {
    return { ...of, rows, failure: null, ...(await measure(deps, sample)) };
  } catch (error) {
    sample.signal.throwIfAborted();
    if (!isPerennialError(error) || failureTypes[error.type].retryable) throw error;
    return { ...of, rows, compared: 0, agreeing: 0, maxDifference: 0, failure: error.message };
  }
}

async function measure(
  deps: MeasureSkewDeps,
  { rows, ...sample }: SkewSample,
): Promise<Pick<SkewResult, 'compared' | 'agreeing' | 'maxDifference'>> {
  const scored = await scoreLogged(deps, { ...sample, inputs: rows.map(({ input }) => input) });
  return scored === null ? { compared: 0, agreeing: 0, maxDifference: 0 } : compare(rows, scored);
}

/** A row of several classes differs by its largest difference. */
function compare(
  rows: readonly SampledPrediction[],
  { classes, scores }: LoggedScores,
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
