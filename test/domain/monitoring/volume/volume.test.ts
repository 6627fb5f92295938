import { blocksPerYear, blockScales, type BlockScale } from '../../../../domain/monitoring/blocks';
import {
  judgeVolume,
  openVolume,
  volumeAlpha,
  volumeSides,
  type VolumeHour,
  type VolumeResult,
  type VolumeSettings,
} from '../../../../domain/monitoring/volume/volume';
import { volumeAlarms } from '../../../../domain/monitoring/volume/volume-alarms';
import { estimateDispersion } from '../../../../domain/monitoring/volume/volume-dispersion';
import type { VolumeState, VolumeWait } from '../../../../domain/monitoring/volume/volume-state';
import { unknownVolume } from '../../../../domain/monitoring/volume/volume-unknown';
import { seededRandom } from '../../../../domain/statistics/random';

const hourMs = 3_600_000;
const settings: VolumeSettings = { timezone: 'UTC', tolerance: 2, falseAlarmsPerYear: 1 };

/** A Monday. */
const start = '2024-04-01T00:00:00Z';

/** By hour of the day: none at night, most at noon. */
const byDaylight = (hour: number) =>
  hour < 6 || hour > 21 ? 0 : 100 + 20 * (8 - Math.abs(hour - 14));

interface Traffic {
  readonly from?: string;
  readonly until: string;
  readonly usual?: (hour: number) => number;
  /** Requests of an hour that begins at a time, in place of the usual ones. */
  readonly changed?: (usual: number, at: string) => number;
}

function buildHours({ from = start, until, usual = byDaylight, changed }: Traffic): VolumeHour[] {
  const hours: VolumeHour[] = [];
  for (let ms = Date.parse(from); ms < Date.parse(until); ms += hourMs) {
    const at = new Date(ms).toISOString();
    const of = usual(new Date(ms).getUTCHours());
    const requests = changed ? changed(of, at) : of;
    if (requests > 0) hours.push({ hour: at, requests });
  }
  return hours;
}

const judged = (traffic: Traffic, of = settings) =>
  judgeVolume(buildHours(traffic), Date.parse(traffic.until), of);

const open = ({ scales }: VolumeResult) =>
  scales.flatMap(({ scale, alarms }) =>
    volumeSides.flatMap((side) => (alarms[side] === null ? [] : [`${scale} ${side}`])),
  );

const findScale = (result: VolumeResult, scale: BlockScale) =>
  result.scales.find((each) => each.scale === scale);

/** Five weeks and two days later, a Wednesday. */
const wednesday = '2024-05-08';
const times =
  (factor: number, since: string, until = '2025') =>
  (usual: number, at: string) =>
    at >= since && at < until ? Math.round(factor * usual) : usual;

