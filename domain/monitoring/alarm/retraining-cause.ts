import type { BrokenData, RetrainingCause } from '../../retraining/retraining';
import { settledHours, type FreshJump } from '../jump/fresh-jumps';
import { jumpText } from '../observation/alarms';
import type { AlarmGroup } from '../observation/monitor-story';

/**
 * Why the open alarms call for a run; null if none of them does. A model that is trained on broken
 * data would be worse, so these come with the cause, and so do data that have just jumped.
 */
export function findRetrainingCause(
  groups: readonly Pick<AlarmGroup, 'kind' | 'title' | 'story'>[],
  jumps: readonly FreshJump[],
): RetrainingCause | null {
  const ofKind = (wanted: AlarmGroup['kind']) => groups.find(({ kind }) => kind === wanted);
  const calling = ofKind('quality') ?? ofKind('drift');
  if (calling === undefined) return null;
  const broken = ofKind('data') ?? ofKind('skew');
  return {
    kind: calling.kind === 'quality' ? 'quality' : 'drift',
    reason: calling.title,
    brokenData: broken
      ? {
          name: brokenName(broken.story.features.map(({ name }) => name)),
          problem: broken.story.what,
        }
      : suspectedData(jumps),
  };
}

function suspectedData(jumps: readonly FreshJump[]): BrokenData | null {
  if (jumps.length === 0) return null;
  const what = jumps.map((jump) => jumpText(jump.feature, jump)).join('; ');
  return {
    name: brokenName(jumps.map(({ feature }) => feature)),
    problem: `${what}. Retraining waits until this has lasted for ${settledHours} hours.`,
    isSuspected: true,
  };
}

function brokenName(names: readonly string[]): string {
  return names.length === 0 ? 'request data' : `request data of ${names.join(', ')}`;
}
