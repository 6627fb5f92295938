import type { Command } from 'commander';
import { stringify } from 'yaml';
import { valueAt } from '../../../domain/document/path';
import { nameField } from '../../../domain/document/field.schema';
import { openLifecycle, parseLifecycle } from '../../../domain/lifecycle/document';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { toDocument } from '../../../domain/lifecycle/plan';
import { looseningText } from '../../../domain/lifecycle/loosenings';
import { gateOutlooks } from '../../../domain/lifecycle/llm/gate-outlook';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import type { LifecycleFolder } from './folder';
import { readLifecycleFolder } from './folder';
import { checkHere, lifecycleErrors } from './check';
import { showList } from '../list-view';
import { versionNumber } from '../numbers';
import { jsonText } from '../harmless';
import type { PendingJson } from '../../api/lifecycle/view';
import { lifecycleArchiveCommands } from './archive-command';
import { lifecycleInitCommand } from './init-command';

interface ApproveOptions {
  readonly revision: number;
  readonly reason?: string;
  readonly selfApprove?: string;
}

export function lifecycleCommands(program: Command, context: CliContext): void {
  const { terminal, settings } = context;
  const lifecycle = program.command('lifecycle').description('Create, check and apply lifecycles');
  const warn = ({ warnings }: { readonly warnings: readonly string[] }): void => {
    for (const line of warnings) terminal.say(terminal.paint.yellow(`warning: ${line}`));
  };

  lifecycleInitCommand(lifecycle, context);
  lifecycleArchiveCommands(lifecycle, context);

  lifecycle
    .command('validate <folder>')
    .description('Check a lifecycle and its data on this machine, without the platform')
    .action(async (given: string) => {
      const folder = readLifecycleFolder(settings.cwd, given);
      const { spec, notes } = await checkHere(folder, settings);
      warn({ warnings: notes });
      terminal.say(`${spec.name}: valid`);
      if (spec.kind === 'LlmLifecycle')
        for (const line of gateOutlooks(spec, folder.files)) terminal.say(`  ${line}`);
    });

  lifecycle
    .command('plan <folder>')
    .description('Show what applying would change, and which stages would run again')
    .option('--json', 'Print as JSON')
    .action(async (given: string, options: { readonly json?: true }) => {
      const folder = readLifecycleFolder(settings.cwd, given);
      const name = nameIn(folder);
      const plan = await context
        .api()
        .call('POST /lifecycles/{name}/plan', { path: { name }, body: folder });
      terminal.out(
        options.json ? jsonText(plan) : [...plan.lines, ...formatDiffs(plan.diffs)].join('\n'),
      );
      warn(plan);
    });

  lifecycle
    .command('apply <folder>')
    .description(
      'Apply a lifecycle; a revision that loosens the policy needs an approver first (exit 3)',
    )
    .option(
      '--self-approve <reason>',
      'Approve your own loosening of the policy; for an admin without colleagues, recorded in the audit log',
    )
    .option('--json', 'Print as JSON')
    .action(
      async (given: string, options: { readonly json?: true; readonly selfApprove?: string }) => {
        const folder = readLifecycleFolder(settings.cwd, given);
        const name = nameIn(folder);
        const applied = await context
          .api()
          .call('PUT /lifecycles/{name}', { path: { name }, body: folder });
        const revision = `${name}: revision ${applied.revision} (${applied.digest.slice(0, 19)})`;
        if (options.json) terminal.out(jsonText(applied));
        warn(applied);
        if (applied.state !== 'pending') {
          terminal.say(`${revision} ${applied.changed ? 'applied' : 'is unchanged'}`);
          return;
        }
        terminal.say(`${revision} loosens the policy or changes what the gates judge:`);
        for (const each of applied.loosenings) terminal.say(`  ${looseningText(each)}`);
        for (const line of formatDiffs(applied.diffs)) terminal.say(line);
        if (options.selfApprove === undefined) {
          const next = `perennial lifecycle approve ${name} --revision ${applied.revision} --reason "<why>"`;
          throw new CliError(
            `${name}: revision ${applied.revision} waits for an approver other than its author`,
            3,
            next,
          );
        }
        const body = { reason: options.selfApprove, selfApprove: true };
        const { pending } = await context
          .api()
          .call('POST /lifecycles/{name}/revisions/{revision}/approve', {
            path: { name, revision: applied.revision },
            body,
          });
        terminal.say(
          pending
            ? approvalsLine(name, pending)
            : `${name}: revision ${applied.revision} is in force, approved by its author; it ends in 7 days unless another approver confirms it`,
        );
      },
    );

  lifecycle
    .command('approve <name>')
    .description('Approve a revision that loosens the policy; not allowed for its author')
    .requiredOption(
      '--revision <number>',
      'Pending revision, from `perennial lifecycle show`',
      versionNumber,
    )
    .option('--reason <text>', 'Reason, for the audit log (required without --self-approve)')
    .option(
      '--self-approve <reason>',
      'Approve your own revision; for an admin without colleagues, recorded in the audit log',
    )
    .action(async (name: string, options: ApproveOptions) => {
      const { revision, selfApprove, reason = selfApprove } = options;
      if (reason === undefined) throw new CliError('approve requires --reason', 2);
      const body = { reason, selfApprove: selfApprove !== undefined };
      const { pending } = await context
        .api()
        .call('POST /lifecycles/{name}/revisions/{revision}/approve', {
          path: { name, revision },
          body,
        });
      terminal.say(
        pending ? approvalsLine(name, pending) : `${name}: revision ${revision} is in force`,
      );
    });

  lifecycle
    .command('reject <name>')
    .description('Discard a revision that waits for an approver')
    .requiredOption(
      '--revision <number>',
      'Pending revision, from `perennial lifecycle show`',
      versionNumber,
    )
    .requiredOption('--reason <text>', 'Reason, for the audit log (required)')
    .action(
      async (
        name: string,
        { revision, reason }: { readonly revision: number; readonly reason: string },
      ) => {
        await context.api().call('POST /lifecycles/{name}/revisions/{revision}/reject', {
          path: { name, revision },
          body: { reason },
        });
        terminal.say(`${name}: revision ${revision} is discarded`);
      },
    );

  lifecycle
    .command('list')
    .description('List applied lifecycles by name')
    .option('--archived', 'List archived lifecycles instead')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true; readonly archived?: true }) => {
      const items = await context
        .api()
        .list('GET /lifecycles', { query: { archived: options.archived && 'true' } });
      showList(terminal, {
        items,
        json: options.json,
        columns: ['LIFECYCLE', 'KIND', 'REVISION', 'OWNER', 'APPLIED'],
        row: (each) => [each.name, each.kind, String(each.revision), each.owner, each.updatedAt],
        none: options.archived
          ? { what: 'no lifecycle is archived', next: 'perennial lifecycle list' }
          : { what: 'no lifecycles yet', next: 'perennial lifecycle init <name>' },
      });
    });

  lifecycle
    .command('show <name>')
    .description('Print the applied revision, including its defaults')
    .option('--json', 'Print the stored revision as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const found = await context.api().call('GET /lifecycles/{name}', { path: { name } });
      if (!options.json) {
        terminal.say(`revision ${found.revision}, ${found.digest}`);
        if (found.archived)
          terminal.say(
            `archived at ${found.archived.at} by ${found.archived.by}: ${found.archived.reason}`,
          );
        for (const line of pendingLines(name, found.pending)) terminal.say(line);
      }
      terminal.out(
        options.json
          ? jsonText(found)
          : stringify(toDocument(found.spec as LifecycleSpec)).trimEnd(),
      );
    });
}

