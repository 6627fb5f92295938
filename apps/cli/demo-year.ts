/**
 * The steps of `npm run demo:year` on a running platform. Flights of 2013 are sent to the gateway
 * month by month, and their labels follow. At the start of each month the flights of the last one
 * are delivered and announced by a CloudEvent. The engine decides everything else.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { figure } from '../../domain/format';
import { sabotaged } from '../../samples/flight-delay/demo';
import { flightDelayYear, yearLifecycle } from '../../samples/flight-delay/year';
import { CliError, type ExitCode } from './cli-error';
import type { CliContext } from './context';
import { applyForDemo } from './demo/apply';
import { clone, demoContext, type DemoContextOptions } from './demo/demo-context';
import { hundredths } from './demo/summary';
import { readLifecycleFolder } from './lifecycle/folder';
import { yearChart } from './demo-year/chart';
import { readDecisions, type StartedMonth } from './demo-year/decisions';
import { deliver } from './demo-year/deliveries';
import { openEngine } from './demo-year/engine';
import { readMonth, type Month } from './demo-year/months';
import { comparePolicies } from './demo-year/policies';
import { unkeptPromises, type Mishaps } from './demo-year/promises';
import { describeYear, type YearMonth, type YearSummary } from './demo-year/report';
import { measureMonth, type YearCandidate } from './demo-year/scores';
import { openSideWork } from './demo-year/side-work';
import { sendMonth } from './demo-year/traffic';

export interface YearDemoOptions extends DemoContextOptions {
  /** Sends fewer flights, faster. */
  readonly quick: boolean;
  /** Folder of the table and the chart. */
  readonly reportDir: string;
  readonly processes: () => readonly { readonly name: string; readonly pid: number }[];
}

const sampleFolder = join(clone, 'samples', 'flight-delay');
/** Sources may be read from here, but not from the state folder. */
const deliveryFolder = join(sampleFolder, 'data', 'year');
const { lifecycle, event, parallel, killed, broken, bad } = flightDelayYear;
const firstMonth = 2;
const lastMonth = 12;
const dayMs = 86_400_000;

