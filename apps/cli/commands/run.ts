import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { RunStatus } from '../../../domain/run';
import { isFinal, modelStages } from '../../../domain/run';
import type { CliContext } from '../context';
import type { StageCallsJson } from '../../api/views/llm-calls';
import type { RunJson } from '../run-view';
import type { Verbosity } from '../verdict-view';
import { describeRun, exitCodeOf } from '../run-view';
import { showList } from '../list-view';
import { watchRun } from '../watch';
import type { RunComparisonJson } from '../comparison-view';
import { describeComparison } from '../comparison-view';
import type { Finish } from '../main';
import { wholeNumber } from '../numbers';
import { runCasesCommand } from './run-cases';
import { paramsOf } from '../params';
import type { TrialJson } from '../trial-view';
import { describeTrials } from '../trial-view';
import { jsonText } from '../harmless';

interface StartOptions {
  readonly follow?: true;
  readonly json?: true;
  readonly until?: string;
  readonly param?: readonly string[];
  readonly cache: boolean;
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

export function runCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  const run = program.command('run').description('start and steer runs');

  run
    .command('start <lifecycle>')
    .description('start a run of an applied lifecycle')
    .option('--until <time>', 'end of the data window, RFC 3339')
    .option('--param <name=value...>', 'override a training parameter, value as JSON or text')
    .option('--no-cache', 'run every stage, also those whose inputs are unchanged')
    .option('--reason <text>', 'why, for the record')
    .option('--idempotency-key <key>', 'starting twice with one key makes one run')
    .option('--wait, --follow', 'follow the run to its end; exit 3 when a gate said no')
    .option('--json', 'print the run as JSON')
    .action(async (lifecycle: string, options: StartOptions) => {
      const started = await context.api().call<RunJson>(`/lifecycles/${lifecycle}/runs`, {
        method: 'POST',
        headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
        body: requestOf(options),
      });
      terminal.say(`${started.id} started${started.temporalUrl === null ? '' : `: ${started.temporalUrl}`}`);
      if (options.follow) finish(showEnd(context, await watchRun(context, started.id), options.json));
      else terminal.out(options.json ? jsonText(started) : started.id);
    });

  run
    .command('list')
    .description('runs, newest first')
    .option('--lifecycle <name>')
    .option('--status <status>')
    .option('--limit <n>', 'at most so many', wholeNumber(1), 50)
    .option('--json', 'print as JSON')
    .action(async (options: { readonly lifecycle?: string; readonly status?: string; readonly limit: number; readonly json?: true }) => {
      const query = new URLSearchParams(pick(options, ['lifecycle', 'status']));
      const items = await context.api().list<RunJson>(`/runs?${query.toString()}`, options.limit);
      showList(terminal, {
        items,
        json: options.json,
        columns: ['RUN', 'LIFECYCLE', 'STATUS', 'VERSION', 'CREATED'],
        row: ({ id, lifecycle, status, version, createdAt }) => [id, lifecycle, status, version === null ? '' : String(version), createdAt],
        none:
          query.size === 0
            ? { what: 'no runs yet', next: 'perennial run start <lifecycle>' }
            : { what: 'no such runs', next: 'perennial run list' },
      });
    });

  run
    .command('show <run>')
    .description('a run with its stages, verdict and links')
    .option('--verbose', 'also print the details of each verdict')
    .option('--json', 'print as JSON')
    .action(async (id: string, options: { readonly json?: true; readonly verbose?: true }) => {
      const found = await context.api().call<RunJson>(`/runs/${id}`);
      terminal.out(options.json ? jsonText(found) : describeRun(found, terminal.outPaint, options));
    });

  run
    .command('watch <run>')
    .description('follow a run to its end')
    .option('--verbose', 'also print the details of each verdict')
    .option('--json', 'print the run as JSON at the end')
    .action(async (id: string, options: { readonly json?: true; readonly verbose?: true }) => {
      finish(showEnd(context, await watchRun(context, id), options.json, options));
    });

  run
    .command('logs <run>')
    .description('what its training job wrote')
    .action(async (id: string) => terminal.out(await context.api().text(`/runs/${id}/logs`)));

  run
    .command('trials <run>')
    .description('the trials of its tuning study: parameters, metric, how each ended')
    .option('--limit <n>', 'at most so many', wholeNumber(1), 1000)
    .option('--json', 'print as JSON')
    .action(async (id: string, options: { readonly limit: number; readonly json?: true }) => {
      const trials = await context.api().list<TrialJson>(`/runs/${id}/trials`, options.limit);
      const from = trials.find((trial) => trial.run !== id)?.run;
      if (from !== undefined) terminal.say(`reused from ${from}`);
      if (options.json) terminal.out(jsonText(trials));
      else if (trials.length > 0) terminal.out(describeTrials(trials, terminal.outPaint));
      else terminal.say(`no trial of ${id} has begun; ${terminal.paint.dim('next:')} perennial run watch ${id}`);
    });

