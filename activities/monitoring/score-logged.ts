import { writeFile } from 'node:fs/promises';
import type { Tenant } from '../../domain/ids';
import { rowColumn } from '../../domain/training/assembled';
import { classPrediction } from '../../domain/evaluation/class-prediction';
import { versionName, type ModelManifest } from '../../domain/model/model';
import type { ArtifactStore } from '../../data/artifact/store';
import { scoreRows } from '../../data/evaluation/score-rows';
import { openOnnxModel } from '../../data/onnx/session';
import type { Scratch } from '../../data/scratch';
import { compileFeatureSql } from '../../data/sql/feature-sql';
import { writeFeatureTables } from '../../data/sql/feature-table';
import { duckDbTypes, quoteName, quoteText, withDuckDb } from '../../data/sql/platform-sql';
import type { Registry } from '../../db/registry';

export interface ScoreLoggedDeps {
  readonly registry: Pick<Registry, 'models'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes'>;
}

export interface LoggedRequests {
  readonly tenant: Tenant;
  readonly model: string;
  /** The version that scores them. */
  readonly version: number;
  /** Request rows as logged. */
  readonly inputs: readonly unknown[];
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

export interface LoggedScores {
  /** Null for a binary classification or a regression. */
  readonly classes: readonly string[] | null;
  /** One score per row, or one per row and class. */
  readonly scores: Float64Array;
}

const sqlLimits = { memoryBytes: 512 << 20, threads: 1 } as const;
const featureLimits = { memoryBytes: 512 << 20, seconds: 120 } as const;
const maxModelBytes = 1 << 30;

/**
 * Scores logged requests as training does: `features.sql` of the version over Parquet, then its
 * graph. Null if the version does not exist. A column that a request lacks is null.
 */
export async function scoreLogged(
  { registry, artifacts }: ScoreLoggedDeps,
  { tenant, model, version, inputs, scratch, signal }: LoggedRequests,
): Promise<LoggedScores | null> {
  const record = await registry.models.get({ tenant, model, version });
  if (record === null) return null;
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
  const lines = inputs.map((input, row) =>
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
        const scores = await scoreRows(sql, files.features, graph, inputs.length);
        return { classes: classes ?? null, scores };
      },
      { ...sqlLimits, spillDirectory: scratch.path('spill'), signal },
    );
  } finally {
    await graph.close();
  }
}

/** The score of a row in the form of the prediction log. */
export function loggedOutput({ classes, scores }: LoggedScores, row: number): unknown {
  return classes === null
    ? { score: scores[row] ?? NaN }
    : classPrediction(classes, scores, row * classes.length);
}
