import { Argument, Option, type Command } from 'commander';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { amount } from '../numbers';

export function budgetCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const budget = program
    .command('budget')
    .description('Show and set spending limits for language models');

  budget
    .command('list')
    .description('List the budgets of the tenant and its providers')
    .option('--json', 'Print as JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const { items } = await context.api().call('GET /budgets');
      showList(terminal, {
        items,
        json,
        columns: ['SCOPE', 'UNIT', 'LIMIT', 'SPENT', 'UNDER WAY'],
        row: ({ scope, unit, limit, spent, reserved }) => [
          scope,
          unit,
          String(limit),
          String(spent),
          String(reserved),
        ],
        none: {
          what: 'no budget is set, so spending is not limited',
          next: 'perennial budget set tenant 100',
        },
      });
    });

  budget
    .command('set <scope>')
    .description(
      'Set the total spending limit of tenant or provider/<name>; a limit below the amount spent refuses further requests',
    )
    .addArgument(new Argument('<limit>', 'Limit, such as 100').argParser(amount))
    .addOption(
      new Option('--unit <unit>', 'Unit of the limit').choices(['usd', 'tokens']).default('usd'),
    )
    .action(async (scope: string, limit: number, { unit }: { readonly unit: 'usd' | 'tokens' }) => {
      const set = await context.api().call('PUT /budgets', { body: { scope, unit, limit } });
      terminal.say(`${set.scope}: ${set.limit} ${set.unit}, ${set.spent} spent`);
    });
}
