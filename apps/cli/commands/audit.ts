import type { Command } from 'commander';
import type { CliContext } from '../context';
import type { Finish } from '../main';
import { wholeNumber } from '../numbers';
import { showList } from '../list-view';
import { jsonText } from '../harmless';

interface AuditRowJson {
  readonly at: string;
  readonly actor: string;
  readonly keyId: string | null;
  readonly action: string;
  readonly subject: string;
  readonly cause: string;
  readonly sealedAs: number | null;
}

interface AuditReportJson {
  readonly rows: number;
  readonly batches: number;
  readonly unsealed: number;
  readonly findings: readonly { readonly kind: string; readonly sealedAs?: number; readonly batch?: number; readonly detail: string }[];
}

interface ListOptions {
  readonly subject?: string;
  readonly action?: string;
  readonly limit: number;
  readonly json?: true;
}

export function auditCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  const audit = program.command('audit').description('who changed what, and whether the record of it is whole');

  audit
    .command('list')
    .description('changes, newest first')
    .option('--subject <subject>', 'such as model:flight-delay or run:run_…')
    .option('--action <action>', 'such as alias.promote')
    .option('--limit <n>', 'at most so many', wholeNumber(1), 50)
    .option('--json', 'print as JSON')
    .action(async ({ subject, action, limit, json }: ListOptions) => {
      const query = new URLSearchParams({ ...(subject === undefined ? {} : { subject }), ...(action === undefined ? {} : { action }) });
      const items = await context.api().list<AuditRowJson>(`/audit?${query.toString()}`, limit);
      showList(terminal, {
        items,
        json,
        columns: ['WHEN', 'WHO', 'KEY', 'WHAT', 'OF', 'WHY', 'SEALED AS'],
        row: (row) => [
          row.at,
          row.actor,
          row.keyId ?? '',
          row.action,
          row.subject,
          row.cause,
          row.sealedAs === null ? '' : String(row.sealedAs),
        ],
        none: { what: 'no such changes', next: 'perennial audit list' },
      });
    });

  audit
    .command('verify')
    .description('look for rows that were changed, removed or rewritten since they were sealed; exit 1 when there are some')
    .option('--json', 'print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const report = await context.api().call<AuditReportJson>('/audit/verify');
      const places = report.findings.map(
        ({ kind, sealedAs, batch, detail }) =>
          `${kind} at ${sealedAs === undefined ? `batch ${batch ?? '?'}` : `row ${sealedAs}`}: ${detail}`,
      );
      const whole = `${report.rows} rows in ${report.batches} sealed batches are whole, and ${report.unsealed} wait to be sealed`;
      terminal.out(options.json ? jsonText(report) : places.length === 0 ? whole : places.join('\n'));
      finish(report.findings.length === 0 ? 0 : 1);
    });
}
