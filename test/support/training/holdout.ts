import { DuckDBInstance } from '@duckdb/node-api';
import { join } from 'node:path';
import type { ArtifactRef } from '../../../domain/artifact';
import type { ColumnType } from '../../../domain/dataset/dataset';
import type { TrainingSet } from '../../../domain/training/assembled';
import { computeDigest } from '../../../data/digest';
import type { ModelManifest, ModelSignature } from '../../../domain/model/model';
import type { DirectoryArtifacts } from '../directory-artifacts';
import { linearOnnx, type LinearGraph } from '../serving/onnx-graph';

type Artifacts = Pick<DirectoryArtifacts, 'putFile' | 'putJson' | 'putBytes'>;

const tenant = 'default';
/** SQL of a candidate's features; that of a champion may differ in one line. */
export const featuresSql = 'SELECT hour, wind, carrier FROM request';
const parquet = 'application/vnd.apache.parquet';

export interface HoldoutShape {
  readonly rows: number;
  readonly days: number;
  readonly task?: 'classification' | 'multiclass' | 'regression';
  /** Rows without a time, in this many groups, which are drawn by a hash. */
  readonly groups?: number;
}

/**
 * A holdout as assembly writes it. Lateness depends on hour (weight 0.2), wind (0.1, sometimes
 * missing) and carrier (B6 +1).
 */
export async function assembleHoldout(
  artifacts: Artifacts,
  folder: string,
  shape: HoldoutShape,
): Promise<{ assembled: TrainingSet; ref: ArtifactRef }> {
  const { rows, days, task = 'classification', groups } = shape;
  const [requestPath, featuresPath] = [
    join(folder, 'request.parquet'),
    join(folder, 'features.parquet'),
  ];
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run(`
    CREATE TABLE drawn AS SELECT i AS __row, (hash(i, 'hour') % 24)::BIGINT AS hour,
      CASE WHEN hash(i, 'gap') % 10 = 0 THEN NULL ELSE (hash(i, 'wind') % 400) / 10.0 END::DOUBLE AS wind,
      ['AA', 'B6', 'DL', 'UA'][(1 + hash(i, 'carrier') % 4)::INTEGER] AS carrier,
      ['EWR', 'JFK', 'LGA'][(1 + hash(i, 'origin') % 3)::INTEGER] AS origin,
      TIMESTAMP '2013-06-01' + to_seconds(i * ${days} * 86400 // ${Math.max(1, rows)}) AS __time
    FROM range(${rows}) AS r(i)`);
  const logit = `0.2 * hour + 0.1 * coalesce(wind, 0) + CASE carrier WHEN 'B6' THEN 1.0 ELSE 0 END - 5`;
  const drawnShare = `hash(__row, 'label') % 10000 / 10000.0`;
  // The classes calm, breeze and gale with the probabilities of `trueOutcomes`.
  const total = `(1 + exp(${logit}) + exp(2 * (${logit}) - 1))`;
  const label = {
    classification: `(${drawnShare} < 1 / (1 + exp(-(${logit}))))::DOUBLE`,
    multiclass: `CASE WHEN ${drawnShare} < 1 / ${total} THEN 0 WHEN ${drawnShare} < (1 + exp(${logit})) / ${total} THEN 1 ELSE 2 END`,
    regression: logit,
  }[task];
  const timed = `__time, NULL::VARCHAR AS __entity, strftime(__time, '%Y-%m-%d') AS __day`;
  const drawn = `NULL::TIMESTAMP AS __time, NULL::VARCHAR AS __entity, NULL::VARCHAR AS __day, substr(md5((__row % ${groups ?? 1})::VARCHAR), 1, 16) AS __group`;
  const reserved = `__row, (${label})::DOUBLE AS __label, ${groups === undefined ? timed : drawn}`;
  await connection.run(
    `COPY (SELECT hour, wind, carrier, origin, ${reserved} FROM drawn ORDER BY __row) TO '${requestPath}' (FORMAT parquet)`,
  );
  await connection.run(
    `COPY (SELECT hour::DOUBLE AS hour, coalesce(wind, 'nan'::DOUBLE) AS wind, carrier, ${reserved} FROM drawn ORDER BY __row) TO '${featuresPath}' (FORMAT parquet)`,
  );
  connection.closeSync();
  instance.closeSync();

  const part = {
    rows,
    window:
      groups === undefined
        ? {
            from: '2013-06-01T00:00:00Z',
            until: new Date(Date.UTC(2013, 5, 1 + days)).toISOString().replace('.000Z', 'Z'),
          }
        : null,
    requestRows: await artifacts.putFile({ tenant, path: requestPath, mediaType: parquet }),
    features: await artifacts.putFile({ tenant, path: featuresPath, mediaType: parquet }),
  };
  const available = [
    { name: 'hour', type: 'integer' },
    { name: 'wind', type: 'number' },
    { name: 'carrier', type: 'string' },
    { name: 'origin', type: 'string' },
  ] as const;
  const assembled: TrainingSet = {
    columns: [...available, { name: 'late', type: 'boolean' }],
    label: 'late',
    labelType: { classification: 'boolean', multiclass: 'string', regression: 'number' }[
      task
    ] as ColumnType,
    task,
    ...(task === 'multiclass' && { classes: outcomes }),
    time: groups === undefined ? 'scheduled_at' : null,
    ...(groups !== undefined && { drawn: 'group' as const }),
    entity: null,
    available,
    request: available.slice(0, 3),
    features: signature(task).features,
    featuresSql: await artifacts.putBytes({
      tenant,
      bytes: Buffer.from(featuresSql),
      mediaType: 'application/sql',
    }),
    parts: { train: part, tuning: part, confirm: part, holdout: part },
    dropped: { outsideWindow: 0, withoutTime: 0, withoutLabel: 0, unripe: 0 },
  };
  return { assembled, ref: await artifacts.putJson({ tenant, value: assembled }) };
}

