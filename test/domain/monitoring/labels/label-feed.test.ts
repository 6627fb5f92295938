import {
  emptyLabelTest,
  judgeLabelDay,
  type LabelFeedSettings,
  type LabelTest,
} from '../../../../domain/monitoring/labels/label-feed';
import { seededRandom, type Random } from '../../../../domain/statistics/random';

/** Predictions and labels of a day, by its number since the start. */
type World = (random: Random, day: number) => readonly [predictions: number, labelled: number];

const own: LabelFeedSettings = { maxMissing: null, falseAlarmsPerYear: 0.1 };
const stated: LabelFeedSettings = { maxMissing: 0.05, falseAlarmsPerYear: 0.1 };

function drawn(random: Random, predictions: number, share: number): readonly [number, number] {
  let labelled = 0;
  for (let each = 0; each < predictions; each += 1) if (random() < share) labelled += 1;
  return [predictions, labelled];
}

/** Labels of a whole day come together, or too late. */
const batches =
  (missed: number): World =>
  (random) =>
    random() < missed ? [200, 0] : [200, 200];
const steady =
  (share: number, predictions = 200): World =>
  (random) =>
    drawn(random, predictions, share);
const weekdays: World = (random, day) => (day % 7 >= 5 ? [200, 0] : drawn(random, 200, 0.98));
const uneven: World = (random) => drawn(random, 200, 1 - random() ** 4);
const stopped: World = () => [200, 0];

function formatDate(day: number): string {
  return new Date(Date.UTC(2024, 0, 1) + day * 86_400_000).toISOString().slice(0, 10);
}

function follow(
  test: LabelTest,
  world: World,
  days: { readonly from: number; readonly until: number },
  { random, settings }: { readonly random: Random; readonly settings: LabelFeedSettings },
): { readonly test: LabelTest; readonly alarms: readonly number[]; readonly open: number } {
  const alarms: number[] = [];
  let open = 0;
  for (let day = days.from; day < days.until; day += 1) {
    const [predictions, labelled] = world(random, day);
    const before = test.alarm;
    test = judgeLabelDay(test, { day: formatDate(day), predictions, labelled }, settings);
    if (test.alarm !== null) open += 1;
    if (test.alarm !== null && before === null) alarms.push(day);
  }
  return { test, alarms, open };
}

describe('false alarms in a year stay within the share of the labels', () => {
  const years = 60;
  test.each<readonly [string, World, LabelFeedSettings]>([
    ['96 % of the labels come, by the days before', steady(0.96), own],
    ['96 % of the labels come, and 5 % may be missing', steady(0.96), stated],
    ['three predictions a day', steady(0.96, 3), own],
    ['one daily batch in ten is missing', batches(0.1), own],
    ['one daily batch in thirty is missing', batches(1 / 30), own],
    ['one daily batch in twenty-two is missing, and 5 % may be', batches(1 / 22), stated],
    ['every second batch is missing', batches(0.5), own],
    ['no label comes on weekends', weekdays, own],
    ['days differ much', uneven, own],
    ['3 % get feedback', steady(0.03), own],
  ])('%s', (_, world, settings) => {
    const random = seededRandom([1, 2, 3, 4]);
    let alarms = 0;
    for (let year = 0; year < years; year += 1)
      alarms += follow(emptyLabelTest, world, { from: 0, until: 365 }, { random, settings }).alarms
        .length;
    // 0.1 a year are allowed: 6 on average, and more than 11 with a probability of 2 %.
    expect(alarms).toBeLessThanOrEqual(11);
  });
});

describe('after 60 usual days, an alarm shows', () => {
  test.each<readonly [string, World, World, LabelFeedSettings, number]>([
    ['labels that stop', steady(0.96), stopped, own, 6],
    ['labels that stop, and 5 % may be missing', steady(0.96), stopped, stated, 5],
    ['labels that thin from 96 % to 80 %', steady(0.96), steady(0.8), own, 25],
    ['the same, and 5 % may be missing', steady(0.96), steady(0.8), stated, 10],
    ['batches that stop, of which one in ten was missing', batches(0.1), stopped, own, 30],
    ['three predictions a day without labels', steady(0.96, 3), () => [3, 0], own, 12],
    ['feedback of 3 % that stops', steady(0.03), stopped, own, 40],
    ['labels of working days that stop', weekdays, stopped, own, 35],
  ])('%s', (_, before, after, settings, within) => {
    const delays = Array.from({ length: 20 }, (_unused, seed) => {
      const random = seededRandom([seed, 5, 6, 7]);
      const usual = follow(emptyLabelTest, before, { from: 0, until: 60 }, { random, settings });
      expect(usual.alarms).toEqual([]);
      const changed = follow(usual.test, after, { from: 60, until: 200 }, { random, settings });
      return (changed.alarms[0] ?? Infinity) - 59;
    });
    expect(Math.max(...delays)).toBeLessThanOrEqual(within);
  });
});

test('one missing batch raises no alarm, however steady the labels were', () => {
  const random = seededRandom([1, 1, 1, 1]);
  for (const settings of [own, stated]) {
    const missed: World = (_, day) => (day === 60 ? [200, 0] : [200, 200]);
    expect(
      follow(emptyLabelTest, missed, { from: 0, until: 90 }, { random, settings }).alarms,
    ).toEqual([]);
  }
});

test('the alarm names the first day without labels, and three usual days end it', () => {
  const random = seededRandom([2, 2, 2, 2]);
  const at = { random, settings: own };
  const usual = follow(emptyLabelTest, steady(0.96), { from: 0, until: 40 }, at);
  const { test: open } = follow(usual.test, stopped, { from: 40, until: 50 }, at);
  expect(open.alarm).toMatchObject({ since: formatDate(40) });
  expect(open.alarm?.days).toHaveLength(10);
  expect(open.alarm?.reference.usual).toBeCloseTo(0.96, 1);
  const after = follow(open, steady(0.96), { from: 50, until: 52 }, at);
  expect(after.test.alarm).not.toBeNull();
  expect(follow(after.test, steady(0.96), { from: 52, until: 53 }, at).test.alarm).toBeNull();
});

test('a share that lasts for four weeks is usual, but not if the lifecycle states the limit', () => {
  for (const [settings, isOpen] of [
    [own, false],
    [stated, true],
  ] as const) {
    const at = { random: seededRandom([3, 3, 3, 3]), settings };
    const usual = follow(emptyLabelTest, steady(0.97), { from: 0, until: 40 }, at);
    const thin = follow(usual.test, steady(0.5), { from: 40, until: 100 }, at);
    expect(thin.alarms).toHaveLength(1);
    expect(thin.test.alarm !== null).toBe(isOpen);
  }
});

test('labels that never began to arrive do not stop', () => {
  const at = { random: seededRandom([4, 4, 4, 4]), settings: stated };
  expect(follow(emptyLabelTest, stopped, { from: 0, until: 60 }, at).test).toEqual(emptyLabelTest);
});

test('days without predictions count as no day', () => {
  const at = { random: seededRandom([5, 5, 5, 5]), settings: own };
  const usual = follow(emptyLabelTest, steady(0.96), { from: 0, until: 40 }, at);
  const idle = follow(usual.test, () => [0, 0], { from: 40, until: 200 }, at);
  expect(idle.test).toEqual(usual.test);
});
