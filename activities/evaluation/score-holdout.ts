import type { ArtifactRef, Digest } from '../../domain/artifact';
import { rowColumn, type TrainingSet } from '../../domain/training/assembled';
import { openCalendar } from '../../domain/calendar';
import type { Column } from '../../domain/dataset/dataset';
import { failureTypes, failure, isPerennialError } from '../../domain/failure';
import { selectRows } from '../../domain/evaluation/measure/holdout';
import type { ScoredCounterpart, ScoredHoldout } from '../../domain/evaluation/measure/plan';
import { alignClasses } from '../../domain/evaluation/metrics/multiclass';
import type { ScoredSample } from '../../domain/evaluation/metrics/sample';
import { randomBlocks } from '../../domain/evaluation/measure/random-blocks';
import {
  evaluatedRows,
  type DayCount,
  type EvaluatedDays,
  type EvaluatedRows,
} from '../../domain/evaluation/measure/whole-weeks';
import {
  versionName,
  type FeatureColumn,
  type ModelManifest,
  type ModelVersionRef,
} from '../../domain/model/model';
import type { ArtifactStore } from '../../data/artifact/store';
import {
  checkRows,
  columnNames,
  digestOfRows,
  readGroups,
  readHoldoutRows,
  readSliceColumn,
  type HoldoutRows,
} from '../../data/evaluation/holdout-rows';
import { writePredictions } from '../../data/evaluation/predictions';
import { scoreRows } from '../../data/evaluation/score-rows';
import { openOnnxModel } from '../../data/onnx/session';
import type { Scratch } from '../../data/scratch';
import { compileFeatureSql } from '../../data/sql/feature-sql';
import { writeFeatureTables } from '../../data/sql/feature-table';
import { withDuckDb, type PlatformSql } from '../../data/sql/platform-sql';

export interface Scoring {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes' | 'toFile'>;
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
  readonly assembled: TrainingSet;
  readonly candidate: ModelManifest;
  readonly champion: ModelVersionRef | null;
  /** Version number → reference; null for a version that does not exist. */
  readonly anchors: Readonly<Record<string, ModelVersionRef | null>>;
  readonly baseline: ArtifactRef | null;
  readonly model: string;
  readonly sliceColumns: readonly string[];
  readonly dayCount: DayCount;
}

export interface ScoredFiles {
  /** Scores of all models on the judged days; all rows are scored. */
  readonly holdout: ScoredHoldout;
  /** Null for a random holdout, which is judged whole. */
  readonly judged: EvaluatedDays | null;
  /** Number of groups, or of distinct rows, of a random holdout; null for one by time. */
  readonly groups: number | null;
  readonly predictionsFile: string;
  /** Digest of the rows' times and labels. It identifies the holdout whatever its features are. */
  readonly holdoutDigest: Digest;
}

const sqlLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
const championSqlLimits = { memoryBytes: 1 << 30, seconds: 600 } as const;
/** Bytes. A forest of a million leaves has about 100 MB. */
const maxModelBytes = 1 << 30;

