import { ApplicationFailure } from '@temporalio/common';
import type { QualifyStandbyInput } from '../../../activities/language/evaluate-bundle';
import type { RunId } from '../../../domain/ids';
import type { StandbyOutcome } from '../../../domain/bundle/standby';
import type { Verdict } from '../../../domain/verdict';
import { artifact, digest, failed, type Overrides } from '../../support/fake-activities';
import { fakeLlm, buildLlmPlan, withFineTune, withStandbys } from '../../support/provider/fake-llm';
import { openLifecycleRuns, work, type LifecycleRuns } from '../../support/lifecycle-runs';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

const better = { 'plain.yaml': 0.4, 'precise.yaml': 0.7 };
const [good, bad, away] = ['good', 'bad', 'away'].map((model) => ({
  provider: 'spare',
  model,
})) as [Model, Model, Model];
type Model = { readonly provider: string; readonly model: string };
const buildPlan = (standby: readonly Model[], change: Parameters<typeof buildLlmPlan>[0] = {}) =>
  buildLlmPlan({ model: { provider: 'acme', name: 'small-1', standby }, ...change });

/**
 * A gate rejects `bad`, and `away` does not respond. `seen` records the evaluations, decisions,
 * registrations and ends.
 */
function world(change: (fake: Overrides) => Overrides = () => ({})) {
  const seen = {
    judged: [] as QualifyStandbyInput[],
    decided: [] as unknown[],
    registered: [] as string[],
    kept: {} as Record<string, unknown>,
    inputs: {} as Record<string, unknown>,
  };
  const fake = fakeLlm(better);
  const overrides: Overrides = {
    ...fake,
    answerCases: (input) => {
      if (input.bundle.digest === artifact('over away').digest)
        throw ApplicationFailure.nonRetryable('spare does not accept the key', 'ProviderDenied');
      return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
    },
    qualifyStandby: (input) => {
      seen.judged.push(input);
      const { standby, answers } = input;
      const { cases } = answers.summary;
      const told = { ...standby, cases, evidence: digest(`evidence ${standby.model}`) };
      const outcome: StandbyOutcome =
        standby.model === 'bad'
          ? { ...told, kind: 'refused', verdict: 'failed', reason: 'useful: right 0.100' }
          : { ...told, kind: 'qualified' };
      return Promise.resolve(outcome);
    },
    decideBundle: (input) => {
      seen.decided.push([
        input.candidate,
        input.standbys?.map(({ model, kind }) => `${model} ${kind}`),
      ]);
      return fake.decideBundle?.(input) ?? Promise.reject(new Error('no decision'));
    },
    registerBundle: ({ manifest }) => {
      seen.registered.push(manifest.digest);
      return Promise.resolve({ model: 'wiki-assistant', version: 2, manifest });
    },
    beginStage: ({ stage, inputs }) => {
      seen.inputs[stage] = inputs;
      return Promise.resolve({ kind: 'run' });
    },
    finishStage: (ended) => {
      if ('end' in ended) seen.kept[ended.stage] = ended.end;
      return Promise.resolve();
    },
    ...change(fake),
  };
  return { seen, overrides };
}

