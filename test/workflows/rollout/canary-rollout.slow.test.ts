import { randomUUID } from 'node:crypto';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Command } from '../../../domain/command';
import {
  abortUpdate,
  approveUpdate,
  extendUpdate,
  holdUpdate,
  rejectUpdate,
  resumeRolloutUpdate,
  rolloutQuery,
  skipUpdate,
  statusQuery,
} from '../../../workflows/run/messages';
import type { ModelRun } from '../../../workflows/lifecycle/stage';

type RunPlan = ModelRun['plan'];
import { buildCommand } from '../../support/commands';
import { openCanaryRuns, type CanaryRun } from '../../support/rollout/canary-runs';
import { until } from '../../support/time/until';
import type { Overrides } from '../../support/fake-activities';
import { artifact, buildPlan } from '../../support/fake-activities';
import {
  canaryDecision,
  champion,
  fakeRollout,
  harm,
  rolledBackBy,
  upAndPassed,
  type FakeRollout,
} from '../../support/rollout/fake-rollout';
import { work } from '../../support/lifecycle-runs';
import { measureFastest } from '../../support/time/fastest-of';

const runs = openCanaryRuns();
let count = 0;

const ada: Command = { actor: 'ada', reason: 'a look at the logs' };

interface Tried extends CanaryRun {
  readonly plan: RunPlan;
}

async function start(
  change: Parameters<typeof buildPlan>[0],
  fake: FakeRollout,
  overrides: Overrides = {},
): Promise<Tried> {
  const plan = buildPlan({ canary: [0, 25, 50], ...change, runId: `run_canary_${++count}` });
  return { ...(await runs.start(plan, { ...fake.overrides, ...overrides })), plan };
}

/** The histories of the run and of its rollout. */
async function record(name: string, { handle, rollout }: Tried): Promise<void> {
  await runs.record(`model-lifecycle-canary-${name}`, handle);
  await runs.record(`canary-rollout-${name}`, rollout);
}

const buildVerdict = (verdict: { readonly reasons: readonly { readonly code: string }[] } | null) =>
  verdict?.reasons.map(({ code }) => code);

describe('a canary that passes', () => {
  test('goes through its steps and is promoted on its own decision while the rollout is open', async () => {
    const fake = fakeRollout(upAndPassed);
    const tried = await start({}, fake);
    const outcome = await tried.end();
    await record('promoted', tried);
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    expect(buildVerdict(outcome.verdict)).toEqual([
      'threshold.met',
      'quality.shown',
      'promote.done',
    ]);
    expect(fake).toMatchObject({ status: 'promoted', decision: { id: 'decision_canary' } });
    expect(fake.audit).toEqual([
      'perennial: step 0 at 0: the first step',
      'perennial: step 1 at 0.25: quality is shown',
      'perennial: step 2 at 0.5: quality is shown',
      'perennial: passed: the promotion of flight-delay@2, whose canary has passed',
    ]);
    const calls = work(tried.fake.calls);
    expect(calls.indexOf('promoteVersion')).toBeGreaterThan(calls.lastIndexOf('watchRollout') - 1);
    expect(await tried.rollout.result()).toMatchObject({ kind: 'promoted' });
  });

  test('passes its decision, rollout and champion to the promotion', async () => {
    const promotions: unknown[] = [];
    const fake = fakeRollout(upAndPassed);
    const tried = await start({}, fake, {
      promoteVersion: (input) => {
        promotions.push(input);
        return fake.overrides.promoteVersion?.(input) ?? Promise.reject(new Error());
      },
    });
    await tried.end();
    expect(promotions).toMatchObject([
      {
        decisionId: 'decision_canary',
        rollout: 'roll_1',
        expectedChampion: { version: 1, fencing: champion.fencing },
      },
    ]);
  });

  test('is the only basis of promotion in a lifecycle without gates', async () => {
    const undecided = {
      decision: {
        id: 'decision_1',
        policy: 'sha256:p',
        evidence: 'sha256:e',
        verdict: {
          kind: 'inconclusive',
          reasons: [{ gate: 'policy', code: 'policy.ungated', message: 'no gate is in force' }],
        },
      },
      evidence: 'sha256:e',
      summary: {},
    };
    const evaluateCandidate = (() => Promise.resolve(undecided)) as never;
    const fake = fakeRollout(upAndPassed);
    const tried = await start({ ungated: true }, fake, { evaluateCandidate });
    expect(await tried.end()).toMatchObject({ status: 'succeeded', verdict: { kind: 'passed' } });
    await record('ungated', tried);

    const without = await start({ ungated: true }, fakeRollout(upAndPassed), {
      evaluateCandidate,
      readChampion: () => Promise.resolve({ version: null, fencing: 0 }),
    });
    const outcome = await without.end();
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(buildVerdict(outcome.verdict)).toEqual(['policy.ungated', 'canary.noChampion']);
    expect(without.fake.calls).not.toContain('promoteVersion');
  });

  test('does not apply to the first version of a model with gates', async () => {
    const tried = await start({}, fakeRollout(upAndPassed), {
      readChampion: () => Promise.resolve({ version: null, fencing: 0 }),
    });
    const outcome = await tried.end();
    expect(buildVerdict(outcome.verdict)).toEqual([
      'threshold.met',
      'canary.notApplicable',
      'promote.done',
    ]);
    expect(tried.fake.calls).not.toContain('openRollout');
    await runs.record('model-lifecycle-canary-not-applicable', tried.handle);
  });
});

