/**
 * Checks whether the same bundle gives the same answers in every environment. Environments differ
 * in processor generation, threads, parallel answers, prompt caching, and the path to the model:
 * direct, through an evaluation, or through the gateway. Not measured: other operating systems,
 * ARM, GPUs, and providers that change a model under its name. `--only <text>`: the first
 * environment and those whose name contains the text. Prints a table and, last, one JSON line.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import OpenAI from 'openai';
import { promptAnswerer } from '../../data/language/evaluation/answerer';
import { evaluateCases } from '../../data/language/evaluation/evaluate-cases';
import { createEvaluatorTools } from '../../data/language/evaluation/evaluator-tools';
import { inParallel } from '../../data/language/evaluation/pool';
import { openLedgerChat } from '../../data/language/ledger-chat';
import { openModelAccess } from '../../data/language/model-access';
import { computeDigest } from '../../data/digest';
import { defaultTenant as tenant } from '../../domain/ids';
import type { Sampling } from '../../domain/chat/chat';
import { evaluate, type EvaluatorSpec } from '../../domain/language/dimension/evaluator';
import { renderPrompt } from '../../domain/prompt/render';
import { wilsonBounds } from '../../domain/statistics/wilson';
import { openDeathWatch } from '../../infra/death-watch';
import {
  startLlmServer,
  type LlmServerProcess,
} from '../../test/support/provider/llm-server-process';
import { putBundle } from '../../test/support/language/served-bundles';
import { runAsProcessor, readProcessor } from './processor';
import { openTasks, type ConsistencyTask } from './tasks';
import { openEmbeddedWorld } from '../embedded-world';
import { report, rounded } from '../figures';
import { embeddedAt } from '../llm-world';

const model = 'smollm2-135m-instruct';
const sampling: Sampling = { temperature: 0, topP: 1, maxTokens: 32, seed: 1, stop: [] };
const tools = createEvaluatorTools(null);
/** The paper's figure. */
const reference = 0.89;

/** The answers of the environment, in the order of the cases. */
type AskTask = (task: ConsistencyTask) => Promise<readonly string[]>;

interface ComparedTask {
  readonly environment: string;
  readonly task: string;
  readonly cases: number;
  readonly sameAnswers: number;
  readonly sameScores: number;
  readonly score: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { cases: { type: 'string', default: '120' }, only: { type: 'string', default: '' } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-consistency-'));
  const tasks = await openTasks(Number(values.cases));
  const all: { environment: string; answers: readonly (readonly string[])[] }[] = [];
  const measure = async (environment: string, ask: AskTask): Promise<void> => {
    const since = performance.now();
    const answers: (readonly string[])[] = [];
    for (const task of tasks) answers.push(await ask(task));
    all.push({ environment, answers });
    process.stdout.write(
      `${environment}: ${rounded((performance.now() - since) / 1000)} s, load ${rounded(loadavg()[0] ?? 0)}\n`,
    );
  };
  let started = 0;
  const serve = (settings: Partial<Parameters<typeof startLlmServer>[0]>) =>
    startLlmServer({
      folder: join(folder, `llm-${(started += 1)}`),
      artifactsFolder: folder,
      sequences: 1,
      threads: 1,
      keepPrompts: false,
      contextTokens: 1024,
      maxQueued: 1_000,
      ...settings,
    });
  try {
    let own = '';
    const wanted = (name: string): boolean => all.length === 0 || name.includes(values.only);
    const on = async (
      name: string,
      start: () => Promise<LlmServerProcess>,
      atOnce = 1,
    ): Promise<void> => {
      if (!wanted(name)) return;
      const server = await start();
      try {
        const runs = readProcessor(server.pid);
        await measure(`${name}, ${runs}`, straightTo(server.url, atOnce));
        own ||= runs;
      } finally {
        await server.stop();
      }
    };
    await on('one thread, one answer at a time', () => serve({}));
    await on('the same in another process', () => serve({}));
    await on('two threads', () => serve({ threads: 2 }));
    await on('four answers at once', () => serve({ sequences: 4 }), 4);
    await on('prompts kept', () => serve({ keepPrompts: true }));
    for (const processor of ['skylakex', 'haswell', 'sse42'] as const)
      if (processor !== own)
        await on(`another processor (${processor})`, () =>
          runAsProcessor(processor, folder, () => serve({})),
        );
    if (wanted('through')) {
      const server = await serve({ sequences: 4, keepPrompts: true });
      await throughPlatform(folder, server, tasks, measure).finally(() => server.stop());
    }
    await tell(tasks, all);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Calls the provider's protocol directly with Node's own client. */
function straightTo(url: string, atOnce: number): AskTask {
  return ({ template, cases }) =>
    inParallel(cases, atOnce, async ({ input }) => {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model,
          messages: renderPrompt(template, input),
          temperature: 0,
          top_p: 1,
          max_tokens: sampling.maxTokens,
          seed: sampling.seed,
          ...(template.answerSchema && {
            response_format: {
              type: 'json_schema',
              json_schema: { name: 'answer', schema: template.answerSchema },
            },
          }),
        }),
      });
      if (!response.ok) throw new Error(await response.text());
      const { choices } = (await response.json()) as {
        readonly choices: readonly { readonly message: { readonly content: string } }[];
      };
      return choices[0]?.message.content ?? '';
    });
}

