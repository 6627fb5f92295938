import fc from 'fast-check';
import type { RunId } from '../../../domain/ids';
import {
  noRetraining,
  type BrokenData,
  type DataHold,
  type RetrainingCause,
  type RetrainingRules,
  type RetrainingState,
} from '../../../domain/retraining/retraining';
import type { RunFindings } from '../../../domain/retraining/ended-run';
import { retrainingStatus } from '../../../domain/retraining/outlook';
import {
  changeRetraining,
  retrainingDueAt,
  startedRetraining,
  type RetrainingEvent,
} from '../../../domain/retraining/transition';

const hour = 3_600_000;
const rules: RetrainingRules = { cooldownSeconds: 86_400, maxFailures: 3, runStrategy: 'skip' };
const queue: RetrainingRules = { ...rules, runStrategy: 'queue' };
const replace: RetrainingRules = { ...rules, runStrategy: 'replace' };
const drift: RetrainingCause = { kind: 'drift', reason: 'distance drifted', brokenData: null };
const start = Date.parse('2026-01-01T00:00:00Z');
const at = (hours: number) => new Date(start + hours * hour).toISOString();
const asked = (hours: number, cause = drift, otherRun: RunId | null = null): RetrainingEvent => ({
  kind: 'requested',
  cause,
  at: at(hours),
  otherRun,
});
const ended = (
  hours: number,
  status: 'succeeded' | 'stopped' | 'failed' | 'cancelled' | 'lost',
  brokenData: BrokenData | null = null,
  more: Partial<Pick<RunFindings, 'meetsContracts' | 'showsFault'>> = {},
): RetrainingEvent => ({
  kind: 'ended',
  runId: 'run_1' as RunId,
  status,
  released: status === 'succeeded',
  at: at(hours),
  brokenData,
  meetsContracts: brokenData === null && (status === 'succeeded' || status === 'stopped'),
  showsFault: status === 'stopped' || status === 'failed' || status === 'lost',
  ...more,
});
const due = (hours: number, otherRun: RunId | null = null): RetrainingEvent => ({
  kind: 'due',
  at: at(hours),
  otherRun,
});

const fires: RetrainingEvent = { kind: 'scheduled', allowsOpenRun: false };
const quiet: RetrainingEvent = { kind: 'observed', callsForRun: false, isBroken: false };

const heldUntil = (hours: number, hold: Omit<DataHold, 'until'>): DataHold => ({
  ...hold,
  until: at(hours + 7 * 24),
});

/** Applies the events as the repository does. Each start makes the run `run_1`. */
function play(events: readonly RetrainingEvent[], by: RetrainingRules = rules) {
  let state: RetrainingState = noRetraining;
  const effects: string[] = [];
  let answer: string | undefined;
  for (const event of events) {
    const step = changeRetraining(state, event, by);
    ({ state } = step);
    answer = step.answer?.kind;
    for (const effect of step.effects) {
      effects.push(effect.kind);
      const runId = 'run_1' as RunId;
      if (effect.kind === 'start' && 'at' in event)
        state = startedRetraining(state, { runId, at: event.at, by: effect.cause.kind });
      if (effect.kind === 'open')
        state = startedRetraining(state, { runId, at: at(0), by: 'schedule' });
    }
  }
  return { state, effects, answer };
}

describe('a request for an automatic run', () => {
  test.each<[string, readonly RetrainingEvent[], RetrainingRules, string, readonly string[]]>([
    ['starts one', [asked(0)], rules, 'started', ['start']],
    ['is skipped while one is open', [asked(0), asked(1)], rules, 'skipped', ['start']],
    ['is queued while one is open', [asked(0), asked(1)], queue, 'queued', ['start']],
    ['is queued once', [asked(0), asked(1), asked(2)], queue, 'skipped', ['start']],
    ['replaces the open one', [asked(0), asked(1)], replace, 'queued', ['start', 'cancel']],
    [
      'cancels the replaced run once',
      [asked(0), asked(1), asked(2)],
      replace,
      'skipped',
      ['start', 'cancel'],
    ],
    [
      'is skipped while a person’s run is open',
      [asked(0, drift, 'run_9' as RunId)],
      rules,
      'skipped',
      [],
    ],
    ['does not cancel a person’s run', [asked(0, drift, 'run_9' as RunId)], replace, 'queued', []],
    [
      'is skipped in the cool-down',
      [asked(0), ended(2, 'succeeded'), asked(23)],
      rules,
      'skipped',
      ['start'],
    ],
    [
      'starts after the cool-down',
      [asked(0), ended(2, 'succeeded'), asked(24)],
      rules,
      'started',
      ['start', 'start'],
    ],
  ])('%s', (_, events, by, answer, effects) => {
    expect(play(events, by)).toMatchObject({ answer, effects });
  });
});

