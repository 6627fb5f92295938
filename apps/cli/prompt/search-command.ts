import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { formatSigned } from '../../../domain/format';
import { readCasesFile, withoutJudging, type ReadCases } from '../language/cases-file';
import type { BodyOf } from '../../client/operation';
import { appliedSpec } from '../lifecycle/applied';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';
import { resolvePromptRef } from './ref';
import { searchOrder, type SearchOptions } from './search-order';
import type { SearchDetailJson, SearchJson } from '../../api/prompt/search-view';
import { outcomeText, progressLine } from './search-view';
import { jsonText } from '../harmless';
import { table } from '../terminal';

/** The progress of a search changes only with each piece. */
const lookMs = 2_000;

interface PromptSearchOptions extends SearchOptions {
  readonly for?: string;
  readonly strict?: true;
  readonly wait: boolean;
  readonly json?: true;
}

/** Searches for better prompts, and their results. */
export function promptSearchCommands(prompt: Command, context: CliContext): void {
  const { terminal, settings } = context;

  prompt
    .command('search <prompt>')
    .description(
      'Search for a better prompt than a file or name[@ref], and confirm it on cases that the search never uses',
    )
    .requiredOption(
      '--cases <file>',
      'Cases: NDJSON, one per line, or a promptfoo configuration (.yaml)',
    )
    .option('--strict', 'Refuse a promptfoo configuration if any part of it would be ignored')
    .option('--for <lifecycle>', 'Leave out the cases that this lifecycle evaluates with')
    .option(
      '--quality <dimension>',
      'Dimension to improve: exact, f1, label, json, rules, or one from --spec',
    )
    .option('--model <provider/model>', 'Model to use, such as embedded/smollm2-135m-instruct')
    .option(
      '--spec <file>',
      'YAML file with search (and its proposers), dimensions, model, sampling; options override it',
    )
    .option('--variants <count>', 'Maximum number of prompts (default: 64)', wholeNumber(2, 10_000))
    .option(
      '--budget <dollars>',
      'Budget in US dollars (default: no limit); with a larger budget, the same command continues',
      dollars,
    )
    .option(
      '--confirm <share>',
      'Share of the cases that the search never uses (default: 0.4)',
      share,
    )
    .option(
      '--max-tokens <count>',
      'Maximum tokens per answer (default: 256)',
      wholeNumber(1, 32_768),
    )
    .option('--parallel <count>', 'Maximum concurrent requests (default: 4)', wholeNumber(1, 256))
    .option(
      '--seed <number>',
      'Random seed; a different seed tries different variants (default: 1)',
      wholeNumber(0),
    )
    .option('--no-wait', 'Return at once instead of following the search')
    .option('--json', 'Print as JSON')
    .action(async (given: string, options: PromptSearchOptions) => {
      const read = await leftFor(
        options.for,
        readCasesFile(options.cases, settings.cwd, terminal, { strict: options.strict ?? false }),
        context,
      );
      const order = searchOrder(options, read.cases, settings.cwd);
      const { name, ref } = await resolvePromptRef(given, context, 'start a search');
      const body = {
        ...order,
        ref,
        cases: read.text,
        fileName: options.cases,
      } as BodyOf<'POST /prompts/{prompt}/searches'>;
      const begun = await context
        .api()
        .call('POST /prompts/{prompt}/searches', { path: { prompt: name }, body });
      terminal.say(
        `search ${begun.id} of ${name}@${begun.firstVersion}: ${begun.quality}, at most ${begun.variants} variants`,
      );
      const found = options.wait ? await watchSearch(context, begun) : begun;
      tell(context, found, options);
    });

  prompt
    .command('calls <prompt> <id>')
    .description('Show the language model requests of an evaluation or a search, and their cost')
    .option('--json', 'Print as JSON')
    .action(async (name: string, id: string, { json }: { readonly json?: true }) => {
      const kind = id.startsWith('search_') ? 'searches' : 'evaluations';
      const calls = await context
        .api()
        .call(`GET /prompts/{prompt}/${kind}/{id}/calls`, { path: { prompt: name, id } });
      const { answered, failed, requests, promptTokens, completionTokens, usd, unsettled } = calls;
      const asked = answered + failed + calls.asking > 0;
      if (json) terminal.out(jsonText(calls));
      else if (!asked)
        terminal.say(`${id} made no paid requests, or all of them had been paid for before`);
      else {
        const lost =
          unsettled.requestIds.length === 0
            ? ''
            : `${unsettled.requestIds.length}, at most $${unsettled.usd.toFixed(4)}`;
        const row = [answered, failed, requests].map(String);
        const header = ['ANSWERED', 'FAILED', 'REQUESTS', 'TOKENS', 'COST', 'UNSETTLED'];
        terminal.out(
          table(header, [
            [...row, `${promptTokens} + ${completionTokens}`, `$${usd.toFixed(4)}`, lost],
          ]),
        );
      }
    });

  prompt
    .command('searches <prompt>')
    .description('List the searches of a prompt, newest first')
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      showList(terminal, {
        items: await context
          .api()
          .list('GET /prompts/{prompt}/searches', { path: { prompt: name } }),
        json: options.json,
        columns: ['SEARCH', 'STATUS', 'RAISES', 'FIRST', 'WINNER', 'GAIN', 'BEGUN', 'BY'],
        row: ({ id, status, quality, firstVersion, outcome, createdAt, actor }) => [
          id,
          status,
          quality,
          `@${firstVersion}`,
          outcome === null ? '' : `@${outcome.winner.version}`,
          outcome?.confirmed.gain.mean == null ? '' : formatSigned(outcome.confirmed.gain.mean),
          createdAt,
          actor,
        ],
        none: {
          what: `no searches of ${name} yet`,
          next: `perennial prompt search ${name} --cases <file>`,
        },
      });
    });

  prompt
    .command('search-result <prompt> <search>')
    .description('Show the progress or the result of a search')
    .option('--json', 'Print as JSON')
    .action(async (name: string, id: string, options: { readonly json?: true }) => {
      const found = await context
        .api()
        .call('GET /prompts/{prompt}/searches/{id}', { path: { prompt: name, id } });
      if (found.progress && !options.json) terminal.say(progressLine(found.progress));
      tell(context, found, options);
    });

  prompt
    .command('search-cancel <prompt> <search>')
    .description(
      'Cancel a search; answers stay in the call ledger, so the same search can continue later',
    )
    .action(async (name: string, id: string) => {
      await context.api().call('POST /prompts/{prompt}/searches/{id}/cancel', {
        path: { prompt: name, id },
      });
      terminal.say(`${id}: cancellation requested`);
    });
}

