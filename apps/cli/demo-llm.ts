/**
 * The steps of `npm run demo:llm` on a running platform. An assistant starts with one prompt and
 * ends with an index, tried on questions with known answers. A router is fine-tuned, and a harmful
 * prompt for it is rolled back. The summary compares each figure with a trivial baseline.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { wikiAssistantDemo, shortened, withoutRetrieval } from '../../samples/wiki-assistant/demo';
import { shortTraining, withSortedExamples } from '../../samples/wiki-router/demo';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { LlmEvidence } from '../../domain/language/evaluation/evidence';
import { ApiError } from '../client/api-error';
import { CliError, type ExitCode } from './cli-error';
import type { CliContext } from './context';
import { applyForDemo } from './demo/apply';
import { clone, demoContext, type DemoContextOptions } from './demo/demo-context';
import {
  readDocuments,
  readQuestions,
  chooseTraffic,
  type TrafficQuestion,
} from './demo-llm/documents';
import { llmSummary, reportText, type LlmDemoSummary } from './demo-llm/summary';
import { compareRetrieval } from './demo-llm/retrieval';
import { askStreamed } from './demo-llm/streamed';
import { abortOpenRollout, playRound, type Traffic } from './demo/round';
import { hundredths, type NamedRound } from './demo/summary';
import type { ExplanationJson } from './decision/explanation-view';
import { appliedSpec } from './lifecycle/applied';
import { readLifecycleFolder } from './lifecycle/folder';
import { askQuestions, listQuestions } from './serving/replay/questions';
import { describeRollout } from './rollout/view';
import { describeRun } from './run/view';

export interface LlmDemoOptions extends DemoContextOptions {
  /** Fewer documents and prompts, answerable questions first, and a short training. */
  readonly quick: boolean;
}

const findSampleFolder = (name: string): string => join(clone, 'samples', name);
const {
  lifecycle: assistant,
  index,
  quickDocuments,
  quickQuestions,
  parallel,
  ask,
} = wikiAssistantDemo;
const router = 'wiki-router';

export async function runLlmDemo(
  options: LlmDemoOptions,
): Promise<{ readonly exitCode: ExitCode; readonly summary: LlmDemoSummary }> {
  const { gatewayUrl, apiKey, terminal, signal, quick } = options;
  const startedAt = Date.now();
  const context = demoContext(options, clone);
  const chapter = (number: number, what: string): void =>
    terminal.say(`\n${terminal.paint.bold(`${number} of 4  ${what}`)}`);
  const play = async (
    lifecycle: string,
    name: string,
    traffic: Traffic,
    onAccepted?: () => Promise<void>,
  ): Promise<NamedRound> => {
    const given = { lifecycle, reason: `npm run demo:llm: ${name}`, traffic, signal };
    const round = await playRound(context, { ...given, ...(onAccepted ? { onAccepted } : {}) });
    const page = { columns: terminal.columns, rows: 10 };
    const drawn =
      round.rollout === null ? [] : ['', describeRollout(round.rollout, page, terminal.paint)];
    terminal.say(`\n${[describeRun(round.run, terminal.paint), ...drawn].join('\n')}`);
    return { ...round, name };
  };
  if (quick)
    terminal.say(
      `--quick: ${quickDocuments} documents, fewer prompts and a short training; the full demo takes longer and reaches better figures`,
    );

  // Not below .perennial, which sources may not read.
  const subset = join(findSampleFolder(assistant), 'data', `summaries-${quickDocuments}.parquet`);
  const [documents, questions] = [
    await readDocuments(quick ? quickDocuments : null, subset),
    await readQuestions(),
  ];
  const given = readLifecycleFolder(findSampleFolder(assistant), '.');
  const whole = quick ? shortened(given, subset) : given;
  for (const each of [router, assistant])
    await abortOpenRollout(context, each, 'left open by an earlier npm run demo:llm');

  const rounds: NamedRound[] = [];
  chapter(1, 'a first assistant: one prompt and the model, without retrieval');
  if ((await readChampion(context, assistant)) === null) {
    await apply(context, assistant, withoutRetrieval(whole), ', without index');
    rounds.push(await play(assistant, 'without retrieval', silence));
  } else terminal.say(`${assistant} has a champion from an earlier demo, which is kept`);

  chapter(
    2,
    `${documents.length} summaries as an index, better prompts, and a rollout that decides`,
  );
  await apply(context, assistant, whole, '');
  const spec = await appliedLlmSpec(context, assistant);
  const replayTo = (model: string, asked: readonly TrafficQuestion[]): Traffic => ({
    what: `replaying ${asked.length} questions with their right answers; none of them was used to choose the prompt`,
    send: (until) =>
      askQuestions({
        gatewayUrl,
        apiKey,
        model,
        questions: asked,
        rounds: 1,
        parallel,
        signal: until,
        onProgress: () => undefined,
      }),
  });
  const asked = chooseTraffic(questions, spec.cases, quick ? 'answerableFirst' : 'asStored');
  rounds.push(await play(assistant, 'with retrieval', replayTo(assistant, asked)));
  const served = await readChampion(context, assistant);

  terminal.say(`\n${terminal.paint.bold(`with any OpenAI client, over HTTP: ${ask}`)}`);
  const answer =
    served === null
      ? null
      : await askStreamed({ gatewayUrl, apiKey, model: assistant, question: ask });
  const version = await builtIndex(context);
  const found =
    version === null
      ? []
      : await compareRetrieval({
          gatewayUrl,
          apiKey,
          index,
          version,
          documents,
          questions: quick ? questions.slice(0, quickQuestions) : questions,
        });
  chapter(
    3,
    'a fine-tuned classifier: which of eight kinds of thing does a text describe? The adapter competes with prompts and a bag-of-words baseline',
  );
  const learning = readLifecycleFolder(findSampleFolder(router), '.');
  const trained = quick ? shortTraining(learning) : learning;
  await apply(context, router, trained, quick ? ', short training' : '');
  rounds.push(await play(router, 'the router', silence));

  chapter(4, 'sabotage: eight examples of one kind, no gates, and half of the traffic at once');
  const definitions = listQuestions(
    await appliedLlmSpec(context, router),
    learning.files['cases.ndjson'] ?? '',
  );
  await apply(context, router, withSortedExamples(learning), ', with sorted examples');
  const worse = await play(router, 'a worse prompt', replayTo(router, definitions), () =>
    apply(context, router, trained, ', unchanged'),
  );
  rounds.push(worse);

  const explained = await readEvidence(context, rounds);
  const champion = await readChampion(context, assistant);
  const seconds = hundredths((Date.now() - startedAt) / 1000);
  const summary = llmSummary({
    quick,
    documents: documents.length,
    rounds,
    evidences: explained,
    worse,
    answer,
    found,
    champion,
    seconds,
    load: loadavg()[0] ?? 0,
  });
  terminal.say(reportText(summary, rounds));
  const routerChampion = await readChampion(context, router);
  return { exitCode: chooseExitCode(rounds, summary, { worse, routerChampion }), summary };
}

