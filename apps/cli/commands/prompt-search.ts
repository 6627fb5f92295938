import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { readCasesFile, withoutJudging, type ReadCases } from '../cases-file';
import type { LifecycleSpec } from '../../../domain/lifecycle';
import type { LlmLifecycleSpec } from '../../../domain/llm/llm-lifecycle';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';
import { promptRefOf } from '../prompt-ref';
import { searchOrder, type SearchOptions } from '../prompt-search-order';
import { outcomeText, progressLine, type SearchDetailJson, type SearchJson } from '../prompt-search-view';
import { jsonText } from '../harmless';
import { table } from '../terminal';
import type { CallsJson } from '../../api/views/llm-calls';

/** Nothing of a search changes faster than a piece of it. */
const lookMs = 2_000;

interface Options extends SearchOptions {
  readonly for?: string;
  readonly strict?: true;
  readonly wait: boolean;
  readonly json?: true;
}

/** A search for a better prompt, and what earlier ones found. */
export function promptSearchCommands(prompt: Command, context: CliContext): void {
  const { terminal, settings } = context;

  prompt
    .command('search <prompt>')
    .description('search a better prompt than a file, or than name[@ref], and confirm it on cases that the search never sees')
    .requiredOption('--cases <file>', 'NDJSON, a case a line, or a promptfoo configuration (.yaml)')
    .option('--strict', 'refuse a promptfoo configuration of which anything would be ignored')
    .option('--for <lifecycle>', 'leave out the cases that this lifecycle judges by')
    .option('--quality <dimension>', 'what is to be raised: exact, f1, label, json, rules, or a dimension of --spec')
    .option('--model <provider/model>', 'who answers, such as embedded/smollm2-135m-instruct')
    .option('--spec <file>', 'YAML: search with its proposers, dimensions, model, sampling; options come before it')
    .option('--variants <count>', 'at most so many prompts', wholeNumber(2, 10_000))
    .option('--budget <dollars>', 'stop before more is spent; raised, the same command goes on', dollars)
    .option('--confirm <share>', 'of the cases, kept from the search', share)
    .option('--max-tokens <count>', 'of an answer', wholeNumber(1, 32_768))
    .option('--parallel <count>', 'questions under way at once', wholeNumber(1, 256))
    .option('--seed <number>', 'random seed; a different seed tries different variants', wholeNumber(0))
    .option('--no-wait', 'do not watch it to its end')
    .option('--json', 'print as JSON')
    .action(async (given: string, options: Options) => {
      const read = await leftFor(
        options.for,
        readCasesFile(options.cases, settings.cwd, terminal, { strict: options.strict ?? false }),
        context,
      );
      const order = searchOrder(options, read.cases, settings.cwd);
      const { name, ref } = await promptRefOf(given, context, 'begins a search');
      const body = { ...order, ref, cases: read.text, fileName: options.cases };
      const begun = await context.api().call<SearchJson>(`/prompts/${name}/searches`, { method: 'POST', body });
      terminal.say(`search ${begun.id} of ${name}@${begun.firstVersion}: ${begun.quality}, at most ${begun.variants} variants`);
      const found = options.wait ? await watched(context, begun) : begun;
      tell(context, found, options);
    });

  prompt
    .command('calls <prompt> <id>')
    .description('show what an evaluation or a search of a prompt asked of language models, and what it cost')
    .option('--json', 'print as JSON')
    .action(async (name: string, id: string, { json }: { readonly json?: true }) => {
      const kind = id.startsWith('search_') ? 'searches' : 'evaluations';
      const calls = await context.api().call<CallsJson>(`/prompts/${name}/${kind}/${id}/calls`);
      const { answered, failed, requests, promptTokens, completionTokens, usd, unsettled } = calls;
      const asked = answered + failed + calls.asking > 0;
      if (json) terminal.out(jsonText(calls));
      else if (!asked) terminal.say(`${id} asked nothing of a language model, or all of it had been paid before`);
      else {
        const lost = unsettled.requestIds.length === 0 ? '' : `${unsettled.requestIds.length}, at most $${unsettled.usd.toFixed(4)}`;
        const row = [answered, failed, requests].map(String);
        const header = ['ANSWERED', 'FAILED', 'REQUESTS', 'TOKENS', 'COST', 'UNSETTLED'];
        terminal.out(table(header, [[...row, `${promptTokens} + ${completionTokens}`, `$${usd.toFixed(4)}`, lost]]));
      }
    });

  prompt
    .command('searches <prompt>')
    .description('searches of a prompt, newest first')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      showList(terminal, {
        items: await context.api().list<SearchJson>(`/prompts/${name}/searches`),
        json: options.json,
        columns: ['SEARCH', 'STATUS', 'RAISES', 'FIRST', 'WINNER', 'GAIN', 'BEGUN', 'BY'],
        row: ({ id, status, quality, firstVersion, outcome, createdAt, actor }) => [
          id,
          status,
          quality,
          `@${firstVersion}`,
          outcome === null ? '' : `@${outcome.winner.version}`,
          outcome?.confirmed.gain.mean?.toFixed(3) ?? '',
          createdAt,
          actor,
        ],
        none: { what: `no search of ${name} yet`, next: `perennial prompt search ${name} --cases <file>` },
      });
    });

  prompt
    .command('search-result <prompt> <search>')
    .description('how far a search is, or what it found')
    .option('--json', 'print as JSON')
    .action(async (name: string, id: string, options: { readonly json?: true }) => {
      const found = await context.api().call<SearchDetailJson>(`/prompts/${name}/searches/${id}`);
      if (found.progress && !options.json) terminal.say(progressLine(found.progress));
      tell(context, found, options);
    });

  prompt
    .command('search-cancel <prompt> <search>')
    .description('stop asking; what was answered stays on the ledger, and the same search goes on from there')
    .action(async (name: string, id: string) => {
      await context.api().call(`/prompts/${name}/searches/${id}/cancel`, { method: 'POST', body: {} });
      terminal.say(`${id} was told to stop`);
    });
}

