import { randomUUID } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { PromptSummary } from '../../../db/prompt/repository';
import { formatIssue } from '../../../domain/document/issue-text';
import type { PromptChange } from '../../../domain/prompt/diff';
import { toPromptDocument, readPrompt } from '../../../domain/prompt/document';
import { CliError } from '../cli-error';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { versionNumber } from '../numbers';
import { table } from '../terminal';
import { readTextFile } from '../text-file';
import { promptLabelCommands } from './label-command';
import { promptSearchCommands } from './search-command';
import { jsonText } from '../harmless';
import type { PromptJson } from '../../api/prompt/view';

export function promptCommands(program: Command, context: CliContext): void {
  const { terminal, settings } = context;
  const prompt = program
    .command('prompt')
    .description('Show, write, evaluate and search prompts, their versions, branches and labels');

  prompt
    .command('list')
    .description('List prompts by name with their branches and labels')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      showList(terminal, {
        items: await context.api().list('GET /prompts'),
        json: options.json,
        columns: ['PROMPT', 'VERSIONS', 'BRANCHES', 'LABELS'],
        row: ({ name, versions, refs }) => [
          name,
          String(versions),
          refsText(refs, 'branch'),
          refsText(refs, 'label'),
        ],
        none: { what: 'no prompts yet', next: 'perennial prompt apply <file>' },
      });
    });

  prompt
    .command('show <prompt>')
    .description(
      'Show the versions of a prompt, or print the file of name@<version, branch or label>',
    )
    .option('--json', 'Print as JSON')
    .action(async (given: string, options: { readonly json?: true }) => {
      const [name = '', ref] = given.split('@');
      if (ref === undefined) {
        const found = await context.api().call('GET /prompts/{prompt}', { path: { prompt: name } });
        terminal.out(options.json ? jsonText(found) : versionsTable(found));
        return;
      }
      const found = await context
        .api()
        .call('GET /prompts/{prompt}/versions/{ref}', { path: { prompt: name, ref } });
      if (!options.json)
        terminal.say(
          `${name}@${found.version}, ${found.digest}, by ${found.author}: ${found.cause}`,
        );
      terminal.out(
        options.json
          ? jsonText(found)
          : stringify(toPromptDocument(found.template as PromptTemplate)).trimEnd(),
      );
    });

  prompt
    .command('diff <prompt> <from> <to>')
    .description('Show the differences between two versions, branches or labels')
    .option('--json', 'Print as JSON')
    .action(async (name: string, from: string, to: string, options: { readonly json?: true }) => {
      const found = await context
        .api()
        .call('GET /prompts/{prompt}/diff', { path: { prompt: name }, query: { from, to } });
      if (options.json) terminal.out(jsonText(found));
      else if (found.changes.length === 0) terminal.say(`${name}: ${from} and ${to} are identical`);
      else terminal.out(diffText(found.changes, terminal.outPaint));
    });

  prompt
    .command('apply <path>')
    .description(
      'Store a Prompt file, or all files of a folder, as new versions; unchanged prompts keep their version',
    )
    .option('--branch <name>', 'Branch to write to', 'main')
    .option(
      '--parent <version>',
      'Version that was edited; refused if the branch has moved since',
      versionNumber,
    )
    .option('--reason <text>', 'Reason, for the audit log')
    .option('--json', 'Print as JSON')
    .action(
      async (
        path: string,
        options: {
          readonly branch: string;
          readonly parent?: number;
          readonly reason?: string;
          readonly json?: true;
        },
      ) => {
        const { branch, parent, reason } = options;
        // All files are checked before the first is written.
        const checked = listFiles(resolve(settings.cwd, path), path).map((file) =>
          checkedFile(file, resolve(settings.cwd, file)),
        );
        for (const { name, document, fileName } of checked) {
          const body = {
            document,
            fileName,
            branch,
            ...(parent === undefined ? {} : { parent }),
            ...(reason === undefined ? {} : { reason }),
          };
          const written = await context.api().call('PUT /prompts/{prompt}', {
            path: { prompt: name },
            headers: { 'idempotency-key': randomUUID() },
            body,
          });
          terminal.say(
            `${name}@${branch}: version ${written.version} ${written.changed ? 'written' : 'is unchanged'}`,
          );
          if (options.json) terminal.out(jsonText(written));
        }
      },
    );

  prompt
    .command('history <prompt>')
    .description('List every move of the branches and labels of a prompt')
    .option('--ref <name>', 'Only moves of this branch or label')
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: { readonly ref?: string; readonly json?: true }) => {
      showList(terminal, {
        items: await context.api().list('GET /prompts/{prompt}/history', {
          path: { prompt: name },
          query: { ref: options.ref },
        }),
        json: options.json,
        columns: ['WHEN', 'REF', 'MOVE', 'VERSION', 'BY', 'WHY'],
        row: ({ movedAt, ref, kind, from, to, actor, cause }) => [
          movedAt,
          ref,
          kind,
          `${from ?? 'none'} → ${to}`,
          actor,
          cause,
        ],
        none: { what: `no moves of ${name}`, next: `perennial prompt show ${name}` },
      });
    });

  promptLabelCommands(prompt, context);
  promptSearchCommands(prompt, context);
}

function refsText(refs: PromptSummary['refs'], kind: 'branch' | 'label'): string {
  return refs
    .flatMap((each) => (each.kind === kind ? [`${each.ref}@${each.version}`] : []))
    .join(', ');
}

function versionsTable({ versions, refs }: PromptJson): string {
  const rows = versions.map(({ version, digest, author, approvals, cause }) => [
    `@${version}`,
    refs.flatMap((each) => (each.version === version ? [each.ref] : [])).join(', '),
    digest.slice(0, 19),
    author,
    approvals.map(({ actor }) => actor).join(', '),
    cause,
  ]);
  return table(['VERSION', 'STANDS AT', 'DIGEST', 'BY', 'APPROVED BY', 'WHY'], rows);
}

function diffText(
  changes: readonly PromptChange[],
  paint: CliContext['terminal']['outPaint'],
): string {
  const painted = { '+': paint.green, '-': paint.red, ' ': paint.dim };
  return changes
    .flatMap(({ place, lines }) => [
      paint.bold(place),
      ...lines.map(({ sign, text }) => painted[sign](`${sign} ${text}`)),
    ])
    .join('\n');
}

function listFiles(absolute: string, given: string): readonly string[] {
  const stat = statSync(absolute, { throwIfNoEntry: false });
  if (!stat) throw new CliError(`${given} does not exist`, 2);
  if (!stat.isDirectory()) return [given];
  const files = readdirSync(absolute).filter((name) => /\.ya?ml$/.test(name));
  if (files.length === 0) throw new CliError(`${given} contains no YAML file`, 2);
  return files.sort().map((name) => join(given, name));
}

function checkedFile(
  fileName: string,
  path: string,
): { readonly name: string; readonly document: string; readonly fileName: string } {
  const document = readTextFile(path, fileName);
  const read = readPrompt(document, fileName);
  if (read.ok) return { name: read.value.name, document, fileName };
  const count = `${read.issues.length} error${read.issues.length === 1 ? '' : 's'}`;
  throw new CliError(
    `${fileName}: ${count}; nothing was written\n${read.issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`,
    2,
  );
}
