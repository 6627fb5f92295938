/**
 * Short constrained answers of the embedded language model, as in an evaluation: with cached
 * prompts, and with every sequence cleared after its answer. Prints a table and, last, one JSON
 * line.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { llmDataPath } from '../data/language/runtime-module';
import { startLlmServer, type LlmServerProcess } from '../test/support/provider/llm-server-process';
import { median, report, rounded } from './figures';

const model = 'smollm2-135m-instruct';
const kinds = ['animal', 'plant', 'food', 'artifact', 'person', 'location', 'substance', 'event'];
const instruction = `Which kind of thing does this definition describe: ${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}?\nDefinition: `;
const grammar = `root ::= ${kinds.map((kind) => `"${kind}"`).join(' | ')}`;

const casesARound = 20;

interface ServerFigures {
  readonly keepPrompts: boolean;
  readonly sequences: number;
  readonly casesPerHour: number;
  readonly promptTokens: number;
  readonly cachedShare: number;
  readonly p50Ms: number;
}

interface ServerContender {
  readonly keepPrompts: boolean;
  readonly sequences: number;
  readonly server: LlmServerProcess;
  readonly rates: number[];
  readonly times: number[];
  prompt: number;
  cached: number;
}

async function open(
  folder: string,
  sequences: number,
  keepPrompts: boolean,
  first: string,
): Promise<ServerContender> {
  const own = join(folder, `${sequences}-${keepPrompts}`);
  const server = await startLlmServer({
    folder: own,
    artifactsFolder: own,
    sequences,
    contextTokens: 512,
    keepPrompts,
    maxQueued: 1_000,
  });
  await ask(server.url, first);
  return { keepPrompts, sequences, server, rates: [], times: [], prompt: 0, cached: 0 };
}

async function round(contender: ServerContender, cases: readonly string[]): Promise<void> {
  let next = 0;
  const since = performance.now();
  const one = async (): Promise<void> => {
    for (let given = cases[next++]; given !== undefined; given = cases[next++]) {
      const began = performance.now();
      const usage = await ask(contender.server.url, given);
      contender.times.push(performance.now() - began);
      contender.prompt += usage.prompt_tokens;
      contender.cached += usage.prompt_tokens_details.cached_tokens;
    }
  };
  await Promise.all(Array.from({ length: contender.sequences * 2 }, one));
  contender.rates.push((cases.length / (performance.now() - since)) * 3_600_000);
}

async function ask(url: string, content: string) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content }],
      temperature: 0,
      max_tokens: 8,
      grammar,
    }),
  });
  if (!response.ok) throw new Error(await response.text());
  const { usage } = (await response.json()) as {
    usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
  };
  return usage;
}

async function glosses(count: number): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    `SELECT gloss FROM '${llmDataPath('wordnet-glosses.parquet')}' WHERE category LIKE 'noun.%' AND length(gloss) < 120 ORDER BY hash(id) LIMIT ${count}`,
  );
  const rows = reader.getRowObjectsJson().map(({ gloss }) => instruction + (gloss as string));
  connection.closeSync();
  instance.closeSync();
  return rows;
}

async function main(): Promise<void> {
  const cases = await glosses(Number(process.argv[2] ?? 160));
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-llm-'));
  const contenders: ServerContender[] = [];
  try {
    for (const sequences of [1, 4])
      for (const keep of [false, true])
        contenders.push(await open(folder, sequences, keep, cases[0] ?? ''));
    // In turns, because the load of the machine is similar in neighbouring turns.
    for (let from = 0; from < cases.length; from += casesARound) {
      for (const contender of contenders)
        await round(contender, cases.slice(from, from + casesARound));
    }
  } finally {
    for (const { server } of contenders) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const figures = contenders.map(
    ({ keepPrompts, sequences, rates, times, prompt, cached }): ServerFigures => ({
      keepPrompts,
      sequences,
      casesPerHour: Math.round(median(rates)),
      promptTokens: Math.round(prompt / cases.length),
      cachedShare: rounded(cached / prompt, 2),
      p50Ms: Math.round(median(times)),
    }),
  );
  report(
    `short constrained answers, ${cases.length} cases, one thread, load ${loadavg()[0]?.toFixed(1) ?? '?'}`,
    figures.map(({ sequences, keepPrompts, casesPerHour, promptTokens, cachedShare, p50Ms }) => [
      `${sequences} sequence${sequences === 1 ? '' : 's'}, prompts ${keepPrompts ? 'kept' : 'cleared'}`,
      `${casesPerHour} cases an hour, p50 ${p50Ms} ms, ${promptTokens} prompt tokens, ${Math.round(cachedShare * 100)} % of them kept`,
    ]),
    { cases: cases.length, figures },
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
