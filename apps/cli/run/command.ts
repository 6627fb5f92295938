import { randomUUID } from 'node:crypto';
import { Option, type Command } from 'commander';
import {
  batchDefaults,
  batchKind,
  batchLimits,
  rowErrorPolicies,
  type RowErrorPolicy,
} from '../../../domain/batch/batch';
import type { RunPriority } from '../../../domain/run/fair-share';
import type { RunStatus } from '../../../domain/run/run';
import { isFinal } from '../../../domain/run/run';
import type { CliContext } from '../context';
import type { RunJson } from './view';
import { describeRun, showEnd } from './view';
import { showList } from '../list-view';
import { watchRun } from '../watch';
import { describeComparison } from '../decision/comparison-view';
import type { Finish } from '../finish';
import { share, wholeNumber } from '../numbers';
import { runCasesCommand } from './cases-command';
import { priorityOption } from './priority-option';
import { rerunCommand } from './rerun-command';
import { sendCommand } from './send-command';
import { parseParams } from '../params';
import { describeTrials } from './trial-view';
import { jsonText } from '../harmless';

interface StartOptions {
  readonly follow?: true;
  readonly json?: true;
  readonly until?: string;
  readonly param?: readonly string[];
  readonly force?: readonly string[];
  readonly cache: boolean;
  readonly reason?: string;
  readonly priority?: RunPriority;
  readonly idempotencyKey?: string;
  readonly kind?: typeof batchKind;
  readonly input?: string;
  readonly as?: string;
  readonly output?: string;
  readonly key?: readonly string[];
  readonly chunkRows?: number;
  readonly parallel?: number;
  readonly onRowError?: RowErrorPolicy;
  readonly maxErrorShare?: number;
}

