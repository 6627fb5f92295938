import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { figure, percent } from '../../../domain/format';
import { readParquet, withDuckDb } from '../../../data/sql/platform-sql';
import { computeMetric } from '../../../domain/evaluation/metrics/metrics';
import { demoRowsSql } from '../../../samples/flight-delay/demo';
import { openInferenceClient, type Prediction } from '../serving/inference-client';
import type { Paint } from '../terminal';

export interface PredictedFlight {
  readonly predictions: readonly Prediction[];
  readonly labels: readonly boolean[];
  readonly days: readonly string[];
  readonly milliseconds: readonly number[];
}

export interface JulyOptions {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly samplesDir: string;
  readonly sampleFolder: string;
  readonly model: string;
}

const batchRows = 20;

/**
 * Rows of July as a caller would send them. The labels are kept to score the answers afterwards.
 */
export async function predictJuly(options: JulyOptions): Promise<PredictedFlight> {
  const rows = await julyRows(options);
  const client = await openInferenceClient(options);
  const predictions: Prediction[] = [];
  const milliseconds: number[] = [];
  for (let from = 0; from < rows.length; from += batchRows) {
    const batch = rows.slice(from, from + batchRows);
    const sentAt = performance.now();
    predictions.push(...(await client.infer(batch)));
    milliseconds.push(performance.now() - sentAt);
  }
  return {
    predictions,
    milliseconds,
    labels: rows.map((row) => row['late'] === true),
    days: rows.map((row) => String(row['scheduled_at']).slice(0, 10)),
  };
}

export function describePredicted(
  { predictions, labels, days, milliseconds }: PredictedFlight,
  paint: Paint,
): string {
  const dayIndex = [...new Set(days)];
  const sample = {
    labels: Float64Array.from(labels, Number),
    scores: Float64Array.from(predictions, (prediction) => prediction.score),
    day: Int32Array.from(days, (day) => dayIndex.indexOf(day)),
    days: dayIndex.length,
  };
  const late = labels.filter(Boolean).length / labels.length;
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const version = predictions[0]?.version ?? '';
  return [
    `${paint.bold(String(predictions.length))} flights of July answered by ${version} through the gateway, ${batchRows} a request, median ${(sorted[sorted.length >> 1] ?? 0).toFixed(1)} ms`,
    `  on rows unused in training and evaluation: auc ${figure(computeMetric('auc', sample))}, log loss ${figure(computeMetric('logloss', sample))}; ${percent(late)} were late`,
  ].join('\n');
}

async function julyRows({
  samplesDir,
  sampleFolder,
}: JulyOptions): Promise<Record<string, unknown>[]> {
  const sql = demoRowsSql(
    readFileSync(join(sampleFolder, 'sql', 'assemble.sql'), 'utf8').replace(/;\s*$/, ''),
  );
  const rows = await withDuckDb(
    async (duck) => {
      for (const source of ['flights', 'weather']) {
        await duck.run(
          `CREATE VIEW ${source} AS SELECT * FROM ${readParquet([join(samplesDir, `${source}.parquet`)])}`,
        );
      }
      return duck.rows<Record<string, unknown>>(sql);
    },
    { memoryBytes: 1 << 30, threads: 1 },
  );
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        value instanceof Date ? value.toISOString() : value,
      ]),
    ),
  );
}
