/**
 * A study through the whole product (Temporal, registry, artifact store, job runtime) beside optuna
 * alone in one Python process, with the same trainer function, rows, draws, pruner and parallel
 * trials. One at a time, both must make identical trials, so that the same work is compared.
 * optuna alone is the usual loop: rows are read once, and each trial bins them. The product's
 * trials share the bins, so the loop is also measured with shared bins. That is the lower bound for
 * the same trees in one process. Both sides alternate in rounds, and the medians of the rounds'
 * ratios are reported, because other work on the machine changes over minutes. `ROUNDS` is their
 * number.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import type { TrainingSet } from '../../domain/training/assembled';
import { defaultTenant as tenant, type RunId } from '../../domain/ids';
import type { Trial } from '../../domain/tuning/tuning';
import { planPruning } from '../../domain/tuning/pruning';
import { findMaxIterations } from '../../domain/tuning/tuning';
import { trainingJob } from '../../activities/training/train';
import { readEnvironment } from '../../test/support/leftovers';
import type { Product } from '../../test/support/process/product';
import { startProduct } from '../../test/support/process/product';
import { lenientGates, writeTinyLifecycle } from '../../test/support/tiny-lifecycle';
import type { Core } from '../../workers/compose';
import { openCore } from '../../workers/compose';
import { readConfig } from '../../workers/config';
import type { TrainOutput } from '../../workflows/lifecycle/stages/train';
import { median, report, rounded } from '../figures';
import type { ProcessCpu } from '../process-cpu';
import { between, processCpu } from '../process-cpu';

const trialCount = 100;
const iterations = 100;
const atOnce = [1, 2];
const rounds = Number(process.env['ROUNDS'] ?? '3');
const sampleMs = 500;
const root = resolve(__dirname, '..', '..');
const python = join(root, '.perennial', 'python', 'bin', 'python');

interface Study {
  readonly seconds: number;
  /** Processor time. */
  readonly cpu: ProcessCpu;
  readonly trials: readonly {
    readonly number: number;
    readonly params: unknown;
    readonly pruned: boolean;
    readonly value: number | null;
  }[];
}

interface TuningPair {
  readonly parallel: number;
  readonly product: Study;
  readonly alone: Study;
  /** Not parallel threads, because LightGBM's dataset is not thread-safe. */
  readonly aloneSharingBins: Study | null;
}

async function main(): Promise<void> {
  const product = await startProduct({ args: process.argv.slice(2) });
  const [worker = -1] = product.pids('main.ts worker');
  const core = openCore(readConfig(readEnvironment(worker)), 'perennial-bench');
  try {
    // Python, optuna and the warm parent of jobs are started, and the workflow code is compiled, as
    // on a platform in use.
    await study(product, core, { parallel: 2, trials: 4, seed: 1 });
    const pairs: TuningPair[] = [];
    for (let round = 0; round < rounds; round += 1)
      for (const parallel of atOnce) pairs.push(await pair(product, core, parallel, round));
    show(pairs);
  } finally {
    await core.close();
    await product.stop();
  }
}

async function pair(
  product: Product,
  core: Core,
  parallel: number,
  round: number,
): Promise<TuningPair> {
  const asked = { parallel, trials: trialCount, seed: 17 + round };
  const { runId, ...through } = await study(product, core, asked);
  const alone = await studyAlone(product, core, runId, { parallel, sharedBins: false });
  const aloneSharingBins =
    parallel === 1 && round === 0
      ? await studyAlone(product, core, runId, { parallel, sharedBins: true })
      : null;
  return { parallel, product: through, alone, aloneSharingBins };
}

