import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { request } from 'undici';
import type { IndexVersionRecord } from '../../../db/index/records';
import type { ChunkingPlan } from '../../../domain/index/chunking';
import { countRejected } from '../../../domain/index/document';
import { textOfFile } from '../language/cases-file';
import type { BodyOf } from '../../client/operation';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { knownGateway } from '../serving/replay/gateway';
import { showList } from '../list-view';
import { versionNumber } from '../numbers';
import { table } from '../terminal';
import { indexBuildCommands } from './build-command';
import { jsonText } from '../harmless';
import type { IndexJson, IndexMoveJson } from '../../api/index/view';

/** The API describes recipe and report as documents of any version. */
type IndexWithVersions = Omit<IndexJson, 'versions'> & {
  readonly versions: readonly IndexVersionRecord[];
};

const shownMoves = 10;

interface IndexAnswerJson {
  readonly index: string;
  readonly version: number;
  readonly embedder: { readonly name: string };
  readonly hits: readonly {
    readonly documentId: string;
    readonly score: number;
    readonly title: string | null;
    readonly text: string;
  }[];
  readonly detail?: string;
}

interface QueryOptions {
  readonly k: string;
  readonly mode: string;
  readonly of?: string;
  readonly json?: true;
}

export function indexCommands(program: Command, context: CliContext): void {
  const { terminal, settings } = context;
  const index = program.command('index').description('Build, query, change and roll back indexes');

  index
    .command('list')
    .description('List indexes by name with their champions')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      showList(terminal, {
        items: await context.api().list('GET /indexes'),
        json: options.json,
        columns: ['INDEX', 'VERSIONS', 'ANSWERS', 'CHANGES'],
        row: ({ name, versions, champion, changes }) => [
          name,
          String(versions),
          champion === null ? '-' : `@${champion}`,
          String(changes),
        ],
        none: {
          what: 'no indexes yet',
          next: 'declare `index` in an LlmLifecycle, then perennial run start <lifecycle>',
        },
      });
    });

  index
    .command('show <index>')
    .description('Show the versions of an index and the latest moves of its champion')
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const path = { index: name };
      const found = (await context
        .api()
        .call('GET /indexes/{index}', { path })) as IndexWithVersions;
      const moves = await context.api().list('GET /indexes/{index}/history', { path }, shownMoves);
      const { waiting } = found;
      terminal.out(
        options.json
          ? jsonText({ ...found, moves })
          : [versionsTable(found), ...movesTable(moves)].join('\n\n'),
      );
      if (waiting) {
        const who = waiting.versions.map((version) => `@${version}`).join(', ');
        terminal.say(`${who} has not applied changes since ${waiting.since}: ${waiting.reason}`);
      }
    });

  index
    .command('query <index> <text>')
    .description('Query an index through the gateway')
    .option('-k, --k <number>', 'Maximum number of results', '5')
    .option('--mode <mode>', 'Search mode: vector, text or hybrid', 'vector')
    .option('--of <version>', 'Version number, champion or previous')
    .option('--json', 'Print as JSON')
    .action(async (name: string, text: string, { k, mode, of, json }: QueryOptions) => {
      const { gatewayUrl, apiKey } = knownGateway(settings);
      const version = of !== undefined && /^\d+$/.test(of) ? Number(of) : of;
      const answer = await request(`${gatewayUrl}/v1/indexes/${encodeURIComponent(name)}/query`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ text, k: Number(k), mode, version }),
      });
      const found = (await answer.body.json()) as IndexAnswerJson;
      if (answer.statusCode !== 200)
        throw new CliError(found.detail ?? `the gateway responded with ${answer.statusCode}`, 1);
      if (json) terminal.out(jsonText(found));
      else {
        terminal.say(`${found.index}@${found.version}, ${found.embedder.name}`);
        const rows = found.hits.map(({ documentId, score, title, text: chunk }) => [
          score.toFixed(3),
          title ?? documentId,
          oneLine(chunk),
        ]);
        terminal.out(table(['SCORE', 'DOCUMENT', 'TEXT'], rows));
      }
    });

  indexBuildCommands(index, context);

  index
    .command('rollback <index>')
    .description('Make the previous version, or a named earlier one, the champion again')
    .option(
      '--to <version>',
      'Version to make champion; it must have been champion before',
      versionNumber,
    )
    .option('--reason <text>', 'Reason, for the audit log')
    .option('--json', 'Print as JSON')
    .action(
      async (
        name: string,
        {
          to,
          reason,
          json,
        }: { readonly to?: number; readonly reason?: string; readonly json?: true },
      ) => {
        const moved = await context.api().call('POST /indexes/{index}/rollback', {
          path: { index: name },
          headers: { 'idempotency-key': randomUUID() },
          body: { ...(to !== undefined && { to }), ...(reason !== undefined && { reason }) },
        });
        terminal.say(`${name}: @${moved.from ?? 'none'} → @${moved.to}`);
        if (json) terminal.out(jsonText(moved));
      },
    );

  index
    .command('retire')
    .description('Retire an unused version and delete its table')
    .argument('<index>')
    .argument('<version>', 'Version number', versionNumber)
    .option('--reason <text>', 'Reason, for the audit log')
    .option('--json', 'Print as JSON')
    .action(
      async (
        name: string,
        version: number,
        { reason, json }: { readonly reason?: string; readonly json?: true },
      ) => {
        const retired = await context
          .api()
          .call('POST /indexes/{index}/versions/{version}/retire', {
            path: { index: name, version },
            headers: { 'idempotency-key': randomUUID() },
            body: reason === undefined ? {} : { reason },
          });
        terminal.say(`${name}@${version} is retired; its table will be deleted`);
        if (json) terminal.out(jsonText(retired));
      },
    );

  index
    .command('change <index> [file]')
    .description(
      'Add, change (NDJSON file: id, text, title, source) or delete documents in every version of an index',
    )
    .option('--delete <ids...>', 'Ids of documents to delete')
    .option('--json', 'Print as JSON')
    .action(
      async (
        name: string,
        file: string | undefined,
        { delete: deleted = [], json }: ChangeOptions,
      ) => {
        const documents = file === undefined ? [] : readDocuments(file, settings.cwd);
        const { seq } = await context.api().call('POST /indexes/{index}/changes', {
          path: { index: name },
          headers: { 'idempotency-key': randomUUID() },
          body: { documents, deleted },
        });
        terminal.say(
          `${name}: change ${seq} accepted, ${documents.length} documents added or changed, ${deleted.length} deleted`,
        );
        if (json) terminal.out(jsonText({ index: name, seq }));
      },
    );
}

