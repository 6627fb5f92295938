import type { PredictionId } from '../../../../domain/ids';
import { categoryBins, numberBins } from '../../../../domain/monitoring/bins';
import type { MonitorSettings } from '../../../../domain/monitoring/monitor';
import { defaultMonitor } from '../../../../domain/lifecycle/sections/monitor-spec';
import type {
  ChampionReference,
  ObservedVersion,
} from '../../../../domain/monitoring/observation/champion-reference';
import type { MonitorResults } from '../../../../domain/monitoring/observation/monitor-results';
import { listFreshJumps } from '../../../../domain/monitoring/jump/fresh-jumps';
import { noRetraining } from '../../../../domain/retraining/retraining';
import { listTriggers } from '../../../../domain/monitoring/alarm/alarm-triggers';
import {
  alarmGroups,
  monitorStories,
} from '../../../../domain/monitoring/observation/monitor-story';
import {
  emptyMonitorState,
  withEventTime,
  type MonitorState,
} from '../../../../domain/monitoring/observation/monitor-state';
import { observe } from '../../../../domain/monitoring/observation/observe';
import type {
  FailedHour,
  ObservedLabel,
  ObservedRow,
  InterruptedHour,
  RefusedHour,
} from '../../../../domain/monitoring/observation/observed';
import { addService, serviceResult } from '../../../../domain/monitoring/service/service';
import { rowLoss } from '../../../../domain/monitoring/observation/live-quality';
import { findRetrainingCause } from '../../../../domain/monitoring/alarm/retraining-cause';
import { learnQualityReference } from '../../../../domain/monitoring/quality/quality-reference';
import { learnReference } from '../../../../domain/monitoring/reference';
import {
  openRowCounter,
  type RowCounts,
} from '../../../../domain/monitoring/observation/row-counter';
import { seededRandom } from '../../../../domain/statistics/random';

const hourMs = 3_600_000;
const start = Date.UTC(2024, 0, 1);
const at = (hours: number) => new Date(start + hours * hourMs).toISOString();

const settings: MonitorSettings = {
  ...defaultMonitor,
  quality: { ...defaultMonitor.quality, slices: ['kind'] },
  task: 'classification',
  metric: 'logloss',
  timezone: 'UTC',
  availableAfterSeconds: 0,
  service: { maxFailed: 0.01, latency: { maxMs: 150, maxSlow: 0.03 } },
};

interface Traffic {
  readonly from: number;
  readonly hours: number;
  readonly perHour?: number;
  readonly shift?: number;
  /** A constant in the place of `x`. */
  readonly x?: unknown;
}

/** Requests with `x` between 0 and 1 and one of three kinds. */
function buildRows({ from, hours, perHour = 30, shift = 0, x }: Traffic): readonly ObservedRow[] {
  const random = seededRandom([from, hours, perHour, 1]);
  return Array.from({ length: hours * perHour }, (_, index) => {
    const time = new Date(start + (from + index / perHour) * hourMs).toISOString();
    return {
      id: `pred_${from}_${index}` as PredictionId,
      at: time,
      receivedAt: time,
      input: {
        x: x === undefined ? random() + shift : x,
        kind: 'abc'[Math.floor(random() * 3)] ?? 'a',
      },
      output: { score: 0.2 + 0.6 * random() },
      latencyMs: 4,
    };
  });
}

const [noRow] = buildRows({ from: 0, hours: 1, perHour: 1 });