async function study(
  product: Product,
  core: Core,
  {
    parallel,
    trials,
    seed,
  }: { readonly parallel: number; readonly trials: number; readonly seed: number },
): Promise<Study & { readonly runId: RunId }> {
  const lifecycle = `study-${parallel}-${trials}-${seed}`;
  const folder = writeTinyLifecycle(product.workDir, {
    name: lifecycle,
    trainer: 'lightgbm',
    params: `{ num_iterations: ${iterations} }`,
    evaluate: lenientGates,
    rowsPerDay: 1_200,
    tune: `{ metric: logloss, direction: minimize, trials: ${trials}, parallel: ${parallel}, seed: ${seed}, space: {
      num_leaves: { kind: int, low: 31, high: 255, log: true },
      learning_rate: { kind: float, low: 0.01, high: 0.3, log: true },
      feature_fraction: { kind: float, low: 0.5, high: 1 } } }`,
  });
  const applied = await product.cli(['lifecycle', 'apply', folder]);
  if (applied.exitCode !== 0) throw new Error(applied.stderr);
  const cpu: { readonly at: number; readonly cpu: ProcessCpu }[] = [];
  const sampler = setInterval(
    () => cpu.push({ at: Date.now(), cpu: processCpu(product) }),
    sampleMs,
  );
  const { body } = await product.start(lifecycle);
  const run = await product.waitForEnd(body.id, 1_800);
  clearInterval(sampler);
  if (run.failure) throw new Error(`${run.failure.type}: ${run.failure.message}`);
  const runId = body.id as RunId;
  const events = await core.registry.events.list({ tenant, runId, afterSeq: 0, limit: 1000 });
  const began = events.find(({ kind, stage }) => kind === 'stage.started' && stage === 'tune')?.at;
  const ended = events.filter(({ kind }) => kind === 'trial.ended').at(-1)?.at;
  if (began === undefined || ended === undefined) throw new Error(`${runId} did not tune`);
  const recorded = await core.registry.trials.list({ tenant, runId, study: 'tune' });
  const [from, to] = [Date.parse(began), Date.parse(ended)];
  const first = cpu.find(({ at }) => at >= from)?.cpu ?? {};
  const last = cpu.findLast(({ at }) => at <= to + sampleMs)?.cpu ?? {};
  return {
    runId,
    seconds: (to - from) / 1000,
    cpu: between(first, last),
    trials: recorded.map(shown),
  };
}

function shown({ number, params, status, value }: Trial): Study['trials'][number] {
  if (status === 'failed' || status === 'running') throw new Error(`trial ${number} ${status}`);
  return { number, params, pruned: status === 'pruned', value };
}

async function studyAlone(
  product: Product,
  { registry, artifacts }: Core,
  runId: RunId,
  { parallel, sharedBins }: { readonly parallel: number; readonly sharedBins: boolean },
): Promise<Study> {
  const run = await registry.runs.get({ tenant, id: runId });
  if (!run) throw new Error(`there is no run ${runId}`);
  const lifecycle = await registry.lifecycles.get({
    tenant,
    name: run.lifecycle,
    digest: run.revisionDigest,
  });
  const stage = await registry.stages.get({ tenant, runId, stage: 'train' });
  const { tune, train } = lifecycle?.spec.kind === 'ModelLifecycle' ? lifecycle.spec : {};
  const trained = (stage?.output as { readonly output: TrainOutput } | undefined)?.output;
  if (!tune || !train || !trained) throw new Error(`${runId} has no result to compare with`);
  const assembled = await artifacts.getJson<TrainingSet>(trained.assembled);
  const directory = join(product.workDir, `alone-${runId}-${String(sharedBins)}`);
  const job = trainingJob(
    {
      tenant,
      runId,
      key: 'alone' as never,
      lifecycle: run.lifecycle,
      train,
      assembled: trained.assembled,
    },
    assembled,
  );
  const inputs: Record<string, { readonly path: string }[]> = {};
  mkdirSync(directory, { recursive: true });
  for (const [name, [part]] of Object.entries(job.inputs)) {
    if (!part) continue;
    await artifacts.toFile(part, join(directory, `${name}.parquet`));
    inputs[name] = [{ path: `${name}.parquet` }];
  }
  const pruning = planPruning(
    tune.pruner,
    findMaxIterations({ param: 'num_iterations', default: null }, train.params, tune.space),
  );
  const context = { ...job.context, objective: { metric: tune.metric, input: 'tuning' } };
  const question = {
    trainers: join(root, 'trainers'),
    study: { ...tune, name: 'tune', pruning, directions: [tune.direction] },
    job: { ...job, context, inputs, directory },
    trials: tune.trials,
    parallel,
    sharedBins,
  };
  writeFileSync(join(directory, 'question.json'), JSON.stringify(question));
  return JSON.parse(
    await output([join(__dirname, 'tuning_alone.py'), join(directory, 'question.json')]),
  ) as Study;
}

