import type { Command } from 'commander';
import type { CliContext } from '../context';
import { harmless, jsonText } from '../harmless';
import { showList } from '../list-view';
import { versionNumber } from '../numbers';
import { table } from '../terminal';
import type { DatasetDiffJson, QuarantinedRowsJson, QuarantineJson } from '../../api/dataset/view';
import type { LineageEdgeJson } from '../../api/lineage/view';

interface QuarantineOptions {
  readonly rows?: string;
  readonly version?: string;
  readonly json?: true;
}

export function dataCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const dataset = program
    .command('dataset')
    .description('Show datasets, their versions and quarantined rows');

  dataset
    .command('list')
    .description('List datasets by name')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const items = await context.api().list('GET /datasets');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['DATASET', 'VERSIONS', 'LATEST', 'APPROVED'],
        row: (each) => [each.name, String(each.versions), at(each.latest), at(each.approved)],
        none: {
          what: 'no datasets yet; a run ingests the first one',
          next: 'perennial run start <lifecycle>',
        },
      });
    });

  dataset
    .command('show <dataset>')
    .description('Show the versions of a dataset, newest first')
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const items = await context
        .api()
        .list('GET /datasets/{dataset}/versions', { path: { dataset: name } });
      showList(terminal, {
        items,
        json: options.json,
        columns: ['VERSION', 'ROWS', 'RUN', 'CREATED', 'DIGEST'],
        row: (each) => [
          at(each.version),
          String(each.rows),
          each.runId ?? '',
          each.createdAt,
          each.manifest.digest.slice(0, 19),
        ],
        none: { what: `${name} has no versions`, next: 'perennial dataset list' },
      });
    });

  dataset
    .command('quarantine <dataset>')
    .description('Count the rows that broke the contract, by reason; --rows prints the rows')
    .option(
      '--rows <n>',
      'Print the first rows of the newest quarantine with their reasons (scope operator; recorded in the audit log)',
    )
    .option('--version <n>', 'Only this version of the dataset')
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: QuarantineOptions) => {
      const path = { dataset: name };
      const all = await context.api().list('GET /datasets/{dataset}/quarantine', { path });
      const items =
        options.version === undefined
          ? all
          : all.filter(({ version }) => String(version) === options.version);
      const [newest] = items;
      if (options.rows !== undefined && newest) {
        const found = await context
          .api()
          .call('GET /datasets/{dataset}/quarantine/{quarantine}/rows', {
            path: { ...path, quarantine: newest.id },
            query: { limit: Number(options.rows) },
          });
        showQuarantined(context, name, found, options);
        return;
      }
      const reasons = (each: QuarantineJson): string =>
        Object.entries(each.reasons)
          .map(([reason, rows]) => `${reason}: ${rows}`)
          .join(', ');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['VERSION', 'ROWS', 'RUN', 'REASONS'],
        row: (each) => [at(each.version), String(each.rows), each.runId, reasons(each)],
        none: {
          what: `${name}${options.version === undefined ? '' : `@${options.version}`} has no quarantined rows`,
        },
      });
    });

  dataset
    .command('diff <dataset> <from> <to>')
    .description('Compare two versions by schema, rows and statistics')
    .option('--json', 'Print as JSON')
    .action(async (name: string, from: string, to: string, options: { readonly json?: true }) => {
      const diff = await context.api().call('GET /datasets/{dataset}/diff', {
        path: { dataset: name },
        query: { from: versionNumber(from), to: versionNumber(to) },
      });
      terminal.out(options.json ? jsonText(diff) : describeDiff(diff));
    });

  program
    .command('lineage <node>')
    .description(
      'List what deployment:NAME, model:NAME@1, dataset:LIFECYCLE.SOURCE@1 or run:ID was made from (default: newest version)',
    )
    .option('--downstream', 'List what was made from the node instead')
    .option('--json', 'Print as JSON')
    .action(async (node: string, options: { readonly downstream?: true; readonly json?: true }) => {
      const direction = options.downstream ? 'downstream' : 'upstream';
      const edges = await context
        .api()
        .list('GET /lineage', { query: { of: node, direction } }, 10_000);
      showList(terminal, {
        items: edges,
        json: options.json,
        columns: ['FROM', 'TO', 'BY'],
        row: ({ from, to, runId }) => [nodeName(from), nodeName(to), runId ?? ''],
        none: {
          what: options.downstream
            ? `nothing was made from ${node}`
            : `no recorded sources of ${node}`,
        },
      });
    });
}

function showQuarantined(
  { terminal }: CliContext,
  name: string,
  { quarantine, items }: QuarantinedRowsJson,
  { json }: Pick<QuarantineOptions, 'json'>,
): void {
  if (json) {
    terminal.out(jsonText({ quarantine, items }));
    return;
  }
  const columns = Object.keys(items[0]?.values ?? {});
  const cells = ({ reasons, values }: QuarantinedRowsJson['items'][number]): string[] => [
    reasons,
    ...columns.map((column) => harmless(String(values[column] ?? ''))),
  ];
  terminal.out(table(['REASONS', ...columns], items.map(cells)));
  terminal.say(
    `${items.length} of ${quarantine.rows} rows of ${name}${at(quarantine.version)} in quarantine, from run ${quarantine.runId}`,
  );
}

function nodeName({ kind, name, version }: LineageEdgeJson['from']): string {
  return `${kind}:${name}${version === undefined ? '' : `@${version}`}`;
}

function describeDiff({
  from,
  to,
  same,
  rows,
  added,
  removed,
  retyped,
  statistics,
  comparable,
}: DatasetDiffJson): string {
  if (same) return `@${from} and @${to} have the same content`;
  const number = (value: unknown): string =>
    typeof value === 'number' ? String(Number(value.toPrecision(5))) : JSON.stringify(value);
  const lines = [
    ['rows', '', String(rows.from), String(rows.to)],
    ...added.map(({ name, type }) => [name, 'added', '', type]),
    ...removed.map(({ name, type }) => [name, 'removed', type, '']),
    ...retyped.map((column) => [column.name, 'type', column.from, column.to]),
    ...statistics.map((each) => [each.column, each.statistic, number(each.from), number(each.to)]),
  ];
  const note = comparable ? '' : '\none of the two versions has no statistics';
  return table(['COLUMN', 'WHAT', at(from), at(to)], lines) + note;
}

function at(version: number | null): string {
  return version === null ? '' : `@${version}`;
}
