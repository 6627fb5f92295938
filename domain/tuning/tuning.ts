/** The records of a study and its trials, and what is computed from them. */
import type { TuneSpec } from './tune-spec';

export const trialStatuses = ['running', 'complete', 'pruned', 'failed'] as const;
export type TrialStatus = (typeof trialStatuses)[number];

export type TrialParams = Readonly<Record<string, string | number | boolean>>;

/** What a sampler keeps with a trial beside its parameters, as JSON. */
export type SamplerState = Readonly<Record<string, unknown>>;

/** The metric on the tuning part after `step` iterations. */
export interface TrialStep {
  readonly step: number;
  readonly value: number;
}

export interface Trial {
  /** 0, 1, 2 … within its study. */
  readonly number: number;
  readonly params: TrialParams;
  readonly status: TrialStatus;
  /** The metric on the tuning part; for a pruned trial the last reported one. */
  readonly value: number | null;
  /** One value per objective of a study with several; null otherwise. */
  readonly values: readonly number[] | null;
  readonly intermediate: readonly TrialStep[];
  readonly reason: string | null;
  /** The lane of the study that runs it; null for a trial that its workflow asked for itself. */
  readonly lane: number | null;
  readonly samplerState: SamplerState;
  readonly startedAt: string;
  readonly endedAt: string | null;
}

export type TrialEnd =
  | {
      readonly status: 'complete';
      readonly value: number;
      /** Values of a study with several objectives, the first of which is `value`. */
      readonly values?: readonly number[];
    }
  | { readonly status: 'pruned'; readonly value: number | null; readonly reason: string }
  | { readonly status: 'failed'; readonly value: null; readonly reason: string };

/** Begins the reason of a trial that a budget ended, so that the study starts no further trial. */
const budgetCode = 'BudgetSpent: ';

/** The reason of a trial that a cap on its jobs ended. */
export function cappedReason(message: string): string {
  return `${budgetCode}${message}`;
}

/** The message of the cap that ended the trial; null if none did. */
export function capThatEnded({ status, reason }: Pick<Trial, 'status' | 'reason'>): string | null {
  if (status !== 'pruned' || !reason?.startsWith(budgetCode)) return null;
  return reason.slice(budgetCode.length);
}

export interface TrialCounts {
  readonly complete: number;
  readonly pruned: number;
  readonly failed: number;
}

/** The first value at or after each rung; later calls return the same values. */
export function valuesAtRungs(
  rungs: readonly number[],
  seen: readonly TrialStep[],
): readonly TrialStep[] {
  const ordered = [...seen].sort((a, b) => a.step - b.step);
  const found = rungs.flatMap((rung) => ordered.find(({ step }) => step >= rung) ?? []);
  return found.filter((value, at) => found.findIndex(({ step }) => step === value.step) === at);
}

/** The best complete trial; the first of equal ones. */
export function bestTrial(
  trials: readonly Trial[],
  direction: TuneSpec['direction'],
): (Trial & { readonly value: number }) | null {
  const complete = trials.flatMap((trial) =>
    trial.status === 'complete' && trial.value !== null ? [{ ...trial, value: trial.value }] : [],
  );
  return complete.reduce<(typeof complete)[number] | null>((best, trial) => {
    if (best === null) return trial;
    const better = direction === 'minimize' ? trial.value < best.value : trial.value > best.value;
    return better || (trial.value === best.value && trial.number < best.number) ? trial : best;
  }, null);
}

/** Seconds with at least one running trial. Restarts do not reset it, and pauses do not count. */
export function busySeconds(
  trials: readonly Pick<Trial, 'startedAt' | 'endedAt'>[],
  now: string,
): number {
  const spans = trials
    .map(({ startedAt, endedAt }) => ({
      from: Date.parse(startedAt),
      until: Date.parse(endedAt ?? now),
    }))
    .sort((a, b) => a.from - b.from);
  let busy = 0;
  let reached = -Infinity;
  for (const { from, until } of spans) {
    busy += Math.max(0, until - Math.max(from, reached));
    reached = Math.max(reached, until);
  }
  return busy / 1000;
}

const minTrialsBeforeEnd = 5;
const maxFailed = 0.5;

/** The reason to end a study early: more than half of its trials failed. Null otherwise. */
export function earlyEndReason(
  { complete, pruned, failed }: TrialCounts,
  parallel: number,
): string | null {
  const ended = complete + pruned + failed;
  if (ended < Math.max(minTrialsBeforeEnd, 2 * parallel) || failed / ended <= maxFailed)
    return null;
  return `${failed} of ${ended} trials failed`;
}

export function countTrials(
  trials: readonly Pick<Trial, 'status'>[],
): TrialCounts & { readonly running: number } {
  const counts = { complete: 0, pruned: 0, failed: 0, running: 0 };
  for (const { status } of trials) counts[status] += 1;
  return counts;
}

/** The largest number of iterations of a trial; null without progress reports. */
export function findMaxIterations(
  counted: { readonly param: string; readonly default: number | null } | null,
  params: Readonly<Record<string, unknown>>,
  space: TuneSpec['space'],
): number | null {
  if (counted === null) return null;
  const range = space[counted.param];
  const values =
    range === undefined
      ? [params[counted.param] ?? counted.default]
      : range.kind === 'categorical'
        ? range.choices
        : [range.high];
  const numbers = values.filter((value) => typeof value === 'number');
  return numbers.length === 0 ? null : Math.floor(Math.max(...numbers));
}