export async function runYearDemo(
  options: YearDemoOptions,
): Promise<{ readonly exitCode: ExitCode; readonly summary: YearSummary }> {
  const { gatewayUrl, apiKey, samplesDir, terminal, signal, quick, reportDir } = options;
  const startedAt = Date.now();
  const { speed, oneOf } = quick ? flightDelayYear.quick : flightDelayYear;
  const context = demoContext(options, sampleFolder);
  const engine = openEngine(context, { lifecycle, event, signal });
  const honest = yearLifecycle(readLifecycleFolder(sampleFolder, '.'), {
    folder: deliveryFolder,
    speed,
  });
  const say = (month: Month, what: string) => terminal.say(`${month.name.padEnd(10)} ${what}`);
  const isEnded = (): boolean => signal.aborted;
  /** Event time, which stands still while no request is sent. */
  let now = Date.parse(readMonth(firstMonth).from);
  let mishaps: Mishaps = { killed: null, sabotage: null, isRepaired: false };
  const candidates: YearCandidate[] = [];
  const noteCandidates = async (): Promise<void> => {
    for (const { version, revision } of await engine.versions())
      if (!candidates.some((known) => known.version === version))
        candidates.push({ version, from: now, isSabotaged: revision === mishaps.sabotage });
  };
  const land = async (month: Month, brokenFrom: string | null, note = ''): Promise<void> => {
    await deliver({ samplesDir, folder: deliveryFolder, until: month.from, brokenFrom });
    say(month, `flights until ${month.from.slice(0, 10)} landed${note}`);
    say(month, `  ${await engine.announce(`flights-until-${month.from.slice(0, 10)}${note}`)}`);
  };

  const starts: StartedMonth[] = [];
  const measured: YearMonth[] = [];
  let failedRequests = 0;
  for (let number = firstMonth; number <= lastMonth && !isEnded(); number += 1) {
    const month = readMonth(number);
    starts.push({ month, wallMs: Date.now() });
    if (number === firstMonth)
      await applyForDemo(context, lifecycle, { body: honest, from: 'samples/flight-delay' });
    if (number === bad) {
      say(month, 'somebody applies a lifecycle with shuffled labels and without gates');
      const sabotage = await applyForDemo(context, lifecycle, {
        body: sabotaged(honest),
        from: 'samples/flight-delay, sabotaged',
      });
      mishaps = { ...mishaps, sabotage };
    }
    const lacksDistance = number === broken ? readMonth(number - 1).from : null;
    await land(month, lacksDistance, lacksDistance === null ? '' : ', without their distance');
    await engine.settle({
      queued: true,
      onTraining:
        number === killed
          ? async (run) => {
              await killWorker(options, month);
              mishaps = { ...mishaps, killed: run };
            }
          : undefined,
    });
    if (number === bad)
      await applyForDemo(context, lifecycle, { body: honest, from: 'samples/flight-delay' });
    await noteCandidates();
    await expectChampion(context, starts);

    const over = new AbortController();
    const side = openSideWork(signal);
    const watch = async () => {
      while (!over.signal.aborted) {
        await noteCandidates();
        await pause(1_000, undefined, { signal: over.signal }).catch(() => undefined);
      }
    };
    const repair = async () => {
      await land(month, null, ', repaired');
      mishaps = { ...mishaps, isRepaired: true };
    };
    side.add(watch());
    let waitsForRepair = number === broken;
    let saidAt = 0;
    const { served, end } = await sendMonth(context, {
      lifecycle,
      month,
      sampleFolder,
      oneOf,
      speed,
      parallel,
      signal: side.signal,
      // A training of minutes is no part of a month, so event time stands still meanwhile.
      beforeBatch: () => engine.settle(),
      onProgress: ({ at, requests, labels, failed, answeredBy }) => {
        now = at;
        if (waitsForRepair && at > Date.parse(month.from) + 14 * dayMs) {
          waitsForRepair = false;
          side.add(repair());
        }
        if (Date.now() - saidAt < 10_000) return;
        saidAt = Date.now();
        const by = Object.entries(answeredBy).map(([version, n]) => `${version} ${n}`);
        say(
          month,
          `  ${new Date(at).toISOString().slice(0, 10)}  ${requests} requests, ${labels} labels, ${failed} failed; ${by.join(', ')}`,
        );
      },
    }).finally(async () => {
      over.abort();
      await side.end();
    });
    if (isEnded()) break;
    failedRequests += end.failed;
    const metric = await measureMonth(served, {
      gatewayUrl,
      apiKey,
      model: lifecycle,
      candidates,
      first: candidates[0]?.version ?? 1,
    });
    measured.push({ month: month.name, ...metric });
    say(
      month,
      `  log loss ${figure(metric.served)}; never retraining ${figure(metric.never)}, every candidate ${figure(metric.every)}`,
    );
  }

  const { decisions, incidents } = await readDecisions(context, { lifecycle, starts });
  const gains = comparePolicies(measured.flatMap(({ days }) => days));
  const files = { chart: join(reportDir, 'year.svg'), table: join(reportDir, 'year.md') };
  const summary: YearSummary = {
    months: measured,
    decisions,
    incidents,
    oneOf,
    failedRequests,
    gains,
    unkept: unkeptPromises({ decisions, gains, failedRequests }, mishaps),
    files,
    seconds: hundredths((Date.now() - startedAt) / 1000),
  };
  mkdirSync(reportDir, { recursive: true });
  const text = describeYear(summary);
  writeFileSync(files.table, `${text}\n`);
  writeFileSync(files.chart, yearChart(summary));
  terminal.out(`\n${text}`);
  terminal.say(`\ntable: ${files.table}\nchart: ${files.chart}`);
  return { exitCode: summary.unkept.length === 0 ? 0 : 1, summary };
}

export function removeDeliveries(): Promise<void> {
  return rm(deliveryFolder, { recursive: true, force: true });
}

/** As a machine that fails in the middle of a training would. The supervisor starts it again. */
async function killWorker({ processes, terminal }: YearDemoOptions, month: Month): Promise<void> {
  await pause(intoTrainingMs);
  const worker = processes().find(({ name }) => name === 'The worker');
  if (worker === undefined) throw new CliError('there is no worker to kill', 1);
  process.kill(worker.pid, 'SIGKILL');
  terminal.say(`${month.name.padEnd(10)}   kill -9 of the worker (${worker.pid}) while it trains`);
}

const intoTrainingMs = 2_000;

async function expectChampion(context: CliContext, starts: readonly StartedMonth[]): Promise<void> {
  const { version } = await context.api().call('GET /models/{model}/aliases/{alias}', {
    path: { model: lifecycle, alias: 'champion' },
  });
  if (version !== null) return;
  const { decisions } = await readDecisions(context, { lifecycle, starts });
  const { outcome, reason } = decisions.at(-1) ?? { outcome: 'no run', reason: 'none was started' };
  throw new CliError(
    `${lifecycle} has no champion: ${outcome}: ${reason}`,
    1,
    'PERENNIAL_STATE_DIR=.perennial/demo-year/state npx perennial up, then perennial run list',
  );
}
