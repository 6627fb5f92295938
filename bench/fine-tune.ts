/**
 * Fine-tunes an adapter for a routing step with the trainer `lora` and the local compute backend,
 * on definitions of WordNet and their categories. Then compares it with its base model on held-out
 * definitions. `fine-tune.ts [steps] [training rows] [held-out rows]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { createLocalBackend } from '../activities/training/compute/local/backend';
import { llmDataPath, llmModelPath } from '../data/language/runtime-module';
import type { ArtifactRef } from '../domain/artifact';
import type { Job, JobState } from '../domain/training/job';
import { directoryArtifacts, type DirectoryArtifacts } from '../test/support/directory-artifacts';
import { startLlmServer } from '../test/support/provider/llm-server-process';
import { report } from './figures';

type Succeeded = Extract<JobState, { kind: 'succeeded' }>;

const model = 'smollm2-135m-instruct';
const root = resolve(__dirname, '..');
const kinds = ['animal', 'plant', 'food', 'artifact', 'person', 'location', 'substance', 'event'];
const question = `Which kind of thing does this definition describe: ${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1) ?? ''}?\nDefinition: `;
const grammar = `root ::= ${kinds.map((kind) => `"${kind}"`).join(' | ')}`;

async function main([
  steps = '120',
  trainRows = '960',
  holdoutRows = '200',
]: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-fine-tune-'));
  try {
    const artifacts = directoryArtifacts(join(folder, 'artifacts'));
    const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await glosses(connection, Number(trainRows) / kinds.length, Number(holdoutRows) / kinds.length);
    const since = performance.now();
    const trained = await train(folder, artifacts, Number(steps), {
      base: [
        await artifacts.putFile({
          tenant: 'default',
          path: llmModelPath(`${model}.gguf`),
          mediaType: 'application/octet-stream',
        }),
      ],
      train: [await table(connection, folder, artifacts, 'train')],
      holdout: [await table(connection, folder, artifacts, 'holdout')],
    });
    const seconds = Math.round((performance.now() - since) / 1000);
    const adapter = trained.outputs.find(({ name }) => name === 'adapter.gguf')?.artifact;
    if (adapter === undefined) throw new Error('the training job has no output adapter.gguf');
    const cases = (
      await connection.runAndReadAll('SELECT prompt, completion FROM holdout')
    ).getRowObjectsJson() as unknown as Case[];
    connection.closeSync();
    const served = await serve(folder, adapter, cases);
    tell(trained, served, cases.length, seconds, adapter.bytes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Case {
  readonly prompt: string;
  readonly completion: string;
}

/** Equally many of each kind, chosen by their ids. */
async function glosses(
  connection: DuckDBConnection,
  trainEach: number,
  holdoutEach: number,
): Promise<void> {
  await connection.run(`
    CREATE TABLE chosen AS
    SELECT '${question}' || gloss AS prompt, substr(category, 6) AS completion, row_number() OVER (PARTITION BY category ORDER BY hash(id)) AS place
    FROM '${llmDataPath('wordnet-glosses.parquet')}'
    WHERE category IN (${kinds.map((kind) => `'noun.${kind}'`).join(', ')}) AND length(gloss) BETWEEN 16 AND 160`);
  await connection.run(
    `CREATE TABLE train AS SELECT prompt, completion FROM chosen WHERE place <= ${trainEach} ORDER BY hash(prompt)`,
  );
  await connection.run(
    `CREATE TABLE holdout AS SELECT prompt, completion FROM chosen WHERE place > ${trainEach} AND place <= ${trainEach + holdoutEach} ORDER BY hash(prompt)`,
  );
}

async function table(
  connection: DuckDBConnection,
  folder: string,
  artifacts: DirectoryArtifacts,
  name: string,
): Promise<ArtifactRef> {
  const path = join(folder, `${name}.parquet`);
  await connection.run(`COPY ${name} TO '${path}' (FORMAT parquet)`);
  return artifacts.putFile({
    tenant: 'default',
    path,
    mediaType: 'application/vnd.apache.parquet',
  });
}

