import type { MonitorJson } from '../../../../apps/api/monitoring/view';
import { describeMonitor } from '../../../../apps/cli/monitoring/view';

const plain = (text: string) => text;
const paint = { bold: plain, dim: plain, green: plain, red: plain, yellow: plain };
const page = { columns: 100, rows: 6 };

const volumeBlock = {
  from: '2024-05-08T14:00:00.000Z',
  until: '2024-05-08T15:00:00.000Z',
  requests: 1_200,
  lowest: 800,
  highest: 1_000,
  weeks: 4,
  limits: { fewer: 320, more: null },
};

const monitor: MonitorJson = {
  model: 'flight-delay',
  version: 7,
  status: 'watching',
  waitingFor: null,
  rows: 1200,
  labels: 900,
  alarms: [],
  eventNow: '2013-07-01T00:00:00.000Z',
  lookedAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:00.000Z',
  revision: 2,
  settings: {
    everySeconds: 15,
    metric: 'logloss',
    maxDrop: 0.07,
    minEffect: 0.1,
    falseAlarmsPerYear: 1,
    maxRefused: 0.05,
    volumeTolerance: 2,
    onAlarm: 'notify',
    fallback: 'none',
    timezone: 'UTC',
    availableAfterSeconds: 3600,
  },
  reference: null,
  drift: [
    {
      feature: 'distance',
      role: 'feature',
      scale: 'day',
      effect: 0.5,
      tolerance: 0.2,
      rows: 300,
      meanShift: 1.2,
      bins: [
        { bin: 'missing', problem: 'missing', reference: 0.1, current: 0.1 },
        { bin: '0 … 100', problem: null, reference: 0.9, current: 0.58 },
        { bin: 'far above 100', problem: 'out-of-range', reference: 0, current: 0.3 },
        { bin: 'not a number', problem: 'wrong-type', reference: 0, current: 0.02 },
      ],
      signals: [
        {
          kind: 'unusual',
          scale: 'day',
          effect: 0.3,
          rows: 300,
          tolerance: 0.02,
          reason: null,
          logEvidence: 20,
          threshold: 9,
          since: '2013-06-30T00:00:00.000Z',
          raisedAt: '2013-06-30T05:00:00.000Z',
        },
      ],
      jump: {
        limits: [
          { span: 'near', tolerance: 350, reason: null, largest: 200 },
          { span: 'far', tolerance: null, reason: 'it differs too much', largest: 1000 },
        ],
        alarm: null,
      },
    },
  ],
  quality: {
    metric: 'logloss',
    n: 900,
    total: 900,
    since: '2013-06-01T00:00:00.000Z',
    estimate: 0.5,
    lower: 0.45,
    upper: 0.56,
    reference: 0.48,
    limit: 0.5136,
    bias: -0.01,
    slices: [
      ...['AA', 'B6', 'DL', 'EV', 'MQ', 'US'].map((carrier) => ({
        ...{ slice: `carrier=${carrier}`, n: 90, estimate: 0.61, lower: null, upper: null },
      })),
      { slice: 'carrier=UA', n: 100, estimate: 0.6, lower: 0.52, upper: 0.68 },
    ],
    tests: [
      {
        ...{ slice: 'carrier=UA', measure: 'loss', scale: 'fourWeeks', value: 0.6, rows: 100 },
        ...{ reference: 0.47, limit: 0.55, reason: null, since: '2013-06-03T00:00:00.000Z' },
      },
      {
        ...{ slice: 'all', measure: 'loss', scale: 'day', value: null, rows: 0 },
        ...{ reference: 0.48, limit: 0.53, reason: null, since: null },
      },
      ...(['week', 'fourWeeks'] as const).map((scale) => ({
        ...{ slice: 'score 0.1 … 0.2', measure: 'bias' as const, scale, value: -0.08, rows: 80 },
        ...{ reference: 0, limit: 0.06, reason: null, since: '2013-06-03T00:00:00.000Z' },
      })),
      {
        ...{ slice: 'score 0.8 … 0.9', measure: 'bias', scale: 'week', value: 0.02, rows: 80 },
        ...{ reference: 0, limit: 0.06, reason: null, since: null },
      },
      {
        ...{ slice: 'all', measure: 'bias', scale: 'week', value: -0.012, rows: 900 },
        ...{ reference: 0.001, limit: 0.05, reason: null, since: null },
      },
      {
        ...{ slice: 'carrier=UA', measure: 'loss', scale: 'day', value: null, rows: 0 },
        ...{ reference: 0.47, limit: null, reason: 'slices are tested by the week', since: null },
      },
    ],
    history: [
      { n: 900, eventTime: '2013-07-01T00:00:00Z', estimate: 0.5, lower: 0.45, upper: 0.56 },
    ],
  },
  service: {
    rows: 1200,
    p50Ms: 3,
    p97Ms: 20,
    lastReceivedAt: '2026-01-01T00:00:00.000Z',
    failed: 30,
    interrupted: 3,
    hours: [{ hour: '2026-01-01T00:00:00.000Z', rows: 1200, failed: 30 }],
    tests: [
      {
        ...{ measure: 'failed', requests: 60, hours: 1, share: 0.02, lower: 0.01 },
        ...{ limit: 0.05, maxMs: null, since: null },
      },
      {
        ...{ measure: 'slow', requests: 60, hours: 1, share: 0.02, lower: 0.01 },
        ...{ limit: 0.03, maxMs: 150, since: null },
      },
    ],
  },
  refused: {
    rows: 30,
    requests: 1230,
    causes: [
      { reason: 'wrong-type', column: 'distance', rows: 28 },
      { reason: 'unknown', column: null, rows: 2 },
    ],
    limit: 0.05,
    share: 0.024,
    lower: 0.01,
    since: null,
  },
  volume: {
    countedFrom: '2024-04-01T01:00:00.000Z',
    judgedUntil: '2024-05-08T15:00:00.000Z',
    scales: [
      { scale: 'hour', newest: volumeBlock, alarms: { fewer: null, more: null } },
      {
        scale: 'day',
        newest: { ...volumeBlock, from: '2024-05-07T00:00:00.000Z', requests: 400 },
        alarms: {
          fewer: { since: '2024-05-07T00:00:00.000Z', block: volumeBlock },
          more: null,
        },
      },
    ],
  },
  labelFeed: {
    newest: { day: '2024-05-06', predictions: 400, labelled: 380 },
    reference: { limit: 0.9, usual: 0.96, days: 28 },
    alarm: null,
  },
  skew: null,
  fallback: null,
  estimate: {
    metric: 'logloss',
    rows: 1200,
    loss: 0.49,
    from: '2013-06-25',
    until: '2013-07-01',
  },
  contradicted: { since: '2013-06-03T00:00:00.000Z', labels: 1_000, contradicted: 4 },
  unknown: [{ what: 'drift of `seen_at`', why: 'its values are times', until: null }],
  windows: [],
};

