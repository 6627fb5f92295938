import type { Command } from 'commander';
import type { WebhookDelivery } from '../../../db/repositories/webhooks';
import { deliveryStatuses } from '../../../domain/notification';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';

export function webhookCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const webhook = program.command('webhook').description('what the webhooks of a lifecycle were told');

  webhook
    .command('list <lifecycle>')
    .description('deliveries, newest first')
    .addOption(program.createOption('--status <status>', 'only such').choices(deliveryStatuses))
    .option('--limit <n>', 'at most so many', wholeNumber(1), 50)
    .option('--json', 'print as JSON')
    .action(
      async (lifecycle: string, { status, limit, json }: { readonly status?: string; readonly limit: number; readonly json?: true }) => {
        const query = status === undefined ? '' : `?status=${status}`;
        showList(terminal, {
          items: await context.api().list<WebhookDelivery>(`/lifecycles/${lifecycle}/deliveries${query}`, limit),
          json,
          columns: ['DELIVERY', 'EVENT', 'SUBJECT', 'TARGET', 'STATUS', 'ATTEMPTS', 'LAST'],
          row: (each) => [
            each.id,
            each.event,
            each.subject,
            `${each.target} ${new URL(each.url).host}`,
            each.status,
            String(each.attempts.length),
            lastOf(each),
          ],
          none: { what: 'nothing was told', next: `a notify in ${lifecycle}'s file, and perennial lifecycle apply` },
        });
      },
    );

  webhook
    .command('redeliver <delivery>')
    .description('tell it again, now')
    .option('--target <n>', 'only this target, as the list names it', wholeNumber(1, 20))
    .action(async (id: string, { target }: { readonly target?: number }) => {
      await context.api().call(`/deliveries/${id}/redeliver${target === undefined ? '' : `?target=${target}`}`, { method: 'POST' });
      terminal.say(`${id} is told again`);
    });
}

function lastOf({ attempts, status, dueAt }: Pick<WebhookDelivery, 'attempts' | 'status' | 'dueAt'>): string {
  const last = attempts.at(-1);
  if (!last) return '';
  if (last.error === null) return `${last.status ?? ''} in ${last.milliseconds} ms`;
  return status === 'pending' ? `${last.error}; again ${dueAt}` : last.error;
}
