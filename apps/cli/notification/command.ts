import type { Command } from 'commander';
import type { WebhookDelivery } from '../../../db/webhook/repository';
import { deliveryStatuses } from '../../../domain/notification/notification';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';

export function webhookCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const webhook = program
    .command('webhook')
    .description('Show and repeat deliveries of notifications');

  webhook
    .command('list <lifecycle>')
    .description('List the deliveries of a lifecycle, newest first')
    .addOption(
      program
        .createOption('--status <status>', 'Only deliveries with this status')
        .choices(deliveryStatuses),
    )
    .option('--limit <n>', 'Maximum number of deliveries', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(
      async (
        lifecycle: string,
        {
          status,
          limit,
          json,
        }: {
          readonly status?: (typeof deliveryStatuses)[number];
          readonly limit: number;
          readonly json?: true;
        },
      ) => {
        showList(terminal, {
          items: await context
            .api()
            .list(
              'GET /lifecycles/{name}/deliveries',
              { path: { name: lifecycle }, query: { status } },
              limit,
            ),
          json,
          columns: ['DELIVERY', 'EVENT', 'SUBJECT', 'TARGET', 'STATUS', 'ATTEMPTS', 'LAST'],
          row: (each) => [
            each.id,
            each.event,
            each.subject,
            `${each.target} ${describeReceiver(each)}`,
            each.status,
            String(each.attempts.length),
            describeLast(each),
          ],
          none: {
            what: 'no deliveries',
            next: `add notify to the lifecycle file of ${lifecycle}, then perennial lifecycle apply`,
          },
        });
      },
    );

  webhook
    .command('redeliver <delivery>')
    .description('Send a delivery again now')
    .option('--target <n>', 'Only to this target, by its number in the list', wholeNumber(1, 20))
    .action(async (id: string, { target }: { readonly target?: number }) => {
      await context
        .api()
        .call('POST /deliveries/{id}/redeliver', { path: { id }, query: { target } });
      terminal.say(`${id} is queued for delivery`);
    });
}

/** The host of a webhook; otherwise the channel with its addresses or the name of its secret. */
function describeReceiver({ channel, url }: Pick<WebhookDelivery, 'channel' | 'url'>): string {
  return channel === 'webhook' ? new URL(url).host : url;
}

function describeLast({
  attempts,
  status,
  dueAt,
}: Pick<WebhookDelivery, 'attempts' | 'status' | 'dueAt'>): string {
  const last = attempts.at(-1);
  if (!last) return '';
  if (last.error === null) return `${last.status ?? ''} in ${last.milliseconds} ms`;
  return status === 'pending' ? `${last.error}; next attempt ${dueAt}` : last.error;
}