async function appliedLlmSpec(context: CliContext, lifecycle: string): Promise<LlmLifecycleSpec> {
  const spec = await appliedSpec(context.api(), lifecycle);
  if (spec.kind !== 'LlmLifecycle') throw new CliError(`${lifecycle} is a ${spec.kind}`, 1);
  return spec;
}

/** A first version has no champion to compare with, so no requests are sent. */
const silence: Traffic = { what: '', send: () => Promise.reject(new Error('no traffic to send')) };

async function apply(
  context: CliContext,
  lifecycle: string,
  body: object,
  how: string,
): Promise<void> {
  await applyForDemo(context, lifecycle, { body, from: `samples/${lifecycle}${how}` });
}

interface Alias {
  readonly version: number | null;
}

async function readChampion(
  context: CliContext,
  model: string,
): Promise<LlmDemoSummary['champion']> {
  const api = context.api();
  const { version } = await api
    .call('GET /models/{model}/aliases/{alias}', { path: { model, alias: 'champion' } })
    .catch((error: unknown): Alias => {
      // The model does not exist yet.
      if (error instanceof ApiError && error.status === 404) return { version: null };
      throw error;
    });
  if (version === null) return null;
  const { manifest } = await api.call('GET /models/{model}/versions/{version}', {
    path: { model, version },
  });
  return { model, version, digest: manifest.digest };
}

/**
 * For a promoted or a rejected version, because retrieval does not depend on the answers of the
 * model.
 */
async function builtIndex(context: CliContext): Promise<number | null> {
  type Index = {
    readonly versions: readonly { readonly version: number; readonly state: string }[];
  };
  const { versions } = await context
    .api()
    .call('GET /indexes/{index}', { path: { index } })
    .catch((error: unknown): Index => {
      if (error instanceof ApiError && error.status === 404) return { versions: [] };
      throw error;
    });
  return versions.find(({ state }) => state === 'ready')?.version ?? null;
}

/** The evidence of the run, on which its gates decided. */
async function readEvidence(
  context: CliContext,
  rounds: readonly NamedRound[],
): Promise<ReadonlyMap<string, LlmEvidence>> {
  const found = new Map<string, LlmEvidence>();
  for (const { run } of rounds) {
    if (run.version === null) continue;
    const { decisions } = (await context.api().call('GET /models/{model}/explain', {
      path: { model: run.lifecycle },
      query: { version: run.version },
    })) as ExplanationJson;
    const evidence = decisions
      .map(({ evidenceBody }) => evidenceBody)
      .find((body) => body?.kind === 'llmEvaluation');
    if (evidence?.kind === 'llmEvaluation') found.set(run.id, evidence);
  }
  return found;
}

/** A canary may fail. A failed run, a missing champion or harm without a rollback is an error. */
function chooseExitCode(
  rounds: readonly NamedRound[],
  { champion, rollback }: LlmDemoSummary,
  {
    worse,
    routerChampion,
  }: { readonly worse: NamedRound; readonly routerChampion: LlmDemoSummary['champion'] },
): ExitCode {
  const broke = rounds.some(({ run }) => run.status !== 'succeeded' && run.status !== 'stopped');
  if (broke || (rollback === null && routerChampion?.version === worse.run.version)) return 1;
  return champion === null ? 3 : 0;
}
