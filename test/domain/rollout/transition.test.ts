import type { Command } from '../../../domain/command';
import type { RolloutId } from '../../../domain/ids';
import type { EndedRollout } from '../../../domain/rollout/outcome';
import type {
  RolloutCommand,
  RolloutEffect,
  RolloutEvent,
  RolloutProgress,
  RolloutSettings,
} from '../../../domain/rollout/progress';
import { initialProgress } from '../../../domain/rollout/progress';
import { transition } from '../../../domain/rollout/transition';
import type { DecisionRef, Verdict } from '../../../domain/verdict';
import { artifact, digest } from '../../support/fake-activities';

const settings: RolloutSettings = {
  model: 'flights',
  champion: { model: 'flights', version: 1, manifest: artifact('1') },
  challenger: { model: 'flights', version: 2, manifest: artifact('2') },
  steps: [0, 25, 50],
  parkWhenPassed: true,
};
const rollout = 'roll_1' as RolloutId;
const test_ = { alpha: 0.03, minSamples: 100, minDurationSeconds: 0 } as unknown as NonNullable<
  RolloutProgress['test']
>;
const opened: RolloutEvent = {
  kind: 'opened',
  rollout,
  status: 'running',
  step: 0,
  extendedSeconds: 0,
  decision: null,
  test: test_,
};
const passed: Verdict = {
  kind: 'passed',
  reasons: [{ gate: 'quality', code: 'quality.shown', message: 'shown' }],
};
const decision: DecisionRef = {
  id: 'decision_1',
  policy: digest('policy'),
  evidence: digest('evidence'),
  verdict: passed,
};
const ada: Command = { actor: 'ada', reason: 'a look at the logs' };
const shadow =
  'canary of flights@2 beside flights@1: step 1 of 3, shadow; perennial rollout show flights';

/** Applies events. The tests send `ready`, as the workflow does between commands. */
function follow(
  events: readonly RolloutEvent[],
  from: RolloutProgress = initialProgress,
  given: RolloutSettings = settings,
) {
  let progress = from;
  let effects: readonly RolloutEffect[] = [];
  for (const event of events) ({ progress, effects } = transition(given, progress, event));
  // Continue-as-new passes progress on as JSON.
  expect(JSON.parse(JSON.stringify(progress))).toEqual(progress);
  return { progress, effects, kinds: effects.map(({ kind }) => kind) };
}

/** In shadow, with its step and status recorded. */
const running = follow([
  { kind: 'started' },
  opened,
  { kind: 'ready' },
  { kind: 'stepEntered' },
  {
    kind: 'statusRecorded',
    state: { rollout, status: 'running', waitingFor: shadow, decision: null },
  },
]).progress;
const command = (of: RolloutCommand, id: string | null = 'update-1'): RolloutEvent => ({
  kind: 'commandReceived',
  command: of,
  id,
});
const said = (verb: 'hold' | 'resume' | 'skip' | 'abort', by: Command = ada) =>
  command({ verb, ...by });
const ended = (status: EndedRollout['status'], more: Partial<EndedRollout> = {}): RolloutEvent => ({
  kind: 'ended',
  end: { status, verdict: null, decision: null, rollback: null, ...more },
});
/** In the step, with its status recorded. */
const at = (step: number, more: Partial<RolloutProgress> = {}): RolloutProgress => {
  const there = { ...running, step, ...more };
  const shown = follow([{ kind: 'ready' }], there).effects[0];
  return {
    ...there,
    waitingFor: shown?.kind === 'recordStatus' ? shown.state.waitingFor : there.waitingFor,
  };
};
const held = at(0, { status: 'held', heldBy: ada });
const waiting = at(2, { status: 'passed', decision });

