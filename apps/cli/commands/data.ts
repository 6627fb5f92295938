import type { Command } from 'commander';
import type { CliContext } from '../context';
import { table } from '../terminal';

interface DatasetJson {
  readonly name: string;
  readonly versions: number;
  readonly latest: number | null;
  readonly approved: number | null;
}

interface DatasetVersionJson {
  readonly version: number;
  readonly rows: number;
  readonly runId: string | null;
  readonly createdAt: string;
  readonly manifest: { readonly digest: string };
}

interface QuarantineJson {
  readonly version: number;
  readonly rows: number;
  readonly runId: string;
  readonly reasons: Readonly<Record<string, number>>;
}

export function dataCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const dataset = program.command('dataset').description('datasets and their versions');

  dataset
    .command('list')
    .option('--json', 'print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const { items } = await context.api().call<{ items: DatasetJson[] }>('/datasets?pageSize=200');
      if (options.json) return terminal.out(JSON.stringify(items));
      const rows = items.map((each) => [each.name, String(each.versions), at(each.latest), at(each.approved)]);
      return terminal.out(table(['DATASET', 'VERSIONS', 'LATEST', 'APPROVED'], rows));
    });

  dataset
    .command('show <dataset>')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const { items } = await context.api().call<{ items: DatasetVersionJson[] }>(`/datasets/${name}/versions?pageSize=200`);
      if (options.json) return terminal.out(JSON.stringify(items));
      const rows = items.map((each) => [
        at(each.version),
        String(each.rows),
        each.runId ?? '',
        each.createdAt,
        each.manifest.digest.slice(0, 19),
      ]);
      return terminal.out(table(['VERSION', 'ROWS', 'RUN', 'CREATED', 'DIGEST'], rows));
    });

  dataset
    .command('quarantine <dataset>')
    .description('rows that broke the contract, and why')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const { items } = await context.api().call<{ items: QuarantineJson[] }>(`/datasets/${name}/quarantine?pageSize=200`);
      if (options.json) return terminal.out(JSON.stringify(items));
      const reasons = (each: QuarantineJson): string =>
        Object.entries(each.reasons)
          .map(([reason, rows]) => `${reason}: ${rows}`)
          .join(', ');
      return terminal.out(
        table(
          ['VERSION', 'ROWS', 'RUN', 'REASONS'],
          items.map((each) => [at(each.version), String(each.rows), each.runId, reasons(each)]),
        ),
      );
    });

  program
    .command('lineage <node>')
    .description('what model:name@1, dataset:name@1 or run:id came from')
    .option('--downstream', 'what was made from it')
    .action(async (node: string, options: { readonly downstream?: true }) => {
      const query = new URLSearchParams({ of: node, direction: options.downstream ? 'downstream' : 'upstream' });
      terminal.out(JSON.stringify(await context.api().call(`/lineage?${query.toString()}`), null, 2));
    });
}

function at(version: number | null): string {
  return version === null ? '' : `@${version}`;
}
