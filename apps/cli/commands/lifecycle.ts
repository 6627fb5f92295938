import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { formatIssue } from '../../../domain/issue-text';
import { valueAt } from '../../../domain/document-path';
import type { Issue } from '../../../domain/failure';
import { nameField } from '../../../domain/field.schema';
import { openLifecycle, parseLifecycle } from '../../../domain/lifecycle-document';
import { readPlacedLifecycle } from '../../../domain/placed-lifecycle-document';
import type { LifecycleSpec } from '../../../domain/lifecycle';
import { anyDocumentOf } from '../../../domain/lifecycle-plan';
import { looseningInWords, type Loosening } from '../../../domain/loosenings';
import { lifecycleTemplate } from '../../../domain/lifecycle-template';
import { gateOutlooks } from '../../../domain/llm/gate-outlook';
import { llmLifecycleTemplate } from '../../../domain/llm/llm-lifecycle-template';
import { openTrainerCatalog } from '../../../data/trainers/catalog';
import type * as LocalCheck from '../../../data/lifecycle/local-check';
import { CliError } from '../cli-error';
import type { CliContext, CliSettings } from '../context';
import type { LifecycleFolder } from '../lifecycle-folder';
import { readLifecycleFolder } from '../lifecycle-folder';
import { showList } from '../list-view';
import { versionNumber } from '../numbers';
import { noSuchTrainer } from '../trainer-name';
import { jsonText } from '../harmless';
import type { LifecycleJson, PendingJson } from '../../api/views/lifecycle';

interface Applied {
  readonly lifecycle: string;
  readonly revision: number;
  readonly digest: string;
  readonly changed: boolean;
  /** Absent from a platform that is older than this command. */
  readonly state?: 'inForce' | 'pending';
  readonly loosenings?: readonly Loosening[];
  readonly warnings: readonly string[];
}

interface Planned {
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

interface ApproveOptions {
  readonly revision: number;
  readonly reason?: string;
  readonly selfApprove?: string;
}

export function lifecycleCommands(program: Command, context: CliContext): void {
  const { terminal, settings } = context;
  const lifecycle = program.command('lifecycle').description('Create, check and apply lifecycles');
  // A platform that is older than this command says nothing of them.
  const warn = ({ warnings = [] }: { readonly warnings?: readonly string[] }): void => {
    for (const line of warnings) terminal.say(terminal.paint.yellow(`warning: ${line}`));
  };

  lifecycle
    .command('init <name>')
    .description('Write a starter lifecycle to ./<name>')
    .option('--trainer <name>', 'Trainer, from `perennial trainer list`', 'lightgbm')
    .option('--llm', 'Start a language application, with prompts, cases and a safety policy')
    .option('--index', 'With --llm: add documents and an index that answers are retrieved from')
    .action((name: string, { trainer, llm, index }: { readonly trainer: string; readonly llm?: true; readonly index?: true }) => {
      if (index && !llm) throw new CliError('--index requires --llm', 2, `perennial lifecycle init ${name} --llm --index`);
      const folder = resolve(settings.cwd, name);
      if (existsSync(folder)) throw new CliError(`${name} already exists; nothing was written`, 2);
      if (!llm) checkTrainer(settings.trainersDir, trainer);
      for (const [path, text] of Object.entries(
        llm ? llmLifecycleTemplate({ name, index: index === true }) : lifecycleTemplate({ name, trainer }),
      )) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
        terminal.say(`wrote ${name}/${path}`);
      }
      // The worker reads tables in the data folder of a lifecycle without further settings.
      if (!llm) mkdirSync(join(folder, 'data'));
      terminal.say(`next: edit ${name}/lifecycle.yaml, then perennial lifecycle validate ${name}`);
    });

  lifecycle
    .command('validate <folder>')
    .description('Check a lifecycle and its data on this machine, without the platform')
    .action(async (given: string) => {
      const folder = readLifecycleFolder(settings.cwd, given);
      const { spec, notes } = await checkHere(folder, settings);
      warn({ warnings: notes });
      terminal.say(`${spec.name}: valid`);
      if (spec.kind === 'LlmLifecycle') for (const line of gateOutlooks(spec, folder.files)) terminal.say(`  ${line}`);
    });