async function leftFor(
  lifecycle: string | undefined,
  read: ReadCases,
  context: CliContext,
): Promise<ReadCases> {
  if (lifecycle === undefined) return read;
  const spec = await appliedSpec(context.api(), lifecycle);
  if (spec.kind !== 'LlmLifecycle')
    throw new CliError(`${lifecycle} is a ${spec.kind} and has no cases for prompts`, 2);
  const left = withoutJudging(read, { name: lifecycle, spec });
  context.terminal.say(
    `${left.cases.length} of ${read.cases.length} cases used; ${lifecycle} evaluates with the others`,
  );
  return left;
}

/** Shows progress: one changing line in a terminal, one line per change in a pipe. */
async function watchSearch(
  context: CliContext,
  { id, prompt }: SearchJson,
): Promise<SearchDetailJson> {
  const { terminal } = context;
  const client = context.api();
  let before = '';
  for (;;) {
    const found = await client.call('GET /prompts/{prompt}/searches/{id}', {
      path: { prompt, id },
    });
    if (found.status !== 'running') return found;
    const line = found.progress === null ? 'waiting for a worker' : progressLine(found.progress);
    if (line !== before) {
      if (terminal.screen) terminal.screen.show(terminal.paint.dim(line));
      else terminal.say(line);
    }
    before = line;
    await sleep(lookMs);
  }
}

function tell(
  { terminal }: CliContext,
  found: SearchJson,
  { json }: { readonly json?: true },
): void {
  if (json) terminal.out(jsonText(found));
  else if (found.outcome) terminal.out(outcomeText(found, found.outcome, terminal.outPaint));
  if (found.status === 'failed' || found.status === 'cancelled') {
    throw new CliError(
      `${found.id} ${found.status === 'failed' ? 'failed' : 'was cancelled'}: ${found.cause ?? ''}`,
      1,
      'run the same command to continue',
    );
  }
  if (found.status === 'running')
    terminal.say(`still running; perennial prompt search-result ${found.prompt} ${found.id}`);
}

function dollars(text: string): number {
  const value = Number(text.replace(/^\$/, ''));
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected an amount in US dollars, such as 2.50.');
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0.1 && value <= 0.9) return value;
  throw new InvalidArgumentError('Expected a share from 0.1 to 0.9.');
}