/** Scores every holdout row with each model, loaded by the digest in its manifest (I3). */
export async function scoreHoldout(scoring: Scoring): Promise<ScoredFiles> {
  const { artifacts, scratch, signal, assembled } = scoring;
  const part = assembled.parts.holdout;
  const files = {
    features: scratch.path('features.parquet'),
    requestRows: scratch.path('request.parquet'),
  };
  await artifacts.toFile(part.features, files.features, { signal });
  await artifacts.toFile(part.requestRows, files.requestRows, { signal });

  return withDuckDb(
    async (sql) => {
      await checkRows(sql, files.requestRows, part.rows);
      const rows = await readHoldoutRows(sql, files.features, {
        rows: part.rows,
        task: assembled.task,
        classes: assembled.classes,
      });
      const counted = await countedRows(sql, scoring, { rows, file: files.features });
      const scorer: HoldoutScorer = { ...scoring, sql, files };
      const { scores: candidate } = await scoreManifest(
        scorer,
        scoring.candidate,
        assembled.features,
        files.features,
      );
      const counterparts = {
        champion: await scoreChampion(scorer),
        baseline: await scoreBaseline(scorer),
      };
      const anchors: Record<string, ScoredCounterpart> = {};
      for (const [version, ref] of Object.entries(scoring.anchors)) {
        const name = `${scoring.model}@${version}`;
        anchors[version] =
          ref === null
            ? { kind: 'notMeasured', name, reason: 'this version does not exist' }
            : await scoreVersion(scorer, ref);
      }
      const sliceColumns: Record<string, ScoredHoldout['sliceColumns'][string]> = {};
      for (const column of scoring.sliceColumns) {
        sliceColumns[column] = await readSliceColumn(sql, files.requestRows, column, part.rows);
      }
      const predictionsFile = scratch.path('predictions.parquet');
      await writePredictions(sql, predictionsFile, {
        rows,
        dayOfRow: counted.dayOfRow,
        classes: assembled.classes,
        score: { scores: candidate },
        champion: readScores(counterparts.champion),
        baseline: readScores(counterparts.baseline),
        anchors: Object.fromEntries(
          Object.entries(anchors).map(([version, scored]) => [version, readScores(scored)]),
        ),
      });
      const { task, classes } = assembled;
      const scored = {
        task,
        ...(classes && { classes }),
        labels: rows.labels,
        candidate,
        counterparts,
        anchors,
        sliceColumns,
      };
      return {
        holdout: { ...selectRows(scored, counted.rows), day: counted.day, days: counted.days },
        judged: counted.judged,
        groups: counted.groups,
        predictionsFile,
        holdoutDigest: await digestOfRows(sql, files.requestRows, {
          isDrawn: part.window === null,
        }),
      };
    },
    { ...sqlLimits, spillDirectory: scratch.path('spill'), signal },
  );
}

interface CountedRows extends Pick<EvaluatedRows, 'rows' | 'day' | 'days'> {
  readonly dayOfRow: Int32Array | null;
  readonly judged: EvaluatedDays | null;
  readonly groups: number | null;
}

/** The rows that are judged, and the day or random block of each. */
export async function countedRows(
  sql: PlatformSql,
  {
    assembled,
    dayCount,
    part = 'holdout',
  }: Pick<Scoring, 'assembled' | 'dayCount'> & { readonly part?: 'holdout' | 'confirm' },
  { rows: { times }, file }: { readonly rows: HoldoutRows; readonly file: string },
): Promise<CountedRows> {
  const { window } = assembled.parts[part];
  if (window !== null) {
    const { timezone, labelDelaySeconds } = dayCount;
    return {
      ...evaluatedRows(times, { window, calendar: openCalendar(timezone), labelDelaySeconds }),
      groups: null,
    };
  }
  const { block, blocks, groups } = randomBlocks(await readGroups(sql, file));
  return {
    dayOfRow: null,
    judged: null,
    rows: Int32Array.from(block.keys()),
    day: block,
    days: blocks,
    groups,
  };
}

interface HoldoutScorer extends Scoring {
  readonly sql: PlatformSql;
  readonly files: { readonly features: string; readonly requestRows: string };
}

async function scoreManifest(
  { artifacts, sql, assembled, signal }: HoldoutScorer,
  manifest: ModelManifest,
  features: readonly FeatureColumn[],
  featuresFile: string,
): Promise<Pick<ScoredSample, 'scores' | 'width'>> {
  signal.throwIfAborted();
  const { classes } = manifest.signature;
  const model = await openOnnxModel(
    await artifacts.getBytes(manifest.onnx, { maxBytes: maxModelBytes }),
    features,
    classes,
  );
  try {
    const scores = await scoreRows(sql, featuresFile, model, assembled.parts.holdout.rows);
    // An earlier version may have other classes, or the same classes in another order.
    return classes && assembled.classes
      ? alignClasses(scores, classes, assembled.classes)
      : { scores };
  } finally {
    await model.close();
  }
}