  lifecycle
    .command('plan <folder>')
    .description('Show what applying would change, and which stages would run again')
    .option('--json', 'Print as JSON')
    .action(async (given: string, options: { readonly json?: true }) => {
      const folder = readLifecycleFolder(settings.cwd, given);
      const name = nameIn(folder);
      const plan = await context.api().call<Planned>(`/lifecycles/${name}/plan`, { method: 'POST', body: folder });
      terminal.out(options.json ? jsonText(plan) : plan.lines.join('\n'));
      warn(plan);
    });

  lifecycle
    .command('apply <folder>')
    .description('Apply a lifecycle; a revision that loosens the policy needs an approver first (exit 3)')
    .option(
      '--self-approve <reason>',
      'Approve your own loosening of the policy; for an admin without colleagues, recorded in the audit log',
    )
    .option('--json', 'Print as JSON')
    .action(async (given: string, options: { readonly json?: true; readonly selfApprove?: string }) => {
      const folder = readLifecycleFolder(settings.cwd, given);
      const name = nameIn(folder);
      const applied = await context.api().call<Applied>(`/lifecycles/${name}`, { method: 'PUT', body: folder });
      const revision = `${name}: revision ${applied.revision} (${applied.digest.slice(0, 19)})`;
      if (options.json) terminal.out(jsonText(applied));
      warn(applied);
      if (applied.state !== 'pending') {
        terminal.say(`${revision} ${applied.changed ? 'applied' : 'is unchanged'}`);
        return;
      }
      terminal.say(`${revision} loosens the policy:`);
      for (const each of applied.loosenings ?? []) terminal.say(`  ${looseningInWords(each)}`);
      if (options.selfApprove === undefined) {
        const next = `perennial lifecycle approve ${name} --revision ${applied.revision} --reason "<why>"`;
        throw new CliError(`${name}: revision ${applied.revision} waits for an approver other than its author`, 3, next);
      }
      const body = { reason: options.selfApprove, selfApprove: true };
      await context.api().call(`/lifecycles/${name}/revisions/${applied.revision}/approve`, { method: 'POST', body });
      terminal.say(`${name}: revision ${applied.revision} is in force, approved by its author`);
    });

  lifecycle
    .command('approve <name>')
    .description('Approve a revision that loosens the policy; not allowed for its author')
    .requiredOption('--revision <number>', 'Pending revision, from `perennial lifecycle show`', versionNumber)
    .option('--reason <text>', 'Reason, for the audit log (required without --self-approve)')
    .option('--self-approve <reason>', 'Approve your own revision; for an admin without colleagues, recorded in the audit log')
    .action(async (name: string, options: ApproveOptions) => {
      const { revision, selfApprove, reason = selfApprove } = options;
      if (reason === undefined) throw new CliError('approve requires --reason', 2);
      const body = { reason, selfApprove: selfApprove !== undefined };
      await context.api().call(`/lifecycles/${name}/revisions/${revision}/approve`, { method: 'POST', body });
      terminal.say(`${name}: revision ${revision} is in force`);
    });

  lifecycle
    .command('reject <name>')
    .description('Discard a revision that waits for an approver')
    .requiredOption('--revision <number>', 'Pending revision, from `perennial lifecycle show`', versionNumber)
    .requiredOption('--reason <text>', 'Reason, for the audit log (required)')
    .action(async (name: string, { revision, reason }: { readonly revision: number; readonly reason: string }) => {
      await context.api().call(`/lifecycles/${name}/revisions/${revision}/reject`, { method: 'POST', body: { reason } });
      terminal.say(`${name}: revision ${revision} is discarded`);
    });

