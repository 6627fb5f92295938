/**
 * What tuning is worth on months that no search has seen. On the sample `flight-delay`, it compares
 * the default parameters, the best combination of a grid that a person might write, and the best
 * trial of a tuning study. Both searches judge on the same 15 tuning days. Each of the three models
 * is then trained in full on the same rows and measured on the same 61 held-out days. Whole days
 * are resampled, and the three models share the resamples. `TRIALS` is the number of trials of the
 * study.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { countedRows } from '../../activities/evaluation/score-holdout';
import { computeDigest } from '../../data/digest';
import { readHoldoutRows } from '../../data/evaluation/holdout-rows';
import { scoreRows } from '../../data/evaluation/score-rows';
import { openOnnxModel } from '../../data/onnx/session';
import { openScratch } from '../../data/scratch';
import { withDuckDb } from '../../data/sql/platform-sql';
import type { TrainingSet } from '../../domain/training/assembled';
import { defaultTenant as tenant, type RunId } from '../../domain/ids';
import { metrics } from '../../domain/evaluation/metrics/metrics';
import { scoresOfRows } from '../../domain/evaluation/metrics/sample';
import type { ModelManifest } from '../../domain/model/model';
import {
  dayResamples,
  computeReplicates,
  unitDayWeights,
} from '../../domain/statistics/day-resamples';
import type { DayStatistic } from '../../domain/statistics/day-resamples';
import { bootstrapReplicates } from '../../domain/statistics/interval';
import { toSeed } from '../../domain/statistics/random';
import { bestTrial, type TrialParams } from '../../domain/tuning/tuning';
import { readEnvironment } from '../../test/support/leftovers';
import type { Product } from '../../test/support/process/product';
import { startProduct } from '../../test/support/process/product';
import type { Core } from '../../workers/compose';
import { openCore } from '../../workers/compose';
import { readConfig } from '../../workers/config';
import type { TrainOutput } from '../../workflows/lifecycle/stages/train';
import { report, rounded } from '../figures';

const lifecycle = 'flight-delay';
const measured = ['logloss', 'brier', 'auc'] as const;
const sides = ['default', 'manual grid', 'tuned'] as const;
const heldOutDays = 61;
const trials = Number(process.env['TRIALS'] ?? '40');
const runSeconds = 3_600;

/** 18 combinations of the values that guides to LightGBM name first. */
const grid = `tune:
    metric: logloss
    direction: minimize
    trials: 18
    sampler: grid
    pruner: none
    space:
      num_leaves: { kind: categorical, choices: [15, 31, 63] }
      learning_rate: { kind: categorical, choices: [0.03, 0.05, 0.1] }
      min_data_in_leaf: { kind: categorical, choices: [100, 500] }
`;
const study = `tune:
    metric: logloss
    direction: minimize
    trials: ${trials}
    sampler: tpe
    pruner: hyperband
    space:
      num_iterations: { kind: int, low: 50, high: 600, log: true }
      num_leaves: { kind: int, low: 4, high: 63, log: true }
      learning_rate: { kind: float, low: 0.01, high: 0.15, log: true }
      feature_fraction: { kind: float, low: 0.1, high: 0.8 }
      min_data_in_leaf: { kind: int, low: 50, high: 4000, log: true }
      lambda_l2: { kind: float, low: 0.1, high: 500, log: true }
`;

interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

async function main(): Promise<void> {
  const product = await startProduct({ args: process.argv.slice(2) });
  const [worker = -1] = product.pids('main.ts worker');
  const core = openCore(readConfig(readEnvironment(worker)), 'perennial-bench');
  try {
    const manual = await bestParams(product, core, grid);
    const tuned = await bestParams(product, core, study);
    const models = [await modelWith(product, core, {})];
    for (const { params } of [manual, tuned]) models.push(await modelWith(product, core, params));
    show(await compared(product, core, models), [manual, tuned]);
  } finally {
    await core.close();
    await product.stop();
  }
}