test('the view of a monitor shows quality, drift as bars, data quality, service and what is unknown', () => {
  const text = describeMonitor(monitor, page, paint, { verbose: true });
  expect(text).toContain('flight-delay@7  watching');
  expect(text).toContain('1,200 requests, 900 labels, event time 2013-07-01T00:00:00.000Z');
  expect(text).toContain('no alarm is open');
  expect(text).toContain(
    'labels: 380 of 400 predictions of 2024-05-06 had a label in time; usual 96 %',
  );
  expect(text).toContain('live logloss 0.5 (0.45 … 0.56), 900 labels of four weeks; holdout 0.48');
  expect(text).toContain(
    '4 of 1,000 due labels since 2013-06-03T00:00:00.000Z have contradictory values',
  );
  expect(text).toMatch(/distance +50 % +█+┊?█*·+ +20 % +day +\+1\.2 sd +ALARM/);
  expect(text).toContain(
    'data quality: distance out of range +30 % ALARM, distance wrong type +2 % ALARM',
  );
  expect(text).toContain(
    'refused requests: 30 of 1,230 (2.44 %), limit 5 %: distance wrong type 28, unknown column 2',
  );
  expect(text).toContain('latency at most 3 ms at the median, 20 ms at 97 %');
  expect(text).toContain('30 failed requests; limits by hour: 5 % failed, 3 % over 150 ms');
  expect(text).toContain('at most 3 requests interrupted because a gateway was killed');
  expect(text).toContain('not known: drift of `seen_at`, because its values are times');
  expect(text).toContain('estimated logloss without labels 0.49, 1,200 requests');
  expect(text).toContain('0 … 100');
  expect(text).toContain(
    'jumps of distance\n  within two hours at most 350 (200 in the reference)',
  );
  expect(text).toContain(
    'over a gap of at most twelve hours not tested, because it differs too much',
  );
});

test('slices have a band, a limit and a mark; the ones with an alarm come first', () => {
  const text = describeMonitor(monitor, page, paint, { verbose: false });
  const lines = text.split('\n');
  const head = lines.findIndex((line) => line.startsWith('SLICE'));
  expect(lines[head + 1]).toMatch(/^carrier=UA +0\.6 +0\.52 … 0\.68 +0\.55 +100 +ALARM$/);
  expect(lines[head + 2]).toMatch(/^carrier=AA +0\.61 +not tested +90/);
  expect(lines.filter((line) => line.startsWith('carrier='))).toHaveLength(6);
  expect(text).not.toContain('QUALITY OF');
});

test('calibration is shown by the bins of the score', () => {
  const text = describeMonitor(monitor, page, paint, { verbose: false });
  expect(text).toContain(
    'calibration, prediction minus label: score 0.1 … 0.2 −0.08 ALARM, score 0.8 … 0.9 +0.02',
  );
});

