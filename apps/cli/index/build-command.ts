import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { dirname, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { parse } from 'yaml';
import { vectorKinds, type VectorChoice } from '../../../domain/index/vector-index';
import type { Verdict } from '../../../domain/verdict';
import type { IndexBuildOutcome, IndexBuildState } from '../../../workflows/index-version/messages';
import { readCasesFile, textOfFile } from '../language/cases-file';
import type { BodyOf } from '../../client/operation';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import type { IndexBuildJson } from '../../api/index/view';

/** The API describes the outcome's report as a document of any version. */
type IndexBuildEnd = Omit<IndexBuildJson, 'outcome' | 'progress'> & {
  readonly outcome: IndexBuildOutcome | null;
  readonly progress: IndexBuildState | null;
};

interface IndexBuildOptions {
  readonly wait: boolean;
  readonly json?: true;
}

interface BuildOptions extends IndexBuildOptions {
  readonly vectors?: VectorChoice;
}

const lookMs = 1_000;

/**
 * Builds a version outside of a lifecycle, for a new embedder, other chunks, or a bulk load of
 * documents.
 */
export function indexBuildCommands(index: Command, context: CliContext): void {
  const { terminal } = context;

  index
    .command('build <index> <file>')
    .description(
      'Build a new index version, compare it with the current one, and make it the champion if it is not worse',
    )
    .addOption(
      new Option(
        '--vectors <kind>',
        'Vector index: flat, hnsw, ivfPq or auto; overrides the file',
      ).choices(['auto', ...vectorKinds]),
    )
    .option('--no-wait', 'Return at once instead of following the build')
    .option('--json', 'Print as JSON')
    .action(async (name: string, file: string, options: BuildOptions) => {
      const headers = { 'idempotency-key': randomUUID() };
      const { vectors } = options;
      const body = {
        ...readOrder(file, context),
        ...(vectors !== undefined && { vectors }),
      } as BodyOf<'POST /indexes/{index}/builds'>;
      const begun = (await context.api().call('POST /indexes/{index}/builds', {
        path: { index: name },
        headers,
        body,
      })) as IndexBuildEnd;
      terminal.say(
        `${begun.build} of ${name}${begun.temporalUrl === null ? '' : `: ${begun.temporalUrl}`}`,
      );
      tell(context, options.wait ? await watchBuild(context, begun) : begun, options);
    });

  index
    .command('build-result <index> <build>')
    .description('Show the progress or the result of a build')
    .option('--json', 'Print as JSON')
    .action(async (name: string, build: string, options: { readonly json?: true }) => {
      tell(context, await readBuild(context, name, build), options);
    });

  index
    .command('build-cancel <index> <build>')
    .description('Cancel a build and delete what it built')
    .action(async (name: string, build: string) => {
      await context.api().call('POST /indexes/{index}/builds/{build}/cancel', {
        path: { index: name, build },
      });
      terminal.say(`${build}: cancellation requested`);
    });
}

async function readBuild(
  context: CliContext,
  index: string,
  build: string,
): Promise<IndexBuildEnd> {
  return (await context
    .api()
    .call('GET /indexes/{index}/builds/{build}', { path: { index, build } })) as IndexBuildEnd;
}

/**
 * The content of the file, with the cases read from their path, which is relative to its folder.
 */
function readOrder(file: string, { settings, terminal }: CliContext): object | null {
  const order = parse(textOfFile(file, settings.cwd)) as {
    readonly answers?: { readonly cases?: unknown };
  } | null;
  const cases = order?.answers?.cases;
  if (typeof cases !== 'string') return order;
  return {
    ...order,
    answers: {
      ...order?.answers,
      cases: readCasesFile(resolve(settings.cwd, dirname(file), cases), settings.cwd, terminal)
        .text,
    },
  };
}

async function watchBuild(context: CliContext, begun: IndexBuildEnd): Promise<IndexBuildEnd> {
  const { terminal } = context;
  let [now, said] = [begun, ''];
  while (now.status === 'running') {
    const line = now.progress ? progressLine(now.progress) : '';
    if (line !== said && line !== '') terminal.say(line);
    said = line;
    await sleep(lookMs);
    now = await readBuild(context, begun.index, begun.build);
  }
  return now;
}

function progressLine({ phase, version, shards }: IndexBuildState): string {
  const at = version === null ? '' : `@${version} `;
  return phase === 'embedding'
    ? `${at}${phase}: ${shards.done} of ${shards.of} shards`
    : `${at}${phase}`;
}

function tell(
  { terminal }: CliContext,
  found: IndexBuildEnd,
  { json }: { readonly json?: true },
): void {
  if (json) terminal.out(jsonText(found));
  const { index, build, status, outcome, cause, progress } = found;
  if (status === 'running') {
    terminal.say(progress ? progressLine(progress) : `${build} is running`);
    return;
  }
  if (outcome === null)
    throw new CliError(
      `${build} ${status === 'failed' ? 'failed' : 'was cancelled'}: ${cause ?? ''}`,
      1,
      `perennial index show ${index}`,
    );
  const { version, report, verdict, promoted } = outcome;
  terminal.say(
    `${index}@${version}: ${report.documents} documents, ${report.chunks} chunks, ${report.embedded} embedded, vectors by ${report.vectors}`,
  );
  const { shortenedHeadings: shortened = 0 } = report;
  if (shortened > 0)
    terminal.say(
      `${shortened} chunks have a heading longer than half of the chunk size; the end of the heading is not embedded`,
    );
  for (const line of listReasons(verdict)) terminal.say(line);
  if (promoted) {
    terminal.say(`${index}@${version} is champion; undo with perennial index rollback ${index}`);
    return;
  }
  if (verdict && verdict.kind !== 'passed')
    throw new CliError(
      `${index}@${version} does not replace the champion: ${verdict.kind}`,
      3,
      `perennial index show ${index}`,
    );
  terminal.say(`${index}@${version} is built; the champion is unchanged`);
}

function listReasons(verdict: Verdict | null): readonly string[] {
  return (
    verdict?.reasons.map(
      ({ gate, message, outcome }) => `${outcome ?? verdict.kind} ${gate}: ${message}`,
    ) ?? []
  );
}