describe('opening', () => {
  test('opens a new rollout, but not after continue-as-new', () => {
    expect(follow([{ kind: 'started' }]).effects).toEqual([{ kind: 'openRollout' }]);
    expect(follow([{ kind: 'started' }], running)).toMatchObject({
      effects: [],
      progress: { rollout, waitingFor: null },
    });
  });

  test('enters the first step, records the status, informs the run, then watches', () => {
    const entering = follow([{ kind: 'started' }, opened, { kind: 'ready' }]);
    expect(entering.effects).toEqual([
      { kind: 'enterStep', step: 0, weight: 0, actor: 'perennial', cause: 'the first step' },
    ]);
    const recording = follow([{ kind: 'stepEntered' }], entering.progress);
    expect(recording.effects).toEqual([
      {
        kind: 'recordStatus',
        state: { rollout, status: 'running', waitingFor: shadow, decision: null },
        weight: 'keep',
        actor: 'perennial',
        cause: shadow,
      },
    ]);
    const state = { rollout, status: 'running', waitingFor: shadow, decision: null } as const;
    const recorded = follow([{ kind: 'statusRecorded', state }], recording.progress);
    expect(recorded.effects).toEqual([{ kind: 'tellRun', state }]);
    const watching = follow([{ kind: 'ready' }], recorded.progress);
    expect(watching.effects).toEqual([{ kind: 'watch', mode: 'running' }]);
  });

  test.each<[string, RolloutEvent, string]>([
    [
      'another rollout is open',
      { kind: 'busy', runId: 'run_9' as never, challenger: 7, status: 'running' },
      'canary.busy',
    ],
    ['the champion has changed', { kind: 'conflict', champion: 5 }, 'canary.overtaken'],
    [
      'an earlier rollout found harm',
      { kind: 'harmShown', rollout, runId: 'run_9' as never, at: '2026-01-01', verdict: null },
      'canary.harmShown',
    ],
  ])('is rejected if %s', (_what, event, code) => {
    const { progress, kinds } = follow([{ kind: 'started' }, event]);
    expect(kinds).toEqual(['announceEnd']);
    expect(progress.outcome).toMatchObject({
      kind: 'notOpened',
      rollout: null,
      verdict: { reasons: [{ code }] },
    });
  });

  test.each<
    [
      string,
      Partial<Extract<RolloutEvent, { readonly kind: 'opened' }>>,
      Partial<RolloutProgress>,
      string[],
    ]
  >([
    [
      'held',
      { status: 'held', step: 1 },
      {
        status: 'held',
        step: 1,
        stepEntered: true,
        heldBy: { actor: 'perennial', reason: 'held before' },
      },
      [],
    ],
    [
      'passed',
      { status: 'passed', step: 2, decision },
      { status: 'passed', decision, stepEntered: true, heldBy: null },
      [],
    ],
    [
      'running in its second step',
      { step: 1 },
      { status: 'running', step: 1, stepEntered: false },
      [],
    ],
    ['ended', { status: 'superseded' }, { status: 'superseded' }, ['endRollout']],
  ])('finds the rollout of a restarted run: %s', (_what, found, expected, effects) => {
    const { progress, kinds } = follow([{ kind: 'started' }, { ...opened, ...found }]);
    expect(progress).toMatchObject(expected);
    expect(kinds).toEqual(effects);
  });
});

describe('steps', () => {
  test.each([
    ['from shadow to serving', 0, 1, 0.25],
    ['up one step', 1, 2, 0.5],
  ])('%s', (_what, from, toStep, weight) => {
    const { effects, progress } = follow(
      [{ kind: 'advance', toStep, because: 'quality is shown' }, { kind: 'ready' }],
      at(from),
    );
    expect(effects).toEqual([
      { kind: 'enterStep', step: toStep, weight, actor: 'perennial', cause: 'quality is shown' },
    ]);
    expect(follow([{ kind: 'stepEntered' }], progress).kinds).toEqual(['recordStatus']);
  });

  test('resume judging after the shadow, but not between serving steps', () => {
    const noMoreLabels = { after: null, why: 'the budget is spent' };
    expect(
      follow([{ kind: 'advance', toStep: 1, because: '' }], at(0, { noMoreLabels })).progress
        .noMoreLabels,
    ).toBeNull();
    expect(
      follow([{ kind: 'advance', toStep: 2, because: '' }], at(1, { noMoreLabels })).progress
        .noMoreLabels,
    ).toEqual(noMoreLabels);
  });

  test.each([
    ['parked while an approval is pending', true, 'park'],
    ['kept at its weight if no approval is needed', false, 'keep'],
  ])('a passed rollout is %s', (_what, parkWhenPassed, weight) => {
    const { effects } = follow([{ kind: 'passed', decision }, { kind: 'ready' }], at(2), {
      ...settings,
      parkWhenPassed,
    });
    expect(effects).toMatchObject([
      { kind: 'recordStatus', weight, state: { status: 'passed', decision } },
    ]);
  });

  test('start another watch after one without a result or an interrupted one', () => {
    expect(follow([{ kind: 'still' }, { kind: 'ready' }], running).kinds).toEqual(['watch']);
    expect(follow([{ kind: 'ready' }], running).kinds).toEqual(['watch']);
  });

  test('hold the rollout with the reason if it expires and onInconclusive is hold', () => {
    const { effects, progress } = follow(
      [{ kind: 'expired', because: 'undecided after 14d' }, { kind: 'ready' }],
      at(1),
    );
    expect(effects).toMatchObject([
      {
        kind: 'recordStatus',
        actor: 'perennial',
        cause: 'undecided after 14d',
        state: { status: 'held' },
      },
    ]);
    expect(
      follow([{ kind: 'statusRecorded', state: stateIn(effects) }, { kind: 'ready' }], progress)
        .effects,
    ).toEqual([{ kind: 'watch', mode: 'held' }]);
  });
});

