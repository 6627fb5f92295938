/**
 * Short constrained answers of the embedded language model, as an evaluation asks for them: with the prompts of its sequences kept, and with every
 * sequence cleared after its answer. Prints a table and, last, one JSON line.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { llmDataPath } from '../data/llm/runtime-module';
import { startLlmServer } from '../test/support/llm-server-process';

const model = 'smollm2-135m-instruct';
const kinds = ['animal', 'plant', 'food', 'artifact', 'person', 'location', 'substance', 'event'];
const instruction = `Which kind of thing does this definition describe: ${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}?\nDefinition: `;
const grammar = `root ::= ${kinds.map((kind) => `"${kind}"`).join(' | ')}`;

interface Figures {
  readonly keepPrompts: boolean;
  readonly sequences: number;
  readonly casesPerHour: number;
  readonly promptTokens: number;
  readonly cachedShare: number;
  readonly p50Ms: number;
}

async function measure(cases: readonly string[], keepPrompts: boolean, sequences: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-llm-'));
  const server = await startLlmServer({
    folder,
    artifactsFolder: join(folder, 'artifacts'),
    sequences,
    contextTokens: 512,
    keepPrompts,
    maxQueued: 1_000,
  });
  try {
    await ask(server.url, cases[0] ?? '');
    const times: number[] = [];
    let [prompt, cached, next] = [0, 0, 0];
    const since = performance.now();
    await Promise.all(
      Array.from({ length: sequences * 2 }, async () => {
        while (next < cases.length) {
          const began = performance.now();
          const usage = await ask(server.url, cases[next++] ?? '');
          times.push(performance.now() - began);
          prompt += usage.prompt_tokens;
          cached += usage.prompt_tokens_details.cached_tokens;
        }
      }),
    );
    const seconds = (performance.now() - since) / 1000;
    return {
      keepPrompts,
      sequences,
      casesPerHour: Math.round((cases.length / seconds) * 3600),
      promptTokens: Math.round(prompt / cases.length),
      cachedShare: Math.round((cached / prompt) * 100) / 100,
      p50Ms: Math.round(times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0),
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask(url: string, content: string) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }], temperature: 0, max_tokens: 8, grammar }),
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
  const cases = await glosses(Number(process.argv[2] ?? 200));
  const figures: Figures[] = [];
  for (const sequences of [1, 4]) for (const keepPrompts of [false, true]) figures.push(await measure(cases, keepPrompts, sequences));
  process.stdout.write(
    `${cases.length} cases, one thread, load ${loadavg()[0]?.toFixed(1)}\n\nsequences  prompts  cases/hour  prompt tokens  cached  p50 ms\n`,
  );
  for (const { sequences, keepPrompts, casesPerHour, promptTokens, cachedShare, p50Ms } of figures) {
    const cells = [
      String(sequences),
      keepPrompts ? 'kept' : 'cleared',
      String(casesPerHour),
      String(promptTokens),
      `${Math.round(cachedShare * 100)} %`,
      String(p50Ms),
    ];
    process.stdout.write(`${cells.map((cell, index) => cell.padStart([9, 7, 10, 13, 6, 6][index] ?? 0)).join('  ')}\n`);
  }
  process.stdout.write(`${JSON.stringify({ bench: 'llm-server', cases: cases.length, figures })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
