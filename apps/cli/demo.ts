/**
 * The steps of `npm start` with the sample on a running platform: a first champion, a successor
 * that traffic promotes, and a sabotaged version that is rolled back.
 */
import { join } from 'node:path';
import { firstAttempt, flightDelayDemo, sabotaged } from '../../samples/flight-delay/demo';
import type { ExitCode } from './cli-error';
import type { CliContext } from './context';
import { replayLifecycle } from './serving/replay-command';
import { applyForDemo } from './demo/apply';
import { clone, demoContext, type DemoContextOptions } from './demo/demo-context';
import { describePredicted, predictJuly } from './demo/july';
import { abortOpenRollout, playRound, type Round } from './demo/round';
import {
  demoRun,
  hundredths,
  readRollback,
  roundsTable,
  type DemoSummary,
  type NamedRound,
} from './demo/summary';
import { readLifecycleFolder } from './lifecycle/folder';
import { describeRollout } from './rollout/view';
import { describeRun } from './run/view';
import type { Terminal } from './terminal';
import { table } from './terminal';

const sampleFolder = join(clone, 'samples', 'flight-delay');
const { lifecycle, first, retrained, traffic } = flightDelayDemo;

export async function runDemo(
  options: DemoContextOptions,
): Promise<{ readonly exitCode: ExitCode; readonly summary: DemoSummary }> {
  const { gatewayUrl, apiKey, samplesDir, terminal, signal } = options;
  const startedAt = Date.now();
  const context = demoContext(options, sampleFolder);
  const folder = readLifecycleFolder(sampleFolder, '.');
  const { from, to, speed } = traffic;
  const flights = {
    what: `replaying requests and labels of ${from.slice(0, 10)} to ${to.slice(0, 10)}, ${speed} times as fast`,
    send: (until: AbortSignal) =>
      replayLifecycle(context, {
        lifecycle,
        ...traffic,
        signal: until,
        onProgress: () => undefined,
      }),
  };
  const play = async (
    name: string,
    until: string,
    onAccepted?: () => Promise<void>,
  ): Promise<NamedRound> => {
    const given = { lifecycle, until, reason: `npm start: ${name}`, traffic: flights, signal };
    const round = await playRound(context, { ...given, ...(onAccepted ? { onAccepted } : {}) });
    terminal.say(`\n${describeRound(round, terminal)}`);
    return { ...round, name };
  };

  await abortOpenRollout(context, lifecycle, 'left open by an earlier npm start');
  chapter(terminal, '1 of 3', 'January to June, hardly any time of the day: the first champion');
  await apply(
    context,
    firstAttempt(folder),
    'samples/flight-delay, with hardly any time of the day',
  );
  const rounds = [await play('before six or not', first.until)];
  const predicted =
    (await readChampion(context)) &&
    (await predictJuly({ gatewayUrl, apiKey, samplesDir, sampleFolder, model: lifecycle }));
  if (predicted) terminal.say(describePredicted(predicted, terminal.paint));

  chapter(
    terminal,
    '2 of 3',
    'January to July, with the time of the day: a successor that the flights of September decide on',
  );
  await apply(context, folder, 'samples/flight-delay');
  rounds.push(await play('time of day', retrained.until));

  chapter(
    terminal,
    '3 of 3',
    'sabotage: shuffled labels, no gates, no shadow; a quarter of the aircraft at once',
  );
  await apply(context, sabotaged(folder), 'samples/flight-delay, sabotaged');
  // The run has its own revision. The next run uses the restored one.
  const sabotage = await play('labels shuffled', retrained.until, () =>
    apply(context, folder, 'samples/flight-delay, for later runs'),
  );
  rounds.push(sabotage);

  const champion = await readChampion(context);
  const summary = {
    runs: rounds.map(demoRun),
    champion,
    rollback: readRollback(sabotage),
    predictions: predicted?.predictions.length ?? 0,
    seconds: hundredths((Date.now() - startedAt) / 1000),
  };
  terminal.say(`\n${roundsTable(rounds)}\n${outlook(options, rounds, summary)}`);
  return { exitCode: chooseExitCode(rounds, summary), summary };
}

async function apply(context: CliContext, body: object, from: string): Promise<void> {
  await applyForDemo(context, lifecycle, { body, from });
}

function chapter({ say, paint }: Terminal, number: string, what: string): void {
  say(`\n${paint.bold(`${number}  ${what}`)}`);
}

function describeRound({ run, rollout }: Round, { paint, columns }: Terminal): string {
  const page = { columns, rows: 10 };
  return [
    describeRun(run, paint),
    ...(rollout === null ? [] : ['', describeRollout(rollout, page, paint)]),
  ].join('\n');
}

async function readChampion(context: CliContext): Promise<DemoSummary['champion']> {
  const api = context.api();
  const { version } = await api.call('GET /models/{model}/aliases/{alias}', {
    path: { model: lifecycle, alias: 'champion' },
  });
  if (version === null) return null;
  const { manifest } = await api.call('GET /models/{model}/versions/{version}', {
    path: { model: lifecycle, version },
  });
  return { model: lifecycle, version, digest: manifest.digest };
}

function outlook(
  { apiUrl, gatewayUrl }: DemoContextOptions,
  rounds: readonly NamedRound[],
  summary: DemoSummary,
): string {
  const { champion, predictions, rollback, seconds } = summary;
  const rows = [
    [
      'champion',
      champion === null
        ? 'none'
        : `${champion.model}@${champion.version}  ${champion.digest.slice(0, 19)}`,
    ],
    ['predictions for flights in July', String(predictions)],
    [
      'failed requests during the rollback',
      rollback === null ? 'no rollback' : String(rollback.failedRequests),
    ],
    ['seconds', seconds.toFixed(1)],
    ...rounds.map(({ name, run }) => [`Temporal, ${name}`, run.temporalUrl ?? 'no Web UI']),
    ['API reference', `${apiUrl}/docs`],
    ['predictions', `${gatewayUrl}/v2/models/${lifecycle}/infer`],
    ['why this version serves', `npx perennial model explain ${lifecycle}`],
  ];
  return `\n${table(['WHAT', ''], rows)}`;
}

/** A canary may fail. A failed run, a missing champion or harm without a rollback is an error. */
function chooseExitCode(rounds: readonly Round[], { champion, rollback }: DemoSummary): ExitCode {
  const broke = rounds.some(({ run }) => run.status !== 'succeeded' && run.status !== 'stopped');
  if (broke || (rollback === null && champion?.version === rounds.at(-1)?.run.version)) return 1;
  return champion === null ? 3 : 0;
}