export function runCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  const run = program.command('run').description('Start, watch and control runs');

  run
    .command('start <lifecycle>')
    .description('Start a run of an applied lifecycle')
    .option('--until <time>', 'End of the data window (RFC 3339)')
    .option('--param <name=value...>', 'Override a training parameter; the value is JSON or text')
    .option('--force <stage...>', 'Run this stage even if its inputs are unchanged')
    .option('--no-cache', 'Run every stage, also those with unchanged inputs')
    .option('--reason <text>', 'Reason, for the audit log')
    .addOption(priorityOption('normal'))
    .option(
      '--idempotency-key <key>',
      'Idempotency key; starting twice with the same key makes one run',
    )
    .addOption(
      new Option(
        '--kind <kind>',
        `${batchKind}: score a dataset version instead of making a model version`,
      ).choices([batchKind]),
    )
    .option(
      '--input <uri>',
      `${batchKind}: rows to score: dataset://name@latest, @approved or the number of a version`,
    )
    .option(
      '--as <version>',
      `${batchKind}: champion, challenger, previous, candidate or a version (default: ${batchDefaults.as})`,
    )
    .option(
      '--output <name>',
      `${batchKind}: name of the dataset after the lifecycle's (default: ${batchDefaults.output})`,
    )
    .option(
      '--key <column...>',
      `${batchKind}: columns of the input to repeat in the output (default: entity and time)`,
    )
    .option(
      '--chunk-rows <n>',
      `${batchKind}: largest number of rows of a chunk (default: ${batchDefaults.chunkRows})`,
      wholeNumber(1, batchLimits.chunkRows),
    )
    .option(
      '--parallel <n>',
      `${batchKind}: largest number of chunks at once (default: ${batchDefaults.parallel})`,
      wholeNumber(1, batchLimits.parallel),
    )
    .addOption(
      new Option(
        '--on-row-error <policy>',
        `${batchKind}: end the run at the first rejected row (fail), or keep such rows apart ` +
          `(quarantine, the default)`,
      ).choices(rowErrorPolicies),
    )
    .option(
      '--max-error-share <share>',
      `${batchKind}: largest share of rejected rows, 0 to 1 (default: ${batchDefaults.maxErrorShare})`,
      share,
    )
    .option('--wait, --follow', 'Follow the run to its end; exit 3 if a gate failed')
    .option('--json', 'Print the run as JSON')
    .action(async (lifecycle: string, options: StartOptions) => {
      const started = await context.api().call('POST /lifecycles/{name}/runs', {
        path: { name: lifecycle },
        headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
        body: buildRequest(options),
      });
      terminal.say(
        `${started.id} started${started.temporalUrl === null ? '' : `: ${started.temporalUrl}`}`,
      );
      if (options.follow)
        finish(showEnd(context, await watchRun(context, started.id), options.json));
      else terminal.out(options.json ? jsonText(started) : started.id);
    });

  run
    .command('list')
    .description('List runs, newest first')
    .option('--lifecycle <name>', 'Only runs of this lifecycle')
    .option('--status <status>', 'Only runs with this status')
    .option('--limit <n>', 'Maximum number of runs', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(
      async (options: {
        readonly lifecycle?: string;
        readonly status?: RunJson['status'];
        readonly limit: number;
        readonly json?: true;
      }) => {
        const { lifecycle, status } = options;
        const query = { lifecycle, status };
        const items = await context.api().list('GET /runs', { query }, options.limit);
        showList(terminal, {
          items,
          json: options.json,
          columns: ['RUN', 'LIFECYCLE', 'STATUS', 'VERSION', 'CREATED'],
          row: ({ id, lifecycle, status, version, createdAt }) => [
            id,
            lifecycle,
            status,
            version === null ? '' : String(version),
            createdAt,
          ],
          none:
            lifecycle === undefined && status === undefined
              ? { what: 'no runs yet', next: 'perennial run start <lifecycle>' }
              : { what: 'no matching runs', next: 'perennial run list' },
        });
      },
    );

  run
    .command('show <run>')
    .description('Show a run with its stages, verdict and links')
    .option('--verbose', 'Also print the details of each verdict')
    .option('--json', 'Print as JSON')
    .action(async (id: string, options: { readonly json?: true; readonly verbose?: true }) => {
      const found = await context.api().call('GET /runs/{id}', { path: { id } });
      terminal.out(options.json ? jsonText(found) : describeRun(found, terminal.outPaint, options));
    });

  run
    .command('watch <run>')
    .description('Follow a run to its end')
    .option('--verbose', 'Also print the details of each verdict')
    .option('--json', 'Print the run as JSON at the end')
    .action(async (id: string, options: { readonly json?: true; readonly verbose?: true }) => {
      finish(showEnd(context, await watchRun(context, id), options.json, options));
    });

  run
    .command('logs <run>')
    .description('Print the output of the training job')
    .action(async (id: string) =>
      terminal.out(await context.api().text('GET /runs/{id}/logs', { path: { id } })),
    );

  run
    .command('trials <run>')
    .description('List the trials of the tuning study with parameters, metric and outcome')
    .option('--limit <n>', 'Maximum number of trials', wholeNumber(1), 1000)
    .option('--json', 'Print as JSON')
    .action(async (id: string, options: { readonly limit: number; readonly json?: true }) => {
      const trials = await context
        .api()
        .list('GET /runs/{id}/trials', { path: { id } }, options.limit);
      const from = trials.find((trial) => trial.run !== id)?.run;
      if (from !== undefined) terminal.say(`reused from ${from}`);
      if (options.json) terminal.out(jsonText(trials));
      else if (trials.length > 0) terminal.out(describeTrials(trials, terminal.outPaint));
      else
        terminal.say(
          `${id} has no trials yet; ${terminal.paint.dim('next:')} perennial run watch ${id}`,
        );
    });

  run
    .command('calls <run>')
    .description('Show the language model requests of a run and their cost')
    .option('--json', 'Print as JSON')
    .action(async (id: string, { json }: { readonly json?: true }) => {
      const { stages } = await context.api().call('GET /runs/{id}/calls', { path: { id } });
      showList(terminal, {
        items: stages,
        json,
        columns: ['STAGE', 'ANSWERED', 'FAILED', 'REQUESTS', 'TOKENS', 'COST', 'UNSETTLED'],
        row: ({
          stage,
          answered,
          failed,
          requests,
          promptTokens,
          completionTokens,
          usd,
          unsettled,
        }) => [
          stage,
          String(answered),
          String(failed),
          String(requests),
          `${promptTokens} + ${completionTokens}`,
          `$${usd.toFixed(4)}`,
          unsettled.requestIds.length === 0
            ? ''
            : `${unsettled.requestIds.length}, at most $${unsettled.usd.toFixed(4)}`,
        ],
        none: {
          what: `${id} made no paid requests, or all of them had been paid for before`,
          next: `perennial run show ${id}`,
        },
      });
    });

  runCasesCommand(run, context);

  run
    .command('compare <runs...>')
    .description('Compare parameters, metrics and times of runs side by side')
    .option('--json', 'Print as JSON')
    .action(async (ids: readonly string[], options: { readonly json?: true }) => {
      const compared = await context
        .api()
        .call('GET /runs/compare', { query: { ids: ids.join(',') } });
      terminal.out(options.json ? jsonText(compared) : describeComparison(compared));
    });

  for (const verb of ['cancel', 'pause', 'resume'] as const) {
    run
      .command(`${verb} <run>`)
      .description(descriptions[verb])
      .option('--reason <text>', 'Reason, for the audit log')
      .action(async (id: string, options: { readonly reason?: string }) => {
        const answer: Pick<RunJson, 'status'> = await context
          .api()
          .call(`POST /runs/{id}/${verb}`, { path: { id }, body: pick(options, ['reason']) });
        terminal.say(`${id} ${outcomes[verb](answer.status)}`);
      });
  }

  for (const verb of ['approve', 'reject'] as const) {
    run
      .command(`${verb} <run>`)
      .description(descriptions[verb])
      .option('--comment <text>', 'Comment, stored with the decision')
      .option(
        '--stage <stage>',
        'Stage whose approval you have seen, such as approve-2; default the one that waits now',
      )
      .action(
        async (id: string, options: { readonly comment?: string; readonly stage?: string }) => {
          const body = pick(options, ['comment', 'stage']);
          await context.api().call(`POST /runs/{id}/${verb}`, { path: { id }, body });
          terminal.say(`${id}: ${verb} recorded`);
        },
      );
  }

  sendCommand(run, context);
  rerunCommand(run, context, finish);
}

