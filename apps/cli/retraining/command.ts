import type { Command } from 'commander';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { describeRetraining } from './view';

export function retrainingCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  program
    .command('retraining')
    .description('Show what starts automatic runs and what holds them')
    .command('show <lifecycle>')
    .description('Show the triggers of a lifecycle, and its cool-down, back-off, hold and budget')
    .option('--json', 'Print as JSON')
    .action(async (lifecycle: string, { json }: { readonly json?: true }) => {
      const found = await context
        .api()
        .call('GET /lifecycles/{name}/retraining', { path: { name: lifecycle } });
      terminal.out(json ? jsonText(found) : describeRetraining(found, terminal.outPaint));
    });
}
