import { dayResamples } from '../statistics/day-resamples';
import { dayInterval, bootstrapReplicates, type Interval } from '../statistics/interval';
import type { Seed } from '../statistics/random';

/** The result for one question, and the expected documents. */
export interface Retrieved {
  readonly question: string;
  /** Distinct documents, best first. */
  readonly found: readonly string[];
  /** Documents that answer the question; at least one. */
  readonly gold: readonly string[];
}

export type RetrievalMetric = `recall@${number}` | 'mrr' | `ndcg@${number}`;

/** The metric of one question, 0 to 1. @throws RangeError for a question without gold documents */
export function scoreRetrieval(
  metric: RetrievalMetric,
  { question, found, gold }: Retrieved,
): number {
  if (gold.length === 0)
    throw new RangeError(`question ${question} has no documents that answer it`);
  const wanted = new Set(gold);
  if (metric === 'mrr') {
    const rank = found.findIndex((id) => wanted.has(id));
    return rank === -1 ? 0 : 1 / (rank + 1);
  }
  const k = Number(metric.slice(metric.indexOf('@') + 1));
  const top = found.slice(0, k);
  if (metric.startsWith('recall')) return top.filter((id) => wanted.has(id)).length / wanted.size;
  // K. Järvelin and J. Kekäläinen (2002), with gains of 0 and 1.
  const gain = top.reduce(
    (sum, id, rank) => sum + (wanted.has(id) ? 1 / Math.log2(rank + 2) : 0),
    0,
  );
  const ideal = Array.from(
    { length: Math.min(k, wanted.size) },
    (_, rank) => 1 / Math.log2(rank + 2),
  ).reduce((sum, each) => sum + each, 0);
  return gain / ideal;
}

export interface RetrievalMean {
  readonly questions: number;
  readonly mean: number;
  /** Null for a single question. */
  readonly interval: Interval | null;
}

/** Mean of scores or of paired differences, with a bootstrap over questions. */
export function meanOver(
  scores: readonly number[],
  { levels, seed }: { readonly levels: readonly number[]; readonly seed: Seed },
): RetrievalMean {
  const questions = scores.length;
  const mean = scores.reduce((sum, score) => sum + score, 0) / questions;
  if (questions < 2) return { questions, mean, interval: null };
  const statistic = (weights: ArrayLike<number>): number => {
    let sum = 0;
    let weight = 0;
    for (let index = 0; index < questions; index += 1) {
      sum += (weights[index] ?? 0) * (scores[index] ?? 0);
      weight += weights[index] ?? 0;
    }
    return weight === 0 ? NaN : sum / weight;
  };
  const resamples = dayResamples({ days: questions, replicates: bootstrapReplicates, seed });
  return {
    questions,
    mean,
    interval:
      dayInterval({ statistic, resamples, levels, days: questions, correlation: 0 })?.interval ??
      null,
  };
}