/**
 * The bundle as evaluated and as served: through the evaluation with its ledger, and through a
 * gateway with a stock client.
 */
async function throughPlatform(
  folder: string,
  { url }: LlmServerProcess,
  tasks: readonly ConsistencyTask[],
  measure: (environment: string, ask: AskTask) => Promise<void>,
): Promise<void> {
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [() => watch.close()];
  try {
    const world = await openEmbeddedWorld(folder, watch, closers);
    const access = openModelAccess([embeddedAt(url)], () =>
      Promise.reject(new Error('this bench refers to no secret')),
    );
    closers.push(() => access.close());
    const chat = openLedgerChat(access, world.registry.llmCalls);
    await measure('through an evaluation, four at once', async ({ cases, template, dimension }) => {
      const asking = {
        chat,
        tenant,
        scope: 'consistency',
        owner: { execution: 'consistency', attempt: 1 },
        budgets: [],
      };
      const answerer = promptAnswerer({
        asking,
        template,
        route: [{ provider: 'embedded', model }],
        sampling,
        retrieval: null,
      });
      const results = await evaluateCases({
        cases,
        caseSet: computeDigest(cases),
        dimensions: [dimension],
        answerer,
        judges: {},
        tools,
        parallel: 4,
      });
      return results.map(({ answer }) => answer ?? '');
    });
    for (const { template, input } of tasks) {
      const manifest = await putBundle(
        (bytes) => world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' }),
        {
          model: template.name,
          prompt: template,
          sampling,
          signature: { task: 'chat', input },
          base: { provider: 'embedded', model, adapter: null, standby: [] },
        },
      );
      await world.promote(await world.registerManifest(manifest));
    }
    const gateway = await world.startGateway(join(folder, 'gateway'), {
      PERENNIAL_LLM_URL: `${url}/v1`,
    });
    closers.push(() => gateway.stop());
    const client = new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: world.keys.viewer,
      maxRetries: 0,
    });
    await measure('through a gateway, four at once', ({ template, input, cases }) =>
      inParallel(cases, 4, async (of) => {
        const messages = [{ role: 'user' as const, content: String(of.input[input]) }];
        const answer = await client.chat.completions.create({ model: template.name, messages });
        return answer.choices[0]?.message.content ?? '';
      }),
    );
  } finally {
    for (const close of closers.reverse()) await close().catch(() => undefined);
  }
}

async function tell(
  tasks: readonly ConsistencyTask[],
  all: readonly {
    readonly environment: string;
    readonly answers: readonly (readonly string[])[];
  }[],
): Promise<void> {
  const [first, ...others] = all;
  const compared: ComparedTask[] = [];
  for (const [place, task] of tasks.entries()) {
    const base = first?.answers[place] ?? [];
    const baseScores = await scoreAnswers(task, base);
    for (const { environment, answers } of others) {
      const given = answers[place] ?? [];
      const scores = await scoreAnswers(task, given);
      compared.push({
        environment,
        task: task.name,
        cases: task.cases.length,
        sameAnswers: given.filter((text, index) => text === base[index]).length,
        sameScores: scores.filter((score, index) => score === baseScores[index]).length,
        score: scores.reduce((sum, score) => sum + score, 0) / scores.length,
      });
    }
  }
  const rows = compared.map(
    ({ environment, task, cases, sameAnswers, sameScores, score }): readonly [string, string] => [
      `${task}: ${environment}`,
      `same answer ${shareText(sameAnswers, cases)}, same score ${shareText(sameScores, cases)}; score ${score.toFixed(3)}`,
    ],
  );
  report(
    `consistency beside ${first?.environment ?? ''}, load ${rounded(loadavg()[0] ?? 0)}`,
    [...rows, ['reference', `${100 * reference} %`]],
    { compared, environment: first?.environment, load: rounded(loadavg()[0] ?? 0) },
  );
}

function scoreAnswers(
  { dimension, cases }: ConsistencyTask,
  answers: readonly string[],
): Promise<readonly number[]> {
  return Promise.all(
    cases.map(async (of, index) => {
      const score = await evaluate(
        dimension as EvaluatorSpec,
        { case: of, answer: answers[index] ?? '', retrieved: [] },
        tools,
      );
      return score.kind === 'scored' ? score.value : 0;
    }),
  );
}

function shareText(events: number, n: number): string {
  const { lower, upper } = wilsonBounds({ events, n }, 0.95);
  const percent = (share: number) => (100 * share).toFixed(1);
  return `${percent(events / n)} % (${percent(lower)} to ${percent(upper)})`;
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
