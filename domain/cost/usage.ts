import { budgetUnits } from '../budget/budget';
import type { AttemptTime, ComputeKind, JobResources } from '../training/job';
import type { CostUnit } from './compute-budget';

/** What an attempt of a job may occupy, and its price. */
export interface JobDemand {
  readonly backend: ComputeKind;
  readonly resources: JobResources;
  /** Null when its backend has no price. */
  readonly usdPerHour: number | null;
}

/** An attempt with the last time at which it was known to run, and its price. */
export interface SeenAttempt extends AttemptTime {
  readonly seenAt: string;
  /** Nanodollars per hour; null when its backend had no price. */
  readonly hourPrice: number | null;
}

/**
 * Adds what a backend reports to what is known. An attempt that the backend no longer knows stays
 * with the last time at which it was seen. A new attempt has the price of now.
 */
export function mergeAttempts(
  known: readonly SeenAttempt[],
  reported: readonly AttemptTime[],
  { now, hourPrice }: { readonly now: string } & Pick<SeenAttempt, 'hourPrice'>,
): readonly SeenAttempt[] {
  const kept = known.filter((old) => reported.every(({ attempt }) => attempt !== old.attempt));
  const seen = reported.map((time): SeenAttempt => {
    const before = known.find(({ attempt }) => attempt === time.attempt);
    const price = before ? before.hourPrice : hourPrice;
    return { ...time, seenAt: time.endedAt ?? now, hourPrice: price };
  });
  return [...kept, ...seen];
}

type AttemptSpan = Pick<SeenAttempt, 'startedAt' | 'endedAt' | 'seenAt'>;

/** Seconds that the attempts had their resources. */
export function usedSeconds(attempts: readonly AttemptSpan[]): number {
  return attempts.reduce((sum, { startedAt, endedAt, seenAt }) => {
    const seconds = (Date.parse(endedAt ?? seenAt) - Date.parse(startedAt)) / 1000;
    return sum + Math.max(0, seconds);
  }, 0);
}

/** Parts of the ledger that the attempts used, each at its price. */
export function usedParts(
  { cpus }: Pick<JobResources, 'cpus'>,
  attempts: readonly SeenAttempt[],
): Readonly<Record<CostUnit, number>> {
  const nanodollars = attempts.map(
    (attempt) => (usedSeconds([attempt]) * (attempt.hourPrice ?? 0)) / 3600,
  );
  return {
    cpuHours: Math.floor(cpus * usedSeconds(attempts) * 1000),
    usd: Math.floor(nanodollars.reduce((sum, each) => sum + each, 0)),
  };
}

/** Parts of the ledger for so many seconds of the job. */
export function partsFor(demand: JobDemand, seconds: number): Readonly<Record<CostUnit, number>> {
  const usd = ((demand.usdPerHour ?? 0) / 3600) * seconds;
  return {
    cpuHours: Math.floor(demand.resources.cpus * seconds * 1000),
    usd: Math.floor(usd * budgetUnits.usd),
  };
}

/** How many seconds of the job `parts` pay for. */
export function secondsFor(demand: JobDemand, unit: CostUnit, parts: number): number {
  const perSecond =
    unit === 'cpuHours'
      ? demand.resources.cpus * 1000
      : ((demand.usdPerHour ?? 0) / 3600) * budgetUnits.usd;
  return perSecond === 0 ? Infinity : Math.max(0, parts) / perSecond;
}

/** A job does not start for less than this, because it would end before it got anywhere. */
const minStartSeconds = 60;

export function findMinStart({ resources }: JobDemand): number {
  return Math.min(minStartSeconds, resources.timeoutSeconds);
}
