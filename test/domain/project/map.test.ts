import fc from 'fast-check';
import {
  hasTooManyFailures,
  isMapIdle,
  computeMaxFailures,
  nextMapState,
  type ItemFailurePolicy,
  type StageMapEvent,
  type StageMapState,
} from '../../../domain/project/map';

describe('the failures that a policy allows', () => {
  test.each<[ItemFailurePolicy, number, number | null]>([
    ['failFast', 10_000, 0],
    ['collect', 10_000, 10_000],
    [{ tolerate: '1%' }, 10_000, 100],
    [{ tolerate: '1%' }, 99, 0],
    [{ tolerate: '29%' }, 100, 29],
    [{ tolerate: 0.29 }, 100, 29],
    [{ tolerate: '0.5%' }, 1_000, 5],
    [{ tolerate: 0 }, 10, 0],
    [{ tolerate: 1 }, 10, 10],
    [{ tolerate: 1.1 }, 10, null],
    [{ tolerate: -0.1 }, 10, null],
    [{ tolerate: NaN }, 10, null],
    [{ tolerate: '101%' }, 10, null],
    [{ tolerate: '%' as '1%' }, 10, null],
  ])('%j of %i items: %j', (policy, total, expected) => {
    expect(computeMaxFailures(policy, total)).toBe(expected);
  });
});

function buildState(given: Partial<StageMapState> = {}): StageMapState {
  return {
    total: 10,
    parallel: 3,
    maxFailures: 10,
    leaveAt: 10,
    next: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    isPaused: false,
    ...given,
  };
}

function starts(state: StageMapState, event: StageMapEvent): readonly number[] {
  return nextMapState(state, event).start;
}

const succeeded = { kind: 'itemEnded', outcome: 'succeeded' } as const;
const failed = { kind: 'itemEnded', outcome: 'failed' } as const;

describe('the items that start', () => {
  test('as many as may run at once', () => {
    expect(starts(buildState(), { kind: 'begun' })).toEqual([0, 1, 2]);
  });
  test('the next one after each end', () => {
    expect(starts(buildState({ next: 3, running: 3 }), succeeded)).toEqual([3]);
  });
  test('none while the run is paused, and all that are due when it is resumed', () => {
    const paused = buildState({ next: 3, running: 3, isPaused: true });
    expect(starts(paused, succeeded)).toEqual([]);
    expect(starts({ ...paused, running: 1 }, { kind: 'resumed' })).toEqual([3, 4]);
  });
  test('none after more failures than are allowed', () => {
    expect(starts(buildState({ next: 3, running: 3, maxFailures: 0 }), failed)).toEqual([]);
  });
  test('none that another execution starts', () => {
    expect(starts(buildState({ leaveAt: 2 }), { kind: 'begun' })).toEqual([0, 1]);
    expect(starts(buildState({ next: 3, running: 2 }), { kind: 'historyFull' })).toEqual([]);
  });
});

describe('an idle map', () => {
  test.each<[string, Partial<StageMapState>, boolean]>([
    ['every item has ended', { next: 10, succeeded: 10 }, true],
    ['the last items still run', { next: 10, running: 1, succeeded: 9 }, false],
    ['the next execution has the rest', { next: 4, leaveAt: 4, succeeded: 4 }, true],
    ['paused with items left', { next: 4, succeeded: 4, isPaused: true }, false],
    ['too many failures, none running', { next: 4, failed: 4, maxFailures: 3 }, true],
    ['too many failures, one running', { next: 4, failed: 4, maxFailures: 3, running: 1 }, false],
  ])('%s: %j', (_, given, expected) => {
    expect(isMapIdle(buildState(given))).toBe(expected);
  });
});

test('in any order of ends and pauses, each item starts once and at most `parallel` run', () => {
  const events = fc.array(fc.constantFrom('end', 'fail', 'pause', 'resume', 'full'), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(
      events,
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 40 }),
      (kinds, total, parallel, maxFailures) => {
        const started: number[] = [];
        let state = buildState({ total, parallel, maxFailures, leaveAt: total });
        const apply = (event: StageMapEvent): void => {
          const wasPaused = state.isPaused && event.kind !== 'resumed';
          const { state: next, start } = nextMapState(state, event);
          state = next;
          started.push(...start);
          expect(state.running).toBeLessThanOrEqual(parallel);
          if (wasPaused || hasTooManyFailures(state)) expect(start).toEqual([]);
        };
        apply({ kind: 'begun' });
        for (const kind of kinds) {
          if (kind === 'pause') apply({ kind: 'paused' });
          else if (kind === 'resume') apply({ kind: 'resumed' });
          else if (kind === 'full') {
            apply({ kind: 'historyFull' });
            // The next execution continues with the first item that has not started.
            if (isMapIdle(state)) state = { ...state, leaveAt: total };
          } else if (state.running > 0) apply(kind === 'end' ? succeeded : failed);
        }
        state = { ...state, leaveAt: total };
        apply({ kind: 'resumed' });
        while (!isMapIdle(state)) apply(succeeded);
        expect(started).toEqual(started.map((_, index) => index));
        expect(state.succeeded + state.failed).toBe(started.length);
        if (!hasTooManyFailures(state)) expect(started).toHaveLength(total);
      },
    ),
  );
});