/** Four weeks of the same traffic. */
function reference(): ChampionReference {
  const rows = buildRows({ from: -28 * 24, hours: 28 * 24 });
  const inputs = rows.map(({ input }) => input as { readonly x: number; readonly kind: string });
  const bins = [
    numberBins(
      'x',
      inputs.map(({ x }) => x),
    ),
    categoryBins('kind', [
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]),
  ];
  const counter = openRowCounter({ features: bins, pairs: [] });
  const hours = new Map<string, RowCounts>();
  rows.forEach(({ at: time }, index) => {
    const hour = new Date(Math.floor(Date.parse(time) / hourMs) * hourMs).toISOString();
    const counts = hours.get(hour) ?? counter.empty();
    hours.set(hour, counts);
    counter.count(counts, (name) => inputs[index]?.[name as 'x' | 'kind']);
  });
  return {
    traffic: learnReference({
      bins,
      scoreBins: null,
      pairs: [],
      hours: [...hours].map(([hour, counts]) => ({ hour, ...counts, score: null })),
      timezone: 'UTC',
      settings: settings.drift,
    }),
    skipped: [{ name: 'seen_at', why: 'its values are times, which always move on' }],
    loss: { rows: 1000, loss: 0.6, bound: -Math.log(0.001) },
    quality: learnQualityReference(
      rows.map(({ at: time, input, output }, index) => {
        const { score } = output as { readonly score: number };
        // Each label is as likely as its score says.
        const label = (index * 0.618) % 1 < score ? 1 : 0;
        return {
          at: time,
          loss: rowLoss('logloss', label, score),
          bias: score - label,
          slices: { kind: (input as { readonly kind: string }).kind },
        };
      }),
      { timezone: 'UTC', maxDrop: 0.07, falseAlarmsPerYear: 1 },
    ),
    calibration: { scores: [0.2, 0.8], shares: [0.2, 0.8] },
  };
}

const buildSituation = (results: MonitorResults, of: MonitorSettings = settings) => ({
  eventNow: at(24 * 365),
  model: 'm',
  version: 3,
  settings: of,
  results,
  outlook: { state: noRetraining, otherRun: null, refused: null, now: at(0) },
});

const version: ObservedVersion = { settings, reference: reference() };
const wallMs = Date.UTC(2026, 0, 1);

function fold(
  state: MonitorState,
  rows: readonly ObservedRow[],
  of: ObservedVersion = version,
  labels: readonly ObservedLabel[] = [],
  failed: readonly FailedHour[] = [],
  refused: readonly RefusedHour[] = [],
  interrupted: readonly InterruptedHour[] = [],
) {
  const traffic = { rows, labels, failed, interrupted, refused };
  return observe(withEventTime(state, rows, { wallMs, settleMs: 0 }), traffic, of);
}

