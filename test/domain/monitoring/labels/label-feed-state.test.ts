import { labelAlarms, unknownLabelFeed } from '../../../../domain/monitoring/labels/label-alarm';
import { labelFeedResult } from '../../../../domain/monitoring/labels/label-feed-result';
import {
  addToLabelFeed,
  dueLabelDays,
  judgeOldestDay,
  openLabelFeed,
  type LabelFeedState,
} from '../../../../domain/monitoring/labels/label-feed-state';

const settings = { maxMissing: null, falseAlarmsPerYear: 0.1 };
const dayMs = 86_400_000;
const at = (day: number, hours = 0) =>
  new Date(Date.UTC(2024, 4, 1) + day * dayMs + hours * 3_600_000).toISOString();
const empty = openLabelFeed(null, 3600);

function days(state: LabelFeedState, from: number, labelled: readonly number[]): LabelFeedState {
  return labelled.reduce((before, each, index) => {
    const predictions = Array.from({ length: 10 }, () => ({ version: 1, at: at(from + index) }));
    return judgeOldestDay(
      addToLabelFeed(before, { predictions, labels: [] }),
      { labelled: each },
      settings,
    );
  }, state);
}

test('a day is due a day after its last label', () => {
  const state = addToLabelFeed(empty, {
    predictions: [
      { version: 1, at: at(0, 23) },
      { version: 2, at: at(0, 1) },
      { version: 1, at: at(1) },
    ],
    labels: [at(0, 23), at(1)],
  });
  expect(state.pending).toEqual([
    { day: '2024-05-01', predictions: { 1: 1, 2: 1 }, labelled: 1 },
    { day: '2024-05-02', predictions: { 1: 1 }, labelled: 1 },
  ]);
  expect(dueLabelDays(state, null)).toEqual([]);
  expect(dueLabelDays(state, at(1, 23.9))).toEqual([]);
  expect(dueLabelDays(state, at(2)).map(({ day }) => day)).toEqual(['2024-05-01']);
});

test('predictions and labels that come after their day was judged do not count', () => {
  const judged = days(empty, 0, [9]);
  const late = addToLabelFeed(judged, {
    predictions: [{ version: 1, at: at(0) }],
    labels: [at(0)],
  });
  expect(late).toEqual(judged);
  expect(late.newest).toEqual({ day: '2024-05-01', predictions: 10, labelled: 9 });
});

test('another time until labels are due begins the test anew', () => {
  const known = days(empty, 0, Array<number>(20).fill(9));
  expect(known.test.days).toHaveLength(20);
  expect(openLabelFeed(known, 3600)).toBe(known);
  expect(openLabelFeed(known, 7200)).toMatchObject({ newest: known.newest, test: { days: [] } });
});

test('the alarm says how many predictions lack a label, since when, and what is usual', () => {
  const usual = days(empty, 0, Array<number>(20).fill(9));
  expect(labelFeedResult(usual)).toMatchObject({ alarm: null, reference: { usual: 0.9 } });
  const open = labelFeedResult(days(usual, 20, Array<number>(8).fill(0)));
  if (open === null) throw new Error('no result');
  expect(labelAlarms(open, { availableAfterSeconds: 3600 })).toEqual([
    {
      key: 'labels:share',
      kind: 'labels',
      feature: null,
      title:
        'no label came for 80 predictions from 2024-05-21 to 2024-05-28; ' +
        'labels came for 90 % on average on the 20 days before',
      since: '2024-05-21T00:00:00.000Z',
      effect: 0.9,
      size:
        '0 of 80 predictions had a label within 25h, 0 %; ' +
        'labels came for 90 % on average on the 20 days before; limit 85.5 %',
      slice: null,
    },
  ]);
});

test('before 14 days are known, the monitor says so', () => {
  expect(unknownLabelFeed(null)).toEqual([]);
  expect(unknownLabelFeed(empty)).toEqual([]);
  expect(unknownLabelFeed(days(empty, 0, [9, 9, 9]))).toEqual([
    {
      what: 'whether labels stop or thin',
      why: 'the labels of 3 days are due; at least 14 are needed to learn their usual share',
      until: 'those of 14 days are due',
    },
  ]);
  expect(unknownLabelFeed(days(empty, 0, Array<number>(15).fill(9)))).toEqual([]);
  const rare = [10, ...Array<number>(14).fill(0)];
  expect(unknownLabelFeed(days(empty, 0, rare))).toMatchObject([
    { why: expect.stringContaining('differs too much') as string },
  ]);
});