describe('commands', () => {
  test.each<[string, RolloutProgress, RolloutEvent, Partial<RolloutProgress>, readonly string[]]>([
    [
      'hold',
      running,
      said('hold'),
      { status: 'held', heldBy: ada },
      ['recordStatus', 'acceptCommand'],
    ],
    [
      'hold of a held rollout',
      held,
      said('hold', { actor: 'ben' }),
      { status: 'held', heldBy: ada },
      ['acceptCommand'],
    ],
    [
      'hold of a passed rollout',
      waiting,
      said('hold'),
      { status: 'held', heldBy: ada, decision },
      ['recordStatus', 'acceptCommand'],
    ],
    [
      'resume',
      held,
      said('resume'),
      { status: 'running', heldBy: null },
      ['recordStatus', 'acceptCommand'],
    ],
    [
      'resume of a running rollout',
      running,
      said('resume'),
      { status: 'running', heldBy: null },
      ['acceptCommand'],
    ],
    [
      'resume of a passed rollout',
      at(2, { status: 'held', heldBy: ada, decision }),
      said('resume'),
      { status: 'passed', heldBy: null },
      ['recordStatus', 'acceptCommand'],
    ],
    [
      'skip',
      running,
      said('skip'),
      { status: 'running', step: 1, stepEntered: false },
      ['enterStep', 'acceptCommand'],
    ],
    [
      'skip while held',
      held,
      said('skip'),
      { status: 'held', step: 1, stepEntered: false },
      ['enterStep', 'acceptCommand'],
    ],
    ['skip of the last step', at(2), said('skip'), { step: 2 }, ['refuseCommand']],
    ['skip of a passed rollout', waiting, said('skip'), { step: 2 }, ['refuseCommand']],
    ['abort', running, said('abort'), { status: 'running' }, ['endRollout', 'acceptCommand']],
    ['abort while held', held, said('abort'), {}, ['endRollout', 'acceptCommand']],
    ['abort of a passed rollout', waiting, said('abort'), {}, ['endRollout', 'acceptCommand']],
    [
      'extend',
      running,
      command({ verb: 'extend', key: 'update-1', seconds: 60, ...ada }),
      { extendedSeconds: 0 },
      ['extendRollout', 'acceptCommand'],
    ],
  ])('%s', (_what, from, event, expected, effects) => {
    const { progress, kinds } = follow([event], from);
    expect(progress).toMatchObject(expected);
    expect(kinds).toEqual(effects);
    expect(progress.handledCommands).toEqual(effects.includes('refuseCommand') ? [] : ['update-1']);
  });

  test.each<[string, Partial<RolloutSettings>, string]>([
    [
      'that must show quality',
      {},
      'the shadow of a blue/green rollout cannot be skipped; set requireShadow: false',
    ],
    [
      'in which gateways load the challenger',
      { requireShadow: false },
      'all traffic switches by itself when every gateway has loaded the challenger',
    ],
  ])('skip no shadow of a blue/green rollout %s', (_what, over, why) => {
    const blueGreen = { ...settings, steps: [0, 100], method: 'blueGreen', ...over } as const;
    const { progress, effects } = follow([said('skip')], running, blueGreen);
    expect(effects).toEqual([{ kind: 'refuseCommand', why }]);
    expect(progress.step).toBe(0);
  });

  test('skip no step of a bandit, which has none', () => {
    const bandit = { ...settings, steps: [5, 95], method: 'bandit' } as const;
    const { progress, effects } = follow([said('skip')], running, bandit);
    expect(effects).toEqual([
      {
        kind: 'refuseCommand',
        why: 'a bandit has no steps to skip; its share moves once per day of event time by the results',
      },
    ]);
    expect(progress.step).toBe(0);
  });

  test('record the actor and the reason of hold and resume', () => {
    expect(follow([said('hold')], running).effects[0]).toMatchObject({
      actor: 'ada',
      cause: 'a look at the logs',
    });
    expect(follow([said('resume', { actor: 'ben' })], held).effects[0]).toMatchObject({
      actor: 'ben',
      cause: shadow,
    });
  });

  test('record who skipped which step, and enter the next one at its weight', () => {
    expect(follow([said('skip')], running).effects[0]).toEqual({
      kind: 'enterStep',
      step: 1,
      weight: 0.25,
      actor: 'ada',
      cause: 'skipped step 1: a look at the logs; quality must still be shown before a promotion',
    });
  });

  test.each<[string, RolloutProgress, Partial<RolloutProgress>]>([
    [
      'resumes a rollout that the policy held',
      at(1, { status: 'held', heldBy: { actor: 'perennial', reason: 'time is over' } }),
      { status: 'running' },
    ],
    ['keeps a rollout held that a person held', held, { status: 'held', heldBy: ada }],
  ])('extend adds time and %s', (_what, from, expected) => {
    const { progress } = follow([{ kind: 'extended', extendedSeconds: 3600, by: ada }], from);
    expect(progress).toMatchObject({ ...expected, extendedSeconds: 3600 });
  });

  test.each(['resume', 'skip'] as const)('%s resumes judging', (verb) => {
    const from = { ...running, noMoreLabels: { after: null, why: 'the budget is spent' } };
    expect(follow([said(verb)], from).progress.noMoreLabels).toBeNull();
  });

  test('enter the step of an advance first, if it was not entered yet', () => {
    const advanced = follow(
      [{ kind: 'advance', toStep: 1, because: 'quality is shown' }],
      running,
    ).progress;
    const { kinds, progress } = follow([said('hold')], advanced);
    expect(kinds).toEqual(['enterStep', 'acceptCommand']);
    expect(follow([{ kind: 'stepEntered' }], progress).effects).toMatchObject([
      { kind: 'recordStatus', actor: 'ada' },
    ]);
  });

  test('keep the ids of the last 500 commands', () => {
    const many = Array.from({ length: 501 }, (_, index) =>
      command({ verb: 'resume', ...ada }, `update-${index}`),
    );
    const { handledCommands } = follow(many, running).progress;
    expect(handledCommands).toHaveLength(500);
    expect(handledCommands).not.toContain('update-0');
  });
});

