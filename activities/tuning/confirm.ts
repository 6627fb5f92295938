import type { ArtifactStore } from '../../data/artifact/store';
import { computeDigest } from '../../data/digest';
import { readHoldoutRows } from '../../data/evaluation/holdout-rows';
import { scoreRows } from '../../data/evaluation/score-rows';
import { openOnnxModel } from '../../data/onnx/session';
import { openScratch } from '../../data/scratch';
import { withDuckDb } from '../../data/sql/platform-sql';
import type { ArtifactRef } from '../../domain/artifact';
import type { TrainingSet } from '../../domain/training/assembled';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { MetricName } from '../../domain/evaluation/metrics/names';
import { measureConfirmation, type Confirmation } from '../../domain/evaluation/measure/confirm';
import type { ModelManifest } from '../../domain/model/model';
import { scoresOfRows, computeWidth } from '../../domain/evaluation/metrics/sample';
import { toSeed } from '../../domain/statistics/random';
import { withHeartbeat } from '../run/heartbeat';
import { countedRows } from '../evaluation/score-holdout';

export interface ConfirmDeps {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes' | 'toFile'>;
  readonly scratchRoot: string;
}

export interface ConfirmInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  /** Refers to an TrainingSet. */
  readonly assembled: ArtifactRef;
  readonly metric: MetricName;
  /** Manifests of two models trained on the same rows. */
  readonly byDefault: ArtifactRef;
  readonly tuned: ArtifactRef;
  /** The timezone whose days are the blocks of the confirm slice. */
  readonly timezone: string;
}

const sqlLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
const maxModelBytes = 1 << 30;

export function createConfirmActivities({ artifacts, scratchRoot }: ConfirmDeps) {
  return {
    /** Compares both models on the confirm slice, row by row. Writes nothing; may be repeated. */
    confirmTuning(input: ConfirmInput): Promise<Confirmation> {
      return withHeartbeat(async ({ signal }) => {
        const scratch = await openScratch(scratchRoot, `confirm-${input.runId}`);
        try {
          const assembled = await artifacts.getJson<TrainingSet>(input.assembled);
          const part = assembled.parts.confirm;
          const file = scratch.path('features.parquet');
          await artifacts.toFile(part.features, file, { signal });
          return await withDuckDb(
            async (sql) => {
              const rows = await readHoldoutRows(sql, file, {
                rows: part.rows,
                task: assembled.task,
                classes: assembled.classes,
              });
              // All labels are known, because the holdout begins where this part ends.
              const dayCount = { timezone: input.timezone, labelDelaySeconds: 0 };
              const counted = await countedRows(
                sql,
                { assembled, dayCount, part: 'confirm' },
                { rows, file },
              );
              const { width = 1 } = computeWidth(assembled.classes);
              const scoreJudged = (values: Float64Array, each = 1) =>
                scoresOfRows(values, counted.rows, each);
              const scores = async (ref: ArtifactRef): Promise<Float64Array> => {
                signal.throwIfAborted();
                const manifest = await artifacts.getJson<ModelManifest>(ref);
                if (manifest.trainingData !== input.assembled.digest) {
                  // Its training rows may be in the confirm slice.
                  const message =
                    `model ${ref.digest} was trained on ${manifest.trainingData}, ` +
                    `but the confirm slice belongs to ${input.assembled.digest}`;
                  throw failure('InvalidInput', message);
                }
                const bytes = await artifacts.getBytes(manifest.onnx, { maxBytes: maxModelBytes });
                const model = await openOnnxModel(bytes, assembled.features, assembled.classes);
                try {
                  return await scoreRows(sql, file, model, part.rows);
                } finally {
                  await model.close();
                }
              };
              return measureConfirmation({
                metric: input.metric,
                labels: scoreJudged(rows.labels),
                day: counted.day,
                days: counted.days,
                ...computeWidth(assembled.classes),
                ...(assembled.drawn && { unit: assembled.drawn }),
                byDefault: scoreJudged(await scores(input.byDefault), width),
                tuned: scoreJudged(await scores(input.tuned), width),
                // From the data and not from a clock, so that the bounds are reproducible.
                seed: toSeed(
                  computeDigest([
                    input.assembled.digest,
                    input.byDefault.digest,
                    input.tuned.digest,
                  ]),
                ),
              });
            },
            { ...sqlLimits, spillDirectory: scratch.path('spill'), signal },
          );
        } finally {
          await scratch.dispose();
        }
      });
    },
  };
}
