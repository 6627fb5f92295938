import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { formatSeconds, parseDuration } from '../../../domain/duration';
import type { CliContext } from '../context';
import type { BodyOf } from '../../client/operation';
import { CliError } from '../cli-error';
import { showList } from '../list-view';
import type { Finish } from '../finish';
import { wholeNumber } from '../numbers';
import { readTextFile } from '../text-file';
import { wholeFileAt, writeWhole } from '../whole-file';
import type { RolloutJson } from './view';
import type { Verbosity } from '../decision/verdict-view';
import { describeRollout, exitCodeOfRollout, stepText } from './view';
import { watchRollout } from './watch';
import { jsonText } from '../harmless';

interface Json {
  readonly json?: true;
}

interface LabelOptions extends Json {
  readonly out?: string;
  readonly file?: string;
  readonly limit: number;
}

interface CommandReason extends Json {
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

export function rolloutCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  const rollout = program
    .command('rollout')
    .description('Show and control rollouts of challengers on production traffic');
  const show = (found: RolloutJson, { json, verbose }: Json & Verbosity): void =>
    terminal.out(
      json
        ? jsonText(found)
        : describeRollout(found, { columns: terminal.columns, rows: 12 }, terminal.outPaint, {
            verbose,
          }),
    );

  rollout
    .command('show <model>')
    .description(
      'Show the open rollout, or the newest: chart of the difference, verdict and traffic',
    )
    .option('--id <rollout>', 'Show this rollout instead')
    .option('--verbose', 'Also print the details of each verdict')
    .option('--json', 'Print as JSON')
    .action(
      async (model: string, { id, ...options }: Json & Verbosity & { readonly id?: string }) => {
        show(await readRollout(context, model, id), options);
      },
    );

  rollout
    .command('watch <model>')
    .description(
      'Follow a rollout to its end or until it needs a person; exit 3 if it was rolled back',
    )
    .option('--json', 'Print the rollout as JSON at the end')
    .action(async (model: string, { json }: Json) => {
      const { id } = await readRollout(context, model);
      const ended = await watchRollout(context, { model, id });
      if (json || terminal.screen === null) show(ended, json ? { json } : {});
      finish(exitCodeOfRollout(ended));
    });

  rollout
    .command('list <model>')
    .description('List rollouts, newest first')
    .option('--json', 'Print as JSON')
    .action(async (model: string, { json }: Json) => {
      const items = await context.api().list('GET /models/{model}/rollouts', { path: { model } });
      showList(terminal, {
        items,
        json,
        columns: ['ROLLOUT', 'CHALLENGER', 'BESIDE', 'STATUS', 'STEP', 'STARTED', 'RUN'],
        row: (each) => [
          each.id,
          `@${each.challenger}`,
          `@${each.champion}`,
          each.status,
          stepText(each),
          each.startedAt,
          each.runId,
        ],
        none: { what: `${model} has had no rollouts`, next: `perennial run start ${model}` },
      });
    });

  const send = async (
    model: string,
    verb: RolloutCommandVerb,
    { reason, idempotencyKey }: CommandReason,
    more: Partial<BodyOf<'POST /models/{model}/rollout/extend'>> = {},
  ): Promise<RolloutJson> =>
    context.api().call(`POST /models/{model}/rollout/${verb}`, {
      path: { model },
      headers: { 'idempotency-key': idempotencyKey ?? randomUUID() },
      body: { ...more, ...(reason === undefined ? {} : { reason }) },
    });

  for (const [verb, { description, result }] of Object.entries(commands) as [
    keyof typeof commands,
    (typeof commands)[keyof typeof commands],
  ][]) {
    withCommandOptions(rollout.command(`${verb} <model>`).description(description)).action(
      async (model: string, options: CommandReason) => {
        const now = await send(model, verb, options);
        terminal.say(`${model}@${now.challenger} ${result(now)}`);
        if (options.json) terminal.out(jsonText(now));
      },
    );
  }

  rollout
    .command('label <model>')
    .description('Label live answers of both versions, to correct the judge of the open rollout')
    .option(
      '--out <file>',
      'Write pairs of unlabelled answers to this file, one JSON object per line',
    )
    .option('--limit <n>', 'Maximum number of pairs to write', wholeNumber(1, labelsAtOnce), 100)
    .option(
      '--file <file>',
      'Read that file again, with true, false or "unsure" in firstRight and secondRight',
    )
    .option('--json', 'Print as JSON')
    .action(async (model: string, { out, file, limit, json }: LabelOptions) => {
      const { cwd } = context.settings;
      if ((out === undefined) === (file === undefined)) {
        throw new CliError(
          'use one of --out and --file',
          2,
          `perennial rollout label ${model} --out answers.ndjson`,
        );
      }
      if (out !== undefined) {
        const to = wholeFileAt(out, cwd);
        const { items } = await context
          .api()
          .call('GET /models/{model}/rollout/labels', { path: { model }, query: { limit } });
        await writeWhole(to, (write) => write(items.map(formatLine).join('')));
        terminal.say(
          `${items.length} pairs written to ${out}; next: perennial rollout label ${model} --file ${out}`,
        );
        if (json) terminal.out(jsonText({ pairs: items.length }));
        return;
      }
      const labels = labelsIn(file ?? '', cwd);
      if (labels.length === 0)
        throw new CliError(
          `${file ?? ''} has no pair with both labels, so no pair was labelled`,
          2,
          labelHint,
        );
      let [stored, labelledBefore] = [0, 0];
      for (let from = 0; from < labels.length; from += labelsAtOnce) {
        const body = { labels: labels.slice(from, from + labelsAtOnce) };
        const taken = await context
          .api()
          .call('POST /models/{model}/rollout/labels', { path: { model }, body });
        stored += taken.stored;
        labelledBefore += taken.labelledBefore;
      }
      terminal.say(
        `${stored} pairs labelled, ${labelledBefore} already had labels; next: perennial rollout show ${model}`,
      );
      if (json) terminal.out(jsonText({ stored, labelledBefore }));
    });