test('verbose shows the tests of the quality by day, week and four weeks', () => {
  const text = describeMonitor(monitor, page, paint, { verbose: true });
  expect(text).toMatch(/QUALITY OF +MEASURE +BY +LAST +HOLDOUT +LIMIT +LABELS/);
  expect(text).toMatch(/\nall +logloss +day +0\.48 +0\.53 +0 *\n/);
  expect(text).toMatch(/\nall +bias +week +−0\.012 +0\.001 +± 0\.05 +900 *\n/);
  expect(text).toMatch(/\ncarrier=UA +logloss +four weeks +0\.6 +0\.47 +0\.55 +100 +ALARM\n/);
  expect(text).toMatch(/carrier=UA +logloss +day .* not tested: slices are tested by the week/);
});

test('values are named by what is wrong with them, and an alarm at another scale by its test', () => {
  const [distance] = monitor.drift;
  if (distance === undefined) throw new Error('no feature');
  const carrier = {
    ...distance,
    feature: 'carrier',
    bins: [{ bin: 'unseen values', problem: 'unseen' as const, reference: 0, current: 0.1 }],
    signals: distance.signals.map((signal) => ({
      ...signal,
      kind: 'missing' as const,
      scale: 'hour' as const,
      effect: 0.04,
    })),
  };
  const text = describeMonitor({ ...monitor, drift: [carrier] }, page, paint, { verbose: false });
  expect(text).toContain(
    'data quality: carrier unseen category +10 %, carrier missing +4 % by the hour ALARM',
  );
});

test('a number whose distribution is not tested is marked as tested for jumps, with its alarm', () => {
  const [distance] = monitor.drift;
  if (!distance?.jump) throw new Error('no jump');
  const alarm = {
    before: 71.2,
    after: 21.8,
    hours: 1,
    effect: 0.55,
    since: '2013-06-30T05:00:00.000Z',
  };
  const drift = [{ ...distance, tolerance: null, signals: [], jump: { ...distance.jump, alarm } }];
  const text = describeMonitor({ ...monitor, drift }, page, paint, { verbose: false });
  expect(text).toMatch(/distance .* only jumps .* ALARM/);
});

test('an open alarm comes first, with what it triggers', () => {
  const alarms = [
    {
      key: 'drift:distance',
      kind: 'drift' as const,
      feature: 'distance',
      title: '`distance` has shifted by 50 % in this day',
      since: '2013-06-30T00:00:00.000Z',
      effect: 0.5,
      triggers: 'an incident',
    },
  ];
  const text = describeMonitor({ ...monitor, alarms }, page, paint, { verbose: false });
  expect(text).toContain(
    'alarm: `distance` has shifted by 50 % in this day, since 2013-06-30T00:00:00.000Z\n  triggers an incident\n',
  );
  expect(text.indexOf('alarm:')).toBeLessThan(text.indexOf('live logloss'));
});

test('refused requests above the limit are marked as an alarm', () => {
  const refused = monitor.refused && { ...monitor.refused, since: '2026-01-01T00:00:00.000Z' };
  const text = describeMonitor({ ...monitor, refused }, page, paint, { verbose: false });
  expect(text).toMatch(/refused requests: .* ALARM/);
});

test('the volume is shown beside the weeks before', () => {
  const text = describeMonitor(monitor, page, paint, { verbose: false });
  expect(text).toMatch(/VOLUME OF +REQUESTS +USUAL +TOO FEW +TOO MANY/);
  expect(text).toMatch(
    /the hour from 2024-05-08 14:00 \(UTC\) +1,200 +800 to 1,000 in 4 weeks +≤ 320 +not tested *\n/,
  );
  expect(text).toMatch(/the day from 2024-05-07 \(UTC\) +400 .* ALARM\n/);
});

test('a monitor that is off shows only why', () => {
  const off = { ...monitor, status: 'off' as const, waitingFor: 'the model has no champion' };
  expect(describeMonitor(off, page, paint, { verbose: false })).toBe(
    'flight-delay@7  off\noff: the model has no champion',
  );
});

test('the view tells how the former champion does while an alarm of quality is open', () => {
  const fallback = {
    former: 6,
    since: '2013-07-02T00:00:00Z',
    n: 1200,
    difference: 0.083,
    lower: 0.021,
    needed: 0.035,
    isBetter: false,
    failure: null,
  };
  const shown = (changed: Partial<typeof fallback> | { failure: string }) =>
    describeMonitor({ ...monitor, fallback: { ...fallback, ...changed } }, page, paint, {
      verbose: false,
    }).replace(/\s+/g, ' ');
  expect(shown({})).toContain(
    'fallback: flight-delay@6: its logloss is 0.083 lower on 1,200 labels since 2013-07-02T00:00:00Z; by the lower bound 0.021, it serves again above 0.035',
  );
  expect(shown({ failure: 'its files are gone' })).toContain(
    'fallback: flight-delay@6 cannot be compared: its files are gone',
  );
});
