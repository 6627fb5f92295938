import type { Trial, TrialStatus } from '../../../domain/tuning/tuning';
import {
  bestTrial,
  busySeconds,
  capThatEnded,
  cappedReason,
  countTrials,
  earlyEndReason,
  valuesAtRungs,
} from '../../../domain/tuning/tuning';
import { planPruning, listRungs } from '../../../domain/tuning/pruning';

function trial(number: number, status: TrialStatus, value: number | null = null): Trial {
  return {
    number,
    params: {},
    status,
    value,
    values: null,
    lane: null,
    samplerState: {},
    intermediate: [],
    reason: null,
    startedAt: '2013-01-01T00:00:00Z',
    endedAt: null,
  };
}

const at = (from: number, until: number | null) => ({
  startedAt: new Date(from * 1000).toISOString(),
  endedAt: until === null ? null : new Date(until * 1000).toISOString(),
});

describe('the best trial', () => {
  const trials = [
    trial(0, 'complete', 0.5),
    trial(1, 'pruned', 0.1),
    trial(2, 'complete', 0.3),
    trial(3, 'complete', 0.3),
    trial(4, 'running'),
  ];
  test('is the lowest complete one when the metric is minimised, the first of equals', () =>
    expect(bestTrial(trials, 'minimize')?.number).toBe(2));
  test('is the highest when it is maximised', () =>
    expect(bestTrial(trials, 'maximize')?.number).toBe(0));
  test('is none when none is complete', () =>
    expect(bestTrial([trial(0, 'pruned', 1), trial(1, 'failed')], 'minimize')).toBeNull());
});

describe('busy seconds', () => {
  const now = new Date(100_000).toISOString();
  test.each([
    ['nothing yet', [], 0],
    ['trials beside each other count once', [at(0, 10), at(5, 12), at(6, 8)], 12],
    ['what lies between them does not count', [at(0, 10), at(50, 55)], 15],
    ['one that runs counts to now', [at(0, 10), at(90, null)], 20],
    ['the order in which they are recorded does not matter', [at(50, 55), at(0, 10)], 15],
  ])('%s', (_, spans, seconds) => expect(busySeconds(spans, now)).toBe(seconds));
});

describe('pruning', () => {
  test('by hyperband has rungs at a 27th, a 9th and a third of the iterations', () => {
    const pruning = planPruning('hyperband', 270);
    expect(pruning).toEqual({ pruner: 'hyperband', min: 10, max: 270, factor: 3 });
    expect(pruning && listRungs(pruning)).toEqual([10, 30, 90]);
  });
  test('has one bracket of the same rungs with asha', () =>
    expect(planPruning('asha', 270)).toEqual({ pruner: 'asha', min: 10, max: 270, factor: 3 }));
  test('compares at every tenth of the iterations with median', () => {
    const pruning = planPruning('median', 50);
    expect(pruning && listRungs(pruning)).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45]);
  });
  test('is null without a pruner', () => expect(planPruning('none', 270)).toBeNull());
  test('of few iterations begins at the first', () => {
    const pruning = planPruning('hyperband', 5);
    expect(pruning && listRungs(pruning)).toEqual([1, 3]);
  });
  test.each([[null], [0], [2]])('is null for too few iterations: %s', (iterations) =>
    expect(planPruning('hyperband', iterations)).toBeNull(),
  );
});

describe('values at rungs', () => {
  const seen = [1, 2, 3, 5, 8, 13].map((step) => ({ step, value: step / 10 }));
  test('are the first at or after each rung, also later', () => {
    expect(valuesAtRungs([1, 3, 9, 27], seen)).toEqual([seen[0], seen[2], seen[5]]);
    expect(valuesAtRungs([1, 3, 9, 27], seen.slice(0, 4))).toEqual([seen[0], seen[2]]);
  });
  test('have no duplicates', () =>
    expect(valuesAtRungs([1, 3], [{ step: 10, value: 1 }])).toEqual([{ step: 10, value: 1 }]));
});

describe('the reason to end a study early', () => {
  test.each([
    ['one failure is bad luck', { complete: 0, pruned: 0, failed: 1 }, null],
    ['half may fail', { complete: 5, pruned: 0, failed: 5 }, null],
    [
      'more than half of the first trials failed',
      { complete: 2, pruned: 0, failed: 3 },
      '3 of 5 trials failed',
    ],
    ['pruned ones did not fail', { complete: 1, pruned: 9, failed: 3 }, null],
  ])('%s', (_, counts, reason) => expect(earlyEndReason(counts, 2)).toBe(reason));
  test('is null before two rounds of parallel trials', () =>
    expect(earlyEndReason({ complete: 0, pruned: 0, failed: 7 }, 4)).toBeNull());
});

test('counts are by status', () => {
  expect(
    countTrials([
      trial(0, 'complete', 1),
      trial(1, 'failed'),
      trial(2, 'running'),
      trial(3, 'running'),
    ]),
  ).toEqual({
    complete: 1,
    pruned: 0,
    failed: 1,
    running: 2,
  });
});

test('a cap that ended a trial is found by its code, and not by the words of a job', () => {
  const message = 'the budget of run/run_1 has no room: 1 of 2 used; job a needs 3 to start';
  const pruned = { status: 'pruned', reason: cappedReason(message) } as const;
  expect(capThatEnded(pruned)).toBe(message);
  expect(capThatEnded({ ...pruned, reason: message })).toBeNull();
  expect(capThatEnded({ ...pruned, status: 'failed' })).toBeNull();
  expect(capThatEnded({ ...pruned, reason: null })).toBeNull();
});
