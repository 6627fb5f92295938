import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { formatInstant, parseInstant } from '../../../domain/instant';
import { CliError } from '../cli-error';
import { appliedSpec } from '../lifecycle/applied';
import type { CliContext } from '../context';
import type { Finish } from '../finish';
import { knownGateway, openReplayGateway } from './replay/gateway';
import { replayQuestions } from './replay/questions';
import type { ReplayEnd, ReplayState } from './replay/replay';
import { replay } from './replay/replay';
import type * as ReplayRows from './replay/rows';
import { jsonText } from '../harmless';

interface ReplayCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly speed: string;
  readonly rounds: string;
  readonly parallel?: string;
  readonly json?: true;
}

/** The replay, and how to stop it. */
export interface ReplayRequest {
  readonly lifecycle: string;
  readonly from: string;
  readonly to: string;
  /** Seconds of event time per second of wall-clock time; `Infinity` does not wait. */
  readonly speed: number;
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly onProgress: (state: ReplayState) => void;
}

export function replayCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  program
    .command('replay <lifecycle>')
    .description(
      'Send past requests, and their labels once they were known, to the gateway; for a language application send its evaluation questions and their right answers',
    )
    .option('--from <time>', 'Start of the time window (RFC 3339); models only')
    .option('--to <time>', 'End of the time window, exclusive (RFC 3339); models only')
    .option('--speed <n>', 'Speed in seconds of event time per second, or max; models only', '1')
    .option('--rounds <n>', 'How often to send all questions; language applications only', '1')
    .option(
      '--parallel <n>',
      'Maximum concurrent requests (default: 32 for a model, 4 for a language application)',
    )
    .option('--json', 'Print the summary as JSON')
    .action(async (lifecycle: string, options: ReplayCommandOptions) => {
      const ended = new AbortController();
      process.once('SIGINT', () => ended.abort());
      const { kind } = await appliedSpec(context.api(), lifecycle);
      const {
        from,
        to,
        speed,
        rounds,
        parallel = kind === 'ModelLifecycle' ? '32' : '4',
      } = options;
      const watched = {
        lifecycle,
        parallel: Math.ceil(positive('--parallel', parallel)),
        signal: ended.signal,
        onProgress: (state: ReplayState) => terminal.say(progressLine(state)),
      };
      const end =
        kind === 'LlmLifecycle'
          ? await replayQuestions(context, {
              ...watched,
              rounds: Math.ceil(positive('--rounds', rounds)),
            })
          : await replayLifecycle(context, {
              ...watched,
              from: instant('--from', from),
              to: instant('--to', to),
              speed: speed === 'max' ? Infinity : positive('--speed', speed),
            });
      terminal.out(options.json ? jsonText(endJson(end)) : describeEnd(end));
      finish(end.failed > 0 ? 1 : 0);
    });
}

/**
 * Rows come from the sources and SQL of the applied lifecycle and are read here. The platform
 * provides only the spec.
 */
export async function replayLifecycle(
  context: CliContext,
  wanted: ReplayRequest,
): Promise<ReplayEnd> {
  const { lifecycle, from, to, speed, parallel, signal, onProgress } = wanted;
  const { samplesDir, stateDir, cwd } = context.settings;
  const { gatewayUrl, apiKey } = knownGateway(context.settings);
  if (from >= to) throw new CliError(`--from ${from} is not before --to ${to}`, 2);
  const api = context.api();
  const spec = await appliedSpec(api, lifecycle);
  if (spec.kind !== 'ModelLifecycle')
    throw new CliError(`${lifecycle} is a ${spec.kind}; only models can be replayed by rows`, 2);
  const { files } = await api.call('GET /lifecycles/{name}/files', { path: { name: lifecycle } });
  const { data } = spec;
  if (data.time === null) {
    const why = 'its rows have no time (spec.data.time is missing), so they cannot be replayed';
    throw new CliError(`${lifecycle}: ${why}`, 2, `POST /v2/models/${lifecycle}/infer`);
  }
  const gateway = await openReplayGateway({
    gatewayUrl,
    apiKey,
    model: lifecycle,
    timeColumn: data.time.column,
    entityColumn: data.entity,
    parallel,
  });
  try {
    const source = {
      data: { ...data, time: data.time },
      assembleSql: files[data.assemble] ?? '',
      window: { from, until: to },
      samplesDir,
      stateDir,
      cwd,
      scratchRoot: tmpdir(),
      signal,
    };
    // Only this command loads DuckDB; tsx resolves require, not import(), to TypeScript.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { withReplayRows } = require('./replay/rows') as typeof ReplayRows;
    return await withReplayRows(source, ({ count, batches }) => {
      if (count === 0)
        throw new CliError(
          `${lifecycle} has no rows between ${from} and ${to}`,
          1,
          `perennial lifecycle show ${lifecycle}`,
        );
      return replay({
        batches: batches(),
        gateway,
        from: Date.parse(from),
        speed,
        labelDelayMs: data.label.availableAfterSeconds * 1000,
        parallel,
        signal,
        onProgress,
      });
    });
  } finally {
    await gateway.close();
  }
}

function instant(option: string, text: string | undefined): string {
  if (text === undefined)
    throw new CliError(`${option} is required; it bounds the time window of the replay`, 2);
  const at = parseInstant(text);
  if (at === null)
    throw new CliError(
      `${option} ${JSON.stringify(text.slice(0, 60))} is not a time with an offset, such as 2013-08-01T00:00:00Z`,
      2,
    );
  return formatInstant(at);
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || value === Infinity)
    throw new CliError(`${option} ${JSON.stringify(text.slice(0, 60))} is not a number above 0`, 2);
  return value;
}

function progressLine({ at, requests, labels, failed, answeredBy, lagMs }: ReplayState): string {
  const parts = [
    new Date(at).toISOString().slice(0, 16),
    `${requests} requests`,
    `${labels} labels`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    Object.entries(answeredBy)
      .map(([version, count]) => `${version} ${count}`)
      .join(', '),
    ...(lagMs > 2_000 ? [`${(lagMs / 1000).toFixed(0)} s behind its clock`] : []),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function describeEnd({
  requests,
  failed,
  labels,
  answeredBy,
  seconds,
  latency,
  firstFailure,
}: ReplayEnd): string {
  const versions = Object.entries(answeredBy).map(
    ([version, count]) => `  ${version} answered ${count}`,
  );
  return [
    `${requests} requests and ${labels} labels in ${seconds.toFixed(1)} s; p50 ${latency.p50.toFixed(1)} ms, p97 ${latency.p97.toFixed(1)} ms`,
    ...versions,
    ...(failed > 0
      ? [`  ${failed} requests failed; first failure: ${firstFailure ?? 'unknown'}`]
      : []),
  ].join('\n');
}

function endJson({ at, lagMs, ...end }: ReplayEnd): object {
  return { reached: new Date(at).toISOString(), lagMs: Math.round(lagMs), ...end };
}
