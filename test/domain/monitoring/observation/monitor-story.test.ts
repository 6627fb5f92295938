import type { MonitorSettings } from '../../../../domain/monitoring/monitor';
import { defaultMonitor } from '../../../../domain/lifecycle/sections/monitor-spec';
import { listAlarms } from '../../../../domain/monitoring/observation/alarms';
import { findRetrainingCause } from '../../../../domain/monitoring/alarm/retraining-cause';
import type { RunId } from '../../../../domain/ids';
import type { RunOutlook } from '../../../../domain/retraining/outlook';
import { noRetraining } from '../../../../domain/retraining/retraining';
import type { QualityResult } from '../../../../domain/monitoring/quality/quality-results';
import type {
  LiveQualityResult,
  MonitorResults,
} from '../../../../domain/monitoring/observation/monitor-results';
import {
  alarmGroups,
  alarmsRaised,
  dataVersionText,
  monitorStories,
  raisedText,
} from '../../../../domain/monitoring/observation/monitor-story';

const settings: MonitorSettings = {
  ...defaultMonitor,
  onAlarm: 'retrain',
  task: 'classification',
  metric: 'logloss',
  timezone: 'UTC',
  availableAfterSeconds: 0,
  service: { maxFailed: 0.01, latency: null },
};

const now = '2024-05-02T00:00:00.000Z';
/** Long after each alarm, and without a sample for so long. */
const eventNow = '2024-06-01T00:00:00.000Z';
/** No brake is in force. */
const free: RunOutlook = { state: noRetraining, otherRun: null, refused: null, now };

const usual = { upper: null, lower: null, reason: null, rows: 400, reference: 0.6, limit: 0.65 };
const quality = {
  metric: 'logloss',
  estimate: 0.7,
  reference: 0.6,
  slices: [{ slice: 'origin=LGA', n: 90, estimate: 0.9 }],
  tests: [
    {
      ...usual,
      slice: 'all',
      measure: 'loss',
      scale: 'day',
      value: 0.7,
      since: '2024-05-01T00:00:00.000Z',
    },
  ],
} as unknown as LiveQualityResult;

/** Features whose jumps have lasted for these hours, while the quality has an alarm too. */
function buildResults(lasted: Readonly<Record<string, number>>): MonitorResults {
  const drift = Object.entries(lasted).map(([feature, lastedHours]) => {
    const means = { before: 1040, after: 640, hours: 1, effect: 0.2, largest: 90, tolerance: 150 };
    const alarm = { ...means, since: '2024-05-01T10:00:00.000Z', lastedHours };
    const none = { alarm: null, signals: [], effect: 0 };
    return { feature, role: 'feature', ...none, jump: { limits: [], alarm } };
  }) as unknown as MonitorResults['drift'];
  const service = { tests: [] } as unknown as MonitorResults['service'];
  const found = { drift, quality, service, refused: null, volume: null, skew: null };
  return {
    ...found,
    estimate: null,
    fallback: null,
    alarms: listAlarms(found, settings),
    unknown: [],
  };
}

function writeStory(
  kind: 'drift' | 'quality',
  lasted: Readonly<Record<string, number>>,
  onAlarm: MonitorSettings['onAlarm'] = 'retrain',
) {
  const of = {
    model: 'm',
    version: 3,
    settings: { ...settings, onAlarm },
    eventNow,
    outlook: free,
  };
  const results = buildResults(lasted);
  const story = monitorStories({ ...of, results }).find((each) => each.kind === kind);
  if (!story) throw new Error(`no story of ${kind}`);
  return story;
}