interface ChangeOptions {
  readonly delete?: readonly string[];
  readonly json?: true;
}

type IndexChangesBody = BodyOf<'POST /indexes/{index}/changes'>;

function readDocuments(file: string, cwd: string): NonNullable<IndexChangesBody['documents']> {
  const lines = textOfFile(file, cwd).split('\n');
  return lines.flatMap((line, at) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as NonNullable<IndexChangesBody['documents']>[number]];
    } catch {
      throw new CliError(`${file}:${at + 1} is not valid JSON; no document was changed`, 2);
    }
  });
}

function versionsTable({ aliases, versions }: IndexWithVersions): string {
  const names = (version: number) =>
    (['champion', 'previous'] as const)
      .filter((alias) => aliases[alias]?.version === version)
      .join(', ');
  return table(
    [
      'VERSION',
      'STATE',
      'ALIAS',
      'EMBEDDER',
      'CHUNKING',
      'VECTORS',
      'DATA',
      'DOCUMENTS',
      'CHUNKS',
      'BUILT WITH',
      'LEFT OUT',
    ],
    versions.map(
      ({
        version,
        state,
        recipe,
        dataset,
        datasetVersion,
        chunks,
        documents,
        report,
        createdAt,
      }) => [
        `@${version}`,
        state,
        names(version),
        recipe.embedder.name,
        describeChunking(recipe.chunking),
        report?.vectors ?? '-',
        `${dataset}@${datasetVersion}`,
        documents === null ? '-' : String(documents),
        chunks === null ? '-' : String(chunks),
        report === null ? '-' : `${report.documents} on ${createdAt.slice(0, 10)}`,
        report === null ? '-' : String(countRejected(report.rejected)),
      ],
    ),
  );
}

function movesTable(moves: readonly IndexMoveJson[]): readonly string[] {
  if (moves.length === 0) return [];
  const rows = moves.map(({ kind, from, to, actor, cause, bundle, movedAt }) => [
    ...[movedAt, kind, `${from === null ? 'none' : `@${from}`} → @${to}`, actor],
    ...[bundle === null ? '-' : `${bundle.model}@${bundle.version}`, oneLine(cause)],
  ]);
  return [table(['MOVED', 'KIND', 'CHAMPION', 'BY', 'FOR', 'WHY'], rows)];
}

/** A version that does not count headings was chunked differently from new versions. */
function describeChunking(plan: ChunkingPlan): string {
  return `${plan.kind} ${plan.size}`;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 100 ? line : `${line.slice(0, 99)}…`;
}
