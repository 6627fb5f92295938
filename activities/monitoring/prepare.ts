import { type TrainingSet } from '../../domain/training/assembled';
import type { ArtifactRef } from '../../domain/artifact';
import { failureTypes, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ModelManifest } from '../../domain/model/model';
import { allowedFalseAlarms } from '../../domain/monitoring/alarm-budget';
import type { ChampionReference } from '../../domain/monitoring/observation/champion-reference';
import { buildEstimator } from '../../domain/monitoring/observation/estimated-quality';
import {
  largestLoss,
  rowLoss,
  type LossReference,
} from '../../domain/monitoring/observation/live-quality';
import type { MonitorSettings } from '../../domain/monitoring/monitor';
import { nextMonitorStep } from '../../domain/monitoring/observation/monitor-step';
import {
  learnQualityReference,
  type QualityReference,
} from '../../domain/monitoring/quality/quality-reference';
import { learnReference } from '../../domain/monitoring/reference';
import type { ArtifactStore } from '../../data/artifact/store';
import {
  countRows,
  outputBins,
  readBins,
  readPairs,
  scorePart,
  withScores,
  type ScoredRow,
} from '../../data/monitoring/reference-rows';
import { openOnnxModel } from '../../data/onnx/session';
import { openScratch, type Scratch } from '../../data/scratch';
import { withDuckDb } from '../../data/sql/platform-sql';
import type { Registry } from '../../db/registry';
import { withHeartbeat } from '../run/heartbeat';

export interface PrepareMonitorDeps {
  readonly registry: Pick<Registry, 'monitors' | 'models' | 'artifacts'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes' | 'toFile' | 'putJson'>;
  readonly scratchRoot: string;
}

const sqlLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
const maxModelBytes = 1 << 30;

export function createPrepareMonitorActivities(deps: PrepareMonitorDeps) {
  return {
    /**
     * Builds the reference of the current champion and begins to watch it. Rows that are gone leave
     * the monitor with what it can measure without them. A retry builds the same artifact. A
     * champion that moved meanwhile is prepared by the next call.
     */
    prepareMonitor(input: { readonly tenant: Tenant; readonly model: string }): Promise<void> {
      return withHeartbeat(async ({ signal }) => {
        const { tenant, model } = input;
        const { registry } = deps;
        const step = nextMonitorStep(await registry.monitors.facts(input));
        if (step.kind !== 'prepare') return;
        const { version, fencing, revision, settings } = step;
        const built =
          settings.task === 'chat'
            ? { reference: null, waitingFor: null }
            : await buildOrExplain(deps, { ...input, version, settings }, signal);
        const by = `monitor:${model}`;
        await registry.artifacts.unreference({ tenant, by });
        if (built.reference)
          await registry.artifacts.reference({ tenant, digest: built.reference.digest, by });
        await registry.monitors.begin({
          tenant,
          model,
          version,
          fencing,
          revision,
          settings,
          ...built,
        });
        await registry.monitors.prune({ tenant, model });
      });
    },
  };
}

interface WatchedVersion {
  readonly tenant: Tenant;
  readonly model: string;
  readonly version: number;
  readonly settings: MonitorSettings;
}

interface BuiltReference {
  readonly reference: ArtifactRef | null;
  readonly waitingFor: string | null;
}

/** Rows that were deleted are an expected outcome. Everything else is retried. */
async function buildOrExplain(
  deps: PrepareMonitorDeps,
  version: WatchedVersion,
  signal: AbortSignal,
): Promise<BuiltReference> {
  try {
    const reference = await build(deps, version, signal);
    if (reference === null)
      return without(version, 'the registry does not have the rows on which it was trained');
    const { tenant } = version;
    return {
      reference: await deps.artifacts.putJson({ tenant, value: reference }),
      waitingFor: null,
    };
  } catch (error) {
    if (!isPerennialError(error) || failureTypes[error.type].retryable) throw error;
    return without(version, error.message);
  }
}

function without({ model, version }: WatchedVersion, why: string): BuiltReference {
  return {
    reference: null,
    waitingFor:
      `a reference: ${why}; until the next promotion, ${model}@${version} is watched without ` +
      'drift and without a limit of its quality',
  };
}

async function build(
  { registry, artifacts, scratchRoot }: PrepareMonitorDeps,
  { tenant, model, version, settings }: WatchedVersion,
  signal: AbortSignal,
): Promise<ChampionReference | null> {
  const record = await registry.models.get({ tenant, model, version });
  if (record === null) return null;
  const manifest = await artifacts.getJson<ModelManifest>(record.manifest);
  const assembled = await registry.artifacts.get({ tenant, digest: manifest.trainingData });
  if (assembled === null) return null;
  const set = await artifacts.getJson<TrainingSet>(assembled);
  const scratch = await openScratch(scratchRoot, `monitor-${model}`);
  try {
    return await measure({ artifacts, scratch, signal, set, manifest, settings });
  } finally {
    await scratch.dispose();
  }
}

