import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { RunPriority } from '../../../domain/run/fair-share';
import type { CliContext } from '../context';
import type { Finish } from '../finish';
import { jsonText } from '../harmless';
import { parseParams } from '../params';
import { watchRun } from '../watch';
import { priorityOption } from './priority-option';
import { showEnd } from './view';
import { describeChanges, describeRerunPlan } from './rerun-view';

interface RerunOptions {
  readonly from?: string;
  readonly force?: readonly string[];
  readonly param?: readonly string[];
  readonly until?: string;
  readonly revision?: string;
  readonly reason?: string;
  readonly priority?: RunPriority;
  readonly idempotencyKey?: string;
  readonly dryRun?: true;
  readonly wait?: true;
  readonly json?: true;
}

export function rerunCommand(run: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  run
    .command('rerun <run>')
    .description('Start a new run that reuses the earlier stages of this one')
    .option(
      '--from <stage>',
      'First stage to run again, with all later ones (default: the first one that failed or whose inputs change)',
    )
    .option(
      '--force <stage...>',
      'Run this stage even if its inputs are unchanged; others are reused by their inputs',
    )
    .option('--param <name=value...>', 'Change a training parameter; the value is JSON or text')
    .option('--until <time>', 'Change the end of the data window (RFC 3339)')
    .option(
      '--revision <revision>',
      'latest, or the number or digest of a revision (default: the revision of the run)',
    )
    .option('--reason <text>', 'Reason, for the audit log')
    .addOption(priorityOption('that of the run'))
    .option(
      '--idempotency-key <key>',
      'Idempotency key; starting twice with the same key makes one run',
    )
    .option('--dry-run', 'Show what would be reused and run; start nothing')
    .option('--wait', 'Follow the run to its end')
    .option('--json', 'Print as JSON')
    .action(async (id: string, options: RerunOptions) => {
      const api = context.api();
      const body = buildBody(options);
      if (options.dryRun) {
        const plan = await api.call('POST /runs/{id}/rerun/plan', { path: { id }, body });
        terminal.out(options.json ? jsonText(plan) : describeRerunPlan(plan));
        return;
      }
      const started = await api.call('POST /runs/{id}/rerun', {
        path: { id },
        headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
        body,
      });
      const { fromStage } = started.request as { readonly fromStage?: string };
      terminal.say(
        [
          `${started.id} reruns ${id} from ${fromStage ?? 'the first changed stage'}`,
          ...describeChanges(started.rerunOf?.changes ?? []),
        ].join('\n  '),
      );
      if (options.wait) finish(showEnd(context, await watchRun(context, started.id), options.json));
      else terminal.out(options.json ? jsonText(started) : started.id);
    });
}

function buildBody({ from, force, param, until, revision, reason, priority }: RerunOptions) {
  return {
    ...(from === undefined ? {} : { fromStage: from }),
    ...(force === undefined ? {} : { force }),
    ...(param === undefined ? {} : { params: parseParams(param) }),
    ...(until === undefined ? {} : { until }),
    ...(revision === undefined ? {} : { revision: parseRevision(revision) }),
    ...(reason === undefined ? {} : { reason }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** A number is that revision. The API explains what any other text must be. */
function parseRevision(text: string): number | string {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : text;
}