describe('the end', () => {
  test.each<[string, RolloutEvent, string, readonly string[]]>([
    [
      'rolled back after harm',
      ended('rolledBack', {
        rollback: { from: 2, to: 1, secondsToFullTraffic: 0.1, unconfirmed: [] },
      }),
      'canary.rolledBack',
      ['announceEnd'],
    ],
    [
      'rolled back, and a gateway did not confirm',
      ended('rolledBack', {
        rollback: { from: 2, to: 1, secondsToFullTraffic: null, unconfirmed: ['a'] },
      }),
      'canary.rolledBack',
      ['announceEnd', 'confirmRollback'],
    ],
    ['aborted', ended('aborted'), 'canary.aborted', ['announceEnd', 'confirmRollback']],
    ['superseded by another champion', ended('superseded'), 'canary.superseded', ['announceEnd']],
    ['promoted by hand before it passed', ended('promoted'), 'canary.promoted', ['announceEnd']],
  ])('%s', (_what, event, code, effects) => {
    const { progress, kinds } = follow([event, { kind: 'ready' }], running);
    expect(kinds).toEqual(effects);
    expect(progress.outcome).toMatchObject({
      rollout,
      verdict: { kind: 'inconclusive', reasons: [{ code }] },
    });
  });

  test('takes the stored verdict and decision before those of the canary', () => {
    const harm: Verdict = {
      kind: 'failed',
      reasons: [{ gate: 'quality', code: 'quality.refuted', message: 'worse' }],
    };
    const own = { ...decision, id: 'decision_harm' };
    const { progress } = follow(
      [ended('rolledBack', { verdict: harm, decision: own }), { kind: 'ready' }],
      waiting,
    );
    expect(progress.outcome).toMatchObject({
      kind: 'rolledBack',
      verdict: harm,
      decision: { id: 'decision_harm' },
    });
  });

  test('has the verdict of the canary if the version was promoted after it passed', () => {
    const promotion: RolloutEvent = { kind: 'promotionEnded', promotion: { kind: 'promoted' } };
    const told = follow([promotion], waiting);
    expect(told.kinds).toEqual(['interruptWatch']);
    expect(follow([{ kind: 'ready' }], told.progress).effects).toEqual([
      { kind: 'endRollout', actor: 'perennial', cause: 'its version was promoted' },
    ]);
    const { progress } = follow([ended('promoted'), { kind: 'ready' }], told.progress);
    expect(progress.outcome).toMatchObject({ kind: 'promoted', verdict: passed, decision });
  });

  test('has the reason of the first refused promotion', () => {
    const refused: RolloutEvent = {
      kind: 'promotionEnded',
      promotion: { kind: 'refused', reason: 'not on a Friday' },
    };
    const late: RolloutEvent = { kind: 'promotionEnded', promotion: { kind: 'promoted' } };
    expect(follow([refused, late, { kind: 'ready' }], waiting).effects).toMatchObject([
      { kind: 'endRollout', cause: 'not on a Friday' },
    ]);
  });

  test('follows an activity that failed permanently, even before the rollout is open', () => {
    const failed: RolloutEvent = { kind: 'failed', cause: 'its run was cancelled' };
    for (const from of [initialProgress, running, held, waiting])
      expect(follow([failed], from).effects).toEqual([
        { kind: 'endRollout', actor: 'perennial', cause: 'its run was cancelled' },
      ]);
  });

  test('comes after the response to a command that found the rollout ended', () => {
    const { progress } = follow([said('hold'), ended('superseded')], running);
    expect(progress).toMatchObject({ status: 'superseded', outcome: null });
    expect(follow([{ kind: 'ready' }], progress).progress.outcome).toMatchObject({
      kind: 'superseded',
    });
  });
});

