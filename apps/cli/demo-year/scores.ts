/** The metric of a month: what was served, and what other versions would have scored. */
import { valueOf } from '../../../domain/evaluation/metrics/metrics';
import { openInferenceClient } from '../serving/inference-client';
import type { ServedFlight } from './traffic';

export interface MonthMetric {
  readonly labels: number;
  /** Mean log loss of the served scores. */
  readonly served: number;
  /** That of January's champion on the same flights. */
  readonly never: number;
  /** That of the newest candidate at the time of each flight, on the same flights. */
  readonly every: number;
}

/** A version that a run registered, and the event time from which it could have served. */
export interface YearCandidate {
  readonly version: number;
  readonly from: number;
}

export interface ScoringOptions {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** In the order of their times. */
  readonly candidates: readonly YearCandidate[];
  /** The version that would serve without retraining. */
  readonly first: number;
}

const rowsAtOnce = 500;

export async function measureMonth(
  served: readonly ServedFlight[],
  { candidates, first, ...gateway }: ScoringOptions,
): Promise<MonthMetric> {
  const everyVersion = served.map(({ at }) => newestAt(candidates, at) ?? first);
  const scores = new Map<number, Float64Array>();
  for (const version of new Set([first, ...everyVersion]))
    scores.set(version, await scoresOf(served, version, gateway));
  const scoreBy = (version: number, index: number) => scores.get(version)?.[index] ?? Number.NaN;
  return {
    labels: served.length,
    served: logLoss(served, ({ score }) => score),
    never: logLoss(served, (_, index) => scoreBy(first, index)),
    every: logLoss(served, (_, index) => scoreBy(everyVersion[index] ?? first, index)),
  };
}

function newestAt(candidates: readonly YearCandidate[], at: number): number | undefined {
  return candidates.filter(({ from }) => from <= at).at(-1)?.version;
}

/** By the gateway, which answers for any version that is named. */
async function scoresOf(
  rows: readonly ServedFlight[],
  version: number,
  gateway: Pick<ScoringOptions, 'gatewayUrl' | 'apiKey' | 'model'>,
): Promise<Float64Array> {
  const client = await openInferenceClient({ ...gateway, version });
  const scores = new Float64Array(rows.length);
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const batch = rows.slice(from, from + rowsAtOnce);
    const answers = await client.infer(batch.map(({ columns }) => columns));
    scores.set(
      Float64Array.from(answers, ({ score }) => score),
      from,
    );
  }
  return scores;
}

function logLoss(
  rows: readonly ServedFlight[],
  scoreAt: (row: ServedFlight, index: number) => number,
): number {
  return valueOf('logloss', {
    labels: Float64Array.from(rows, ({ late }) => Number(late)),
    scores: Float64Array.from(rows, scoreAt),
    day: new Int32Array(rows.length),
    days: 1,
  });
}