interface SearchResult {
  readonly params: TrialParams;
  readonly trials: number;
  readonly seconds: number;
}

async function bestParams(product: Product, core: Core, tune: string): Promise<SearchResult> {
  const began = Date.now();
  const runId = await run(product, { tune, params: {} });
  const found = await core.registry.trials.list({ tenant, runId, study: 'tune' });
  const best = bestTrial(found, 'minimize');
  if (!best) throw new Error(`${runId} has no complete trial`);
  return { params: best.params, trials: found.length, seconds: (Date.now() - began) / 1000 };
}

async function modelWith(product: Product, core: Core, params: TrialParams): Promise<TrainOutput> {
  const runId = await run(product, { tune: '', params });
  const stage = await core.registry.stages.get({ tenant, runId, stage: 'train' });
  const trained = (stage?.output as { readonly output: TrainOutput } | undefined)?.output;
  if (!trained) throw new Error(`${runId} has no model`);
  return trained;
}

/** Applies the sample with this search and these parameters, and runs it to its end. */
async function run(
  product: Product,
  { tune, params }: { readonly tune: string; readonly params: TrialParams },
): Promise<RunId> {
  const folder = join(product.workDir, lifecycle);
  cpSync(resolve(__dirname, '..', '..', 'samples', lifecycle), folder, { recursive: true });
  const file = join(folder, 'lifecycle.yaml');
  const text = readFileSync(file, 'utf8');
  const [head = '', rest = ''] = text.split(/^ {2}tune:.*$/m);
  const evaluate = '  evaluate: { metrics: [logloss], gates: [], ungated: "a benchmark" }\n';
  const promote = rest.slice(rest.indexOf('  promote:'));
  const given = Object.entries(params).map(([name, value]) => `        ${name}: ${value},`);
  const names = Object.keys(params).join('|');
  const kept = names === '' ? head : head.replace(new RegExp(`^ +(${names}): .*\n`, 'gm'), '');
  const trained = kept.replace(
    '    params:\n      {\n',
    (found) => `${found}${given.join('\n')}\n`,
  );
  const split = trained.replace('holdout: 30d', `holdout: ${heldOutDays}d`);
  if (split === trained || !kept.includes('    params:\n      {\n'))
    throw new Error(`${file} has another form than this benchmark expects`);
  writeFileSync(file, `${split}${tune === '' ? '' : `  ${tune}`}${evaluate}${promote}`);
  await product.apply(folder);
  const { body } = await product.start(lifecycle);
  const ended = await product.waitForEnd(body.id, runSeconds);
  if (ended.failure) throw new Error(`${ended.failure.type}: ${ended.failure.message}`);
  return body.id as RunId;
}

interface Comparison {
  readonly rows: number;
  readonly days: number;
  /** By metric, for each side. */
  readonly values: Readonly<Record<string, readonly Estimate[]>>;
  /** In percent of the manual grid's value; positive is better. */
  readonly gains: Readonly<Record<string, Estimate>>;
}

