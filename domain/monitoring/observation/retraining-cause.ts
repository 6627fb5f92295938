import type { RetrainingCause } from '../../retraining/retraining';
import type { MonitorStory } from './monitor-story';

/**
 * Why the open alarms call for a run; null if none of them does. A model that is trained on broken
 * data would be worse, so these come with the cause.
 */
export function retrainingCauseOf(
  stories: readonly Pick<MonitorStory, 'kind' | 'title' | 'story'>[],
): RetrainingCause | null {
  const ofKind = (wanted: MonitorStory['kind']) => stories.find(({ kind }) => kind === wanted);
  const calling = ofKind('quality') ?? ofKind('drift');
  if (calling === undefined) return null;
  const broken = ofKind('data') ?? ofKind('skew');
  return {
    kind: calling.kind === 'quality' ? 'quality' : 'drift',
    reason: calling.title,
    brokenData: broken
      ? { name: brokenName(broken.story.features), problem: broken.story.what }
      : null,
  };
}

function brokenName(features: MonitorStory['story']['features']): string {
  const names = features.map(({ name }) => name);
  return names.length === 0 ? 'request data' : `request data of ${names.join(', ')}`;
}