describe('a time of the schedule', () => {
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  const data = { name: 'flights@3', problem: 'distance is missing in 12 % of the rows.' };
  const requests = { name: 'request data of distance', problem: 'it is missing.' };
  const alarm: RetrainingCause = { ...drift, brokenData: requests };
  const fruitless = [fires, ended(1, 'stopped')];

  test.each<[string, readonly RetrainingEvent[], string, readonly string[]]>([
    ['opens a run', [fires], 'started', ['open']],
    ['opens none while an automatic run is open', [asked(0), fires], 'skipped', ['start']],
    [
      'opens one beside it if the overlap allows that',
      [asked(0), { kind: 'scheduled', allowsOpenRun: true }],
      'started',
      ['start', 'open'],
    ],
    [
      'does not wait for the cool-down',
      [asked(0), ended(2, 'succeeded'), fires],
      'started',
      ['start', 'open'],
    ],
    ['opens none during the hold of an alarm', [asked(0, alarm), fires], 'held', ['hold']],
    [
      'opens none after too many fruitless runs of both kinds',
      [...fruitless, asked(30), ended(31, 'failed'), ...fruitless, fires],
      'stopped',
      ['open', 'start', 'open', 'stop'],
    ],
    [
      'opens one after a person has resolved the incident',
      [...fruitless, ...fruitless, ...fruitless, { kind: 'resumed', of: 'all' }, fires],
      'started',
      ['open', 'open', 'open', 'stop', 'open'],
    ],
  ])('%s', (_, events, answer, effects) => {
    expect(play(events)).toMatchObject({ answer, effects });
  });

  test('says which alarm holds it', () => {
    const { state } = play([asked(0, alarm)]);
    expect(changeRetraining(state, fires, rules).answer).toEqual({
      kind: 'held',
      why: 'no scheduled run starts while request data of distance is broken: it is missing.',
    });
  });

  test('is not cancelled by a request that replaces automatic runs', () => {
    expect(play([fires, asked(1)], replace)).toMatchObject({
      answer: 'queued',
      effects: ['open'],
      state: { queued: drift, replaced: null },
    });
    // The run that starts afterwards is an automatic one again.
    const next = [fires, asked(1), ended(2, 'succeeded'), due(24), asked(25)];
    expect(play(next, replace).effects).toEqual(['open', 'start', 'cancel']);
  });

  test('makes one run with a request that waits, except for new data', () => {
    const waits = (cause: RetrainingCause) =>
      play([asked(0), ended(2, 'succeeded'), asked(3, cause), fires, quiet], queue).state.queued;
    expect(waits(drift)).toBeNull();
    expect(waits(event)).toEqual(event);
  });

  test('is fruitless without a release, unless the model is the champion already', () => {
    expect(play([...fruitless, ...fruitless]).state.fruitless).toBe(2);
    expect(play([...fruitless, fires, ended(2, 'succeeded')]).state.fruitless).toBe(0);
    const unchanged = ended(2, 'succeeded');
    if (unchanged.kind !== 'ended') throw new Error('the event is another one');
    expect(play([...fruitless, fires, { ...unchanged, released: false }]).state).toMatchObject({
      fruitless: 1,
      run: null,
    });
  });

  test('that finds no better model neither counts nor clears, however often', () => {
    const notBetter = [fires, ended(2, 'stopped', null, { showsFault: false })];
    const months = Array.from({ length: 24 }, () => notBetter).flat();
    expect(play([...months, fires])).toMatchObject({ answer: 'started', state: { fruitless: 0 } });
    expect(play([...fruitless, ...months]).state).toMatchObject({ fruitless: 1, run: null });
    // The same end of a run for an alarm counts for alarms.
    const automatic = [asked(0), ended(2, 'stopped', null, { showsFault: false })];
    expect(play(automatic).state).toMatchObject({ fruitless: 0, alarmRuns: { fruitless: 1 } });
  });

  test('that finds no better model does not shorten the back-off', () => {
    const failed = [asked(0), ended(1, 'failed'), asked(30), ended(31, 'failed')];
    const notBetter = [fires, ended(32, 'stopped', null, { showsFault: false })];
    expect(play([...failed, ...notBetter]).state.notBefore).toBe(play(failed).state.notBefore);
  });

  describe('during the hold of a contract', () => {
    const stopped = [fires, ended(1, 'stopped', data)];

    test('opens a run, which ends the hold if the data meet the contract', () => {
      expect(play(stopped).state.hold).toEqual(heldUntil(1, { ...data, shownBy: 'contract' }));
      expect(play([...stopped, fires, ended(2, 'stopped')])).toMatchObject({
        effects: ['open', 'hold', 'open', 'release'],
        state: { hold: null, fruitless: 1 },
      });
    });

    test('keeps the hold if the data are still broken, or if the run failed before the check', () => {
      const later = { ...data, name: 'flights@4' };
      expect(play([...stopped, fires, ended(2, 'stopped', later)])).toMatchObject({
        effects: ['open', 'hold', 'open', 'hold'],
        state: { hold: { ...later, shownBy: 'contract' }, fruitless: 0 },
      });
      expect(play([...stopped, fires, ended(2, 'failed')]).state.hold).toMatchObject(data);
    });

    test('keeps the hold if the run was stopped before the validation', () => {
      const before = ended(2, 'stopped', null, { meetsContracts: false });
      expect(play([...stopped, fires, before])).toMatchObject({
        effects: ['open', 'hold', 'open'],
        state: { hold: { ...data, shownBy: 'contract' } },
      });
    });

    test('ends the hold if the run failed after the data had met the contract', () => {
      const later = ended(2, 'failed', null, { meetsContracts: true });
      expect(play([...stopped, fires, later])).toMatchObject({
        effects: ['open', 'hold', 'open', 'release'],
        state: { hold: null, fruitless: 1 },
      });
    });

    test('opens none while an alarm holds too', () => {
      expect(play([...stopped, asked(2, alarm), fires])).toMatchObject({ answer: 'held' });
      // The alarm came while the scheduled run was checking the contract.
      expect(play([...stopped, fires, asked(2, alarm), ended(3, 'succeeded')])).toMatchObject({
        effects: ['open', 'hold', 'open', 'release', 'hold'],
        state: { hold: { ...requests, shownBy: 'alarm' } },
      });
    });
  });
});

