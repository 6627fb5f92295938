/** What `npm start` shows: the sample's life from its data to answers in production, on a platform that is up. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { demoRowsSql, flightDelayDemo } from '../../samples/flight-delay/demo';
import { readParquet, withDuckDb } from '../../data/sql/platform-sql';
import { valueOf } from '../../domain/metrics/metrics';
import type { ExitCode } from './cli-error';
import { createContext } from './context';
import { readLifecycleFolder } from './lifecycle-folder';
import type { Prediction } from './inference-client';
import { openInferenceClient } from './inference-client';
import type { RunJson } from './run-view';
import { describeRun, exitCodeOf } from './run-view';
import type { Terminal } from './terminal';
import { table } from './terminal';
import { watchRun } from './watch';

export interface DemoOptions {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly samplesDir: string;
  readonly terminal: Terminal;
}

/** The last line of `npm start -- --once --json`. */
export interface DemoSummary {
  readonly runs: readonly DemoRun[];
  readonly champion: { readonly model: string; readonly version: number; readonly digest: string } | null;
  readonly predictions: number;
  readonly seconds: number;
}

interface DemoRun {
  readonly id: string;
  readonly lifecycle: string;
  readonly status: string;
  readonly verdict: RunJson['verdict'];
  readonly version: number | null;
  readonly stages: readonly { readonly name: string; readonly seconds: number; readonly reused: boolean }[];
}

const clone = resolve(__dirname, '..', '..');
const sampleFolder = join(clone, 'samples', 'flight-delay');

export async function runDemo(options: DemoOptions): Promise<{ readonly exitCode: ExitCode; readonly summary: DemoSummary }> {
  const { apiUrl, gatewayUrl, apiKey, terminal } = options;
  const startedAt = Date.now();
  const context = createContext(terminal, {
    ...{ apiUrl, gatewayUrl, apiKey, cwd: sampleFolder, samplesDir: options.samplesDir },
    ...{ trainersDir: join(clone, 'trainers'), python: join(clone, '.perennial', 'python', 'bin', 'python') },
  });
  const api = context.api();
  const { lifecycle, until } = flightDelayDemo;

  const applied = await api.call<{ revision: number }>(`/lifecycles/${lifecycle}`, {
    method: 'PUT',
    body: readLifecycleFolder(sampleFolder, '.'),
  });
  terminal.say(`${lifecycle}: revision ${applied.revision} applied from samples/flight-delay`);
  const started = await api.call<RunJson>(`/lifecycles/${lifecycle}/runs`, { method: 'POST', body: { until, reason: 'npm start' } });
  terminal.say(`${started.id} started${started.temporalUrl === null ? '' : `: ${started.temporalUrl}`}`);
  const run = await watchRun(context, started.id);
  terminal.say('');
  terminal.say(describeRun(run, terminal.paint));

  const champion = await championOf(api, lifecycle);
  const predicted = champion === null ? null : await predictJuly(options, lifecycle);
  if (predicted) terminal.say(report(predicted, terminal));
  const summary = {
    runs: [demoRun(run)],
    champion,
    predictions: predicted?.predictions.length ?? 0,
    seconds: round((Date.now() - startedAt) / 1000),
  };
  terminal.say(outlook(options, run, summary));
  return { exitCode: exitCodeOf(run), summary };
}

async function championOf(api: ReturnType<ReturnType<typeof createContext>['api']>, model: string): Promise<DemoSummary['champion']> {
  const { version } = await api.call<{ version: number | null }>(`/models/${model}/aliases/champion`);
  if (version === null) return null;
  const { manifest } = await api.call<{ manifest: { digest: string } }>(`/models/${model}/versions/${version}`);
  return { model, version, digest: manifest.digest };
}

interface Predicted {
  readonly predictions: readonly Prediction[];
  readonly labels: readonly boolean[];
  readonly days: readonly string[];
  readonly milliseconds: readonly number[];
}

const batchRows = 20;

/** Rows of July as a caller would send them; the labels stay here, to say afterwards how good the answers were. */
async function predictJuly({ gatewayUrl, apiKey, samplesDir }: DemoOptions, model: string): Promise<Predicted> {
  const rows = await julyRows(samplesDir);
  const client = await openInferenceClient({ gatewayUrl, apiKey, model });
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

async function julyRows(samplesDir: string): Promise<Record<string, unknown>[]> {
  const sql = demoRowsSql(readFileSync(join(sampleFolder, 'sql', 'assemble.sql'), 'utf8').replace(/;\s*$/, ''));
  const rows = await withDuckDb(
    async (duck) => {
      for (const source of ['flights', 'weather']) {
        await duck.run(`CREATE VIEW ${source} AS SELECT * FROM ${readParquet([join(samplesDir, `${source}.parquet`)])}`);
      }
      return duck.rows<Record<string, unknown>>(sql);
    },
    { memoryBytes: 1 << 30, threads: 1 },
  );
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value])),
  );
}

function report({ predictions, labels, days, milliseconds }: Predicted, { paint }: Terminal): string {
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
    `  on rows that neither training nor evaluation saw: auc ${valueOf('auc', sample).toFixed(3)}, log loss ${valueOf('logloss', sample).toFixed(3)}; ${(late * 100).toFixed(0)} % were late`,
  ].join('\n');
}

function outlook({ apiUrl, gatewayUrl }: DemoOptions, run: RunJson, { champion, predictions, seconds }: DemoSummary): string {
  const rows = [
    ['verdict', verdictText(run)],
    ['champion', champion === null ? 'none' : `${champion.model}@${champion.version}  ${champion.digest.slice(0, 19)}`],
    ['predictions', String(predictions)],
    ['seconds', seconds.toFixed(1)],
    ['this run in Temporal', run.temporalUrl ?? 'no Web UI is known'],
    ['the API, documented', `${apiUrl}/docs`],
    ['predictions', champion === null ? '' : `${gatewayUrl}/v2/models/${champion.model}/infer`],
    ['why it serves', `npx perennial model explain ${run.lifecycle}`],
  ];
  return `\n${table(['WHAT', ''], rows)}`;
}

/** The word, and which gates did not pass. */
function verdictText({ verdict, status }: RunJson): string {
  if (verdict === null) return status;
  const against = verdict.reasons.filter(({ outcome = verdict.kind }) => outcome === 'failed' || outcome === 'inconclusive');
  const names = [...new Set(against.map(({ gate }) => gate))];
  return names.length === 0 ? verdict.kind : `${verdict.kind}: ${names.join(', ')}`;
}

function demoRun({ id, lifecycle, status, verdict, version, stages }: RunJson): DemoRun {
  return {
    id,
    lifecycle,
    status,
    verdict,
    version,
    stages: stages.map((stage) => ({ name: stage.name, seconds: round(stage.seconds), reused: stage.reusedFrom !== null })),
  };
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