describe('a rollout by another method', () => {
  test('of A/B promotes its winner, also if it is not the version of the run', async () => {
    const winner = { model: 'flight-delay', version: 3, manifest: artifact('3') };
    const fake = fakeRollout(({ mode }) =>
      mode === 'running' ? { kind: 'passed', decision: canaryDecision, winner } : null,
    );
    const method = { method: 'ab', against: [3] } as const;
    const promoted: unknown[] = [];
    const tried = await start({ canary: [75], method, approval: 1 }, fake, {
      promoteVersion: (input) => {
        promoted.push(input);
        return fake.overrides.promoteVersion?.(input) ?? Promise.reject(new Error());
      },
    });
    await until(
      async () =>
        (await tried.handle.query(statusQuery)).waitingFor?.includes('1 approval') === true,
    );
    expect(fake).toMatchObject({ status: 'passed', weight: 0 });
    await tried.handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'eve' })] });
    const outcome = await tried.end();
    await record('ab', tried);
    expect(outcome).toMatchObject({ status: 'succeeded', version: 3, verdict: { kind: 'passed' } });
    expect(promoted).toMatchObject([{ version: 3, rollout: 'roll_1' }]);
  });

  test('of blue/green switches all traffic after its shadow, which cannot be skipped', async () => {
    let isShown = false;
    const fake = fakeRollout((input, rollout) => (isShown ? upAndPassed(input, rollout) : null));
    const tried = await start({ canary: [0, 100], method: { method: 'blueGreen' } }, fake);
    await until(() => fake.watches.length > 0);
    expect(
      await readRefusal(tried.rollout.executeUpdate(skipUpdate, { args: [buildCommand(ada)] })),
    ).toContain('the shadow of a blue/green rollout cannot be skipped');
    expect(fake).toMatchObject({ step: 0, weight: 0 });
    isShown = true;
    expect(await tried.end()).toMatchObject({ status: 'succeeded', version: 2 });
    await record('blue-green', tried);
    expect(fake.audit).toContain('perennial: step 1 at 1: quality is shown');
  });

  test('of a bandit starts at its least share, which only its evidence moves', async () => {
    let isShown = false;
    const fake = fakeRollout((input, rollout) => (isShown ? upAndPassed(input, rollout) : null));
    const tried = await start({ canary: [5, 95], method: { method: 'bandit' } }, fake);
    await until(() => fake.watches.length > 0);
    expect(fake).toMatchObject({ step: 0, weight: 0.05 });
    // As the transaction of the evidence moves it.
    fake.weight = 0.62;
    expect(
      await readRefusal(tried.rollout.executeUpdate(skipUpdate, { args: [buildCommand(ada)] })),
    ).toContain('a bandit has no steps to skip');
    await tried.rollout.executeUpdate(holdUpdate, { args: [buildCommand(ada)] });
    expect(fake).toMatchObject({ status: 'held', weight: 0.62 });
    expect(fake.waitingFor).toContain('in bandit, share between 5 % and 95 %');
    await tried.rollout.executeUpdate(resumeRolloutUpdate, { args: [buildCommand(ada)] });
    expect(fake).toMatchObject({ status: 'running', step: 0, weight: 0.62 });
    isShown = true;
    expect(await tried.end()).toMatchObject({ status: 'succeeded', version: 2 });
    await runs.record('canary-rollout-bandit', tried.rollout);
    expect(fake.watches.at(-1)?.policy).toMatchObject({
      method: 'bandit',
      steps: [5],
      shares: { least: 5, greatest: 95 },
    });
  });
});

