import type { Command } from 'commander';
import { incidentStatuses, type IncidentStatus } from '../../../domain/incident/incident';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';
import { describeIncident } from './view';

interface IncidentListOptions {
  readonly model?: string;
  readonly status?: IncidentStatus;
  readonly limit: number;
  readonly json?: true;
}

export function incidentCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const incident = program.command('incident').description('Show and handle incidents');

  incident
    .command('list')
    .description('List incidents, newest first')
    .option('--model <model>', 'Only incidents of this model')
    .addOption(
      program
        .createOption('--status <status>', 'Only incidents with this status')
        .choices(incidentStatuses),
    )
    .option('--limit <n>', 'Maximum number of incidents', wholeNumber(1), 50)
    .option('--json', 'Print as JSON')
    .action(async ({ model, status, limit, json }: IncidentListOptions) => {
      showList(terminal, {
        items: await context.api().list('GET /incidents', { query: { model, status } }, limit),
        json,
        columns: ['INCIDENT', 'MODEL', 'KIND', 'SEVERITY', 'STATUS', 'OPENED', 'TITLE'],
        row: (each) => [
          each.id,
          each.model ?? '-',
          each.kind,
          each.severity,
          each.status,
          each.openedAt,
          each.title,
        ],
        none: { what: 'no incidents' },
      });
    });

  incident
    .command('show <incident>')
    .description('Show an incident: what changed, since when, and what waits for a person')
    .option('--json', 'Print as JSON')
    .action(async (id: string, { json }: { readonly json?: true }) => {
      const found = await context.api().call('GET /incidents/{id}', { path: { id } });
      terminal.out(json ? jsonText(found) : describeIncident(found));
    });

  incident
    .command('ack <incident>')
    .description('Acknowledge an incident, which stops its escalation')
    .option('--reason <text>', 'Reason, for the audit log', 'acknowledged')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const { status } = await context
        .api()
        .call('POST /incidents/{id}/acknowledge', { path: { id }, body: { reason } });
      terminal.say(`${id} is ${status}`);
    });

  incident
    .command('resolve <incident>')
    .description('Resolve an incident; the same cause opens a new one')
    .requiredOption('--reason <text>', 'Why it is resolved, for the audit log')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const { status } = await context
        .api()
        .call('POST /incidents/{id}/resolve', { path: { id }, body: { reason } });
      terminal.say(`${id} is ${status}`);
    });
}