describe('a queued run', () => {
  test('starts after the open one and the cool-down', () => {
    const queued = play([asked(0), asked(1), ended(2, 'succeeded')], queue);
    expect(retrainingDueAt(queued.state, at(2))).toBe(at(24));
    expect(play([asked(0), asked(1), ended(2, 'succeeded'), due(23)], queue).effects).toEqual([
      'start',
    ]);
    expect(play([asked(0), asked(1), ended(2, 'succeeded'), due(24)], queue).effects).toEqual([
      'start',
      'start',
    ]);
  });

  test('that replaces another starts when that one is cancelled', () => {
    const { state, effects } = play(
      [asked(0), asked(1), ended(1.1, 'cancelled'), due(1.1)],
      replace,
    );
    expect(effects).toEqual(['start', 'cancel', 'start']);
    expect(state).toMatchObject({ queued: null, replaced: null, fruitless: 0 });
  });
});

describe('a run that is queued for an alarm', () => {
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  const calls: RetrainingEvent = { kind: 'observed', callsForRun: true, isBroken: false };

  test('is dropped when the alarm ends, for example because the open run repaired it', () => {
    expect(play([asked(0), asked(1), calls], queue).state.queued).toEqual(drift);
    expect(play([asked(0), asked(1), quiet], queue).state.queued).toBeNull();
    expect(play([asked(0), asked(1, event), quiet], queue).state.queued).toEqual(event);
  });

  test('is replaced by one for new data, which outlasts the alarm', () => {
    const landed = [asked(0), asked(1), asked(2, event)];
    expect(play(landed, queue)).toMatchObject({ answer: 'queued', state: { queued: event } });
    expect(play([...landed, quiet, asked(3)], queue).state.queued).toEqual(event);
  });

  test('still starts if the open run was cancelled for it', () => {
    const replaced = [asked(0), asked(1), quiet, ended(1.1, 'cancelled'), due(1.1)];
    expect(play(replaced, replace).effects).toEqual(['start', 'cancel', 'start']);
  });
});

