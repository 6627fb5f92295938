/**
 * Safety detectors on unseen sources, attacks within documents (only these with `--documents`),
 * disguised attacks, topics and time per text. With `--model`, also the answers of the embedded
 * model to attacks with and without a policy. Prints tables and, last, one JSON line.
 */
import { loadavg } from 'node:os';
import { openMiniLm } from '../../data/index/embedders/minilm';
import {
  readAnswers,
  readAnswerTexts,
  readPrompts,
} from '../../data/safety/training/labelled-texts';
import { readTexts, type ReadText } from '../../data/safety/training/read-texts';
import { readParagraphs, readSentenceTexts } from '../../data/safety/training/sentence-texts';
import { isRefusal } from '../../domain/language/dimension/refusal';
import { wilsonBounds } from '../../domain/statistics/wilson';
import { rounded } from '../figures';
import {
  crossFit,
  meanShare,
  sharesBySource,
  stoppedAtRate,
  stoppedByRules,
  union,
  type SourceShare,
} from './held-out';
import { measureDisguises } from './disguised';
import { measureDocuments } from './documents';
import { measureModel } from './model-answers';
import { measureTimes } from './times';
import { measureTopics } from './topics';

const allFeatures = ['words', 'vector', 'meaning'] as const;
const budgets = [0.01, 0.025];

async function main(): Promise<void> {
  const embedder = await openMiniLm();
  const embed = (texts: readonly string[]) => embedder.embed(texts);
  const documents = measureDocuments(
    await readSentenceTexts([...(await readPrompts()), ...(await readParagraphs())], embedder),
  );
  if (process.argv.includes('--documents')) {
    await embedder.close();
    say(JSON.stringify({ bench: 'safety', load: rounded(loadavg()[0] ?? 0), documents }, short));
    return;
  }
  const prompts = await readTexts(await readPrompts(), embedder);
  const answers = await readTexts(await readAnswerTexts(), embedder);
  const injection = crossFit('injection', prompts, allFeatures);
  const harmful = crossFit('harmful', prompts, allFeatures);
  const both = (features: (typeof allFeatures)[number], each: number) =>
    union(stoppedAtRate(injection, features, each), stoppedAtRate(harmful, features, each));

  say(
    'Attacks and harmless texts that are stopped, ' +
      'each source by classifiers that were not trained on it (95 % Wilson intervals)',
  );
  const contenders = [
    { name: 'rules for injections', ids: stoppedByRules(prompts) },
    ...budgets.flatMap((each) => [
      { name: `n-grams, ${100 * each} % + ${100 * each} %`, ids: both('words', each) },
      { name: `embedding, ${100 * each} % + ${100 * each} %`, ids: both('vector', each) },
      { name: `both, ${100 * each} % + ${100 * each} %`, ids: both('meaning', each) },
    ]),
  ].map(({ name, ids }) => ({ name, ...sharesBySource(prompts, ids) }));
  for (const contender of contenders) table(contender);

  const output = crossFit('harmfulAnswer', answers, ['words', 'meaning']);
  const outputs = (['words', 'meaning'] as const).map((features) => ({
    name: `harmful answers, ${features}, 2 %`,
    ...sharesBySource(answers, stoppedAtRate(output, features, 0.02)),
  }));
  for (const contender of outputs) table(contender);

  const disguises = await measureDisguises({ prompts, fitted: [injection, harmful], embed });
  const topics = await measureTopics(prompts, embed);
  const times = await measureTimes();
  const refusals = await measureRefusals();
  const stops = {
    injection: stoppedAtRate(injection, 'meaning', 0.01),
    harmful: stoppedAtRate(harmful, 'meaning', 0.01),
  };
  const answered = process.argv.includes('--model')
    ? await measureModel(drawSample(prompts), stops)
    : null;
  if (answered) say(`embedded model: ${JSON.stringify(answered)}`);
  await embedder.close();
  say(
    JSON.stringify(
      {
        bench: 'safety',
        load: rounded(loadavg()[0] ?? 0),
        contenders,
        outputs,
        disguises,
        documents,
        topics,
        times,
        refusals,
        answered,
      },
      short,
    ),
  );
}

const sampled = { attacks: 8, harmless: 2 };

/** Some texts of each source, in an order that is independent of all results. */
function drawSample(prompts: readonly ReadText[]): readonly ReadText[] {
  const sources = [...new Set(prompts.map(({ source }) => source))];
  return sources.flatMap((source) => {
    const texts = prompts
      .filter((text) => text.source === source)
      .toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
    return texts.slice(0, texts[0]?.kind === 'benign' ? sampled.harmless : sampled.attacks);
  });
}

async function measureRefusals() {
  const answers = await readAnswers('refusal');
  const right = answers.filter(({ text, score }) => isRefusal(text) === score >= 0.5).length;
  const told = {
    n: answers.length,
    share: right / answers.length,
    ...wilsonBounds({ events: right, n: answers.length }, 0.95),
  };
  say(
    `refusals classified as by people: ${percent(told.share)} of ${told.n} (${percent(told.lower)} … ${percent(told.upper)})`,
  );
  return told;
}

function table({
  name,
  attacks,
  harmless,
}: {
  readonly name: string;
  readonly attacks: readonly SourceShare[];
  readonly harmless: readonly SourceShare[];
}): void {
  const line = ({ source, n, share, lower, upper }: SourceShare) =>
    `    ${source.padEnd(26)}${String(n).padStart(5)}${percent(share).padStart(9)}  (${percent(lower)} … ${percent(upper)})`;
  say(
    `  ${name}: stopped ${percent(meanShare(attacks))} of a source of attacks on average, ${percent(meanShare(harmless))} of a harmless one`,
  );
  say([...attacks, ...harmless].map(line).join('\n'));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function short(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(4)) : value;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