function pendingLines(name: string, pending: PendingJson | null | undefined): readonly string[] {
  if (!pending) return [];
  const { revision, proposedBy, proposedAt, loosenings } = pending;
  return [
    `revision ${revision} waits for an approver other than ${proposedBy}, who proposed it at ${proposedAt}; it loosens the policy or changes what the gates judge:`,
    ...loosenings.map((each) => `  ${looseningText(each)}`),
    ...formatDiffs(pending.diffs),
    approvalsLine(name, pending),
    `next: perennial lifecycle approve ${name} --revision ${revision} --reason "<why>"`,
  ];
}

function approvalsLine(
  name: string,
  {
    revision,
    approvals,
    required,
    role,
  }: Pick<PendingJson, 'revision' | 'approvals' | 'required' | 'role'>,
): string {
  return `${name}: revision ${revision} has ${approvals.length} of ${required} approvals (scope ${role})`;
}

function formatDiffs(diffs: PendingJson['diffs'] = []): readonly string[] {
  return diffs.flatMap(({ path, lines }) => [`  ${path}:`, ...lines.map((line) => `    ${line}`)]);
}

/** The name for the request to the API, which checks everything itself. */
function nameIn(given: LifecycleFolder): string {
  const parsed = parseLifecycle(given);
  if (parsed.ok) return parsed.spec.name;
  const written = openLifecycle(given);
  const name = nameField('').safeParse(
    valueAt(written.readable?.value ?? written.value, ['metadata', 'name']),
  );
  if (!name.success) throw lifecycleErrors(given, parsed.issues);
  return name.data;
}