describe('fruitless runs', () => {
  const fails = (count: number) =>
    Array.from({ length: count }, (_, n) => [
      asked(n * 1_000),
      ended(n * 1_000 + 1, 'stopped'),
    ]).flat();

  test('double the wait each time', () => {
    expect(play(fails(1)).state.notBefore).toBe(at(1 + 24));
    expect(play(fails(2)).state.notBefore).toBe(at(1_001 + 48));
  });

  test('stop automatic runs and call a person once, until the incident is resolved', () => {
    const stopped = play([...fails(3), asked(9_000), asked(9_001)]);
    expect(stopped).toMatchObject({ answer: 'stopped', state: { stopped: true, fruitless: 3 } });
    expect(stopped.effects).toEqual(['start', 'start', 'start', 'stop']);
    const resumed = play([...fails(3), { kind: 'resumed', of: 'all' }, asked(9_001)]);
    expect(resumed).toMatchObject({ answer: 'started', state: { fruitless: 0 } });
  });

  test('let one event wait for the person', () => {
    const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
    const waits = [...fails(3), asked(9_000, event), asked(9_001)];
    expect(play(waits, queue)).toMatchObject({ answer: 'stopped', state: { queued: event } });
    expect(play([...waits, { kind: 'resumed', of: 'all' }, due(9_002)], queue).effects.at(-1)).toBe(
      'start',
    );
    expect(play(waits, rules).state.queued).toBeNull();
  });

  test('are forgotten after a release, and a cancelled run is none', () => {
    expect(play([...fails(2), asked(5_000), ended(5_001, 'succeeded')]).state.fruitless).toBe(0);
    expect(play([asked(0), ended(1, 'cancelled')]).state.fruitless).toBe(0);
  });
});

describe('broken data', () => {
  const data = { name: 'flights@3', problem: 'dep_delay is in seconds instead of minutes.' };
  const broken: RetrainingCause = { ...drift, brokenData: data };
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };

  test('hold automatic runs and are named', () => {
    expect(play([asked(0, broken)])).toMatchObject({ answer: 'held', effects: ['hold'] });
    const later = changeRetraining(play([asked(0, broken)]).state, asked(1, event), rules);
    expect(later.answer).toEqual({
      kind: 'held',
      why: `no automatic run starts while flights@3 is broken: ${data.problem}`,
    });
  });

  test('hold a queued run too', () => {
    expect(
      play([asked(0), asked(1), asked(2, broken), ended(3, 'succeeded'), due(99)], queue).effects,
    ).toEqual(['start', 'hold']);
  });

  test('are released when the monitor finds other drift or new data arrive', () => {
    const fresh: RetrainingCause = { kind: 'data', reason: 'flights@4', brokenData: null };
    expect(play([asked(0, broken), asked(1, fresh)]).effects).toEqual(['hold', 'release', 'start']);
  });

  test('are released when a person resolves their incident, and held again if still broken', () => {
    expect(play([asked(0, broken), { kind: 'released' }, asked(1, event)])).toMatchObject({
      answer: 'started',
      effects: ['hold', 'start'],
    });
    expect(play([asked(0, broken), { kind: 'released' }, asked(1, broken)]).answer).toBe('held');
  });
});