describe('a canary that does not pass', () => {
  test('is rejected when it does harm, and reports the metric', async () => {
    const fake = fakeRollout(rolledBackBy(harm));
    const tried = await start({}, fake);
    const outcome = await tried.end();
    await record('harm', tried);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'failed' }, version: 2 });
    expect(buildVerdict(outcome.verdict)).toEqual(['threshold.met', 'quality.refuted']);
    expect(tried.fake.calls).toContain('rejectVersion');
    expect(tried.fake.calls).not.toContain('promoteVersion');
  });

  test('stays a candidate when nothing was decided in time', async () => {
    const open = {
      kind: 'inconclusive',
      reasons: [{ gate: 'rollout', code: 'rollout.expired', message: 'nothing was decided' }],
    } as const;
    const tried = await start({}, fakeRollout(rolledBackBy(open)));
    const outcome = await tried.end();
    await record('expired', tried);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(tried.fake.calls).not.toContain('rejectVersion');
  });

  test('reports the run of another open rollout', async () => {
    const busy = {
      kind: 'busy',
      runId: 'run_other' as never,
      challenger: 7,
      status: 'running',
    } as const;
    const tried = await start({}, fakeRollout(upAndPassed, busy));
    const outcome = await tried.end();
    await record('busy', tried);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({
      code: 'canary.busy',
      message: expect.stringContaining('run_other') as string,
    });
  });

  test('reports that the champion had changed', async () => {
    const tried = await start({}, fakeRollout(upAndPassed, { kind: 'conflict', champion: 5 }));
    expect(buildVerdict((await tried.end()).verdict)?.at(-1)).toBe('canary.overtaken');
  });

  test('is superseded when the champion changes during the rollout', async () => {
    const fake = fakeRollout((_input, rollout) => {
      rollout.end('superseded');
      return null;
    });
    const tried = await start({}, fake);
    const outcome = await tried.end();
    await record('superseded', tried);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({
      code: 'canary.superseded',
      message: expect.stringContaining('was replaced during the rollout') as string,
    });
  });
});

