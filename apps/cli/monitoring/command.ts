import type { Command } from 'commander';
import { count } from '../../../domain/format';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { showList } from '../list-view';
import { describeMonitor } from './view';
import { watchMonitor } from './watch';

interface ShowOptions {
  readonly watch?: true;
  readonly verbose?: true;
  readonly json?: true;
}

export function monitorCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const monitor = program
    .command('monitor')
    .description('Show drift, live quality and alarms of champions');

  monitor
    .command('list')
    .description('List the monitors of champions')
    .option('--json', 'Print as JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const items = await context.api().list('GET /monitors');
      showList(terminal, {
        items,
        json,
        columns: ['MODEL', 'VERSION', 'STATUS', 'REQUESTS', 'LABELS', 'ALARMS', 'EVENT TIME'],
        row: ({ model, version, status, rows, labels, alarms, eventNow }) => [
          model,
          `@${version}`,
          status,
          count(rows),
          count(labels),
          String(alarms.length),
          eventNow ?? '-',
        ],
        none: { what: 'no model is monitored', next: 'perennial run start <lifecycle>' },
      });
    });

  monitor
    .command('show <model>')
    .description(
      'Show live quality, drift by feature, data quality, service and alarms of a champion',
    )
    .option('--watch', 'Follow it until you press Ctrl-C')
    .option(
      '--verbose',
      'Also print the tests of the quality, limits of jumps, and the shares of each bin',
    )
    .option('--json', 'Print as JSON; with --watch one object per line')
    .action(async (model: string, { watch, json, ...options }: ShowOptions) => {
      const verbose = options.verbose === true;
      if (watch) return watchMonitor(context, { model, verbose, json: json ?? false });
      const found = await context.api().call('GET /monitors/{model}', { path: { model } });
      const page = { columns: terminal.columns, rows: 10 };
      terminal.out(
        json ? jsonText(found) : describeMonitor(found, page, terminal.outPaint, { verbose }),
      );
    });
}