async function leftFor(lifecycle: string | undefined, read: ReadCases, context: CliContext): Promise<ReadCases> {
  if (lifecycle === undefined) return read;
  const { spec } = await context.api().call<{ readonly spec: LlmLifecycleSpec | LifecycleSpec }>(`/lifecycles/${lifecycle}`);
  if (spec.kind !== 'LlmLifecycle') throw new CliError(`${lifecycle} judges no prompts: it is a ${spec.kind}`, 2);
  const left = withoutJudging(read, { name: lifecycle, spec });
  context.terminal.say(`${left.cases.length} of ${read.cases.length} cases: ${lifecycle} judges by the others`);
  return left;
}

/** A line in a terminal that changes; in a pipe a line for each that is new. */
async function watched(context: CliContext, { id, prompt }: SearchJson): Promise<SearchDetailJson> {
  const { terminal } = context;
  const client = context.api();
  let before = '';
  for (;;) {
    const found = await client.call<SearchDetailJson>(`/prompts/${prompt}/searches/${id}`);
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

function tell({ terminal }: CliContext, found: SearchJson, { json }: { readonly json?: true }): void {
  if (json) terminal.out(jsonText(found));
  else if (found.outcome) terminal.out(outcomeText(found, found.outcome, terminal.outPaint));
  if (found.status === 'failed' || found.status === 'cancelled') {
    throw new CliError(
      `${found.id} ${found.status === 'failed' ? 'failed' : 'was cancelled'}: ${found.cause ?? ''}`,
      1,
      'the same command goes on where it was',
    );
  }
  if (found.status === 'running') terminal.say(`it runs; perennial prompt search-result ${found.prompt} ${found.id}`);
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