describe('a new execution', () => {
  test.each<[string, RolloutProgress, readonly string[]]>([
    ['in shadow', running, ['recordStatus']],
    ['held', held, ['recordStatus']],
    ['passed', waiting, ['recordStatus']],
    ['between two steps', { ...running, step: 1, stepEntered: false }, ['enterStep']],
  ])('continues from JSON: %s', (_what, from, effects) => {
    const carried = JSON.parse(JSON.stringify(from)) as RolloutProgress;
    const { kinds, progress } = follow([{ kind: 'started' }, { kind: 'ready' }], carried);
    expect(kinds).toEqual(effects);
    expect({ ...progress, waitingFor: from.waitingFor }).toEqual(from);
  });

  test('gives the same effects for the same events, as replay requires', () => {
    const events: RolloutEvent[] = [
      { kind: 'started' },
      opened,
      { kind: 'ready' },
      { kind: 'stepEntered' },
      {
        kind: 'statusRecorded',
        state: { rollout, status: 'running', waitingFor: shadow, decision: null },
      },
      said('hold'),
      said('resume'),
      { kind: 'advance', toStep: 1, because: 'quality is shown' },
      { kind: 'ready' },
    ];
    expect(follow(events)).toEqual(follow(events));
  });
});

describe('judging during the watch', () => {
  test('keeps the cursor of a turn for the next one', () => {
    const lost = [['pred_1' as never, 5]] as const;
    const { progress, effects } = follow(
      [{ kind: 'judged', since: '2026-11-01T10:00:00.000Z', lost }],
      running,
    );
    expect(effects).toEqual([]);
    expect(progress).toMatchObject({ judgedSince: '2026-11-01T10:00:00.000Z', lostPairs: lost });
  });

  test('interrupts the watch when it ends, so that the next watch takes it into account', () => {
    const noMoreLabels = { after: null, why: 'the budget is spent' };
    const { progress, effects } = follow([{ kind: 'judgingEnded', noMoreLabels }], running);
    expect(effects).toEqual([{ kind: 'interruptWatch' }]);
    expect(progress.noMoreLabels).toEqual(noMoreLabels);
  });
});

function stateIn([effect]: readonly RolloutEffect[]) {
  if (effect?.kind !== 'recordStatus') throw new Error('no status is recorded');
  return effect.state;
}
