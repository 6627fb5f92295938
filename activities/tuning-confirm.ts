import type { ArtifactStore } from '../data/artifacts/store';
import { digestOf } from '../data/digest';
import { readHoldoutRows } from '../data/evaluation/holdout-rows';
import { scoreRows } from '../data/evaluation/score-rows';
import { openOnnxModel } from '../data/onnx/session';
import { openScratch } from '../data/scratch';
import { withDuckDb } from '../data/sql/platform-sql';
import type { ArtifactRef } from '../domain/artifact';
import type { AssembledData } from '../domain/assembled';
import { failure } from '../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../domain/ids';
import type { MetricName } from '../domain/lifecycle';
import { confirm, type Confirmation } from '../domain/measure/confirm';
import type { ModelManifest } from '../domain/model';
import { seedOf } from '../domain/statistics/random';
import { whileBeating } from './heartbeating';

export interface ConfirmDeps {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes' | 'toFile'>;
  readonly scratchRoot: string;
}

export interface ConfirmInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  /** AssembledData. */
  readonly assembled: ArtifactRef;
  readonly metric: MetricName;
  /** Manifests of two models trained on the same rows. */
  readonly byDefault: ArtifactRef;
  readonly tuned: ArtifactRef;
}

const sqlLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
const largestModel = 1 << 30;

export function createConfirmActivities({ artifacts, scratchRoot }: ConfirmDeps) {
  return {
    /** Both models on the confirm slice, row for row. Writes nothing, so a second attempt measures the same again. */
    confirmTuning(input: ConfirmInput): Promise<Confirmation> {
      return whileBeating(async ({ signal }) => {
        const scratch = await openScratch(scratchRoot, `confirm-${input.runId}`);
        try {
          const assembled = await artifacts.getJson<AssembledData>(input.assembled);
          const part = assembled.parts.confirm;
          const file = scratch.path('features.parquet');
          await artifacts.toFile(part.features, file, { signal });
          return await withDuckDb(
            async (sql) => {
              const rows = await readHoldoutRows(sql, file, { rows: part.rows, task: assembled.task });
              const scores = async (ref: ArtifactRef): Promise<Float64Array> => {
                signal.throwIfAborted();
                const manifest = await artifacts.getJson<ModelManifest>(ref);
                if (manifest.trainingData !== input.assembled.digest) {
                  // It may have learned from the rows that it would be confirmed on.
                  const message = `model ${ref.digest} was trained on ${manifest.trainingData}, and is to be confirmed on ${input.assembled.digest}`;
                  throw failure('InvalidInput', message);
                }
                const model = await openOnnxModel(await artifacts.getBytes(manifest.onnx, { maxBytes: largestModel }), assembled.features);
                try {
                  return await scoreRows(sql, file, model, part.rows);
                } finally {
                  await model.close();
                }
              };
              const { labels, day, dayNames } = rows;
              return confirm({
                metric: input.metric,
                labels,
                day,
                days: dayNames.length,
                byDefault: await scores(input.byDefault),
                tuned: await scores(input.tuned),
                // From what is compared, not from a clock: the same two on the same rows have the same bounds for ever.
                seed: seedOf(digestOf([input.assembled.digest, input.byDefault.digest, input.tuned.digest])),
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
