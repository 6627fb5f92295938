/**
 * The complete lifecycle of a language application whose canary a judge decides.
 * test/workflows/rollout/judged-rollout tests the rollout alone, with real parts.
 */
import { Context } from '@temporalio/activity';
import type { JudgeAnswersInput, JudgingTurn } from '../../../activities/language/judge-answers';
import type { LostPairs } from '../../../domain/rollout/progress';
import type { CalibratedJudge } from '../../../activities/language/judges';
import type { PredictionId } from '../../../domain/ids';
import { llmCanarySchema } from '../../../domain/lifecycle/llm/canary/canary.schema';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import {
  extendUpdate,
  resumeRolloutUpdate,
  rolloutQuery,
  skipUpdate,
} from '../../../workflows/run/messages';
import { buildCommand } from '../../support/commands';
import { openCanaryRuns, type CanaryRun } from '../../support/rollout/canary-runs';
import { until } from '../../support/time/until';
import { artifact, digest } from '../../support/fake-activities';
import { fakeLlm, buildLlmPlan } from '../../support/provider/fake-llm';
import {
  canaryDecision,
  fakeRollout,
  harm,
  rolledBackBy,
  type FakeRollout,
  type Script,
} from '../../support/rollout/fake-rollout';
import { work } from '../../support/lifecycle-runs';

const runs = openCanaryRuns();
let count = 0;

interface Tried extends CanaryRun {
  readonly turns: readonly JudgeAnswersInput[];
}

const sound: DimensionSpec = {
  name: 'sound',
  kind: 'judge',
  prompt: 'judge.yaml',
  provider: 'acme',
  model: 'large-1',
  labels: 'labels.ndjson',
};
const counted = { cases: 100, right: 95 };
const known: CalibratedJudge = {
  digest: digest('judge'),
  calibration: {
    judge: digest('judge'),
    positives: counted,
    negatives: counted,
    failures: 0,
    cases: 200,
    agreement: 0.95,
    kappa: 0.9,
    swapped: { cases: 0, turned: 0 },
  },
};

/** `judge`: the result of a turn of judging; null while it continues. */
type JudgeScript = (input: JudgeAnswersInput, turn: number) => JudgingTurn | null;

async function start(
  fake: FakeRollout,
  judge: JudgeScript,
  calibrated: CalibratedJudge = known,
): Promise<Tried> {
  const canary = llmCanarySchema.parse({
    steps: [0, 25],
    quality: { from: 'judge', judge: 'sound', margin: 0.1 },
  });
  const evaluated = buildLlmPlan().spec.evaluate;
  const plan = buildLlmPlan({
    canary,
    evaluate: { ...evaluated, dimensions: [...evaluated.dimensions, sound] },
  });
  const files = {
    ...plan.files,
    'judge.yaml': artifact('judge.yaml'),
    'labels.ndjson': artifact('labels.ndjson'),
  };
  const turns: JudgeAnswersInput[] = [];
  const given = { ...plan, files, runId: `run_judged_${(count += 1)}` as typeof plan.runId };
  const run = await runs.start(given, {
    ...fakeLlm({ 'plain.yaml': 0.4, 'precise.yaml': 0.7 }),
    ...fake.overrides,
    readChampion: () =>
      Promise.resolve({
        version: { model: plan.lifecycle, version: 1, manifest: artifact('1') },
        fencing: 4,
      }),
    calibrateJudges: () => Promise.resolve({ sound: calibrated }),
    async judgeAnswers(input) {
      turns.push(input);
      const turn = turns.length;
      const context = Context.current();
      for (;;) {
        context.heartbeat();
        const said = judge(input, turn);
        if (said) return said;
        await context.sleep(10);
      }
    },
  });
  return { ...run, turns };
}

/** The histories of the run and of its rollout. */
async function record(name: string, { handle, rollout }: Tried): Promise<void> {
  await runs.record(`llm-lifecycle-canary-judged-${name}`, handle);
  await runs.record(`canary-rollout-judged-in-run-${name}`, rollout);
}

async function isJudging({ rollout }: Tried): Promise<boolean> {
  const { pendingActivities } = (await rollout.describe()).raw;
  return (
    pendingActivities?.some(({ activityType }) => activityType?.name === 'judgeAnswers') === true
  );
}

const since = '2026-11-01T10:00:00.000Z';
const lost: LostPairs = [['pred_1' as PredictionId, Date.parse(since)]];
const over = (why: string): JudgingTurn => ({
  kind: 'over',
  noMoreLabels: { after: since, why },
});
const spent = over('the budget of run/run_1 is spent');

/** On hold while nothing more is judged. It passes when the judged pairs are enough. */
const heldWhileNothingIsJudged =
  (suffices: () => boolean): Script =>
  (input) => {
    if (input.mode !== 'running') return null;
    if (suffices()) return { kind: 'passed', decision: canaryDecision };
    return input.noMoreLabels
      ? { kind: 'expired', because: `judging stopped: ${input.noMoreLabels.why}` }
      : null;
  };