const descriptions = {
  cancel: 'Cancel a run and undo its effects',
  pause: 'Pause a run before its next stage',
  resume: 'Resume a paused run',
  approve: 'Approve a run that waits for approval',
  reject: 'Reject a run that waits for approval',
};

/** The effect of a command, by the state of the run. */
const outcomes: Readonly<Record<'cancel' | 'pause' | 'resume', (status: string) => string>> = {
  cancel: (status) =>
    isFinal(status as RunStatus) ? `has already ended (status: ${status})` : 'is being cancelled',
  pause: (status) => (status === 'paused' ? 'is paused' : 'pauses before its next stage'),
  resume: (status) =>
    status === 'paused' || status === 'running' ? 'resumed' : `was not paused (status: ${status})`,
};

function buildRequest({
  until,
  param = [],
  force,
  cache,
  reason,
  priority,
  ...options
}: StartOptions): Record<string, unknown> {
  const params = parseParams(param);
  const { kind, input, as, output, key: keys, chunkRows } = options;
  const { parallel, onRowError, maxErrorShare } = options;
  const batch = { kind, input, as, output, keys, chunkRows, parallel, onRowError, maxErrorShare };
  return {
    ...Object.fromEntries(Object.entries(batch).filter(([, value]) => value !== undefined)),
    ...(until === undefined ? {} : { until }),
    ...(param.length === 0 ? {} : { params }),
    ...(force === undefined ? {} : { force }),
    ...(cache ? {} : { cache: false }),
    ...(reason === undefined ? {} : { reason }),
    ...(priority === undefined ? {} : { priority }),
  };
}

function pick<T extends object>(
  from: T,
  keys: readonly (keyof T & string)[],
): Record<string, string> {
  return Object.fromEntries(
    keys.flatMap((key) => (from[key] === undefined ? [] : [[key, String(from[key])]])),
  );
}