  withCommandOptions(
    rollout
      .command('extend')
      .argument('<model>')
      .argument('<duration>', 'Event time to add, such as 12h or 3d', eventSeconds)
      .description('Add event time before the rollout ends as inconclusive'),
  ).action(async (model: string, seconds: number, options: CommandReason) => {
    const now = await send(model, 'extend', options, { seconds });
    const { maxDurationSeconds, extendedSeconds } = now.test;
    terminal.say(
      `${model}@${now.challenger} now has ${formatSeconds(maxDurationSeconds + extendedSeconds)} of event time`,
    );
    if (options.json) terminal.out(jsonText(now));
  });
}

/**
 * A line of the file that `rollout label --out` writes. To label it, replace each null by true,
 * false or "unsure".
 */
interface LabelLine {
  readonly predictionId: string;
  readonly firstRight: boolean | 'unsure' | null;
  readonly secondRight: boolean | 'unsure' | null;
}

interface UnlabelledJson {
  readonly predictionId: string;
  readonly question: string;
  readonly first: string | null;
  readonly second: string | null;
}

/** A blocked answer is wrong, so its label is already filled in. */
function formatLine({ predictionId, question, first, second }: UnlabelledJson): string {
  const chooseLabel = (answer: string | null) => (answer === null ? false : null);
  const [firstRight, secondRight] = [chooseLabel(first), chooseLabel(second)];
  return `${JSON.stringify({ predictionId, question, first, firstRight, second, secondRight })}\n`;
}

const labelHint = 'write true, false or "unsure" for firstRight and secondRight';

/** Skips lines without both labels. @throws CliError with file and line */
function labelsIn(file: string, cwd: string) {
  const lines = readTextFile(resolve(cwd, file), file).split('\n');
  return lines.flatMap((text, at) => {
    if (text.trim() === '') return [];
    const {
      predictionId,
      firstRight: first,
      secondRight: second,
    } = lineAt(text, `${file}:${at + 1}`);
    if (first === null || second === null) return [];
    return [
      {
        predictionId,
        first: first === 'unsure' ? null : first,
        second: second === 'unsure' ? null : second,
      },
    ];
  });
}

function lineAt(text: string, place: string): LabelLine {
  let line: Partial<Record<keyof LabelLine, unknown>> | null;
  try {
    line = JSON.parse(text) as typeof line;
  } catch {
    throw new CliError(`${place} is not valid JSON; no pair was labelled`, 2, labelHint);
  }
  const isLabel = (value: unknown) =>
    value === null || value === 'unsure' || typeof value === 'boolean';
  if (
    typeof line?.predictionId !== 'string' ||
    !isLabel(line.firstRight) ||
    !isLabel(line.secondRight)
  ) {
    throw new CliError(
      `${place} needs predictionId, firstRight and secondRight; no pair was labelled`,
      2,
      labelHint,
    );
  }
  return line as LabelLine;
}

/** The most labels that the API accepts in one request. */
const labelsAtOnce = 500;

type RolloutCommandVerb = 'hold' | 'resume' | 'skip' | 'abort' | 'extend';

const commands: Readonly<
  Record<
    Exclude<RolloutCommandVerb, 'extend'>,
    { readonly description: string; readonly result: (now: RolloutJson) => string }
  >
> = {
  hold: {
    description: 'Keep the rollout in its step; detected harm still ends it',
    result: (now) => `is held in ${stepText(now)}`,
  },
  resume: {
    description: 'Continue a rollout that is on hold',
    result: (now) =>
      now.status === 'passed' ? 'may be promoted' : `continues in ${stepText(now)}`,
  },
  skip: {
    description: 'Move to the next step; quality must still be shown before a promotion',
    result: (now) => `is in ${stepText(now)}`,
  },
  abort: {
    description: 'End the rollout and send all traffic to the champion',
    result: ({ status, champion }) => `is ${status}; @${champion} answers all requests`,
  },
};

function withCommandOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'Reason, for the audit log')
    .option(
      '--idempotency-key <key>',
      'Idempotency key; repeating a command with the same key has no further effect',
    )
    .option('--json', 'Print the rollout as JSON');
}

/** The rollout with this id, or the newest. */
function readRollout(context: CliContext, model: string, id?: string): Promise<RolloutJson> {
  return id === undefined
    ? context.api().call('GET /models/{model}/rollout', { path: { model } })
    : context.api().call('GET /models/{model}/rollouts/{id}', { path: { model, id } });
}

function eventSeconds(text: string): number {
  const duration = parseDuration(text);
  if (duration !== null && duration.months === 0 && duration.seconds > 0) return duration.seconds;
  throw new InvalidArgumentError('Expected a duration such as 90m, 12h or 3d.');
}
