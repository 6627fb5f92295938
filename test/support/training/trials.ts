import type { Trial, TrialStatus } from '../../../domain/tuning/tuning';

/** A complete trial. Its value is the first of its values. */
export function completeTrial(number: number, change: Partial<Trial> = {}): Trial {
  const value = change.values?.[0] ?? 0.5;
  return { ...endedTrial(number, 'complete'), value, ...change };
}

export function endedTrial(number: number, status: TrialStatus): Trial {
  const at = '2013-07-01T00:00:00Z';
  return {
    ...{ number, status, params: {}, value: null, values: null, intermediate: [], reason: null },
    ...{ lane: null, samplerState: {}, startedAt: at, endedAt: at },
  };
}
