import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { formatSeconds, parseDuration } from '../../../domain/duration';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import type { Finish } from '../main';
import type { RolloutJson, RolloutSummaryJson } from '../rollout-view';
import { describeRollout, exitCodeOfRollout, stepText } from '../rollout-view';
import { watchRollout } from '../rollout-watch';
import { jsonText } from '../harmless';

interface Json {
  readonly json?: true;
}

interface Told extends Json {
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

export function rolloutCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  const rollout = program.command('rollout').description('versions on trial beside their champion');
  const show = (found: RolloutJson, json: true | undefined): void =>
    terminal.out(json ? jsonText(found) : describeRollout(found, { columns: terminal.columns, rows: 12 }, terminal.outPaint));

  rollout
    .command('show <model>')
    .description('the open rollout, else the newest: its difference drawn with its bounds, its verdict, its traffic')
    .option('--id <rollout>', 'this one instead')
    .option('--json', 'print as JSON')
    .action(async (model: string, { id, json }: Json & { readonly id?: string }) => {
      show(await context.api().call<RolloutJson>(pathOf(model, id)), json);
    });

  rollout
    .command('watch <model>')
    .description('follow it to its end, or until people have to decide; exit 3 when it was taken back')
    .option('--json', 'print the rollout as JSON at the end')
    .action(async (model: string, { json }: Json) => {
      const { id } = await context.api().call<RolloutJson>(pathOf(model));
      const ended = await watchRollout(context, pathOf(model, id));
      if (json || terminal.screen === null) show(ended, json);
      finish(exitCodeOfRollout(ended));
    });

  rollout
    .command('list <model>')
    .description('rollouts, newest first')
    .option('--json', 'print as JSON')
    .action(async (model: string, { json }: Json) => {
      const items = await context.api().list<RolloutSummaryJson>(`/models/${model}/rollouts`);
      showList(terminal, {
        items,
        json,
        columns: ['ROLLOUT', 'CHALLENGER', 'BESIDE', 'STATUS', 'STEP', 'STARTED', 'RUN'],
        row: (each) => [each.id, `@${each.challenger}`, `@${each.champion}`, each.status, stepText(each), each.startedAt, each.runId],
        none: { what: `${model} never had a rollout`, next: `perennial run start ${model}` },
      });
    });

  const tell = async (model: string, verb: string, { reason, idempotencyKey }: Told, more: object = {}): Promise<RolloutJson> =>
    context.api().call<RolloutJson>(`/models/${model}/rollout/${verb}`, {
      method: 'POST',
      headers: { 'idempotency-key': idempotencyKey ?? randomUUID() },
      body: { ...more, ...(reason === undefined ? {} : { reason }) },
    });

  for (const [verb, { description, said }] of Object.entries(commands)) {
    told(rollout.command(`${verb} <model>`).description(description)).action(async (model: string, options: Told) => {
      const now = await tell(model, verb, options);
      terminal.say(`${model}@${now.challenger} ${said(now)}`);
      if (options.json) terminal.out(jsonText(now));
    });
  }

  told(
    rollout
      .command('extend')
      .argument('<model>')
      .argument('<duration>', 'of event time: 12h, 3d', eventSeconds)
      .description('more time before it counts as inconclusive'),
  ).action(async (model: string, seconds: number, options: Told) => {
    const now = await tell(model, 'extend', options, { seconds });
    const { maxDurationSeconds, extendedSeconds } = now.test;
    terminal.say(`${model}@${now.challenger} has ${formatSeconds(maxDurationSeconds + extendedSeconds)} of event time`);
    if (options.json) terminal.out(jsonText(now));
  });
}

const commands: Readonly<
  Record<'hold' | 'resume' | 'skip' | 'abort', { readonly description: string; readonly said: (now: RolloutJson) => string }>
> = {
  hold: { description: 'keep it in its step; harm still ends it', said: (now) => `is held in ${stepText(now)}` },
  resume: {
    description: 'let it go on',
    said: (now) => (now.status === 'passed' ? 'may be promoted' : `goes on in ${stepText(now)}`),
  },
  skip: { description: 'to the next step; quality must still be shown before a promotion', said: (now) => `is in ${stepText(now)}` },
  abort: { description: 'end it: all traffic to the champion', said: ({ status, champion }) => `is ${status}; @${champion} answers` },
};

function told(command: Command): Command {
  return command
    .option('--reason <text>', 'why, for the record')
    .option('--idempotency-key <key>', 'saying it twice with one key does it once')
    .option('--json', 'print the rollout as JSON');
}

function pathOf(model: string, id?: string): string {
  return id === undefined ? `/models/${model}/rollout` : `/models/${model}/rollouts/${id}`;
}

function eventSeconds(text: string): number {
  const duration = parseDuration(text);
  if (duration !== null && duration.months === 0 && duration.seconds > 0) return duration.seconds;
  throw new InvalidArgumentError('Expected a duration such as 90m, 12h or 3d.');
}
