import { Option, type Command } from 'commander';
import { costGroups, type CostGroup } from '../../../domain/cost/report';
import type { CliContext } from '../context';
import { showList } from '../list-view';

interface ReportOptions {
  readonly by: CostGroup;
  readonly from?: string;
  readonly to?: string;
  readonly run?: string;
  readonly json?: true;
}

export function costCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  program
    .command('cost')
    .description('Show what jobs cost')
    .command('report')
    .description('Show what jobs reserved and used, in CPU-hours and US dollars')
    .addOption(
      new Option('--by <group>', 'Add up by this property; tenant needs a platform administrator')
        .choices(costGroups)
        .default('run'),
    )
    .option('--from <time>', 'Only jobs that reserved at this time or later, such as 2026-11-01')
    .option('--to <time>', 'Only jobs that reserved before this time')
    .option('--run <run>', 'Only jobs of this run')
    .option('--json', 'Print as JSON')
    .action(async ({ by, from, to, run, json }: ReportOptions) => {
      const query = {
        by,
        ...(from !== undefined && { from: parseInstant(from) }),
        ...(to !== undefined && { to: parseInstant(to) }),
        ...(run !== undefined && { run }),
      };
      const { items, isComplete } = await context.api().call('GET /costs', { query });
      showList(terminal, {
        items,
        json,
        columns: [by.toUpperCase(), 'JOBS', 'CPU-HOURS', 'USD', 'RESERVED', 'RESERVED USD'],
        row: (row) => [
          row.key,
          String(row.jobs),
          hours(row.usedCpuHours),
          row.unpriced === row.jobs ? 'no price' : money(row.usedUsd),
          hours(row.reservedCpuHours),
          money(row.reservedUsd),
        ],
        none: { what: 'no job has reserved anything in that time', next: 'perennial run list' },
      });
      if (!isComplete)
        terminal.say(
          `these are the ${items.length} most recent rows, and there are more; ` +
            `${terminal.paint.dim('next:')} limit the time with --from and --to`,
        );
    });
}

/** A day means its start in UTC. */
function parseInstant(text: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
}

function hours(value: number): string {
  return value === 0 ? '0' : value.toPrecision(3);
}

function money(value: number): string {
  return value === 0 ? '0' : value.toFixed(4);
}
