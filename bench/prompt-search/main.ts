/**
 * A search over `--variants` prompts for a routing step of the embedded language model, confirmed
 * on definitions that no choice has used. Stops after `--minutes`; a later start continues, because
 * the ledger in `--folder` has every answer. `--fresh` starts again. `--threads 2 --sequences 8` is
 * fastest on an idle machine. Prints a table and, last, one JSON line.
 */
import { setMaxListeners } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { computeDigest } from '../../data/digest';
import { promptAnswerer } from '../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../data/language/reranker';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import { createMutator } from '../../data/prompt/propose';
import { runSearch, type SearchProgress } from '../../data/prompt/run-search';
import {
  splitSearchCases,
  type PromptSearch,
  type SearchReport,
} from '../../data/prompt/search-steps';
import { defaultTenant as tenant } from '../../domain/ids';
import type { Sampling } from '../../domain/chat/chat';
import { computeBounds, type Aggregate } from '../../domain/language/evaluation/aggregate';
import { startLlmServer } from '../../test/support/provider/llm-server-process';
import { report, rounded } from '../figures';
import { embeddedAt, openLlmWorld } from '../llm-world';
import { dimensions, firstPrompt, glossCases, kinds, nearestNeighbours, searchSpec } from './task';

const model = 'smollm2-135m-instruct';
const target = { provider: 'embedded', model };
const sampling: Sampling = { temperature: 0, topP: 1, maxTokens: 24, seed: 1, stop: [] };
/** At temperature 0, all rewritings would be equal. */
const rewriting: Sampling = { temperature: 0.9, topP: 1, maxTokens: 160, seed: 1, stop: [] };

/** Over all runs of one search. */
interface Spent {
  readonly seconds: number;
  readonly runs: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      variants: { type: 'string', default: '1260' },
      cases: { type: 'string', default: '720' },
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '20' },
      folder: {
        type: 'string',
        default: resolve(__dirname, '..', '..', '.perennial', 'bench', 'prompt-search'),
      },
      threads: { type: 'string', default: '1' },
      sequences: { type: 'string', default: '4' },
      fresh: { type: 'boolean', default: false },
    },
  });
  const { folder } = values;
  const [threads, sequences] = [Number(values.threads), Number(values.sequences)];
  if (values.fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const before = readSpent(folder);
  const server = await startLlmServer({
    folder: join(folder, 'llm'),
    artifactsFolder: folder,
    sequences,
    threads,
    contextTokens: 1024,
    maxQueued: 1_000,
  });
  const world = await openLlmWorld(folder, [embeddedAt(server.url)]);
  const stop = AbortSignal.timeout(Number(values.minutes) * 60_000);
  // Each question in flight adds a listener.
  setMaxListeners(0, stop);
  const since = performance.now();
  const spent = (): Spent => ({
    seconds: before.seconds + (performance.now() - since) / 1000,
    runs: before.runs + 1,
  });
  // The time of killed runs counts as well.
  const keep = setInterval(() => writeSpent(folder, spent()), 5_000);
  try {
    const asking: LedgerAccess = {
      chat: world.chat,
      tenant,
      scope: 'bench/prompt-search',
      owner: { execution: 'bench/prompt-search', attempt: before.runs + 1 },
      budgets: [],
    };
    const cases = await glossCases(Number(values.cases));
    const search: PromptSearch = {
      first: firstPrompt,
      cases,
      caseSet: computeDigest(cases),
      dimensions,
      spec: searchSpec({ variants: Number(values.variants), seed: Number(values.seed), model }),
      createAnswerer: (template) =>
        promptAnswerer({ asking, template, route: [target], sampling, retrieval: null }),
      openMutator: () => createMutator({ asking, target, sampling: rewriting }),
      judges: {},
      tools: createEvaluatorTools(null),
      parallel: sequences,
      signal: stop,
    };
    const found = await runSearch(search, say);
    tell(search, found, spent());
  } catch (error) {
    if (!(error instanceof Error && error.name === 'TimeoutError')) throw error;
    process.stdout.write(
      `not finished after ${spent().runs} runs and ${Math.round(spent().seconds)} s; start it again to continue\n`,
    );
    process.exitCode = 3;
  } finally {
    clearInterval(keep);
    writeSpent(folder, spent());
    await world.close();
    await server.stop();
  }
}