describe('a hold that an alarm shows', () => {
  const data = { name: 'request data of distance', problem: 'it is missing.' };
  const broken: RetrainingCause = { ...drift, brokenData: data };
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };

  test('ends by itself when the alarm ends', () => {
    expect(play([asked(0, broken), quiet, asked(1)])).toMatchObject({
      answer: 'started',
      effects: ['hold', 'release', 'start'],
      state: { hold: null },
    });
  });

  test('of a jump says that the data may be broken, and ends when the jump has lasted', () => {
    const suspected: RetrainingCause = { ...drift, brokenData: { ...data, isSuspected: true } };
    const { state } = play([asked(0, suspected)]);
    expect(state.hold).toEqual(heldUntil(0, { ...data, isSuspected: true, shownBy: 'alarm' }));
    expect(changeRetraining(state, asked(1, suspected), rules).answer?.why).toContain(
      'request data of distance may be broken',
    );
    // The same alarm calls for a run without a suspicion.
    expect(play([asked(0, suspected), asked(24, drift)])).toMatchObject({
      answer: 'started',
      effects: ['hold', 'release', 'start'],
      state: { hold: null },
    });
  });

  test('keeps one event, whose run starts after the hold', () => {
    const held = [asked(0, broken), asked(1, event), asked(2, event)];
    expect(play(held, queue)).toMatchObject({ answer: 'held', state: { queued: event } });
    expect(play(held, rules).state.queued).toBeNull();
    expect(play([...held, quiet, due(3)], queue).effects).toEqual(['hold', 'release', 'start']);
  });

  test('keeps a run that is queued for new data, and drops one for drift', () => {
    const queuedFor = (cause: RetrainingCause) =>
      play([asked(0), asked(1, cause), asked(2, broken)], queue).state.queued;
    expect(queuedFor(event)).toEqual(event);
    expect(queuedFor(drift)).toBeNull();
  });
});

describe('a run that a contract stopped', () => {
  const data = { name: 'flights@3', problem: 'distance is missing in 12 % of the rows.' };
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  const stopped = [asked(0), ended(1, 'stopped', data)];

  test('holds the next ones, names the data, and does not count as fruitless', () => {
    expect(play(stopped)).toMatchObject({
      effects: ['start', 'hold'],
      state: { fruitless: 0, hold: { ...data, shownBy: 'contract' } },
    });
    expect(play([...stopped, asked(99)])).toMatchObject({ answer: 'held' });
  });

  test('does not end because the monitor shows no broken requests', () => {
    expect(play([...stopped, quiet]).state.hold).toMatchObject(data);
  });

  test('still holds after an alarm of broken requests has come and gone', () => {
    const requests = { name: 'request data of distance', problem: 'it is missing.' };
    const broken: RetrainingCause = { ...drift, brokenData: requests };
    const alarmed = play([...stopped, asked(99, broken), quiet, asked(100)]);
    expect(alarmed).toMatchObject({
      answer: 'held',
      effects: ['start', 'hold'],
      state: { hold: { ...data, shownBy: 'contract' } },
    });
  });

  describe('while an alarm of broken requests is open', () => {
    const requests = { name: 'request data of distance', problem: 'it is missing.' };
    const broken: RetrainingCause = { ...drift, brokenData: requests };
    const fresh: RetrainingCause = { kind: 'data', reason: 'flights@4', brokenData: null };
    const both = [...stopped, asked(99, broken)];
    const alarmHold = expect.objectContaining({ ...requests, shownBy: 'alarm' }) as object;

    test.each<[string, readonly RetrainingEvent[]]>([
      ['was shown after the contract', both],
      ['was shown before the contract', [asked(0), asked(0.5, broken), ended(1, 'stopped', data)]],
    ])('names both if the alarm %s', (_, events) => {
      expect(play(events).state.hold).toMatchObject({
        ...data,
        shownBy: 'contract',
        alarm: requests,
      });
      const { answer } = changeRetraining(play(events).state, asked(100), rules);
      expect(answer?.why).toContain('flights@3');
      expect(answer?.why).toContain('request data of distance is broken too: it is missing.');
    });

    test.each<[string, readonly RetrainingEvent[], readonly string[], object | null]>([
      ['an event', [asked(100, event)], ['release', 'hold'], alarmHold],
      ['an event, twice', [asked(100, event), asked(101, event)], ['release', 'hold'], alarmHold],
      ['an event whose run is due', [asked(100, event), due(101)], ['release', 'hold'], alarmHold],
      ['a person', [{ kind: 'released' }], ['hold'], alarmHold],
      ['a person, then an event', [{ kind: 'released' }, asked(100, event)], ['hold'], alarmHold],
      ['new data', [asked(100, fresh)], ['release', 'start'], null],
    ])('%s ends the hold by the contract', (_, events, effects, hold) => {
      const ends = play([...both, ...events], queue);
      expect(ends.effects).toEqual(['start', 'hold', ...effects]);
      expect(ends.state.hold).toEqual(hold);
    });

    test('starts the run that an event queued when the alarm ends', () => {
      const waits = [...both, asked(100, event)];
      expect(play(waits, queue)).toMatchObject({ answer: 'held', state: { queued: event } });
      expect(play([...waits, quiet, due(101)], queue).effects.slice(2)).toEqual([
        'release',
        'hold',
        'release',
        'start',
      ]);
    });

    test('keeps the hold by the contract when the alarm ends', () => {
      const { state } = play([...both, quiet]);
      expect(state.hold).toEqual(heldUntil(1, { ...data, shownBy: 'contract' }));
      expect(play([...both, quiet, asked(100, event)]).effects.slice(2)).toEqual([
        'release',
        'start',
      ]);
    });
  });

  test('lets an event that announces data start a run, which the contract checks again', () => {
    expect(play([...stopped, asked(99, event)])).toMatchObject({
      answer: 'started',
      effects: ['start', 'hold', 'release', 'start'],
    });
  });

  test('does not hold a run that is queued for data that arrived meanwhile', () => {
    const meanwhile = [asked(0), asked(1, event), ended(2, 'stopped', data), due(24)];
    expect(play(meanwhile, queue)).toMatchObject({
      effects: ['start', 'start'],
      state: { hold: null },
    });
  });
});