interface ReferenceSource {
  readonly artifacts: PrepareMonitorDeps['artifacts'];
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
  readonly set: TrainingSet;
  readonly manifest: ModelManifest;
  readonly settings: MonitorSettings;
}

/** Requests are compared with all rows, scores and losses only with rows not trained on. */
async function measure(source: ReferenceSource): Promise<ChampionReference> {
  const { scratch, signal, set, manifest, settings } = source;
  const { signature } = manifest;
  const files: string[] = [];
  for (const [name, part] of Object.entries(set.parts)) {
    if (part.rows === 0) continue;
    const file = scratch.path(`${name}-request.parquet`);
    await source.artifacts.toFile(part.requestRows, file, { signal });
    files.push(file);
  }
  return withDuckDb(
    async (sql) => {
      const { bins, skipped } = await readBins(sql, files, {
        columns: signature.request,
        time: set.time,
      });
      const pairs = await readPairs(sql, files, bins);
      const hours = await countRows(sql, files, { features: bins, pairs });
      const scored = await scoreUnseen(source, sql);
      const scoreBins = scored.length === 0 ? null : outputBins(scored, signature.task);
      const traffic =
        set.time === null
          ? null
          : learnReference({
              bins,
              scoreBins,
              pairs,
              hours:
                scoreBins === null ? [...hours.values()] : withScores(hours, scored, scoreBins),
              timezone: settings.timezone,
              settings: {
                ...settings.drift,
                falseAlarmsPerYear: allowedFalseAlarms('drift', settings),
              },
            });
      return {
        traffic,
        skipped,
        loss: lossReference(scored, settings),
        quality: set.time === null ? null : qualityLimits(scored, settings),
        calibration: buildEstimator(scored, settings),
      };
    },
    { ...sqlLimits, spillDirectory: scratch.path('spill'), signal },
  );
}

/** The holdout alone: tuning and confirmation chose the parameters of the version. */
async function scoreUnseen(
  { artifacts, scratch, signal, set, manifest, settings }: ReferenceSource,
  sql: Parameters<typeof scorePart>[0],
): Promise<readonly ScoredRow[]> {
  const { holdout } = set.parts;
  if (holdout.rows === 0) return [];
  const { features, task, classes } = manifest.signature;
  const file = scratch.path('holdout-features.parquet');
  await artifacts.toFile(holdout.features, file, { signal });
  const bytes = await artifacts.getBytes(manifest.onnx, { maxBytes: maxModelBytes });
  const graph = await openOnnxModel(bytes, features, classes);
  try {
    return await scorePart(
      sql,
      {
        features: file,
        requestRows: scratch.path('holdout-request.parquet'),
        rows: holdout.rows,
        slices: settings.quality.slices,
      },
      graph,
      { task, classes },
    );
  } finally {
    await graph.close();
  }
}

/** Errors without a limit count at most twice the largest error of the holdout. */
function lossReference(
  rows: readonly ScoredRow[],
  settings: MonitorSettings,
): LossReference | null {
  if (rows.length === 0) return null;
  const losses = rows.map((row) => lossOfRow(row, settings));
  const bound =
    largestLoss(settings.metric) ??
    Math.max(1e-9, 2 * losses.reduce((most, each) => Math.max(most, each), 0));
  const sum = losses.reduce((total, each) => total + Math.min(each, bound), 0);
  return { rows: rows.length, loss: sum / rows.length, bound };
}

function lossOfRow(
  { label, output, ofTrueClass }: ScoredRow,
  { metric, task }: MonitorSettings,
): number {
  return task === 'multiclass'
    ? rowLoss('logloss', 1, ofTrueClass ?? NaN)
    : rowLoss(metric, label, Number(output));
}

/** The days of the holdout show by how much quality differs without a decline. */
function qualityLimits(
  rows: readonly ScoredRow[],
  settings: MonitorSettings,
): QualityReference | null {
  if (rows.length === 0) return null;
  const losses = rows.map((row) => ({
    at: new Date(row.time).toISOString(),
    loss: lossOfRow(row, settings),
    bias: settings.task === 'multiclass' ? null : Number(row.output) - row.label,
    score: settings.task === 'classification' ? Number(row.output) : null,
    slices: row.slices,
  }));
  const { timezone, quality } = settings;
  return learnQualityReference(losses, {
    timezone,
    maxDrop: quality.maxDrop,
    falseAlarmsPerYear: allowedFalseAlarms('quality', settings),
  });
}