async function output(args: readonly string[]): Promise<string> {
  const child = spawn(python, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // As each job of the product, it is a session, which is what Linux shares processors between.
    detached: true,
    env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONHASHSEED: '0' },
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) =>
    child.once('error', fail).once('close', done),
  );
  if (code !== 0) throw new Error(`${args[0] ?? ''} ended with ${code ?? 'a signal'}`);
  return text;
}

function show(pairs: readonly TuningPair[]): void {
  const rows = pairs.flatMap(
    ({ parallel, product, alone, aloneSharingBins }): (readonly [string, string])[] => [
      [`${parallel} at once, optuna alone`, figures(alone)],
      ...(aloneSharingBins
        ? [[`${parallel} at once, optuna alone, sharing bins`, figures(aloneSharingBins)] as const]
        : []),
      [
        `${parallel} at once, Perennial`,
        `${figures(product)}; ${(product.seconds / alone.seconds).toFixed(2)} times`,
      ],
      [`${parallel} at once, processor ms a trial`, cpuFigures(product)],
    ],
  );
  const same = pairs
    .filter(({ parallel }) => parallel === 1)
    .every(({ product, alone }) => JSON.stringify(product.trials) === JSON.stringify(alone.trials));
  const summaries = atOnce.map((parallel) => ({
    parallel,
    ...summarize(pairs.filter((each) => each.parallel === parallel)),
  }));
  report(
    'tuning',
    [
      ...rows,
      ...summaries.map(
        ({ parallel, ratio, ratios, cpuRatio }) =>
          [
            `${parallel} at once, median of ${ratios.length} rounds`,
            `${ratio} times the time (${ratios.join(', ')}), ${cpuRatio} times the processor time`,
          ] as const,
      ),
      ['one at a time, the same trials', same ? 'yes' : 'NO'],
      ['load of the machine', (loadavg()[0] ?? 0).toFixed(1)],
    ],
    {
      trials: trialCount,
      sameTrials: same,
      ...Object.fromEntries(summaries.map(({ parallel, ...of }) => [`parallel${parallel}`, of])),
    },
  );
  if (!same) process.exitCode = 1;
}

function summarize(pairs: readonly TuningPair[]) {
  const computeMedian = (value: (pair: TuningPair) => number, digits: number) =>
    rounded(median(pairs.map(value)), digits);
  return {
    seconds: computeMedian(({ product }) => product.seconds, 2),
    aloneSeconds: computeMedian(({ alone }) => alone.seconds, 2),
    ratio: computeMedian(({ product, alone }) => product.seconds / alone.seconds, 3),
    ratios: pairs.map(({ product, alone }) => rounded(product.seconds / alone.seconds, 2)),
    cpuRatio: computeMedian(({ product, alone }) => sum(product.cpu) / sum(alone.cpu), 3),
    overheadMsPerTrial: computeMedian(
      ({ parallel, product, alone }) =>
        ((product.seconds - alone.seconds) * parallel * 1000) / trialCount,
      1,
    ),
    cpuMsPerTrial: pairs.map(({ product }) => perTrial(product)),
    aloneCpuMsPerTrial: pairs.map(({ alone }) => perTrial(alone)),
  };
}

function figures({ seconds, cpu, trials }: Study): string {
  const pruned = trials.filter((trial) => trial.pruned).length;
  const busy = (1000 * sum(cpu)) / trials.length;
  return `${seconds.toFixed(1)} s, ${(trials.length / seconds).toFixed(2)} trials/s, ${busy.toFixed(0)} processor ms a trial, ${pruned} pruned`;
}

function cpuFigures(study: Study): string {
  return Object.entries(perTrial(study))
    .filter(([, ms]) => ms >= 1)
    .sort(([, a], [, b]) => b - a)
    .map(([part, ms]) => `${part} ${ms.toFixed(0)}`)
    .join(', ');
}

function perTrial({ cpu, trials }: Study): Record<string, number> {
  return Object.fromEntries(
    Object.entries(cpu).map(([part, seconds]) => [part, rounded((1000 * seconds) / trials.length)]),
  );
}

function sum(cpu: ProcessCpu): number {
  return Object.values(cpu).reduce((whole, seconds) => whole + seconds, 0);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