describe.each(['drift', 'quality'] as const)('with an open jump, the story of %s', (kind) => {
  test.each([0, 23])('says after %d hours that the run waits', (hours) => {
    const { story } = writeStory(kind, { distance: hours });
    expect(story.engineDid).toContain('a retraining run once the jump has lasted for a day');
    expect(story.waitsFor).toContain('checks the source of distance, or the end of a day');
  });

  test.each([24, 160])('says after %d hours that the alarm starts a run', (hours) => {
    const { story } = writeStory(kind, { distance: hours });
    expect(story.engineDid).toContain('an incident and a retraining run (onAlarm: retrain)');
    expect(story.waitsFor).toBeNull();
  });

  test('names only the jumps that hold the run', () => {
    const { story } = writeStory(kind, { distance: 24, dep_delay: 23 });
    expect(story.engineDid).toContain('once the jump has lasted for a day');
    expect(story.waitsFor).toContain('checks the source of dep_delay,');
  });

  test('is raised again once, when the jump has lasted for a day', () => {
    const raised = [0, 23, 24, 160].map((hours) => writeStory(kind, { distance: hours }).alarms);
    expect(raised[1]).toBe(raised[0]);
    expect(raised[2]).not.toBe(raised[1]);
    expect(raised[3]).toBe(raised[2]);
    const both = writeStory(kind, { distance: 3, dep_delay: 3 });
    expect(writeStory(kind, { dep_delay: 4, distance: 4 }).alarms).toBe(both.alarms);
    expect(writeStory(kind, { dep_delay: 5, distance: 24 }).alarms).not.toBe(both.alarms);
  });

  test('is not raised again if no run waits', () => {
    const [young, old] = [23, 24].map((hours) => writeStory(kind, { distance: hours }, 'notify'));
    expect(old?.alarms).toBe(young?.alarms);
  });
});

describe('the story of a quality alarm', () => {
  const since = '2024-05-01T00:00:00.000Z';
  const all: QualityResult = {
    ...usual,
    slice: 'all',
    measure: 'loss',
    scale: 'day',
    value: 0.712,
    lower: 0.66,
    upper: 0.76,
    since,
  };
  const bias: QualityResult = {
    ...all,
    measure: 'bias',
    scale: 'week',
    value: -0.08,
    lower: null,
    upper: null,
    reference: 0.01,
    limit: 0.05,
  };
  const slice: QualityResult = {
    ...all,
    slice: 'origin=JFK',
    scale: 'fourWeeks',
    value: 0.8,
    lower: null,
    upper: null,
    rows: 1_400,
  };

  const qualityStory = (...tests: readonly QualityResult[]) => {
    const found = {
      drift: [],
      quality: { ...quality, tests },
      service: { tests: [] } as unknown as MonitorResults['service'],
      refused: null,
      volume: null,
      skew: null,
    };
    const alarms = listAlarms(found, settings);
    const results = { ...found, alarms, estimate: null, fallback: null, unknown: [] };
    const [story] = monitorStories({
      model: 'm',
      version: 3,
      settings,
      results,
      eventNow,
      outlook: free,
    });
    return story?.story;
  };

  test.each<[string, readonly QualityResult[], string | null, string]>([
    [
      'a day of all requests',
      [all],
      null,
      'logloss 0.712 nats (0.66 … 0.76) in a day of 400 labels of all requests, 0.6 on the holdout; limit 0.65',
    ],
    [
      'a bias of a week',
      [bias],
      null,
      'mean of prediction minus label −0.08 in a week of 400 labels of all requests, +0.01 on the holdout; limit 0.05 away from the holdout',
    ],
    [
      'a slice that is not the worst one',
      [slice],
      'origin=JFK',
      'logloss 0.8 nats in four weeks of 1,400 labels of origin=JFK, 0.6 on the holdout; limit 0.65',
    ],
  ])('of %s names its slice, its size, its band and its limit', (_, tests, of, size) => {
    expect(qualityStory(...tests)).toMatchObject({ slice: of, howLarge: size });
  });

  test('of a bias compares its mean with that of the holdout', () => {
    expect(qualityStory(bias)?.what).toBe(
      'the mean of prediction minus label is −0.08 in a week and +0.01 on the holdout, ' +
        'with a limit of 0.05 for the difference.',
    );
  });

  test('of several alarms names each slice and each size, at most three', () => {
    const story = qualityStory(all, bias, slice, { ...slice, slice: 'origin=EWR', value: 0.7 });
    expect(story?.slice).toBe('origin=JFK, all requests, origin=EWR');
    expect(story?.howLarge).toMatch(/0\.8 nats.*\. .*0\.712 nats.*\. and 1 more$/);
  });
});

test('the size of a jump has the change, its share of the range, and the limit', () => {
  expect(writeStory('drift', { distance: 3 }).story.howLarge).toBe(
    'change of the mean by −400 in units of the feature; limit 150; 20 % of the range of the reference',
  );
});

