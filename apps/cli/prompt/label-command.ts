import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { versionNumber } from '../numbers';
import { jsonText } from '../harmless';

interface LabelApprovalOptions {
  readonly reason?: string;
  readonly selfApprove?: string;
}

/** Commands that move a label, or approve its move. */
export function promptLabelCommands(prompt: Command, context: CliContext): void {
  const { terminal } = context;

  prompt
    .command('approve')
    .description(
      'Approve a version, which the label production requires; not allowed for its author',
    )
    .argument('<prompt>')
    .argument('<version>', 'Version number', versionNumber)
    .option('--reason <text>', 'Reason, for the audit log (required without --self-approve)')
    .option(
      '--self-approve <reason>',
      'Approve your own version; for an admin without colleagues, recorded in the audit log',
    )
    .action(async (name: string, version: number, options: LabelApprovalOptions) => {
      const { selfApprove, reason = selfApprove } = options;
      if (reason === undefined) throw new CliError('approve requires --reason', 2);
      const headers = { 'idempotency-key': randomUUID() };
      await context.api().call('POST /prompts/{prompt}/versions/{version}/approve', {
        path: { prompt: name, version },
        headers,
        body: { reason, selfApprove: selfApprove !== undefined },
      });
      terminal.say(`${name}@${version} is approved`);
    });

  prompt
    .command('label')
    .description('Point a label at a version')
    .argument('<prompt>')
    .argument('<label>', 'Label, such as staging or production')
    .argument('<version>', 'Version number', versionNumber)
    .requiredOption('--reason <text>', 'Reason, for the audit log (required)')
    .action(
      async (
        name: string,
        label: string,
        version: number,
        { reason }: { readonly reason: string },
      ) => {
        const api = context.api();
        const path = { prompt: name, label };
        const etag = await api.etag('GET /prompts/{prompt}/labels/{label}', { path });
        const headers = { 'if-match': etag, 'idempotency-key': randomUUID() };
        await api.call('PUT /prompts/{prompt}/labels/{label}', {
          path,
          headers,
          body: { version, reason },
        });
        terminal.say(`${name}@${label} is now version ${version}`);
      },
    );

  prompt
    .command('rollback <prompt> <label>')
    .description('Point a label at its previous version, or at a named earlier one')
    .option(
      '--to <version>',
      'Version to return to; the label must have pointed at it before',
      versionNumber,
    )
    .option('--reason <text>', 'Reason, for the audit log')
    .option('--json', 'Print as JSON')
    .action(
      async (
        name: string,
        label: string,
        options: { readonly to?: number; readonly reason?: string; readonly json?: true },
      ) => {
        const { to, reason } = options;
        const body = {
          ...(to === undefined ? {} : { to }),
          ...(reason === undefined ? {} : { reason }),
        };
        const moved = await context.api().call('POST /prompts/{prompt}/labels/{label}/rollback', {
          path: { prompt: name, label },
          headers: { 'idempotency-key': randomUUID() },
          body,
        });
        terminal.say(`${name}@${label}: ${moved.from} → ${moved.to}`);
        if (options.json) terminal.out(jsonText(moved));
      },
    );
}