async function train(
  folder: string,
  artifacts: DirectoryArtifacts,
  steps: number,
  inputs: Job['inputs'],
): Promise<Succeeded> {
  const backend = createLocalBackend({
    python: join(root, '.perennial', 'python', 'bin', 'python'),
    trainersDir: join(root, 'trainers'),
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 1,
  });
  try {
    const handle = await backend.submit({
      id: 'run_bench/fine-tune/job/1',
      tenant: 'default',
      trainer: 'lora',
      params: { steps, upper_layers: 10, evaluate_rows: 0 },
      seed: 1,
      inputs,
      context: {
        task: 'generation',
        label: 'completion',
        features: [{ name: 'prompt', type: 'string' }],
      },
      resources: { cpus: 1, memoryBytes: 4 * 2 ** 30, timeoutSeconds: 7_200 },
    });
    for (;;) {
      const state = await backend.poll(handle);
      if (state.kind === 'succeeded') return state;
      if (state.kind !== 'queued' && state.kind !== 'running')
        throw new Error(`${JSON.stringify(state)}\n${(await backend.logs(handle, 4_000)).text}`);
      const last = state.kind === 'running' ? state.metrics.at(-1) : undefined;
      process.stderr.write(
        last ? `step ${last.step} of ${steps}: loss ${last.value.toFixed(3)}\n` : 'starting …\n',
      );
      await new Promise((again) => setTimeout(again, 20_000));
    }
  } finally {
    await backend.close();
  }
}

async function serve(
  folder: string,
  adapter: ArtifactRef,
  cases: readonly Case[],
): Promise<{ readonly adapted: number; readonly base: number }> {
  const server = await startLlmServer({
    folder: join(folder, 'server'),
    artifactsFolder: join(folder, 'artifacts'),
    contextTokens: 512,
  });
  try {
    const named = await fetch(`${server.url}/v1/adapters/kinds`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(adapter),
    });
    if (!named.ok) throw new Error(await named.text());
    return {
      adapted: await rightAnswers(server.url, `${model}:kinds`, cases),
      base: await rightAnswers(server.url, model, cases),
    };
  } finally {
    await server.stop();
  }
}

async function rightAnswers(url: string, name: string, cases: readonly Case[]): Promise<number> {
  let [right, next] = [0, 0];
  const answer = async (): Promise<void> => {
    for (let given = cases[next++]; given !== undefined; given = cases[next++]) {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: name,
          messages: [{ role: 'user', content: given.prompt }],
          temperature: 0,
          max_tokens: 8,
          grammar,
        }),
      });
      if (!response.ok) throw new Error(await response.text());
      const { choices } = (await response.json()) as {
        readonly choices: readonly [{ readonly message: { readonly content: string } }];
      };
      if (choices[0].message.content === given.completion) right++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, answer));
  return right;
}

function tell(
  { result }: Succeeded,
  served: { readonly adapted: number; readonly base: number },
  count: number,
  seconds: number,
  bytes: number,
): void {
  const metrics = result.metrics as Record<
    'accuracy' | 'base_accuracy' | 'tfidf_accuracy' | 'majority_accuracy',
    number
  >;
  const compute = result.facts['compute'] as Record<
    'flops' | 'tokens' | 'shareOfAllWeightsSameTokens' | 'shareOfFromScratch',
    number
  >;
  const share = (right: number): string => {
    const [low, high] = wilson(right, count);
    return `${((100 * right) / count).toFixed(1)} %  (95 %: ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
  };
  report(
    'fine-tuning of a routing step',
    [
      ['held-out definitions', `${count}, ${kinds.length} kinds`],
      ['commonest kind', share(Math.round(metrics.majority_accuracy * count))],
      ['base model, served', share(served.base)],
      ['TF-IDF + logistic regression', share(Math.round(metrics.tfidf_accuracy * count))],
      ['adapter, in the trainer', share(Math.round(metrics.accuracy * count))],
      ['adapter, served', share(served.adapted)],
      [
        'trained',
        `${compute.tokens} tokens in ${seconds} s with everything around it, load ${loadavg()[0]?.toFixed(1) ?? '?'}; ${bytes} bytes`,
      ],
      [
        'operations',
        `${compute.flops.toExponential(2)}; of all weights on the same tokens ${(100 * compute.shareOfAllWeightsSameTokens).toFixed(0)} %`,
      ],
      ['of training from scratch', `${(100 * compute.shareOfFromScratch).toPrecision(2)} %`],
    ],
    { count, served, metrics, compute, seconds },
  );
}

/** The score interval for a share (Wilson 1927). */
function wilson(right: number, count: number): readonly [number, number] {
  const z = 1.96;
  const share = right / count;
  const middle = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
  const half =
    (z / (1 + z ** 2 / count)) *
    Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return [middle - half, middle + half];
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