test('an alarm of labels is a warning that starts no run, also with onAlarm: retrain', () => {
  const labelFeed = {
    newest: { day: '2024-05-07', predictions: 50, labelled: 10 },
    reference: { limit: 0.9, cap: 1, usual: 0.95, days: 28 },
    alarm: { since: '2024-05-01', until: '2024-05-07', predictions: 400, labelled: 100 },
  };
  const service = { tests: [] } as unknown as MonitorResults['service'];
  const none = { drift: [], quality: null, refused: null, volume: null, skew: null };
  const found = { ...none, service, labelFeed };
  const alarms = listAlarms(found, settings);
  const results = { ...found, alarms, estimate: null, fallback: null, unknown: [] };
  const at = { model: 'm', version: 3, settings, eventNow, outlook: free };
  expect(settings.onAlarm).toBe('retrain');
  expect(monitorStories({ ...at, results })).toMatchObject([
    {
      kind: 'labels',
      severity: 'warning',
      title: expect.stringMatching(/^labels: labels came for 25 % of 400 predictions/) as string,
      story: {
        engineDid: expect.stringContaining('no run starts, because another version') as string,
        waitsFor: 'a person who repairs what sends the labels',
      },
    },
  ]);
  expect(findRetrainingCause(alarmGroups(results), [])).toBeNull();
});

describe('what is kept of a raised incident', () => {
  test.each(['drift:x quality:all:loss:day', 'quality:a\nb:loss:week', ''])(
    'has the alarms %j, also if a slice has a line break',
    (alarms) => {
      const text = raisedText({ alarms, decision: 'm@3 still serves.\n' });
      expect(alarmsRaised(text)).toBe(alarms);
    },
  );

  test.each(['', 'drift:x'])('is the alarms alone in the text %j without a decision', (text) => {
    expect(alarmsRaised(text)).toBe(text);
  });
});

describe('the features of a story of broken data', () => {
  const drift = [{ feature: 'x', effect: 0.3 }] as unknown as MonitorResults['drift'];
  const refused = {
    key: 'data:refused',
    kind: 'data',
    feature: 'x',
    title: '25 % of the requests of an hour were refused',
    since: now,
    effect: 0.25,
    size: '25 %',
    slice: null,
  } as const;
  const missing = { ...refused, key: 'data:x:missing' };

  test.each([
    ['refused requests have no effect of drift', [refused], null],
    ['missing values have it', [missing], 0.3],
    ['both have it', [missing, refused], 0.3],
  ])('%s', (_, alarms, effect) => {
    const [group] = alarmGroups({ alarms, drift });
    expect(group?.story.features).toEqual([{ name: 'x', effect }]);
  });
});

describe('the data versions of a story', () => {
  const trainedOn = [
    { dataset: 'm.weather', version: 2 },
    { dataset: 'm.flights', version: 3 },
  ];
  const [weather] = trainedOn;
  const later = [...(weather ? [weather] : []), { dataset: 'm.flights', version: 5 }];

  test.each([
    ['drift', later, 'trained on m.flights@3, m.weather@2; newest: m.flights@5, m.weather@2'],
    ['quality', trainedOn, 'trained on m.flights@3, m.weather@2, the newest'],
    ['skew', later, 'trained on m.flights@3, m.weather@2'],
    ['service', later, null],
    ['labels', later, null],
  ] as const)('of %s', (kind, newest, text) => {
    expect(dataVersionText(kind, { trainedOn, newest })).toBe(text);
    expect(dataVersionText(kind, { trainedOn: [], newest: [] })).toBeNull();
  });
});