describe('volume of requests', () => {
  test('raises nothing while weeks are alike', () => {
    expect(open(judged({ until: '2024-05-20T00:00:00Z' }))).toEqual([]);
  });

  test('finds requests that stop, within the next hour', () => {
    const changed = times(0, `${wednesday}T14`);
    expect(open(judged({ until: `${wednesday}T14:00:00Z`, changed }))).toEqual([]);
    const result = judged({ until: `${wednesday}T15:00:00Z`, changed });
    expect(open(result)).toEqual(['hour fewer']);
    expect(findScale(result, 'hour')?.alarms.fewer).toEqual({
      since: `${wednesday}T14:00:00.000Z`,
      block: {
        from: `${wednesday}T14:00:00.000Z`,
        until: `${wednesday}T15:00:00.000Z`,
        requests: 0,
        lowest: 240,
        highest: 260,
        weeks: 4,
        limits: { fewer: expect.any(Number) as number, more: expect.any(Number) as number },
      },
    });
  });

  test.each<[string, number, readonly string[]]>([
    ['a third', 1 / 3, ['hour fewer']],
    ['half', 1 / 2, []],
    ['twice', 2, []],
    ['three times', 3, ['hour more']],
  ])('compares with twice the range of the weeks before: %s', (_, factor, expected) => {
    const changed = times(factor, `${wednesday}T10`);
    const usual = (hour: number) => 10 * byDaylight(hour);
    expect(open(judged({ until: `${wednesday}T15:00:00Z`, usual, changed }))).toEqual(expected);
  });

  test('stays open over a night that shows nothing, and keeps its begin', () => {
    const result = judged({ until: '2024-05-09T04:00:00Z', changed: times(0, `${wednesday}T14`) });
    // The day had most of its requests in the morning.
    expect(open(result)).toEqual(['hour fewer']);
    expect(findScale(result, 'hour')?.newest.limits.fewer).toBeNull();
    expect(findScale(result, 'hour')?.alarms.fewer).toMatchObject({
      since: `${wednesday}T14:00:00.000Z`,
      block: { from: `${wednesday}T20:00:00.000Z` },
    });
  });

  test('ends when an hour is within its limits again', () => {
    const changed = times(0, `${wednesday}T14`, `${wednesday}T16`);
    expect(open(judged({ until: `${wednesday}T16:00:00Z`, changed }))).toEqual(['hour fewer']);
    expect(open(judged({ until: `${wednesday}T17:00:00Z`, changed }))).toEqual([]);
  });

  test('finds silent days and weeks', () => {
    const changed = times(0, wednesday);
    const found = (until: string) => open(judged({ until, changed }));
    expect(found('2024-05-09T00:00:00Z')).toEqual(['hour fewer', 'day fewer']);
    // The week that began on Monday had requests for two days of seven.
    expect(found('2024-05-13T00:00:00Z')).toEqual(['hour fewer', 'day fewer', 'week fewer']);
  });

  test('a lasting change is usual after a week', () => {
    const changed = times(4, '2024-05-06');
    expect(open(judged({ until: '2024-05-11T22:00:00Z', changed }))).toEqual([
      'hour more',
      'day more',
    ]);
    expect(open(judged({ until: '2024-05-14T12:00:00Z', changed }))).toEqual(['week more']);
    expect(open(judged({ until: '2024-05-20T00:00:00Z', changed }))).toEqual([]);
  });

  test('a silence without end is open for four weeks', () => {
    const changed = times(0, '2024-05-06');
    const found = (until: string) => open(judged({ until, changed }));
    expect(found('2024-06-03T00:00:00Z')).toContain('day fewer');
    expect(found('2024-07-08T00:00:00Z')).toEqual([]);
  });

  test('a daily batch may come an hour later, and other hours are not tested', () => {
    const batch = (hour: number) => (hour === 2 ? 5_000 : 0);
    const moved = (usual: number, at: string) =>
      at.startsWith(wednesday) ? (at.startsWith(`${wednesday}T03`) ? 5_000 : 0) : usual;
    for (const hour of ['03', '04', '05', '23']) {
      const result = judged({ until: `${wednesday}T${hour}:00:00Z`, usual: batch, changed: moved });
      expect(open(result)).toEqual([]);
      expect(findScale(result, 'hour')?.newest.limits.fewer).toBeNull();
    }
    const without = times(0, wednesday);
    const result = judged({ until: '2024-05-09T00:00:00Z', usual: batch, changed: without });
    expect(open(result)).toEqual(['day fewer']);
  });

  test('a few requests in hours without any raise no alarm', () => {
    const changed = (usual: number, at: string) =>
      at === `${wednesday}T03:00:00.000Z` ? 15 : usual;
    const result = judged({ until: `${wednesday}T04:00:00Z`, changed });
    expect(findScale(result, 'hour')?.newest).toMatchObject({
      requests: 15,
      limits: { more: null },
    });
    expect(open(result)).toEqual([]);
  });

  test('rows that arrive late count in their hour, and end the alarm', () => {
    const until = `${wednesday}T15:00:00Z`;
    const early = buildHours({ until, changed: times(0, `${wednesday}T14`) });
    expect(open(judgeVolume(early, Date.parse(until), settings))).toEqual(['hour fewer']);
    const late = [...early, { hour: `${wednesday}T14:00:00.000Z`, requests: 250 }];
    expect(open(judgeVolume(late, Date.parse(until), settings))).toEqual([]);
  });

  test('a wider tolerance allows more', () => {
    const traffic = { until: `${wednesday}T15:00:00Z`, changed: times(3, `${wednesday}T14`) };
    expect(open(judged(traffic, { ...settings, tolerance: 4 }))).toEqual([]);
  });
});