  lifecycle
    .command('list')
    .description('List applied lifecycles by name')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const items = await context.api().list<LifecycleJson>('/lifecycles');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['LIFECYCLE', 'KIND', 'REVISION', 'OWNER', 'APPLIED'],
        row: (each) => [each.name, each.kind, String(each.revision), each.owner, each.updatedAt],
        none: { what: 'no lifecycles yet', next: 'perennial lifecycle init <name>' },
      });
    });

  lifecycle
    .command('show <name>')
    .description('Print the applied revision, including its defaults')
    .option('--json', 'Print the stored revision as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const found = await context
        .api()
        .call<{ readonly revision: number; readonly digest: string; readonly spec: LifecycleSpec; readonly pending?: PendingJson | null }>(
          `/lifecycles/${name}`,
        );
      if (!options.json) {
        terminal.say(`revision ${found.revision}, ${found.digest}`);
        for (const line of pendingLines(name, found.pending)) terminal.say(line);
      }
      terminal.out(options.json ? jsonText(found) : stringify(anyDocumentOf(found.spec)).trimEnd());
    });
}

function pendingLines(name: string, pending: PendingJson | null | undefined): readonly string[] {
  if (!pending) return [];
  const { revision, proposedBy, proposedAt, loosenings } = pending;
  return [
    `revision ${revision} waits for an approver other than ${proposedBy}, who proposed it at ${proposedAt}; it loosens the policy:`,
    ...loosenings.map((each) => `  ${looseningInWords(each)}`),
    `next: perennial lifecycle approve ${name} --revision ${revision} --reason "<why>"`,
  ];
}

/** The platform's trainers may be others than this clone's, and it checks again; a name that neither has would be found only then. */
function checkTrainer(trainersDir: string, trainer: string): void {
  // One that fine-tunes language models makes no model of a table.
  const ofTables = openTrainerCatalog(trainersDir)
    .list()
    .filter(({ tasks }) => tasks.some((task) => task !== 'generation'));
  const known = ofTables.map(({ name }) => name);
  if (!known.includes(trainer)) throw noSuchTrainer(trainer, known);
}

/** The checks of the API, without the platform: sources are read from this machine, and only those that lie on it. */
async function checkHere(
  given: LifecycleFolder,
  settings: CliSettings,
): Promise<{ readonly spec: LifecycleSpec; readonly notes: readonly string[] }> {
  const { document, fileName, files, folder } = given;
  const placed = readPlacedLifecycle({ document, fileName, files, folder });
  // Only commands that check a lifecycle load DuckDB; tsx resolves require, not import(), to TypeScript.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { checkLifecycle, openSourceTables } = require('../../../data/lifecycle/local-check') as typeof LocalCheck;
  const tables = openSourceTables({
    policy: {
      // Whoever types the command may read the file; what the platform may read, `plan` says.
      files: { roots: [folder, sep], denied: [settings.stateDir] },
      ...{ buckets: [], samplesDir: settings.samplesDir, allowPrivateAddresses: false, s3: null },
    },
    scratchRoot: tmpdir(),
    lastVersion: () => Promise.resolve(null),
    registered: () => Promise.resolve(null),
  });
  const trainers = openTrainerCatalog(settings.trainersDir);
  const name = placed.parsed.ok ? placed.parsed.spec.name : '';
  const { issues, notes } = await checkLifecycle({ placed, name, fileName, files }, { trainers, tables });
  if (placed.parsed.ok && issues.length === 0) return { spec: placed.parsed.spec, notes };
  throw mistakesIn(given, issues);
}

function mistakesIn({ folder, fileName }: LifecycleFolder, issues: readonly Issue[]): CliError {
  const count = `${issues.length} error${issues.length === 1 ? '' : 's'}`;
  return new CliError(`${join(folder, fileName)}: ${count}\n${issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`, 2);
}

/** Under which name the API is asked, which makes every check itself. */
function nameIn(given: LifecycleFolder): string {
  const parsed = parseLifecycle(given);
  if (parsed.ok) return parsed.spec.name;
  const written = openLifecycle(given);
  const name = nameField('').safeParse(valueAt(written.readable?.value ?? written.value, ['metadata', 'name']));
  if (!name.success) throw mistakesIn(given, parsed.issues);
  return name.data;
}