describe('a canary with a judge', () => {
  test('starts calibrated, continues judging in the next step, and is promoted on its verdicts', async () => {
    let isToldOfTurn = false;
    const fake = fakeRollout((input) => {
      if (input.mode !== 'running') return null;
      if (input.step === 0)
        return isToldOfTurn ? { kind: 'advance', toStep: 1, because: 'quality is shown' } : null;
      return input.noMoreLabels ? { kind: 'passed', decision: canaryDecision } : null;
    });
    const tried = await start(fake, (_, turn) =>
      turn === 1
        ? { kind: 'still', since, lost }
        : over('every pair that mostPairs allows was judged: 2000'),
    );
    await until(() => tried.turns.length > 0);
    await until(async () => !(await isJudging(tried)));
    isToldOfTurn = true;
    const outcome = await tried.end();
    await record('promoted', tried);
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    const { turns } = tried;
    expect(turns.map(({ since }) => since)).toEqual([undefined, since]);
    expect(turns.map(({ lost }) => lost)).toEqual([undefined, lost]);
    expect(turns[0]).toMatchObject({
      judge: {
        dimension: 'sound',
        share: 1,
        mostPairs: 2_000,
        calibrated: { judge: digest('judge'), positives: counted },
      },
      rollout: 'roll_1',
      dimension: sound,
      input: 'question',
      minDurationSeconds: 604_800,
      files: { 'judge.yaml': artifact('judge.yaml') },
    });
    expect(fake.watches.at(-1)?.noMoreLabels).toEqual({
      after: since,
      why: 'every pair that mostPairs allows was judged: 2000',
    });
    const calls = work(tried.fake.calls);
    expect(calls.lastIndexOf('calibrateJudges canary')).toBeLessThan(calls.indexOf('openRollout'));
    expect(await tried.rollout.result()).toMatchObject({ kind: 'promoted' });
  });

  test.each([
    [
      'resumed',
      (tried: Tried) =>
        tried.rollout.executeUpdate(resumeRolloutUpdate, {
          args: [buildCommand({ actor: 'ada' })],
        }),
    ],
    [
      'extended',
      (tried: Tried) =>
        tried.rollout.executeUpdate(extendUpdate, {
          args: [buildCommand({ actor: 'ada', seconds: 3_600 })],
        }),
    ],
  ] as const)('on hold because judging ended is judged again when it is %s', async (name, goOn) => {
    let isHelped = false;
    const fake = fakeRollout(heldWhileNothingIsJudged(() => isHelped));
    const tried = await start(fake, () => (isHelped ? { kind: 'still', since } : spent));
    await until(() => fake.status === 'held');
    const before = tried.turns.length;
    isHelped = true;
    await goOn(tried);
    expect(await tried.end()).toMatchObject({ status: 'succeeded', version: 2 });
    await record(name, tried);
    expect(tried.turns.length).toBeGreaterThan(before);
    expect(fake.watches.at(-1)?.noMoreLabels).toBeUndefined();
  });

  test('continues judging in the next step after a skip', async () => {
    const fake = fakeRollout((input) =>
      input.step === 1 && input.mode === 'running'
        ? { kind: 'passed', decision: canaryDecision }
        : null,
    );
    const tried = await start(fake, (_, turn) => (turn === 1 ? spent : null));
    await until(() => fake.watches.some(({ noMoreLabels }) => noMoreLabels !== undefined));
    await tried.rollout.executeUpdate(skipUpdate, { args: [buildCommand({ actor: 'ada' })] });
    expect(await tried.end()).toMatchObject({ status: 'succeeded', version: 2 });
    await record('skipped', tried);
    expect(tried.turns).toHaveLength(2);
    expect(fake.watches.at(-1)).not.toHaveProperty('noMoreLabels');
  });

  test('finds harm also during judging', async () => {
    const tried: { now?: Tried } = {};
    const fake = fakeRollout((input, rollout) =>
      (tried.now?.turns.length ?? 0) > 0 ? rolledBackBy(harm)(input, rollout) : null,
    );
    tried.now = await start(fake, () => null);
    const outcome = await tried.now.end();
    await record('rolled-back', tried.now);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'failed' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({ code: 'quality.refuted' });
    expect(tried.now.fake.calls).not.toContain('promoteVersion');
  });

  test('does not start when the judge disagrees with the labels, and reports why', async () => {
    const { calibration } = known;
    const fake = fakeRollout(() => null);
    const unsure = { cases: 100, right: 55 };
    const tried = await start(fake, () => null, {
      ...known,
      calibration: calibration && { ...calibration, positives: unsure, negatives: unsure },
    });
    const outcome = await tried.end();
    await runs.record('llm-lifecycle-canary-judged-uncalibrated', tried.handle);
    expect(outcome).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(outcome.verdict?.reasons.at(-1)).toMatchObject({
      code: 'canary.judge',
      message: expect.stringMatching(
        /the judge sound is not calibrated for this canary: .*sensitivity/,
      ) as string,
    });
    expect(fake.status).toBe('none');
    expect(tried.turns).toEqual([]);
  });

  test('leaves no rollout when its run is cancelled during judging', async () => {
    const fake = fakeRollout(() => null);
    const tried = await start(fake, () => null);
    await until(() => tried.turns.length > 0);
    expect(await tried.rollout.query(rolloutQuery)).toMatchObject({ status: 'running' });
    await tried.handle.cancel();
    expect(await tried.end()).toMatchObject({ status: 'cancelled' });
    await record('cancelled', tried);
    expect(fake.status).toBe('aborted');
  });
});