let said = 0;
function say({ round, rounds, done, variants, best }: SearchProgress): void {
  if (done < variants && performance.now() - said < 15_000) return;
  said = performance.now();
  const standing = best === null ? '' : `, best ${best.quality.toFixed(3)} on ${best.cases} cases`;
  process.stderr.write(`round ${round} of ${rounds}: ${done} of ${variants} variants${standing}\n`);
}

function tell(search: PromptSearch, found: SearchReport, { seconds, runs }: Spent): void {
  const { confirmed, variants, winner } = found;
  const split = splitSearchCases(search);
  const searched = variants.find(({ id }) => id === winner.id)?.result;
  const noExamples = variants.filter(
    ({ template, result }) => template.fewShot === null && result.cases > 0,
  );
  const bestWithout = noExamples.reduce(
    (best, each) => Math.max(best, each.result.cases >= 10 ? each.result.quality : 0),
    0,
  );
  const baseline = nearestNeighbours([...split.pool, ...split.search], split.confirm);
  const aDay = (variants.length / seconds) * 86_400;
  const [first, won, gain] = [confirmed.first, confirmed.winner, confirmed.gain].map(figure) as [
    SearchFigure,
    SearchFigure,
    SearchFigure,
  ];
  const countKind = (kind: string) => variants.filter(({ origin }) => origin.kind === kind).length;
  report(
    `prompt search, ${variants.length} variants, embedded ${model}`,
    [
      [
        'variants',
        `1 first, ${countKind('grid')} of a grid, ${countKind('fewShot')} with examples, ${countKind('mutate')} rewritten by the model`,
      ],
      [
        'cases',
        `${split.pool.length} for examples, ${split.search.length} to search, ${split.confirm.length} held out; ${kinds.length} kinds, as many of each`,
      ],
      [
        'questions',
        `${found.questions} of ${variants.length * split.search.length + 2 * split.confirm.length} for every variant on every case`,
      ],
      [
        'time',
        `${Math.round(seconds)} s in ${runs} runs, load ${loadavg()[0]?.toFixed(1) ?? '?'}: ${Math.round(aDay)} variants a day`,
      ],
      ['first prompt, held out', text(first)],
      ['winner, held out', `${text(won)}; by ${winner.origin.kind}`],
      [
        'gain, same cases',
        `${text(gain)}; ${percent((won.mean - first.mean) / first.mean)} of the first`,
      ],
      [
        'winner, on the search cases',
        `${searched === undefined ? '?' : percent(searched.quality)} on ${searched?.cases ?? 0} cases: ${percent(confirmed.optimism ?? 0)} lost on held-out cases`,
      ],
      ['best without examples, on the search cases', percent(bestWithout)],
      ['TF-IDF, 15 nearest of the known cases', percent(baseline)],
      ['Pareto front', found.front.map((id) => describe(found, id)).join('; ')],
    ],
    {
      variants: variants.length,
      questions: found.questions,
      seconds: Math.round(seconds),
      runs,
      variantsADay: Math.round(aDay),
      first,
      winner: won,
      gain,
      relativeGain: rounded((won.mean - first.mean) / first.mean, 3),
      searched: searched?.quality,
      optimism: confirmed.optimism,
      baseline: rounded(baseline, 3),
      origin: winner.origin.kind,
      load: rounded(loadavg()[0] ?? 0),
    },
  );
  process.stderr.write(`${JSON.stringify(winner.template, null, 1)}\n`);
}

interface SearchFigure {
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
}

/** 95 % bounds on either side that hold at every look. */
function figure(of: Aggregate): SearchFigure {
  const { lower, upper } = computeBounds(of, 0.95);
  return {
    mean: rounded(of.mean ?? 0, 4),
    lower: rounded(lower ?? of.range.min, 4),
    upper: rounded(upper ?? of.range.max, 4),
  };
}

function text({ mean, lower, upper }: SearchFigure): string {
  return `${percent(mean)}  (95 % a side: ${percent(lower)} to ${percent(upper)})`;
}

function describe({ variants }: SearchReport, id: string): string {
  const { result } = variants.find((each) => each.id === id) ?? {};
  return result === undefined
    ? id
    : `${percent(result.quality)} at ${Math.round(result.latencyMs)} ms`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function readSpent(folder: string): Spent {
  const path = join(folder, 'spent.json');
  return existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Spent)
    : { seconds: 0, runs: 0 };
}

function writeSpent(folder: string, spent: Spent): void {
  writeFileSync(join(folder, 'spent.json'), JSON.stringify(spent));
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
