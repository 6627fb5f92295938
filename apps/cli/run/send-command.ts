import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';

interface SendOptions {
  readonly data: string;
  readonly idempotencyKey?: string;
  readonly json?: true;
}

export function sendCommand(run: Command, context: CliContext): void {
  run
    .command('send <run> <event>')
    .description('Send an event that the run waits for, or will wait for')
    .option('--data <json>', 'Data of the event as JSON; default null', 'null')
    .option(
      '--idempotency-key <key>',
      'Idempotency key; sending twice with the same key sends one event',
    )
    .option('--json', 'Print the event as JSON')
    .action(async (id: string, event: string, options: SendOptions) => {
      const sent = await context.api().call('POST /runs/{id}/events', {
        path: { id },
        headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
        body: { event, data: parseData(options.data) },
      });
      if (options.json) context.terminal.out(jsonText(sent));
      else context.terminal.say(`${id}: event ${event} sent as ${sent.id}`);
    });
}

function parseData(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CliError(`--data is not JSON: ${(error as Error).message}`, 2);
  }
}
