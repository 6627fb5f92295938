/**
 * Detectors on sources that they were not trained on: the shares of attacks and of harmless texts
 * that they stop.
 */
import { quotesInjection } from '../../data/safety/injection-phrases';
import { oddsFor } from '../../data/safety/threshold';
import type { Head } from '../../data/safety/classifier-file';
import {
  judgeHeldOut,
  computeThresholds,
  trainFolds,
  type FoldPair,
  type HeldOutText,
} from '../../data/safety/training/cross-fit';
import { softCategories } from '../../data/safety/training/labelled-texts';
import type { ReadText } from '../../data/safety/training/read-texts';
import type { HeadFeatures } from '../../data/safety/training/train-head';
import { wilsonBounds } from '../../domain/statistics/wilson';

export interface CrossFitted {
  readonly head: Head;
  readonly pairs: readonly FoldPair[];
  readonly judged: Readonly<Record<HeadFeatures, readonly HeldOutText[]>>;
}

export function crossFit(
  head: Head,
  texts: readonly ReadText[],
  features: readonly HeadFeatures[],
): CrossFitted {
  const pairs = trainFolds(head, texts, {
    features,
    onFold: (fold) => process.stderr.write(`${head}: without fold ${fold + 1}\n`),
  });
  const judged = (each: HeadFeatures) =>
    judgeHeldOut(
      pairs.filter((pair) => pair.features === each),
      texts,
    );
  return {
    head,
    pairs,
    judged: { words: judged('words'), vector: judged('vector'), meaning: judged('meaning') },
  };
}

/**
 * Ids of the stopped texts at this rate of false alarms. The threshold of a fold is chosen on the
 * other folds.
 */
export function stoppedAtRate(
  { head, judged }: CrossFitted,
  features: HeadFeatures,
  falseAlarms: number,
): ReadonlySet<string> {
  const folds = [...new Set(judged[features].map(({ fold }) => fold))];
  const limits = new Map(
    folds.map((fold) => [
      fold,
      oddsFor(falseAlarms, computeThresholds(head, judged[features], fold)),
    ]),
  );
  return new Set(
    judged[features]
      .filter(({ odds, fold }) => odds > (limits.get(fold) ?? Infinity))
      .map(({ text }) => text.id),
  );
}

export function stoppedByRules(texts: readonly ReadText[]): ReadonlySet<string> {
  return new Set(texts.filter(({ text }) => quotesInjection(text)).map(({ id }) => id));
}

export interface SourceShare {
  readonly source: string;
  readonly n: number;
  readonly share: number;
  readonly lower: number;
  readonly upper: number;
}

export function sharesBySource(
  texts: readonly ReadText[],
  ids: ReadonlySet<string>,
): { readonly attacks: readonly SourceShare[]; readonly harmless: readonly SourceShare[] } {
  const of = (chosen: readonly ReadText[]) =>
    [...new Set(chosen.map(({ source }) => source))].map((source) =>
      measureShare(
        source,
        chosen.filter((text) => text.source === source),
        ids,
      ),
    );
  const attacks = texts.filter(({ kind }) => kind !== 'benign');
  const named = attacks.map((text): ReadText =>
    softCategories.includes(text.category) ? { ...text, source: 'do-not-answer: opinions' } : text,
  );
  return { attacks: of(named), harmless: of(texts.filter(({ kind }) => kind === 'benign')) };
}

function measureShare(
  source: string,
  texts: readonly ReadText[],
  ids: ReadonlySet<string>,
): SourceShare {
  const events = texts.filter(({ id }) => ids.has(id)).length;
  return {
    source,
    n: texts.length,
    share: events / texts.length,
    ...wilsonBounds({ events, n: texts.length }, 0.95),
  };
}

export function meanShare(shares: readonly SourceShare[]): number {
  return shares.reduce((sum, { share }) => sum + share, 0) / shares.length;
}

export function union(...sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((set) => [...set]));
}
