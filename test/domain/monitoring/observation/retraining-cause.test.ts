import type { MonitorStory } from '../../../../domain/monitoring/observation/monitor-story';
import { retrainingCauseOf } from '../../../../domain/monitoring/observation/retraining-cause';

const storyOf = (kind: MonitorStory['kind'], ...features: readonly string[]) => ({
  kind,
  title: `${kind} alarm`,
  story: {
    what: `what of ${kind}.`,
    since: null,
    howLarge: null,
    features: features.map((name) => ({ name, effect: null })),
    slice: null,
    dataVersion: null,
    engineDid: '',
    waitsFor: null,
    link: null,
  },
});

test.each([
  ['nothing', [], null],
  ['broken data alone', [storyOf('data', 'a')], null],
  ['drift', [storyOf('drift')], { kind: 'drift', reason: 'drift alarm', brokenData: null }],
  [
    'quality before drift',
    [storyOf('drift'), storyOf('quality')],
    { kind: 'quality', reason: 'quality alarm', brokenData: null },
  ],
  [
    'drift with the broken data that explain it',
    [storyOf('data', 'dep_delay'), storyOf('drift', 'dep_delay')],
    {
      kind: 'drift',
      reason: 'drift alarm',
      brokenData: { name: 'request data of dep_delay', problem: 'what of data.' },
    },
  ],
])('%s calls for a run, or for none', (_, stories, cause) => {
  expect(retrainingCauseOf(stories)).toEqual(cause);
});