test.each<[string, readonly RetrainingEvent[], string]>([
  ['nothing happened', [], 'ready'],
  ['a run is open', [asked(0)], 'running'],
  ['the cool-down lasts', [asked(0), ended(1, 'succeeded')], 'coolingDown'],
  ['data are broken', [asked(0, { ...drift, brokenData: { name: 'x', problem: 'y' } })], 'held'],
])('the status when %s', (_, events, status) => {
  expect(retrainingStatus(play(events).state, at(2))).toBe(status);
});

describe('runs for alarms that find no better model', () => {
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  const inVain = (count: number, cause = drift) =>
    Array.from({ length: count }, (_, n) => [
      asked(n * 1_000, cause),
      ended(n * 1_000 + 1, 'stopped', null, { showsFault: false }),
    ]).flat();

  test('stop runs for alarms alone: the schedule and events go on for good', () => {
    const season = inVain(3);
    expect(play([...season, asked(9_000)])).toMatchObject({
      answer: 'stopped',
      effects: ['start', 'start', 'start', 'stop'],
      state: { stopped: false, fruitless: 0, alarmRuns: { fruitless: 3, stopped: true } },
    });
    const months = Array.from({ length: 24 }, () => [
      fires,
      ended(1, 'stopped', null, { showsFault: false }),
    ]).flat();
    expect(play([...season, ...months, fires]).answer).toBe('started');
    expect(play([...season, asked(9_000, event)]).answer).toBe('started');
  });

  test('wait twice as long each time, and events do not wait with them', () => {
    const twice = inVain(2);
    expect(play(twice).state.alarmRuns?.notBefore).toBe(at(1_001 + 48));
    expect(play([...twice, asked(1_030)]).answer).toBe('skipped');
    expect(play([...twice, asked(1_030, event)]).answer).toBe('started');
    expect(play([...twice, asked(1_049)]).answer).toBe('started');
    const queued = play([...twice, asked(1_030)], queue);
    expect(retrainingDueAt(queued.state, at(1_030))).toBe(at(1_049));
  });

  test('go on after a release of any run, which resolves their incident', () => {
    const released = [fires, ended(3_002, 'succeeded')];
    expect(play([...inVain(3), ...released, asked(9_000)])).toMatchObject({
      answer: 'started',
      effects: ['start', 'start', 'start', 'stop', 'open', 'resume', 'start'],
    });
    expect(play([...inVain(2), ...released]).state.alarmRuns).toBeUndefined();
  });

  test('go on when a person resolves their incident', () => {
    const resumed: RetrainingEvent = { kind: 'resumed', of: 'alarms' };
    expect(play([...inVain(3), resumed, asked(9_000)]).answer).toBe('started');
  });

  test('count neither for events nor for new data', () => {
    const { state } = play(inVain(9, event));
    expect(state).toMatchObject({ stopped: false, fruitless: 0 });
    expect(state.alarmRuns).toBeUndefined();
  });
});

