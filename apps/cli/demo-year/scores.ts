/** The losses of a month, as served and as other versions would have scored. */
import { rowLogloss } from '../../../domain/evaluation/metrics/classification';
import { openInferenceClient } from '../serving/inference-client';
import type { Policy, PolicyDay } from './policies';
import type { ServedFlight } from './traffic';

export interface MonthMetric {
  readonly labels: number;
  /** Mean log loss of the served scores. */
  readonly served: number;
  /** That of January's champion on the same flights. */
  readonly never: number;
  /** That of the newest candidate at the time of each flight, on the same flights. */
  readonly every: number;
  readonly days: readonly PolicyDay[];
}

/** A version that a run registered, and the event time from which it could have served. */
export interface YearCandidate {
  readonly version: number;
  readonly from: number;
  /** Whether the demo itself had shuffled its labels. */
  readonly isSabotaged: boolean;
}

export interface ScoringOptions {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** Candidates in the order of their times. */
  readonly candidates: readonly YearCandidate[];
  /** The version that would serve without retraining. */
  readonly first: number;
}

const rowsAtOnce = 500;

export async function measureMonth(
  served: readonly ServedFlight[],
  { candidates, first, ...gateway }: ScoringOptions,
): Promise<MonthMetric> {
  const honest = candidates.filter(({ isSabotaged }) => !isSabotaged);
  const choiceAt = (at: number): Readonly<Record<Policy, number>> => ({
    never: first,
    every: newestAt(candidates, at) ?? first,
    everyHonest: newestAt(honest, at) ?? first,
  });
  const versions = new Set(served.flatMap(({ at }) => Object.values(choiceAt(at))));
  const scores = new Map<number, Float64Array>();
  for (const version of versions) scores.set(version, await readScores(served, version, gateway));
  const days = lossesByDay(
    served.map(({ at, late, score }, index) => {
      const { never, every, everyHonest } = choiceAt(at);
      const computeLoss = (value: number) => rowLogloss(Number(late), value);
      const lossBy = (version: number) => computeLoss(scores.get(version)?.[index] ?? Number.NaN);
      return {
        day: new Date(at).toISOString().slice(0, 10),
        served: computeLoss(score),
        never: lossBy(never),
        every: lossBy(every),
        everyHonest: lossBy(everyHonest),
      };
    }),
  );
  const mean = (loss: (day: PolicyDay) => number) =>
    days.reduce((sum, day) => sum + loss(day), 0) / served.length;
  return {
    labels: served.length,
    served: mean((day) => day.served),
    never: mean((day) => day.never),
    every: mean((day) => day.every),
    days,
  };
}

function lossesByDay(rows: readonly Omit<PolicyDay, 'labels'>[]): readonly PolicyDay[] {
  const days = new Map<string, PolicyDay>();
  for (const row of rows) {
    const known = days.get(row.day);
    days.set(row.day, {
      day: row.day,
      labels: (known?.labels ?? 0) + 1,
      served: (known?.served ?? 0) + row.served,
      never: (known?.never ?? 0) + row.never,
      every: (known?.every ?? 0) + row.every,
      everyHonest: (known?.everyHonest ?? 0) + row.everyHonest,
    });
  }
  return [...days.values()];
}

function newestAt(candidates: readonly YearCandidate[], at: number): number | undefined {
  return candidates.filter(({ from }) => from <= at).at(-1)?.version;
}

/** Scores from the gateway, which answers for any version that a request names. */
async function readScores(
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