describe('requests in batches', () => {
  /** Batches of 50 rows at random times, one in an hour on average. */
  function batches(seed: number, hours: number): readonly number[] {
    const random = seededRandom([seed, 1, 2, 3]);
    const counts = new Array<number>(hours).fill(0);
    for (let batch = 0; batch < hours; batch += 1) {
      const hour = Math.floor(random() * hours);
      counts[hour] = (counts[hour] ?? 0) + 50;
    }
    return counts;
  }

  function days(counts: readonly number[]): readonly (readonly string[])[] {
    const hours = counts.flatMap((requests, hour) =>
      requests === 0
        ? []
        : [{ hour: new Date(Date.parse(start) + hour * hourMs).toISOString(), requests }],
    );
    const volumeAt = openVolume(hours, { ...settings, tolerance: 1.5 });
    return Array.from({ length: counts.length / 24 }, (_, day) =>
      Array.from({ length: 24 }, (__, hour) =>
        open(volumeAt(Date.parse(start) + (24 * day + hour + 1) * hourMs)),
      ).flat(),
    );
  }

  test('raise no alarm, although their hours differ more than those of single requests', () => {
    expect([1, 2].flatMap((seed) => days(batches(seed, 8 * 168)).flat())).toEqual([]);
  });

  test('that stop raise one by the day', () => {
    const counts = batches(4, 6 * 168).map((each, hour) => (hour < 5 * 168 ? each : 0));
    expect(days(counts).at(36)).toContain('day fewer');
  });

  test('at the same hour of each day are no different from single requests', () => {
    expect(estimateDispersion([[500, 500, 500, 500]])).toBe(1);
    expect(
      estimateDispersion([
        [450, 0, 0, 0],
        [450, 0, 0, 0],
        [9, 9, 9, 9],
      ]),
    ).toBeGreaterThan(400);
  });
});

describe('clocks that change', () => {
  /** Local hours of Berlin: requests from 6 to 22, and a large batch at 4. */
  const hourOfBerlin = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/Berlin',
    hour: '2-digit',
  });
  const local = (at: string) => Number(hourOfBerlin.format(Date.parse(at)));
  const berlin = { ...settings, timezone: 'Europe/Berlin' };
  const changed = (_: number, at: string) => (local(at) === 4 ? 3_000 : byDaylight(local(at)));

  test.each([
    ['a day of 23 hours', '2024-02-19T00:00:00Z', '2024-03-30T23:00:00Z', 23],
    ['a day of 25 hours', '2024-09-16T00:00:00Z', '2024-10-26T22:00:00Z', 25],
  ])('raise no alarm on %s and after it', (_, from, midnight, length) => {
    const hours = buildHours({
      from,
      until: new Date(Date.parse(midnight) + 5 * 7 * 24 * hourMs).toISOString(),
      changed,
    });
    // The day, and the same day of the four weeks that are compared with it.
    for (let hour = 0; hour < 5 * 25; hour += 1) {
      const until = Date.parse(midnight) + (Math.floor(hour / 25) * 7 * 24 + (hour % 25)) * hourMs;
      const known = hours.filter((each) => Date.parse(each.hour) < until);
      expect(open(judgeVolume(known, until, berlin))).toEqual([]);
    }
    const day = judgeVolume(hours, Date.parse(midnight) + length * hourMs, berlin);
    expect(findScale(day, 'day')?.newest).toMatchObject({
      from: new Date(midnight).toISOString(),
      until: new Date(Date.parse(midnight) + length * hourMs).toISOString(),
    });
  });
});

describe('the budget of the volume', () => {
  test('sums to the allowed number over sides, scales and the blocks of a year', () => {
    const sum = blockScales.reduce(
      (total, scale) =>
        total + volumeSides.length * blocksPerYear[scale] * volumeAlpha(scale, settings),
      0,
    );
    expect(sum).toBeCloseTo(1, 12);
  });

  test.each(blockScales)('a count at the edge of the hypothesis is that unusual: %s', (scale) => {
    const newest = findScale(judged({ until: '2024-05-13T12:00:00Z' }), scale)?.newest;
    const { lowest = 0, highest = 0, limits } = newest ?? {};
    const alpha = volumeAlpha(scale, settings);
    expect(tail(0, limits?.fewer ?? NaN, lowest / 2)).toBeLessThanOrEqual(alpha);
    expect(
      tail(limits?.more ?? NaN, (limits?.more ?? NaN) + 2_000, 2 * highest),
    ).toBeLessThanOrEqual(alpha);
    // Not far more unusual than needed, or nothing would be found.
    expect(tail(0, limits?.fewer ?? NaN, lowest / 2)).toBeGreaterThan(alpha / 50);
  });

  /** The probability of the counts from one to another. */
  function tail(from: number, until: number, rate: number): number {
    let [log, sum] = [-rate, 0];
    for (let count = 0; count <= until; count += 1) {
      if (count >= from) sum += Math.exp(log);
      log += Math.log(rate / (count + 1));
    }
    return sum;
  }
});