describe('standbys', () => {
  test('answer the same cases after the bundle has passed, and only qualified ones are released', async () => {
    const { seen, overrides } = world();
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-standbys',
      buildPlan([bad, good, away]),
      overrides,
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2, verdict: { kind: 'passed' } });
    const whole = digest(withStandbys([good]));
    expect(seen.decided).toEqual([[whole, ['bad refused', 'good qualified', 'away notMeasured']]]);
    expect(seen.registered).toEqual([whole]);
    const calls = work(fake.calls);
    expect(calls.slice(calls.indexOf('readChampion'))).toEqual([
      'readChampion',
      // The bundle and its baseline. Standbys cost nothing unless the bundle passes.
      'answerCases evaluate',
      'answerCases evaluate',
      'weighBundle',
      'rebaseBundle',
      'answerCases evaluate',
      'qualifyStandby',
      'rebaseBundle',
      'answerCases evaluate',
      'qualifyStandby',
      'rebaseBundle',
      'answerCases evaluate',
      'nameStandbys',
      'decideBundle',
      'registerBundle',
      'probeGateways',
      'promoteVersion',
      'releaseRun',
      'closeRun',
    ]);
    expect(seen.judged.map(({ standby }) => standby)).toEqual([bad, good]);
    expect(seen.judged[1]).toMatchObject({
      candidate: digest('over good'),
      answers: { results: artifact('answers judge 0.5'), summary: { cases: 60 } },
      counterparts: { champion: null, baseline: { results: artifact('answers judge 0.4') } },
    });
    // The next run measures it again, because an outage says nothing about the model.
    expect(seen.kept['evaluate']).toMatchObject({
      notReusable: true,
      output: { bundle: artifact(withStandbys([good])) },
    });
    expect(seen.inputs['evaluate']).toMatchObject({ standbys: [bad, good, away] });
  });

  test('leave a reusable evaluation when all of them could be measured', async () => {
    const { seen, overrides } = world();
    await runs.run('llm-lifecycle-standbys-measured', buildPlan([bad, good]), overrides);
    expect(seen.kept['evaluate']).not.toHaveProperty('notReusable');
  });

  const decidedBy = (verdict: Verdict): Overrides => ({
    decideBundle: (input) =>
      fakeLlm(better, verdict).decideBundle?.(input) ?? Promise.reject(new Error('no decision')),
  });

  test('are not asked when the bundle itself does not pass', async () => {
    const { seen, overrides } = world(() => ({
      weighBundle: () => Promise.resolve({ kind: 'weighed', verdict: 'failed' }),
      ...decidedBy(failed),
    }));
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-standbys-refused',
      buildPlan([good]),
      overrides,
    );
    expect(outcome).toMatchObject({ status: 'stopped', version: 2, verdict: failed });
    expect(seen.judged).toEqual([]);
    expect(seen.registered).toEqual([digest(withStandbys([]))]);
    expect(fake.calls).toContain('rejectVersion');
  });

  test('are left out of the release when the remaining budget does not pay for them', async () => {
    const { seen, overrides } = world((fake) => ({
      answerCases: (input) => {
        if (input.bundle.digest === artifact('over good').digest)
          throw ApplicationFailure.nonRetryable('the budget of run/run_1 is spent', 'BudgetSpent');
        return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
      },
    }));
    const { outcome } = await runs.run(
      'llm-lifecycle-standbys-unpaid',
      buildPlan([good]),
      overrides,
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    expect(seen.decided).toEqual([[digest(withStandbys([])), ['good notMeasured']]]);
    expect(seen.kept['evaluate']).toMatchObject({
      output: {
        standbys: [{ ...good, kind: 'notMeasured', reason: 'the budget of run/run_1 is spent' }],
      },
    });
  });

  test('are not reached when the bundle spends the budget, and no version is registered', async () => {
    const { seen, overrides } = world((fake) => ({
      answerCases: (input) => {
        if (input.stage === 'evaluate')
          throw ApplicationFailure.nonRetryable('the budget of run/run_1 is spent', 'BudgetSpent');
        return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
      },
    }));
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-standbys-spent',
      buildPlan([good]),
      overrides,
    );
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { type: 'BudgetSpent', stage: 'evaluate' },
    });
    expect(seen.registered).toEqual([]);
    expect(fake.calls).not.toContain('promoteVersion');
  });

  test('answer as many cases as the bundle, which is their baseline if it is its own', async () => {
    const { evaluate } = buildLlmPlan().spec;
    const asked: unknown[] = [];
    const { seen, overrides } = world((fake) => ({
      answerCases: (input) => {
        asked.push([input.bundle.digest, input.most]);
        return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
      },
      weighBundle: ({ answers, mayAskMore }) =>
        Promise.resolve(
          answers.summary.cases < 45 && mayAskMore
            ? { kind: 'open', moreCases: 20 }
            : { kind: 'weighed', verdict: 'passed' },
        ),
    }));
    const one = {
      prompt: { candidates: ['precise.yaml'], input: 'question' },
      promptEval: null,
      evaluate: { ...evaluate, first: 30 },
    };
    const { outcome } = await runs.run(
      'llm-lifecycle-standbys-more-cases',
      buildPlan([good], one),
      overrides,
    );
    expect(outcome.status).toBe('succeeded');
    const bundle = digest('bundle precise.yaml');
    expect(asked).toEqual([
      [bundle, 30],
      [bundle, 50],
      [digest('over good'), 50],
    ]);
    expect(seen.judged).toMatchObject([
      {
        counterparts: { champion: null, baseline: { results: artifact('answers judge 0.7') } },
        missing: { baseline: null },
      },
    ]);
  });

  const champion = (name: string) => ({
    version: { model: 'wiki-assistant', version: 1, manifest: artifact(name) },
    fencing: 4,
  });
  const hoping = (fake: Overrides): Overrides => ({
    writeBundles: async (given) =>
      ((await fake.writeBundles?.(given)) ?? []).map((each) => ({
        ...each,
        withStandbys: digest(withStandbys([good, bad])),
      })),
  });

  test('cause no change when the champion already has all of them', async () => {
    const { overrides } = world((fake) => ({
      ...hoping(fake),
      readChampion: () => Promise.resolve(champion(withStandbys([good, bad]))),
    }));
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-standbys-unchanged',
      buildPlan([good, bad]),
      overrides,
    );
    expect(outcome).toMatchObject({
      status: 'succeeded',
      version: 1,
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(fake.calls).not.toContain('weighBundle');
  });

  test('are those of this run when a prompt choice is reused from a run with others', async () => {
    const { seen, overrides } = world((fake) => ({
      writeBundles: async (given) =>
        ((await fake.writeBundles?.(given)) ?? []).map((each) => ({
          ...each,
          withStandbys: digest(withStandbys([good])),
        })),
      readChampion: () => Promise.resolve(champion(withStandbys([bad]))),
      beginStage: ({ stage }) => {
        const prompt = { name: 'precise.yaml', digest: digest('prompt precise.yaml') };
        const chosen = {
          path: 'precise.yaml',
          prompt,
          manifest: artifact('bundle precise.yaml'),
          retrieves: false,
        };
        const end = {
          output: {
            chosen: { ...chosen, withStandbys: digest(withStandbys([bad])) },
            candidates: [],
            confirmed: null,
          },
        };
        return Promise.resolve(
          stage === 'prompt-eval'
            ? { kind: 'reused', fromRun: 'run_0' as RunId, end }
            : { kind: 'run' },
        );
      },
    }));
    const { outcome } = await runs.run(
      'llm-lifecycle-standbys-others',
      buildPlan([good]),
      overrides,
    );
    expect(outcome).toMatchObject({ status: 'succeeded', version: 2 });
    expect(seen.judged.map(({ standby }) => standby)).toEqual([good]);
    expect(seen.registered).toEqual([digest(withStandbys([good]))]);
  });

  test('that the champion lacks are asked again, and nothing is registered if they fail again', async () => {
    const { seen, overrides } = world((fake) => ({
      ...hoping(fake),
      readChampion: () => Promise.resolve(champion(withStandbys([good]))),
    }));
    const { outcome } = await runs.run(
      'llm-lifecycle-standbys-still',
      buildPlan([good, bad]),
      overrides,
    );
    expect(outcome).toMatchObject({
      status: 'succeeded',
      version: 1,
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(seen.judged.map(({ standby }) => standby)).toEqual([good, bad]);
    expect(seen.registered).toEqual([]);
  });

  test('do not exist for a fine-tuned bundle', async () => {
    const { seen, overrides } = world(() => ({
      describeTrainer: () =>
        Promise.resolve({
          name: 'lora',
          description: '',
          tasks: ['generation'],
          paramsSchema: {},
          iterations: null,
          distributed: false,
          codeDigest: digest('code'),
        }),
    }));
    const { outcome, fake } = await runs.run(
      'llm-lifecycle-standbys-fine-tuned',
      buildPlan([good], withFineTune),
      overrides,
    );
    expect(outcome.status).toBe('succeeded');
    expect(fake.calls).not.toContain('nameStandbys');
    expect(seen.registered).toEqual([
      artifact(`adapted ${digest('bundle precise.yaml').slice(7, 27)}`).digest,
    ]);
  });
});
