/**
 * Measures the value of retrieval. Questions about single facts of Wikipedia summaries, with
 * answers that are extracted without a model, go to the sample wiki-assistant with and without
 * passages from an index of all summaries. FanOutQA questions that a summary answers are added.
 * Stops after `--minutes`; a later start continues, because index and call ledger are kept in
 * `--folder`. `--list` only prints the questions. `--threads 2` is fastest on an idle machine.
 * Prints tables and, last, one JSON line.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readDocuments } from '../../apps/cli/demo-llm/documents';
import { openEmbedders } from '../../data/index/embedders/open-embedder';
import type { LedgerAccess } from '../../data/language/reranker';
import { openDetectors } from '../../data/safety/open-detectors';
import { defaultTenant as tenant } from '../../domain/ids';
import type { EvaluationCase } from '../../domain/language/cases/case';
import { startLlmServer } from '../../test/support/provider/llm-server-process';
import { setUpLanceDb } from '../../workers/language/lance-settings';
import { ask, type AssistantResults } from './asked';
import {
  buildAnswerer,
  bundleNames,
  readAssistant,
  readSampleCases,
  type AssistantName,
} from './assistant';
import type { Fact } from './fact';
import { listed, reportFacts } from './report';
import { factQuestions } from './questions';
import { readSummaries } from './summaries';
import { findAll } from './found';
import { openWikiIndex } from './wiki-index';
import { embeddedAt, openLlmWorld } from '../llm-world';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      questions: { type: 'string', default: '1000' },
      minutes: { type: 'string', default: '60' },
      folder: {
        type: 'string',
        default: resolve(__dirname, '..', '..', '.perennial', 'bench', 'facts'),
      },
      threads: { type: 'string', default: '1' },
      sequences: { type: 'string', default: '4' },
      list: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
    },
  });
  const summaries = await readSummaries();
  const facts = factQuestions(summaries, Number(values.questions));
  if (values.list) {
    process.stdout.write(listed(facts));
    return;
  }
  const { folder } = values;
  if (values.fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  setUpLanceDb();
  const [threads, sequences] = [Number(values.threads), Number(values.sequences)];
  const signal = AbortSignal.timeout(Number(values.minutes) * 60_000);
  const closers: (() => Promise<void> | void)[] = [];
  try {
    const assistant = readAssistant();
    const embedders = openEmbedders();
    closers.push(() => embedders.close());
    const documents = await readDocuments(null, '');
    const index = await openWikiIndex({
      folder: join(folder, 'index'),
      spec: assistant.spec.index,
      documents,
      embedders,
      signal,
    });
    closers.push(() => index.close());
    const server = await startLlmServer({
      folder: join(folder, 'llm'),
      artifactsFolder: folder,
      sequences,
      threads,
      maxQueued: 1_000,
    });
    closers.push(() => server.stop());
    const world = await openLlmWorld(folder, [embeddedAt(server.url)]);
    closers.push(() => world.close());
    const asking: LedgerAccess = {
      chat: world.chat,
      tenant,
      scope: 'bench/facts',
      budgets: [],
      // A later run takes over requests that were in flight, without waiting.
      owner: { execution: 'bench/facts', attempt: Math.floor(Date.now() / 1000) },
    };
    const detectors = openDetectors({ embedders });
    const askEach = async (
      what: string,
      cases: readonly EvaluationCase[],
    ): Promise<Readonly<Record<AssistantName, AssistantResults>>> => {
      const asked: Partial<Record<AssistantName, AssistantResults>> = {};
      for (const name of bundleNames) {
        const answerer = buildAnswerer(name, { assistant, index, detectors, asking });
        asked[name] = await ask(`${what}, ${name}`, {
          answerer,
          cases,
          parallel: sequences,
          signal,
        });
      }
      return asked as Record<AssistantName, AssistantResults>;
    };
    const byFacts = await askEach('facts', facts.map(toCase));
    const sample = readSampleCases(assistant).slice(0, Number(values.questions));
    const bySample = await askEach('FanOutQA', sample);
    const found = await findAll(index, assistant.spec.index.mode, facts);
    reportFacts({
      facts,
      byFacts,
      sample,
      bySample,
      found,
      documents: summaries.length,
      chunks: index.chunks,
      load: loadavg()[0] ?? 0,
    });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'TimeoutError')) throw error;
    process.stdout.write(
      `not finished after ${values.minutes} minutes; start it again to continue\n`,
    );
    process.exitCode = 3;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function toCase({ question, written, document }: Fact): EvaluationCase {
  const [answer = '', ...otherAnswers] = written;
  return {
    id: question,
    input: { question },
    expected: { answer, otherAnswers, documents: [document] },
    tags: [],
    group: null,
    pair: null,
    rules: [],
  };
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