describe('commands', () => {
  test('hold keeps the step until resume, and the run shows who holds it', async () => {
    const fake = fakeRollout((input, rollout) =>
      rollout.audit.some((line) => line.startsWith('ben:')) ? upAndPassed(input, rollout) : null,
    );
    const tried = await start({}, fake);
    await until(() => fake.watches.length > 0);
    expect(
      await tried.rollout.executeUpdate(holdUpdate, { args: [buildCommand(ada)] }),
    ).toMatchObject({
      status: 'held',
      heldBy: ada,
      step: 0,
    });
    expect(fake.status).toBe('held');
    await until(
      async () =>
        (await tried.handle.query(statusQuery)).waitingFor?.includes('held by ada') === true,
    );
    expect((await tried.handle.query(statusQuery)).status).toBe('waiting');
    await until(() => fake.watches.at(-1)?.mode === 'held');
    expect(
      await tried.rollout.executeUpdate(resumeRolloutUpdate, {
        args: [buildCommand({ actor: 'ben' })],
      }),
    ).toMatchObject({
      status: 'running',
      heldBy: null,
    });
    expect(await tried.end()).toMatchObject({ status: 'succeeded' });
    await record('held', tried);
    expect(fake.audit.slice(0, 3)).toEqual([
      'perennial: step 0 at 0: the first step',
      'ada: held: a look at the logs',
      'ben: running: canary of flight-delay@2 beside flight-delay@1: step 1 of 3, shadow; perennial rollout show flight-delay',
    ]);
  });

  test('skip moves to the next step, also while held, but not past the last', async () => {
    const fake = fakeRollout(() => null);
    const tried = await start({}, fake);
    await until(() => fake.watches.length > 0);
    await tried.rollout.executeUpdate(holdUpdate, { args: [buildCommand(ada)] });
    expect(
      await tried.rollout.executeUpdate(skipUpdate, { args: [buildCommand(ada)] }),
    ).toMatchObject({ status: 'held', step: 1 });
    expect(fake.weight).toBe(0.25);
    await tried.rollout.executeUpdate(skipUpdate, { args: [buildCommand(ada)] });
    expect(fake).toMatchObject({ step: 2, weight: 0.5 });
    expect(fake.audit.at(-1)).toContain('ada: step 2 at 0.5: skipped step 2: a look at the logs');
    expect(
      await readRefusal(tried.rollout.executeUpdate(skipUpdate, { args: [buildCommand(ada)] })),
    ).toContain('last step');
    await tried.rollout.executeUpdate(abortUpdate, { args: [buildCommand(ada)] });
    await tried.end();
    await record('skipped', tried);
  });

  test('abort ends the rollout at once in any state, and the run shows by whom', async () => {
    const fake = fakeRollout(() => null);
    const tried = await start({}, fake);
    await until(() => fake.watches.length > 0);
    await tried.rollout.executeUpdate(abortUpdate, { args: [buildCommand(ada)] });
    expect(fake.status).toBe('aborted');
    const outcome = await tried.end();
    await record('aborted', tried);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({
      code: 'canary.aborted',
      message: 'aborted by ada: a look at the logs',
    });
    expect(tried.fake.calls).not.toContain('rejectVersion');
  });

  test('a command that arrives before the rollout is open is executed after it opens', async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((done) => (open = done));
    const fake = fakeRollout(() => null);
    const openRollout: Overrides['openRollout'] = async (input) => {
      await opened;
      return (await fake.overrides.openRollout?.(input)) as never;
    };
    const tried = await start({}, fake, { openRollout });
    await until(() => tried.fake.calls.includes('openRollout'));
    const aborted = tried.rollout.executeUpdate(abortUpdate, { args: [buildCommand(ada)] });
    open();
    await aborted;
    expect(buildVerdict((await tried.end()).verdict)?.at(-1)).toBe('canary.aborted');
  });

  test('extend adds event time, and resumes a rollout that expired on hold', async () => {
    const fake = fakeRollout((input, rollout) => {
      if (rollout.extendedSeconds === 0)
        return input.mode === 'running'
          ? { kind: 'expired', because: 'nothing was decided in 14d' }
          : null;
      return {
        kind: 'passed',
        decision: {
          id: 'decision_canary',
          policy: 'sha256:p',
          evidence: 'sha256:e',
          verdict: harm,
        },
      };
    });
    const tried = await start({ approval: 1 }, fake);
    await until(() => fake.status === 'held');
    expect((await tried.rollout.query(rolloutQuery)).waitingFor).toContain(
      'nothing was decided in 14d',
    );
    expect(
      await readRefusal(
        tried.rollout.executeUpdate(extendUpdate, {
          args: [buildCommand({ ...ada, seconds: 0.5 })],
        }),
      ),
    ).toContain('a whole number of seconds');
    expect(
      await tried.rollout.executeUpdate(extendUpdate, {
        args: [buildCommand({ ...ada, seconds: 3600 })],
      }),
    ).toMatchObject({
      extendedSeconds: 3600,
      heldBy: null,
    });
    await until(() => fake.status === 'passed');
    await tried.rollout.executeUpdate(abortUpdate, { args: [buildCommand(ada)] });
    await tried.end();
    await record('extended', tried);
    expect(fake.audit).toContain('ada: extended by 3600');
  });

  test('a command with a repeated id is executed once, also across continue-as-new', async () => {
    const fake = fakeRollout((_input, rollout) => {
      if (rollout.extendedSeconds === 0) return null;
      return rollout.watches.length < 230 ? { kind: 'still' } : null;
    });
    const tried = await start({}, fake);
    await until(() => fake.watches.length > 0);
    const updateId = randomUUID();
    const extend = () =>
      tried.rollout.executeUpdate(extendUpdate, {
        args: [buildCommand({ ...ada, seconds: 60 })],
        updateId,
      });
    await extend();
    await extend();
    expect(fake.extendedSeconds).toBe(60);
    // After 200 watches the workflow has continued as new with its state.
    await until(() => fake.watches.length >= 230);
    const { events } = await tried.rollout.fetchHistory();
    expect(
      events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId,
    ).toBeTruthy();
    expect(await extend()).toMatchObject({ extendedSeconds: 60, step: 0 });
    expect(fake.extendedSeconds).toBe(60);
    await record('continued', tried);
    await tried.rollout.executeUpdate(abortUpdate, { args: [buildCommand(ada)] });
    expect(buildVerdict((await tried.end()).verdict)?.at(-1)).toBe('canary.aborted');
  });
});