describe('a hold ends after a week at the latest', () => {
  const week = 7 * 24;
  const data = { name: 'request data of carrier', problem: 'it has a new category.' };
  const broken: RetrainingCause = { ...drift, brokenData: data };

  test('by an alarm that stays open, also for the schedule', () => {
    const looks = Array.from({ length: week - 1 }, (_, hours) => asked(hours, broken));
    expect(play([...looks, fires])).toMatchObject({
      answer: 'held',
      effects: looks.map(() => 'hold'),
    });
    expect(play([...looks, asked(week, broken)])).toMatchObject({
      answer: 'started',
      state: { hold: null, isAlarmHoldOver: true },
    });
    expect(play([...looks, due(week), fires]).answer).toBe('started');
  });

  test('once: the alarm holds again only after it has ended', () => {
    const over = [asked(0, broken), asked(week, broken), ended(week + 1, 'succeeded')];
    expect(play([...over, asked(2 * week, broken)]).answer).toBe('started');
    expect(play([...over, quiet, asked(2 * week, broken)]).answer).toBe('held');
  });

  test('by a contract, and the next run checks the data again', () => {
    const stopped = [asked(0), ended(1, 'stopped', data)];
    expect(play([...stopped, asked(week)]).answer).toBe('held');
    expect(play([...stopped, asked(week + 1), ended(week + 2, 'stopped', data)])).toMatchObject({
      effects: ['start', 'hold', 'release', 'start', 'hold'],
      state: { hold: heldUntil(week + 2, { ...data, shownBy: 'contract' }), fruitless: 0 },
    });
  });
});

