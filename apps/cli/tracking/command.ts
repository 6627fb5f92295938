import type { Command } from 'commander';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';

interface ListOptions {
  readonly limit: number;
  readonly json?: true;
}

export function experimentCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const experiment = program
    .command('experiment')
    .description('Show experiments that scripts logged through MLflow');

  experiment
    .command('list')
    .description('List experiments, newest first')
    .option('--limit <n>', 'Maximum number of experiments', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(async ({ limit, json }: ListOptions) => {
      showList(terminal, {
        items: await context.api().list('GET /experiments', {}, limit),
        json,
        columns: ['ID', 'NAME', 'CREATED'],
        row: ({ id, name, createdAt }) => [id, name, createdAt],
        none: { what: 'no experiments yet' },
      });
    });

  experiment
    .command('show <experiment>')
    .description('List the tracked runs of an experiment (id or name), newest first')
    .option('--limit <n>', 'Maximum number of tracked runs', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(async (id: string, { limit, json }: ListOptions) => {
      const path = { id };
      showList(terminal, {
        items: await context.api().list('GET /experiments/{id}/runs', { path }, limit),
        json,
        columns: ['RUN', 'NAME', 'STATUS', 'STARTED', 'METRICS'],
        row: ({ id: run, name, status, startedAt, metrics }) => [
          run,
          name,
          status,
          startedAt,
          metricsText(metrics),
        ],
        none: { what: `the experiment ${id} has no tracked runs yet` },
      });
    });
}

function metricsText(metrics: Readonly<Record<string, number | null>>): string {
  const each = Object.entries(metrics).map(
    ([key, value]) => `${key} ${value === null ? 'not finite' : Number(value.toPrecision(3))}`,
  );
  const shown = each.slice(0, 3).join(', ');
  return each.length > 3 ? `${shown}, and ${each.length - 3} more` : shown;
}