async function compared(
  product: Product,
  { artifacts }: Core,
  models: readonly TrainOutput[],
): Promise<Comparison> {
  const [first] = models;
  if (!first) throw new Error('expected three models');
  const assembled = await artifacts.getJson<TrainingSet>(first.assembled);
  const scratch = await openScratch(product.workDir, 'held-out');
  const file = scratch.path('features.parquet');
  const part = assembled.parts.holdout;
  await artifacts.toFile(part.features, file);
  const limits = { memoryBytes: 1 << 30, threads: 1, spillDirectory: scratch.path('spill') };
  const signal = new AbortController().signal;
  return withDuckDb(
    async (sql) => {
      const { task, classes } = assembled;
      const rows = await readHoldoutRows(sql, file, { rows: part.rows, task, classes });
      const dayCount = { timezone: 'America/New_York', labelDelaySeconds: 43_200 };
      const counted = await countedRows(sql, { assembled, dayCount }, { rows, file });
      const { day, days } = counted;
      const labels = scoresOfRows(rows.labels, counted.rows, 1);
      const scores: Float64Array[] = [];
      for (const { manifest: ref } of models) {
        const manifest = await artifacts.getJson<ModelManifest>(ref);
        if (manifest.trainingData !== first.assembled.digest)
          throw new Error('the models were trained on different rows');
        scores.push(
          await scoreModel(artifacts, manifest, assembled.features, async (model) =>
            scoresOfRows(await scoreRows(sql, file, model, part.rows), counted.rows, 1),
          ),
        );
      }
      const prepareStatistics = (name: (typeof measured)[number]): readonly DayStatistic[] =>
        scores.map((each) => metrics[name].prepare({ labels, day, days, scores: each }));
      const resamples = dayResamples({
        days,
        replicates: bootstrapReplicates,
        seed: toSeed(computeDigest('held-out')),
      });
      const values: Record<string, readonly Estimate[]> = {};
      const gains: Record<string, Estimate> = {};
      for (const name of measured) {
        const statistics = prepareStatistics(name);
        values[name] = statistics.map((each) => estimate(each, days, resamples));
        const [, manual, tuned] = statistics;
        if (!manual || !tuned) throw new Error('expected three models');
        const sign = name === 'auc' ? -1 : 1;
        const gain: DayStatistic = (weights) =>
          (sign * 100 * (manual(weights) - tuned(weights))) / manual(weights);
        gains[name] = estimate(gain, days, resamples);
      }
      return { rows: labels.length, days, values, gains };
    },
    { ...limits, signal },
  );
}

async function scoreModel(
  artifacts: Core['artifacts'],
  { onnx }: ModelManifest,
  features: TrainingSet['features'],
  score: (model: Awaited<ReturnType<typeof openOnnxModel>>) => Promise<Float64Array>,
): Promise<Float64Array> {
  const bytes = await artifacts.getBytes(onnx, { maxBytes: 1 << 30 });
  const model = await openOnnxModel(bytes, features);
  try {
    return await score(model);
  } finally {
    await model.close();
  }
}

/** With the percentiles that hold 95 % of the resamples. */
function estimate(
  statistic: DayStatistic,
  days: number,
  resamples: Parameters<typeof computeReplicates>[1],
): Estimate {
  const sorted = computeReplicates(statistic, resamples).sort();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN;
  return { value: statistic(unitDayWeights(days)), low: at(0.025), high: at(0.975) };
}

function show(
  { rows, days, values, gains }: Comparison,
  [manual, tuned]: readonly SearchResult[],
): void {
  const text = ({ value, low, high }: Estimate, digits = 4) =>
    `${value.toFixed(digits)} (${low.toFixed(digits)} … ${high.toFixed(digits)})`;
  const searched = { 'manual grid': manual, tuned, default: undefined };
  report(
    'held-out months',
    [
      ['held out', `${rows} rows of ${days} days; 95 % intervals over days`],
      ...sides.map((side, index) => {
        const of = searched[side];
        const each = measured.map((name) => {
          const value = values[name]?.[index];
          return `${name} ${value ? text(value) : 'not measured'}`;
        });
        const cost = of ? `; ${of.trials} trials in ${of.seconds.toFixed(0)} s` : '';
        return [side, `${each.join(', ')}${cost}`] as const;
      }),
      ...Object.entries(gains).map(
        ([name, gain]) => [`tuned over manual grid, ${name}`, `${text(gain, 2)} %`] as const,
      ),
    ],
    {
      rows,
      days,
      values: Object.fromEntries(
        Object.entries(values).map(([name, each]) => [name, each.map(short)]),
      ),
      gainPercent: Object.fromEntries(
        Object.entries(gains).map(([name, gain]) => [name, short(gain)]),
      ),
      params: { manual: manual?.params, tuned: tuned?.params },
      trials: { manual: manual?.trials, tuned: tuned?.trials },
    },
  );
}

function short({ value, low, high }: Estimate): readonly number[] {
  return [value, low, high].map((each) => rounded(each, 5));
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