describe('during the approval of the promotion', () => {
  async function waitingForApproval(overrides: Overrides = {}) {
    const fake = fakeRollout(upAndPassed);
    const tried = await start({ approval: 1 }, fake, overrides);
    await until(
      async () =>
        (await tried.handle.query(statusQuery)).waitingFor?.includes('1 approval') === true,
    );
    return { fake, tried };
  }

  test('the challenger gets no traffic, and an approval promotes it', async () => {
    const { fake, tried } = await waitingForApproval();
    expect(fake).toMatchObject({ status: 'passed', weight: 0 });
    await tried.handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'eve' })] });
    expect(await tried.end()).toMatchObject({ status: 'succeeded' });
    expect(fake.status).toBe('promoted');
    await record('approved', tried);
  });

  test('abort ends the rollout and the run, without an approval', async () => {
    const { fake, tried } = await waitingForApproval();
    await tried.rollout.executeUpdate(abortUpdate, { args: [buildCommand(ada)] });
    const outcome = await tried.end();
    await record('aborted-while-approving', tried);
    expect(fake.status).toBe('aborted');
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(buildVerdict(outcome.verdict)).toEqual([
      'threshold.met',
      'quality.shown',
      'canary.aborted',
      'promote.rolloutEnded',
    ]);
    expect(tried.fake.calls).not.toContain('promoteVersion');
  });

  test('a change of the champion ends rollout and run as superseded', async () => {
    const { fake, tried } = await waitingForApproval();
    fake.end('superseded');
    const outcome = await tried.end();
    expect(buildVerdict(outcome.verdict)?.slice(-2)).toEqual([
      'canary.superseded',
      'promote.rolloutEnded',
    ]);
  });

  test('a hold delays the promotion of an approved version until resume', async () => {
    const { fake, tried } = await waitingForApproval();
    expect(
      await tried.rollout.executeUpdate(holdUpdate, { args: [buildCommand(ada)] }),
    ).toMatchObject({ status: 'held' });
    await tried.handle.executeUpdate(approveUpdate, { args: [buildCommand({ actor: 'eve' })] });
    await until(
      async () =>
        (await tried.handle.query(statusQuery)).waitingFor?.includes('held by ada') === true,
    );
    expect(fake.status).toBe('held');
    expect(
      await readRefusal(tried.rollout.executeUpdate(skipUpdate, { args: [buildCommand(ada)] })),
    ).toContain('passed');
    await tried.rollout.executeUpdate(resumeRolloutUpdate, { args: [buildCommand(ada)] });
    expect(await tried.end()).toMatchObject({ status: 'succeeded' });
    await record('held-while-approving', tried);
  });

  test('a hold that the registry records before the promotion prevents it', async () => {
    let held = false;
    const fake = fakeRollout(upAndPassed);
    const tried = await start({}, fake, {
      promoteVersion: async (input) => {
        if (!held) {
          held = true;
          await tried.rollout.executeUpdate(holdUpdate, { args: [buildCommand(ada)] });
        }
        return (await fake.overrides.promoteVersion?.(input)) as never;
      },
    });
    await until(() => fake.status === 'held');
    await tried.rollout.executeUpdate(resumeRolloutUpdate, { args: [buildCommand(ada)] });
    expect(await tried.end()).toMatchObject({ status: 'succeeded' });
  });

  test('a rejection rolls the rollout back', async () => {
    const { fake, tried } = await waitingForApproval();
    await tried.handle.executeUpdate(rejectUpdate, {
      args: [buildCommand({ actor: 'eve', reason: 'not on a Friday' })],
    });
    expect(await tried.end()).toMatchObject({ status: 'stopped', verdict: { kind: 'failed' } });
    await record('rejected', tried);
    expect(fake.status).toBe('aborted');
    expect(fake.audit.at(-1)).toContain('not on a Friday');
  });
});