describe('a monitor', () => {
  test('raises nothing for traffic like the reference, however the batches are cut', () => {
    const rows = buildRows({ from: 0, hours: 72 });
    const whole = fold(emptyMonitorState, rows);
    expect(whole.results.alarms).toEqual([]);
    expect(whole.state.rows).toBe(rows.length);
    let state = emptyMonitorState;
    let counted = 0;
    for (let from = 0; from < rows.length; from += 37) {
      const part = fold(state, rows.slice(from, from + 37));
      state = part.state;
      for (const window of part.windows.values()) counted += window.rows;
    }
    expect(counted).toBe(rows.length);
    expect(fold(state, []).results.alarms).toEqual([]);
  });

  test('finds a unit that changed, orders by effect and says what the alarm triggers', () => {
    const { state } = fold(emptyMonitorState, buildRows({ from: 0, hours: 48 }));
    const { results } = fold(state, buildRows({ from: 48, hours: 6, shift: 40 }));
    expect(results.drift[0]).toMatchObject({ feature: 'x', role: 'feature' });
    expect(results.drift[0]?.effect).toBeGreaterThan(0.2);
    expect(results.alarms.map(({ feature }) => feature)).toContain('x');
    expect(results.alarms.every(({ feature }) => feature !== 'kind')).toBe(true);
    const [story] = monitorStories(buildSituation(results));
    expect(story?.story.engineDid).toContain('onAlarm: notify');
    expect(story).toMatchObject({
      kind: 'data',
      severity: 'critical',
      story: { features: [{ name: 'x' }], engineDid: expect.stringContaining('m@3') as string },
    });
  });

  test('finds a shift in the rows of one look, of which no further ones follow', () => {
    const usual = buildRows({ from: 48, hours: 1, perHour: 100 });
    const shifted = buildRows({ from: 48.01, hours: 1, perHour: 100, x: 0.95 });
    const inOneHour = [...usual, ...shifted].map((row) => ({ ...row, at: at(48.5) }));
    const { results } = fold(emptyMonitorState, inOneHour);
    expect(results.alarms).toMatchObject([{ kind: 'drift', feature: 'x' }]);
    const quiet = buildRows({ from: 48, hours: 1, perHour: 200 });
    expect(fold(emptyMonitorState, quiet).results.alarms).toEqual([]);
  });

  test('names the mean before and after a jump, and what the reference holds', () => {
    const { state } = fold(emptyMonitorState, buildRows({ from: 0, hours: 48, perHour: 300 }));
    const { results } = fold(state, buildRows({ from: 48, hours: 2, perHour: 300, shift: 0.9 }));
    const alarm = results.alarms.find(({ key }) => key === 'drift:x:jump');
    expect(alarm).toMatchObject({ kind: 'drift', feature: 'x', since: at(48) });
    expect(alarm?.title).toMatch(
      /^the mean of `x` went from 0\.\d+ to 1\.\d+ within .*hours?; the largest change in the reference is 0\.\d+$/,
    );
    // By the first eighth of the hour, which shows it: 37 rows with a standard error of 0.05.
    expect(Math.abs((alarm?.effect ?? 0) - 0.9)).toBeLessThan(0.15);
    const story = monitorStories(buildSituation(results)).find(({ kind }) => kind === 'drift');
    expect(story?.alarms).toContain('drift:x:jump');
    expect(story?.story.what).toContain('the mean of `x` went from');
  });

  test('says how long a jump has lasted, until the mean is back', () => {
    const retrain = { ...settings, onAlarm: 'retrain' } as const;
    const retraining = { ...version, settings: retrain };
    const send = (from: MonitorState, rows: ReturnType<typeof buildRows>) =>
      fold(from, rows, retraining);
    const quiet = send(emptyMonitorState, buildRows({ from: 0, hours: 48, perHour: 300 }));
    const shifted = (hours: number, from = 48) =>
      buildRows({ from, hours, perHour: 300, shift: 0.9 });
    const lasted = (results: MonitorResults) =>
      results.drift.find(({ feature }) => feature === 'x')?.jump?.alarm?.lastedHours;
    const first = send(quiet.state, shifted(1));
    expect(lasted(first.results)).toBe(0);
    expect(listFreshJumps(first.results)).toHaveLength(1);
    const story = monitorStories(buildSituation(first.results, retrain)).find(
      ({ kind }) => kind === 'drift',
    );
    expect(story?.story.engineDid).toContain('once the jump has lasted for a day');
    expect(story?.story.waitsFor).toContain('checks the source of x');
    // A day later, with a single request: nothing is shown yet.
    const single = send(first.state, buildRows({ from: 72, hours: 1, perHour: 1, shift: 0.9 }));
    expect(lasted(single.results)).toBe(0);
    const later = send(first.state, shifted(24, 49));
    expect(lasted(later.results)).toBe(24);
    expect(listFreshJumps(later.results)).toEqual([]);
    expect(later.results.alarms.map(({ key }) => key)).toContain('drift:x:jump');
    expect(listTriggers('drift', buildSituation(later.results, retrain))).toBe(
      'an incident and a retraining run (onAlarm: retrain)',
    );
    const back = send(later.state, buildRows({ from: 73, hours: 2, perHour: 300 }));
    expect(lasted(back.results)).toBeUndefined();
  });

  test('with a reference without means by hour, says that jumps are not tested', () => {
    const { reference: built } = version;
    if (!built?.traffic) throw new Error('no reference');
    const { traffic } = built;
    const features = traffic.features.map(({ jump: _, ...feature }) => feature);
    const old = { ...version, reference: { ...built, traffic: { ...traffic, features } } };
    const { results } = fold(emptyMonitorState, buildRows({ from: 0, hours: 24 }), old);
    expect(results.unknown.map(({ what }) => what)).toContain('jumps of numbers');
    expect(fold(emptyMonitorState, []).results.unknown.map(({ what }) => what)).not.toContain(
      'jumps of numbers',
    );
  });

  test('finds a feature that is constant, missing, or of another type', () => {
    for (const x of [0.5, null, 'text']) {
      const { state } = fold(emptyMonitorState, buildRows({ from: 0, hours: 24 }));
      const { results } = fold(state, buildRows({ from: 24, hours: 12, x }));
      expect(results.alarms.map(({ feature }) => feature)).toContain('x');
    }
  });

  test('counts a request from the future as now, so that one wrong clock closes no block', () => {
    const rows = buildRows({ from: 0, hours: 2 });
    const [wrong] = buildRows({ from: 2000, hours: 1, perHour: 1 });
    const { windows, state } = fold(emptyMonitorState, wrong ? [...rows, wrong] : rows);
    expect([...windows.keys()].every((hour) => hour <= at(2))).toBe(true);
    expect(state.eventNow !== null && state.eventNow <= at(2)).toBe(true);
  });

  test('measures the loss by slice and raises an alarm when it is shown to be too high', () => {
    const rows = buildRows({ from: 0, hours: 40 });
    const labels = rows.map(({ id, at: time, input, output }): ObservedLabel => ({
      id,
      at: time,
      // Always the less probable outcome.
      label: (output as { score: number }).score > 0.5 ? 0 : 1,
      input,
      output,
    }));
    const { results } = fold(emptyMonitorState, rows, version, labels);
    const { quality } = results;
    expect(quality).toMatchObject({ metric: 'logloss', n: 1200, total: 1200, reference: 0.6 });
    expect(quality?.limit).toBeCloseTo(0.642);
    expect(quality?.lower).toBeGreaterThan(0.642);
    expect(quality?.slices.map(({ slice }) => slice).sort()).toEqual([
      'kind=a',
      'kind=b',
      'kind=c',
    ]);
    for (const { estimate, lower, upper } of quality?.slices ?? []) {
      expect(lower).toBeLessThan(estimate);
      expect(upper).toBeGreaterThan(estimate);
      // A third of the labels.
      expect(lower).toBeLessThan(quality?.lower ?? 0);
    }
    expect(results.alarms[0]).toMatchObject({ key: 'quality:all:loss:day', kind: 'quality' });
    const [story] = monitorStories(buildSituation(results));
    expect(story).toMatchObject({
      kind: 'quality',
      severity: 'critical',
      title: expect.stringMatching(/^live quality: logloss is .*, with a limit of /) as string,
    });
  });

  test('says when calibration by score is not known', () => {
    const rows = buildRows({ from: 0, hours: 2 });
    const labels = rows.map((row) => ({ ...row, label: 1 }));
    const names = (of: ObservedVersion) =>
      fold(emptyMonitorState, rows, of, labels).results.unknown.map(({ what }) => what);
    // The labels of this holdout have no score.
    expect(names(version)).toContain('calibration by score');
    const scored = buildRows({ from: -28 * 24, hours: 28 * 24 }).map(({ at: time, output }) => {
      const { score } = output as { readonly score: number };
      return { at: time, loss: 0.6, bias: 0, score, slices: {} };
    });
    const limits = { timezone: 'UTC', maxDrop: 0.07, falseAlarmsPerYear: 1 };
    const quality = learnQualityReference(scored, limits);
    expect(names({ settings, reference: { ...reference(), quality } })).not.toContain(
      'calibration by score',
    );
  });

  test('counts on for slices that were stored without a band', () => {
    const rows = buildRows({ from: 0, hours: 2 });
    const label = (row: ObservedRow) => ({ ...row, label: 1 });
    const { state } = fold(emptyMonitorState, rows, version, rows.map(label));
    if (state.quality === null) throw new Error('no quality');
    const slices = { 'kind=a': { n: 5, sum: 3 } };
    const old = { ...state, quality: { ...state.quality, slices } };
    const next = buildRows({ from: 2, hours: 2 });
    const { quality } = fold(old, next, version, next.map(label)).results;
    const of = (name: string) => quality?.slices.find(({ slice }) => slice === name);
    expect(of('kind=a')).toMatchObject({ lower: null, upper: null });
    expect(of('kind=a')?.n).toBeGreaterThan(5);
    expect(of('kind=b')?.lower).toBeGreaterThan(0);
  });

  test('estimates the loss of calibrated scores before any label is due', () => {
    const { results } = fold(emptyMonitorState, buildRows({ from: 0, hours: 24 }));
    expect(results.quality).toBeNull();
    expect(results.estimate).toMatchObject({ metric: 'logloss', rows: 720, from: '2024-01-01' });
    // The entropy of a probability between 0.2 and 0.8.
    expect(results.estimate?.loss).toBeGreaterThan(0.55);
    expect(results.estimate?.loss).toBeLessThan(Math.log(2));
  });

  test('ignores labels that the metric cannot use', () => {
    const [row] = buildRows({ from: 0, hours: 1 });
    const label = (value: unknown, output: unknown = { score: 0.5 }): ObservedLabel => ({
      id: 'pred_1' as PredictionId,
      at: at(0),
      label: value,
      input: null,
      output,
    });
    const labels = [label('late'), label(2), label(NaN), label(1, null), label(1, { score: null })];
    const { results } = fold(emptyMonitorState, row ? [row] : [], version, labels);
    expect(results.quality).toBeNull();
    expect(results.unknown).toContainEqual(
      expect.objectContaining({ what: 'live quality', why: 'none of 5 labels fits logloss' }),
    );
  });

  test('measures the answers of a language application by the feedback of callers', () => {
    const [row] = buildRows({ from: 0, hours: 1, perHour: 1 });
    const chat: ObservedVersion = {
      settings: { ...settings, task: 'chat', metric: 'caller-loss' },
      reference: null,
    };
    const output = { text: 'the lamp is red', finish: 'stop' };
    const feedback = (label: unknown): ObservedLabel => ({
      id: 'pred_1' as PredictionId,
      at: at(0),
      label,
      input: { messages: [] },
      output,
    });
    const labels = [
      { score: 1 },
      { score: 0.25 },
      { correction: 'the lamp is red' },
      { references: ['red'] },
      true,
    ].map(feedback);
    const { results } = fold(emptyMonitorState, row ? [row] : [], chat, labels);
    expect(results.quality).toMatchObject({ metric: 'caller-loss', total: 3, limit: null });
    expect(results.quality?.estimate).toBeCloseTo(0.25);
    expect(results.alarms).toEqual([]);
    expect(results.unknown).toEqual([
      { what: 'drift', why: 'questions to an application are not compared', until: null },
      {
        what: 'whether requests stop or double',
        why: 'no whole hour of requests was judged',
        until: 'requests have been counted for 3 weeks',
      },
      {
        what: 'whether live quality is too low',
        why: 'callers give no feedback before the release',
        until: null,
      },
    ]);
  });

  describe('of a model with ten requests a day', () => {
    const day = (from: number) => buildRows({ from, hours: 10, perHour: 1 });
    const days = (count: number) => Array.from({ length: count }, (_, of) => day(of * 24)).flat();
    const failedHours = (from: number, hours: number) =>
      Array.from({ length: hours }, (_, index) => ({ hour: at(from + index), failed: 1 }));
    const serviceAlarms = ({ alarms }: MonitorResults) =>
      alarms.filter(({ kind }) => kind === 'service');

    test('raises an alarm when its requests fail, and keeps it until enough are answered', () => {
      let { state, results } = fold(emptyMonitorState, days(3));
      expect(serviceAlarms(results)).toEqual([]);
      ({ state, results } = fold(state, [], version, [], failedHours(72, 10)));
      expect(serviceAlarms(results)).toMatchObject([{ key: 'service:failed' }]);
      ({ state, results } = fold(state, day(96)));
      expect(serviceAlarms(results)).toHaveLength(1);
      ({ results } = fold(state, [...day(120), ...day(144), ...day(168)]));
      expect(serviceAlarms(results)).toEqual([]);
    });

    test('raises it after four requests, if every one fails', () => {
      const { results } = fold(emptyMonitorState, [], version, [], failedHours(0, 4));
      expect(serviceAlarms(results).map(({ title }) => title)).toEqual([
        '100 % of 4 requests in 4 different hours failed, with a limit of 1 %',
      ]);
    });

    test('keeps the hours that are tested together, however the batches are cut', () => {
      const rows = days(2).map((row, index) => ({ ...row, latencyMs: index % 4 ? 4 : 400 }));
      const whole = fold(emptyMonitorState, rows);
      const cut = rows.reduce((held, row) => fold(held.state, [row]), {
        ...whole,
        state: emptyMonitorState,
      });
      expect(cut.results.service.tests).toEqual(whole.results.service.tests);
      expect(cut.results.service.tests.map(({ requests, hours }) => [requests, hours])).toEqual([
        [20, 20],
        [20, 20],
      ]);
    });

    test('raises no false alarm in a year of failures at the limit', () => {
      const random = seededRandom([20, 0, 0, 0]);
      let [state, alarms, isOpen] = [emptyMonitorState, 0, false];
      const hours = 10 * 365;
      for (let index = 0; index < hours; index += 1) {
        const hour = at(2.4 * index - ((2.4 * index) % 1));
        const service = { ...settings.service, maxFailed: 0.1 };
        const failed = random() < 0.1 ? [{ hour, failed: 1 }] : [];
        const row = { ...(noRow as ObservedRow), at: hour, receivedAt: hour };
        const rows = failed.length > 0 ? [] : [row];
        state = {
          ...state,
          hours: addService(state.hours, { rows, failed, interrupted: [], refused: [] }, service),
        };
        const [test] = serviceResult(state, { ...settings, service }).tests;
        if (!isOpen && test?.since != null) alarms += 1;
        isOpen = test?.since != null;
      }
      expect(alarms).toBe(0);
    });

    test('says what it cannot know, and when it will', () => {
      const { results } = fold(emptyMonitorState, days(14));
      expect(results.alarms).toEqual([]);
      const of = (start: string) => results.unknown.find(({ what }) => what.startsWith(start));
      expect(of('shifts of less than')).toMatchObject({
        why: expect.stringMatching(/^about 7\d requests arrive in a week$/) as string,
        until: expect.stringMatching(
          /^a week has [\d,]+ requests, which is never at this rate; a shift of [\d.]+ % shows within 7 days, and one of all requests within \d+ hours$/,
        ) as string,
      });
      expect(of('whether')).toEqual({
        what: 'whether 35 % or more of the requests fail',
        why: 'about 11 requests arrive in a day, so 20 of them are tested together',
        until:
          '20 more requests have arrived, in about 44 hours at this rate; ' +
          'if all requests fail, 4 of them show it, in about 9 hours at this rate',
      });
      expect(of('jumps of numbers')).toEqual({
        what: 'jumps of numbers',
        why: 'no hour of the last week has had 20 numbers, and smaller hours are not compared',
        until:
          'two hours, at most twelve apart, have 20 requests each, which is never if about 11 requests a day arrive evenly',
      });
    });

    test('says that small hours cannot show a share of failures above a high limit', () => {
      const service = { maxFailed: 0.9, latency: null };
      const of = { ...version, settings: { ...settings, service } };
      const { results } = fold(emptyMonitorState, days(14), of);
      expect(results.unknown).toContainEqual({
        what: 'whether more than 90 % of the requests fail',
        why:
          'about 11 requests arrive in a day, so 20 of them are tested together, ' +
          'and 20 cannot show it',
        until: null,
      });
    });

    test('says on its first day that the rate is not known yet', () => {
      const { results } = fold(emptyMonitorState, day(0));
      expect(results.unknown).toContainEqual({
        what: 'which shifts the requests can show',
        why: 'requests have arrived for less than a day',
        until: at(24),
      });
    });

    test('names the blocks of days that have too few labels', () => {
      const rows = days(30);
      const labels = rows.map(({ id, at: time, input, output }) => ({
        ...{ id, at: time, input, output },
        label: 0,
      }));
      const { results } = fold(emptyMonitorState, rows, version, labels);
      expect(results.unknown).toContainEqual({
        what: 'live quality by the mean of a week',
        why: 'about 72 labels are due in a week',
        until: 'there are 100 labels in a week, which is never at this rate',
      });
      expect(results.unknown.map(({ what }) => what)).not.toContain(
        'live quality by the mean of four weeks',
      );
    });
  });

  test('with enough requests, does not speak of small hours', () => {
    const { results } = fold(emptyMonitorState, buildRows({ from: 0, hours: 48, perHour: 60 }));
    expect(results.unknown.map(({ what }) => what)).toEqual([
      'whether requests stop or double',
      'live quality',
      'training-serving skew',
      'drift of `seen_at`',
    ]);
  });

  describe('of the service', () => {
    const hour = at(0);
    const rows = buildRows({ from: 0, hours: 1, perHour: 300 });
    const alarmsWith = (served: readonly ObservedRow[], failed: readonly FailedHour[]) =>
      fold(emptyMonitorState, served, version, [], failed).results.alarms.filter(
        ({ kind }) => kind === 'service',
      );

    test('raises an alarm when more requests failed than the limit allows, within the hour', () => {
      expect(alarmsWith(rows, [{ hour, failed: 60 }])).toMatchObject([
        {
          key: 'service:failed',
          since: hour,
          title: '16.7 % of the requests of an hour failed, with a limit of 1 %',
        },
      ]);
    });

    test('raises it also when no request is answered', () => {
      const [alarm] = alarmsWith([], [{ hour, failed: 60 }]);
      expect(alarm?.title).toContain('100 % of the requests');
    });

    test('counts the failed requests of an hour once, however often they are read', () => {
      const failed = [{ hour, failed: 3 }];
      let { state } = fold(emptyMonitorState, rows, version, [], failed);
      state = fold(state, [], version, [], failed).state;
      expect(fold(state, [], version, [], failed).results.service.failed).toBe(3);
      expect(alarmsWith(rows, failed)).toEqual([]);
    });

    test('raises an alarm when answers are slow, by the guardrail of the canary', () => {
      const slow = rows.map((row, index) => (index % 3 === 0 ? { ...row, latencyMs: 400 } : row));
      expect(alarmsWith(slow, []).map(({ title }) => title)).toEqual([
        '33.3 % of the requests of an hour took over 150 ms, with a limit of 3 %',
      ]);
    });

    test('counts answers that broke off as failures and not as answers', () => {
      const broken = { text: null, finish: null, error: 'ProviderUnavailable' };
      const half = rows.map((row, index) => (index % 2 ? row : { ...row, output: broken }));
      expect(alarmsWith(half, [])).toMatchObject([
        { title: '50 % of the requests of an hour failed, with a limit of 1 %' },
      ]);
    });

    test('ends the alarm with an hour that keeps the limits', () => {
      const { state } = fold(emptyMonitorState, rows, version, [], [{ hour, failed: 60 }]);
      const { results } = fold(state, buildRows({ from: 1, hours: 1, perHour: 300 }));
      expect(results.alarms).toEqual([]);
    });
  });

  test('interrupted requests are shown by the whole numbers of their hours, and are not tested', () => {
    const hours = (...numbers: readonly number[]): readonly InterruptedHour[] =>
      numbers.map((interrupted, hour) => ({ hour: at(hour), interrupted }));
    const seen = (state: MonitorState, interrupted: readonly InterruptedHour[]) =>
      fold(state, [], version, [], [], [], interrupted);
    const first = seen(emptyMonitorState, hours(900, 4));
    expect(first.results.service).toMatchObject({ rows: 0, failed: 0, interrupted: 904 });
    const next = seen(first.state, hours(900, 6));
    expect(next.results.service).toMatchObject({ rows: 0, failed: 0, interrupted: 906 });
    expect(next.results.alarms).toEqual([]);
  });

  describe('of refused requests', () => {
    const rows = buildRows({ from: 0, hours: 1, perHour: 300 });
    const refusedIn = (hour: number, count: number): RefusedHour => ({
      hour: at(hour),
      causes: [
        { reason: 'missing', column: 'kind', rows: 1 },
        { reason: 'refused', column: null, rows: count },
        { reason: 'wrong-type', column: 'x', rows: count },
      ],
    });
    const seen = (served: readonly ObservedRow[], ...refused: readonly RefusedHour[]) =>
      fold(emptyMonitorState, served, version, [], [], refused).results;

    test('raises an alarm of the data that names the columns, when too many are refused', () => {
      const { alarms, refused } = seen(rows, refusedIn(0, 100));
      expect(alarms).toMatchObject([
        {
          key: 'data:refused',
          kind: 'data',
          feature: 'x',
          since: at(0),
          title:
            '25 % of the requests of an hour were refused, with a limit of 5 %: ' +
            '`x` has the wrong type (100 % of them), `kind` is not sent (1 % of them)',
        },
      ]);
      expect(refused).toMatchObject({ rows: 100, requests: 400 });
    });

    test('raises it when no request is answered, and says nothing of failed ones', () => {
      const { alarms, service } = seen([], refusedIn(0, 400));
      expect(alarms.map(({ key }) => key)).toEqual(['data:refused']);
      expect(service.failed).toBe(0);
    });

    test('raises it for a model with ten requests a day', () => {
      const hours = Array.from({ length: 10 }, (_, index) => refusedIn(2 * index, 1));
      expect(seen([], ...hours).alarms.map(({ key }) => key)).toEqual(['data:refused']);
    });

    test.each([
      [3, []],
      [5, ['data:refused']],
    ])('counts %d requests in a row as so many rows, however large they are', (count, keys) => {
      expect(seen([], refusedIn(0, count)).alarms.map(({ key }) => key)).toEqual(keys);
    });

    test('holds retraining and names the column', () => {
      const drifted = buildRows({ from: 0, hours: 48, shift: 0.5 });
      const results = seen(drifted, refusedIn(47, 400));
      const cause = findRetrainingCause(alarmGroups(results), []);
      expect(cause?.brokenData?.name).toContain('x');
      expect(cause?.brokenData?.problem).toContain('`x` has the wrong type');
    });

    test('shows them without an alarm while they keep the limit', () => {
      const { alarms, refused } = seen(rows, refusedIn(0, 12));
      expect(alarms).toEqual([]);
      expect(refused?.causes).toEqual([
        { reason: 'wrong-type', column: 'x', rows: 12 },
        { reason: 'missing', column: 'kind', rows: 1 },
      ]);
      expect(seen(rows).refused).toBeNull();
    });

    test('counts an hour once, however often it is read, and ends with one that keeps it', () => {
      const refused = [refusedIn(0, 100)];
      let { state } = fold(emptyMonitorState, rows, version, [], [], refused);
      const again = fold(state, [], version, [], [], refused);
      expect(again.results.refused?.rows).toBe(100);
      state = again.state;
      const { results } = fold(state, buildRows({ from: 1, hours: 1, perHour: 300 }));
      expect(results.alarms).toEqual([]);
    });
  });

  test('without a reference measures service and quality, and says what it lacks', () => {
    const rows = buildRows({ from: 0, hours: 2 });
    const { results } = fold(emptyMonitorState, rows, { settings, reference: null });
    expect(results).toMatchObject({ drift: [], alarms: [], service: { rows: 60, p50Ms: 5 } });
    expect(results.unknown[0]).toEqual({
      what: 'drift',
      why: 'the rows on which the version was trained are not available',
      until: 'the next version is promoted',
    });
  });
});
