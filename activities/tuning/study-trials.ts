import type { Registry } from '../../db/registry';
import type { StudyRef } from '../../db/tuning/repository';
import { effectKey } from '../../domain/ids';
import type { Trial } from '../../domain/tuning/tuning';

/** All trials of a study, by number. */
export type ReadTrials = (study: StudyRef) => Promise<readonly Trial[]>;

const maxStudies = 8;

/**
 * Reads the trials of studies. Ended trials never change, so those before the first running one are
 * kept in memory and are read once. A study of thousands of trials reads a few rows each time.
 */
export function readTrialsOnce(trials: Pick<Registry['trials'], 'list'>): ReadTrials {
  const ended = new Map<string, readonly Trial[]>();
  return async (study) => {
    const key = studyKey(study);
    const before = ended.get(key) ?? [];
    const all = [...before, ...(await trials.list({ ...study, from: before.length }))];
    const open = all.findIndex(({ status }) => status === 'running');
    const leading = open === -1 ? all : all.slice(0, open);
    // Two reads may overlap, and the one that knows more stays.
    if (leading.length >= (ended.get(key)?.length ?? 0)) {
      ended.delete(key);
      ended.set(key, leading);
    }
    const [oldest] = ended.keys();
    if (ended.size > maxStudies && oldest !== undefined) ended.delete(oldest);
    return all;
  };
}

export function studyKey({ tenant, runId, study }: StudyRef): string {
  return JSON.stringify([tenant, runId, study]);
}

/** Each trial has one job in a run; a repeated call finds it under the same key. */
export function trialKey({ runId, study }: Pick<StudyRef, 'runId' | 'study'>, number: number) {
  return effectKey(runId, study, 'trial', 1, String(number));
}
