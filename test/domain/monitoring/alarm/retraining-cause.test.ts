import type { MonitorStory } from '../../../../domain/monitoring/observation/monitor-story';
import type { MonitorResults } from '../../../../domain/monitoring/observation/monitor-results';
import { listFreshJumps } from '../../../../domain/monitoring/jump/fresh-jumps';
import { findRetrainingCause } from '../../../../domain/monitoring/alarm/retraining-cause';

const buildStory = (kind: MonitorStory['kind'], ...features: readonly string[]) => ({
  kind,
  title: `${kind} alarm`,
  story: {
    what: `what of ${kind}.`,
    since: null,
    howLarge: null,
    features: features.map((name) => ({ name, effect: null })),
    slice: null,
    engineDid: '',
    waitsFor: null,
  },
});

test.each([
  ['nothing', [], null],
  ['broken data alone', [buildStory('data', 'a')], null],
  ['drift', [buildStory('drift')], { kind: 'drift', reason: 'drift alarm', brokenData: null }],
  [
    'quality before drift',
    [buildStory('drift'), buildStory('quality')],
    { kind: 'quality', reason: 'quality alarm', brokenData: null },
  ],
  [
    'drift with the broken data that explain it',
    [buildStory('data', 'dep_delay'), buildStory('drift', 'dep_delay')],
    {
      kind: 'drift',
      reason: 'drift alarm',
      brokenData: { name: 'request data of dep_delay', problem: 'what of data.' },
    },
  ],
])('%s calls for a run, or for none', (_, stories, cause) => {
  expect(findRetrainingCause(stories, [])).toEqual(cause);
});

describe('a jump that has not lasted for a day', () => {
  const jump = {
    feature: 'distance',
    before: 1040,
    after: 640,
    hours: 1,
    effect: 0.2,
    largest: 90,
    tolerance: 150,
    since: '2024-05-01T10:00:00.000Z',
    lastedHours: 3,
  };
  const suspected = {
    name: 'request data of distance',
    problem:
      'the mean of `distance` went from 1,040 to 640 within an hour; the largest change in the ' +
      'reference is 90. Retraining waits until this has lasted for 24 hours.',
    isSuspected: true,
  };

  test.each([
    [
      'drift',
      [buildStory('drift')],
      { kind: 'drift', reason: 'drift alarm', brokenData: suspected },
    ],
    [
      'quality',
      [buildStory('drift'), buildStory('quality')],
      { kind: 'quality', reason: 'quality alarm', brokenData: suspected },
    ],
    [
      'drift with broken data, which are named instead',
      [buildStory('data', 'dep_delay'), buildStory('drift')],
      {
        kind: 'drift',
        reason: 'drift alarm',
        brokenData: { name: 'request data of dep_delay', problem: 'what of data.' },
      },
    ],
    ['nothing else', [], null],
  ])('holds the run for %s', (_, stories, cause) => {
    expect(findRetrainingCause(stories, [jump])).toEqual(cause);
  });

  test.each([
    [0, true],
    [23, true],
    [24, false],
    [160, false],
  ])('after %d hours: %s', (lastedHours, isFresh) => {
    const drift = [{ feature: 'distance', jump: { alarm: { ...jump, lastedHours } } }];
    const fresh = listFreshJumps({ drift: drift as unknown as MonitorResults['drift'] });
    expect(fresh.map(({ feature }) => feature)).toEqual(isFresh ? ['distance'] : []);
  });

  test('is none while no jump is open', () => {
    const drift = [
      { feature: 'a', jump: null },
      { feature: 'b', jump: { alarm: null } },
    ];
    expect(listFreshJumps({ drift: drift as unknown as MonitorResults['drift'] })).toEqual([]);
  });
});