describe('what is not known of the volume', () => {
  const at = (time: string) => Date.parse(time);
  const state = (result: VolumeResult | null, over: Partial<VolumeState> = {}): VolumeState => ({
    lookedMs: at('2024-05-08T15:10:00Z'),
    resumedMs: at('2024-05-08T09:00:00Z'),
    result,
    waitsFor: null,
    ...over,
  });
  const unknown = (result: VolumeResult) => unknownVolume(state(result));
  const until = (result: VolumeResult) => unknown(result).map((each) => each.until);

  test('needs three weeks before the block, and says from when it is known', () => {
    const from = '2024-04-03T10:00:00Z';
    const short = judged({ from, until: '2024-04-24T11:00:00Z' });
    expect(short).toMatchObject({ countedFrom: '2024-04-03T11:00:00.000Z', scales: [] });
    expect(unknown(short)).toEqual([
      {
        what: 'whether requests stop or double, by the hour, the day, the week',
        why: 'requests have been counted since 2024-04-03T11:00:00.000Z; the hour needs 3 weeks before it',
        until:
          'the first hour that can be compared was judged, at 2024-04-24T13:10:00.000Z or later',
      },
    ]);
    const known = judged({ from, until: '2024-04-24T13:00:00Z' });
    expect(known.scales.map(({ scale }) => scale)).toEqual(['hour']);
    expect(known.scales[0]?.newest.weeks).toBe(3);
    expect(until(known)).toEqual([
      'the first day that can be compared was judged, at 2024-04-25T11:10:00.000Z or later',
    ]);
    expect(unknown(judged({ from, until: '2024-05-06T12:00:00Z' }))).toEqual([]);
  });

  test('a model without requests knows nothing', () => {
    const none = judgeVolume([], Date.parse(start), settings);
    expect(none).toMatchObject({ countedFrom: null, scales: [] });
    expect(until(none)).toEqual(['requests have been counted for 3 weeks']);
  });

  test('hours that were not judged are named with the gateway that they wait for', () => {
    const result = judgeVolume([], at('2024-05-08T12:00:00Z'), settings);
    const waiting = (waitsFor: VolumeWait, over: Partial<VolumeState> = {}) =>
      unknownVolume(state(result, { waitsFor, ...over })).slice(0, -1);
    const gateway = 'http://10.0.0.7:8081';
    expect(waiting({ kind: 'holds-predictions', gateway })).toEqual([
      {
        what: 'whether requests stop or double since 2024-05-08T12:00:00.000Z',
        why: `the gateway ${gateway} has predictions that PostgreSQL lacks`,
        until: 'it has written them',
      },
    ]);
    expect(waiting({ kind: 'lost', gateway })).toMatchObject([
      { until: '1h after it ended, unless another one ends in the same way' },
    ]);
    expect(waiting({ kind: 'clock', gateway, aheadSeconds: -3600 })).toMatchObject([
      {
        why: `the clock of the gateway ${gateway} is 1h behind PostgreSQL's, so its requests count in other hours`,
      },
    ]);
    expect(waiting({ kind: 'lost', gateway }, { lookedMs: at('2024-05-08T13:50:00Z') })).toEqual(
      [],
    );
  });

  test('ten requests a day show a silence by the week alone, and this is said', () => {
    const rare = {
      until: '2024-05-13T12:00:00Z',
      usual: (hour: number) => (hour % 5 === 0 ? 2 : 0),
    };
    const result = judged(rare);
    expect(unknown(result).map(({ what }) => what)).toEqual([
      'whether requests stop, by the hour from 2024-05-13T11:00:00.000Z',
      'whether requests stop, by the day from 2024-05-12T00:00:00.000Z',
    ]);
    const silent = judged({ ...rare, changed: times(0, '2024-05-06') });
    expect(open(silent)).toEqual(['week fewer']);
  });
});

describe('alarms of the volume', () => {
  test('say how many requests there were, and how many are usual', () => {
    const changed = (usual: number, at: string) => (at >= `${wednesday}T14` ? 20 : usual);
    const result = judged({ until: `${wednesday}T15:00:00Z`, changed });
    const [alarm, ...others] = volumeAlarms(result, 'America/New_York');
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({
      key: 'volume:hour:fewer',
      kind: 'volume',
      feature: null,
      since: `${wednesday}T14:00:00.000Z`,
      title:
        '20 requests in the hour from 2024-05-08 10:00 (America/New_York); ' +
        'the same hours of 4 weeks had 240 to 260',
      effect: 1 - 20 / 240,
    });
    expect(alarm?.size).toMatch(/; limit \d+ or fewer$/);
  });
});