describe('whatever happens', () => {
  const data = { name: 'flights@3', problem: 'distance is missing in 12 % of the rows.' };
  const event: RetrainingCause = { kind: 'event', reason: 'event 7', brokenData: null };
  const fresh: RetrainingCause = { kind: 'data', reason: 'flights@4', brokenData: null };
  const broken: RetrainingCause = { ...drift, brokenData: { ...data, name: 'distance' } };
  const happenings = {
    requested: asked,
    broken: (hours: number) => asked(hours, broken),
    event: (hours: number) => asked(hours, event),
    data: (hours: number) => asked(hours, fresh),
    due: (hours: number) => due(hours),
    scheduled: () => fires,
    succeeded: (hours: number) => ended(hours, 'succeeded'),
    stopped: (hours: number) => ended(hours, 'stopped'),
    brokenData: (hours: number) => ended(hours, 'stopped', data),
    cancelled: (hours: number) => ended(hours, 'cancelled'),
    observed: () => quiet,
    alarmed: (): RetrainingEvent => ({ kind: 'observed', callsForRun: true, isBroken: true }),
    resumed: (): RetrainingEvent => ({ kind: 'resumed', of: 'all' }),
    notBetter: (hours: number) => ended(hours, 'stopped', null, { showsFault: false }),
    alarmsResumed: (): RetrainingEvent => ({ kind: 'resumed', of: 'alarms' }),
    released: (): RetrainingEvent => ({ kind: 'released' }),
  };
  type Happening = keyof typeof happenings;
  const kinds = fc.constantFrom(...(Object.keys(happenings) as Happening[]));
  const waits = fc.integer({ min: 0, max: 40 });
  const sequences = fc.array(fc.tuple(kinds, waits), { maxLength: 60 });

  /** Applies the events as the repository does, and shows each step to the law. */
  function happen(
    sequence: readonly (readonly [Happening, number])[],
    rulesInForce: RetrainingRules,
    law: (seen: {
      readonly kind: Happening;
      readonly hours: number;
      readonly before: RetrainingState;
      readonly step: ReturnType<typeof changeRetraining>;
    }) => void,
  ): void {
    let state = noRetraining;
    let hours = 0;
    for (const [kind, wait] of sequence) {
      hours += wait;
      const step = changeRetraining(state, happenings[kind](hours), rulesInForce);
      law({ kind, hours, before: state, step });
      ({ state } = step);
      for (const effect of step.effects)
        if (effect.kind === 'start' || effect.kind === 'open')
          state = startedRetraining(state, {
            runId: 'run_1' as RunId,
            at: at(hours),
            by: effect.kind === 'start' ? effect.cause.kind : 'schedule',
          });
    }
  }

  test('at most one run is open, and automatic starts keep their distance', () => {
    fc.assert(
      fc.property(sequences, fc.constantFrom(rules, queue), (sequence, by) => {
        let last = -Infinity;
        happen(sequence, by, ({ kind, hours, before, step }) => {
          const opens = step.effects.filter(({ kind: by }) => by === 'start' || by === 'open');
          expect(opens.length).toBeLessThanOrEqual(before.run === null ? 1 : 0);
          // A person who resolves the incident of fruitless runs ends the wait, too.
          if (kind === 'resumed') last = -Infinity;
          if (opens.length === 0) return;
          if (kind !== 'scheduled') expect(hours - last).toBeGreaterThanOrEqual(24);
          last = hours;
        });
      }),
    );
  });

  test('only new data, an event, a person or a run that checked it end a hold by a contract', () => {
    const ends: readonly Happening[] = [
      ...(['data', 'event', 'released', 'succeeded', 'stopped', 'notBetter'] as const),
    ];
    fc.assert(
      fc.property(sequences, fc.constantFrom(rules, queue, replace), (sequence, by) => {
        happen(sequence, by, ({ kind, hours, before, step }) => {
          if (before.hold?.shownBy !== 'contract' || ends.includes(kind)) return;
          if (before.hold.until !== undefined && before.hold.until <= at(hours)) return;
          const { name, problem, shownBy } = before.hold;
          expect(step.state.hold).toMatchObject({ name, problem, shownBy });
          const effects = step.effects.filter((effect) => effect.kind !== 'open');
          // The run of the schedule found the data broken again.
          expect(effects).toHaveLength(kind === 'brokenData' && before.run !== null ? 1 : 0);
        });
      }),
    );
  });

  test('no automatic or scheduled run starts while an alarm of broken requests is open', () => {
    fc.assert(
      fc.property(sequences, fc.constantFrom(rules, queue, replace), (sequence, by) => {
        let isOpen = false;
        happen(sequence, by, ({ kind, before, step }) => {
          if (kind === 'broken') isOpen = true;
          // A request without broken data ends the alarm, and a person may end its hold.
          const ends = ['observed', 'requested', 'data'].includes(kind);
          const isReleased = kind === 'released' && before.hold?.shownBy !== 'contract';
          // It holds runs for a week, and none after that until it has ended.
          if (ends || isReleased || step.state.isAlarmHoldOver) isOpen = false;
          const starts = step.effects.filter(({ kind: by }) => by === 'start' || by === 'open');
          if (isOpen) expect(starts).toEqual([]);
        });
      }),
      { numRuns: 1_000 },
    );
  });

  test('no automatic run starts while data are held', () => {
    fc.assert(
      fc.property(sequences, fc.constantFrom(rules, queue, replace), (sequence, by) => {
        happen(sequence, by, ({ step }) => {
          if (step.effects.some((effect) => effect.kind === 'start'))
            expect(step.state.hold).toBeNull();
        });
      }),
    );
  });
});