  run
    .command('calls <run>')
    .description('what its stages asked of language models, and what it cost')
    .option('--json', 'print as JSON')
    .action(async (id: string, { json }: { readonly json?: true }) => {
      const { stages } = await context.api().call<{ readonly stages: readonly StageCallsJson[] }>(`/runs/${id}/calls`);
      showList(terminal, {
        items: stages,
        json,
        columns: ['STAGE', 'ANSWERED', 'FAILED', 'REQUESTS', 'TOKENS', 'COST', 'UNSETTLED'],
        row: ({ stage, answered, failed, requests, promptTokens, completionTokens, usd, unsettled }) => [
          stage,
          String(answered),
          String(failed),
          String(requests),
          `${promptTokens} + ${completionTokens}`,
          `$${usd.toFixed(4)}`,
          unsettled.requestIds.length === 0 ? '' : `${unsettled.requestIds.length}, at most $${unsettled.usd.toFixed(4)}`,
        ],
        none: { what: `${id} asked nothing of a language model, or all of it had been paid before`, next: `perennial run show ${id}` },
      });
    });

  runCasesCommand(run, context);

  run
    .command('compare <runs...>')
    .description('parameters, metrics and times side by side')
    .option('--json', 'print as JSON')
    .action(async (ids: readonly string[], options: { readonly json?: true }) => {
      const compared = await context.api().call<RunComparisonJson>(`/runs/compare?ids=${ids.join(',')}`);
      terminal.out(options.json ? jsonText(compared) : describeComparison(compared));
    });

  for (const verb of ['cancel', 'pause', 'resume'] as const) {
    run
      .command(`${verb} <run>`)
      .description(descriptions[verb])
      .option('--reason <text>')
      .action(async (id: string, options: { readonly reason?: string }) => {
        const answer = await context
          .api()
          .call<{ status: string }>(`/runs/${id}/${verb}`, { method: 'POST', body: pick(options, ['reason']) });
        terminal.say(`${id} ${outcomes[verb](answer.status)}`);
      });
  }

  for (const verb of ['approve', 'reject'] as const) {
    run
      .command(`${verb} <run>`)
      .description(descriptions[verb])
      .option('--comment <text>')
      .action(async (id: string, options: { readonly comment?: string }) => {
        await context.api().call(`/runs/${id}/${verb}`, { method: 'POST', body: pick(options, ['comment']) });
        terminal.say(`${id}: ${verb} recorded`);
      });
  }

  run
    .command('rerun <run>')
    .description('a new run with the earlier stages of this one')
    .option('--from <stage>', 'the first stage to run again; else the one that it ended in')
    .option('--reason <text>')
    .option('--wait', 'follow the run to its end')
    .option('--json', 'print the run as JSON')
    .action(
      async (id: string, options: { readonly from?: string; readonly reason?: string; readonly wait?: true; readonly json?: true }) => {
        const api = context.api();
        const fromStage = options.from ?? firstAgain(await api.call<RunJson>(`/runs/${id}`));
        const body = { fromStage, ...pick(options, ['reason']) };
        const started = await api.call<RunJson>(`/runs/${id}/rerun`, {
          method: 'POST',
          headers: { 'idempotency-key': randomUUID() },
          body,
        });
        terminal.say(`${started.id} reruns ${id} from ${fromStage}`);
        if (options.wait) finish(showEnd(context, await watchRun(context, started.id), options.json));
        else terminal.out(options.json ? jsonText(started) : started.id);
      },
    );
}

const descriptions = {
  cancel: 'end a run and undo what it did',
  pause: 'hold a run before its next stage',
  resume: 'let a paused run go on',
  approve: 'say yes to a promotion that waits for approval',
  reject: 'say no to it',
};

/** What a command did, by the state in which it found the run. */
const outcomes: Readonly<Record<'cancel' | 'pause' | 'resume', (status: string) => string>> = {
  cancel: (status) => (isFinal(status as RunStatus) ? `has ended already: it is ${status}` : 'is being cancelled'),
  pause: (status) => (status === 'paused' ? 'is paused' : 'pauses before its next stage'),
  resume: (status) => (status === 'paused' || status === 'running' ? 'goes on' : `was not paused: it is ${status}`),
};

/** Where a run ended. What a canary or a promotion refused is judged anew: the champion may be another one now. */
function firstAgain({ stages }: RunJson): string {
  const ended = stages.find(({ status }) => status !== 'succeeded')?.name ?? stages[0]?.name ?? modelStages[0];
  return ['canary', 'promote'].includes(ended) ? 'evaluate' : ended;
}

function showEnd({ terminal }: CliContext, run: RunJson, json: true | undefined, verbosity: Verbosity = {}) {
  terminal.out(json ? jsonText(run) : describeRun(run, terminal.outPaint, verbosity));
  return exitCodeOf(run);
}

function requestOf({ until, param = [], cache, reason }: StartOptions): Record<string, unknown> {
  const params = paramsOf(param);
  return {
    ...(until === undefined ? {} : { until }),
    ...(param.length === 0 ? {} : { params }),
    ...(cache ? {} : { cache: false }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function pick<T extends object>(from: T, keys: readonly (keyof T & string)[]): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, String(from[key])]])));
}