describe('the story of an alarm that asks for a run', () => {
  const run = 'run_7' as RunId;
  const later = '2024-05-03T00:00:00.000Z';
  const data = { name: 'flights@3', problem: 'too few rows', shownBy: 'contract' } as const;
  const story = (outlook: Partial<RunOutlook>) => {
    const results = buildResults({});
    const [first] = monitorStories({
      model: 'm',
      version: 3,
      settings,
      results,
      eventNow,
      outlook: { ...free, ...outlook },
    });
    if (!first) throw new Error('no story');
    return first;
  };

  test.each<[string, Partial<RunOutlook>, RegExp, RegExp | null]>([
    ['free', {}, /an incident and a retraining run \(onAlarm: retrain\)\.$/, null],
    [
      'stopped',
      { state: { ...noRetraining, stopped: true, fruitless: 3 } },
      /no run starts, because automatic and scheduled runs stopped after 3 fruitless ones/,
      /resolves the incident of the stop: perennial retraining show m/,
    ],
    [
      'stopped for alarms',
      {
        state: { ...noRetraining, alarmRuns: { fruitless: 3, notBefore: later, stopped: true } },
      },
      /no run starts for it, because 3 runs for alarms found no better model/,
      /a release of another run, or a person who resolves the incident of the stop/,
    ],
    [
      'held by a contract',
      { state: { ...noRetraining, hold: data } },
      /no run starts while flights@3 is broken/,
      /repairs flights@3: perennial retraining show m/,
    ],
    [
      'its own run is open',
      { state: { ...noRetraining, run } },
      /an incident; run_7 retrains the model\.$/,
      null,
    ],
    [
      'the run of a person is open',
      { otherRun: run },
      /an incident, and a retraining run once run_7 has ended\.$/,
      null,
    ],
    [
      'cooling down',
      { state: { ...noRetraining, lastRun: run, notBefore: later } },
      /a retraining run at 2024-05-03T00:00:00.000Z or later \(cool-down after run_7\)/,
      null,
    ],
    [
      'backing off',
      { state: { ...noRetraining, lastRun: run, notBefore: later, fruitless: 2 } },
      /or later \(back-off after run_7: 2 fruitless\)/,
      null,
    ],
    [
      'cooled down',
      { state: { ...noRetraining, lastRun: run, notBefore: now } },
      /an incident and a retraining run/,
      null,
    ],
    [
      'refused',
      { refused: 'm is archived' },
      /no run starts: m is archived/,
      /perennial retraining show m/,
    ],
  ])('with automatic runs %s says what is so', (_, outlook, did, waits) => {
    const { engineDid, waitsFor } = story(outlook).story;
    expect(engineDid).toMatch(did);
    if (waits === null) expect(waitsFor).toBeNull();
    else expect(waitsFor).toMatch(waits);
  });

  test('is another decision about the same alarms when a run starts', () => {
    const [before, after] = [story({}), story({ state: { ...noRetraining, run } })];
    expect(after.alarms).toBe(before.alarms);
    expect(after.decision).not.toBe(before.decision);
  });

  test.each([
    [['data'], 'repairs the data that callers send'],
    [['skew'], 'finds why serving and training differ'],
    [['skew', 'data'], 'repairs the data that callers send'],
  ] as const)('says that alarms of %j hold the run before the brakes know it', (kinds, waits) => {
    const results = buildResults({});
    const [first] = results.alarms;
    if (!first) throw new Error('no alarm');
    const broken = kinds.map((kind) => ({ ...first, key: kind, kind }));
    const alarms = [...results.alarms, ...broken];
    const [quality_] = monitorStories({
      model: 'm',
      version: 3,
      settings,
      results: { ...results, alarms },
      eventNow,
      outlook: free,
    });
    expect(quality_?.story.engineDid).toContain('no run starts until the alarms of request data');
    expect(quality_?.story.waitsFor).toContain(waits);
  });
});

test('the story of fresh drift says that the run waits for the checks of data', () => {
  const signal = { kind: 'distribution', scale: 'hour', effect: 0.3, rows: 60, tolerance: 0.1 };
  const raised = {
    ...signal,
    since: '2024-05-01T09:00:00.000Z',
    raisedAt: '2024-05-01T09:00:00.000Z',
  };
  const drift = [
    { feature: 'x', role: 'feature', alarm: raised, signals: [raised], effect: 0.3, jump: null },
  ] as unknown as MonitorResults['drift'];
  const found = { ...buildResults({}), drift, quality: null };
  const results = { ...found, alarms: listAlarms(found, settings) };
  const did = (hour: string) =>
    monitorStories({
      model: 'm',
      version: 3,
      settings,
      results,
      eventNow: `2024-05-01T${hour}:00.000Z`,
      outlook: free,
    })[0]?.story.engineDid;
  expect(did('10:59')).toContain(
    'an incident, and a retraining run once requests until 2024-05-01T11:00:00.000Z show no broken data',
  );
  expect(did('11:00')).toContain('once a sample of these requests shows no training-serving skew');
});