async function scoreChampion(scorer: HoldoutScorer): Promise<ScoredCounterpart> {
  const { champion, model } = scorer;
  return champion === null
    ? { kind: 'absent', reason: `${model} has no champion yet` }
    : scoreVersion(scorer, champion);
}

/** Scores a version as it serves: with its own `features.sql` on the same request rows. */
async function scoreVersion(
  scorer: HoldoutScorer,
  version: ModelVersionRef,
): Promise<ScoredCounterpart> {
  return counterpart(scorer.signal, versionName(version), version.manifest, async () => {
    const manifest = await scorer.artifacts.getJson<ModelManifest>(version.manifest);
    if (manifest.signature.task !== scorer.assembled.task) {
      throw failure(
        'InvalidInput',
        `its task is ${manifest.signature.task}, but the labels are for ${scorer.assembled.task}`,
      );
    }
    return scoreManifest(
      scorer,
      manifest,
      manifest.signature.features,
      await computeFeatures(scorer, version, manifest),
    );
  });
}

async function computeFeatures(
  scorer: HoldoutScorer,
  version: ModelVersionRef,
  manifest: ModelManifest,
): Promise<string> {
  const { assembled, artifacts, scratch, files, sql, signal } = scorer;
  if (
    manifest.featuresSql.digest === assembled.featuresSql.digest &&
    sameColumns(manifest.signature.request, assembled.request)
  ) {
    return files.features;
  }
  const { request } = manifest.signature;
  const there = await columnNames(sql, files.requestRows);
  const lacking = request.filter(({ name }) => !there.includes(name));
  if (lacking.length > 0) {
    const names = lacking.map(({ name }) => `\`${name}\``).join(', ');
    throw failure('InvalidInput', `it needs ${names}, which these request rows lack`);
  }
  const text = Buffer.from(await artifacts.getBytes(manifest.featuresSql)).toString('utf8');
  const plan = await compileFeatureSql({
    sql: text,
    request,
    file: `features.sql of ${versionName(version)}`,
  });
  const features = scratch.path(`features-${version.version}.parquet`);
  const tables = [{ requestRows: files.requestRows, features }];
  await writeFeatureTables({
    plan,
    tables,
    carried: [rowColumn],
    limits: championSqlLimits,
    signal,
  });
  return features;
}

function sameColumns(one: readonly Column[], other: readonly Column[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, type }) =>
      other.some((column) => column.name === name && column.type === type),
    )
  );
}

async function scoreBaseline(scorer: HoldoutScorer): Promise<ScoredCounterpart> {
  const { baseline, artifacts, assembled, files } = scorer;
  if (baseline === null)
    return { kind: 'absent', reason: 'no baseline was trained, because no gate needs one' };
  return counterpart(scorer.signal, 'baseline', baseline, async () =>
    scoreManifest(
      scorer,
      await artifacts.getJson<ModelManifest>(baseline),
      assembled.features,
      files.features,
    ),
  );
}

/**
 * A counterpart that cannot be scored becomes evidence, on which gates fail closed (I10). Retryable
 * failures and cancellation are thrown.
 */
async function counterpart(
  signal: AbortSignal,
  name: string,
  { digest }: ArtifactRef,
  score: () => Promise<Pick<ScoredSample, 'scores' | 'width'>>,
): Promise<ScoredCounterpart> {
  try {
    return { kind: 'scored', name, manifest: digest, ...(await score()) };
  } catch (error) {
    signal.throwIfAborted();
    if (!isPerennialError(error) || failureTypes[error.type].retryable) throw error;
    return { kind: 'notMeasured', name, reason: error.message };
  }
}

function readScores(scored: ScoredCounterpart): Pick<ScoredSample, 'scores' | 'width'> | null {
  return scored.kind === 'scored' ? scored : null;
}
