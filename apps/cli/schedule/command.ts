import type { Command } from 'commander';
import { formatSeconds } from '../../../domain/duration';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';
import type { ScheduleJson } from '../../api/schedule/view';

interface ScheduleOptions {
  readonly reason: string;
  readonly json?: true;
}

export function scheduleCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const schedule = program
    .command('schedule')
    .description('Show and control the schedules of lifecycles');
  const show = (found: ScheduleJson, json: true | undefined): void =>
    terminal.out(json ? jsonText(found) : describeSchedule(found));

  schedule
    .command('list')
    .description('List the schedules by the name of their lifecycle')
    .option('--limit <n>', 'Maximum number of schedules', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
      showList(terminal, {
        items: await context.api().list('GET /schedules', { query: {} }, limit),
        json,
        columns: ['LIFECYCLE', 'TIMES', 'STATE', 'NEXT'],
        row: ({ lifecycle, schedule: { cron, timezone }, paused, nextTimes }) => [
          lifecycle,
          `${cron} ${timezone}`,
          paused ? 'paused' : 'active',
          paused ? '' : (nextTimes[0] ?? ''),
        ],
        none: {
          what: 'no lifecycle has a schedule',
          next: 'add a section schedule to its spec and apply it',
        },
      });
    });

  schedule
    .command('show <lifecycle>')
    .description('Show past and next start times')
    .option('--json', 'Print as JSON')
    .action(async (lifecycle: string, options: { readonly json?: true }) => {
      show(
        await context.api().call('GET /schedules/{name}', { path: { name: lifecycle } }),
        options.json,
      );
    });

  for (const [action, description] of [
    ['trigger', 'Start a run now, with a data window that ends now'],
    ['pause', 'Pause the schedule'],
    ['resume', 'Resume the schedule'],
  ] as const) {
    schedule
      .command(`${action} <lifecycle>`)
      .description(description)
      .requiredOption('--reason <text>', 'Reason, for the audit log')
      .option('--json', 'Print as JSON')
      .action(async (lifecycle: string, { reason, json }: ScheduleOptions) => {
        show(
          await context.api().call(`POST /schedules/{name}/${action}`, {
            path: { name: lifecycle },
            body: { reason },
          }),
          json,
        );
      });
  }

  schedule
    .command('backfill <lifecycle>')
    .description('Start the scheduled runs between two past times, one after the other')
    .requiredOption('--from <time>', 'RFC 3339')
    .requiredOption('--to <time>', 'RFC 3339, not in the future')
    .requiredOption('--reason <text>', 'Reason, for the audit log')
    .option('--json', 'Print as JSON')
    .action(
      async (
        lifecycle: string,
        {
          from,
          to,
          reason,
          json,
        }: ScheduleOptions & { readonly from: string; readonly to: string },
      ) => {
        const body = { from, to, reason };
        show(
          await context
            .api()
            .call('POST /schedules/{name}/backfill', { path: { name: lifecycle }, body }),
          json,
        );
        terminal.say(`next: perennial run list --lifecycle ${lifecycle}`);
      },
    );
}

function describeSchedule({
  lifecycle,
  schedule,
  revision,
  paused,
  note,
  nextTimes,
  recent,
  running,
  skipped,
  url,
}: ScheduleJson): string {
  const { cron, timezone, overlap, catchupSeconds, jitterSeconds } = schedule;
  return [
    `${lifecycle}  ${cron}  ${timezone}${paused ? '  paused' : ''}${note === null ? '' : `  (${note})`}`,
    `  revision ${revision}; overlap ${overlap}, catch-up ${formatSeconds(catchupSeconds)}, jitter ${formatSeconds(jitterSeconds)}`,
    ...nextTimes.slice(0, 5).map((time) => `  next     ${time}`),
    ...running.map((workflowId) => `  running  ${workflowId}`),
    ...recent.slice(0, 5).map(({ takenAt, workflowId }) => `  taken    ${takenAt}  ${workflowId}`),
    ...skipped.flatMap(({ scheduledAt, cause }) => [
      `  skipped  ${scheduledAt}`,
      `           ${cause}`,
    ]),
    ...(url === null ? [] : [`  ${url}`]),
  ].join('\n');
}