describe('the watch of a killed worker', () => {
  test('is retried in less than 5 s, and acts on harm that was found', async () => {
    const { value, milliseconds } = await measureFastest(3, 5_000, async () => {
      const fake = fakeRollout(() => ({
        kind: 'ended',
        end: { status: 'rolledBack', verdict: harm, decision: null, rollback: null },
      }));
      const attempts: number[] = [];
      let bury: (end: never) => void = () => undefined;
      const dead = new Promise<never>((resolve) => (bury = resolve));
      const tried = await start({}, fake, {
        watchRollout: (input) => {
          attempts.push(Date.now());
          // A dead worker neither responds nor sends heartbeats.
          if (attempts.length === 1) return dead;
          bury(undefined as never);
          return fake.overrides.watchRollout?.(input) as never;
        },
      });
      const ended = await tried.end();
      const [first = 0, second = Infinity] = attempts;
      return { value: ended, milliseconds: second - first };
    });
    expect(value).toMatchObject({ status: 'stopped' });
    expect(milliseconds).toBeLessThan(5_000);
  });
});

describe('a run leaves no open rollout', () => {
  test('when it is cancelled during the canary', async () => {
    const fake = fakeRollout(() => null);
    const tried = await start({}, fake);
    await until(() => fake.watches.length > 0);
    await tried.handle.cancel();
    expect(await tried.end()).toMatchObject({
      status: 'cancelled',
      failure: { type: 'Cancelled' },
    });
    expect(fake.status).toBe('aborted');
    await expect(tried.rollout.result()).rejects.toThrow();
    await record('cancelled', tried);
  });

  test('when it is cancelled during the approval', async () => {
    const fake = fakeRollout(upAndPassed);
    const tried = await start({ approval: 1 }, fake);
    await until(() => fake.status === 'passed');
    await tried.handle.cancel();
    expect(await tried.end()).toMatchObject({ status: 'cancelled' });
    expect(fake.status).toBe('aborted');
  });

  test('when its promotion fails', async () => {
    const fake = fakeRollout(upAndPassed);
    const tried = await start({}, fake, {
      probeGateways: () =>
        Promise.reject(ApplicationFailure.nonRetryable('it cannot be loaded', 'ModelUnloadable')),
    });
    const outcome = await tried.end();
    await record('failed', tried);
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'ModelUnloadable', stage: 'promote' },
    });
    expect(outcome.failure).not.toHaveProperty('needsOperator');
    expect(fake.status).toBe('aborted');
  });

  test('when its workflow is terminated', async () => {
    const fake = fakeRollout(() => null);
    const tried = await start({}, fake);
    await until(() => fake.watches.length > 0);
    await tried.handle.terminate('a test');
    await until(() => fake.status === 'aborted');
    await expect(tried.end()).rejects.toThrow();
  });
});

async function readRefusal(asked: Promise<unknown>): Promise<string> {
  const error: unknown = await asked.then(
    () => null,
    (refused: unknown) => refused,
  );
  if (!(error instanceof WorkflowUpdateFailedError))
    throw new Error(`not refused: ${String(error)}`);
  return error.cause?.message ?? '';
}