/** The model that drew the labels, which is the best possible candidate. */
export const trueModel: LinearGraph = {
  bias: -5,
  weights: { hour: 0.2, wind: 0.1, carrier: { B6: 1 } },
  link: 'sigmoid',
};

/** `storm` is a class that no row of the holdout has. */
export const outcomes = ['calm', 'breeze', 'gale', 'storm'] as const;

/** The model that drew the outcomes. */
export const trueOutcomes: LinearGraph = {
  ...trueModel,
  classes: { slopes: [0, 1, 2, 0], offsets: [0, 0, -1, -20] },
};

export async function modelManifest(
  artifacts: Artifacts,
  graph: LinearGraph,
  trainingData: ArtifactRef,
  changes: { readonly featuresSql?: string; readonly signature?: Partial<ModelSignature> } = {},
): Promise<ArtifactRef> {
  const manifest: ModelManifest = {
    model: 'flight-delay',
    signature: { ...signature('classification'), ...changes.signature },
    onnx: await artifacts.putBytes({
      tenant,
      bytes: linearOnnx(graph),
      mediaType: 'application/onnx',
    }),
    featuresSql: await artifacts.putBytes({
      tenant,
      bytes: Buffer.from(changes.featuresSql ?? featuresSql),
      mediaType: 'application/sql',
    }),
    trainer: { name: 'linear', codeDigest: computeDigest('linear'), params: {}, seed: 1 },
    trainingData: trainingData.digest,
  };
  return artifacts.putJson({ tenant, value: manifest });
}

function signature(task: ModelSignature['task']): ModelSignature {
  return {
    task,
    request: [
      { name: 'hour', type: 'integer' },
      { name: 'wind', type: 'number' },
      { name: 'carrier', type: 'string' },
    ],
    features: [
      { name: 'hour', type: 'float' },
      { name: 'wind', type: 'float' },
      { name: 'carrier', type: 'string' },
    ],
    output: 'score',
    entity: null,
    time: 'scheduled_at',
  };
}
